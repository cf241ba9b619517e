import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareOctets,
  contentHash,
  hashName,
  type NameHash,
  sameOctets,
  sha256,
  toHex,
} from '../../zone/hash.ts';
import { nameToWire, parseName } from '../../zone/name.ts';
import { hex } from './arbitrary.ts';

/** The key and inputs of the reference code's vectors: 00 01 02 … */
const KEY = hex('0001020304050607');

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

/** The eight octets the reference code writes: both halves little-endian. */
function output({ slot, shard }: NameHash): string {
  const octets = new DataView(new ArrayBuffer(8));
  octets.setUint32(0, slot, true);
  octets.setUint32(4, shard, true);
  return toHex(new Uint8Array(octets.buffer));
}

describe('hashName', () => {
  it.each([
    [0, '218d1f59b9b83cc8'],
    [1, 'be552412f8387315'],
    [2, '064f39ef7c50eb57'],
  ])('is HalfSipHash-2-4 with 64 bits: %i octets', (length, expected) => {
    expect(output(hashName(counting(length), KEY))).toBe(expected);
  });

  it('gives all 64 outputs of the reference code (their SHA-256, checked against its table once)', () => {
    const outputs = Array.from({ length: 64 }, (_, length) => output(hashName(counting(length), KEY)));
    expect(createHash('sha256').update(outputs.join('')).digest('hex')).toBe(
      '318bce73933e6eebb7bce6cc9ba33015ff8c6c4e4bcc9e07837c12afb4830c7b',
    );
  });

  it('gives unsigned halves that every octet of name and seed has a part in', () => {
    const name = fc.uint8Array({ minLength: 1, maxLength: 255 });
    const seed = fc.uint8Array({ minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(name, seed, fc.nat(), fc.integer({ min: 1, max: 255 }), (name, seed, position, change) => {
        const hash = hashName(name, seed);
        for (const half of [hash.slot, hash.shard]) {
          expect(Number.isInteger(half) && half >= 0 && half < 2 ** 32).toBe(true);
        }
        const flip = (octets: Uint8Array): Uint8Array =>
          octets.map((octet, i) => (i === position % octets.length ? octet ^ change : octet));
        expect(hashName(flip(name), seed)).not.toEqual(hash);
        expect(hashName(name, flip(seed))).not.toEqual(hash);
        expect(hashName(Uint8Array.of(...name, 0), seed)).not.toEqual(hash);
      }),
    );
  });

  it('reads only the view it is given', () => {
    const name = nameToWire(parseName('web.marathon.mesos'));
    const inside = Uint8Array.from([9, 9, 9, ...name, 9, 9]).subarray(3, 3 + name.length);
    const seed = Uint8Array.from([7, ...KEY, 7]).subarray(1, 9);
    expect(hashName(inside, seed)).toEqual(hashName(name, KEY));
  });

  const names = Array.from({ length: 4096 }, (_, i) => nameToWire(parseName(`task-${i}.marathon.mesos`)));

  it('places names evenly, and shards tell nothing about slots', () => {
    const cells = new Uint32Array(256);
    for (const name of names) {
      const { slot, shard } = hashName(name, KEY);
      const cell = ((slot >>> 28) << 4) | (shard >>> 28);
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const expected = names.length / cells.length;
    const chiSquare = cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: mean 255, standard deviation 22.6.
    expect(chiSquare).toBeLessThan(255 + 4 * 22.6);
  });

  it('has no slot bit that goes with a shard bit', () => {
    const agreements = new Uint32Array(32 * 32);
    for (const name of names.slice(0, 2048)) {
      const { slot, shard } = hashName(name, KEY);
      for (let turn = 0; turn < 32; turn++) {
        const agreeing = ~(slot ^ ((shard << turn) | (turn === 0 ? 0 : shard >>> (32 - turn))));
        for (let bit = 0; bit < 32; bit++) {
          const at = turn * 32 + bit;
          agreements[at] = (agreements[at] ?? 0) + ((agreeing >>> bit) & 1);
        }
      }
    }
    // Half of 2,048, standard deviation 22.6; the farthest of 1,024 pairs stays within six.
    for (const count of agreements) expect(Math.abs(count - 1024)).toBeLessThan(6 * 22.6);
  });
});

describe('octets compared', () => {
  it.each([
    ['', '', 0],
    ['', '00', -1],
    ['00', '', 1],
    ['01', '0100', -1],
    ['ff', '7f', 1],
    ['7f', '80', -1],
    ['0102', '0103', -1],
    ['0201', '0103', 1],
    ['01ff', '02', -1],
  ])('%j against %j: %i', (a, b, sign) => {
    expect(Math.sign(compareOctets(hex(a), hex(b)))).toBe(sign);
    expect(sameOctets(hex(a), hex(b))).toBe(sign === 0);
  });

  it('agree with Buffer', () => {
    const few = fc
      .array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), { maxLength: 4 })
      .map((octets) => Uint8Array.from(octets));
    fc.assert(
      fc.property(few, few, (a, b) => {
        expect(Math.sign(compareOctets(a, b))).toBe(Buffer.compare(a, b));
        expect(sameOctets(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('content addresses', () => {
  it('are the first half of SHA-256', async () => {
    const octets = counting(200).subarray(3, 120);
    const expected = createHash('sha256').update(octets).digest();
    expect(await sha256(octets)).toEqual(new Uint8Array(expected));
    expect(await contentHash(octets)).toEqual(new Uint8Array(expected.subarray(0, 16)));
    expect(toHex(octets)).toBe(Buffer.from(octets).toString('hex'));
  });
});
