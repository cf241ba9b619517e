import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';
import { FormatError } from '../../zone/format-error.ts';

/** A regular expression of the configuration, as it is written there. */
export type NamePattern = { readonly text: string; readonly regex: RE2JS };

/** Names are tested up to here; a longer one is cut. */
const MAX_TESTED = 255;
const MAX_PATTERN = 1_000;
/** Of the automaton. A name takes time with its length times these: at this many, 5 ms in the worst case. */
const MAX_STEPS = 2_500;

/**
 * A pattern in RE2's syntax, which is Go's and so mesos-consul's, unanchored (`regexp.MatchString`). There is none that
 * takes more than linear time. Throws `FormatError` with the pattern and the place of what is wrong in it.
 */
export function parseNamePattern(text: string): NamePattern {
  if (text === '') throw new FormatError('pattern ""', 'is empty: it would match every name');
  if (text.length > MAX_PATTERN)
    throw new FormatError(
      `pattern ${JSON.stringify(text.slice(0, 40))}…`,
      `is over ${MAX_PATTERN} characters`,
    );
  const regex = compile(text);
  if (regex instanceof RE2JS) {
    if (regex.programSize() <= MAX_STEPS) return { text, regex };
    throw new FormatError(
      `pattern ${JSON.stringify(text)}`,
      `is too large: ${regex.programSize()} steps, ${MAX_STEPS} at most: write shorter repeats`,
    );
  }
  const place = placeOf(text, regex);
  const at = `at character ${Array.from(text.slice(0, place)).length + 1}`;
  throw new FormatError(`pattern ${JSON.stringify(text)}`, `${describe(regex)}, ${at}${hintOn(regex)}`);
}

/** One whose first capture group becomes a name. Throws `FormatError` for one that has none. */
export function parseGroupPattern(text: string): NamePattern {
  const pattern = parseNamePattern(text);
  if (pattern.regex.groupCount() > 0) return pattern;
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

/** The text of a pattern's first group in a name; empty where it is not found, or the group has no part in it. */
export function firstGroup({ regex }: NamePattern, name: string): string {
  const tested = name.slice(0, MAX_TESTED);
  // Whether it matches is told much faster than what the group is.
  return regex.test(tested) ? (regex.exec(tested)?.[1] ?? '') : '';
}

/** What is wrong with a pattern, and the part of it that is meant: all up to the end for what is never closed. */
type Problem = { readonly what: string; readonly part: string };

function compile(text: string): RE2JS | Problem {
  try {
    return RE2JS.compile(text);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException)
      return { what: error.getDescription(), part: error.getPattern() ?? '' };
    if (error instanceof RE2JSException) return { what: error.message, part: '' };
    throw error;
  }
}

/** Where the problem is, from 0; the engine names only the part. */
function placeOf(text: string, { what, part }: Problem): number {
  if (what === 'missing closing )') {
    let end = text.length - 1;
    while (end > 0 && !(compile(text.slice(0, end)) instanceof RE2JS)) end--;
    return end;
  }
  if (part === '') return text.length - 1;
  // The part is there, but maybe more than once, or, as a whole beginning, in another sense: the shortest beginning that fails so.
  const wanted = what === 'unexpected )' ? ')' : part;
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    const found = compile(text.slice(0, at + wanted.length));
    if (!(found instanceof RE2JS) && found.what === what) return at;
  }
  return Math.max(0, text.lastIndexOf(wanted));
}

/** `invalid escape sequence \q`: what is wrong, with the part where it says more than the place does. */
function describe({ what, part }: Problem): string {
  return part === '' || /^(?:missing closing|unexpected)/.test(what) ? what : `${what} ${part}`;
}

/** What was good in JavaScript's syntax, or is so in Perl's, and is not in RE2's. */
function hintOn({ what, part }: Problem): string {
  if (/^\(\?<?[=!]/.test(part))
    return ': RE2 does not look ahead or behind: use include and exclude together';
  if (what === 'invalid escape sequence' && /^\\[1-9k]/.test(part)) return ': RE2 has no back-references';
  return part === String.raw`\Z` ? String.raw`: the end is \z, or $` : '';
}
