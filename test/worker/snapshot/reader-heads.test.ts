import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { contentHash } from '../../../zone/hash.ts';
import { encodeBody, encodeHead, runKey } from '../../../zone/head.ts';
import { addresses, buildSnapshot, createSigningKey, type ToPublish } from '../publish-to-kv.ts';
import { createHarness, describeFound, type Harness, heldOf, START_MS } from './reader-harness.ts';

const FIRST = [addresses('web.mesos', ['10.0.0.1'])];
const OTHER = [addresses('web.mesos', ['10.0.0.2'])];
/** The least by which a head made later than the one held shows that it was lost: over `staleAfterSeconds`. */
const LOST_MS = 900_001;
/** Past the greatest age, so that the next find checks first. */
const LATER_MS = 90_000;

/** A reader that holds serial 1,000 of epoch 5, made at the start. */
async function holding(): Promise<Harness> {
  const harness = await createHarness();
  await harness.publish({ rrsets: FIRST, epoch: 5, serial: 1_000 });
  await harness.lookUp('web.mesos');
  return harness;
}

/** What the reader answers so much later, a head of other records being there to be taken. */
async function after(harness: Harness, laterMs: number, head: Partial<ToPublish>): Promise<string> {
  harness.clock.nowMs += laterMs;
  await harness.publish({ rrsets: OTHER, epoch: 5, ...head });
  return harness.lookUp('web.mesos');
}

describe('which head is taken over the one held', () => {
  it.each<[string, number, Partial<ToPublish>]>([
    ['the next serial', LATER_MS, { serial: 1_001 }],
    ['a serial that wrapped around (RFC 1982)', LATER_MS, { serial: 1_000 + 2 ** 31 - 1 }],
    ['a higher epoch, whatever its serial', LATER_MS, { epoch: 6, serial: 1 }],
    ['the same serial made later', LATER_MS, { serial: 1_000 }],
    ['the same serial made at the same time', LATER_MS, { serial: 1_000, createdAtMs: START_MS }],
    ['a newer serial though made earlier', LATER_MS, { serial: 1_001, createdAtMs: START_MS - 1 }],
    ['a clock 5 minutes ahead', LATER_MS, { serial: 1_001, createdAtMs: START_MS + LATER_MS + 300_000 }],
    ['a lower serial made so much later that the one held must be lost', LOST_MS, { serial: 999 }],
    ['a lower epoch made so much later', LOST_MS, { epoch: 4, serial: 2_000 }],
  ])('%s', async (_, laterMs, head) => {
    expect(await after(await holding(), laterMs, head)).toBe('10.0.0.2');
  });

  it.each<[string, number, Partial<ToPublish>]>([
    ['a lower serial', LATER_MS, { serial: 999 }],
    ['a serial that is lower by RFC 1982', LATER_MS, { serial: 1_000 + 2 ** 31 + 1 }],
    ['a lower epoch, whatever its serial', LATER_MS, { epoch: 4, serial: 2_000 }],
    ['the same serial made earlier', LATER_MS, { serial: 1_000, createdAtMs: START_MS - 1 }],
    // The one held says what is stale, not the one that wants its place.
    ['a lower serial not stale later', LOST_MS - 1, { serial: 999, settings: { staleAfterSeconds: 1 } }],
    ['a lower epoch not stale later', LOST_MS - 1, { epoch: 4, settings: { staleAfterSeconds: 1 } }],
    [
      'one from over 5 minutes ahead',
      LATER_MS,
      { serial: 1_001, createdAtMs: START_MS + LATER_MS + 300_001 },
    ],
  ])('not %s', async (_, laterMs, head) => {
    const harness = await holding();
    expect(await after(harness, laterMs, head)).toBe('10.0.0.1');
    expect(harness.problems).toHaveLength(1);
    expect(harness.loads).toHaveLength(1);
    expect(heldOf(await harness.find('web.mesos')).root).toMatchObject({ epoch: 5, serial: 1_000 });
    expect(await after(harness, LATER_MS, { serial: 1_002 })).toBe('10.0.0.2');
  });

  it('not an older root of the very body that is held', async () => {
    const harness = await holding();
    const older = { rrsets: FIRST, serial: 1_000, createdAtMs: START_MS - 1 };
    expect(await after(harness, LATER_MS, older)).toBe('10.0.0.1');
    expect(heldOf(await harness.find('web.mesos')).root.createdAtMs).toBe(START_MS);
  });

  it('none from the future where nothing is held', async () => {
    const harness = await createHarness();
    await harness.publish({ createdAtMs: START_MS + 300_001 });
    expect(await harness.lookUp('web.mesos')).toMatch(/^unavailable: .*in the future/);
    await harness.publish({ createdAtMs: START_MS });
    harness.clock.nowMs += 5_000;
    expect(await harness.lookUp('web.mesos')).toBe('10.0.0.1');
  });
});

