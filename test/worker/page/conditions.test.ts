import { describe, expect, it } from 'vitest';
import type { ZoneHealth } from '../../../worker/health.ts';
import { conditionsOf, SHOWN, worstOf } from '../../../worker/page/conditions.ts';
import { durationText } from '../../../worker/page/duration.ts';

const OK: ZoneHealth = { origin: 'mesos', status: 'ok', serial: 7, ageSeconds: 12 };

describe('a zone', () => {
  it.each<[Partial<ZoneHealth>, readonly string[]]>([
    [{}, ['ok']],
    [{ status: 'stale' }, ['stale']],
    [{ status: 'expired' }, ['expired']],
    [{ status: 'not-ready', problem: 'no key fits' }, ['not-ready']],
    [{ problem: 'no key fits' }, ['problem', 'ok']],
    [{ held: 12, heldSinceSeconds: 40 }, ['held', 'ok']],
    [{ pinned: 5 }, ['pinned', 'ok']],
    [{ restored: 1 }, ['restored', 'ok']],
    [
      { status: 'stale', held: 1, pinned: 2, restored: 3, problem: 'x' },
      ['problem', 'stale', 'pinned', 'held', 'restored'],
    ],
  ])('%j is %j, the worst first', (facts, kinds) => {
    expect(conditionsOf({ ...OK, ...facts }).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('says what it means, and in each trouble what to do and where that is written', () => {
    const trouble = { ...OK, status: 'stale', ageSeconds: 1_300, held: 12, heldSinceSeconds: 40 } as const;
    const [stale, held] = conditionsOf(trouble);
    expect(stale?.means).toContain('21 min ago');
    expect(held?.means).toContain('12 names are gone');
    expect(held?.means).toContain('for 40 s');
    for (const condition of [stale, held]) {
      expect(condition?.mend).toMatch(/\.$|\?$/);
      expect(condition?.page).toMatch(/^[a-z-]+\.md$/);
    }
  });

  it('says why it is not ready, as the Worker met it', () => {
    const [condition] = conditionsOf({ origin: 'mesos', status: 'not-ready', problem: 'no key fits' });
    expect(condition?.problem).toBe('no key fits');
  });
});

describe('the worst of all zones', () => {
  it('is looked for over all their conditions', () => {
    expect(worstOf([OK, { ...OK, pinned: 3 }, { ...OK, held: 2 }])).toBe('pinned');
    expect(worstOf([OK, { origin: 'x', status: 'not-ready' }])).toBe('not-ready');
    expect(worstOf([OK])).toBe('ok');
    expect(worstOf([])).toBeUndefined();
  });

  it('has words and a headline of its own in each case', () => {
    const shown = Object.values(SHOWN);
    expect(new Set(shown.map(([, word]) => word)).size).toBe(shown.length);
    expect(new Set(shown.map(([, , headline]) => headline)).size).toBe(shown.length);
  });
});

it.each([
  [0, '0 s'],
  [119.4, '119 s'],
  [120, '2 min'],
  [7_199, '119 min'],
  [7_200, '2 h'],
  [172_799, '47 h'],
  [172_800, '2 days'],
  [800_000, '9 days'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
