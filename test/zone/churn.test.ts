import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Churn,
  countInto,
  decodeChurn,
  encodeChurn,
  halfHourOf,
  type NameCounts,
  startChurn,
} from '../../zone/churn.ts';
import { FormatError } from '../../zone/format-error.ts';
import { toHex } from '../../zone/hash.ts';
import { damaged, hex, refuses } from './arbitrary.ts';

const DAY = 86_400;
/** At the start of a half hour. */
const START = 1_749_999_600;
const NONE = { added: 0, changed: 0, gone: 0 };
const ONE = { added: 1, changed: 2, gone: 3 };

const anyCounts = fc.record({ added: fc.nat(9), changed: fc.nat(9), gone: fc.nat(9) });
/** Pushes with the seconds since the last one: mostly soon, now and then a day off, and by clocks that go back. */
const anyPushes = fc.array(
  fc.tuple(fc.oneof(fc.nat(600), fc.nat(20_000), fc.integer({ min: -4000, max: 2 * DAY })), anyCounts),
  { maxLength: 150 },
);

function counted(pushes: readonly (readonly [number, NameCounts])[], churn = startChurn(START)): Churn {
  return pushes.reduce((sum, [seconds, counts]) => countInto(sum, counts, seconds), churn);
}

function total({ halfHours }: Churn): NameCounts {
  const sum = { ...NONE };
  for (const each of halfHours)
    for (const kind of ['added', 'changed', 'gone'] as const) sum[kind] += each[kind];
  return sum;
}

