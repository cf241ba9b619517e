import { FormatError } from '../zone/format-error.ts';

/** An entry of a zone file in one line: without comments, and without the parentheses that let it have several. */
export type ZoneFileLine = {
  /** Where it begins, from 1. */
  readonly number: number;
  readonly text: string;
  /** It begins with blanks, so it has the name of the entry before. */
  readonly isIndented: boolean;
};

/** What would be a comment or a parenthesis to whoever does not look for quotation marks, as `\DDD`. */
const ESCAPED: Readonly<Record<string, string>> = {
  ';': String.raw`\059`,
  '(': String.raw`\040`,
  ')': String.raw`\041`,
};

/** The entries of a zone file (RFC 1035 §5.1). Throws `FormatError` with file and line for what has no end. */
export function* zoneFileLines(text: string, path: string): Generator<ZoneFileLine> {
  let entry = '';
  let startsAt = 1;
  let line = 1;
  let depth = 0;
  let isQuoted = false;
  const fail = (reason: string): never => {
    throw new FormatError(`${path}:${line}`, reason);
  };
  const all = `${text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n')}\n`;
  for (let at = 0; at < all.length; at++) {
    const char = all.charAt(at);
    if (char === '\\' && all[at + 1] !== '\n') entry += char + all.charAt(++at);
    else if (char === '\n') {
      if (isQuoted) fail('has a quotation mark without its other');
      line++;
      if (depth > 0) {
        entry += ' ';
        continue;
      }
      if (entry.trim() !== '') yield { number: startsAt, text: entry.trim(), isIndented: /^\s/.test(entry) };
      [entry, startsAt] = ['', line];
    } else if (char === '"') {
      isQuoted = !isQuoted;
      entry += char;
    } else if (isQuoted) entry += ESCAPED[char] ?? char;
    else if (char === ';') at = all.indexOf('\n', at) - 1;
    else if (char === '(') {
      depth++;
      entry += ' ';
    } else if (char === ')') {
      if (--depth < 0) fail('has a ) without its (');
      entry += ' ';
    } else entry += char === '\t' ? ' ' : char;
  }
  if (depth > 0) {
    line = startsAt;
    fail('has a ( without its )');
  }
}
