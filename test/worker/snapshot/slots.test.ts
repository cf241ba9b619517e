import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSlots, type Slots } from '../../../worker/snapshot/slots.ts';
import { startTimer } from '../../../worker/snapshot/timer.ts';

const HANGING = new Promise<never>(() => undefined);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const slotsOf = (count: number): Slots => createSlots(count, { now: Date.now, startTimer });

/** Work that ends when told to, and the names of what was begun. */
function createWork(): {
  begun: string[];
  end: (name: string) => void;
  work: (name: string) => Promise<string>;
} {
  const begun: string[] = [];
  const gates = new Map<string, () => void>();
  return {
    begun,
    end: (name) => gates.get(name)?.(),
    work: async (name) => {
      begun.push(name);
      await new Promise<void>((resolve) => void gates.set(name, resolve));
      return name;
    },
  };
}

describe('slots', () => {
  it('begin so much at once, the rest as slots come free, in the order they came', async () => {
    const slots = slotsOf(2);
    const { begun, end, work } = createWork();
    const all = Promise.all([...'abcde'].map((name) => slots.run(() => work(name))));
    await vi.advanceTimersByTimeAsync(0);
    expect(begun).toEqual(['a', 'b']);
    for (const [name, next] of [
      ['b', 'c'],
      ['a', 'd'],
      ['c', 'e'],
    ] as const) {
      end(name);
      await vi.advanceTimersByTimeAsync(0);
      expect(begun.at(-1)).toBe(next);
    }
    for (const name of 'de') end(name);
    expect(await all).toEqual([...'abcde']);
  });

  it('are not taken by one that comes just then while others wait', async () => {
    const slots = slotsOf(1);
    const { begun, end, work } = createWork();
    const all = [...'abc'].map((name) => slots.run(() => work(name)));
    await vi.advanceTimersByTimeAsync(0);
    end('a');
    await all[0];
    void slots.run(() => work('late'));
    await vi.advanceTimersByTimeAsync(0);
    expect(begun).toEqual(['a', 'b']);
  });

  it('come free when work fails', async () => {
    const slots = slotsOf(1);
    await expect(slots.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await slots.run(() => Promise.resolve('next'))).toBe('next');
  });

  it('are not kept for ever by work that never ends', async () => {
    const slots = slotsOf(1);
    void slots.run(() => HANGING);
    await vi.advanceTimersByTimeAsync(1_000);
    const next = slots.run(() => Promise.resolve('next'));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await next).toBe('next');
  });

  it('are not waited for longer than 4 s', async () => {
    const slots = slotsOf(1);
    const keepBusy = async (): Promise<void> => {
      for (let i = 0; i < 6; i++) await slots.run(() => startTimer(3_000).elapsed);
    };
    void keepBusy();
    const waiting = Array.from({ length: 5 }, () => slots.run(() => startTimer(3_000).elapsed));
    const settled = Promise.allSettled(waiting);
    await vi.advanceTimersByTimeAsync(20_000);
    const reasons = (await settled).flatMap((one) => ('reason' in one ? [String(one.reason)] : []));
    expect(reasons.length).toBeGreaterThan(0);
    expect(new Set(reasons)).toEqual(new Set(['Error: too many blocks are being read at once']));
  });

  it('go on where the one that was called first is gone with its request', async () => {
    let aborted = false;
    const slots = createSlots(1, {
      now: Date.now,
      startTimer: (ms) => (aborted ? { elapsed: HANGING, stop: () => undefined } : startTimer(ms)),
    });
    const { end, work } = createWork();
    void slots.run(() => work('first'));
    aborted = true;
    // It is called, and never goes on: its work does not end either.
    void slots.run(() => HANGING);
    aborted = false;
    const third = slots.run(() => Promise.resolve('third'));
    end('first');
    await vi.advanceTimersByTimeAsync(4_250);
    expect(await third).toBe('third');
  });

  it('come free where the clock went back', async () => {
    const slots = slotsOf(1);
    void slots.run(() => HANGING);
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(await slots.run(() => Promise.resolve('next'))).toBe('next');
  });
});
