import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const page = readFileSync(new URL('../docs/security.md', import.meta.url), 'utf8');
const [, attacks = ''] = page.split('## Attacks');
const rows = attacks
  .split('\n## ', 1)
  .join('')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()));

it('the table of attacks has rows', () => {
  expect(rows.length).toBeGreaterThan(20);
});

it.each(rows.map(([, attack = '', , tests = '']) => [attack, tests]))(
  '%s: the tests named are there',
  (_, tests) => {
    const files = [...tests.matchAll(/`([^`]+\.test\.ts)`((?:,? "[^"]+")*)/g)];
    expect(files.length).toBeGreaterThan(0);
    for (const [, file = '', titles = ''] of files) {
      const url = new URL(file, import.meta.url);
      expect(existsSync(url), file).toBe(true);
      const text = readFileSync(url, 'utf8');
      for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g))
        expect(text.includes(title), `${file}: ${title}`).toBe(true);
    }
  },
);
