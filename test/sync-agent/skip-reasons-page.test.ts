import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('docs/operate.md says of each reason what is left out and what to do', () => {
  const type = /export type SkipReason =(.*?);/s.exec(read('sync-agent/cluster.ts'))?.[1] ?? '';
  const reasons = [...type.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason);
  const section = /\n## What is left out(.*?)\n## /s.exec(read('docs/operate.md'))?.[1] ?? '';
  const rows = [...section.matchAll(/^\| `([a-z-]+)` +\| \S[^|]+\| \S[^|]+\|$/gm)].map(
    ([, reason]) => reason,
  );
  expect(reasons.length).toBeGreaterThan(20);
  expect(rows.toSorted()).toEqual(reasons.toSorted());
});
