import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createShare, sleep, type WaitUntil } from '../../../worker/snapshot/share.ts';

const HANGING = new Promise<never>(() => undefined);
const ignore: WaitUntil = () => undefined;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('createShare', () => {
  it('loads once for all that ask while it runs, and again afterwards', async () => {
    const share = createShare<number>();
    let loads = 0;
    const load = async (): Promise<number> => {
      loads++;
      await sleep(500);
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
    const share = createShare<string>();
    const a = share.run('a', () => HANGING, ignore);
    expect(share.isRunning('b')).toBe(false);
    expect(await share.run('b', () => Promise.resolve('b'), ignore)).toBe('b');
    expect(share.isRunning('a')).toBe(true);
    void a;
  });

  it('does not run on after a load that failed', async () => {
    const share = createShare<string>();
    const fail = (): Promise<string> => Promise.reject(new Error('broken'));
    const both = [share.run('key', fail, ignore), share.run('key', fail, ignore)];
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(share.isRunning('key')).toBe(false);
    expect(await share.run('key', () => Promise.resolve('mended'), ignore)).toBe('mended');
  });

  it('keeps a load alive past the request that began it, failed or not', async () => {
    const share = createShare<string>();
    const kept: Promise<unknown>[] = [];
    const waitUntil: WaitUntil = (work) => void kept.push(work);
    await share.run('key', () => Promise.resolve('value'), waitUntil);
    await share.run('key', () => Promise.reject(new Error('broken')), waitUntil).catch(() => undefined);
    expect(kept).toHaveLength(2);
    await expect(Promise.all(kept)).resolves.toBeDefined();
  });

  it('has those that wait load for themselves after a second', async () => {
    const share = createShare<string>();
    void share.run('key', () => HANGING, ignore);
    const loads: string[] = [];
    const mine = share.run(
      'key',
      () => {
        loads.push('mine');
        return Promise.resolve('mine');
      },
      ignore,
    );
    await vi.advanceTimersByTimeAsync(999);
    expect(loads).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await mine).toBe('mine');
    expect(share.isRunning('key')).toBe(false);
  });

  it('is not emptied by a late first load while a second one runs', async () => {
    const share = createShare<string>();
    const first = share.run('key', () => sleep(1_500).then(() => 'first'), ignore);
    const second = share.run('key', () => sleep(1_000).then(() => 'second'), ignore);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await first).toBe('first');
    expect(share.isRunning('key')).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(await second).toBe('second');
    expect(share.isRunning('key')).toBe(false);
  });
});
