import { describe, expect, it } from 'vitest';
import {
  findPattern,
  firstGroup,
  parseGroupPattern,
  parseNamePattern,
} from '../../../sync-agent/records/name-pattern.ts';

describe('a pattern', () => {
  it.each([
    ['web', 'my-web-1', true],
    ['^web', 'my-web-1', false],
    ['^web$', 'web', true],
    ['web', 'WEB', false],
    ['(?i)web', 'WEB', true],
    ['a|b', 'xbx', true],
    ['x', 'a'.repeat(254) + 'x', true],
    ['x', 'a'.repeat(255) + 'x', false],
  ])('%s in %s: %s', (pattern, name, isFound) => {
    expect(findPattern([parseNamePattern(pattern)], name) !== undefined).toBe(isFound);
  });

  it('is the first of several that is found', () => {
    const patterns = ['x', 'w', 'web'].map((text) => parseNamePattern(text));
    expect(findPattern(patterns, 'web')?.text).toBe('w');
    expect(findPattern([], 'web')).toBeUndefined();
  });

  // mesos-consul's are Go's: https://pkg.go.dev/regexp/syntax.
  it.each([
    ['[[:alpha:]]+-[[:digit:]]$', 'web-1', true],
    ['[[:alpha:]]+-[[:digit:]]$', '[:alpha:]', false],
    [String.raw`^\Qa.b\E`, 'a.b', true],
    [String.raw`^\Qa.b\E`, 'axb', false],
    [String.raw`\Aweb\z`, 'web', true],
    [String.raw`\Aweb\z`, 'web1', false],
    ['(?P<kind>kafka)-', 'kafka-1', true],
    ['^w(?i:EB)', 'web', true],
    ['^w(?i:EB)', 'WEB', false],
    ['(?i-s)WEB', 'web', true],
    [String.raw`\pL\PL`, 'a1', true],
    ['a{,2}', 'a{,2}', true],
  ])('%s is read as Go reads it: in %s %s', (pattern, name, isFound) => {
    expect(findPattern([parseNamePattern(pattern)], name) !== undefined).toBe(isFound);
  });

  it.each([
    '(a+)+$',
    '^(a|aa)+$',
    '(x+x+)+y',
    '.*.*.*.*=.*',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(.?){300}(.?){300}$x',
  ])('%s, which would hang an engine that goes back, is soon through', (text) => {
    const pattern = parseNamePattern(text);
    const started = performance.now();
    for (const letter of 'axb') {
      const name = `${letter.repeat(254)}!`;
      expect([findPattern([pattern], name), firstGroup(pattern, name)]).toEqual([undefined, '']);
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it.each([
    ['(', 'pattern "(": missing closing ), at character 1'],
    ['(a)(b', 'pattern "(a)(b": missing closing ), at character 4'],
    ['a(b(c)', 'pattern "a(b(c)": missing closing ), at character 2'],
    ['(a**)', 'pattern "(a**)": invalid nested repetition operator **, at character 3'],
    ['ab)', 'pattern "ab)": unexpected ), at character 3'],
    ['a(b)c)d)', 'pattern "a(b)c)d)": unexpected ), at character 6'],
    ['a[b', 'pattern "a[b": missing closing ], at character 2'],
    ['[a-c][b-a]', 'pattern "[a-c][b-a]": invalid character class range b-a, at character 7'],
    ['\\d\\', String.raw`pattern "\\d\\": trailing backslash at end of expression, at character 3`],
    ['(?i)a(', 'pattern "(?i)a(": missing closing ), at character 6'],
    ['\u{1F600}(', 'pattern "\u{1F600}(": missing closing ), at character 2'],
    ['a{9}b{1001}', 'pattern "a{9}b{1001}": invalid repeat count {1001}, at character 6'],
    ['(?P<n>a)(?P<n>b)', 'pattern "(?P<n>a)(?P<n>b)": duplicate capture group name n, at character 13'],
    [
      'x(?!y)',
      'pattern "x(?!y)": invalid or unsupported Perl syntax (?!, at character 2: RE2 does not look ahead or behind: use include and exclude together',
    ],
    [
      '(?<!x)y',
      'pattern "(?<!x)y": invalid named capture (?<!x)y, at character 1: RE2 does not look ahead or behind: use include and exclude together',
    ],
    [
      String.raw`(a)\1`,
      String.raw`pattern "(a)\\1": invalid escape sequence \1, at character 4: RE2 has no back-references`,
    ],
    [
      String.raw`a\Z`,
      String.raw`pattern "a\\Z": invalid escape sequence \Z, at character 2: the end is \z, or $`,
    ],
    [
      'x{1000}y{1000}z{999}',
      'pattern "x{1000}y{1000}z{999}": is too large: 3001 steps, 2500 at most: write shorter repeats',
    ],
    ['', 'pattern "": is empty: it would match every name'],
    [`${'a'.repeat(1000)}(`, `pattern "${'a'.repeat(40)}"…: is over 1000 characters`],
  ])('%j is refused with what is wrong, and where', (pattern, message) => {
    expect(() => parseNamePattern(pattern)).toThrow(expect.objectContaining({ message }));
  });

  it('has a group to take a name from', () => {
    expect(firstGroup(parseGroupPattern('(Kafka)-.*'), 'Kafka-1')).toBe('Kafka');
    expect(firstGroup(parseGroupPattern('(?P<name>[a-z]+)-(.*)'), 'x/kafka-1')).toBe('kafka');
    expect(firstGroup(parseGroupPattern('a|(b)'), 'a')).toBe('');
    expect(firstGroup(parseGroupPattern('(Kafka)-.*'), 'Zoo')).toBe('');
    for (const pattern of ['Kafka-.*', '(?:Kafka)-.*', String.raw`\(Kafka\)`])
      expect(() => parseGroupPattern(pattern)).toThrow('has no group whose text could become the name');
  });
});
