/** A wait that can be called off. `elapsed` never settles after `stop`. */
export type Timer = { readonly elapsed: Promise<undefined>; readonly stop: () => void };

/** Waits so many milliseconds. An argument wherever we wait, so that tests need not. */
export type StartTimer = (ms: number) => Timer;

export const startTimer: StartTimer = (ms) => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const id = setTimeout(() => resolve(undefined), ms);
  return { elapsed: promise, stop: () => clearTimeout(id) };
};

/** What `work` gives, wrapped; undefined where it takes longer than `ms`, and goes on all the same. */
export async function within<Value>(
  work: Promise<Value>,
  ms: number,
  start: StartTimer,
): Promise<{ readonly value: Value } | undefined> {
  const timer = start(ms);
  try {
    return await Promise.race([work.then((value) => ({ value })), timer.elapsed]);
  } finally {
    timer.stop();
  }
}

/** Milliseconds since `atMs`; Infinity where the clock has gone back behind it, so that nothing waits for it. */
export function sinceMs(atMs: number, nowMs: number): number {
  return nowMs < atMs ? Number.POSITIVE_INFINITY : nowMs - atMs;
}
