import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClusterZone,
  type ConflictOptions,
  type ConflictKind,
  findConflicts,
} from '../../sync-agent/cluster-conflicts.ts';
import { emptyRecords } from '../../sync-agent/records/record-set.ts';
import { toZoneContent } from '../../sync-agent/records/rrsets.ts';
import { encodeEntries } from '../../zone/entries.ts';
import { parseName } from '../../zone/name.ts';
import { cutSnapshot } from '../../zone/plan.ts';

/** Names without the zone, each with values such as `A 10.0.0.1`; `@` in a value is the zone. */
type Names = Readonly<Record<string, readonly string[]>>;

async function zone(origin: string, names: Names): Promise<ClusterZone> {
  const records = emptyRecords();
  for (const [name, values] of Object.entries(names)) {
    for (const value of values) {
      const [type = '', text = ''] = value.replace('@', `${origin}.`).split(' ');
      const isOwn = type === 'A' || type === 'AAAA' || type === 'SRV';
      const list = records[isOwn ? type : 'MORE'];
      const owner = `${name}.${origin}.`;
      list.set(owner, [...(list.get(owner) ?? []), isOwn ? text : `${type} ${text}`]);
    }
  }
  const settings = { origin: parseName(origin), ttl: 60, srvWeight: 1, sources: 1 };
  const content = toZoneContent(records, settings, () => undefined);
  const seed = new Uint8Array(16).fill(origin.length);
  const table = encodeEntries(content, { origin: parseName(origin), seed });
  const { levels } = await cutSnapshot(table, { seed, serial: 1 });
  const hasWildcards = Object.keys(names).some((name) => name.startsWith('*'));
  return { origin: parseName(origin), levels, hasWildcards };
}

const ALL = ['agree', 'differ', 'hidden'] as const;

async function conflicts(zones: readonly Names[], options: Partial<ConflictOptions> = {}) {
  const made = await Promise.all(zones.map((names, i) => zone(`dc${i + 1}.mesos`, names)));
  return findConflicts(made, { most: 100, kinds: ALL, ...options });
}

const kindOf = async (...zones: Names[]) => {
  const { names } = await conflicts(zones);
  return names.map(({ name, kind, behind }) => `${name} ${behind ?? kind}`);
};

