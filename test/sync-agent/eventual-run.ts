import { expect } from 'vitest';
import type { KeyPair } from '../../sync-agent/keys.ts';
import { DeposedError } from '../../sync-agent/publish/sight.ts';
import { type Pair, type Sink, SinkError } from '../../sync-agent/sinks/sink.ts';
import { createBlocks } from '../../worker/snapshot/blocks.ts';
import { createKvBlockFetcher, createKvHeadSource } from '../../worker/snapshot/kv.ts';
import { createSnapshotReader, type Found, type SnapshotReader } from '../../worker/snapshot/reader.ts';
import { formatAddress } from '../../zone/address.ts';
import { rrsetsOf, storedRdata } from '../../zone/entry.ts';
import { toHex } from '../../zone/hash.ts';
import { decodeHead, headKey, runKey, shardKey } from '../../zone/head.ts';
import { nameToWire, parseName } from '../../zone/name.ts';
import { importVerifyKeys, type Root } from '../../zone/root.ts';
import { compareSerial } from '../../zone/zone.ts';
import { createEventualKv, type EventualKv, type WriteFault } from '../fakes/eventual-kv.ts';
import { createRandom, createVirtualClock, type VirtualClock } from '../fakes/virtual-clock.ts';

/** Names in presentation form, each with its addresses, sorted. */
export type Names = Readonly<Record<string, readonly string[]>>;

/** A writer as it is after a start: all it knows it reads from the sink. */
export type Writer = {
  /** Throws `SinkError` where the outcome is not known. */
  readonly publish: (names: Names) => Promise<unknown>;
  /** Writes again where the sink holds something older. */
  readonly check: () => Promise<unknown>;
};

export type RunOptions = {
  readonly seed: number;
  /** Look-ups in all; the writer pushes meanwhile. */
  readonly steps: number;
  readonly key: KeyPair;
  readonly openWriter: (sink: Sink, clock: VirtualClock, random: () => number) => Writer;
  /** Reads at the edge fail and hang, and isolates begin anew. */
  readonly readFaults: boolean;
};

/** What happened, to see that it happened at all. */
export type RunFigures = {
  readonly pushes: number;
  readonly failedPushes: number;
  readonly crashes: number;
  readonly lookUps: number;
  readonly unavailable: number;
  readonly headsSeen: number;
  readonly cuts: number;
  readonly runs: number;
  readonly events: number;
  readonly simulatedSeconds: number;
};

const ORIGIN = parseName('mesos');
const HEAD = headKey(ORIGIN, 'main');
const START_MS = Date.UTC(2026, 10, 20);
const READERS = 6;
/** A value has reached everybody, and what was cached before is forgotten, for certain. */
const SPREAD_MS = 60_000;
const STEADY = Array.from({ length: 20 }, (_, i) => `steady${i}.mesos`);
const CHANGING = Array.from({ length: 40 }, (_, i) => `changing${i}.app${i % 5}.mesos`);
const COMING = Array.from({ length: 30 }, (_, i) => `coming${i}.app${i % 5}.mesos`);
const LARGE = 'large.mesos';
const NAMES = [...STEADY, ...CHANGING, ...COMING, LARGE, 'never.mesos'];

/**
 * A writer that crashes and is answered badly, and readers that see its writes late and in any order. Fails with
 * what was seen where a reader's answer is none of those published, a name that was always there is not, a serial
 * goes back, a block is asked for before a head names it, a head is there before its blocks (cut ones before
 * everybody can have them), or a reader does not come to what was published last.
 */
