import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64Url } from '../../worker/base64url.ts';

const SEED = { seed: 20_260_801, numRuns: 500 };

describe('decodeBase64Url', () => {
  it('gives back what was encoded, with padding and without', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (octets) => {
        const text = Buffer.from(octets).toString('base64url');
        const padded = text + '='.repeat((4 - (text.length % 4)) % 4);
        expect(decodeBase64Url(text)).toEqual(octets);
        expect(decodeBase64Url(padded)).toEqual(octets);
      }),
      SEED,
    );
  });

  it('takes nothing that is not the one encoding of its octets', () => {
    const character = fc.constantFrom(...'AZaz09-_+/=\r\n \0éĀ\u{1F600}%.');
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
        const octets = decodeBase64Url(text);
        if (octets) expect(Buffer.from(octets).toString('base64url')).toBe(text.replace(/={0,2}$/, ''));
      }),
      SEED,
    );
  });

  it.each([
    ['the alphabet of base64 proper', 'AA+A'],
    ['the other letter of it', 'AA/A'],
    ['a space inside', 'AA AA'],
    ['a space behind', 'AAAA '],
    ['a line break behind', 'AAAA\n'],
    ['a length of 1 modulo 4', 'AAAAA'],
    ['one character', 'A'],
    ['left-over bits of two characters', 'AB'],
    ['the least left-over bit of three', 'AAB'],
    ['padding inside', 'AA==AA'],
    ['padding of a length that needs none', 'AAAA='],
    ['padding short of the length', 'AA='],
    ['padding beyond the length', 'AAA=='],
    ['three padding characters', 'A==='],
    ['four padding characters', 'AAAA===='],
    ['padding alone', '=='],
    ['a letter beyond ASCII', 'AAé='],
    ['a letter whose code is one of the alphabet modulo 256', 'AAA\u0141'],
    ['a NUL', 'AAA\0'],
  ])('refuses %s', (_, text) => {
    expect(decodeBase64Url(text)).toBeUndefined();
  });

  it.each([
    ['', []],
    ['AA', [0]],
    ['AA==', [0]],
    ['AAA=', [0, 0]],
    ['_-8', [0xff, 0xef]],
  ])('takes %j', (text, octets) => {
    expect(decodeBase64Url(text)).toEqual(Uint8Array.from(octets));
  });
});
