import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createNonTerminals,
  encodeChanges,
  encodeEntries,
  entryOctets,
  tableChanges,
} from '../../zone/entries.ts';
import { entryName, readEntry, rrsetsOf } from '../../zone/entry.ts';
import { hashName, toHex } from '../../zone/hash.ts';
import { nameFromWire, type OwnerName, parseName } from '../../zone/name.ts';
import { DEFAULT_LIMITS } from '../../zone/plan.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import {
  anyContents,
  anyOwner,
  type Contents,
  describeEntry,
  ORIGIN,
  OWNERS,
  toContent,
} from './arbitrary.ts';
import { cut, namesOf, SEED, tableOf } from './levels.ts';

describe('encodeEntries', () => {
  const read = (contents: Contents, origin: OwnerName): Map<string, number> => {
    const table = encodeEntries(toContent(contents), { origin, seed: SEED });
    expect(table.offsets).toHaveLength(table.slots.length + 1);
    expect(table.shards).toHaveLength(table.slots.length);
    expect(table.offsets.at(-1)).toBe(table.octets.length);
    return new Map(
      table.slots.map((slot, i) => {
        const entry = readEntry(entryOctets(table, i));
        expect({ slot, shard: table.shards[i] }).toEqual(hashName(entryName(entry), SEED));
        return [nameFromWire(entryName(entry)), rrsetsOf(entry).length];
      }),
    );
  };

  it('gives every parent of a name below the origin an entry, once', () => {
    const deep = `${Array.from({ length: 60 }, (_, i) => i).join('.')}.mesos`;
    const names = read(new Map([a(deep, 1), a('58.59.mesos', 1), a('a\\.b.59.mesos', 2)]), ORIGIN);
    expect(names.size).toBe(61);
    expect(names.get('59.mesos')).toBe(0);
    expect(names.get('58.59.mesos')).toBe(1);
    expect(names.get('a\\.b.59.mesos')).toBe(1);
    expect(names.has('b.59.mesos')).toBe(false);
    expect(names.has('mesos')).toBe(false);
  });

  it('works for names of one label, below the root', () => {
    expect(read(new Map([a('web', 1), a('a.b.c', 2)]), parseName(''))).toEqual(
      new Map([
        ['web', 1],
        ['a.b.c', 1],
        ['b.c', 0],
        ['c', 0],
      ]),
    );
  });

  it('keeps the origin’s own records, and gives it no entry otherwise', () => {
    expect(read(new Map([a('mesos', 1), a('a.mesos', 2)]), ORIGIN)).toEqual(
      new Map([
        ['mesos', 1],
        ['a.mesos', 1],
      ]),
    );
    expect(read(new Map(), ORIGIN)).toEqual(new Map());
  });

  it('keeps names that are not below the origin', () => {
    for (const name of ['other', 'web.example', 'xmesos', 'a\\.mesos']) {
      expect(read(new Map([a(name, 1)]), ORIGIN).get(name)).toBe(1);
    }
  });
});

describe('createNonTerminals', () => {
  it('has the names with owners below them, whoever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(anyOwner, { maxLength: 40 }), (toggled) => {
        const nonTerminals = createNonTerminals(ORIGIN);
        const owners = new Set<OwnerName>();
        for (const owner of toggled) {
          const before = parentsOf(owners);
          const came = !owners.delete(owner);
          if (came) owners.add(owner);
          const told = came ? nonTerminals.add(owner) : nonTerminals.remove(owner);
          const after = parentsOf(owners);
          expect(new Set(nonTerminals.names())).toEqual(after);
          const [more, fewer] = came ? [after, before] : [before, after];
          expect(new Set(told)).toEqual(new Set([...more].filter((name) => !fewer.has(name))));
          for (const name of OWNERS) expect(nonTerminals.has(name)).toBe(after.has(name));
        }
      }),
    );
  });
});

/** The names between owners and origin. */
function parentsOf(owners: ReadonlySet<OwnerName>): Set<OwnerName> {
  const parents = new Set<OwnerName>();
  for (const owner of owners) {
    for (const name of namesOf(new Map([[owner, []]]))) if (name !== owner) parents.add(name);
  }
  return parents;
}

