import type { Sleep } from '../../../sync-agent/retry.ts';

/** Time that passes only when told to; what sleeps wakes in the order of its time. */
export type FakeClock = {
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  readonly passMs: (ms: number) => Promise<void>;
};

const MOST_WAKES = 100_000;

export function createFakeClock(): FakeClock {
  let nowMs = 1_000_000;
  const sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();
  return {
    monotonicMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const stop = (): void => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        };
        const sleeper = {
          atMs: nowMs + ms,
          wake: () => {
            signal.removeEventListener('abort', stop);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal.addEventListener('abort', stop, { once: true });
      }),
    passMs: async (ms) => {
      const endMs = nowMs + ms;
      await settle();
      for (let wakes = 0; wakes < MOST_WAKES; wakes++) {
        const next = [...sleepers].toSorted((a, b) => a.atMs - b.atMs)[0];
        if (!next || next.atMs > endMs) break;
        nowMs = Math.max(nowMs, next.atMs);
        sleepers.delete(next);
        next.wake();
        await settle();
      }
      nowMs = endMs;
    },
  };
}

/** Lets everything run that waits for nothing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
