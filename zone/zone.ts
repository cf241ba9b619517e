import type { OwnerName } from './name.ts';

/** SOA fields but the serial (RFC 1035 §3.3.13), in seconds where they are times. */
export type Soa = {
  readonly mname: OwnerName;
  readonly rname: OwnerName;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** The TTL of negative answers, together with `ttl` the lesser (RFC 2308 §5). */
  readonly minimum: number;
  /** TTL of the SOA record itself. */
  readonly ttl: number;
};

/** What a zone says of itself: where it begins, its SOA, and who serves it. */
export type Zone = {
  readonly origin: OwnerName;
  readonly soa: Soa;
  readonly nameServers: readonly OwnerName[];
  /** TTL of the NS RRset. */
  readonly nsTtl: number;
};

/** A 32-bit zone version, compared by RFC 1982; it rises when content changes and only then. */
export type Serial = number;

const HALF = 2 ** 31;
const WHOLE = 2 ** 32;

/** RFC 1982 §3.2: negative if `a` is older than `b`, 0 if equal, positive if newer. At distance 2^31: positive. */
export function compareSerial(a: Serial, b: Serial): number {
  if (a === b) return 0;
  const distance = (b - a + WHOLE) % WHOLE;
  return distance < HALF ? -1 : 1;
}

/** The serial after `last`: the Unix time where that is ahead, else `last` + 1. */
export function nextSerial(last: Serial | undefined, unixSeconds: number): Serial {
  // 32 bits whatever the clock says: before 1970, past 2106, or no number at all.
  const now = Math.floor(unixSeconds) >>> 0;
  if (last === undefined) return now;
  return compareSerial(now, last) > 0 ? now : (last + 1) % WHOLE;
}
