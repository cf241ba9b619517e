import { askedFlags, encodeForwardedQuery } from '../zone/forwarded.ts';
import { isAtOrBelow } from '../zone/name.ts';
import { setU16, u16At } from '../zone/octets.ts';
import { OPCODE_QUERY, type Query, readQuery } from '../zone/query.ts';
import { RCODE, writeMalformedReply } from '../zone/wire.ts';
import { refusal, type Answer } from './answer.ts';

/** What a packet is: a question to find the answer of, one answered at once, or nothing anybody answers. */
export type Packet =
  | { readonly kind: 'ask'; readonly query: Query }
  | { readonly kind: 'answered'; readonly query: Query; readonly answer: Answer }
  | { readonly kind: 'malformed'; readonly reply: Uint8Array }
  | { readonly kind: 'ignored' };

const IGNORED: Packet = { kind: 'ignored' };
const TYPE_IXFR = 251;
const TYPE_AXFR = 252;
const TYPE_OPT = 41;
const OPT_FIXED_OCTETS = 11;
/** What a reply may have without EDNS (RFC 1035 §4.2.1), and with it: no fragments (RFC 9715 §3). */
const PLAIN_UDP_OCTETS = 512;
const MOST_UDP_OCTETS = 1232;

/** Reads what came from anybody. Replies and what has no header are not answered (RFC 5625 §6.1). Never throws. */
export function readPacket(octets: Uint8Array): Packet {
  const read = readQuery(octets);
  if (!read) return IGNORED;
  if (read.kind === 'malformed') return { kind: 'malformed', reply: writeMalformedReply(read) };
  if (read.opcode !== OPCODE_QUERY)
    return {
      kind: 'malformed',
      reply: writeMalformedReply({ ...read, kind: 'malformed', reason: 'opcode' }),
    };
  const query = unpadded(read);
  if (query.edns && query.edns.version > 0)
    return { kind: 'answered', query, answer: refusal(RCODE.BADVERS, []) };
  if (query.type === TYPE_AXFR || query.type === TYPE_IXFR)
    return { kind: 'answered', query, answer: refusal(RCODE.REFUSED, []) };
  return { kind: 'ask', query };
}

/** Replies are padded where they are encrypted (RFC 8467 §3): not here. */
function unpadded(query: Query): Query {
  return query.edns?.padded ? { ...query, edns: { ...query.edns, padded: false } } : query;
}

/** What makes a question another one: name, type, class, and the flags that its answer depends on. */
export function questionKey(query: Query): string {
  return String.fromCharCode(query.type, query.class, askedFlags(query), ...query.name);
}

/** Is a name at or below one of these origins (all in lower-case wire form)? */
export function isWithin(name: Uint8Array, origins: readonly Uint8Array[]): boolean {
  return origins.some((origin) => isAtOrBelow(name, origin));
}

/** Octets that a reply over UDP may have: as the query's OPT says, within 512 and 1,232 (RFC 6891 §6.2.5). */
export function udpLimit({ octets, questionEnd, edns }: Query): number {
  if (!edns) return PLAIN_UDP_OCTETS;
  return Math.min(MOST_UDP_OCTETS, Math.max(PLAIN_UDP_OCTETS, payloadOctets(octets, questionEnd)));
}

/** The CLASS of OPT. The message was read before, so each record is whole and the one OPT has the root's name. */
function payloadOctets(octets: Uint8Array, start: number): number {
  for (let at = start; at < octets.length;) {
    let end = at;
    while ((octets[end] ?? 0) > 0 && (octets[end] ?? 0) < 0xc0) end += 1 + (octets[end] ?? 0);
    end += (octets[end] ?? 0) >= 0xc0 ? 2 : 1;
    if (u16At(octets, end) === TYPE_OPT) return u16At(octets, end + 2);
    at = end + 10 + u16At(octets, end + 8);
  }
  return PLAIN_UDP_OCTETS;
}

/** The query as a server asked over plain UDP or TCP gets it: this id, no padding, nothing of the asker. */
export function plainQuery(query: Query, id: number): Uint8Array {
  const message = encodeForwardedQuery(query).slice(0, query.questionEnd + OPT_FIXED_OCTETS);
  setU16(message, 0, id);
  setU16(message, message.length - 2, 0);
  return message;
}
