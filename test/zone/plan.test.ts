import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBlock, entriesOf, findEntry, openBlock } from '../../zone/block.ts';
import { createNonTerminals, encodeChanges, encodeEntries, tableChanges } from '../../zone/entries.ts';
import { entryName } from '../../zone/entry.ts';
import { contentHash, hashName, toHex } from '../../zone/hash.ts';
import { encodeBody, MAX_HEAD_OCTETS } from '../../zone/head.ts';
import { findInLevels, type Levels, openLevels, shardOf } from '../../zone/levels.ts';
import { nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import {
  type Cut,
  cutSnapshot,
  DEFAULT_LIMITS,
  type Limits,
  type Plan,
  planSnapshot,
  wantsCut,
} from '../../zone/plan.ts';
import { unpackBlock } from '../../zone/pack.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import {
  anyContents,
  anyLargeSrv,
  anyOwner,
  type Contents,
  ORIGIN,
  seededRandom,
  toContent,
} from './arbitrary.ts';
import { cut, describeAll, expectLevelsToSay, plan, SEED, tableOf } from './levels.ts';

/** The contents in another order. */
function shuffled(contents: Contents, seed: number): Contents {
  const random = seededRandom(seed);
  const order = Array.from(contents, (item) => ({ item, at: random() })).toSorted((a, b) => a.at - b.at);
  return new Map(order.map(({ item }) => item));
}

/** What a reader opens, who has the head's octets and the blocks it names and nothing else. */
function reopened({ table, overlay, run, shards }: Levels): Levels {
  return openLevels(table, {
    overlay: overlay?.octets.slice() ?? new Uint8Array(),
    run: run?.octets.slice(),
    shards: shards.map(({ octets }) => octets.slice()),
  });
}

async function expectTableToNameBlocks({ table, run, shards }: Levels): Promise<void> {
  expect(table.run === undefined).toBe(run === undefined);
  if (run && table.run) {
    expect(toHex(await contentHash(run.octets))).toBe(toHex(table.run.hash));
    expect(run.octets.length).toBe(table.run.octets);
  }
  expect(shards).toHaveLength(table.shards ? 2 ** table.shards.bits : 0);
  for (const [index, shard] of shards.entries()) {
    expect(toHex(await contentHash(shard.octets))).toBe(
      toHex(table.shards?.hashes[index] ?? new Uint8Array()),
    );
    for (const { entry } of entriesOf(shard)) {
      expect(entry.kind).toBe('name');
      expect(shardOf(hashName(entryName(entry), SEED), table.shards?.bits ?? -1)).toBe(index);
    }
  }
}

/** What an upper level says is something the levels below it do not say. */
function expectNothingRepeated(levels: Levels): void {
  const below: Levels = { ...levels, overlay: undefined };
  for (const [block, from, under] of [
    [levels.overlay, levels, below],
    [levels.run, below, { ...below, run: undefined }],
  ] as const) {
    for (const { entry } of block ? entriesOf(block) : []) {
      const name = entryName(entry);
      const [says, said] = [from, under].map((some) => {
        const found = findInLevels(some, name, hashName(name, SEED));
        return found?.kind === 'name' ? toHex(found.octets) : 'nothing';
      });
      expect(says).not.toBe(said);
    }
  }
}