describe('encodeChanges', () => {
  /** What is said of each name that `owners` and their ancestors are. */
  const changes = (before: Contents, after: Contents, owners: readonly string[]): Record<string, string> => {
    const nonTerminals = createNonTerminals(ORIGIN);
    for (const owner of before.keys()) nonTerminals.add(owner);
    const names = owners.map((owner) => parseName(owner));
    const existed = (owner: OwnerName): boolean => before.has(owner);
    const made = encodeChanges(toContent(after), names, nonTerminals, { seed: SEED, existed });
    expect(new Set(nonTerminals.names())).toEqual(parentsOf(new Set(after.keys())));
    return Object.fromEntries(
      made.map(({ hash, octets }) => {
        const entry = readEntry(octets);
        expect(hash).toEqual(hashName(entryName(entry), SEED));
        const types = rrsetsOf(entry).map(({ type }) => type);
        return [nameFromWire(entryName(entry)), [entry.kind, ...types].join(' ')];
      }),
    );
  };
  const deep = new Map([a('x.y.z.mesos', 1)]);

  it('gives a new name, and the non-terminals that came with it', () => {
    expect(changes(new Map(), deep, ['x.y.z.mesos'])).toEqual({
      'x.y.z.mesos': 'name 1',
      'y.z.mesos': 'name',
      'z.mesos': 'name',
    });
    expect(
      changes(new Map([a('z.mesos', 1)]), new Map([...deep, a('z.mesos', 1)]), ['x.y.z.mesos']),
    ).toMatchObject({
      'x.y.z.mesos': 'name 1',
      'y.z.mesos': 'name',
    });
    expect(
      changes(new Map([a('w.z.mesos', 1)]), new Map([...deep, a('w.z.mesos', 1)]), ['x.y.z.mesos']),
    ).toEqual({
      'x.y.z.mesos': 'name 1',
      'y.z.mesos': 'name',
    });
  });

  it('gives tombstones for a name that went, and for the non-terminals that went with it', () => {
    expect(changes(deep, new Map(), ['x.y.z.mesos'])).toEqual({
      'x.y.z.mesos': 'tombstone',
      'y.z.mesos': 'tombstone',
      'z.mesos': 'tombstone',
    });
    expect(
      changes(new Map([...deep, a('w.z.mesos', 1)]), new Map([a('w.z.mesos', 1)]), ['x.y.z.mesos']),
    ).toEqual({
      'x.y.z.mesos': 'tombstone',
      'y.z.mesos': 'tombstone',
    });
  });

  it('keeps a name that went as a non-terminal while there are names below it', () => {
    const both = new Map([...deep, a('y.z.mesos', 1)]);
    expect(changes(both, deep, ['y.z.mesos'])).toEqual({ 'y.z.mesos': 'name' });
    expect(changes(deep, both, ['y.z.mesos'])).toEqual({ 'y.z.mesos': 'name 1' });
    expect(changes(both, new Map([a('y.z.mesos', 1)]), ['x.y.z.mesos'])).toMatchObject({
      'y.z.mesos': 'name 1',
    });
  });

  it('gives a changed name once, however often it is named, and a name that never was a tombstone', () => {
    expect(changes(deep, new Map([a('x.y.z.mesos', 2)]), ['x.y.z.mesos', 'x.y.z.mesos'])).toEqual({
      'x.y.z.mesos': 'name 1',
    });
    expect(changes(deep, deep, ['never.mesos'])).toEqual({ 'never.mesos': 'tombstone' });
  });

  it('counts a name that came once, however often it is named', () => {
    const nonTerminals = createNonTerminals(ORIGIN);
    const owner = parseName('x.y.z.mesos');
    const options = { seed: SEED, existed: (name: OwnerName) => name === owner };
    encodeChanges(toContent(deep), [owner, owner], nonTerminals, { ...options, existed: () => false });
    expect([...nonTerminals.names()]).toEqual(['y.z.mesos', 'z.mesos']);
    expect(encodeChanges(toContent(new Map()), [owner], nonTerminals, options)).toHaveLength(3);
    expect([...nonTerminals.names()]).toEqual([]);
  });

  it('takes the addresses of SRV targets along', () => {
    const owner = parseName('_a._tcp.mesos');
    const rdata = [encodeSrv({ priority: 0, weight: 1, port: 80, target: parseName('x.y.z.mesos') })];
    const contents = new Map([...deep, [owner, [{ owner, type: TYPE.SRV, ttl: 30, sources: 1, rdata }]]]);
    const [change] = encodeChanges(toContent(contents), [owner], createNonTerminals(ORIGIN), {
      seed: SEED,
      existed: () => true,
    });
    expect(change && describeEntry(readEntry(change.octets))).toContain('[0:1:30:0a000001]');
  });
});

describe('tableChanges', () => {
  it('are all entries that differ, and tombstones for what is gone', async () => {
    await fc.assert(
      fc.asyncProperty(anyContents(15), anyContents(15), async (before, after) => {
        const { levels } = await cut(before, { serial: 1, limits: { ...DEFAULT_LIMITS, runOctets: 0 } });
        const [old, now] = [octetsByName(before), octetsByName(after)];
        const expected = new Map(
          [...new Set([...old.keys(), ...now.keys()])]
            .filter((name) => old.get(name) !== now.get(name))
            .map((name) => [name, now.get(name) ?? 'tombstone']),
        );
        const changes = tableChanges(levels, tableOf(after)).map(({ hash, octets }) => {
          const entry = readEntry(octets);
          expect(hash).toEqual(hashName(entryName(entry), SEED));
          return [toHex(entryName(entry)), entry.kind === 'tombstone' ? entry.kind : toHex(octets)] as const;
        });
        expect(changes).toHaveLength(expected.size);
        expect(new Map(changes)).toEqual(expected);
      }),
    );
  });
});

function octetsByName(contents: Contents): Map<string, string> {
  const table = tableOf(contents);
  return new Map(
    table.slots.map((_, i) => {
      const octets = entryOctets(table, i);
      return [toHex(entryName(readEntry(octets))), toHex(octets)];
    }),
  );
}

function a(name: string, ...hosts: readonly number[]): [OwnerName, RRset[]] {
  const owner = parseName(name);
  const rdata = hosts.map((host) => Uint8Array.of(10, 0, host >> 8, host & 0xff));
  return [owner, [{ owner, type: TYPE.A, ttl: 30, sources: 1, rdata }]];
}
