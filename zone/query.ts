import { lowerOctet, MAX_NAME_OCTETS } from './name.ts';
import { u16At } from './octets.ts';

/** A DNS query's one question and what its header and OPT record ask for (RFC 1035 §4.1, RFC 6891). */
export type Query = {
  readonly kind: 'query';
  /** The message as it came. */
  readonly octets: Uint8Array;
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** Owner name asked for, lower-case wire form. */
  readonly name: Uint8Array;
  readonly type: number;
  readonly class: number;
  /** The question section ends here; it begins at octet 12. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
};

export type Edns = {
  readonly version: number;
  readonly dnssecOk: boolean;
  /** The query came padded (RFC 7830), so its reply should be. */
  readonly padded: boolean;
};

/** A message that has a header but is no proper query: answered with FORMERR under its id. */
export type Malformed = {
  readonly kind: 'malformed';
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly reason: string;
};

export const HEADER_OCTETS = 12;
export const CLASS_IN = 1;
export const OPCODE_QUERY = 0;
const TYPE_OPT = 41;
const OPTION_PADDING = 12;
const RR_FIXED_OCTETS = 10;

/**
 * Reads a query strictly and in one pass: exactly one question (RFC 9619), its name uncompressed and within
 * limits, every record whole, at most one OPT and that well-formed, nothing behind the last record. Gives
 * undefined for octets that hold no header, or an answer instead of a query.
 */
export function readQuery(octets: Uint8Array): Query | Malformed | undefined {
  if (octets.length < HEADER_OCTETS) return undefined;
  const flags = u16At(octets, 2);
  if ((flags & 0x8000) !== 0) return undefined;

  if (u16At(octets, 4) !== 1) return malformed(octets, 'not exactly one question');
  const nameEnd = questionNameEnd(octets);
  if (nameEnd < 0 || nameEnd + 4 > octets.length) return malformed(octets, 'a question that ends too soon');
  const questionEnd = nameEnd + 4;
  const edns = readRecords(octets, questionEnd);
  if (typeof edns === 'string') return malformed(octets, edns);

  const name = new Uint8Array(nameEnd - HEADER_OCTETS);
  // Length octets are below 64, so folding case over the whole name leaves them alone.
  for (let i = 0; i < name.length; i++) name[i] = lowerOctet(octets[HEADER_OCTETS + i] ?? 0);
  return {
    kind: 'query',
    octets,
    id: u16At(octets, 0),
    opcode: (flags >> 11) & 0xf,
    recursionDesired: (flags & 0x0100) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    name,
    type: u16At(octets, nameEnd),
    class: u16At(octets, nameEnd + 2),
    questionEnd,
    edns,
  };
}

function malformed(octets: Uint8Array, reason: string): Malformed {
  const flags = u16At(octets, 2);
  const opcode = (flags >> 11) & 0xf;
  return {
    kind: 'malformed',
    id: u16At(octets, 0),
    opcode,
    recursionDesired: (flags & 0x0100) !== 0,
    reason,
  };
}

/** Where the question's name ends, or -1: too long, cut off, or with a label type other than 00. */
function questionNameEnd(octets: Uint8Array): number {
  let at = HEADER_OCTETS;
  for (;;) {
    const length = octets[at];
    if (length === undefined || length > 63) return -1;
    at += 1 + length;
    if (at - HEADER_OCTETS > MAX_NAME_OCTETS) return -1;
    if (length === 0) return at;
  }
}

/** Goes over answer, authority and additional records; gives what OPT says, or why they can't be read. */
function readRecords(octets: Uint8Array, start: number): Edns | undefined | string {
  const beforeAdditional = u16At(octets, 6) + u16At(octets, 8);
  const total = beforeAdditional + u16At(octets, 10);
  let at = start;
  let edns: Edns | undefined;
  for (let i = 0; i < total; i++) {
    const owner = at;
    at = skipName(octets, at);
    if (at < 0 || at + RR_FIXED_OCTETS > octets.length) return 'a record that ends too soon';
    const rdata = at + RR_FIXED_OCTETS;
    const end = rdata + u16At(octets, at + 8);
    if (end > octets.length) return 'a record that ends too soon';
    if (u16At(octets, at) === TYPE_OPT) {
      if (i < beforeAdditional || octets[owner] !== 0) return 'an OPT record out of place';
      if (edns) return 'two OPT records';
      const padded = readOptions(octets, rdata, end);
      if (padded === undefined) return 'an OPT record with a cut-off option';
      edns = { version: octets[at + 5] ?? 0, dnssecOk: (u16At(octets, at + 6) & 0x8000) !== 0, padded };
    }
    at = end;
  }
  return at === octets.length ? edns : 'octets behind its last record';
}

/** Whether the options hold padding; undefined where an option does not fit. */
function readOptions(octets: Uint8Array, start: number, end: number): boolean | undefined {
  let padded = false;
  let at = start;
  while (at < end) {
    if (at + 4 > end) return undefined;
    if (u16At(octets, at) === OPTION_PADDING) padded = true;
    at += 4 + u16At(octets, at + 2);
  }
  return at === end ? padded : undefined;
}

/** Behind a possibly compressed name, or -1. */
function skipName(octets: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const length = octets[at];
    if (length === undefined) return -1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return -1;
    at += 1 + length;
    if (at - start > MAX_NAME_OCTETS) return -1;
    if (length === 0) return at;
  }
}