/** The names whose entry is another in `after` than in `before`. */
function changedNames(before: Contents, after: Contents): OwnerName[] {
  const [old, now] = [describeAll(before), describeAll(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter((name) => old.get(name) !== now.get(name));
}

/** Small enough that a few names pass them, each its own way. */
const LIMITS: readonly Limits[] = [
  { overlayOctets: 300, runOctets: 900, shardOctets: 300 },
  { overlayOctets: 1200, runOctets: 3000, shardOctets: 1000 },
  { overlayOctets: 0, runOctets: 1500, shardOctets: 4000 },
  { overlayOctets: 600, runOctets: 0, shardOctets: 250 },
  { overlayOctets: 3000, runOctets: 100_000, shardOctets: 100 },
  { overlayOctets: 700, runOctets: 20_000, shardOctets: 4000 },
];

const SERVICE = parseName('_large._tcp.marathon.mesos');

const anyStep = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('large' as const), large: anyLargeSrv }) },
  fc.record({ kind: fc.constant('set' as const), set: anyContents(2) }),
  fc.record({
    kind: fc.constant('remove' as const),
    remove: fc.array(anyOwner, { minLength: 1, maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant('revert' as const), pushes: fc.integer({ min: 1, max: 3 }) }),
);

/** What the zone holds push after push, a step after the other. */
function historyOf(
  first: Contents,
  steps: readonly (typeof anyStep extends fc.Arbitrary<infer Step> ? Step : never)[],
): Contents[] {
  const history = [first];
  for (const step of steps) {
    const before = history.at(-1) ?? first;
    if (step.kind === 'large') history.push(new Map([...before, [SERVICE, step.large(SERVICE)]]));
    else if (step.kind === 'set') history.push(new Map([...before, ...step.set]));
    else if (step.kind === 'remove')
      history.push(new Map([...before].filter(([owner]) => !step.remove.includes(owner))));
    else history.push(history.at(-1 - step.pushes) ?? first);
  }
  return history;
}

type Seen = Record<'overlay' | 'reverted' | 'run' | 'runOverShards' | 'cutToShards' | 'fewerShards', number> &
  Record<
    'tombstone in overlay' | 'tombstone in run' | 'edit in overlay' | 'edit in run' | 'edit over edit',
    number
  >;

function countPlan(seen: Seen, { levels, newRun, changes }: Plan, last: Levels): void {
  if (levels.overlay) seen.overlay++;
  else if (last.overlay && changes > 0 && !newRun) seen.reverted++;
  if (newRun) seen[levels.table.shards ? 'runOverShards' : 'run']++;
  for (const level of ['overlay', 'run'] as const) {
    for (const { slot, entry } of levels[level] ? entriesOf(levels[level]) : []) {
      if (entry.kind !== 'name') seen[`${entry.kind} in ${level}`]++;
      const under = level === 'overlay' && levels.run && findEntry(levels.run, entryName(entry), slot);
      if (under && entry.kind === 'edit' && under.kind === 'edit') seen['edit over edit']++;
    }
  }
}

function countCut(seen: Seen, { levels, newRun }: Cut, from: Levels): void {
  if (!newRun) seen.cutToShards++;
  if (levels.shards.length < from.shards.length) seen.fewerShards++;
}

describe('planSnapshot and cutSnapshot, push after push', () => {
  it('make levels that say what the content says', async () => {
    const seen: Seen = {
      ...{ overlay: 0, reverted: 0, run: 0, runOverShards: 0, cutToShards: 0, fewerShards: 0 },
      ...{ 'tombstone in overlay': 0, 'tombstone in run': 0 },
      ...{ 'edit in overlay': 0, 'edit in run': 0, 'edit over edit': 0 },
    };
    const anyFirst = fc
      .tuple(anyContents(15), anyLargeSrv)
      .map(([some, large]) => new Map([...some, [SERVICE, large(SERVICE)]]));
    const pushes = fc.tuple(fc.oneof(anyFirst, anyContents(15)), fc.array(anyStep, { maxLength: 10 }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...LIMITS),
        fc.boolean(),
        pushes,
        async (limits, toShards, [first, steps]) => {
          let before = first;
          let serial = 1000;
          let { levels } = await cut(first, {
            serial,
            limits: toShards ? { ...limits, runOctets: 0 } : limits,
          });
          expectLevelsToSay(levels, first);
          const nonTerminals = createNonTerminals(ORIGIN);
          for (const owner of first.keys()) nonTerminals.add(owner);

          for (const contents of historyOf(first, steps).slice(1)) {
            serial++;
            const names = changedNames(before, contents);
            const owners = names.filter((name) => before.has(name) || contents.has(name));
            const existed = (owner: OwnerName): boolean => before.has(owner);
            const changes = encodeChanges(toContent(contents), owners, nonTerminals, { seed: SEED, existed });
            const now = await planSnapshot(levels, changes, { serial, limits });

            expectLevelsToSay(now.levels, contents);
            expectLevelsToSay(reopened(now.levels), contents);
            expectNothingRepeated(now.levels);
            await expectTableToNameBlocks(now.levels);
            expect(now.overlayOctets).toEqual(now.levels.overlay?.octets ?? new Uint8Array());
            expect(now.overlayOctets.length).toBeLessThanOrEqual(limits.overlayOctets);
            if (now.newRun)
              expect([now.newRun, now.levels.table.run?.serial]).toEqual([now.levels.run?.octets, serial]);
            else expect(now.levels.run).toBe(levels.run);
            expect(now.changed.map((name) => nameFromWire(name)).toSorted()).toEqual(names.toSorted());
            expect(now.changes).toBe(names.length);

            // Whoever compares everything, in any order and with other octets at hand, finds the same.
            const compared = await plan(reopened(levels), shuffled(contents, serial), { serial, limits });
            expect({ ...compared, changed: [] }).toEqual({ ...now, changed: [] });
            // The same changes once more change nothing.
            const again = await planSnapshot(now.levels, changes, { serial: serial + 1, limits });
            expect(again).toEqual({ ...now, newRun: undefined, changes: 0, changed: [] });
            expect(again.levels).toBe(now.levels);

            countPlan(seen, now, levels);
            levels = now.levels;
            expect(now.wantsCut).toBe((levels.run?.octets.length ?? 0) > limits.runOctets);
            if (now.wantsCut) {
              const fresh = await cutSnapshot(levels, { seed: SEED, serial, limits });
              expect(fresh).toEqual(await cut(shuffled(contents, serial), { serial, limits }));
              expectLevelsToSay(fresh.levels, contents);
              await expectTableToNameBlocks(fresh.levels);
              expect([fresh.newRun, ...fresh.newShards].filter(Boolean)).toEqual(
                [fresh.levels.run, ...fresh.levels.shards].filter(Boolean).map((block) => block?.octets),
              );
              countCut(seen, fresh, levels);
              levels = fresh.levels;
            }
            before = contents;
          }
        },
      ),
      { numRuns: 70 },
    );
    // Everything that can happen did.
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  });
});

