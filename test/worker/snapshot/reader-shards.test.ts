import { afterEach, describe, expect, it, vi } from 'vitest';
import { hashName } from '../../../zone/hash.ts';
import { shardKey } from '../../../zone/head.ts';
import { nameToWire, parseName } from '../../../zone/name.ts';
import { shardOf } from '../../../zone/levels.ts';
import { addresses, type Snapshot, type ToPublish } from '../publish-to-kv.ts';
import { createHarness } from './reader-harness.ts';

const HANGING = new Promise<never>(() => undefined);
const NAMES = Array.from({ length: 400 }, (_, i) => `task-${i}.marathon.mesos`);
const ADDRESS = new Map(NAMES.map((name, i) => [name, `10.1.${i >> 8}.${i & 0xff}`]));
const rrsets = NAMES.map((name) => addresses(name, [ADDRESS.get(name) ?? '']));
/** Cuts the 400 names into 8 shards or so. */
const CUT: Partial<ToPublish> = { rrsets, limits: { overlayOctets: 4096, runOctets: 1, shardOctets: 3000 } };
/** Merges what the overlay holds into a run. */
const MERGE = { overlayOctets: 0, runOctets: 1024 * 1024, shardOctets: 3000 };

afterEach(() => {
  vi.useRealTimers();
});

/** The store key of the shard a name is in. */
function keyOf({ body }: Snapshot, name: string): string {
  const { shards, seed } = body.levels;
  if (!shards) throw new Error('there are no shards');
  const index = shardOf(hashName(nameToWire(parseName(name)), seed), shards.bits);
  return shardKey(body.zone.origin, 'main', { ...shards, index });
}

/** A name that is in another shard than the first. */
function nameApart(snapshot: Snapshot): string {
  return NAMES.find((name) => keyOf(snapshot, name) !== keyOf(snapshot, NAMES[0] ?? '')) ?? '';
}

