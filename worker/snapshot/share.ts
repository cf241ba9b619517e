import { sinceMs, type StartTimer, within } from './timer.ts';

/** Lets work go on after the response (`ExecutionContext.waitUntil`). */
export type WaitUntil = (work: Promise<unknown>) => void;

export type Share<Value> = {
  /**
   * The value of the load running under `key`, or of one started now. Throws what the load throws, or that it
   * takes too long; it goes on all the same, for the next that asks.
   */
  readonly run: (key: string, load: () => Promise<Value>, waitUntil: WaitUntil) => Promise<Value>;
  readonly isRunning: (key: string) => boolean;
};

export type ShareOptions = {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly startTimer: StartTimer;
};

/** A load that has not come by then is tried once more, by one of all that wait for it. */
const RETRY_AFTER_MS = 1_000;
/** Nobody waits longer than this; a load that takes longer counts as dead. */
export const PATIENCE_MS = 4_000;

type Flight<Value> = {
  readonly value: Promise<Value>;
  readonly startedAtMs: number;
  /** The second load, started because this one takes so long; kept here also when it has come. */
  second?: Flight<Value>;
};

/**
 * One load a key at a time in an isolate, kept alive past the request that began it. A promise of another
 * request may die with that request, so everybody waits with a timer of their own: the first whose timer ends
 * starts a second load, and all take what comes first.
 */
export function createShare<Value>({ now, startTimer }: ShareOptions): Share<Value> {
  const flights = new Map<string, readonly Flight<Value>[]>();

  const keep = (key: string, kept: readonly Flight<Value>[]): void => {
    if (kept.length > 0) flights.set(key, kept);
    else flights.delete(key);
  };
  const running = (key: string): readonly Flight<Value>[] =>
    (flights.get(key) ?? []).filter(({ startedAtMs }) => sinceMs(startedAtMs, now()) < PATIENCE_MS);
  const start = (key: string, load: () => Promise<Value>, waitUntil: WaitUntil): Flight<Value> => {
    const value = load().finally(() => {
      keep(
        key,
        (flights.get(key) ?? []).filter((other) => other !== flight),
      );
    });
    const flight: Flight<Value> = { value, startedAtMs: now() };
    keep(key, [...running(key), flight]);
    waitUntil(value.catch(() => undefined));
    return flight;
  };

  return {
    run: async (key, load, waitUntil) => {
      const first = running(key)[0] ?? start(key, load, waitUntil);
      const soon = await within(first.value, RETRY_AFTER_MS, startTimer);
      if (soon) return soon.value;
      const second = (first.second ??= start(key, load, waitUntil));
      const either = firstOf([first.value, second.value]);
      const late = await within(either, PATIENCE_MS - RETRY_AFTER_MS, startTimer);
      if (late) return late.value;
      throw new Error(`${key} did not come within ${PATIENCE_MS / 1000} s`);
    },
    isRunning: (key) => running(key).length > 0,
  };
}

/** The first value of any; where all fail, what failed last. */
async function firstOf<Value>(values: readonly Promise<Value>[]): Promise<Value> {
  try {
    return await Promise.any(values);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors.at(-1) : error;
  }
}
