import type { WaitUntil } from '../snapshot/share.ts';

/** Work that several requests want at once, done once. */
export type Flights<Value> = {
  /** What the load running under `key` gives, or one begun now. `deadline` is in milliseconds. */
  readonly join: (key: string, load: () => Promise<Value>, how: JoinOptions) => Promise<Value>;
  readonly isRunning: (key: string) => boolean;
};

export type JoinOptions = { readonly deadline: number; readonly waitUntil: WaitUntil };

/** Another request's load may have died with that request: it is waited for so long. */
const PATIENCE_MS = 1_000;

/**
 * One load a key at a time in an isolate, kept alive past the request that began it. When it takes long, one of
 * those who wait begins another, and all take what comes first: few loads, however many wait. Values are never
 * undefined.
 */
export function createFlights<Value>(now: () => number): Flights<Value> {
  const running = new Map<string, Promise<Value>>();
  return {
    join: async (key, load, { deadline, waitUntil }) => {
      let given: Promise<Value> | undefined;
      for (;;) {
        const other = running.get(key);
        if (!other || other === given) break;
        const value = await within(other, Math.min(PATIENCE_MS, deadline - now()));
        if (value !== undefined) return value;
        given = other;
      }
      // What comes first is taken: the load that was given up may be slow, not dead.
      const loads = given ? [given, load()] : [load()];
      const mine = Promise.race(loads).finally(() => {
        if (running.get(key) === mine) running.delete(key);
      });
      running.set(key, mine);
      waitUntil(mine);
      return mine;
    },
    isRunning: (key) => running.has(key),
  };
}

/** What `work` gives; undefined where it takes longer, and goes on all the same. */
export async function within<Value>(work: Promise<Value>, ms: number): Promise<Value | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
