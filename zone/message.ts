import { FormatError } from './format-error.ts';
import { nameFromWire, type OwnerName } from './name.ts';

/** A whole message in parts (RFC 1035 §4.1), for showing it; what is only passed on is read by `reply.ts`. */
export type Message = {
  /** The header's second and third octet pair: see `FLAG`. */
  readonly flags: number;
  /** With the upper bits that an OPT record adds (RFC 6891 §6.1.3). */
  readonly rcode: number;
  readonly questions: readonly { readonly name: OwnerName; readonly type: number }[];
  readonly answers: readonly MessageRecord[];
  readonly authority: readonly MessageRecord[];
  /** Without OPT. */
  readonly additional: readonly MessageRecord[];
  /** RFC 8914. */
  readonly extendedErrors: readonly { readonly code: number; readonly text: string }[];
};

export type MessageRecord = {
  readonly name: OwnerName;
  readonly type: number;
  /** Seconds. */
  readonly ttl: number;
  /** RDATA is from here to `end` in the message; names in it may point anywhere before them. */
  readonly at: number;
  readonly end: number;
};

export const FLAG = { TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const;

const TYPE_OPT = 41;
const OPTION_EXTENDED_ERROR = 15;
/** A name has at most 127 labels, so it is left for another place at most as often. */
const MAX_POINTERS = 127;

/** Reads a message. Time and memory are bounded by its length. Throws `FormatError`. */
export function readMessage(octets: Uint8Array): Message {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const need = (end: number, at: number): void => {
    if (end > octets.length) throw new FormatError('message', 'ends too soon', at);
  };
  need(12, 0);
  const flags = view.getUint16(2);
  let at = 12;
  const questions = Array.from({ length: view.getUint16(4) }, () => {
    const { name, end } = readNameAt(octets, at);
    need(end + 4, end);
    at = end + 4;
    return { name, type: view.getUint16(end) };
  });
  let upperRcode = 0;
  const extendedErrors: { code: number; text: string }[] = [];
  const section = (count: number): MessageRecord[] => {
    const records: MessageRecord[] = [];
    for (let left = count; left > 0; left--) {
      const { name, end: fixed } = readNameAt(octets, at);
      need(fixed + 10, fixed);
      const type = view.getUint16(fixed);
      const start = fixed + 10;
      at = start + view.getUint16(fixed + 8);
      need(at, start);
      if (type === TYPE_OPT) {
        upperRcode = view.getUint8(fixed + 4) << 4;
        extendedErrors.push(...readExtendedErrors(octets.subarray(start, at)));
      } else {
        // RFC 2181 §8: with the top bit set a TTL means 0.
        records.push({ name, type, ttl: Math.max(0, view.getInt32(fixed + 4)), at: start, end: at });
      }
    }
    return records;
  };
  const [answers, authority, additional] = [
    section(view.getUint16(6)),
    section(view.getUint16(8)),
    section(view.getUint16(10)),
  ];
  return {
    flags,
    rcode: (flags & 0xf) | upperRcode,
    questions,
    answers,
    authority,
    additional,
    extendedErrors,
  };
}

/** A name in a message, its pointers followed (RFC 1035 §4.1.4), and where what follows it begins. */
export function readNameAt(octets: Uint8Array, start: number): { name: OwnerName; end: number } {
  const wire: number[] = [];
  let at = start;
  let end: number | undefined;
  let before = start;
  for (let pointers = 0; ;) {
    const length = octets[at];
    if (length === undefined) throw new FormatError('name', 'ends too soon', at);
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (octets[at + 1] ?? 0xff);
      // Pointers go to what was written before, so no name goes round in circles.
      if (target >= before || ++pointers > MAX_POINTERS)
        throw new FormatError('name', 'has a bad pointer', at);
      end ??= at + 2;
      before = at = target;
      continue;
    }
    wire.push(...octets.subarray(at, at + 1 + length));
    at += 1 + length;
    if (length === 0) return { name: nameFromWire(Uint8Array.from(wire)), end: end ?? at };
    if (length > 63 || wire.length > 255) throw new FormatError('name', 'is longer than a name can be', at);
  }
}

function readExtendedErrors(options: Uint8Array): { code: number; text: string }[] {
  const errors: { code: number; text: string }[] = [];
  const view = new DataView(options.buffer, options.byteOffset, options.length);
  for (let at = 0; at + 4 <= options.length;) {
    const end = at + 4 + view.getUint16(at + 2);
    if (view.getUint16(at) === OPTION_EXTENDED_ERROR && end >= at + 6 && end <= options.length)
      errors.push({
        code: view.getUint16(at + 4),
        text: new TextDecoder().decode(options.subarray(at + 6, end)),
      });
    at = end;
  }
  return errors;
}
