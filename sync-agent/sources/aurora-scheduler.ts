import { backoffMs, type Sleep } from '../retry.ts';
import { askScheduler, type AuroraApiOptions } from './aurora-api.ts';
import { createMemberBook } from './aurora-book.ts';
import type { MemberKeep } from './aurora-keep.ts';
import type { ServerSetSource, ServerSetStatus } from './aurora-sets.ts';
import type { Announced, Seen } from './aurora-stabilizer.ts';
import { announcedBy, type AuroraTask } from './aurora-tasks.ts';
import type { AuroraWebhook } from './aurora-webhook.ts';
import type { Skipped } from '../cluster.ts';
import { SourceError } from './source.ts';

export type AuroraSchedulerOptions = AuroraApiOptions & {
  readonly frameworkName: string;
  readonly pollMs: number;
  /** Where the scheduler posts what happens. */
  readonly webhook?: AuroraWebhook | undefined;
  readonly keep?: MemberKeep | undefined;
  readonly onStatus?: (status: ServerSetStatus) => void;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
};

/** After a notice that says too little the scheduler is asked this soon, and not more often. */
const ASK_SOON_MS = 5_000;
const MAX_SKIPPED = 1_000;
const BACKOFF = { firstDelayMs: 1_000, maxDelayMs: 30_000 };

/**
 * The ports of Aurora's running tasks, for clusters whose executors announce nothing: the scheduler is polled, and its
 * webhook's notices are taken in between. While it can't be asked the last ones stay.
 */
export function createAuroraScheduler(options: AuroraSchedulerOptions): ServerSetSource {
  const { urls, webhook, monotonicMs, sleep, random, pollMs, timeoutMs } = options;
  const name = `aurora-scheduler ${urls.map((url) => url.origin).join(', ')}`;
  // Who ends a task says so: nothing is held.
  const book = createMemberBook({ ...options, name, stabilizeMs: 0 });
  let running = new Map<string, Announced>();
  let skipped: readonly Skipped[] = [];
  /** Notices that came while the scheduler was asked: its answer may be older. */
  let meanwhile: AuroraTask[] | undefined;
  let isFollowing = false;
  let wasAsked = false;

  const seen = (report: (each: Skipped) => void): Seen => {
    for (const each of skipped) report(each);
    return { present: running, leaving: new Set() };
  };
  // Until the scheduler is asked again, which tells of all of them.
  const noteSkipped = (one: Skipped): void => {
    const isTold = skipped.some(({ detail }) => detail === one.detail);
    if (!isTold && skipped.length < MAX_SKIPPED) skipped = [...skipped, one];
  };
  const apply = (task: AuroraTask, into: Map<string, Announced>): void => {
    const each = task.isRunning ? announcedBy(task, (one) => noteSkipped(one)) : undefined;
    if (each) into.set(each.id, each);
    else into.delete(task.taskId);
  };
  /** True where something else is given than before. */
  const ask = async (signal: AbortSignal): Promise<boolean> => {
    const left: Skipped[] = [];
    meanwhile = [];
    try {
      const announced = await askScheduler(options, (each) => void left.push(each), signal);
      const next = new Map(announced.map((each) => [each.id, each]));
      skipped = left;
      for (const task of meanwhile) apply(task, next);
      running = next;
      wasAsked = true;
      book.good();
      return book.take(seen);
    } finally {
      meanwhile = undefined;
    }
  };
  const take = (task: AuroraTask): boolean => {
    meanwhile?.push(task);
    // Nothing is known yet that it could be a change of.
    if (!wasAsked) return false;
    const next = new Map(running);
    apply(task, next);
    running = next;
    return book.take(seen);
  };

  const poll = async (onChange: () => void, signal: AbortSignal): Promise<void> => {
    let failures = 0;
    let round = new AbortController();
    let isWanted = false;
    const stopListening = webhook?.listen((task) => {
      if (task && take(task)) onChange();
      if (task) return;
      isWanted = true;
      round.abort();
    });
    const stop = (): void => round.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        round = new AbortController();
        isWanted = false;
        const askedMs = monotonicMs();
        try {
          if (await ask(signal)) onChange();
          failures = 0;
        } catch (error) {
          if (signal.aborted) break;
          failures++;
          book.fail(error);
        }
        await book.keepSometimes();
        const waitMs = failures > 0 ? backoffMs(failures, BACKOFF, { random }) : pollMs;
        await sleep(waitMs, round.signal).catch(() => undefined);
        const leastMs = askedMs + ASK_SOON_MS - monotonicMs();
        if (isWanted && leastMs > 0) await sleep(leastMs, signal).catch(() => undefined);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stopListening?.();
      await book.keepNow();
    }
  };

  return {
    name,
    status: () => ({ ...book.status(), ...(webhook && { webhooks: webhook.counts() }) }),
    read: async (report, signal) => {
      signal.throwIfAborted();
      await book.load();
      if (isFollowing) await book.firstWithin(timeoutMs, signal);
      else {
        await ask(signal).catch((error: unknown) => {
          signal.throwIfAborted();
          book.fail(error);
        });
        await book.keepNow();
      }
      const sets = book.sets(report);
      if (sets) return sets;
      throw new SourceError(
        `${name}: ${book.status().problem ?? 'has not answered yet'}; check aurora.schedulerUrls`,
      );
    },
    follow: async (onChange, signal) => {
      if (signal.aborted) return;
      isFollowing = true;
      await book.load();
      // It has nothing to say of what it did not see.
      await Promise.all([poll(onChange, signal), webhook?.run(signal)]);
      isFollowing = false;
    },
  };
}
