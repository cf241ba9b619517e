import { lowerOctet } from './name.ts';
import { createRecordCopy, readName, readRdata, type RecordCopy } from './record-copy.ts';
import { HEADER_OCTETS, type Query } from './query.ts';
import { TYPE } from './record.ts';
import type { ExtendedError } from './wire.ts';

/** Somebody else's reply as it is given to any asker of its question: without header, question and OPT. */
export type ForeignReply = {
  /** All its twelve bits (RFC 6891 §6.1.3). */
  readonly rcode: number;
  readonly truncated: boolean;
  /** AD (RFC 4035 §3.2.3). */
  readonly authentic: boolean;
  /** Records in the answer, authority and additional section. */
  readonly counts: readonly [number, number, number];
  /** The records, to stand right behind the question, into which their names point. */
  readonly records: Uint8Array;
  /** Where in `records` their TTLs are. */
  readonly ttlOffsets: readonly number[];
  /**
   * Seconds it may be kept: the least of its answers' TTLs and, in a negative reply (also one that begins with
   * CNAMEs), of the SOA's TTL and MINIMUM (RFC 2308 §2, §5). Undefined: not at all.
   */
  readonly ttl: number | undefined;
  readonly extendedErrors: readonly ExtendedError[];
  /** Records left out because `isWithheld` said so; where that leaves no answer of the type asked for, all are. */
  readonly withheld: number;
};

/** May a record of this type and RDATA not be passed on? */
export type IsWithheld = (type: number, rdata: Uint8Array) => boolean;

/** A reply that says nothing. */
export const NO_RECORDS: ForeignReply = {
  rcode: 0,
  truncated: false,
  authentic: false,
  counts: [0, 0, 0],
  records: new Uint8Array(),
  ttlOffsets: [],
  ttl: undefined,
  extendedErrors: [],
  withheld: 0,
};

const TYPE_OPT = 41;
const OPTION_EXTENDED_ERROR = 15;
const MAX_MESSAGE_OCTETS = 65_535;
/** Of an upstream's extended errors so many are passed on, and so many octets of what each says. */
const MOST_ERRORS = 4;
const MOST_ERROR_OCTETS = 200;

/**
 * Reads a reply to `query`, whose question it has to repeat (RFC 5452 §9.1; the id and the case of letters
 * are free). Undefined for octets that are no such reply, or that have a name or record which can't be read.
 * Its records go to `copy`, which may be for another query and have records already.
 */
export function readReply(
  octets: Uint8Array,
  query: Query,
  isWithheld: IsWithheld = () => false,
  copy: RecordCopy = createRecordCopy(query),
): ForeignReply | undefined {
  if (!repeatsQuestion(octets, query)) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const flags = view.getUint16(2);
  const counts: [number, number, number] = [0, 0, 0];
  let opt: { extendedRcode: number; errors: readonly ExtendedError[] } | undefined;
  let ttl: number | undefined;
  let withheld = 0;
  /** Answers of the type asked for, and withheld. */
  let [asked, answersWithheld] = [0, 0];
  let at = query.questionEnd;
  for (const section of [0, 1, 2] as const) {
    for (let left = view.getUint16(6 + 2 * section); left > 0; left--) {
      const owner = readName(octets, at);
      if (!owner || owner.end + 10 > octets.length) return undefined;
      const type = view.getUint16(owner.end);
      const start = owner.end + 10;
      at = start + view.getUint16(start - 2);
      if (at > octets.length) return undefined;
      const rdata = octets.subarray(start, at);
      if (type === TYPE_OPT) {
        // One, and where it belongs (RFC 6891 §6.1.1).
        const errors = section === 2 && !opt ? readErrors(rdata) : undefined;
        if (!errors) return undefined;
        opt = { extendedRcode: view.getUint8(start - 6), errors };
        continue;
      }
      const names = readRdata(octets, type, { start, end: at });
      if (!names) return undefined;
      // RFC 2181 §8: with the top bit set it means 0.
      const seconds = Math.max(0, view.getInt32(start - 6));
      if (section === 0) ttl = Math.min(ttl ?? seconds, seconds);
      if (section === 1 && type === TYPE.SOA) ttl = Math.min(ttl ?? seconds, seconds, view.getUint32(at - 4));
      if (isWithheld(type, rdata)) {
        withheld++;
        if (section === 0) answersWithheld++;
        continue;
      }
      if (section === 0 && type === query.type) asked++;
      copy.add({ owner: owner.name, type, class: view.getUint16(start - 8), ttl: seconds, rdata, names });
      counts[section]++;
      if (query.questionEnd + copy.length() > MAX_MESSAGE_OCTETS) return undefined;
    }
  }
  if (at !== octets.length) return undefined;
  const emptied = answersWithheld > 0 && asked === 0;
  return {
    ...(emptied ? NO_RECORDS : { counts, ...copy.done() }),
    rcode: ((opt?.extendedRcode ?? 0) << 4) | (flags & 0xf),
    truncated: (flags & 0x0200) !== 0,
    // Whoever takes records away can't vouch for the rest.
    authentic: (flags & 0x0020) !== 0 && withheld === 0,
    ttl,
    extendedErrors: opt?.errors ?? [],
    withheld,
  };
}

function repeatsQuestion(octets: Uint8Array, query: Query): boolean {
  if (octets.length < query.questionEnd) return false;
  // QR and opcode QUERY; one question.
  if (((octets[2] ?? 0) & 0xf8) !== 0x80 || octets[4] !== 0 || octets[5] !== 1) return false;
  // Case is folded in the name alone: type 65 is not type 97.
  const nameEnd = query.questionEnd - 4;
  for (let i = HEADER_OCTETS; i < query.questionEnd; i++) {
    const [ours = 0, theirs = 0] = [query.octets[i], octets[i]];
    if (i < nameEnd ? lowerOctet(ours) !== lowerOctet(theirs) : ours !== theirs) return false;
  }
  return true;
}

/** The extended errors (RFC 8914 §2) among EDNS options; undefined where an option does not fit. */
function readErrors(options: Uint8Array): ExtendedError[] | undefined {
  const view = new DataView(options.buffer, options.byteOffset, options.length);
  const errors: ExtendedError[] = [];
  let at = 0;
  while (at < options.length) {
    if (at + 4 > options.length) return undefined;
    const start = at + 4;
    const code = view.getUint16(at);
    at = start + view.getUint16(at + 2);
    if (at > options.length) return undefined;
    if (code !== OPTION_EXTENDED_ERROR || at < start + 2 || errors.length === MOST_ERRORS) continue;
    const text = options.subarray(start + 2, Math.min(at, start + 2 + MOST_ERROR_OCTETS));
    errors.push({ code: view.getUint16(start), text: new TextDecoder().decode(text) });
  }
  return errors;
}
