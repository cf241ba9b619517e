import { afterEach, describe, expect, it, vi } from 'vitest';
import { addresses } from '../publish-to-kv.ts';
import { createHarness, describeFound, heldOf } from './reader-harness.ts';

const REFRESH_MS = 30_000;
const MAX_AGE_MS = 90_000;
const HANGING = new Promise<never>(() => undefined);
const OLD = [addresses('web.mesos', ['10.0.0.1'])];
const NEW = [addresses('web.mesos', ['10.0.0.2'])];

afterEach(() => {
  vi.useRealTimers();
});

/** Timers that a test moves; what is `async` in the crypto of workerd still runs. */
function stopTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
}

describe('a head that is held', () => {
  it('answers at once and is not checked before its refresh', async () => {
    const { find, lookUp, clock, publish, checks, settle } = await createHarness();
    await publish({ rrsets: OLD });
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    await publish({ rrsets: NEW, serial: 2 });
    clock.nowMs += REFRESH_MS - 1;
    const found = find('web.mesos');
    expect(found).not.toBeInstanceOf(Promise);
    expect(describeFound(await found)).toBe('10.0.0.1');
    await settle();
    expect(checks).toHaveLength(1);
  });

  it('answers at once and is checked after the answer from its refresh on', async () => {
    const { find, lookUp, clock, publish, checks, settle } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    await publish({ rrsets: NEW, serial: 2 });
    clock.nowMs += REFRESH_MS;
    const founds = Array.from({ length: 100 }, () => find('web.mesos'));
    expect(founds.some((found) => found instanceof Promise)).toBe(false);
    expect(new Set(await Promise.all(founds.map(async (found) => describeFound(await found))))).toEqual(
      new Set(['10.0.0.1']),
    );
    await settle();
    expect(checks).toHaveLength(2);
    expect(await lookUp('web.mesos')).toBe('10.0.0.2');
    clock.nowMs += REFRESH_MS - 1;
    expect(find('web.mesos')).not.toBeInstanceOf(Promise);
    await settle();
    expect(checks).toHaveLength(2);
  });

  it('is checked once after the answer and once more, however long that takes', async () => {
    const { find, lookUp, clock, publish, checks, before } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    before.check = () => HANGING;
    clock.nowMs += REFRESH_MS;
    stopTimers();
    for (let i = 0; i < 10; i++) {
      expect(find('web.mesos')).not.toBeInstanceOf(Promise);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(checks).toHaveLength(3);
  });

  it('still answers at once a moment before its greatest age, and is checked first from there on', async () => {
    const { find, lookUp, clock, publish, checks, settle } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    await publish({ rrsets: NEW, serial: 2 });
    clock.nowMs += MAX_AGE_MS;
    expect(await lookUp('web.mesos')).toBe('10.0.0.2');
    await publish({ rrsets: OLD, serial: 3 });
    clock.nowMs += MAX_AGE_MS - 1;
    const found = find('web.mesos');
    expect(found).not.toBeInstanceOf(Promise);
    expect(describeFound(await found)).toBe('10.0.0.2');
    await settle();
    expect(checks).toHaveLength(3);
  });

  it('answers after 400 ms where the check on the path does not come back', async () => {
    const { find, lookUp, clock, publish, before } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    stopTimers();
    before.check = () => HANGING;
    clock.nowMs += MAX_AGE_MS;
    let said = '';
    void Promise.resolve(find('web.mesos')).then((found) => (said = describeFound(found)));
    await vi.advanceTimersByTimeAsync(399);
    expect(said).toBe('');
    await vi.advanceTimersByTimeAsync(1);
    expect(said).toBe('10.0.0.1');
  });

  it('is replaced by a check that took longer than the answer waited', async () => {
    const { lookUp, clock, publish, before, settle } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    const gate = Promise.withResolvers<void>();
    before.check = () => gate.promise;
    await publish({ rrsets: NEW, serial: 2 });
    clock.nowMs += MAX_AGE_MS;
    stopTimers();
    const slow = lookUp('web.mesos');
    await vi.advanceTimersByTimeAsync(400);
    expect(await slow).toBe('10.0.0.1');
    gate.resolve();
    await settle();
    expect(await lookUp('web.mesos')).toBe('10.0.0.2');
  });

  it.each([
    ['a refresh', REFRESH_MS],
    ['its greatest age', MAX_AGE_MS],
  ])('goes on answering when checks fail after %s, tried every 5 s', async (_, ageMs) => {
    const { lookUp, clock, publish, before, checks, settle } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    before.check = () => Promise.reject(new Error('KV is away'));
    clock.nowMs += ageMs;
    for (const [waitMs, tried] of [
      [0, 2],
      [0, 2],
      [4_999, 2],
      [1, 3],
      [4_999, 3],
      [1, 4],
    ] as const) {
      clock.nowMs += waitMs;
      expect(await lookUp('web.mesos')).toBe('10.0.0.1');
      await settle();
      expect(checks).toHaveLength(tried);
    }
  });

  it('is checked again after the clock went back', async () => {
    const { lookUp, clock, publish, checks } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    clock.nowMs -= 60_000;
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    expect(checks).toHaveLength(2);
  });

  it('takes only the root where the body is the same', async () => {
    const { find, lookUp, clock, publish, checks, loads } = await createHarness();
    await publish({ rrsets: OLD });
    const first = heldOf(await find('web.mesos'));
    clock.nowMs += MAX_AGE_MS;
    await publish({ rrsets: OLD, serial: 1 });
    const second = heldOf(await find('web.mesos'));
    expect(checks[1]).toEqual(first.root.bodyHash);
    expect(second.root.createdAtMs).toBe(clock.nowMs);
    expect(second.body).toBe(first.body);
    expect(second.zone).toBe(first.zone);
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    expect(loads).toHaveLength(1);
  });

  it('is asked for anew before its expiry is told, at most every 5 s', async () => {
    const { lookUp, find, clock, publish, checks, settle } = await createHarness();
    const settings = { staleAfterSeconds: 60, expireAfterSeconds: 120 };
    const dead = clock.nowMs - 121_000;
    await publish({ rrsets: OLD, settings, createdAtMs: dead });
    await lookUp('web.mesos');
    clock.nowMs += 4_999;
    expect(heldOf(await find('web.mesos')).root.createdAtMs).toBe(dead);
    await settle();
    expect(checks).toHaveLength(1);
    await publish({ rrsets: OLD, settings, serial: 1 });
    clock.nowMs += 1;
    expect(heldOf(await find('web.mesos')).root.createdAtMs).toBe(clock.nowMs - 1);
  });
});

describe('without a head', () => {
  it('checks on the path, says it is unavailable, and asks again after 5 s', async () => {
    const { lookUp, clock, publish, checks, problems } = await createHarness();
    expect(await lookUp('web.mesos')).toMatch(/^unavailable: .*no snapshot has been published/);
    await publish({});
    clock.nowMs += 4_999;
    expect(await lookUp('web.mesos')).toMatch(/^unavailable/);
    expect(checks).toHaveLength(1);
    expect(problems).toHaveLength(1);
    clock.nowMs += 1;
    expect(await lookUp('web.mesos')).toBe('10.0.0.1');
    expect(checks).toEqual([undefined, undefined]);
  });

  it('says why where the source throws', async () => {
    const { lookUp, before } = await createHarness();
    before.check = () => Promise.reject(new Error('KV is away'));
    expect(await lookUp('web.mesos')).toBe('unavailable: the snapshot store can not be read');
  });

  it('has nothing current, and then what was checked', async () => {
    const { reader, clock, publish, settle } = await createHarness();
    expect(await reader.current(() => undefined)).toBeUndefined();
    await publish({ serial: 5 });
    clock.nowMs += 5_000;
    expect((await reader.current(() => undefined))?.root.serial).toBe(5);
    await settle();
  });
});

describe('many at once', () => {
  it('make one check and load the run once', async () => {
    const { lookUp, publish, checks, loads } = await createHarness();
    await publish({});
    const said = await Promise.all(Array.from({ length: 100 }, () => lookUp('web.mesos')));
    expect(new Set(said)).toEqual(new Set(['10.0.0.1']));
    expect(checks).toHaveLength(1);
    expect(loads).toHaveLength(1);
  });

  it('make one check where there is nothing', async () => {
    const { lookUp, checks } = await createHarness();
    await Promise.all(Array.from({ length: 100 }, () => lookUp('web.mesos')));
    expect(checks).toHaveLength(1);
  });

  it('check for themselves after a second where the first one never ends', async () => {
    const { lookUp, publish, before, checks } = await createHarness();
    await publish({});
    stopTimers();
    before.check = () => HANGING;
    void lookUp('web.mesos');
    before.check = () => Promise.resolve();
    const others = ['a', 'b'].map(() => lookUp('web.mesos'));
    await vi.advanceTimersByTimeAsync(999);
    expect(checks).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await Promise.all(others)).toEqual(['10.0.0.1', '10.0.0.1']);
  });

  it('are not held up for ever by a check after the answer that never ends', async () => {
    const { lookUp, find, clock, publish, before } = await createHarness();
    await publish({ rrsets: OLD });
    await lookUp('web.mesos');
    await publish({ rrsets: NEW, serial: 2 });
    before.check = () => HANGING;
    clock.nowMs += REFRESH_MS;
    await find('web.mesos');
    before.check = () => Promise.resolve();
    clock.nowMs += MAX_AGE_MS;
    stopTimers();
    void lookUp('web.mesos');
    await vi.advanceTimersByTimeAsync(1_000);
    vi.useRealTimers();
    await vi.waitFor(async () => expect(await lookUp('web.mesos')).toBe('10.0.0.2'));
  });
});
