import { HEADER_OCTETS, type Query } from './query.ts';
import { lowerOctet } from './name.ts';

/** What matters of somebody else's reply before it is passed on. */
export type ForeignReply = {
  readonly rcode: number;
  readonly truncated: boolean;
  readonly ttl: number | undefined;
};

const TYPE_OPT = 41;
const TYPE_SOA = 6;

/**
 * Reads a reply to `query` as far as passing it on needs: is it one, is its question ours (RFC 5452 §9.1), and
 * how long may it be kept: the least of its answers' TTLs and, in a negative reply (also one that begins with
 * CNAMEs), of the SOA's TTL and MINIMUM (RFC 2308 §2, §5). Undefined for octets that are no such reply.
 */
export function readReply(octets: Uint8Array, query: Query): ForeignReply | undefined {
  if (octets.length < query.questionEnd) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const flags = view.getUint16(2);
  if ((flags & 0x8000) === 0 || view.getUint16(4) !== 1) return undefined;
  // Case is folded in the name alone: type 65 is not type 97.
  const nameEnd = query.questionEnd - 4;
  for (let i = HEADER_OCTETS; i < query.questionEnd; i++) {
    const [ours = 0, theirs = 0] = [query.octets[i], octets[i]];
    if (i < nameEnd ? lowerOctet(ours) !== lowerOctet(theirs) : ours !== theirs) return undefined;
  }
  const counts = [view.getUint16(6), view.getUint16(8), view.getUint16(10)];
  let at = query.questionEnd;
  let least: number | undefined;
  for (const [section, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      at = endOfName(octets, at);
      if (at < 0 || at + 10 > octets.length) return undefined;
      const type = view.getUint16(at);
      // RFC 2181 §8: with the top bit set it means 0.
      const ttl = Math.max(0, view.getInt32(at + 4));
      const end = at + 10 + view.getUint16(at + 8);
      if (end > octets.length) return undefined;
      if (section === 0 && type !== TYPE_OPT) least = Math.min(least ?? ttl, ttl);
      if (section === 1 && type === TYPE_SOA && end - at >= 14)
        least = Math.min(least ?? ttl, ttl, view.getUint32(end - 4));
      at = end;
    }
  }
  if (at !== octets.length) return undefined;
  return { rcode: flags & 0xf, truncated: (flags & 0x0200) !== 0, ttl: least };
}

/** Behind a possibly compressed name, or -1. */
function endOfName(octets: Uint8Array, start: number): number {
  for (let at = start; at < octets.length;) {
    const length = octets[at] ?? 0;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return -1;
    at += 1 + length;
    if (length === 0) return at;
  }
  return -1;
}
