import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../sync-agent/config.ts';
import {
  addToken,
  applyRules,
  EMPTY_DOCUMENT,
  hasEnded,
  renewed,
  type Rotation,
  revokedBy,
  revokeTokens,
  rotateToken,
  type TokenOrder,
} from '../../../sync-agent/access/edits.ts';
import { listTokens, renderTokens, ruleChanges } from '../../../sync-agent/access/listing.ts';
import { readRules } from '../../../sync-agent/access/rules-file.ts';
import type { AccessDocument, TokenEntry } from '../../../zone/access-document.ts';

const NOW = Date.parse('2026-11-20T10:00:00Z');
const DAY = 86_400_000;
const RULES = readRules(
  {
    views: {
      all: { zones: [{ origin: 'mesos' }], forwarding: true },
      some: { zones: [{ origin: 'mesos', frameworks: ['marathon'] }], forwarding: false },
    },
    teams: { operators: { view: 'all' }, payments: { view: 'some' } },
  },
  'access.json',
);

function entry(id: string, fields: Partial<TokenEntry> = {}): TokenEntry {
  return { id, hash: id.padEnd(64, '0'), team: 'payments', createdAtMs: NOW - 10 * DAY, ...fields };
}

function documentOf(...tokens: TokenEntry[]): AccessDocument {
  return { ...EMPTY_DOCUMENT, serial: 7, ...RULES, tokens };
}

function order(fields: Partial<TokenOrder> = {}): TokenOrder {
  const made = { id: '11111111', hash: '1'.repeat(64), team: 'payments', createdAtMs: NOW };
  return { ...made, view: undefined, expiresAtMs: undefined, ...fields };
}

describe('a token', () => {
  it('is of a team, with its view or one of its own', () => {
    expect(addToken(order())(documentOf()).tokens).toEqual([
      { id: '11111111', hash: '1'.repeat(64), team: 'payments', createdAtMs: NOW },
    ]);
    expect(addToken(order({ view: 'some' }))(documentOf()).tokens[0]).not.toHaveProperty('view');
    expect(addToken(order({ view: 'all', expiresAtMs: NOW + DAY }))(documentOf()).tokens[0]).toMatchObject({
      view: 'all',
      expiresAtMs: NOW + DAY,
    });
  });

  it('brings a new team with it where its view is said, and touches no other', () => {
    const { teams, tokens } = addToken(order({ team: 'search', view: 'all' }))(documentOf());
    expect([...teams]).toEqual([...RULES.teams, ['search', { view: 'all' }]]);
    expect(tokens[0]).toEqual(expect.not.objectContaining({ view: 'all' }));
  });

  it.each([
    [
      order({ team: 'paiments' }),
      documentOf(),
      /unknown team "paiments" \(did you mean payments\?\).*operators, payments.*--view/,
    ],
    [order({ view: 'none' }), documentOf(), /unknown view "none".*all, some/],
    [order(), EMPTY_DOCUMENT, /unknown team "payments".*access apply FILE/],
    [order({ view: 'all' }), EMPTY_DOCUMENT, /unknown view "all".*access apply FILE/],
  ])('is refused with what there is: %#', (asked, document, says) => {
    expect(() => addToken(asked)(document)).toThrow(ConfigError);
    expect(() => addToken(asked)(document)).toThrow(says);
  });
});

describe('a rotation', () => {
  const rotation = (fields: Partial<Rotation> = {}): Rotation => ({
    ...{ oldId: 'aaaaaaaa', id: '22222222', hash: '2'.repeat(64), createdAtMs: NOW },
    ...{ overlapMs: 7 * DAY, expiresAtMs: 'same', ...fields },
  });

  it('puts a token beside the old one, which ends after the overlap', () => {
    const old = entry('aaaaaaaa', { view: 'all', expiresAtMs: NOW + 80 * DAY });
    const other = entry('bbbbbbbb');
    const { tokens } = rotateToken(rotation())(documentOf(old, other));
    expect(tokens).toEqual([
      { ...old, expiresAtMs: NOW + 7 * DAY },
      other,
      {
        id: '22222222',
        hash: '2'.repeat(64),
        team: 'payments',
        view: 'all',
        createdAtMs: NOW,
        expiresAtMs: NOW + 90 * DAY,
      },
    ]);
  });

  it('never gives the old one more time than it had', () => {
    const old = entry('aaaaaaaa', { expiresAtMs: NOW + DAY });
    expect(rotateToken(rotation())(documentOf(old)).tokens[0]).toEqual(old);
  });

  it('of a token without an end has none, unless one is said', () => {
    const document = documentOf(entry('aaaaaaaa'));
    expect(rotateToken(rotation())(document).tokens[1]).not.toHaveProperty('expiresAtMs');
    expect(rotateToken(rotation({ expiresAtMs: NOW + DAY }))(document).tokens[1]).toHaveProperty(
      'expiresAtMs',
      NOW + DAY,
    );
    const ending = documentOf(entry('aaaaaaaa', { expiresAtMs: NOW + DAY }));
    expect(rotateToken(rotation({ expiresAtMs: undefined }))(ending).tokens[1]).not.toHaveProperty(
      'expiresAtMs',
    );
  });

  it('of a token that ended, or is not there, is refused', () => {
    const ended = documentOf(entry('aaaaaaaa', { expiresAtMs: NOW }));
    expect(() => rotateToken(rotation())(ended)).toThrow(
      /ended at 2026-11-20 10:00Z.*token create --team payments/,
    );
    expect(() => rotateToken(rotation())(documentOf())).toThrow(/no token aaaaaaaa.*token list/);
  });
});

