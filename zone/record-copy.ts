import { lowerOctet, MAX_NAME_OCTETS } from './name.ts';
import { createWriter, octetsKey } from './octets.ts';
import { HEADER_OCTETS, type Query } from './query.ts';
import { TYPE } from './record.ts';

/** A name as read from a message: written out, in its own case; `end` is where reading goes on. */
export type ReadName = { readonly name: Uint8Array; readonly end: number };

/** A record as it is to stand in the copy. */
export type CopiedRecord = {
  readonly owner: Uint8Array;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** As it stood in the message it is from. */
  readonly rdata: Uint8Array;
  /** The names in `rdata`, which take its octets from `before` to `after`. */
  readonly names: RdataNames;
};

export type RdataNames = {
  readonly before: number;
  readonly names: readonly Uint8Array[];
  readonly after: number;
};

export type RecordCopy = {
  readonly add: (record: CopiedRecord) => void;
  readonly length: () => number;
  readonly done: () => { records: Uint8Array; ttlOffsets: readonly number[] };
};

/** A pointer's target goes down at each step; messages have no use for so many. */
const MOST_POINTERS = 64;
const MAX_POINTER = 0x3fff;

/**
 * Types with names that others may have compressed (RFC 1035 §3.3, RFC 3597 §4): octets before the names, how
 * many names, octets behind.
 */
const NAMES: Readonly<Record<number, readonly [number, number, number]>> = {
  [TYPE.NS]: [0, 1, 0],
  [TYPE.CNAME]: [0, 1, 0],
  [TYPE.SOA]: [0, 2, 20],
  [TYPE.PTR]: [0, 1, 0],
  [TYPE.MX]: [2, 1, 0],
  // RP, AFSDB, DNAME.
  17: [0, 2, 0],
  18: [2, 1, 0],
  [TYPE.SRV]: [6, 1, 0],
  39: [0, 1, 0],
};
const NO_NAMES: RdataNames = { before: 0, names: [], after: 0 };

/** Where `readName` puts a name together: messages have thousands. */
const scratch = new Uint8Array(MAX_NAME_OCTETS);

/** A possibly compressed name; undefined unless its pointers all go back and it is within limits. */
export function readName(octets: Uint8Array, start: number): ReadName | undefined {
  const name = scratch;
  let length = 0;
  let end = -1;
  let [at, runStart] = [start, start];
  for (let pointers = 0; pointers <= MOST_POINTERS;) {
    const octet = octets[at];
    if (octet === undefined) return undefined;
    if (octet >= 0xc0) {
      const target = ((octet & 0x3f) << 8) | (octets[at + 1] ?? 0xff);
      if (target < HEADER_OCTETS || target >= runStart || at + 2 > octets.length) return undefined;
      if (end < 0) end = at + 2;
      at = target;
      runStart = target;
      pointers++;
      continue;
    }
    if (octet > 63 || length + 1 + octet > MAX_NAME_OCTETS || at + 1 + octet > octets.length)
      return undefined;
    name.set(octets.subarray(at, at + 1 + octet), length);
    length += 1 + octet;
    at += 1 + octet;
    if (octet === 0) return { name: name.slice(0, length), end: end < 0 ? at : end };
  }
  return undefined;
}

/** The names in RDATA; undefined where it is not as its type has to be, as far as that is known here. */
export function readRdata(
  octets: Uint8Array,
  type: number,
  { start, end }: { readonly start: number; readonly end: number },
): RdataNames | undefined {
  if ((type === TYPE.A && end - start !== 4) || (type === TYPE.AAAA && end - start !== 16)) return undefined;
  const layout = NAMES[type];
  if (!layout) return NO_NAMES;
  const [before, count, behind] = layout;
  const names: Uint8Array[] = [];
  let at = start + before;
  while (names.length < count) {
    const read = readName(octets, at);
    if (!read) return undefined;
    names.push(read.name);
    at = read.end;
  }
  return at + behind === end ? { before, names, after: at - start } : undefined;
}

/**
 * Writes records anew, to stand behind the question of `query`: whatever is left out between them, no pointer
 * goes wrong. An owner that is the name asked for points to the question, and so has the asker's spelling.
 * Names in RDATA are written out, as new types demand (RFC 3597 §4).
 */
export function createRecordCopy(query: Query): RecordCopy {
  const writer = createWriter(512);
  const ttlOffsets: number[] = [];
  /** Where in the message the end of a name stands, from each of its labels on, by its octets. */
  const standing = new Map<string, number>();
  const register = (name: Uint8Array, messageOffset: number): void => {
    for (let at = 0; name[at]; at += 1 + (name[at] ?? 0)) {
      const key = octetsKey(name.subarray(at));
      if (messageOffset + at <= MAX_POINTER && !standing.has(key)) standing.set(key, messageOffset + at);
    }
  };
  register(query.name, HEADER_OCTETS);

  const writeOwner = (name: Uint8Array): void => {
    const start = query.questionEnd + writer.offset();
    let at = 0;
    for (; name[at]; at += 1 + (name[at] ?? 0)) {
      const known = standing.get(octetsKey(name.subarray(at)));
      if (known === undefined) continue;
      writer.octets(name.subarray(0, at));
      writer.u16(0xc000 | known);
      return;
    }
    writer.octets(name);
    register(name, start);
  };
  return {
    add: ({ owner, type, class: recordClass, ttl, rdata, names: { before, names, after } }) => {
      if (isSameName(owner, query.name)) writer.u16(0xc000 | HEADER_OCTETS);
      else writeOwner(owner);
      writer.u16(type);
      writer.u16(recordClass);
      ttlOffsets.push(writer.offset());
      writer.u32(ttl);
      writer.u16(names.reduce((sum, name) => sum + name.length, before + rdata.length - after));
      writer.octets(rdata.subarray(0, before));
      for (const name of names) {
        register(name, query.questionEnd + writer.offset());
        writer.octets(name);
      }
      writer.octets(rdata.subarray(after));
    },
    length: () => writer.offset(),
    done: () => ({ records: writer.written().slice(), ttlOffsets }),
  };
}

function isSameName(name: Uint8Array, lower: Uint8Array): boolean {
  if (name.length !== lower.length) return false;
  for (let i = 0; i < name.length; i++) if (lowerOctet(name[i] ?? 0) !== lower[i]) return false;
  return true;
}