describe('a name that two clusters have', () => {
  it.each<[string, Names, Names, readonly string[]]>([
    ['the same addresses', { a: ['A 10.0.0.1'] }, { a: ['A 10.0.0.1'] }, ['a agree']],
    ['the same records of their own zones', { _a: ['SRV web.@:80'] }, { _a: ['SRV web.@:80'] }, ['_a agree']],
    ['other targets', { _a: ['SRV web.@:80'] }, { _a: ['SRV api.@:80'] }, ['_a differ']],
    ['other addresses', { a: ['A 10.0.0.1'] }, { a: ['A 10.0.0.2'] }, ['a differ']],
    ['more with the first', { a: ['A 10.0.0.1', 'AAAA fd00::1'] }, { a: ['A 10.0.0.1'] }, ['a differ']],
    ['a type the first lacks', { a: ['A 10.0.0.1'] }, { a: ['A 10.0.0.1', 'AAAA fd00::1'] }, ['a types']],
    ['an alias over addresses', { a: ['CNAME b.@'] }, { a: ['A 10.0.0.1'] }, ['a alias']],
    ['addresses over an alias', { a: ['A 10.0.0.1'] }, { a: ['CNAME b.@'] }, ['a alias']],
    ['aliases to other names', { a: ['CNAME b.@'] }, { a: ['CNAME c.@'] }, ['a differ']],
    ['names below it alone, first', { 'x.a': ['A 10.0.0.1'] }, { a: ['A 10.0.0.2'] }, ['a types']],
    ['names below it alone, later', { a: ['A 10.0.0.2'] }, { 'x.a': ['A 10.0.0.1'] }, ['a differ']],
    ['names below it alone, and an alias', { 'x.a': ['A 10.0.0.1'] }, { a: ['CNAME b.@'] }, ['a types']],
    ['an alias, and names below it alone', { a: ['CNAME b.@'] }, { 'x.a': ['A 10.0.0.1'] }, ['a differ']],
    ['names below it alone, twice', { 'x.a': ['A 10.0.0.2'] }, { 'y.a': ['A 10.0.0.1'] }, []],
    ['nothing in common', { a: ['A 10.0.0.1'] }, { b: ['A 10.0.0.1'] }, []],
  ])('%s', async (_, first, second, told) => {
    expect(await kindOf(first, second)).toEqual(told);
  });

  it('is hidden by the first cluster alone that has it, whichever of three they are', async () => {
    const [some, more] = [{ a: ['A 10.0.0.1'] }, { a: ['A 10.0.0.1', 'TXT "x"'] }];
    expect(await kindOf({}, some, more)).toEqual(['a types']);
    expect(await kindOf(some, {}, more)).toEqual(['a types']);
    expect(await kindOf(some, more, some)).toEqual(['a types']);
    expect(await kindOf(more, some, some)).toEqual(['a differ']);
    expect(await kindOf({}, {}, more)).toEqual([]);
  });

  it('is told with all that is held, in the order of the zones', async () => {
    const { names } = await conflicts([
      { 'a.m': ['A 10.0.0.1'] },
      {},
      { 'a.m': ['A 10.0.0.2', 'AAAA fd00::1'] },
    ]);
    expect(names).toEqual([
      {
        name: 'a.m',
        kind: 'hidden',
        behind: 'types',
        held: [
          { zone: 'dc1.mesos', rrsets: [{ type: 'A', values: ['10.0.0.1'] }] },
          {
            zone: 'dc3.mesos',
            rrsets: [
              { type: 'A', values: ['10.0.0.2'] },
              { type: 'AAAA', values: ['fd00::1'] },
            ],
          },
        ],
      },
    ]);
  });
});

describe('a wildcard of an earlier cluster', () => {
  const over = { '*.m': ['A 10.0.0.9'] };

  it('hides names of later ones', async () => {
    const { names } = await conflicts([over, { 'a.m': ['A 10.0.0.1'], 'b.a.m': ['A 10.0.0.2'] }]);
    expect(names.map(({ name, behind }) => [name, behind])).toEqual([
      ['a.m', 'wildcard'],
      ['b.a.m', 'wildcard'],
    ]);
    expect(names[0]?.held[0]).toEqual({
      zone: 'dc1.mesos',
      wildcard: '*.m',
      rrsets: [{ type: 'A', values: ['10.0.0.9'] }],
    });
  });

  it.each<[string, Names, Names, readonly string[]]>([
    ['that says the same', over, { 'a.m': ['A 10.0.0.9'] }, ['a.m agree']],
    [
      'and not below what it has itself',
      { ...over, 'x.b.m': ['A 10.0.0.1'] },
      { 'a.b.m': ['A 10.0.0.2'] },
      [],
    ],
    ['at the top', { '*': ['A 10.0.0.9'] }, { a: ['A 10.0.0.2'] }, ['a wildcard']],
    ['against another', over, { '*.m': ['A 10.0.0.8'] }, ['*.m differ']],
    ['of a later one', { 'a.m': ['A 10.0.0.9'] }, over, []],
  ])('%s', async (_, first, second, told) => {
    expect(await kindOf(first, second)).toEqual(told);
  });

  it('is told once, however many have the name', async () => {
    expect(await kindOf(over, { 'a.m': ['A 10.0.0.1'] }, { 'a.m': ['A 10.0.0.2'] })).toEqual([
      'a.m wildcard',
    ]);
    expect(await kindOf({ 'a.m': ['A 10.0.0.1'] }, over, { 'a.m': ['A 10.0.0.2'] })).toEqual(['a.m differ']);
  });
});