export async function runEventually(options: RunOptions): Promise<RunFigures> {
  const { seed, key, readFaults } = options;
  const random = createRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)];
  const clock = createVirtualClock(START_MS);
  const store = createEventualKv({ clock, random, readers: READERS, spreadMs: SPREAD_MS });
  const verifyKeys = await importVerifyKeys([key.publicKeyBase64]);
  const log = await watch(store, clock, { verifyKeys, readFaults });
  const count = { pushes: 0, failedPushes: 0, crashes: 0, lookUps: 0, unavailable: 0 };

  let names: Names = Object.fromEntries(NAMES.slice(0, -1).map((name, i) => [name, [`10.0.0.${i}`]]));
  names = { ...names, [LARGE]: addressesFrom(0, 120) };
  let version = 0;
  const change = (): void => {
    const next: Record<string, readonly string[]> = { ...names };
    for (let left = 1 + random() * 4; left > 0; left--) {
      version++;
      const address = `10.${(version >> 14) + 1}.${(version >> 7) & 127}.${version & 127}`;
      const coming = pick(COMING) ?? '';
      if (random() < 0.4) next[pick(CHANGING) ?? ''] = [address];
      else if (next[coming]) delete next[coming];
      else next[coming] = [address];
    }
    if (random() < 0.2) next[LARGE] = addressesFrom(version, 120);
    names = next;
  };

  /** What a crash leaves behind is for the next writer to find. */
  const writer = { isStopped: false, life: 0 };
  const write = async (life: number): Promise<void> => {
    const isAlive = (): boolean => writer.life === life;
    const open = options.openWriter(watched(store.sink, log, { names: () => names, isAlive }), clock, random);
    while (isAlive() && !writer.isStopped) {
      change();
      if (random() < 0.15) store.faults.push(faultOf(random));
      try {
        await open.publish(names);
        count.pushes++;
        await clock.sleep(5_000);
        await open.check();
      } catch (error) {
        // What another life of this agent had still under way counts as another agent's: read anew, go on.
        if (!(error instanceof SinkError) && !(error instanceof DeposedError)) throw error;
        count.failedPushes++;
      }
      await clock.sleep(2_000 + random() * 15_000);
    }
  };
  const failures: unknown[] = [];
  const start = (): void => {
    write(writer.life).catch((error: unknown) => failures.push(error));
  };

  const readers = Array.from({ length: READERS }, (_, index) =>
    openReader(store, clock, { index, verifyKeys }),
  );
  const lookUp = async (index: number): Promise<void> => {
    const reader = readers[index];
    const name = pick(NAMES) ?? '';
    if (!reader) return;
    const { isWarm: wasWarm, root: before } = reader;
    const found = await reader.find(name);
    // An isolate that was replaced meanwhile answers nobody.
    if (readers[index] !== reader) return;
    count.lookUps++;
    if (found.kind === 'found') reader.isWarm = true;
    else count.unavailable++;
    log.answered(reader, name, { found, wasWarm, before });
  };
  const watchLookUp = (index: number): void => {
    lookUp(index).catch((error: unknown) => failures.push(error));
  };

  for (let index = 0; index < READERS; index++)
    if (readFaults) store.reader(index).faults = { failing: 0.02, hanging: 0.01 };
  start();
  await clock.runUntil(clock.now() + 2 * SPREAD_MS);
  let stepsLeft = options.steps;
  while (stepsLeft > 0) {
    // Most colos are asked often, some sleep for minutes, all of them at times.
    const asleep = new Set(Array.from({ length: 2 }, () => Math.floor(random() * READERS)));
    for (let inSpell = 60; inSpell > 0; inSpell--, stepsLeft--) {
      const index = Math.floor(random() * READERS);
      if (!asleep.has(index)) watchLookUp(index);
      await clock.runUntil(clock.now() + random() * 4_000);
      if (failures.length > 0) throw failures[0];
    }
    if (random() < 0.3) {
      writer.life++;
      count.crashes++;
      store.faults.length = 0;
      if (random() < 0.5) store.faults.push({ kind: 'dies', pairs: Math.floor(random() * 4) });
      await clock.runUntil(clock.now() + random() * 30_000);
      start();
    }
    if (readFaults && random() < 0.2) {
      const index = Math.floor(random() * READERS);
      readers[index] = openReader(store, clock, { index, verifyKeys });
    }
  }

  // No more pushes: everybody comes to the last one.
  writer.isStopped = true;
  store.faults.length = 0;
  for (let index = 0; index < READERS; index++) store.reader(index).faults = { failing: 0, hanging: 0 };
  await clock.runUntil(clock.now() + SPREAD_MS);
  const whole = watched(store.sink, log, { names: () => names, isAlive: () => true });
  const ending = options.openWriter(whole, clock, random).publish(names);
  await clock.runUntil(clock.now() + 10_000);
  await ending;
  for (let i = 0; i < 60; i++) {
    for (let index = 0; index < READERS; index++) watchLookUp(index);
    await clock.runUntil(clock.now() + 5_000);
  }
  if (failures.length > 0) throw failures[0];
  for (const reader of readers) log.expectUpToDate(reader);
  return {
    ...count,
    ...log.figures(),
    events: clock.events(),
    simulatedSeconds: Math.round((clock.now() - START_MS) / 1000),
  };
}

