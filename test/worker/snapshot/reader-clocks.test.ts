import { afterEach, describe, expect, it, vi } from 'vitest';
import { snapshotAgeSeconds } from '../../../worker/snapshot/held.ts';
import { addresses } from '../publish-to-kv.ts';
import { createHarness, describeFound, type Harness, heldOf, START_MS } from './reader-harness.ts';

const HOUR_MS = 3_600_000;
const OLD = [addresses('web.mesos', ['10.0.0.1'])];
const NEW = [addresses('web.mesos', ['10.0.0.2'])];

afterEach(() => {
  vi.useRealTimers();
});

async function holding(): Promise<Harness> {
  const harness = await createHarness();
  await harness.publish({ rrsets: OLD });
  await harness.lookUp('web.mesos');
  return harness;
}

describe('an isolate that slept for hours', () => {
  it('checks first, and answers from what is new', async () => {
    const harness = await holding();
    harness.clock.nowMs += 8 * HOUR_MS;
    await harness.publish({ rrsets: NEW, serial: 2 });
    expect(await harness.lookUp('web.mesos')).toBe('10.0.0.2');
    expect(harness.checks).toHaveLength(2);
  });

  it('answers within 400 ms from what it holds where the check is slow, and from what is new after it', async () => {
    const harness = await holding();
    harness.clock.nowMs += 8 * HOUR_MS;
    await harness.publish({ rrsets: NEW, serial: 2 });
    const gate = Promise.withResolvers<void>();
    harness.before.check = () => gate.promise;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const said = harness.lookUp('web.mesos');
    await vi.advanceTimersByTimeAsync(400);
    expect(await said).toBe('10.0.0.1');
    gate.resolve();
    await harness.settle();
    expect(await harness.lookUp('web.mesos')).toBe('10.0.0.2');
  });

  it('waits longer for the check where what it holds has expired: SERVFAIL helps nobody', async () => {
    const harness = await createHarness();
    const settings = { staleAfterSeconds: 60, expireAfterSeconds: 3_600 };
    await harness.publish({ rrsets: OLD, settings });
    await harness.lookUp('web.mesos');
    harness.clock.nowMs += 8 * HOUR_MS;
    await harness.publish({ rrsets: NEW, serial: 2, settings });
    const gate = Promise.withResolvers<void>();
    harness.before.check = () => gate.promise;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const said = harness.lookUp('web.mesos');
    await vi.advanceTimersByTimeAsync(900);
    gate.resolve();
    expect(await said).toBe('10.0.0.2');
  });
});

describe('a clock that is wrong', () => {
  it.each([
    ['back by an hour', -HOUR_MS],
    ['back by ten years', -87_600 * HOUR_MS],
    ['ahead by an hour', HOUR_MS],
    ['ahead by ten years', 87_600 * HOUR_MS],
  ])('%s, and right again: answers all the time, checks on, ages never below 0', async (_, byMs) => {
    const harness = await holding();
    const { clock, find, settle } = harness;
    for (const [i, ms] of [byMs, 0, 30_000, 0, -byMs, 0, 30_000, 90_000].entries()) {
      clock.nowMs += ms;
      const found = await find('web.mesos');
      await settle();
      expect(describeFound(found), `step ${i}`).toBe('10.0.0.1');
      expect(snapshotAgeSeconds(heldOf(found), clock.nowMs)).toBeGreaterThanOrEqual(0);
    }
    await harness.publish({ rrsets: NEW, serial: 2 });
    clock.nowMs += 90_000;
    expect(await harness.lookUp('web.mesos')).toBe('10.0.0.2');
  });

  it('gone back does not have each answer wait for a store that is away: one try in 5 s', async () => {
    const { clock, lookUp, before, checks, settle } = await holding();
    before.check = () => Promise.reject(new Error('KV is away'));
    clock.nowMs -= HOUR_MS;
    for (let i = 0; i < 20; i++) {
      expect(await lookUp('web.mesos')).toBe('10.0.0.1');
      await settle();
    }
    expect(checks).toHaveLength(2);
    clock.nowMs += 5_000;
    await lookUp('web.mesos');
    expect(checks).toHaveLength(3);
  });

  it('gone back does not keep a missing block from being asked for again', async () => {
    const { clock, lookUp, publish, store } = await createHarness();
    const limits = { overlayOctets: 1, runOctets: 1, shardOctets: 500 };
    const snapshot = await publish({ rrsets: OLD, limits });
    store.blocks.clear();
    expect(await lookUp('web.mesos')).toMatch(/^unavailable/);
    for (const [key, octets] of snapshot.blocks) store.blocks.set(key, octets);
    clock.nowMs -= HOUR_MS;
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
  });

  it('behind by an hour: heads of now are from the future, until the clock is right', async () => {
    const { clock, lookUp, publish, reader } = await createHarness();
    await publish({ rrsets: OLD });
    clock.nowMs -= HOUR_MS;
    expect(await lookUp('web.mesos')).toMatch(/^unavailable: .*in the future/);
    expect(reader.state().problem).toMatch(/in the future/);
    clock.nowMs += HOUR_MS;
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    expect(reader.state().problem).toBeUndefined();
  });

  it('of the writer, ahead by 5 minutes and then right: its next serial is taken', async () => {
    const { clock, lookUp, publish } = await createHarness();
    await publish({ rrsets: OLD, createdAtMs: START_MS + 299_000 });
    await lookUp('web.mesos');
    clock.nowMs += 90_000;
    await publish({ rrsets: NEW, serial: 2 });
    expect(await lookUp('web.mesos')).toBe('10.0.0.2');
  });
});

describe('what is told of trouble', () => {
  it('a head that can not be taken: once, not at each check, and again after an hour', async () => {
    const { clock, lookUp, publish, problems, settle, reader } = await holding();
    await publish({ rrsets: NEW, serial: 2, createdAtMs: START_MS + 100 * HOUR_MS });
    for (let i = 0; i < 20; i++) {
      clock.nowMs += 90_000;
      expect(await lookUp('web.mesos')).toBe('10.0.0.1');
      await settle();
    }
    expect(problems).toEqual(['mesos: head: was made in the future']);
    expect(reader.state().problem).toBe('head: was made in the future');
    clock.nowMs += HOUR_MS;
    await lookUp('web.mesos');
    expect(problems).toHaveLength(2);
  });

  it('an older head that comes and goes: once', async () => {
    const { clock, lookUp, publish, problems, store } = await createHarness();
    await publish({ rrsets: OLD, serial: 1 });
    const older = store.head;
    await publish({ rrsets: NEW, serial: 2 });
    const newer = store.head;
    for (let i = 0; i < 8; i++) {
      store.head = i % 2 === 0 ? newer : older;
      expect(await lookUp('web.mesos')).toBe('10.0.0.2');
      clock.nowMs += 90_000;
    }
    expect(problems).toEqual(['mesos: a head of serial 1 is older than 2: kept']);
  });

  it('a restored store: that it was taken, and how often', async () => {
    const { clock, lookUp, publish, problems, reader } = await createHarness();
    await publish({ rrsets: OLD, serial: 50 });
    await lookUp('web.mesos');
    expect(reader.state().restored).toBe(0);
    clock.nowMs += 900_001;
    await publish({ rrsets: NEW, serial: 10 });
    expect(await lookUp('web.mesos')).toBe('10.0.0.2');
    expect(reader.state().restored).toBe(1);
    expect(problems.at(-1)).toMatch(/serial 10 .* of 50: taken/);
    clock.nowMs += 90_000;
    await publish({ rrsets: OLD, serial: 11 });
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    expect(reader.state().restored).toBe(1);
  });
});
