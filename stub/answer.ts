import { type ForwardedHow, writeForwardedReply } from '../zone/forwarded.ts';
import { setU16, u16At } from '../zone/octets.ts';
import type { Query } from '../zone/query.ts';
import { type ForeignReply, NO_RECORDS } from '../zone/reply.ts';
import { EDE, type ExtendedError, RCODE } from '../zone/wire.ts';

/** How a query came to its answer, as `/metrics` counts it. */
export type Outcome = 'fresh' | 'cached' | 'stale' | 'failed' | 'refused' | 'overload';

/** What anybody who asks a question is told, and how it is to be written. */
export type Answer = {
  readonly outcome: Outcome;
  readonly reply: ForeignReply;
  readonly how?: ForwardedHow;
};

const TC = 0x0200;
/** RFC 8767 §4, §5. */
const STALE_TTL = 30;

export function failure(error: ExtendedError, outcome: 'failed' | 'overload' = 'failed'): Answer {
  return { outcome, reply: { ...NO_RECORDS, rcode: RCODE.SERVFAIL, extendedErrors: [error] } };
}

export function refusal(rcode: number, extendedErrors: readonly ExtendedError[]): Answer {
  return { outcome: 'refused', reply: { ...NO_RECORDS, rcode, extendedErrors } };
}

/** The last word of a server that is silent now (RFC 8767), and `why` it is told again. */
export function staleAnswer(reply: ForeignReply, why: string): Answer {
  const code = reply.rcode === RCODE.NXDOMAIN ? EDE.staleNxdomain : EDE.staleAnswer;
  // A TTL of 0 says that nobody else may keep a record: neither may they now.
  const isToBeKept = reply.ttlOffsets.every((at) => u32At(reply.records, at) > 0);
  const ttl = isToBeKept ? STALE_TTL : 0;
  return { outcome: 'stale', reply, how: { ttl, extendedErrors: [{ code, text: why }] } };
}

function u32At(octets: Uint8Array, at: number): number {
  return u16At(octets, at) * 0x10000 + u16At(octets, at + 2);
}

/**
 * Writes an answer under the id and in the spelling of its query. One longer than `limit` has its header, question
 * and OPT, and TC: to be asked again over TCP (RFC 2181 §9).
 */
export function writeAnswer(query: Query, { reply, how }: Answer, limit: number): Uint8Array {
  const { octets } = writeForwardedReply(query, reply, how);
  if (octets.length <= limit) return octets;
  const bare = { ...NO_RECORDS, rcode: reply.rcode, authentic: reply.authentic };
  const { octets: truncated } = writeForwardedReply(query, bare);
  setU16(truncated, 2, u16At(truncated, 2) | TC);
  return truncated;
}