describe('a revocation', () => {
  const revocation = { ids: [], team: undefined, endedByMs: undefined };
  const document = documentOf(
    entry('aaaaaaaa'),
    entry('bbbbbbbb', { team: 'operators' }),
    entry('cccccccc', { expiresAtMs: NOW }),
  );
  const left = (asked: Parameters<typeof revokeTokens>[0]): string[] =>
    revokeTokens(asked)(document).tokens.map(({ id }) => id);

  it('takes out those named, by id in any case, by team, and those that ended', () => {
    expect(left({ ...revocation, ids: ['AAAAAAAA'] })).toEqual(['bbbbbbbb', 'cccccccc']);
    expect(left({ ...revocation, team: 'payments' })).toEqual(['bbbbbbbb']);
    expect(left({ ...revocation, endedByMs: NOW })).toEqual(['aaaaaaaa', 'bbbbbbbb']);
    expect(left({ ...revocation, endedByMs: NOW - 1 })).toHaveLength(3);
    expect(revokedBy(document, { ...revocation, ids: ['bbbbbbbb'], team: 'payments' })).toHaveLength(3);
  });

  it('of what is not there is an error, that does not repeat a token', () => {
    expect(() => left({ ...revocation, ids: ['aaaaaaaa', 'dddddddd'] })).toThrow(/no token dddddddd/);
    expect(() => left({ ...revocation, team: 'payment' })).toThrow(
      /unknown team "payment" \(did you mean payments\?\)/,
    );
    const token = `mdt_${'a'.repeat(32)}`;
    expect(() => left({ ...revocation, ids: [token] })).toThrow(/no token with such an id/);
    expect(() => left({ ...revocation, ids: [token] })).not.toThrow(/mdt_/);
  });
});

describe('rules', () => {
  const smaller = readRules(
    {
      views: { all: { zones: [{ origin: 'mesos' }], forwarding: false } },
      teams: { operators: { view: 'all' } },
    },
    'access.json',
  );

  it('replace views and teams, and leave tokens', () => {
    const document = documentOf(entry('bbbbbbbb', { team: 'operators' }));
    const after = applyRules(smaller)(document);
    expect(after).toMatchObject({ tokens: document.tokens, serial: 7 });
    expect(ruleChanges(document, after)).toEqual(['- team payments', '~ view all', '- view some']);
    expect(ruleChanges(document, applyRules(RULES)(document))).toEqual([]);
  });

  it('that leave a token without its team or view are refused, unless it is to go', () => {
    const ofTeam = documentOf(entry('aaaaaaaa'), entry('eeeeeeee'));
    expect(() => applyRules(smaller)(ofTeam)).toThrow(
      /team payments is gone.*2 tokens.*aaaaaaaa, eeeeeeee.*--drop-tokens/,
    );
    const ofView = documentOf(entry('bbbbbbbb', { team: 'operators', view: 'some' }));
    expect(() => applyRules(smaller)(ofView)).toThrow(
      /view some is gone.*a token would go with it \(bbbbbbbb\)/,
    );
    expect(applyRules(smaller, { dropTokens: true })(ofTeam).tokens).toEqual([]);
  });

  it('are renewed only where there are any', () => {
    expect(renewed(documentOf())).toEqual(documentOf());
    expect(() => renewed(EMPTY_DOCUMENT)).toThrow(/nothing|no access document/);
  });
});

describe('the list', () => {
  it('tells everything but what could be used', () => {
    const document = documentOf(
      entry('cccccccc', { expiresAtMs: NOW }),
      entry('aaaaaaaa', { createdAtMs: NOW - 1, expiresAtMs: NOW + 14 * DAY }),
      entry('bbbbbbbb', {
        team: 'operators',
        view: 'some',
        createdAtMs: NOW,
        expiresAtMs: NOW + 14 * DAY + 1,
      }),
    );
    const listed = listTokens(document, NOW);
    expect(listed.map(({ id, team, view, state }) => [id, team, view, state])).toEqual([
      ['bbbbbbbb', 'operators', 'some', 'valid'],
      ['cccccccc', 'payments', 'some', 'ended'],
      ['aaaaaaaa', 'payments', 'some', 'ends'],
    ]);
    expect(JSON.stringify(listed)).not.toMatch(/hash|000000000/);
    expect(renderTokens(listed)).toBe(
      [
        'ID        TEAM       VIEW  CREATED            EXPIRES',
        'bbbbbbbb  operators  some  2026-11-20 10:00Z  2026-12-04 10:00Z',
        'cccccccc  payments   some  2026-11-10 10:00Z  2026-11-20 10:00Z  ended',
        'aaaaaaaa  payments   some  2026-11-20 09:59Z  2026-12-04 10:00Z  ends soon',
        '',
      ].join('\n'),
    );
    expect(renderTokens(listTokens(documentOf(entry('aaaaaaaa')), NOW))).toMatch(/ {2}never\n$/);
    expect(renderTokens([])).toMatch(/token create/);
    expect(hasEnded(entry('aaaaaaaa', { expiresAtMs: NOW + 1 }), NOW)).toBe(false);
  });
});
