import { expect, it } from 'vitest';
import { withoutStack } from '../../../sync-agent/local/miniflare.ts';

const STACK = '\n    at qc (file:///index.js:2:28526)\n    at Object.fetch (file:///index.js:339:515)';

it.each([
  [
    `FormatError: MERGED: has the member lab, which ZONES has not${STACK}`,
    'MERGED: has the member lab, which ZONES has not',
  ],
  [`Uncaught FormatError: ALIASES: has x twice${STACK}`, 'ALIASES: has x twice'],
  [`TypeError: x is not a function${STACK}`, `TypeError: x is not a function${STACK}`],
  ['a line\nand another', 'a line\nand another'],
])('of what the Worker says, %j, a person sees %j', (message, seen) => {
  expect(withoutStack(message)).toBe(seen);
});
