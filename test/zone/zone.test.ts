import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSerial, nextSerial } from '../../zone/zone.ts';

const TOP = 2 ** 32 - 1;
const HALF = 2 ** 31;
const anySerial = fc.oneof(fc.nat(TOP), fc.constantFrom(0, 1, HALF - 1, HALF, HALF + 1, TOP - 1, TOP));

describe('compareSerial', () => {
  it.each([
    [0, 0, 0],
    [TOP, TOP, 0],
    [1, 0, 1],
    [0, 1, -1],
    [0, TOP, 1],
    [TOP, 0, -1],
    [5, TOP - 5, 1],
    [HALF - 1, 0, 1],
    [0, HALF - 1, -1],
    [HALF + 1, 0, -1],
    [0, HALF + 1, 1],
    [HALF, 1, 1],
    [100, 100 + HALF - 1, -1],
    // RFC 1982 §3.2 leaves these open; ours is that either counts as newer.
    [0, HALF, 1],
    [HALF, 0, 1],
    [TOP, HALF - 1, 1],
    [HALF - 1, TOP, 1],
  ])('%i against %i: %i', (a, b, sign) => {
    expect(Math.sign(compareSerial(a, b))).toBe(sign);
  });

  it('says that what was added to is newer, as far as RFC 1982 §3.1 lets one add', () => {
    fc.assert(
      fc.property(anySerial, fc.integer({ min: 1, max: HALF - 1 }), (serial, add) => {
        const sum = (serial + add) % 2 ** 32;
        expect(compareSerial(sum, serial)).toBeGreaterThan(0);
        expect(compareSerial(serial, sum)).toBeLessThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('nextSerial', () => {
  it.each([
    [undefined, 1_800_000_000, 1_800_000_000],
    [undefined, 1_800_000_000.999, 1_800_000_000],
    [1_799_999_999, 1_800_000_000, 1_800_000_000],
    [1_800_000_000, 1_800_000_000, 1_800_000_001],
    [1_800_000_009, 1_800_000_000, 1_800_000_010],
    [TOP, 0, 0],
    [TOP, TOP, 0],
    [TOP - 1, 2 ** 32 + 7, 7],
    [undefined, 2 ** 32 + 7, 7],
    [1_800_000_000, 0, 1_800_000_001],
  ])('after %s at %d is %i', (last, now, next) => {
    expect(nextSerial(last, now)).toBe(next);
  });

  const anyClock = fc.oneof(
    fc.double({ min: -1e12, max: 1e12, noNaN: true }),
    fc.nat(TOP),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -HALF, HALF, 2 ** 53),
  );

  it('is a newer 32-bit number, whatever the clock says', () => {
    fc.assert(
      fc.property(fc.option(anySerial, { nil: undefined }), anyClock, (last, now) => {
        const next = nextSerial(last, now);
        expect(Number.isInteger(next) && next >= 0 && next <= TOP).toBe(true);
        if (last !== undefined) expect(compareSerial(next, last)).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('rises with every push of a clock that stands, jumps and runs backwards', () => {
    fc.assert(
      fc.property(fc.array(anyClock, { minLength: 2, maxLength: 20 }), (clock) => {
        let last: number | undefined;
        for (const now of clock) {
          const next = nextSerial(last, now);
          if (last !== undefined) expect(compareSerial(next, last)).toBeGreaterThan(0);
          last = next;
        }
      }),
    );
  });
});
