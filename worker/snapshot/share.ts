/** Lets work go on after the response (`ExecutionContext.waitUntil`). */
export type WaitUntil = (work: Promise<unknown>) => void;

export type Share<Value> = {
  /** The value of the load running under `key`, or of one started now. */
  readonly run: (key: string, load: () => Promise<Value>, waitUntil: WaitUntil) => Promise<Value>;
  readonly isRunning: (key: string) => boolean;
};

/** Another request's load is waited for this long; then this request loads for itself. */
const SHARED_WAIT_MS = 1_000;

/**
 * One load a key at a time in an isolate, kept alive past the request that began it. A promise of another
 * request may die with that request, so a waiter has a timer of its own.
 */
export function createShare<Value>(): Share<Value> {
  const running = new Map<string, Promise<Value>>();
  return {
    run: async (key, load, waitUntil) => {
      const others = running.get(key);
      if (others) {
        const outcome = await Promise.race([others.then((value) => ({ value })), sleep(SHARED_WAIT_MS)]);
        if (outcome) return outcome.value;
      }
      const mine = load().finally(() => {
        if (running.get(key) === mine) running.delete(key);
      });
      running.set(key, mine);
      waitUntil(mine.catch(() => undefined));
      return mine;
    },
    isRunning: (key) => running.has(key),
  };
}

export function sleep(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}
