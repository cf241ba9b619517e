import { describe, expect, it } from 'vitest';
import type { Exchange, Level } from './row.ts';
import { runRow, summary, TABLE } from './table.ts';

/** Of the rows that SHOULD pass so many may be known to fail. */
const MOST_KNOWN = 0.05;

/** The whole table as tests, and its score at the end. `where` is for the report. */
export function conformanceSuite(where: string, exchange: Exchange): void {
  const passed = new Set<string>();
  describe.each<Level>(['MUST', 'SHOULD', 'EXTRA'])(`conformance ${where}: %s`, (level) => {
    const rows = TABLE.filter((row) => row.level === level);
    it.each(rows)('$id ($source): $says', async (row) => {
      const failure = await runRow(row, exchange).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!failure) passed.add(row.id);
      if (row.known === undefined && failure) throw failure;
      if (row.known !== undefined)
        expect(failure, `passes now, is no longer known to fail: ${row.known}`).toBeDefined();
    });
  });

  describe(`conformance ${where}`, () => {
    it('is a table of cases with names of their own', () => {
      expect(new Set(TABLE.map(({ id }) => id)).size).toBe(TABLE.length);
      expect(TABLE.filter(({ level, known }) => level === 'MUST' && known !== undefined)).toEqual([]);
      const should = TABLE.filter(({ level }) => level === 'SHOULD');
      const known = should.filter((row) => row.known !== undefined);
      expect(known.length / should.length).toBeLessThanOrEqual(MOST_KNOWN);
    });

    it('scores', ({ annotate }) => {
      const failing = TABLE.filter(({ id }) => !passed.has(id)).map(
        ({ id, known }) => `${id}: ${known ?? '?'}`,
      );
      const score = [`conformance ${where}: ${summary(passed)}`, ...failing].join('\n  ');
      console.info(score);
      return annotate(score);
    });
  });
}
