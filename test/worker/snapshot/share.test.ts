import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createShare, type Share, type WaitUntil } from '../../../worker/snapshot/share.ts';
import { type StartTimer, startTimer } from '../../../worker/snapshot/timer.ts';

const HANGING = new Promise<never>(() => undefined);
const ignore: WaitUntil = () => undefined;
const after = (ms: number): Promise<undefined> => startTimer(ms).elapsed;

function shareOf<Value>(): Share<Value> {
  return createShare<Value>({ now: Date.now, startTimer });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('createShare', () => {
  it('loads once for all that ask while it runs, and again afterwards', async () => {
    const share = shareOf<number>();
    let loads = 0;
    const load = async (): Promise<number> => {
      loads++;
      await after(500);
      return loads;
    };
    const all = Promise.all(Array.from({ length: 50 }, () => share.run('key', load, ignore)));
    expect(share.isRunning('key')).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(new Set(await all)).toEqual(new Set([1]));
    expect(share.isRunning('key')).toBe(false);
    const next = share.run('key', load, ignore);
    await vi.advanceTimersByTimeAsync(500);
    expect(await next).toBe(2);
  });

  it('keeps keys apart', async () => {
    const share = shareOf<string>();
    const a = share.run('a', () => HANGING, ignore);
    expect(share.isRunning('b')).toBe(false);
    expect(await share.run('b', () => Promise.resolve('b'), ignore)).toBe('b');
    expect(share.isRunning('a')).toBe(true);
    void a;
  });

  it('does not run on after a load that failed', async () => {
    const share = shareOf<string>();
    const fail = (): Promise<string> => Promise.reject(new Error('broken'));
    const both = [share.run('key', fail, ignore), share.run('key', fail, ignore)];
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(share.isRunning('key')).toBe(false);
    expect(await share.run('key', () => Promise.resolve('mended'), ignore)).toBe('mended');
  });

  it('keeps a load alive past the request that began it, failed or not', async () => {
    const share = shareOf<string>();
    const kept: Promise<unknown>[] = [];
    const waitUntil: WaitUntil = (work) => void kept.push(work);
    await share.run('key', () => Promise.resolve('value'), waitUntil);
    await share.run('key', () => Promise.reject(new Error('broken')), waitUntil).catch(() => undefined);
    expect(kept).toHaveLength(2);
    await expect(Promise.all(kept)).resolves.toBeDefined();
  });

  it('is tried once more after a second, by one of all that wait', async () => {
    const share = shareOf<string>();
    let loads = 0;
    const load = async (): Promise<string> => (++loads === 1 ? HANGING : 'second');
    const all = Promise.all(Array.from({ length: 50 }, () => share.run('key', load, ignore)));
    await vi.advanceTimersByTimeAsync(999);
    expect(loads).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(new Set(await all)).toEqual(new Set(['second']));
    expect(loads).toBe(2);
  });

  it('survives the request that began it: the timer of another one is enough', async () => {
    // Of a request that was aborted neither its load nor its timers go on.
    let aborted = true;
    const dying: StartTimer = (ms) =>
      aborted ? { elapsed: HANGING, stop: () => undefined } : startTimer(ms);
    const share = createShare<string>({ now: Date.now, startTimer: dying });
    void share.run('key', () => HANGING, ignore);
    aborted = false;
    const other = share.run('key', () => Promise.resolve('mine'), ignore);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await other).toBe('mine');
  });

  it('takes what comes first, the slow first load or the second', async () => {
    const share = shareOf<string>();
    const loads = [1_500, 1_000].map((ms) => () => after(ms).then(() => `after ${ms}`));
    const load = (): Promise<string> => (loads.shift() ?? (() => HANGING))();
    const all = Promise.all([share.run('key', load, ignore), share.run('key', load, ignore)]);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await all).toEqual(['after 1500', 'after 1500']);
    expect(share.isRunning('key')).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(share.isRunning('key')).toBe(false);
  });

  it('waits for the second load where only the first one fails', async () => {
    const share = shareOf<string>();
    const loads = [
      () => after(1_200).then(() => Promise.reject(new Error('broken'))),
      () => after(500).then(() => 'second'),
    ];
    const load = (): Promise<string> => (loads.shift() ?? (() => HANGING))();
    const value = share.run('key', load, ignore);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await value).toBe('second');
  });

  it('has nobody wait longer than 4 s, and starts anew after that', async () => {
    const share = shareOf<string>();
    let loads = 0;
    const hang = (): Promise<string> => {
      loads++;
      return HANGING;
    };
    const all = Promise.allSettled(Array.from({ length: 50 }, () => share.run('key', hang, ignore)));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(new Set((await all).map((one) => 'reason' in one && String(one.reason)))).toEqual(
      new Set(['Error: key did not come within 4 s']),
    );
    expect(loads).toBe(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(share.isRunning('key')).toBe(false);
    expect(await share.run('key', () => Promise.resolve('mended'), ignore)).toBe('mended');
  });

  it('does not take a load for running because the clock went back', async () => {
    const share = shareOf<string>();
    void share.run('key', () => HANGING, ignore).catch(() => undefined);
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(share.isRunning('key')).toBe(false);
  });

  it('leaves no timer behind', async () => {
    const share = shareOf<string>();
    await share.run('key', () => Promise.resolve('value'), ignore);
    expect(vi.getTimerCount()).toBe(0);
  });
});
