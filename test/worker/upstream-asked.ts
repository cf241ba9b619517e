import { Buffer } from 'node:buffer';
import type { Answer } from 'dns-packet';
import { createUpstream, type Upstream } from '../../worker/upstream/upstream.ts';
import { type ForwardingBindings, parseForwarding } from '../../worker/upstream/forwarding.ts';
import { readQuery } from '../../zone/query.ts';
import { createFakeUpstreams, type FakeUpstreams, type Play } from '../fakes/upstream.ts';
import { encodeQuestion, type QuestionOptions } from '../message.ts';
import { type Reply, readReply } from './edge.ts';

/** An upstream door with fakes behind it and a clock of its own, for its tests. */

export const FIRST = 'https://first.example/dns-query/secret-path';
export const SECOND = 'https://second.example/dns-query';
export const THIRD = 'https://third.example/dns-query';

export const ANSWERS: Answer[] = [
  { name: 'www.example.com', type: 'CNAME', ttl: 300, data: 'web.example.com' },
  { name: 'web.example.com', type: 'A', ttl: 120, data: '192.0.2.1' },
];

export function soa(ttl: number, minimum: number): Answer {
  const numbers = { serial: 1, refresh: 60, retry: 60, expire: 60, minimum };
  return {
    name: 'example.com',
    type: 'SOA',
    ttl,
    data: { mname: 'ns.example.com', rname: 'root.example.com', ...numbers },
  };
}

/** A question whose name is spelled as given, in capitals where it has them. */
export function spelled(name: string, options: Partial<QuestionOptions> = {}): Uint8Array {
  const octets = Buffer.from(encodeQuestion({ type: 1, ...options, name }));
  for (const [i, letter] of [...name].entries()) if (letter !== '.') octets.write(letter, 13 + i, 'latin1');
  return octets;
}

export type Asked = Pick<Reply, 'octets' | 'packet' | 'rcode' | 'errors'> & {
  /** What Cache-Control would say. */
  readonly ttl: number | undefined;
  readonly tookMs: number;
};

export type Door = {
  readonly ask: (question?: Partial<QuestionOptions> | Uint8Array) => Promise<Asked>;
  /** Requests to upstreams so far. */
  readonly asked: FakeUpstreams['asked'];
  readonly hosts: () => string[];
  /** Lets the clock of the caches go on. */
  readonly wait: (seconds: number) => void;
  /** What runs on after its response. */
  readonly settle: () => Promise<void>;
  readonly upstream: Upstream;
};

/** The fakes are asked in the order of their URLs. */
export function createDoor(plays: Readonly<Record<string, Play>>, bindings: ForwardingBindings = {}): Door {
  const forwarding = parseForwarding(Object.keys(plays), bindings);
  if (!forwarding) throw new Error('no upstream');
  const fake = createFakeUpstreams(plays);
  let skippedMs = 0;
  const upstream = createUpstream(forwarding, { fetch: fake.fetch, now: () => Date.now() + skippedMs });
  let running: Promise<unknown>[] = [];
  return {
    ask: async (question = {}) => {
      const octets =
        question instanceof Uint8Array
          ? question
          : encodeQuestion({ name: 'www.example.com', type: 1, ...question });
      const query = readQuery(octets);
      if (query?.kind !== 'query') throw new Error('no query');
      const zone = upstream.zoneOf(query.name);
      if (!zone) throw new Error('nobody to ask');
      const started = Date.now();
      const written = await upstream.forward(query, zone, (work) => void running.push(work));
      const tookMs = Date.now() - started;
      const reply = await readReply(new Response(Buffer.from(written.octets)));
      return { ...reply, ttl: written.ttl, tookMs };
    },
    asked: fake.asked,
    hosts: () => fake.asked.map(({ url }) => new URL(url).host.split('.')[0] ?? ''),
    wait: (seconds) => void (skippedMs += seconds * 1000),
    settle: async () => {
      const all = running;
      running = [];
      await Promise.all(all);
    },
    upstream,
  };
}
