import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import {
  createNonTerminals,
  encodeChanges,
  encodeEntries,
  type NonTerminals,
  type ZoneContent,
} from '../../zone/entries.ts';
import { readEntry } from '../../zone/entry.ts';
import { hashName, toHex } from '../../zone/hash.ts';
import { findInLevels, type Levels, liveEntries } from '../../zone/levels.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { type Cut, cutSnapshot, planSnapshot } from '../../zone/plan.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import { hex, ORIGIN, seededRandom } from '../zone/arbitrary.ts';

/**
 * A million RRsets, cut into shards and changed one name at a time: what a push uploads and what it takes does not
 * grow with the zone. 600,000 tasks with an address, 399,990 services on one or two of them, 10 on 2,000.
 */
const TASKS = 600_000;
const SERVICES = 399_990;
const LARGE_SERVICES = 10;
const LARGE_TARGETS = 2_000;
const PUSHES = 1_000;
const SEED = hex('0123456789abcdef');
const HEAD_OCTETS = 64 * 1024;

it('publishes a million RRsets in shards, and a change in a few octets', async () => {
  const zone = createZone();
  const random = seededRandom(3);
  const startedBytes = memoryBytes();
  const startedMs = performance.now();
  const first = await publishAnew(zone.content);
  const encodeMs = performance.now() - startedMs;
  let { levels } = first;
  expect(levels.shards.length).toBeGreaterThan(100);
  expect(Math.max(...first.newShards.map(({ length }) => length))).toBeLessThan(1024 * 1024);
  const blockBytes = first.levels.shards.reduce((sum, { octets }) => sum + octets.length, 0);
  const storedBytes = first.newShards.reduce((sum, { length }) => sum + length, 0);
  expect(storedBytes).toBeLessThan(blockBytes / 3);

  const nonTerminals = createNonTerminals(ORIGIN);
  for (const owner of zone.content.owners()) nonTerminals.add(owner);
  const pushMs: number[] = [];
  let [merges, mergedOctets] = [0, 0];
  for (let push = 0; push < PUSHES; push++) {
    const { owners, existed } = zone.change(random);
    const begunMs = performance.now();
    const changes = encodeChanges(zone.content, owners, nonTerminals, {
      seed: SEED,
      existed: (owner) => existed.has(owner),
    });
    const plan = await planSnapshot(levels, changes, { serial: push + 2 });
    pushMs.push(performance.now() - begunMs);
    expect(plan.changes).toBeGreaterThan(0);
    expect(plan.overlayOctets.length + 8192).toBeLessThanOrEqual(HEAD_OCTETS);
    expect(plan.levels.shards).toBe(levels.shards);
    if (plan.newRun) {
      merges++;
      mergedOctets += plan.newRun.length;
    }
    levels = plan.levels;
    for (const owner of [...owners, zone.anyTask(random), zone.anyService(random)])
      expectToSay(levels, owner, { zone: zone.content, nonTerminals });
  }
  // Of the kinds of change one in four is to a set of 2,000 targets: whole, they alone would be 30 MB.
  expect(merges).toBeGreaterThan(0);
  expect(mergedOctets).toBeLessThan(3_000_000);
  const medianMs = pushMs.toSorted((a, b) => a - b)[PUSHES / 2];
  expect(medianMs).toBeLessThan(encodeMs / 100);

  const second = await cutSnapshot(levels, { seed: SEED, serial: PUSHES + 2 });
  for (let i = 0; i < 2_000; i++) {
    for (const owner of [zone.anyTask(random), zone.anyService(random)])
      expectToSay(second.levels, owner, { zone: zone.content, nonTerminals });
  }
  let entries = 0;
  for (const _ of liveEntries(second.levels)) entries++;
  let names = 0;
  for (const _ of zone.content.owners()) names++;
  for (const name of nonTerminals.names()) if (!zone.content.has(name)) names++;
  expect(entries).toBe(names);
  // Two generations of blocks, and not the zone once more beside them.
  const grownBytes = memoryBytes() - startedBytes;
  expect(grownBytes).toBeLessThan(3 * blockBytes);
});

/** The first publish; its table of entries is not needed afterwards. */
function publishAnew(content: ZoneContent): Promise<Cut> {
  return cutSnapshot(encodeEntries(content, { origin: ORIGIN, seed: SEED }), { seed: SEED, serial: 1 });
}

function expectToSay(
  levels: Levels,
  owner: OwnerName,
  { zone, nonTerminals }: { zone: ZoneContent; nonTerminals: NonTerminals },
): void {
  const existed = (name: OwnerName): boolean => zone.has(name);
  const [change] = encodeChanges(zone, [owner], nonTerminals, { seed: SEED, existed });
  const expected = change && readEntry(change.octets);
  const name = nameToWire(owner);
  const found = findInLevels(levels, name, hashName(name, SEED));
  if (expected?.kind === 'tombstone') expect(found?.kind ?? 'tombstone', owner).toBe('tombstone');
  else expect(found && toHex(found.octets), owner).toBe(expected && toHex(expected.octets));
}

