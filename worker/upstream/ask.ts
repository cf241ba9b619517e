import type { Query } from '../../zone/query.ts';
import { type ForeignReply, type IsWithheld, readReply } from '../../zone/reply.ts';
import { DNS_MESSAGE, messageFrom } from '../doh.ts';

/** An upstream did not reply to what it was asked; the message says what it did instead, without its URL. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
}

/** An upstream's reply, and when it was given, in milliseconds. */
export type UpstreamReply = { readonly reply: ForeignReply; readonly givenAt: number };

export type AskOptions = {
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
  readonly isWithheld: IsWithheld | undefined;
};

/** Asks one upstream once (RFC 8484). Throws where no whole reply to `query` comes: `UpstreamError`, or what `fetch` throws. */
export async function askUpstream(
  url: string,
  { query, octets }: { readonly query: Query; readonly octets: Uint8Array },
  { fetch, now, isWithheld, signal }: AskOptions & { readonly signal: AbortSignal },
): Promise<UpstreamReply> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': DNS_MESSAGE, accept: DNS_MESSAGE },
    body: octets,
    redirect: 'manual',
    signal,
  });
  const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (response.status !== 200 || type !== DNS_MESSAGE) {
    // A body that nobody reads keeps its connection, of which there are six.
    await response.body?.cancel();
    throw new UpstreamError(
      response.status === 200 ? 'answered no DNS message' : `answered HTTP ${response.status}`,
    );
  }
  const message = await messageFrom(response.body);
  if (!message) throw new UpstreamError('answered more than a DNS message');
  const reply = readReply(message, query, isWithheld);
  if (!reply) throw new UpstreamError('answered something else than was asked');
  if (reply.truncated) throw new UpstreamError('answered in part');
  return { reply, givenAt: now() - ageMs(response.headers, reply) };
}

/** What an HTTP cache on the way has taken from the TTLs (RFC 8484 §5.1). */
function ageMs(headers: Headers, { ttl = 0 }: ForeignReply): number {
  const seconds = Number(headers.get('age') ?? 0);
  return seconds > 0 ? Math.min(seconds, ttl) * 1000 : 0;
}