function addressesFrom(first: number, many: number): string[] {
  return Array.from({ length: many }, (_, i) => `10.200.${((first + i) >> 8) & 255}.${(first + i) & 255}`);
}

function faultOf(random: () => number): WriteFault {
  const pairs = Math.floor(random() * 3);
  return random() < 0.5 ? { kind: 'late', ms: random() * 45_000 } : { kind: 'fails', pairs };
}

type Reader = {
  isWarm: boolean;
  /** The newest root it answered from. */
  root: Root | undefined;
  readonly index: number;
  readonly find: (name: string) => Promise<Found>;
};

function openReader(
  store: EventualKv,
  clock: VirtualClock,
  { index, verifyKeys }: { index: number; verifyKeys: Awaited<ReturnType<typeof importVerifyKeys>> },
): Reader {
  const { kv } = store.reader(index);
  const { now, startTimer } = clock;
  const fetchBlock = createKvBlockFetcher(kv);
  const reader: SnapshotReader = createSnapshotReader({
    ...{ origin: ORIGIN, variant: 'main', now, startTimer },
    source: createKvHeadSource(kv, { origin: ORIGIN, variant: 'main', verifyKeys }),
    // Room for two shards or so: they come and go.
    blocks: createBlocks({ fetchBlock, maxOctets: 6_000, now, startTimer }),
    ...{ headRefreshMs: 30_000, headMaxAgeMs: 90_000, onProblem: () => undefined },
  });
  const waitUntil = (work: Promise<unknown>): void => void work.catch(() => undefined);
  return {
    ...{ isWarm: false, root: undefined, index },
    find: async (name) => reader.find(nameToWire(parseName(name)), waitUntil),
  };
}

/** `before`: the newest root it had answered from when it was asked. */
type Answered = { readonly found: Found; readonly wasWarm: boolean; readonly before: Root | undefined };

type Watch = {
  /** What the bodies written so far say, by their hash. */
  readonly written: (root: Root, names: Names) => void;
  readonly answered: (reader: Reader, name: string, how: Answered) => void;
  readonly expectUpToDate: (reader: Reader) => void;
  readonly figures: () => Pick<RunFigures, 'headsSeen' | 'cuts' | 'runs'>;
};

