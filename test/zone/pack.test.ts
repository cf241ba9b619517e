import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { packBlock, unpackBlock } from '../../zone/pack.ts';

describe('a packed block', () => {
  it('is the block again when it is unpacked, and the same octets each time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (octets) => {
        const packed = await packBlock(octets);
        expect(await packBlock(octets)).toEqual(packed);
        expect(await unpackBlock(packed)).toEqual(octets);
      }),
      { numRuns: 30 },
    );
  });

  it('of a megabyte of names is a fraction of it', async () => {
    const text = Array.from({ length: 20_000 }, (_, i) => `search-${i}-s${i % 50}.marathon.slave.mesos`).join(
      '',
    );
    const octets = new TextEncoder().encode(text);
    const packed = await packBlock(octets);
    expect(packed.length).toBeLessThan(octets.length / 4);
    expect(await unpackBlock(packed)).toEqual(octets);
  });

  it('that was stored plain is as it was', async () => {
    for (const plain of [new Uint8Array(), Uint8Array.of(1, 2, 3), new Uint8Array(100)])
      expect(await unpackBlock(plain)).toBe(plain);
  });

  it.each<[string, (packed: Uint8Array) => Uint8Array, RegExp]>([
    ['cut off', (packed) => packed.slice(0, -5), /^packed block: (?:is damaged|holds less than)/],
    [
      'with octets changed',
      (packed) => packed.map((octet, i) => (i > 20 ? octet ^ 0x55 : octet)),
      /^packed block: /,
    ],
    ['that claims less', (packed) => withLength(packed, 999), /holds more than the 999 octets it claims/],
    ['that claims more', (packed) => withLength(packed, 1001), /holds less than the 1001 octets it claims/],
    ['that claims very much', (packed) => withLength(packed, 2 ** 31), /claims 2147483648 octets/],
    ['without octets', (packed) => packed.slice(0, 8), /^packed block: /],
  ])('%s is refused', async (_, damage, message) => {
    const packed = await packBlock(Uint8Array.from({ length: 1000 }, (__, i) => i % 7));
    const error: unknown = await unpackBlock(damage(packed)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(new RegExp(message.source.replace('^', '^FormatError: ')));
  });

  it('that would unpack to very much is given up as soon as it passes what it claims', async () => {
    const bomb = await packBlock(new Uint8Array(12 * 1024 * 1024));
    await expect(unpackBlock(withLength(bomb, 10))).rejects.toThrow(FormatError);
  });
});

function withLength(packed: Uint8Array, length: number): Uint8Array {
  const changed = packed.slice();
  new DataView(changed.buffer).setUint32(4, length);
  return changed;
}
