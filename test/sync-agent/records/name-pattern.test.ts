import { describe, expect, it } from 'vitest';
import {
  findPattern,
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

  it.each([
    ['(', 'pattern "(": unterminated group, at character 1'],
    ['(a)(b', 'pattern "(a)(b": unterminated group, at character 4'],
    ['a(b(c)', 'pattern "a(b(c)": unterminated group, at character 2'],
    ['(a**)', 'pattern "(a**)": nothing to repeat, at character 4'],
    ['ab)', `pattern "ab)": unmatched ')', at character 3`],
    ['a[b', 'pattern "a[b": unterminated character class, at character 2'],
    ['[b-a]', 'pattern "[b-a]": range out of order in character class, at character 4'],
    ['\\d\\', String.raw`pattern "\\d\\": \ at end of pattern, at character 3`],
    ['(?i)a(', 'pattern "(?i)a(": unterminated group, at character 6'],
    ['', 'pattern "": is empty: it would match every name'],
    [`${'a'.repeat(1000)}(`, `pattern "${'a'.repeat(40)}"…: is over 1000 characters`],
  ])('%j is refused with what is wrong, and where', (pattern, message) => {
    expect(() => parseNamePattern(pattern)).toThrow(expect.objectContaining({ message }));
  });

  it('has a group to take a name from', () => {
    expect(parseGroupPattern('(Kafka)-.*').regex.exec('Kafka-1')?.[1]).toBe('Kafka');
    for (const pattern of ['Kafka-.*', '(?:Kafka)-.*', String.raw`\(Kafka\)`])
      expect(() => parseGroupPattern(pattern)).toThrow('has no group whose text could become the name');
  });
});
