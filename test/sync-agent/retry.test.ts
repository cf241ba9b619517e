import { describe, expect, it } from 'vitest';
import { backoffMs, parseRetryAfter, retry, type RetryOptions, sleepFor } from '../../sync-agent/retry.ts';

const never = new AbortController().signal;

/** Options that note the pauses, and an attempt that fails so many times. */
function createBench(failures: number, options: Partial<RetryOptions> = {}) {
  const sleptMs: number[] = [];
  let attempts = 0;
  const attempt = async (): Promise<number> => {
    attempts++;
    if (attempts <= failures) throw new Error(`failure ${attempts}`);
    return attempts;
  };
  return {
    sleptMs,
    attempts: () => attempts,
    run: () =>
      retry(attempt, {
        signal: never,
        hint: () => ({}),
        sleep: async (delayMs) => void sleptMs.push(delayMs),
        random: () => 1,
        ...options,
      }),
  };
}

describe('retry', () => {
  it('does not pause before a success', async () => {
    const bench = createBench(0);
    expect(await bench.run()).toBe(1);
    expect(bench.sleptMs).toEqual([]);
  });

  it('doubles its pauses up to the longest', async () => {
    const bench = createBench(6, { backoff: { tries: 7, firstDelayMs: 100, maxDelayMs: 1000 } });
    expect(await bench.run()).toBe(7);
    expect(bench.sleptMs).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it('throws the last error after its tries, without a pause behind them', async () => {
    const bench = createBench(9, { backoff: { tries: 3 } });
    await expect(bench.run()).rejects.toThrow('failure 3');
    expect(bench.sleptMs).toHaveLength(2);
  });

  it('lets an error through that trying again does not help', async () => {
    const bench = createBench(9, {
      hint: (error) => (error instanceof Error && error.message === 'failure 2' ? undefined : {}),
    });
    await expect(bench.run()).rejects.toThrow('failure 2');
    expect(bench.attempts()).toBe(2);
  });

  it('waits at least as long as it was asked to', async () => {
    const bench = createBench(2, { hint: () => ({ afterSeconds: 1.5 }) });
    await bench.run();
    expect(bench.sleptMs).toEqual([1500, 2000]);
  });

  it('gives up where it was asked to wait longer than it may', async () => {
    const bench = createBench(1, {
      hint: () => ({ afterSeconds: 11 }),
      backoff: { maxRetryAfterSeconds: 10 },
    });
    await expect(bench.run()).rejects.toThrow('failure 1');
    expect(bench.sleptMs).toEqual([]);
  });

  it("stops with the signal's reason before, within and after an attempt", async () => {
    const reason = new Error('enough');
    const before = createBench(0, { signal: AbortSignal.abort(reason) });
    await expect(before.run()).rejects.toBe(reason);
    expect(before.attempts()).toBe(0);

    const controller = new AbortController();
    const within = retry(
      async () => {
        controller.abort(reason);
        throw new Error('failure');
      },
      { signal: controller.signal, hint: () => ({}) },
    );
    await expect(within).rejects.toBe(reason);

    const pausing = new AbortController();
    const after = createBench(1, { signal: pausing.signal, sleep: sleepFor });
    setTimeout(() => pausing.abort(reason), 10);
    await expect(after.run()).rejects.toBe(reason);
  });
});

describe('backoffMs', () => {
  it('is between half and all of what it may be', () => {
    const backoff = { firstDelayMs: 1000, maxDelayMs: 30_000 };
    expect(backoffMs(1, backoff, { random: () => 0 })).toBe(500);
    expect(backoffMs(3, backoff, { random: () => 0.5 })).toBe(3000);
    expect(backoffMs(5000, backoff, { random: () => 1 })).toBe(30_000);
  });
});

describe('sleepFor', () => {
  it('waits', async () => {
    const startMs = performance.now();
    await sleepFor(30, never);
    expect(performance.now() - startMs).toBeGreaterThan(25);
  });

  it("ends with the signal's reason, at once", async () => {
    const reason = new Error('enough');
    await expect(sleepFor(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 10);
    await expect(sleepFor(60_000, controller.signal)).rejects.toBe(reason);
  });
});

describe('parseRetryAfter', () => {
  const nowMs = Date.UTC(2026, 10, 20, 12, 0, 0);
  it.each([
    [undefined, undefined],
    ['0', 0],
    ['120', 120],
    [' 7 ', 7],
    ['Fri, 20 Nov 2026 12:00:30 GMT', 30],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('%s → %s', (value, seconds) => {
    expect(parseRetryAfter(value, nowMs)).toBe(seconds);
  });
});
