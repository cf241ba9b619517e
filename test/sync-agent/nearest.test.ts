import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from '../../sync-agent/nearest.ts';

const KNOWN = ['domain', 'mesos', 'masters', 'pollSeconds', 'kv', 'ttl'];

describe('the nearest known word', () => {
  it.each([
    ['domain', 'domain'],
    ['DOMAIN', 'domain'],
    ['domian', 'domain'],
    ['domains', 'domain'],
    ['omain', 'domain'],
    ['master', 'masters'],
    ['mesoss', 'mesos'],
    ['poll_seconds', 'pollSeconds'],
    ['pollInterval', undefined],
    ['poll', 'pollSeconds'],

    ['tt', 'ttl'],
    ['ttls', 'ttl'],
    ['v', 'kv'],
    ['completely else', undefined],
    ['xyzxyz', undefined],
  ])('to %j is %s', (word, wanted) => {
    expect(nearest(word, KNOWN)).toBe(wanted === undefined ? '' : ` (did you mean ${wanted}?)`);
  });

  it('is the first of two as near', () => {
    expect(nearest('ab', ['abc', 'abd'])).toBe(' (did you mean abc?)');
    expect(nearest('ab', ['abd', 'abc'])).toBe(' (did you mean abd?)');
  });

  it('is none of two that go on from it', () => {
    expect(nearest('token', ['tokenFileName', 'tokenEnvironment'])).toBe('');
    expect(nearest('token', ['tokenFileName', 'other'])).toBe(' (did you mean tokenFileName?)');
  });

  it('of none is none', () => {
    expect(nearest('a', [])).toBe('');
    expect(nearest('', ['abc'])).toBe('');
  });

  it('is a known one with one letter changed, dropped or put in', () => {
    const mistake = fc.tuple(
      fc.constantFrom('masters', 'pollSeconds', 'domain'),
      fc.nat(),
      fc.constantFrom('change', 'drop', 'put'),
    );
    fc.assert(
      fc.property(mistake, ([word, place, kind]) => {
        const at = place % word.length;
        const put = kind === 'drop' ? '' : 'q';
        const wrong = word.slice(0, at) + put + word.slice(kind === 'put' ? at : at + 1);
        expect(nearest(wrong, KNOWN)).toBe(` (did you mean ${word}?)`);
      }),
    );
  });
});
