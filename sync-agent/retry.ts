import { setTimeout as delay } from 'node:timers/promises';

/** Waits, and stops early with the signal's reason. An argument wherever we wait, so that tests need not. */
export type Sleep = (delayMs: number, signal: AbortSignal) => Promise<void>;

/** How attempts are spaced. */
export type Backoff = {
  /** Attempts in all, the first included. */
  readonly tries: number;
  /** The longest wait after the first failure; each further failure doubles it. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** A server that asks for a longer pause than this is not waited for. */
  readonly maxRetryAfterSeconds: number;
};

/** The default waits for Cloudflare's block of five minutes (its API limits page), and for little more. */
const DEFAULT_BACKOFF: Backoff = {
  tries: 5,
  firstDelayMs: 1000,
  maxDelayMs: 30_000,
  maxRetryAfterSeconds: 330,
};

/** That trying again makes sense, and how long the server asked to be left alone. */
export type RetryHint = { readonly afterSeconds?: number | undefined };

export type RetryOptions = {
  readonly signal: AbortSignal;
  /** Judges a failure: a hint tries again, undefined lets the error through. */
  readonly hint: (error: unknown) => RetryHint | undefined;
  readonly backoff?: Partial<Backoff> | undefined;
  readonly sleep?: Sleep | undefined;
  /** From 0 to below 1. */
  readonly random?: (() => number) | undefined;
};

/**
 * Runs `attempt` until it succeeds, fails for good, or has had its tries; then its last error is thrown. The
 * signal's reason is thrown when it aborts between attempts; within one that is the attempt's own duty.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, hint, sleep = sleepFor, random = Math.random } = options;
  const backoff: Backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const verdict = failures < backoff.tries ? hint(error) : undefined;
      const afterSeconds = verdict?.afterSeconds ?? 0;
      if (!verdict || afterSeconds > backoff.maxRetryAfterSeconds) throw error;
      await sleep(Math.max(backoffMs(failures, backoff, { random }), afterSeconds * 1000), signal);
    }
  }
}

/**
 * The wait after so many failures: doubled each time up to the limit, half of it fixed and half at random, so
 * that agents which failed together do not come back together.
 */
export function backoffMs(
  failures: number,
  { firstDelayMs, maxDelayMs }: Pick<Backoff, 'firstDelayMs' | 'maxDelayMs'>,
  { random }: { readonly random: () => number },
): number {
  const longest = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1));
  return Math.round((longest / 2) * (1 + random()));
}

/** Waits `delayMs`, or throws the signal's reason as soon as it aborts. */
export const sleepFor: Sleep = async (delayMs, signal) => {
  try {
    await delay(delayMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
};

/** The pause a Retry-After header asks for (RFC 9110 §10.2.3): seconds, or a date seen from `nowMs`. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value);
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, Math.ceil((dateMs - nowMs) / 1000));
}
