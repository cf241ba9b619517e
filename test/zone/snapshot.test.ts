import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, entriesOf, findEntry, openBlock } from '../../zone/block.ts';
import { entryName, readEntry, rrsetsOf } from '../../zone/entry.ts';
import { contentHash, hashName, toHex } from '../../zone/hash.ts';
import { encodeBody, MAX_HEAD_OCTETS } from '../../zone/head.ts';
import { nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { type RRset, TYPE } from '../../zone/record.ts';
import {
  DEFAULT_LIMITS,
  encodeEntries,
  findInLevels,
  type Levels,
  type Limits,
  type Plan,
  shardOf,
} from '../../zone/snapshot.ts';
import { anyContents, anyOwner, type Contents, ORIGIN, seededRandom, toContent } from './arbitrary.ts';
import { describeAll, expectLevelsToSay, namesOf, plan, SEED } from './levels.ts';

/** The contents in another order. */
function shuffled(contents: Contents, seed: number): Contents {
  const random = seededRandom(seed);
  const order = Array.from(contents, (item) => ({ item, at: random() })).toSorted((a, b) => a.at - b.at);
  return new Map(order.map(({ item }) => item));
}

/** What a reader opens, who has the head's octets and the blocks it names and nothing else. */
function reopened({ levels, overlayOctets }: Plan): Levels {
  const again = (block: Block): Block => openBlock(block.octets.slice());
  return {
    table: levels.table,
    overlay: overlayOctets.length > 0 ? openBlock(overlayOctets.slice()) : undefined,
    run: levels.run && again(levels.run),
    shards: levels.shards.map((shard) => again(shard)),
  };
}

async function expectTableToNameBlocks({ levels, newRun, newShards }: Plan, serial: number): Promise<void> {
  const { table } = levels;
  expect(table.run === undefined).toBe(levels.run === undefined);
  if (levels.run && table.run) {
    expect(toHex(await contentHash(levels.run.octets))).toBe(toHex(table.run.hash));
    expect(levels.run.octets.length).toBe(table.run.octets);
  }
  if (newRun) expect([newRun, table.run?.serial]).toEqual([levels.run?.octets, serial]);
  expect(levels.shards).toHaveLength(table.shards ? 2 ** table.shards.bits : 0);
  if (newShards.length > 0) expect(table.shards?.cutSerial).toBe(serial);
  if (newShards.length > 0) expect(levels.shards.map(({ octets }) => octets)).toEqual(newShards);
  for (const [index, shard] of levels.shards.entries()) {
    expect(toHex(await contentHash(shard.octets))).toBe(
      toHex(table.shards?.hashes[index] ?? new Uint8Array()),
    );
    for (const { entry } of entriesOf(shard)) {
      expect(entry.kind).toBe('name');
      expect(shardOf(hashName(entryName(entry), SEED), table.shards?.bits ?? -1)).toBe(index);
    }
  }
}

/** No level repeats what the ones below it say. */
function expectNothingRepeated(levels: Levels): void {
  const below: Levels = { ...levels, overlay: undefined };
  for (const [upper, lower] of [
    [levels.overlay, below],
    [levels.run, { ...below, run: undefined }],
  ] as const) {
    for (const { entry } of upper ? entriesOf(upper) : []) {
      const name = entryName(entry);
      const under = findInLevels(lower, name, hashName(name, SEED));
      const says = under?.kind === 'name' ? toHex(under.octets) : 'nothing';
      expect(entry.kind === 'name' ? toHex(entry.octets) : 'nothing').not.toBe(says);
    }
  }
}

function countChanges(before: Contents, after: Contents): number {
  const [old, now] = [describeAll(before), describeAll(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter((name) => old.get(name) !== now.get(name))
    .length;
}

/** Small enough that a few names pass them, each its own way. */
const LIMITS: readonly Limits[] = [
  { overlayOctets: 300, runOctets: 900, shardOctets: 300 },
  { overlayOctets: 1200, runOctets: 3000, shardOctets: 1000 },
  { overlayOctets: 0, runOctets: 1500, shardOctets: 4000 },
  { overlayOctets: 600, runOctets: 0, shardOctets: 250 },
  { overlayOctets: 3000, runOctets: 100_000, shardOctets: 100 },
];

const anyEdit = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), set: anyContents(2) }),
  fc.record({
    kind: fc.constant('remove' as const),
    remove: fc.array(anyOwner, { minLength: 1, maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant('revert' as const), pushes: fc.integer({ min: 1, max: 3 }) }),
);

/** What the zone holds push after push, a push's edit after the other. */
function historyOf(
  first: Contents,
  edits: readonly (typeof anyEdit extends fc.Arbitrary<infer Edit> ? Edit : never)[],
): Contents[] {
  const history = [first];
  for (const edit of edits) {
    const before = history.at(-1) ?? first;
    if (edit.kind === 'set') history.push(new Map([...before, ...edit.set]));
    else if (edit.kind === 'remove')
      history.push(new Map([...before].filter(([owner]) => !edit.remove.includes(owner))));
    else history.push(history.at(-1 - edit.pushes) ?? first);
  }
  return history;
}

describe('planSnapshot, push after push', () => {
  it('makes levels that say what the content says', async () => {
    const seen = { overlay: 0, reverted: 0, run: 0, runOverShards: 0, cutToShards: 0, tombstones: 0 };
    const count = (last: Plan, { levels, overlayOctets, newRun, newShards, changes }: Plan): void => {
      if (overlayOctets.length > 0) seen.overlay++;
      else if (last.overlayOctets.length > 0 && changes > 0 && !newRun && newShards.length === 0)
        seen.reverted++;
      if (newRun) seen[levels.table.shards ? 'runOverShards' : 'run']++;
      if (newShards.length > 0) seen.cutToShards++;
      for (const level of [levels.overlay, levels.run]) {
        for (const { entry } of level ? entriesOf(level) : [])
          if (entry.kind === 'tombstone') seen.tombstones++;
      }
    };
    const pushes = fc.tuple(anyContents(15), fc.array(anyEdit, { maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...LIMITS), pushes, async (limits, [first, edits]) => {
        let before: Contents = new Map();
        let last: Plan | undefined;
        let serial = 1000;
        for (const contents of historyOf(first, edits)) {
          serial++;
          const now = await plan(last?.levels, contents, { serial, limits });
          expectLevelsToSay(now.levels, contents);
          expectLevelsToSay(reopened(now), contents);
          expectNothingRepeated(now.levels);
          await expectTableToNameBlocks(now, serial);
          expect(now.overlayOctets.length).toBeLessThanOrEqual(limits.overlayOctets);
          if (now.newRun) expect(now.newRun.length).toBeLessThanOrEqual(limits.runOctets);
          expect(now.changes).toBe(last ? countChanges(before, contents) : namesOf(contents).size);

          // The same arguments in another order give the same; the same content gives nothing to write.
          const other = shuffled(contents, serial);
          expect(await plan(last && reopened(last), other, { serial, limits })).toEqual(now);
          const again = await plan(now.levels, other, { serial: serial + 1, limits });
          expect(again.levels).toBe(now.levels);
          expect(again).toEqual({ ...now, newRun: undefined, newShards: [], changes: 0 });
          if (last) count(last, now);
          last = now;
          before = contents;
        }
      }),
      { numRuns: 80 },
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

  it('publishes an empty zone as an empty run', async () => {
    const first = await plan(undefined, new Map(), { serial: 1, limits });
    expect(first.newRun).toHaveLength(20);
    expect(first.changes).toBe(0);
    expectLevelsToSay(first.levels, new Map());
    const second = await plan(first.levels, web, { serial: 2, limits });
    expect(second.newRun).toBeUndefined();
    expectLevelsToSay(second.levels, web);
  });

  it('drops from the overlay what was taken back', async () => {
    const first = await plan(undefined, web, { serial: 1, limits });
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
    let { levels } = await plan(undefined, new Map([a('m.mesos', 1), a('w.m.mesos', 2)]), {
      serial: 1,
      limits,
    });
    for (const [serial, contents] of [
      [2, new Map([a('w.m.mesos', 2)])],
      [3, new Map([a('m.mesos', 9)])],
      [4, new Map([a('w.w.m.mesos', 2)])],
      [5, new Map()],
      [6, new Map([a('w.m.mesos', 2)])],
    ] as const) {
      ({ levels } = await plan(levels, contents, { serial, limits }));
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
    const first = await plan(undefined, withAddress(1), { serial: 1, limits });
    const second = await plan(first.levels, withAddress(2), { serial: 2, limits });
    expect(second.changes).toBe(2);
    expectLevelsToSay(second.levels, withAddress(2));
  });

  it('notices a change of TTL and of source', async () => {
    const first = await plan(undefined, web, { serial: 1, limits });
    for (const change of [{ ttl: 31 }, { sources: 2 }]) {
      const contents = new Map(
        Array.from(web, ([owner, rrsets]) => [owner, rrsets.map((rrset) => ({ ...rrset, ...change }))]),
      );
      const { changes, levels } = await plan(first.levels, contents, { serial: 2, limits });
      expect(changes).toBe(2);
      expectLevelsToSay(levels, contents);
    }
  });

  it('cuts as many shards as their size asks for', async () => {
    const contents = new Map(Array.from({ length: 400 }, (_, i) => a(`task-${i}.mesos`, i)));
    const { levels } = await plan(undefined, contents, {
      serial: 1,
      limits: { ...limits, shardOctets: 1024 },
    });
    const octets = encodeEntries(toContent(contents), { origin: ORIGIN, seed: SEED }).octets.length;
    expect(levels.table.shards?.bits).toBe(Math.ceil(Math.log2(octets / 1024)));
    expectLevelsToSay(levels, contents);
  });

  it('goes back from shards to a run when a cut would give no more than that', async () => {
    const many = new Map(Array.from({ length: 200 }, (_, i) => a(`task-${i}.mesos`, i)));
    const first = await plan(undefined, many, { serial: 1, limits });
    expect(first.levels.table.shards).toBeDefined();
    const few = new Map(Array.from({ length: 60 }, (_, i) => a(`other-${i}.mesos`, i)));
    const second = await plan(first.levels, few, { serial: 2, limits });
    expect(second.levels.table.shards).toBeUndefined();
    expect(second.levels.shards).toEqual([]);
    expect(second.newRun).toBeDefined();
    expectLevelsToSay(second.levels, few);
  });

  it('names no more shards, and lays no more over them, than a head has room for', async () => {
    const contents = (first: number): Contents =>
      new Map(Array.from({ length: 3000 }, (_, i) => a(`task-${i}.mesos`, i < 900 ? first + i : i)));
    const tight: Limits = { ...DEFAULT_LIMITS, runOctets: 60_000, shardOctets: 20 };
    const first = await plan(undefined, contents(0), { serial: 1, limits: tight });
    const second = await plan(first.levels, contents(20_000), { serial: 2, limits: tight });
    expect(second.changes).toBe(900);
    expectLevelsToSay(second.levels, contents(20_000));
    const soa = { mname: ORIGIN, rname: ORIGIN, refresh: 1, retry: 1, expire: 1, minimum: 1, ttl: 1 };
    for (const { levels, overlayOctets } of [first, second]) {
      const body = encodeBody({
        zone: { origin: ORIGIN, soa, nameServers: [ORIGIN], nsTtl: 1 },
        settings: { staleAfterSeconds: 1, expireAfterSeconds: 1, recursionAvailable: 'never' },
        levels: levels.table,
        overlay: overlayOctets,
      });
      expect(body.length + 512).toBeLessThanOrEqual(MAX_HEAD_OCTETS);
    }
  });
});

describe('encodeEntries', () => {
  const read = (contents: Contents, origin: OwnerName): Map<string, number> => {
    const { octets, offsets, hashes } = encodeEntries(toContent(contents), { origin, seed: SEED });
    expect(offsets).toHaveLength(hashes.length + 1);
    expect(offsets.at(-1)).toBe(octets.length);
    return new Map(
      hashes.map((hash, i) => {
        const entry = readEntry(octets.subarray(offsets[i], offsets[i + 1]));
        expect(hash).toEqual(hashName(entryName(entry), SEED));
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

describe('levels', () => {
  it('hide what an upper one says is gone, and show what it brings back', async () => {
    const limits: Limits = { overlayOctets: 200, runOctets: 3000, shardOctets: 3000 };
    const many = new Map(Array.from({ length: 60 }, (_, i) => a(`task-${i}.mesos`, i)));
    // Shards, then a run over them, then an overlay over that: task-0 is there, gone, and there again.
    const first = await plan(undefined, many, { serial: 1, limits: { ...limits, runOctets: 0 } });
    const without = new Map([...many].slice(20));
    const second = await plan(first.levels, without, { serial: 2, limits });
    expect(second.levels.table.run?.serial).toBe(2);
    expect(second.levels.table.shards?.cutSerial).toBe(1);
    const back = new Map([...without, a('task-0.mesos', 99)]);
    const third = await plan(second.levels, back, { serial: 3, limits });
    expect(third.overlayOctets.length).toBeGreaterThan(0);
    const wire = nameToWire(parseName('task-0.mesos'));
    const { run, overlay } = third.levels;
    const { slot } = hashName(wire, SEED);
    expect(run && findEntry(run, wire, slot)?.kind).toBe('tombstone');
    expect(overlay && findEntry(overlay, wire, slot)?.kind).toBe('name');
    expectLevelsToSay(second.levels, without);
    expectLevelsToSay(third.levels, back);
    // Gone once more: the run says so already, the overlay need not.
    const fourth = await plan(third.levels, without, { serial: 4, limits });
    expect(fourth.levels).toEqual(second.levels);
    expect(fourth.changes).toBe(1);
  });

  it('are found in by shard, with any number of them', () => {
    for (let bits = 0; bits <= 16; bits++) {
      expect(shardOf({ slot: 0, shard: 0xffffffff }, bits)).toBe(2 ** bits - 1);
      expect(shardOf({ slot: 0xffffffff, shard: 0 }, bits)).toBe(0);
    }
    expect(shardOf({ slot: 0, shard: 0x80000000 }, 1)).toBe(1);
  });
});