describe('a head whose run', () => {
  it('is missing is not taken: asked past the caches once, and again with the next check', async () => {
    const { publish, store, lookUp, loads, clock } = await createHarness();
    const { blocks } = await publish({});
    const [[key = '', octets = new Uint8Array()] = []] = blocks;
    store.blocks.clear();
    expect(await lookUp('web.mesos')).toMatch(/^unavailable: block [0-9a-f]{32}: is missing or damaged/);
    expect(await lookUp('web.mesos')).toMatch(/^unavailable/);
    expect(loads).toEqual([
      { key, fresh: false },
      { key, fresh: true },
    ]);
    store.blocks.set(key, octets);
    clock.nowMs += 5_000;
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    expect(loads).toHaveLength(3);
  });

  it.each([
    ['is damaged', (octets: Uint8Array) => octets.with(octets.length - 1, 99)],
    ['is cut off', (octets: Uint8Array) => octets.subarray(0, -1)],
    ['is empty', () => new Uint8Array()],
  ])('%s leaves the one held in place until one works', async (_, damage) => {
    const harness = await holding();
    const { store, publish, clock, lookUp, find } = harness;
    const { blocks } = await publish({ rrsets: OTHER, epoch: 5, serial: 1_001 });
    for (const [key, octets] of blocks) store.blocks.set(key, damage(octets));
    clock.nowMs += LATER_MS;
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    expect(heldOf(await find('web.mesos')).root.serial).toBe(1_000);
    await publish({ rrsets: OTHER, epoch: 5, serial: 1_002 });
    clock.nowMs += 5_000;
    expect(await lookUp('web.mesos')).toBe('10.0.0.2');
  });

  it('is what its hash says but no block is not taken', async () => {
    const key = await createSigningKey();
    const harness = await holding();
    const text = new TextEncoder().encode('no block at all');
    const { body } = await buildSnapshot({ rrsets: OTHER, key });
    const run = { serial: 1_001, hash: await contentHash(text), octets: text.length };
    const spoilt = encodeBody({ ...body, levels: { ...body.levels, run } });
    harness.store.blocks.set(runKey(body.zone.origin, 'main', run), text);
    const root = { ...heldOf(await harness.find('web.mesos')).root, serial: 1_001 };
    const head = await encodeHead(root, spoilt, key);
    harness.store.head = { ...(await buildSnapshot({ rrsets: OTHER, key })), head };
    harness.clock.nowMs += LATER_MS;
    expect(await harness.lookUp('web.mesos')).toBe('10.0.0.1');
    expect(harness.problems.join()).toMatch(/no magic/);
  });
});

describe('checks that overtake each other', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A look-up that gives up waiting for its check, and one that then checks for itself. */
  async function lookUpPast(harness: Harness, between: () => Promise<unknown>): Promise<string[]> {
    harness.clock.nowMs += LATER_MS;
    const first = harness.lookUp('web.mesos');
    await vi.advanceTimersByTimeAsync(400);
    await between();
    void harness.lookUp('web.mesos');
    await vi.advanceTimersByTimeAsync(1_000);
    return [await first, await harness.lookUp('web.mesos')];
  }

  it('never put an older head over a newer one', async () => {
    const harness = await holding();
    const gate = Promise.withResolvers<void>();
    harness.before.block = () => gate.promise;
    await harness.publish({ rrsets: OTHER, epoch: 5, serial: 1_001 });
    const said = await lookUpPast(harness, async () => {
      harness.before.block = () => Promise.resolve();
      await harness.publish({ rrsets: [addresses('web.mesos', ['10.0.0.3'])], epoch: 5, serial: 1_002 });
    });
    expect(said).toEqual(['10.0.0.1', '10.0.0.3']);
    gate.resolve();
    await harness.settle();
    expect(await harness.lookUp('web.mesos')).toBe('10.0.0.3');
    expect(heldOf(await harness.find('web.mesos')).root.serial).toBe(1_002);
  });

  it('never put the root of one body over another body', async () => {
    const harness = await holding();
    const before = harness.store.head;
    if (!before) throw new Error('nothing was published');
    // A slow check sees serial 1,002, whose records are those held; another one, elsewhere, still 1,001.
    const gate = Promise.withResolvers<void>();
    harness.before.check = () => gate.promise;
    const last = await harness.publish({ rrsets: FIRST, epoch: 5, serial: 1_002, after: before });
    expect(last.body).toEqual(before.body);
    const said = await lookUpPast(harness, async () => {
      harness.before.check = () => Promise.resolve();
      await harness.publish({ rrsets: OTHER, epoch: 5, serial: 1_001, after: before });
    });
    expect(said).toEqual(['10.0.0.1', '10.0.0.2']);
    gate.resolve();
    await harness.settle();
    harness.store.head = last;
    harness.clock.nowMs += LATER_MS;
    const found = await harness.find('web.mesos');
    expect([heldOf(found).root.serial, describeFound(found)]).toEqual([1_002, '10.0.0.1']);
  });
});
