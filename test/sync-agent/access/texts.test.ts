import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, parseExpiry } from '../../../sync-agent/access/expiry.ts';
import { hideTokens } from '../../../sync-agent/hide-tokens.ts';
import { makeToken } from '../../../sync-agent/access/new-token.ts';
import { exampleRules, readRules, rulesText } from '../../../sync-agent/access/rules-file.ts';
import { ConfigError } from '../../../sync-agent/config.ts';
import { isToken, tokenHash } from '../../../zone/access-document.ts';

const NOW = Date.parse('2026-11-20T10:00:00Z');

describe('when a token ends', () => {
  it.each([
    ['90d', NOW + 90 * 86_400_000],
    ['12h', NOW + 12 * 3_600_000],
    ['30m', NOW + 30 * 60_000],
    ['2w', NOW + 14 * 86_400_000],
    ['1y', NOW + 365 * 86_400_000],
    ['2027-01-31', Date.parse('2027-01-31T00:00:00Z')],
    ['2027-01-31T18:30Z', Date.parse('2027-01-31T18:30:00Z')],
    ['never', undefined],
  ])('%s', (text, expected) => {
    expect(parseExpiry(text, NOW)).toBe(expected);
  });

  it.each([
    '',
    '90',
    '90 days',
    '-1d',
    '1.5d',
    '0d',
    '0m',
    '2026-11-20',
    '2026-11-19',
    '2027-02-30x',
    '2027-13-01',
    'Never',
    '999999999y',
    '101y',
  ])('refuses %j, naming the flag', (text) => {
    expect(() => parseExpiry(text, NOW)).toThrow(ConfigError);
    expect(() => parseExpiry(text, NOW)).toThrow(/^--expires: /);
  });

  it('an overlap may be nothing', () => {
    expect(parseDuration('0m', '--overlap')).toBe(0);
    expect(() => parseDuration('soon', '--overlap')).toThrow(/--overlap: "soon" should be a time such as/);
  });
});

describe('a new token', () => {
  it('is 160 bits in base32, with its hash and the beginning of that as id', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 20, maxLength: 20 }), async (octets) => {
        const { token, id, hash } = await makeToken(() => octets, new Set());
        expect(isToken(token)).toBe(true);
        expect(hash).toBe(await tokenHash(token));
        expect(id).toBe(hash.slice(0, 8));
        // Every bit is in it: the letters give the octets back.
        const bits = [...token.slice(4)].map((letter) =>
          'abcdefghijklmnopqrstuvwxyz234567'.indexOf(letter).toString(2).padStart(5, '0'),
        );
        const back = (bits.join('').match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2));
        expect(back).toEqual([...octets]);
      }),
      { numRuns: 50 },
    );
  });

  it('has an id of its own', async () => {
    let made = 0;
    const random = (length: number): Uint8Array => new Uint8Array(length).fill(made++ < 1 ? 1 : 2);
    const first = await makeToken(random, new Set());
    made = 0;
    const second = await makeToken(random, new Set([first.id]));
    expect(second.id).not.toBe(first.id);
  });

  it('is not made of a source that repeats itself or gives too little', async () => {
    const stuck = (length: number): Uint8Array => new Uint8Array(length);
    const { id } = await makeToken(stuck, new Set());
    await expect(makeToken(stuck, new Set([id]))).rejects.toThrow(/the same again/);
    await expect(makeToken(() => new Uint8Array(4), new Set())).rejects.toThrow(/too few/);
  });
});

describe('texts for logs', () => {
  it('hold no token and no part of one', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z2-7]{32,64}$/), fc.string(), (letters, around) => {
        const shown = hideTokens(`${around}/t/mdt_${letters}/dns-query`);
        expect(shown).not.toContain(letters.slice(0, 8));
        expect(shown).toContain('/t/mdt_***/dns-query');
      }),
    );
    expect(hideTokens('GET /t/MDT_ABCD2345%2fx: 401')).toBe('GET /t/mdt_***: 401');
    expect(hideTokens('mdt%5fabc, mdtools')).toBe('mdt_***, mdtools');
  });
});

describe('a file of rules', () => {
  it('reads what it wrote, and the example', () => {
    const rules = readRules(JSON.parse(exampleRules('mesos')), 'access.json');
    expect([...rules.teams.keys()]).toEqual(['operators', 'payments']);
    const again = readRules(JSON.parse(rulesText(rules)), 'access.json');
    expect(again).toEqual(rules);
  });

  it('may lack what is empty', () => {
    expect(readRules({}, 'f')).toEqual({ views: new Map(), teams: new Map() });
  });

  it('takes fingerprints as openssl prints them', () => {
    const print = 'AB:'.repeat(31) + 'CD';
    const view = { v: { zones: [{ origin: 'mesos' }], forwarding: false } };
    const teams = { t: { view: 'v', certificates: { fingerprintsSha256: [print] } } };
    expect(readRules({ views: view, teams }, 'f').teams.get('t')?.certificates?.fingerprintsSha256).toEqual([
      `${'ab'.repeat(31)}cd`,
    ]);
  });

  const zone = { origin: 'mesos' };
  it.each([
    [[], /f: should be a JSON object/],
    [{ team: {} }, /f: unknown key team \(did you mean teams\?\)/],
    [{ tokens: [] }, /f: unknown key tokens; tokens are made by mesos-doh token create/],
    [{ teams: { a: { view: 'b' } } }, /f: teams\.a\.view: is "b", which is not in/],
    [{ views: { 'A B': {} } }, /f: views: has "A B"/],
    [{ views: { a: { zones: [zone] } } }, /f: views\.a\.forwarding: is neither true nor false/],
    [{ views: { a: { zones: [zone], forwarding: true, rate: 1 } } }, /f: views\.a\.rate: is not known/],
    [
      { views: { a: { zones: [{ ...zone, names: ['x.other'] }], forwarding: true } } },
      /f: views\.a\.zones\[0\]\.names: has x\.other/,
    ],
    [
      { views: { a: { zones: [zone], forwarding: true, ratePerMinute: 0 } } },
      /f: views\.a\.ratePerMinute: should be 1 or more/,
    ],
    [
      {
        views: { a: { zones: [], forwarding: true } },
        teams: { t: { view: 'a', certificates: { fingerprintsSha256: ['ab:cd'] } } },
      },
      /f: teams\.t\.certificates\.fingerprintsSha256\[0\]: is no SHA-256 fingerprint/,
    ],
  ])('refuses %j, saying where', (value, says) => {
    expect(() => readRules(value, 'f')).toThrow(ConfigError);
    expect(() => readRules(value, 'f')).toThrow(says);
  });
});
