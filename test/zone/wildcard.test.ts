import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { type HeadBody, decodeBody, encodeBody } from '../../zone/head.ts';
import { nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { decodeWildcards, encodeWildcards, matchWildcard, wildcardParent } from '../../zone/wildcard.ts';
import { ZONE } from './ask.ts';

const wire = (name: string): Uint8Array => nameToWire(parseName(name));
const text = (name: Uint8Array): string => nameFromWire(name);

describe('matchWildcard', () => {
  it.each([
    ['right below', ['mesos'], 'web.mesos', '*.mesos', 'web.mesos'],
    ['far below', ['mesos'], 'a.b.web.mesos', '*.mesos', 'web.mesos'],
    ['the deepest', ['mesos', 'web.mesos'], 'a.b.web.mesos', '*.web.mesos', 'b.web.mesos'],
    ['in any order', ['web.mesos', 'mesos'], 'a.b.web.mesos', '*.web.mesos', 'b.web.mesos'],
    ['below an asterisk itself', ['mesos'], 'a.*.mesos', '*.mesos', '*.mesos'],
    ['of the root', [''], 'a.mesos', '*', 'mesos'],
  ])('%s', (_, parents, name, owner, below) => {
    const match = matchWildcard(
      parents.map((parent) => wire(parent)),
      wire(name),
    );
    expect(match && [text(match.owner), text(match.below)]).toEqual([owner, below]);
  });

  it.each([
    ['the parent itself', ['mesos'], 'mesos'],
    ['a name beside it', ['web.mesos'], 'xweb.mesos'],
    ['a name that only ends like it', ['web.mesos'], 'aweb.mesos'],
    ['no parents', [], 'web.mesos'],
  ])('none for %s', (_, parents, name) => {
    expect(
      matchWildcard(
        parents.map((parent) => wire(parent)),
        wire(name),
      ),
    ).toBeUndefined();
  });
});

describe('the wildcard rule', () => {
  const label = fc.constantFrom('a', 'b', '*', 'aa');
  const name = fc
    .array(label, { minLength: 1, maxLength: 5 })
    .map((labels) => parseName([...labels, 'mesos'].join('.')));

  it('finds what RFC 4592 says, for any names that exist', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 8 }), name, (owners, asked) => {
        const exists = new Set(owners.flatMap((owner) => withAncestors(owner)));
        const parents = [...exists].flatMap((each) => wildcardParent(wire(each)) ?? []);
        expect(byLookUps(exists, parents, asked)).toBe(byTheRule(exists, asked));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The owner whose records answer, by what the Worker does: at most two look-ups more. */
function byLookUps(
  exists: ReadonlySet<string>,
  parents: readonly Uint8Array[],
  asked: OwnerName,
): string | undefined {
  if (exists.has(asked)) return asked;
  const match = matchWildcard(parents, nameToWire(asked));
  if (!match || exists.has(text(match.below))) return undefined;
  return exists.has(text(match.owner)) ? text(match.owner) : undefined;
}

/** RFC 4592 §3.3.1: the closest encloser is the longest ancestor that exists; the source of synthesis is `*` below it. */
function byTheRule(exists: ReadonlySet<string>, asked: OwnerName): string | undefined {
  if (exists.has(asked)) return asked;
  const encloser = withAncestors(asked).find((ancestor) => exists.has(ancestor)) ?? 'mesos';
  const source = `*.${encloser}`;
  return exists.has(source) ? source : undefined;
}

/** The name and all above it, down to the origin. */
function withAncestors(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, i) => labels.slice(i).join('.'));
}

describe('the wildcards of a head', () => {
  const parents = ['mesos', 'a.mesos', '\\000.mesos', ''].map((parent) => wire(parent));
  const body: HeadBody = {
    zone: ZONE.zone,
    settings: { staleAfterSeconds: 1, expireAfterSeconds: 2, recursionAvailable: 'never' },
    levels: { seed: new Uint8Array(8), run: undefined, shards: undefined },
    overlay: new Uint8Array(),
  };

  it('read as they were written', () => {
    expect(decodeWildcards(encodeWildcards(parents))).toEqual(parents);
    expect(decodeBody(encodeBody({ ...body, wildcards: parents }), body.zone.origin).wildcards).toEqual(
      parents,
    );
    expect(decodeBody(encodeBody(body), body.zone.origin)).not.toHaveProperty('wildcards');
  });

  it('are a section that a reader must know, and none where there are none', () => {
    const plain = encodeBody(body);
    const added = encodeBody({ ...body, wildcards: [wire('mesos')] }).subarray(plain.length);
    expect([...added]).toEqual([0, 10, 0, 1, 0, 0, 0, 7, ...wire('mesos')]);
    const unlisted = encodeBody({ ...body, wildcards: 'unlisted' });
    expect([...unlisted.subarray(plain.length)]).toEqual([0, 11, 0, 1, 0, 0, 0, 0]);
    expect(decodeBody(unlisted, body.zone.origin).wildcards).toBe('unlisted');
  });

  it('are whole names', () => {
    expect(() => decodeWildcards(Uint8Array.of(3, 97, 98))).toThrow(FormatError);
    expect(() => decodeWildcards(Uint8Array.of(0, 3, 97, 98, 99))).toThrow(FormatError);
  });
});