function a(name: string, ...hosts: readonly number[]): [OwnerName, RRset[]] {
  const owner = parseName(name);
  const rdata = hosts.map((host) => Uint8Array.of(10, 0, host >> 8, host & 0xff));
  return [owner, [{ owner, type: TYPE.A, ttl: 30, sources: 1, rdata }]];
}

describe('planSnapshot', () => {
  const limits: Limits = { overlayOctets: 1000, runOctets: 4000, shardOctets: 1000 };
  const web = new Map([a('web.marathon.mesos', 1), a('db.marathon.mesos', 2)]);

  it('lays changes over an empty zone', async () => {
    const first = await cut(new Map(), { serial: 1, limits });
    expect(first.newRun).toHaveLength(20);
    expectLevelsToSay(first.levels, new Map());
    const second = await plan(first.levels, web, { serial: 2, limits });
    expect(second.newRun).toBeUndefined();
    expectLevelsToSay(second.levels, web);
  });

  it('drops from the overlay what was taken back', async () => {
    const first = await cut(web, { serial: 1, limits });
    const more = new Map([...web, a('x.y.mesos', 3)]);
    const second = await plan(first.levels, more, { serial: 2, limits });
    expect(second.changes).toBe(2);
    expect(second.overlayOctets.length).toBeGreaterThan(0);
    const third = await plan(second.levels, web, { serial: 3, limits });
    expect(third.changes).toBe(2);
    expect(third.overlayOctets).toHaveLength(0);
    expect(third.levels).toEqual(first.levels);
  });

  it('turns a name into an empty non-terminal, back into a name, and into nothing', async () => {
    let levels = (await cut(new Map([a('m.mesos', 1), a('w.m.mesos', 2)]), { serial: 1, limits })).levels;
    for (const [serial, contents] of [
      [2, new Map([a('w.m.mesos', 2)])],
      [3, new Map([a('m.mesos', 9)])],
      [4, new Map([a('w.w.m.mesos', 2)])],
      [5, new Map()],
      [6, new Map([a('w.m.mesos', 2)])],
    ] as const) {
      levels = (await plan(levels, contents, { serial, limits })).levels;
      expectLevelsToSay(levels, contents);
    }
  });

  it('writes an SRV entry anew when the address of its target changes', async () => {
    const srv = parseName('_web._tcp.mesos');
    const target = Uint8Array.of(0, 0, 0, 1, 0, 80, ...nameToWire(parseName('web.mesos')));
    const withAddress = (host: number): Contents =>
      new Map([
        a('web.mesos', host),
        [srv, [{ owner: srv, type: TYPE.SRV, ttl: 30, sources: 1, rdata: [target] }]],
      ]);
    const first = await cut(withAddress(1), { serial: 1, limits });
    const second = await plan(first.levels, withAddress(2), { serial: 2, limits });
    expect(second.changes).toBe(2);
    expectLevelsToSay(second.levels, withAddress(2));
  });

  it('notices a change of TTL and of source', async () => {
    const first = await cut(web, { serial: 1, limits });
    for (const change of [{ ttl: 31 }, { sources: 2 }]) {
      const contents = new Map(
        Array.from(web, ([owner, rrsets]) => [owner, rrsets.map((rrset) => ({ ...rrset, ...change }))]),
      );
      const { changes, levels } = await plan(first.levels, contents, { serial: 2, limits });
      expect(changes).toBe(2);
      expectLevelsToSay(levels, contents);
    }
  });

  it('takes the last of several changes to a name', async () => {
    const { levels } = await cut(web, { serial: 1, limits });
    const without = new Map([a('db.marathon.mesos', 7)]);
    const back = new Map([...web, a('db.marathon.mesos', 9)]);
    const gone = await plan(levels, without, { serial: 2, limits });
    const both = [...tableChanges(levels, tableOf(without)), ...tableChanges(gone.levels, tableOf(back))];
    expect(both).toHaveLength(4);
    const { levels: after, changes } = await planSnapshot(levels, both, { serial: 2, limits });
    expectLevelsToSay(after, back);
    expect(changes).toBe(1);
  });

  it('goes on with a run that has passed its limit, until what was cut meanwhile may be named', async () => {
    const grown = (count: number): Contents =>
      new Map(Array.from({ length: count }, (_, i) => a(`task-${i}.mesos`, i)));
    let { levels } = await cut(grown(60), { serial: 1, limits });
    const pushed: Plan[] = [];
    for (const [i, count] of [65, 120, 121, 150].entries()) {
      pushed.push(await plan(levels, grown(count), { serial: 2 + i, limits }));
      levels = pushed.at(-1)?.levels ?? levels;
      expectLevelsToSay(levels, grown(count));
    }
    expect(pushed.map(({ wantsCut }) => wantsCut)).toEqual([false, true, true, true]);
    const begun = pushed[1];
    if (!begun) expect.fail('nothing was planned');
    const fresh = await cutSnapshot(begun.levels, { seed: SEED, serial: 3, limits });
    expectLevelsToSay(fresh.levels, grown(120));
    const since = [121, 150].map((count) => tableChanges(begun.levels, tableOf(grown(count))));
    const after = await planSnapshot(fresh.levels, since.flat(), { serial: 6, limits });
    expectLevelsToSay(after.levels, grown(150));
    expect(after.levels.shards).toEqual(fresh.levels.shards);
    expect(after.wantsCut).toBe(false);
  });

  it('writes a change in a set of 2,000 targets as a few octets, in overlay and run', async () => {
    const roomy: Limits = { ...DEFAULT_LIMITS, runOctets: 100_000 };
    const first = await cut(service(2000), { serial: 1, limits: roomy });
    expect(first.levels.shards.length).toBeGreaterThan(1);
    const second = await plan(first.levels, service(1999), { serial: 2, limits: roomy });
    expect(second.overlayOctets.length).toBeLessThan(300);
    const third = await plan(second.levels, service(1998), {
      serial: 3,
      limits: { ...roomy, overlayOctets: 0 },
    });
    expect(third.newRun?.length).toBeLessThan(500);
    const fourth = await plan(third.levels, service(1997), { serial: 4, limits: roomy });
    expect(fourth.overlayOctets.length).toBeLessThan(300);
    for (const [{ levels }, count] of [
      [second, 1999],
      [third, 1998],
      [fourth, 1997],
    ] as const)
      expectLevelsToSay(levels, service(count));
  });

  it('keeps whole entries in the run of a zone without shards', async () => {
    const first = await cut(service(200), { serial: 1, limits: DEFAULT_LIMITS });
    const merged = await plan(first.levels, service(199), {
      serial: 2,
      limits: { ...DEFAULT_LIMITS, overlayOctets: 0 },
    });
    const kinds = Array.from(
      merged.levels.run ? entriesOf(merged.levels.run) : [],
      ({ entry }) => entry.kind,
    );
    expect(new Set(kinds)).toEqual(new Set(['name']));
    expectLevelsToSay(merged.levels, service(199));
  });

  it('reads no shard but those of the changed names', async () => {
    const many = new Map(Array.from({ length: 400 }, (_, i) => a(`task-${i}.mesos`, i)));
    const { levels } = await cut(many, { serial: 1, limits });
    const owner = parseName('task-7.mesos');
    const index = shardOf(hashName(nameToWire(owner), SEED), levels.table.shards?.bits ?? 0);
    const only = levels.shards.map((shard, i) => (i === index ? shard : openBlock(encodeBlock([]))));
    const changes = tableChanges(levels, tableOf(new Map([...many, a('task-7.mesos', 999)])));
    expect(changes).toHaveLength(1);
    const whole = await planSnapshot(levels, changes, { serial: 2, limits });
    const partial = await planSnapshot({ ...levels, shards: only }, changes, { serial: 2, limits });
    expect(partial.overlayOctets).toEqual(whole.overlayOctets);
  });

  it('lays no more over shards than a head has room for beside their hashes', async () => {
    const contents = (first: number): Contents =>
      new Map(Array.from({ length: 3000 }, (_, i) => a(`task-${i}.mesos`, i < 900 ? first + i : i)));
    const tight: Limits = { ...DEFAULT_LIMITS, runOctets: 60_000, shardOctets: 20 };
    const first = await cut(contents(0), { serial: 1, limits: tight });
    expect(first.levels.shards).toHaveLength(2048);
    const second = await plan(first.levels, contents(20_000), { serial: 2, limits: tight });
    expect(second.changes).toBe(900);
    expectLevelsToSay(second.levels, contents(20_000));
    const soa = { mname: ORIGIN, rname: ORIGIN, refresh: 1, retry: 1, expire: 1, minimum: 1, ttl: 1 };
    for (const { levels } of [first, second]) {
      const body = encodeBody({
        zone: { origin: ORIGIN, soa, nameServers: [ORIGIN], nsTtl: 1 },
        settings: { staleAfterSeconds: 1, expireAfterSeconds: 1, recursionAvailable: 'never' },
        levels: levels.table,
        overlay: levels.overlay?.octets ?? new Uint8Array(),
      });
      expect(body.length + 512).toBeLessThanOrEqual(MAX_HEAD_OCTETS);
    }
  });
});

