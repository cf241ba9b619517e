import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeGuardMemory,
  EMPTY_MEMORY,
  encodeGuardMemory,
  type GuardMemory,
} from '../../../sync-agent/guard/memory.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { toHex } from '../../../zone/hash.ts';

const MEMORY: GuardMemory = {
  held: [{ source: 'mesos', sinceMs: 1_750_000_000_000, keys: [1, 2 ** 52] }],
  losses: [{ source: 'mesos', scope: 'agent s1', losses: [{ atMs: 1, names: 3 }] }],
  failovers: [{ source: 'mesos', sinceMs: 2 }],
};
const text = fc.string({ maxLength: 20, unit: 'grapheme' });
const time = fc.maxSafeNat();
const anyMemory: fc.Arbitrary<GuardMemory> = fc.record({
  held: fc.array(
    fc.record({
      source: text,
      sinceMs: time,
      keys: fc.uniqueArray(time, { maxLength: 9 }).map((keys) => keys.toSorted((a, b) => a - b)),
    }),
    { maxLength: 4 },
  ),
  losses: fc.array(
    fc.record({
      source: text,
      scope: text,
      losses: fc.array(fc.record({ atMs: time, names: fc.nat() }), { maxLength: 4 }),
    }),
    { maxLength: 4 },
  ),
  failovers: fc.array(fc.record({ source: text, sinceMs: time }), { maxLength: 4 }),
});

describe('memory as octets', () => {
  it('has these octets', () => {
    expect(toHex(encodeGuardMemory(MEMORY))).toBe(
      '01' +
        '00000001' +
        '00056d65736f73' +
        '000001977420dc00' +
        '00000002' +
        '0000000000000001' +
        '0010000000000000' +
        '00000001' +
        '00056d65736f73' +
        '00086167656e74207331' +
        '0001' +
        '0000000000000001' +
        '00000003' +
        '00000001' +
        '00056d65736f73' +
        '0000000000000002',
    );
  });

  it('is none for an empty one, and back', () => {
    expect(encodeGuardMemory(EMPTY_MEMORY)).toEqual(new Uint8Array());
    expect(decodeGuardMemory(new Uint8Array())).toEqual(EMPTY_MEMORY);
  });

  it('is the same memory again', () => {
    fc.assert(
      fc.property(anyMemory, (memory) => {
        expect(decodeGuardMemory(encodeGuardMemory(memory))).toEqual(memory);
      }),
    );
  });

  it('that is damaged throws FormatError, and nothing else, and soon', () => {
    const octets = encodeGuardMemory(MEMORY);
    for (let length = 1; length < octets.length; length++) {
      expect(() => decodeGuardMemory(octets.subarray(0, length))).toThrow(FormatError);
    }
    expect(() => decodeGuardMemory(Uint8Array.of(...octets, 0))).toThrow(/behind its end/);
    expect(() => decodeGuardMemory(Uint8Array.of(2, ...octets.subarray(1)))).toThrow(/another format/);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (random, isFormat) => {
        const damaged = isFormat ? Uint8Array.of(1, 0, 0, ...random) : random;
        try {
          decodeGuardMemory(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('with keys out of order, or a text that is none, is damaged', () => {
    const [held] = MEMORY.held;
    const twisted = { ...MEMORY, held: [{ ...held, source: 'm', sinceMs: 1, keys: [2, 2] }] };
    expect(() => decodeGuardMemory(encodeGuardMemory(twisted))).toThrow(/out of order/);
    expect(() => decodeGuardMemory(Uint8Array.of(1, 0, 0, 0, 1, 0, 1, 0xff))).toThrow(/no UTF-8/);
  });
});