describe('counts', () => {
  const first = { 'a.m': ['A 10.0.0.1'], 'b.m': ['A 10.0.0.1'], m: ['A 10.0.0.1'], leader: ['A 10.0.0.1'] };
  const second = {
    ...first,
    'b.m': ['A 10.0.0.2', 'TXT "x"'],
    '_a._tcp.m': ['SRV a.@:1'],
    leader: ['A 10.0.0.2'],
  };

  it('are by framework, a framework with its own name; names alone are one group', async () => {
    const { groups, counts } = await conflicts([first, second]);
    expect(groups).toEqual([
      { group: 'm', agree: 2, differ: 0, hidden: 1 },
      { group: '@', agree: 0, differ: 1, hidden: 0 },
    ]);
    expect(counts).toEqual({ agree: 2, differ: 1, hidden: 1 });
  });

  it('stand in order of what is hidden, then of how many there are', async () => {
    const [one, two, more] = [['A 10.0.0.1'], ['A 10.0.0.2'], ['A 10.0.0.1', 'TXT "x"']];
    const { groups } = await conflicts([
      { 'a.m': one, 'a.n': one, 'b.n': one, 'a.o': one },
      { 'a.m': more, 'a.n': two, 'b.n': two, 'a.o': two },
    ]);
    expect(groups.map(({ group }) => group)).toEqual(['m', 'n', 'o']);
  });

  it("tell agents' names of tasks by framework", async () => {
    const names = { 'a.m.slave': ['A 10.0.0.1'], 'a.n.slave': ['A 10.0.0.1'], slave: ['A 10.0.0.1'] };
    expect((await conflicts([names, names])).groups.map(({ group }) => group)).toEqual([
      '@',
      'm.slave',
      'n.slave',
    ]);
  });

  it('are of all names, also where few are told', async () => {
    const many = (n: number) =>
      Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`n${9999 - i}.m`, [`A 10.0.${n}.1`]]));
    const { counts, names, moreNames } = await conflicts([many(1), many(2)], { most: 3 });
    expect(counts.differ).toBe(2500);
    expect(names.map(({ name }) => name)).toEqual(['n7500.m', 'n7501.m', 'n7502.m']);
    expect(moreNames).toBe(2497);
    const none = await conflicts([many(1), many(2)], { most: 3, kinds: ['hidden'] });
    expect([none.names, none.moreNames]).toEqual([[], 0]);
  });

  it('are of one name and those below it where that is asked', async () => {
    const names = { 'a.m': ['A 10.0.0.1'], 'a.mm': ['A 10.0.0.1'], m: ['A 10.0.0.1'] };
    const { counts, names: told } = await conflicts([names, names], { under: 'm' });
    expect(told.map(({ name }) => name)).toEqual(['a.m', 'm']);
    expect(counts.agree).toBe(2);
  });

  it('are right for any zones, as name by name', async () => {
    const name = fc.constantFrom('a', 'b', 'a.b', 'b.b', 'a.a.b', 'c.b');
    const value = fc.constantFrom('A 10.0.0.1', 'A 10.0.0.2', 'AAAA fd00::1', 'TXT "x"');
    const names = fc.dictionary(name, fc.uniqueArray(value, { minLength: 1, maxLength: 3 }), { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(names, { minLength: 2, maxLength: 4 }), async (zones) => {
        expect((await conflicts(zones)).counts).toEqual(countedNaively(zones));
      }),
      { numRuns: 150 },
    );
  });
});

/** Without wildcards and aliases. */
function countedNaively(zones: readonly Names[]): Record<ConflictKind, number> {
  const counts = { agree: 0, differ: 0, hidden: 0 };
  for (const name of new Set(zones.flatMap((names) => Object.keys(names)))) {
    const exists = (names: Names) =>
      Object.keys(names).some((each) => each === name || each.endsWith(`.${name}`));
    const [first, ...others] = zones.filter(exists).map((names) => names[name] ?? []);
    if (!first || others.length === 0) continue;
    const types = new Set(first.map((value) => value.split(' ')[0]));
    const same = (values: readonly string[]) => values.toSorted().join() === first.toSorted().join();
    if (others.every(same)) counts.agree++;
    else if (others.flat().every((value) => types.has(value.split(' ')[0]))) counts.differ++;
    else counts.hidden++;
  }
  return counts;
}