describe('cutSnapshot', () => {
  const limits: Limits = { overlayOctets: 1000, runOctets: 4000, shardOctets: 1000 };

  it('cuts as many shards as their size asks for, on average below the limit', async () => {
    const contents = new Map(Array.from({ length: 400 }, (_, i) => a(`task-${i}.mesos`, i)));
    const { levels, newShards } = await cut(contents, { serial: 1, limits });
    const average = newShards.reduce((sum, { length }) => sum + length, 0) / newShards.length;
    expect(average).toBeLessThan(1000);
    expect(average).toBeGreaterThan(450);
    expectLevelsToSay(levels, contents);
  });

  it('goes back from shards to a run when that is enough', async () => {
    const many = new Map(Array.from({ length: 200 }, (_, i) => a(`task-${i}.mesos`, i)));
    const few = new Map(Array.from({ length: 40 }, (_, i) => a(`other-${i}.mesos`, i)));
    const first = await cut(many, { serial: 1, limits });
    expect(first.levels.table.shards).toBeDefined();
    const second = await plan(first.levels, few, { serial: 2, limits });
    expect(second.wantsCut).toBe(true);
    const third = await cutSnapshot(second.levels, { seed: SEED, serial: 3, limits });
    expect(third.levels.table.shards).toBeUndefined();
    expect(third.levels.shards).toEqual([]);
    expect(third.newRun).toBeDefined();
    expectLevelsToSay(third.levels, few);
  });

  it('gives the same from levels as from a table, to more shards, fewer, and under another seed', async () => {
    const contents = new Map([
      ...service(300),
      ...Array.from({ length: 200 }, (_, i) => a(`task-${i}.mesos`, i)),
    ]);
    const first = await cut(service(301), { serial: 1, limits });
    const { levels } = await plan(first.levels, contents, { serial: 2, limits });
    const seed = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
    const table = encodeEntries(toContent(contents), { origin: ORIGIN, seed });
    for (const shardOctets of [200, 1000, 5000, 100_000]) {
      const options = { serial: 3, limits: { ...limits, shardOctets } };
      expect(await cutSnapshot(levels, { seed: SEED, ...options })).toEqual(await cut(contents, options));
      expect(await cutSnapshot(levels, { seed, ...options })).toEqual(
        await cutSnapshot(table, { seed, ...options }),
      );
    }
  });
});

