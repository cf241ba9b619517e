import { storedRdata, type StoredRRset } from './entry.ts';
import { writeForwardedReply } from './forwarded.ts';
import { lowerOctet } from './name.ts';
import { octetsKey } from './octets.ts';
import { CLASS_IN, HEADER_OCTETS, type Query } from './query.ts';
import { createRecordCopy } from './record-copy.ts';
import { TYPE } from './record.ts';
import { type ForeignReply, NO_RECORDS, readReply } from './reply.ts';
import { EDE, type ExtendedError, RCODE, type WrittenReply } from './wire.ts';

/** So many CNAMEs are followed; others follow 8 (PowerDNS) to 16 (BIND). */
export const MOST_CNAMES = 8;

/** Where a chain of CNAMEs has come to, or why it goes no further (RFC 1034 §3.6.2: a loop is an error). */
export type Step =
  | { readonly kind: 'query'; readonly query: Query; readonly chain: ReadonlySet<string> }
  | { readonly kind: 'problem'; readonly problem: string };

/** The same question about the name that the CNAME of `query`'s leads to. `chain` has the names asked before. */
export function nextInChain(query: Query, target: Uint8Array, chain: ReadonlySet<string>): Step {
  const asked = new Set(chain).add(octetsKey(query.name));
  const problem = problemOfChain(asked, target);
  return problem === undefined
    ? { kind: 'query', query: questionOf(query, target), chain: asked }
    : { kind: 'problem', problem };
}

/** Why a chain may not go on to `target`; undefined where it may. `asked`: its names so far, by `octetsKey`. */
export function problemOfChain(asked: ReadonlySet<string>, target: Uint8Array): string | undefined {
  if (asked.has(octetsKey(target))) return 'its CNAMEs lead back to themselves';
  return asked.size > MOST_CNAMES ? `its chain has more than ${MOST_CNAMES} CNAMEs` : undefined;
}

/** What a CNAME leads to, in lower case. */
export function cnameTarget(cname: StoredRRset): Uint8Array {
  return (storedRdata(cname)[0] ?? new Uint8Array()).map(lowerOctet);
}

/** Of another name, with the type, flags and EDNS of `query`; unpadded, since it is only for us. */
function questionOf(query: Query, name: Uint8Array): Query {
  const questionEnd = HEADER_OCTETS + name.length + 4;
  const octets = new Uint8Array(questionEnd);
  octets.set(query.octets.subarray(2, 4), 2);
  octets[5] = 1;
  octets.set(name, HEADER_OCTETS);
  octets.set(query.octets.subarray(query.questionEnd - 4, query.questionEnd), questionEnd - 4);
  const edns = { version: 0, dnssecOk: query.edns?.dnssecOk ?? false, padded: false };
  return { ...query, id: 0, octets, name, questionEnd, edns };
}

/** A reply that begins with one of our CNAMEs. */
export type ChainedHow = {
  readonly target: Uint8Array;
  readonly ttl: number;
  /** What was asked about the target, and what was answered. */
  readonly rest: { readonly query: Query; readonly octets: Uint8Array };
  readonly recursionAvailable: boolean;
  readonly extendedErrors: readonly ExtendedError[];
};

/**
 * Writes the CNAME and behind it all that was answered about its target, whose RCODE and SOA these are (RFC 2308
 * §2.1, RFC 6604 §3); where that was refused, since nothing is forwarded, the CNAME alone. AA is the first name's
 * (RFC 1035 §4.1.1). Errors where the target's question failed: with half a chain nobody is helped.
 */
export function writeChained(
  query: Query,
  how: ChainedHow,
): WrittenReply | { readonly errors: readonly ExtendedError[] } {
  const { target, ttl, rest, recursionAvailable, extendedErrors } = how;
  const copy = createRecordCopy(query);
  const names = { before: 0, names: [target], after: target.length };
  copy.add({ owner: query.name, type: TYPE.CNAME, class: CLASS_IN, ttl, rdata: target, names });
  const read = readReply(rest.octets, rest.query, () => false, copy);
  if (!read || read.truncated)
    return { errors: [{ code: EDE.other, text: 'what its CNAME leads to is too long to answer' }] };
  // What holds of the whole chain is said once.
  const ours = extendedErrors.filter(
    ({ code, text }) => !read.extendedErrors.some((theirs) => theirs.code === code && theirs.text === text),
  );
  if (read.rcode === RCODE.SERVFAIL) return { errors: [...ours, ...read.extendedErrors] };
  const [answers, authority, additional] = read.counts;
  const isRefused = read.rcode === RCODE.REFUSED;
  const reply: ForeignReply = {
    ...(isRefused ? NO_RECORDS : read),
    ...copy.done(),
    counts: [answers + 1, authority, additional],
    ttl: isRefused ? ttl : read.ttl && Math.min(ttl, read.ttl),
    authentic: false,
  };
  return writeForwardedReply(query, reply, { extendedErrors: ours, ours: { recursionAvailable } });
}
