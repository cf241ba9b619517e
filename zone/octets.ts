import { FormatError } from './format-error.ts';
import type { Span } from './span.ts';

/** A growing run of octets, numbers big-endian. `offset` is where the next octet goes. */
export type OctetWriter = {
  readonly offset: () => number;
  readonly u8: (value: number) => void;
  readonly u16: (value: number) => void;
  readonly u32: (value: number) => void;
  readonly u64: (value: number) => void;
  readonly octets: (value: Uint8Array) => void;
  readonly span: (value: Span) => void;
  /** Overwrites a u32 written before, such as a length known only now. */
  readonly setU32: (at: number, value: number) => void;
  /** What was written so far, as a view that the next write may invalidate. */
  readonly written: () => Uint8Array;
};

const SHORT_OCTETS = 64;

export function createWriter(capacity = 256): OctetWriter {
  let buffer = new Uint8Array(capacity);
  let view = new DataView(buffer.buffer);
  let at = 0;
  /** Makes room; only then may `buffer` and `view` be read, which this may replace. */
  const reserve = (octets: number): number => {
    if (at + octets > buffer.length) {
      const larger = new Uint8Array(Math.max(buffer.length * 2, at + octets));
      larger.set(buffer.subarray(0, at));
      buffer = larger;
      view = new DataView(buffer.buffer);
    }
    const start = at;
    at += octets;
    return start;
  };
  return {
    offset: () => at,
    u8: (value) => {
      const start = reserve(1);
      view.setUint8(start, value);
    },
    u16: (value) => {
      const start = reserve(2);
      view.setUint16(start, value);
    },
    u32: (value) => {
      const start = reserve(4);
      view.setUint32(start, value);
    },
    u64: (value) => {
      const start = reserve(8);
      view.setBigUint64(start, BigInt(value));
    },
    octets: (value) => {
      const start = reserve(value.length);
      // Most values are short: a loop is done before `set` has begun.
      if (value.length > SHORT_OCTETS) buffer.set(value, start);
      else for (let i = 0; i < value.length; i++) buffer[start + i] = value[i] ?? 0;
    },
    span: ({ octets, from, to }) => {
      const start = reserve(to - from);
      if (to - from > SHORT_OCTETS) buffer.set(octets.subarray(from, to), start);
      else for (let i = from; i < to; i++) buffer[start + i - from] = octets[i] ?? 0;
    },
    setU32: (position, value) => view.setUint32(position, value),
    written: () => buffer.subarray(0, at),
  };
}

/** Reads octets in order; every read past the end throws `FormatError` naming `what` and the offset. */
export type OctetReader = {
  readonly offset: () => number;
  readonly left: () => number;
  readonly u8: () => number;
  readonly u16: () => number;
  readonly u32: () => number;
  /** Up to 2^53; more throws. */
  readonly u64: () => number;
  readonly octets: (length: number) => Uint8Array;
  readonly span: (length: number) => Span;
};

export function createReader(octets: Uint8Array, what: string): OctetReader {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  let at = 0;
  const take = (length: number): number => {
    if (at + length > octets.length) throw new FormatError(what, 'ends too soon', at);
    const start = at;
    at += length;
    return start;
  };
  return {
    offset: () => at,
    left: () => octets.length - at,
    u8: () => view.getUint8(take(1)),
    u16: () => view.getUint16(take(2)),
    u32: () => view.getUint32(take(4)),
    u64: () => {
      const value = view.getBigUint64(take(8));
      if (value > BigInt(Number.MAX_SAFE_INTEGER))
        throw new FormatError(what, 'has a number over 2^53', at - 8);
      return Number(value);
    },
    octets: (length) => {
      const start = take(length);
      return octets.subarray(start, start + length);
    },
    span: (length) => {
      const from = take(length);
      return { octets, from, to: from + length };
    },
  };
}

/** Octets as text, to find them by in a map: a character an octet. */
export function octetsKey(octets: Uint8Array): string {
  // Spreading goes by the iterator and takes several times as long.
  return Reflect.apply(String.fromCharCode, undefined, octets);
}

/** For a message's few numbers: making a DataView costs more than reading or writing all of them. */
export function u16At(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}

export function setU16(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >> 8;
  octets[at + 1] = value;
}

export function setU32(octets: Uint8Array, at: number, value: number): void {
  setU16(octets, at, value >>> 16);
  setU16(octets, at + 2, value);
}