describe('churn', () => {
  it('starts with nothing, and counts by half hours', () => {
    const churn = counted([
      [START + 1799, ONE],
      [START, ONE],
      [START + 1800, { ...NONE, gone: 7 }],
      [START + 7200, { ...NONE, added: 8 }],
    ]);
    expect(startChurn(START + 5)).toEqual({ sinceSeconds: START + 5, halfHours: [] });
    expect(churn).toEqual({
      sinceSeconds: START,
      halfHours: [
        { startSeconds: START, added: 2, changed: 4, gone: 6 },
        { startSeconds: START + 1800, added: 0, changed: 0, gone: 7 },
        { startSeconds: START + 7200, added: 8, changed: 0, gone: 0 },
      ],
    });
  });

  it('stays the very same where nothing is counted, however late', () => {
    const churn = counted([[START, ONE]]);
    expect(countInto(churn, NONE, START + 3 * DAY)).toBe(churn);
  });

  it('drops what is a day old when something is counted', () => {
    const churn = counted([
      [START, ONE],
      [START + 1800, ONE],
    ]);
    const starts = (seconds: number): number[] =>
      countInto(churn, ONE, seconds).halfHours.map(({ startSeconds }) => startSeconds - START);
    expect(starts(START + DAY - 1)).toEqual([0, 1800, DAY - 1800]);
    expect(starts(START + DAY)).toEqual([1800, DAY]);
    expect(starts(START + 9 * DAY)).toEqual([9 * DAY]);
  });

  it('drops what a clock that was ahead has counted, but for the next half hour', () => {
    const churn = counted([
      [START, ONE],
      [START + 1800, ONE],
      [START + 3600, ONE],
    ]);
    expect(countInto(churn, ONE, START).halfHours).toEqual([
      { startSeconds: START, added: 2, changed: 4, gone: 6 },
      { startSeconds: START + 1800, ...ONE },
    ]);
    expect(countInto(startChurn(START + DAY), ONE, START).sinceSeconds).toBe(START);
  });

  it('keeps counts in 32 bits', () => {
    const most = { added: 0xffffffff, changed: 0xfffffffe, gone: 1 };
    const [half] = counted([
      [START, most],
      [START, most],
    ]).halfHours;
    expect(half).toEqual({ startSeconds: START, added: 0xffffffff, changed: 0xffffffff, gone: 2 });
  });

  it('has at any time what was counted within the day before, in at most 48 half hours that can be stored', () => {
    fc.assert(
      fc.property(anyPushes, (steps) => {
        let [churn, now] = [startChurn(START), START];
        let pushes: { readonly startSeconds: number; readonly counts: NameCounts }[] = [];
        for (const [later, counts] of steps) {
          now = Math.max(DAY, now + later);
          churn = countInto(churn, counts, now);
          if (counts.added + counts.changed + counts.gone > 0) {
            pushes.push({ startSeconds: now - (now % 1800), counts });
            const seconds = now;
            pushes = pushes.filter(
              ({ startSeconds }) =>
                startSeconds > seconds - (seconds % 1800) - DAY && startSeconds <= seconds + 1800,
            );
          }
          expect(decodeChurn(encodeChurn(churn))).toEqual(churn);
        }
        const expected = { ...NONE };
        for (const { counts } of pushes)
          for (const kind of ['added', 'changed', 'gone'] as const) expected[kind] += counts[kind];
        expect(total(churn)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('of a day and the half hour to come gives up its oldest', () => {
    const halfHours = Array.from({ length: 49 }, (_, i) => ({ startSeconds: START + i * 1800, ...ONE }));
    const read = decodeChurn(encodeChurn({ sinceSeconds: START, halfHours: halfHours.toSpliced(47, 1) }));
    const churn = countInto(read, ONE, START + 47 * 1800);
    expect(churn.halfHours).toEqual(halfHours.slice(1));
  });

  it('is 772 octets at most', () => {
    const day = Array.from({ length: 100 }, (_, i) => [START + i * 1800, ONE] as const);
    expect(encodeChurn(counted(day))).toHaveLength(772);
  });
});

describe('churn as octets', () => {
  it('is its start, then four numbers a half hour', () => {
    const octets = '684edfec 684edff0 00000001 00000002 00000003';
    const churn = { sinceSeconds: START - 4, halfHours: [{ startSeconds: START, ...ONE }] };
    expect(toHex(encodeChurn(churn))).toBe(toHex(hex(octets)));
    expect(decodeChurn(hex(octets))).toEqual(churn);
  });

  const half = (number: number): string => toHex(Uint8Array.of(0, number >> 8, number, 0)).padEnd(32, '1');
  it.each([
    ['nothing', ''],
    ['half a number', '684ed8'],
    ['a half hour cut off', '684edfec 684edff0 00000001 00000002 000000'],
    ['a start that is none', '684edfec 684edff1 00000001 00000002 00000003'],
    ['the same half hour twice', `00000000 ${'684edff0 00000001 00000002 00000003'.repeat(2)}`],
    ['an earlier one behind', `00000000 684edff0 ${'00000001'.repeat(3)} 684ed8e8 ${'00000001'.repeat(3)}`],
    ['49 of them', `00000000 ${Array.from({ length: 49 }, (_, i) => half(i * 225)).join(' ')}`],
  ])('is refused with %s', (_, octets) => {
    expect(() => decodeChurn(hex(octets))).toThrow(FormatError);
  });

  it('is read with 48 of them', () => {
    const octets = hex(`00000000 ${Array.from({ length: 48 }, (_, i) => half(i * 225)).join(' ')}`);
    expect(decodeChurn(octets).halfHours).toHaveLength(48);
  });

  it('throws nothing but FormatError, and what it reads is written the same', () => {
    const octets = encodeChurn(
      counted([
        [START, ONE],
        [START + 3600, ONE],
      ]),
    );
    for (const copy of damaged(octets)) refuses(() => decodeChurn(copy));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
        let read: Churn | undefined;
        refuses(() => (read = decodeChurn(any)));
        if (read) expect(encodeChurn(read)).toEqual(any);
      }),
    );
  });
});

it('a half hour begins at a multiple of 1,800 seconds', () => {
  expect([START - 1, START, START + 1799.9, START + 1800].map(halfHourOf)).toEqual([
    START - 1800,
    START,
    START,
    START + 1800,
  ]);
});
