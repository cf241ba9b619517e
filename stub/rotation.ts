import { u16At } from '../zone/octets.ts';
import type { ForeignReply } from '../zone/reply.ts';

/** Pointer to the question, TYPE, CLASS, TTL and RDLENGTH. */
const FIXED_OCTETS = 12;
const POINTER_TO_QUESTION = 0xc00c;
/** A and AAAA, with what their RDATA takes. */
const ADDRESS_OCTETS = new Map([
  [1, 4],
  [28, 16],
]);

/**
 * The size of each answer where all are addresses of the name asked for, and more than one; 0 where they are not.
 * Such records have one length and nobody points into them, so they may stand in any order.
 */
export function rotatableOctets({ records, counts }: ForeignReply): number {
  const [answers] = counts;
  const type = u16At(records, 2);
  const address = ADDRESS_OCTETS.get(type);
  if (answers < 2 || address === undefined) return 0;
  const size = FIXED_OCTETS + address;
  if (records.length < answers * size) return 0;
  for (let at = 0; at < answers * size; at += size) {
    if (u16At(records, at) !== POINTER_TO_QUESTION || u16At(records, at + 2) !== type) return 0;
    if (u16At(records, at + 10) !== address) return 0;
  }
  return size;
}

/** The reply with its first answers last, `turn` of them: who takes the first address is spread over all. */
export function rotated(reply: ForeignReply, octetsEach: number, turn: number): ForeignReply {
  const [answers] = reply.counts;
  const shift = (turn % answers) * octetsEach;
  if (octetsEach === 0 || shift === 0) return reply;
  const records = new Uint8Array(reply.records.length);
  const end = answers * octetsEach;
  records.set(reply.records.subarray(shift, end));
  records.set(reply.records.subarray(0, shift), end - shift);
  records.set(reply.records.subarray(end), end);
  return { ...reply, records };
}
