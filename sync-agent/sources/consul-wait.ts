import type { Sleep } from '../retry.ts';
import { backoffMs } from '../retry.ts';
import { type ConsulAnswer, type ConsulApi, ConsulError, nextIndex } from './consul-api.ts';
import { SourceError } from './source.ts';

export type WaitingOptions = {
  readonly api: ConsulApi;
  readonly path: string;
  readonly datacenter: string | undefined;
  readonly waitMs: number;
  /** From one request to the next, however soon it is answered; asked each time. */
  readonly leastGapMs: () => number;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
  /** An answer came. `isNews`: it may be another than the last one. */
  readonly onAnswer: (answer: ConsulAnswer, isNews: boolean) => void;
  /** None came; it is asked again after that time. */
  readonly onFailure: (error: SourceError, retryInMs: number) => void;
};

/** One that gives no index can only be polled: this far apart. */
const POLL_MS = 10_000;
const RETRY = { firstDelayMs: 2_000, maxDelayMs: 60_000 };

/**
 * One blocking query after the other (Consul docs, blocking queries), until the signal aborts; never throws. After a
 * failure it begins anew, without waiting: something may have happened meanwhile.
 */
export async function keepWaiting(options: WaitingOptions, signal: AbortSignal): Promise<void> {
  const { api, path, datacenter, waitMs, monotonicMs, sleep, random } = options;
  let index = 0;
  let failures = 0;
  let isFirst = true;
  while (!signal.aborted) {
    const askedMs = monotonicMs();
    let pauseMs: number;
    try {
      const answer = await api.get(path, { datacenter, index, waitMs: index > 0 ? waitMs : 0 }, signal);
      const isNews = isFirst || failures > 0 || index === 0 || answer.index !== index;
      const next = nextIndex(index, answer.index);
      // What has begun anew twice over can't be waited for, but for the first time, and after a failure.
      const isLost = answer.index === 0;
      index = next;
      isFirst = false;
      failures = 0;
      options.onAnswer(answer, isNews);
      pauseMs = (isLost ? POLL_MS : options.leastGapMs()) - (monotonicMs() - askedMs);
    } catch (error) {
      if (signal.aborted) return;
      failures++;
      index = 0;
      pauseMs = backoffMs(failures, RETRY, { random });
      if (error instanceof ConsulError) pauseMs = Math.max(pauseMs, Math.min(error.retryAfterMs, 300_000));
      options.onFailure(asSourceError(error, api.name), pauseMs);
    }
    if (pauseMs > 0) await sleep(pauseMs, signal).catch(() => undefined);
  }
}

export function asSourceError(error: unknown, name: string): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError(`${name}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