/** Sees all that comes to the store and all that is asked of it, and holds it against the rules. */
async function watch(
  store: EventualKv,
  clock: VirtualClock,
  {
    verifyKeys,
    readFaults,
  }: { verifyKeys: Awaited<ReturnType<typeof importVerifyKeys>>; readFaults: boolean },
): Promise<Watch> {
  const says = new Map<string, Names>();
  const named = new Set<string>();
  const seen = new Set<string>();
  const cuts = new Set<string>();
  const runs = new Set<string>();
  let newest: Root | undefined;
  const problems: string[] = [];

  const blocksOf = async ({ value }: Pair): Promise<{ root: Root; run: string[]; shards: string[] }> => {
    const { root, body } = await decodeHead(value, verifyKeys);
    const { run, shards } = body.levels;
    return {
      root,
      run: run ? [runKey(ORIGIN, 'main', run)] : [],
      shards: (shards?.hashes ?? []).flatMap((_, index) =>
        shards ? [shardKey(ORIGIN, 'main', { ...shards, index })] : [],
      ),
    };
  };
  const headLanded = async (pair: Pair): Promise<void> => {
    const { root, run, shards } = await blocksOf(pair);
    for (const block of [...run, ...shards]) {
      const writtenAtMs = store.writtenAtMs(block);
      if (writtenAtMs === undefined)
        problems.push(`serial ${root.serial} is there before its block ${block}`);
      else if (shards.includes(block) && newest && !named.has(block) && clock.now() - writtenAtMs < SPREAD_MS)
        problems.push(`serial ${root.serial} names the shard ${block} before everybody can have it`);
      named.add(block);
    }
    for (const block of run) runs.add(block);
    for (const block of shards.slice(0, 1)) cuts.add(block);
    if (!newest || isNewer(root, newest)) newest = root;
  };
  store.onLanded = (pair) => {
    if (pair.key !== HEAD) return;
    headLanded(pair).catch((error: unknown) => problems.push(String(error)));
  };
  store.onAsked = (asked) => {
    if (asked !== HEAD && !named.has(asked)) problems.push(`${asked} was asked for before a head named it`);
  };
  return {
    written: (root, names) => void says.set(toHex(root.bodyHash), names),
    answered: (reader, name, { found, wasWarm, before }) => {
      expect(problems).toEqual([]);
      if (found.kind === 'unavailable') {
        // All that is named is everywhere: who has answered once can always answer.
        if (!readFaults && wasWarm) expect.fail(`reader ${reader.index}: ${name} is ${found.reason}`);
        return;
      }
      const { root } = found.held;
      if (before && isNewer(before, root))
        expect.fail(`reader ${reader.index} went back from ${before.serial} to ${root.serial}`);
      if (!reader.root || !isNewer(reader.root, root)) reader.root = root;
      seen.add(`${reader.index} ${root.serial}`);
      const names = says.get(toHex(root.bodyHash)) ?? expect.fail(`nobody published serial ${root.serial}`);
      const said = textOf(found);
      expect(said, `${name} at reader ${reader.index}, serial ${root.serial}`).toBe(wordsOf(names[name]));
      if (STEADY.includes(name)) expect(said, name).not.toBe('nothing');
    },
    expectUpToDate: ({ index, root }) => {
      expect(problems).toEqual([]);
      expect(root && [root.epoch, root.serial], `reader ${index}`).toEqual(
        newest && [newest.epoch, newest.serial],
      );
    },
    figures: () => ({ headsSeen: seen.size, cuts: cuts.size, runs: runs.size }),
  };
}

/** A sink that tells the watch what each head is meant to say; nothing more comes from it after a crash. */
function watched(
  sink: Sink,
  { written }: Watch,
  { names, isAlive }: { names: () => Names; isAlive: () => boolean },
): Sink {
  const untilDeath = async (): Promise<void> => {
    if (!isAlive()) await new Promise(() => undefined);
  };
  return {
    ...sink,
    get: async (key, signal) => {
      await untilDeath();
      return sink.get(key, signal);
    },
    put: async (pairs, signal) => {
      await untilDeath();
      for (const { key, value } of pairs) {
        if (key === HEAD) written((await decodeHead(value, 'none')).root, names());
      }
      return sink.put(pairs, signal);
    },
  };
}

function isNewer(a: Root, b: Root): boolean {
  return a.epoch === b.epoch ? compareSerial(a.serial, b.serial) > 0 : a.epoch > b.epoch;
}

function textOf(found: Found & { kind: 'found' }): string {
  if (!found.entry || found.entry.kind === 'tombstone') return 'nothing';
  return wordsOf(
    rrsetsOf(found.entry).flatMap((rrset) => storedRdata(rrset).map((rdata) => formatAddress(rdata))),
  );
}

function wordsOf(addresses: readonly string[] | undefined): string {
  return addresses ? addresses.toSorted().join(' ') : 'nothing';
}
