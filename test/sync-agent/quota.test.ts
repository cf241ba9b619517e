import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createQuota,
  isPassed,
  noteWrites,
  pushSecondsThatFit,
  type QuotaState,
  type QuotaWarning,
  readQuota,
} from '../../sync-agent/quota.ts';

const MIDNIGHT = Date.parse('2026-11-20T00:00:00Z');
const HOUR = 3_600_000;

/** Counts one after another; gives the state and every warning with the hour it came in. */
function countAll(
  notes: readonly (readonly [hour: number, n: number])[],
  start: QuotaState = createQuota(MIDNIGHT),
): { state: QuotaState; warnings: { hour: number; warn: QuotaWarning }[] } {
  let state = start;
  const warnings: { hour: number; warn: QuotaWarning }[] = [];
  for (const [hour, n] of notes) {
    const noted = noteWrites(state, n, MIDNIGHT + hour * HOUR);
    state = noted.state;
    if (noted.warn) warnings.push({ hour, warn: noted.warn });
  }
  return { state, warnings };
}

describe('a day of writes', () => {
  it('warns once at 80 % and once at 95 %, with when it is used up at this pace', () => {
    const hourly = Array.from({ length: 10 }, (_, i) => [i + 1, 100] as const);
    const { state, warnings } = countAll(hourly);
    expect(state.used).toBe(1_000);
    expect(warnings).toEqual([
      { hour: 8, warn: { written: 800, perDay: 1_000, emptyAtMs: MIDNIGHT + 10 * HOUR } },
      { hour: 10, warn: { written: 1_000, perDay: 1_000, emptyAtMs: MIDNIGHT + 10 * HOUR } },
    ]);
  });

  it('says that it lasts where it does', () => {
    const { warnings } = countAll([
      [21, 800],
      [23.9, 150],
    ]);
    expect(warnings.map(({ warn }) => [warn.written, warn.emptyAtMs])).toEqual([
      [800, undefined],
      [950, undefined],
    ]);
  });

  it('warns once for a jump past both', () => {
    const { warnings } = countAll([
      [1, 990],
      [2, 5],
      [3, 50],
    ]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.warn.written).toBe(990);
  });

  it('is at its end when it is passed', () => {
    const { warnings } = countAll([[6, 1_200]]);
    expect(warnings[0]?.warn).toEqual({ written: 1_200, perDay: 1_000, emptyAtMs: MIDNIGHT + 6 * HOUR });
  });

  it('begins anew at 00:00 UTC, warnings too', () => {
    const { state, warnings } = countAll([
      [23, 900],
      [24, 10],
      [25, 800],
    ]);
    expect(state).toMatchObject({ day: '2026-11-21', used: 810 });
    expect(warnings.map(({ hour }) => hour)).toEqual([23, 25]);
  });

  it('is not begun anew by a clock that goes back over midnight', () => {
    const { state } = countAll([
      [24.1, 500],
      [23.9, 10],
      [24.2, 1],
    ]);
    expect(state).toMatchObject({ day: '2026-11-21', used: 511 });
  });

  it('of a clock that was days ahead is given up', () => {
    expect(
      countAll([
        [24 * 9, 500],
        [1, 7],
      ]).state,
    ).toMatchObject({ day: '2026-11-20', used: 7 });
  });

  it('begun in the afternoon takes its pace from then', () => {
    const { warnings } = countAll([[15.5, 800]], createQuota(MIDNIGHT + 15 * HOUR));
    expect(warnings[0]?.warn.emptyAtMs).toBe(MIDNIGHT + 15.625 * HOUR);
  });

  it('tells what would be refused', () => {
    const { state } = countAll([[1, 999]]);
    expect(isPassed(state, 1, MIDNIGHT + HOUR)).toBe(false);
    expect(isPassed(state, 2, MIDNIGHT + HOUR)).toBe(true);
    expect(isPassed(state, 2, MIDNIGHT + 24 * HOUR)).toBe(false);
  });

  it('counts all, warns at most twice a day, and never later than it is passed', () => {
    const notes = fc.array(fc.tuple(fc.double({ min: 0, max: 23.99, noNaN: true }), fc.nat(200)), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(notes, (some) => {
        const sorted = some.toSorted((a, b) => a[0] - b[0]);
        const { state, warnings } = countAll(sorted);
        const sum = some.reduce((total, [, n]) => total + n, 0);
        expect(state.used).toBe(sum);
        expect(warnings.length).toBeLessThanOrEqual(2);
        if (sum >= 800) expect(warnings.length).toBeGreaterThan(0);
        else expect(warnings).toEqual([]);
      }),
    );
  });
});

describe('what is kept of a day', () => {
  it('is JSON and comes back the same', () => {
    const { state } = countAll([[3, 810]]);
    const kept: unknown = JSON.parse(JSON.stringify(state));
    expect(readQuota(kept, MIDNIGHT + 4 * HOUR)).toEqual(state);
    expect(noteWrites(readQuota(kept, MIDNIGHT), 1, MIDNIGHT + 4 * HOUR).warn).toBeUndefined();
  });

  it.each([[undefined], ['text'], [{}], [{ day: '2026-11-20', used: -1 }], [[]], [null]])(
    'is begun anew where it can not be used: %j',
    (kept) => {
      expect(readQuota(kept, MIDNIGHT + HOUR)).toEqual(createQuota(MIDNIGHT + HOUR));
    },
  );

  it('takes the limit that holds now', () => {
    expect(readQuota(createQuota(MIDNIGHT, 500), MIDNIGHT, 1_000).perDay).toBe(1_000);
  });
});

describe('the spacing that still fits', () => {
  it.each<[number, number, number | undefined, number?]>([
    [0, 0, 87],
    [12, 0, 44],
    [12, 500, 87],
    [23, 990, 360],
    [12, 999, 43_200],
    [12, 1_000, undefined],
    [12, 1_300, undefined],
    [12, 500, 173, 2],
    [12, 999, undefined, 2],
  ])('at %d h with %d used is %s s', (hour, used, expected, writesPerPush) => {
    const { state } = countAll([[hour, used]]);
    const nowMs = MIDNIGHT + hour * HOUR;
    const seconds = pushSecondsThatFit(state, nowMs, writesPerPush === undefined ? {} : { writesPerPush });
    expect(seconds).toBe(expected);
  });

  it('pushed at, does not pass the day', () => {
    fc.assert(
      fc.property(fc.nat(23), fc.nat(990), fc.integer({ min: 1, max: 8 }), (hour, used, writesPerPush) => {
        const { state } = countAll([[hour, used]]);
        const nowMs = MIDNIGHT + hour * HOUR;
        const seconds = pushSecondsThatFit(state, nowMs, { writesPerPush });
        if (seconds === undefined) return;
        const pushes = Math.floor(((24 - hour) * 3600) / seconds);
        expect(used + pushes * writesPerPush).toBeLessThanOrEqual(1_000);
      }),
    );
  });
});
