import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../sync-agent/config.ts';

const parse = (frameworkAliases: unknown, labelRules = 'rfc1123') =>
  parseConfig({ records: { frameworkAliases, labelRules } }, 'c.json');

describe('framework aliases', () => {
  it.each<[object, string]>([
    [{ aurora: ['Aurora'] }, 'c.json: records.frameworkAliases.aurora: "Aurora" is its own name'],
    [{ aurora: ['x.slave'] }, '"x.slave" ends in slave, where tasks have their'],
    [{ aurora: ['.ts'] }, '.aurora: ".ts" has a dot too many: names go without one at their ends'],
    [{ aurora: ['ts.'] }, '"ts." has a dot too many'],
    [{ aurora: ['t..s'] }, '"t..s" has a dot too many'],
    [{ 'aurora.': ['ts'] }, '"aurora." has a dot too many'],
    [{ aurora: ['ts', 'TS'] }, '.aurora: "TS" is there twice'],
    [{ aurora: ['x'], marathon: ['X'] }, '.marathon: "X" is an alias of "aurora" too: one name leads to one'],
    [
      { aurora: ['x'], Aurora: ['y'] },
      '.Aurora: is the framework "aurora" too: give all aliases of aurora in',
    ],
    [{ a: ['b'], b: ['a'] }, '.a: b has aliases itself: an alias does not lead on to others'],
    [{ a: ['b'], b: ['c'] }, '.a: b has aliases itself'],
    [{ b: ['c'], a: ['B'] }, '.a: b has aliases itself'],
    [{ '': ['a'] }, 'records.frameworkAliases.'],
    [{ a: [] }, 'records.frameworkAliases.a'],
    [{ a: [''] }, 'should be a framework’s name'],
    [{ a: ['--'] }, 'should be a framework’s name'],
  ])('%j is refused, with the reason', (aliases, message) => {
    const refused = (): unknown => parse(aliases);
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
  });

  it('are compared as the label rules write them', () => {
    const long = { a: ['a2345678901234567890123456', 'a234567890123456789012345'] };
    expect(() => parse(long)).not.toThrow();
    expect(() => parse(long, 'rfc952')).toThrow('is there twice');
  });

  it.each<object>([
    {},
    { aurora: ['twitterscheduler', 'old.one'], marathon: ['m'] },
    { 'a.b': ['b.a'] },
    { constructor: ['toString'] },
  ])('%j is taken', (aliases) => {
    expect(() => parse(aliases)).not.toThrow();
  });
});