describe('a zone large enough to be packed', () => {
  const limits: Limits = {
    overlayOctets: 300,
    runOctets: 900,
    shardOctets: 500,
    packed: { fromOctets: 3000, runOctets: 1500, shardOctets: 1200 },
  };

  /** The levels a reader makes of the blocks as they are stored. */
  async function restored(
    { table, overlay }: Levels,
    stored: ReadonlyMap<string, Uint8Array>,
  ): Promise<Levels> {
    const block = async (hash: Uint8Array): Promise<Uint8Array> => {
      const octets = stored.get(toHex(hash));
      if (!octets) throw new Error('a block is not stored');
      expect(await contentHash(octets)).toEqual(hash);
      return unpackBlock(octets);
    };
    const shards: Uint8Array[] = [];
    for (const hash of table.shards?.hashes ?? []) shards.push(await block(hash));
    const run = table.run && (await block(table.run.hash));
    return openLevels(table, { overlay: overlay?.octets ?? new Uint8Array(), run, shards });
  }

  it('says what its content says when its blocks are read back, and names what is stored', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyContents(30), { minLength: 1, maxLength: 5 }), async (all) => {
        const stored = new Map<string, Uint8Array>();
        const keep = async (octets: Uint8Array): Promise<void> =>
          void stored.set(toHex(await contentHash(octets)), octets);
        let levels: Levels | undefined;
        for (const [i, contents] of all.entries()) {
          const planned: Plan | undefined = levels && (await plan(levels, contents, { serial: i, limits }));
          const made: Plan | Cut =
            planned && !planned.wantsCut ? planned : await cut(contents, { serial: i, limits });
          if (made.newRun) await keep(made.newRun);
          for (const shard of 'newShards' in made ? made.newShards : []) await keep(shard);
          levels = made.levels;
          expect(levels.table.run?.octets).toBe(
            levels.table.run && stored.get(toHex(levels.table.run.hash))?.length,
          );
          expectLevelsToSay(await restored(levels, stored), contents);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has fewer and larger shards, which take less room than they say, and a larger run', async () => {
    const contents = new Map(
      Array.from({ length: 200 }, (_, i): [OwnerName, RRset[]] => {
        const owner = parseName(`search-${i}.marathon.mesos`);
        return [owner, [{ owner, type: TYPE.A, ttl: 30, rdata: [Uint8Array.of(10, 0, 0, i)], sources: 1 }]];
      }),
    );
    const { packed, ...plain } = limits;
    const [small, large] = [
      await cut(contents, { serial: 1, limits }),
      await cut(contents, { serial: 1, limits: plain }),
    ];
    expect(packed).toBeDefined();
    expect(small.newShards.length).toBeLessThan(large.newShards.length);
    for (const [i, shard] of small.newShards.entries())
      expect(shard.length).toBeLessThan((small.levels.shards[i]?.octets.length ?? 0) / 2);
    expect(wantsCut({ ...small.levels, ...runOf(1400, 400) }, limits)).toBe(false);
    expect(wantsCut({ ...small.levels, ...runOf(1600, 400) }, limits)).toBe(true);
    expect(wantsCut({ ...small.levels, ...runOf(1400, 1000) }, limits)).toBe(true);
    expect(wantsCut({ ...large.levels, ...runOf(1400, 1400) }, plain)).toBe(true);

    function runOf(octets: number, stored: number): Pick<Levels, 'run' | 'table'> {
      const block = openBlock(encodeBlock([]));
      return {
        run: { ...block, octets: new Uint8Array(octets) },
        table: { ...small.levels.table, run: { serial: 1, hash: new Uint8Array(16), octets: stored } },
      };
    }
  });
});

/** A service on `count` targets, each with an address. */
function service(count: number): Contents {
  const owner = parseName('_web._tcp.marathon.mesos');
  const targets = Array.from({ length: count }, (_, i) => a(`web-${i}.marathon.slave.mesos`, i));
  const rdata = targets.map(([target], port) => encodeSrv({ priority: 0, weight: 1, port, target }));
  return new Map([...targets, [owner, [{ owner, type: TYPE.SRV, ttl: 60, sources: 1, rdata }]]]);
}
