import { UpstreamError } from './upstream-error.ts';

/** An HTTP response as far as RFC 8484 cares. */
export type HttpReply = {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly retryAfter: string | undefined;
  readonly age: string | undefined;
  readonly body: Uint8Array;
};

export const DNS_MESSAGE = 'application/dns-message';
/** A longer body is no DNS message. */
export const MOST_BODY_OCTETS = 65_535;
/** Room for most bodies. They are put together as they come: kept one by one, chunks of an octet take hundreds each. */
export const BODY_OCTETS = 512;

/** A wrong token stays wrong for a while, and each try may be billed. */
const DENIED_PAUSE_MS = 5_000;
const LIMITED_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 60_000;
/** Statuses of a server that may do better when asked again at once (RFC 9110 §15.5.9, §15.5.20, §15.6.3, RFC 8470). */
const REPEATABLE: ReadonlySet<number> = new Set([408, 421, 425, 502, 504]);

/** The DNS message in a reply. Throws `UpstreamError` for anything else. `nowMs` is for a Retry-After that is a date. */
export function messageIn(reply: HttpReply, nowMs: number): Uint8Array {
  const { status, contentType, body } = reply;
  if (status === 401 || status === 403)
    throw new UpstreamError(
      'denied',
      `the DoH server answered HTTP ${status}: the token is wrong or missing`,
      {
        pauseMs: pauseMs(reply, nowMs) ?? DENIED_PAUSE_MS,
      },
    );
  if (status === 429)
    throw new UpstreamError('limited', 'the DoH server answered HTTP 429: too many queries', {
      pauseMs: pauseMs(reply, nowMs) ?? LIMITED_PAUSE_MS,
    });
  if (status !== 200)
    throw new UpstreamError('status', `the DoH server answered HTTP ${status}`, {
      isRepeatable: REPEATABLE.has(status),
      pauseMs: status === 503 ? (pauseMs(reply, nowMs) ?? 0) : 0,
    });
  if (contentType?.split(';', 1)[0]?.trim().toLowerCase() !== DNS_MESSAGE)
    throw new UpstreamError('body', 'the DoH server answered no DNS message (is the URL right?)');
  return body;
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function pauseMs({ retryAfter }: HttpReply, nowMs: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  return Number.isFinite(ms) ? Math.min(MOST_PAUSE_MS, Math.max(0, ms)) : undefined;
}

/** Seconds that caches on the way have taken from the TTLs (RFC 8484 §5.1). */
export function ageSeconds({ age }: HttpReply): number {
  return age !== undefined && /^\d{1,9}$/.test(age) ? Number(age) : 0;
}
