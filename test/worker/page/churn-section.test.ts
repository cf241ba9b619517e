import { describe, expect, it } from 'vitest';
import type { ChurnOfZone } from '../../../worker/churn.ts';
import { type ChurnShown, churnSection } from '../../../worker/page/churn-section.ts';
import { type Read, readPage } from './read-page.ts';

const START = 1_795_200_000 - (1_795_200_000 % 1800);

/** A day in which these half hours had changes: `{ 3: [added, changed, gone] }`. */
function day(changes: Readonly<Record<number, readonly [number, number, number]>>, since = 0): ChurnOfZone {
  const halfHours = Array.from({ length: 48 }, (_, i) => {
    const [added, changed, gone] = changes[i] ?? [0, 0, 0];
    return { startSeconds: START + i * 1800, added, changed, gone };
  });
  return { stepSeconds: 1800, halfHours, sinceSeconds: since };
}

async function shown(...zones: ChurnShown[]): Promise<Read> {
  return readPage(new Response(String(churnSection(zones))));
}

describe('the changes of a day', () => {
  it('are not there where none are counted', async () => {
    expect((await shown()).html).toBe('');
  });

  it('are a sentence where nothing changed', async () => {
    const { html, texts } = await shown({ origin: 'mesos', churn: day({}) });
    expect(await texts('p')).toEqual(['No name came, changed or went.']);
    expect(html).not.toMatch(/<svg|<table/);
  });

  it('say from when on they are known', async () => {
    const { texts } = await shown({ origin: 'mesos', churn: day({}, START + 5 * 1800) });
    const since = new Date((START + 5 * 1800) * 1000).toISOString().slice(11, 16);
    expect((await texts('p')).join()).toContain(`since ${since} UTC`);
  });

  it('are drawn, summed in words, and listed', async () => {
    const { texts, attributes } = await shown({
      origin: 'mesos',
      churn: day({ 0: [8, 2, 0], 47: [0, 0, 10] }),
    });
    expect((await texts('p')).join()).toMatch(/8 names came.*2 changed.*10 went/);
    const rows = await texts('tbody tr');
    expect(rows.map((row) => row.split(' ').slice(1))).toEqual([
      ['8', '2', '0'],
      ['0', '0', '10'],
    ]);
    const [svg] = await attributes('svg');
    expect(svg).toMatchObject({ role: 'img', 'aria-label': expect.stringMatching(/10 names.*10/) });
    const paths = Object.fromEntries((await attributes('path')).map((path) => [path['class'], path['d']]));
    // The line is in the middle: ten names at most above it, ten below.
    expect(paths).toEqual({
      line: 'M0 50h480',
      added: 'M1.5 50h7V10h-7z',
      changed: 'M1.5 10h7V0h-7z',
      gone: 'M471.5 50h7V100h-7z',
    });
  });

  it('stay inside the drawing, whatever the numbers', async () => {
    const churn = day({ 1: [0, 0, 1], 9: [4_294_967_295, 0, 3], 20: [0, 7, 0] });
    const [, ...paths] = await (await shown({ origin: 'mesos', churn })).attributes('path');
    for (const { d = '' } of paths) {
      expect(d).not.toMatch(/NaN|Infinity|undefined/);
      for (const [, y = ''] of d.matchAll(/[ V](-?[\d.]+)/g)) {
        expect(Number(y)).toBeGreaterThanOrEqual(0);
        expect(Number(y)).toBeLessThanOrEqual(100);
      }
    }
  });

  it('are told apart by zone where there are several', async () => {
    const { texts } = await shown(
      { origin: 'a', churn: day({}) },
      { origin: '<b>', churn: day({ 1: [1, 0, 0] }) },
    );
    expect(await texts('h3')).toEqual(['a', '<b>']);
  });
});
