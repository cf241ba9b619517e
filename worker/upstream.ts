import type { Query } from '../zone/query.ts';
import { type ForeignReply, readReply } from '../zone/reply.ts';
import { RCODE } from '../zone/wire.ts';
import { DNS_MESSAGE, messageFrom } from './doh.ts';

/** A public resolver's reply under the asker's id. */
export type Forwarded = { readonly octets: Uint8Array; readonly ttl: number | undefined };

export type Upstream = {
  /** Asks the upstreams in turn. Gives why none answered, in words, where that is so; never throws. */
  readonly forward: (query: Query) => Promise<Forwarded | { readonly problem: string }>;
};

/** Stub resolvers give up after five seconds: all tries together stay below that. */
const TRY_MS = 1_800;
const TOTAL_MS = 3_800;

export function createUpstream(
  urls: readonly string[],
  options: { fetch: typeof fetch; now: () => number },
): Upstream {
  return {
    forward: async (query) => {
      const deadline = options.now() + TOTAL_MS;
      const problems: string[] = [];
      for (const url of urls) {
        const leftMs = Math.min(TRY_MS, deadline - options.now());
        if (leftMs <= 0) break;
        const host = new URL(url).host;
        try {
          const { reply, octets } = await ask(url, query, { fetch: options.fetch, timeoutMs: leftMs });
          if (reply.rcode !== RCODE.SERVFAIL && reply.rcode !== RCODE.REFUSED)
            return underId(octets, query, reply);
          problems.push(`${host} answered with error ${reply.rcode}`);
        } catch (error) {
          problems.push(`${host}: ${error instanceof Error ? error.message : 'no answer'}`);
        }
      }
      return { problem: problems.join('; ') || 'there was no time left' };
    },
  };
}

async function ask(
  url: string,
  query: Query,
  { fetch, timeoutMs }: { fetch: typeof globalThis.fetch; timeoutMs: number },
): Promise<{ reply: ForeignReply; octets: Uint8Array }> {
  const body = new Uint8Array(query.octets);
  // RFC 8484 §4.1: id 0, so that the upstream's caches see one question.
  body[0] = 0;
  body[1] = 0;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': DNS_MESSAGE, accept: DNS_MESSAGE },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) throw new Error(`answered HTTP ${response.status}`);
  const octets = await messageFrom(response.body);
  if (!octets) throw new Error('answered more than a DNS message');
  const reply = readReply(octets, query);
  if (!reply) throw new Error('answered something else than was asked');
  return { reply, octets };
}

function underId(octets: Uint8Array, query: Query, reply: ForeignReply): Forwarded {
  octets[0] = query.id >> 8;
  octets[1] = query.id & 0xff;
  return { octets, ttl: reply.ttl };
}
