import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { toHex } from '../../zone/hash.ts';
import { createReader, createWriter, type OctetWriter } from '../../zone/octets.ts';
import { hex, refuses } from './arbitrary.ts';

type Write =
  | { readonly kind: 'u8' | 'u16' | 'u32' | 'u64'; readonly value: number }
  | { readonly kind: 'octets'; readonly value: Uint8Array };

const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffffffff) }),
  fc.record({ kind: fc.constant('u64' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('octets' as const), value: fc.uint8Array({ maxLength: 40 }) }),
);

function write(into: OctetWriter, item: Write): void {
  if (item.kind === 'octets') into.octets(item.value);
  else into[item.kind](item.value);
}

/** The same octets by other means. */
function asHex(item: Write): string {
  if (item.kind === 'octets') return toHex(item.value);
  return item.value.toString(16).padStart(Number(item.kind.slice(1)) / 4, '0');
}

describe('createWriter', () => {
  it('writes big-endian, growing as it has to, whatever room it began with', () => {
    fc.assert(
      fc.property(fc.array(anyWrite, { maxLength: 30 }), fc.nat(80), (items, capacity) => {
        const writer = createWriter(capacity);
        let expected = '';
        for (const item of items) {
          write(writer, item);
          expected += asHex(item);
          expect(writer.offset()).toBe(expected.length / 2);
        }
        expect(toHex(writer.written())).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it.each<Write>([
    { kind: 'u8', value: 0xa1 },
    { kind: 'u16', value: 0xa1b2 },
    { kind: 'u32', value: 0xa1b2c3d4 },
    { kind: 'u64', value: 0x1a1b2c3d4e5f6 },
    { kind: 'octets', value: Uint8Array.of(1, 2, 3, 4, 5) },
  ])('loses nothing of $kind at any distance from the end of its room', (item) => {
    for (let capacity = 0; capacity < 20; capacity++) {
      for (let before = 0; before < 20; before++) {
        const writer = createWriter(capacity);
        writer.octets(new Uint8Array(before).fill(0xee));
        write(writer, item);
        write(writer, item);
        expect(toHex(writer.written())).toBe('ee'.repeat(before) + asHex(item).repeat(2));
      }
    }
  });

  it('sets a length before and after it grew', () => {
    const writer = createWriter(4);
    writer.u32(0);
    writer.setU32(0, 0xdeadbeef);
    writer.octets(new Uint8Array(100));
    writer.setU32(1, 0x01020304);
    expect(toHex(writer.written().subarray(0, 6))).toBe('de0102030400');
  });

  it('copies what it is given', () => {
    const writer = createWriter();
    const octets = Uint8Array.of(1, 2, 3);
    writer.octets(octets);
    octets.fill(9);
    expect(toHex(writer.written())).toBe('010203');
  });
});

describe('createReader', () => {
  it('reads back what was written, and knows where it is', () => {
    fc.assert(
      fc.property(fc.array(anyWrite, { maxLength: 20 }), fc.nat(5), (items, shift) => {
        const writer = createWriter(0);
        writer.octets(new Uint8Array(shift));
        for (const item of items) write(writer, item);
        const reader = createReader(writer.written().subarray(shift), 'test');
        for (const item of items) {
          const before = reader.offset();
          const read = item.kind === 'octets' ? reader.octets(item.value.length) : reader[item.kind]();
          expect(read).toEqual(item.value);
          expect(reader.offset() - before).toBe(asHex(item).length / 2);
        }
        expect(reader.left()).toBe(0);
      }),
    );
  });

  it.each([
    ['u8', 1],
    ['u16', 2],
    ['u32', 4],
    ['u64', 8],
  ] as const)('refuses %s where fewer than %i octets are left, and stays where it is', (kind, octets) => {
    // More octets stand behind the view: they are not the reader's.
    const whole = new Uint8Array(64);
    for (let left = 0; left < octets; left++) {
      const reader = createReader(whole.subarray(8, 10 + left), 'the thing');
      reader.u16();
      expect(() => reader[kind]()).toThrow(/^the thing: ends too soon at offset 2$/);
      expect(() => reader.octets(left + 1)).toThrow(FormatError);
      expect(() => reader.octets(0xffffffff)).toThrow(FormatError);
      expect(reader.offset()).toBe(2);
      expect(reader.octets(left)).toHaveLength(left);
    }
    expect(createReader(whole.subarray(8, 8 + octets), 'the thing')[kind]()).toBe(0);
  });

  it('refuses numbers that a double cannot hold', () => {
    expect(createReader(hex('001fffffffffffff'), 'test').u64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => createReader(hex('0020000000000000'), 'test').u64()).toThrow(FormatError);
    expect(() => createReader(hex('ffffffffffffffff'), 'test').u64()).toThrow(FormatError);
  });

  it('throws nothing but FormatError', () => {
    const reads = fc.array(fc.constantFrom('u8', 'u16', 'u32', 'u64', 'octets'), { maxLength: 20 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), reads, fc.nat(50), (octets, reads, length) => {
        const reader = createReader(octets, 'test');
        for (const kind of reads) {
          refuses(() => {
            if (kind === 'octets') reader.octets(length);
            else reader[kind]();
          });
          expect(reader.offset() + reader.left()).toBe(octets.length);
        }
      }),
    );
  });
});