/** What a push is told: names that may have changed, and those of them that were there before. */
type Change = { readonly owners: readonly OwnerName[]; readonly existed: ReadonlySet<OwnerName> };

type LargeZone = {
  readonly content: ZoneContent;
  readonly change: (random: () => number) => Change;
  readonly anyTask: (random: () => number) => OwnerName;
  readonly anyService: (random: () => number) => OwnerName;
};

/** A zone that is computed, not held, but for what was changed since. */
function createZone(): LargeZone {
  const moved = new Map<number, number>();
  const stopped = new Set<number>();
  const leftOut = new Set<number>();
  let added = 0;

  const task = (i: number): OwnerName => parseName(`task-${i}.marathon.slave.mesos`);
  const service = (i: number): OwnerName => parseName(`_app-${i}._tcp.marathon.mesos`);
  const extra = (i: number): OwnerName => parseName(`_extra._udp.group-${i}.mesos`);
  const firstOf = (large: number): number => TASKS - (large + 1) * LARGE_TARGETS;
  const isTask = (i: number): boolean => i < TASKS && !stopped.has(i);

  const address = (owner: OwnerName, i: number): RRset => {
    const host = i + (moved.get(i) ?? 0) * TASKS;
    const rdata = [Uint8Array.of(10, host >> 16, host >> 8, host)];
    return { owner, type: TYPE.A, ttl: 30, sources: 1, rdata };
  };
  const services = (owner: OwnerName, tasks: readonly number[]): RRset => {
    // Ports rise with the tasks, so the values are in canonical order.
    const rdata = tasks.map((i) =>
      encodeSrv({ priority: 0, weight: i >> 16, port: i & 0xffff, target: task(i) }),
    );
    return { owner, type: TYPE.SRV, ttl: 30, sources: 1, rdata };
  };
  const rrsetsAt = (owner: OwnerName): RRset[] => {
    const [, kind, digits] = /^(task|_app|_extra\._udp\.group)-(\d+)\./.exec(owner) ?? [];
    const i = Number(digits);
    if (kind === 'task') return isTask(i) ? [address(owner, i)] : [];
    if (kind === '_app' && i < SERVICES) return [services(owner, [i])];
    if (kind === '_app' && i < SERVICES + LARGE_SERVICES) {
      const first = firstOf(i - SERVICES);
      const tasks = Array.from({ length: LARGE_TARGETS }, (_, k) => first + k);
      return [
        services(
          owner,
          tasks.filter((target) => !leftOut.has(target)),
        ),
      ];
    }
    return kind?.startsWith('_extra') && i < added ? [services(owner, [i])] : [];
  };
  const content: ZoneContent = {
    rrsetsAt,
    has: (owner) => rrsetsAt(owner).length > 0,
    owners: function* () {
      for (let i = 0; i < TASKS; i++) if (isTask(i)) yield task(i);
      for (let i = 0; i < SERVICES + LARGE_SERVICES; i++) yield service(i);
      for (let i = 0; i < added; i++) yield extra(i);
    },
  };

  const toggle = (set: Set<number>, i: number): void => {
    if (!set.delete(i)) set.add(i);
  };
  const below = (count: number, random: () => number): number => Math.floor(random() * count);
  const kinds: readonly ((random: () => number) => { owners: OwnerName[]; apply: () => void })[] = [
    (random) => {
      const i = below(SERVICES, random);
      return { owners: [task(i), service(i)], apply: () => moved.set(i, (moved.get(i) ?? 0) + 1) };
    },
    (random) => {
      const i = below(SERVICES, random);
      return { owners: [task(i), service(i)], apply: () => toggle(stopped, i) };
    },
    () => ({ owners: [extra(added)], apply: () => void added++ }),
    (random) => {
      const large = below(LARGE_SERVICES, random);
      const i = firstOf(large) + below(LARGE_TARGETS, random);
      const owners = [task(i), service(SERVICES + large)];
      if (random() < 0.5) return { owners, apply: () => toggle(leftOut, i) };
      leftOut.delete(i);
      return { owners, apply: () => moved.set(i, (moved.get(i) ?? 0) + 1) };
    },
  ];
  return {
    content,
    change: (random) => {
      const { owners, apply } = kinds[below(kinds.length, random)]?.(random) ?? {
        owners: [],
        apply: () => undefined,
      };
      const existed = new Set(owners.filter((owner) => content.has(owner)));
      apply();
      return { owners, existed };
    },
    anyTask: (random) => task(below(TASKS, random)),
    anyService: (random) => service(below(SERVICES + LARGE_SERVICES, random)),
  };
}

/** Bytes that are in use once the garbage is gone. */
function memoryBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
