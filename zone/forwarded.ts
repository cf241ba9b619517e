import { createWriter } from './octets.ts';
import type { Query } from './query.ts';
import type { ForeignReply } from './reply.ts';
import { type ExtendedError, optOctets, RCODE, writeOpt, type WrittenReply } from './wire.ts';

/** A question as it goes to an upstream, and a reply as it comes back to its asker. */

const MAX_MESSAGE_OCTETS = 65_535;
/** RFC 8467 §4.1: queries are padded to multiples of this. */
const QUERY_BLOCK_OCTETS = 128;
const FLAG = { AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const;
const DO = 0x8000;

/**
 * What of a query changes its answer besides name, type and class: RD, AD, CD and DO (RFC 4035 §3.2,
 * RFC 6840 §5.7), as a number.
 */
export function askedFlags(query: Query): number {
  const flags = ((query.octets[2] ?? 0) << 8) | (query.octets[3] ?? 0);
  return (flags & (FLAG.RD | FLAG.AD | FLAG.CD)) | (query.edns?.dnssecOk ? DO : 0);
}

/**
 * The query for an upstream: name in lower case, flags as asked, and of the asker nothing else: id 0
 * (RFC 8484 §4.1), no client subnet, no cookie, no option but padding.
 */
export function encodeForwardedQuery(query: Query): Uint8Array {
  const flags = askedFlags(query);
  const message = createWriter(QUERY_BLOCK_OCTETS);
  for (const number of [0, flags & ~DO, 1, 0, 0, 1]) message.u16(number);
  message.octets(query.name);
  for (const number of [query.type, query.class]) message.u16(number);
  const bare = message.offset() + 15;
  const padding = (QUERY_BLOCK_OCTETS - (bare % QUERY_BLOCK_OCTETS)) % QUERY_BLOCK_OCTETS;
  // Root owner, type OPT, 1,232 octets over UDP, version 0, DO; padding (RFC 7830 §3) as its one option.
  message.u8(0);
  for (const number of [41, 1232, 0, flags & DO, 4 + padding, 12, padding]) message.u16(number);
  message.octets(new Uint8Array(padding));
  return message.written();
}

export type ForwardedHow = {
  /** Seconds since the reply came. */
  readonly ageSeconds?: number;
  /** The TTL of all records, in place of theirs (RFC 8767 §5). */
  readonly ttl?: number;
  /** Behind those of the reply itself. */
  readonly extendedErrors?: readonly ExtendedError[];
  /** The reply begins with a name of ours: AA, and RA as our zone says. */
  readonly ours?: { readonly recursionAvailable: boolean };
};

/**
 * Writes a foreign reply for one asker: id, question, RD and CD as in its query, OPT and padding our own. What
 * does not fit beside them is left out with TC.
 */
export function writeForwardedReply(query: Query, reply: ForeignReply, how: ForwardedHow = {}): WrittenReply {
  const { ageSeconds = 0 } = how;
  const shell = {
    rcode: reply.rcode,
    extendedErrors: [...reply.extendedErrors, ...(how.extendedErrors ?? [])],
  };
  const most = query.questionEnd + reply.records.length + optOctets(query, shell);
  const truncated = most > MAX_MESSAGE_OCTETS;
  const octets = new Uint8Array(truncated ? most - reply.records.length : most);
  const view = new DataView(octets.buffer);
  octets.set(query.octets.subarray(0, query.questionEnd));
  view.setUint16(
    2,
    0x8000 |
      (how.ours ? FLAG.AA : 0) |
      (how.ours?.recursionAvailable === false ? 0 : FLAG.RA) |
      (truncated ? FLAG.TC : 0) |
      (askedFlags(query) & (FLAG.RD | FLAG.CD)) |
      (reply.authentic ? FLAG.AD : 0) |
      (reply.rcode & 0xf),
  );
  view.setUint16(4, 1);
  const message = { octets, view, at: query.questionEnd };
  if (!truncated) {
    octets.set(reply.records, message.at);
    for (const offset of reply.ttlOffsets) {
      const left = Math.max(0, view.getUint32(message.at + offset) - ageSeconds);
      view.setUint32(message.at + offset, how.ttl ?? left);
    }
    message.at += reply.records.length;
  }
  const [answers, authority, additional] = truncated ? [0, 0, 0] : reply.counts;
  view.setUint16(6, answers);
  view.setUint16(8, authority);
  view.setUint16(10, additional + (query.edns ? 1 : 0));
  if (query.edns) writeOpt(message, query.edns, shell);
  return { octets: octets.subarray(0, message.at), ttl: ttlOf(reply, how) };
}

/** Errors are not for others' caches, however long they are remembered here. */
function ttlOf(reply: ForeignReply, how: ForwardedHow): number | undefined {
  if (reply.ttl === undefined || reply.rcode === RCODE.SERVFAIL) return undefined;
  return how.ttl ?? Math.max(0, reply.ttl - (how.ageSeconds ?? 0));
}
