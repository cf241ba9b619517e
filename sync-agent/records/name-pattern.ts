import { FormatError } from '../../zone/format-error.ts';

/** A regular expression of the configuration, as it is written there. */
export type NamePattern = { readonly text: string; readonly regex: RegExp };

/** Names are tested up to here; a longer one is cut. Patterns are the operator's own, and may be slow ones. */
export const MAX_TESTED = 255;
const MAX_PATTERN = 1_000;

/**
 * A pattern in JavaScript's syntax, unanchored; `(?i)` in front lets case not count, as in Go. Throws `FormatError`
 * with the pattern and the place of what is wrong in it.
 */
export function parseNamePattern(text: string): NamePattern {
  if (text === '') throw new FormatError('pattern ""', 'is empty: it would match every name');
  if (text.length > MAX_PATTERN)
    throw new FormatError(
      `pattern ${JSON.stringify(text.slice(0, 40))}…`,
      `is over ${MAX_PATTERN} characters`,
    );
  const flags = text.startsWith('(?i)') ? 'i' : '';
  const source = flags === '' ? text : text.slice('(?i)'.length);
  const problem = problemOf(source);
  if (problem === undefined) return { text, regex: new RegExp(source, flags) };
  const at = text.length - source.length + placeOf(source, problem) + 1;
  throw new FormatError(`pattern ${JSON.stringify(text)}`, `${problem.toLowerCase()}, at character ${at}`);
}

/** One whose first capture group becomes a name. Throws `FormatError` for one that has none. */
export function parseGroupPattern(text: string): NamePattern {
  const pattern = parseNamePattern(text);
  // With an empty alternative it matches anything, and tells how many groups it has.
  const groups = new RegExp(`${pattern.regex.source}|`).exec('')?.length ?? 1;
  if (groups > 1) return pattern;
  throw new FormatError(
    `pattern ${JSON.stringify(text)}`,
    'has no group whose text could become the name, as (KafkaBroker)-.* has',
  );
}

/** The first of the patterns that is found in a name. */
export function findPattern(patterns: readonly NamePattern[], name: string): NamePattern | undefined {
  const tested = name.slice(0, MAX_TESTED);
  return patterns.find(({ regex }) => regex.test(tested));
}

/** What the engine says of a pattern that is none; it does not say where. */
function problemOf(source: string): string | undefined {
  try {
    new RegExp(source).test('');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^.*: /s, '') : 'is none';
  }
}

/** Where the problem is, from 0: what is never closed begins behind the longest good beginning; all else ends the shortest bad one. */
function placeOf(source: string, problem: string): number {
  if (/^(?:Unterminated|\\ at end)/.test(problem)) {
    let end = source.length - 1;
    while (end > 0 && problemOf(source.slice(0, end)) !== undefined) end--;
    return end;
  }
  let end = 1;
  while (end < source.length && problemOf(source.slice(0, end)) !== problem) end++;
  return end - 1;
}