describe('shards', () => {
  it('are loaded when a name of theirs is asked for, once', async () => {
    const { publish, lookUp, find, loads } = await createHarness();
    const { blocks } = await publish(CUT);
    expect(blocks.size).toBeGreaterThanOrEqual(8);
    expect(await lookUp('task-0.marathon.mesos')).toBe('10.1.0.0');
    expect(loads).toHaveLength(1);
    for (const name of NAMES) expect(await lookUp(name)).toBe(ADDRESS.get(name));
    expect(await lookUp('task-400.marathon.mesos')).toBe('nothing');
    expect(loads.map(({ key }) => key).toSorted()).toEqual([...blocks.keys()].toSorted());
    expect(find('task-0.marathon.mesos')).not.toBeInstanceOf(Promise);
  });

  it('are loaded once by a hundred at once', async () => {
    const { publish, lookUp, loads } = await createHarness();
    await publish(CUT);
    await Promise.all(Array.from({ length: 100 }, () => lookUp('task-7.marathon.mesos')));
    expect(loads).toHaveLength(1);
  });

  it('are kept to so many octets, the longest unused going first', async () => {
    const whole = await createHarness();
    const { blocks } = await whole.publish(CUT);
    const largest = Math.max(...Array.from(blocks.values(), ({ length }) => length));
    const { publish, lookUp, find, loads, settle } = await createHarness({ cacheOctets: largest * 2 });
    await publish(CUT);
    for (const name of NAMES) expect(await lookUp(name)).toBe(ADDRESS.get(name));
    const inMemory = NAMES.filter((name) => !(find(name) instanceof Promise));
    await settle();
    expect(loads.length).toBeGreaterThan(blocks.size);
    expect(inMemory.length).toBeLessThan(NAMES.length / 2);
  });

  it('that are missing are asked for past the caches once, then the head, then nothing for 5 s', async () => {
    const { publish, store, lookUp, loads, checks, clock } = await createHarness();
    const snapshot = await publish(CUT);
    const [name = ''] = NAMES;
    const other = nameApart(snapshot);
    const key = keyOf(snapshot, name);
    store.blocks.delete(key);
    expect(await lookUp(other)).toBe(ADDRESS.get(other));
    clock.nowMs += 5_000;
    for (const laterMs of [0, 0, 4_999]) {
      clock.nowMs += laterMs;
      expect(await lookUp(name)).toMatch(/^unavailable: block [0-9a-f]{32}: is missing or damaged/);
    }
    expect(loads.slice(1)).toEqual([
      { key, fresh: false },
      { key, fresh: true },
    ]);
    expect(checks).toHaveLength(2);
    expect(await lookUp(other)).toBe(ADDRESS.get(other));
    store.blocks.set(key, snapshot.blocks.get(key) ?? new Uint8Array());
    clock.nowMs += 1;
    expect(await lookUp(name)).toBe(ADDRESS.get(name));
  });

  it('that KV could not give are asked for again at once', async () => {
    const { publish, lookUp, before } = await createHarness();
    await publish(CUT);
    before.block = () => Promise.reject(new Error('KV is away'));
    expect(await lookUp('task-0.marathon.mesos')).toBe('unavailable: the snapshot store can not be read');
    before.block = () => Promise.resolve();
    expect(await lookUp('task-0.marathon.mesos')).toBe('10.1.0.0');
  });

  it('that are damaged are never answered from', async () => {
    const harness = await createHarness();
    await harness.publish(CUT);
    for (const [key, octets] of harness.store.blocks) {
      harness.store.blocks.set(key, octets.with(octets.length - 1, (octets.at(-1) ?? 0) ^ 1));
    }
    for (const name of NAMES.slice(0, 20)) expect(await harness.lookUp(name)).toMatch(/^unavailable/);
  });

  it('that went with their head are looked for in the head that followed', async () => {
    const { publish, store, lookUp, checks, clock } = await createHarness();
    const snapshot = await publish(CUT);
    const [name = ''] = NAMES;
    await lookUp(nameApart(snapshot));
    store.blocks.clear();
    await publish({ ...CUT, rrsets: rrsets.concat(addresses('new.mesos', ['10.9.9.9'])), serial: 2 });
    expect(store.blocks.has(keyOf(snapshot, name))).toBe(false);
    clock.nowMs += 5_000;
    expect(await lookUp(name)).toBe(ADDRESS.get(name));
    expect(checks).toHaveLength(2);
  });

  it('that come back with the next head are asked for at once', async () => {
    const { publish, store, lookUp, before, clock } = await createHarness();
    const snapshot = await publish(CUT);
    const [name = ''] = NAMES;
    await lookUp(nameApart(snapshot));
    store.blocks.delete(keyOf(snapshot, name));
    const next = {
      ...CUT,
      rrsets: rrsets.concat(addresses('new.mesos', ['10.9.9.9'])),
      serial: 2,
      after: snapshot,
    };
    await publish(next);
    store.blocks.delete(keyOf(snapshot, name));
    before.check = async () => void (await publish(next));
    clock.nowMs += 5_000;
    expect(await lookUp(name)).toBe(ADDRESS.get(name));
  });

  it('are loaded again, once, where the first load never ends', async () => {
    const { publish, lookUp, before, loads, checks } = await createHarness();
    const [name = ''] = NAMES;
    await publish(CUT);
    before.block = () => HANGING;
    const first = lookUp(name);
    await vi.waitFor(() => expect(loads).toHaveLength(1));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    before.block = () => Promise.resolve();
    const said = Promise.all(Array.from({ length: 20 }, () => lookUp(name)));
    await vi.advanceTimersByTimeAsync(999);
    expect(loads).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(new Set(await said)).toEqual(new Set([ADDRESS.get(name)]));
    vi.useRealTimers();
    expect(await first).toBe(ADDRESS.get(name));
    expect(loads).toHaveLength(2);
    expect(checks).toHaveLength(1);
  });

  it('that never come make a name unavailable within 4 s and a check, never NXDOMAIN', async () => {
    const { publish, lookUp, before } = await createHarness();
    const [name = ''] = NAMES;
    await publish(CUT);
    await lookUp('mesos');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    before.block = () => HANGING;
    before.check = () => HANGING;
    let said = '';
    void lookUp(name).then((text) => (said = text));
    await vi.advanceTimersByTimeAsync(8_000);
    expect(said).toBe('unavailable: the snapshot store can not be read');
  });

  it('are read four at once and no more, over all that ask', async () => {
    const { publish, lookUp, before, loads } = await createHarness();
    const snapshot = await publish(CUT);
    expect(snapshot.blocks.size).toBeGreaterThanOrEqual(8);
    const gates: (() => void)[] = [];
    before.block = () => new Promise((resolve) => void gates.push(resolve));
    const said = Promise.all(NAMES.map((name) => lookUp(name)));
    for (let read = 4; gates.length > 0 || read === 4; read++) {
      await vi.waitFor(() => expect(loads.length).toBe(Math.min(read, snapshot.blocks.size)));
      gates.shift()?.();
    }
    expect(await said).toEqual(NAMES.map((name) => ADDRESS.get(name)));
    expect(loads).toHaveLength(snapshot.blocks.size);
  });
});

describe('the first level that has a name decides', () => {
  const [kept = '', changed = '', gone = '', goneInRun = '', changedTwice = ''] = NAMES;
  const without = (...names: string[]): typeof rrsets => rrsets.filter(({ owner }) => !names.includes(owner));

  it('overlay over run over shards, tombstones too', async () => {
    const { publish, lookUp, store } = await createHarness();
    const cut = await publish(CUT);
    const run = await publish({
      rrsets: [
        ...without(changedTwice, goneInRun),
        addresses(changedTwice, ['10.2.0.1']),
        addresses('in-run.mesos', ['10.2.0.2']),
      ],
      limits: MERGE,
      serial: 2,
      after: cut,
    });
    expect(run.body.levels.run).toBeDefined();
    expect(run.body.overlay).toHaveLength(0);
    const { body } = await publish({
      rrsets: [
        ...without(changedTwice, changed, gone),
        addresses(changedTwice, ['10.3.0.1']),
        addresses(changed, ['10.3.0.2']),
        addresses('in-overlay.mesos', ['10.3.0.3']),
      ],
      limits: { ...MERGE, overlayOctets: 4096 },
      serial: 3,
      after: run,
    });
    expect(body.overlay.length).toBeGreaterThan(0);
    expect(body.levels.run).toEqual(run.body.levels.run);
    const said: Record<string, string> = {};
    for (const name of [kept, changed, gone, changedTwice, 'in-overlay.mesos', 'in-run.mesos', goneInRun]) {
      said[name] = await lookUp(name);
    }
    expect(said).toEqual({
      [kept]: ADDRESS.get(kept),
      [changed]: '10.3.0.2',
      [gone]: 'tombstone',
      [changedTwice]: '10.3.0.1',
      'in-overlay.mesos': '10.3.0.3',
      // Back in the last record set, or left out of it again: the overlay knows.
      'in-run.mesos': 'tombstone',
      [goneInRun]: ADDRESS.get(goneInRun),
    });
    expect(store.blocks.size).toBe(cut.blocks.size + 1);
  });

  it('a tombstone of the run over the shards', async () => {
    const { publish, lookUp } = await createHarness();
    const cut = await publish(CUT);
    await publish({ rrsets: without(gone), limits: MERGE, serial: 2, after: cut });
    expect(await lookUp(gone)).toBe('tombstone');
    expect(await lookUp(kept)).toBe(ADDRESS.get(kept));
  });

  it('names above others exist', async () => {
    const { publish, lookUp } = await createHarness();
    await publish(CUT);
    expect(await lookUp('marathon.mesos')).toBe('');
  });
});

describe('octets that are signed and yet no block', () => {
  it('make a name unavailable, not the reader throw', async () => {
    const { publish, find, lookUp } = await createHarness();
    await publish({
      rrsets: rrsets.slice(0, 1),
      // The last entry's owner is still where its slot says, the entry before it now begins behind it.
      spoilRun: (run) => {
        const spoilt = run.slice();
        const view = new DataView(spoilt.buffer);
        const slots = 12 + (2 ** view.getUint32(8) + 1) * 4;
        view.setUint32(slots + 12, view.getUint32(slots + 4));
        return spoilt;
      },
    });
    const asked = ['task-0.marathon.mesos', 'marathon.mesos'];
    const said = await Promise.all(asked.map(lookUp));
    expect(said.join()).toMatch(/unavailable: block: has an entry out of place/);
    expect(asked.map(find).some((found) => found instanceof Promise)).toBe(false);
    expect(await lookUp('other.mesos')).toBe('nothing');
  });
});
