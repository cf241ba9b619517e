import { backoffMs, type Sleep } from '../retry.ts';
import type { openZooKeeper, ZooKeeper } from '../zookeeper.ts';
import type { ZooKeeperUrl } from '../zookeeper-url.ts';
import type { MemberKeep } from './aurora-keep.ts';
import { createMemberBook, type MemberBook } from './aurora-book.ts';
import type { ServerSetSource, ServerSetStatus } from './aurora-sets.ts';
import { createServerSetTree, type ServerSetTree, type TreePlace } from './aurora-tree.ts';
import { SourceError } from './source.ts';

export type ServerSetsOptions = TreePlace & {
  readonly url: ZooKeeperUrl;
  /** The framework whose names the jobs get. */
  readonly frameworkName: string;
  /** How long a member whose node is gone stays. */
  readonly stabilizeMs: number;
  /** Asked for; the server may give more or less. */
  readonly sessionTimeoutMs: number;
  /** Undefined: nothing outlives the process. */
  readonly keep?: MemberKeep | undefined;
  /** Told when `status().problem` becomes another. */
  readonly onStatus?: (status: ServerSetStatus) => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly open: typeof openZooKeeper;
};

/** Everything is listed again so often, though no watch told of a change. */
const LIST_AGAIN_MS = 300_000;
const GATHER_MS = 50;
const BACKOFF = { firstDelayMs: 500, maxDelayMs: 10_000 };

/**
 * The ServerSets below a path of ZooKeeper, as Aurora's executors (and whoever else announces) keep them. Followed by
 * watches; while ZooKeeper can't be asked the last ones stay, those of the last run of the agent too.
 */
export function createServerSets(options: ServerSetsOptions): ServerSetSource {
  const { url, root, sessionTimeoutMs } = options;
  const name = `aurora-serversets ${url.name}${root === '/' ? '' : root}`;
  const firstAnswerMs = sessionTimeoutMs + 2_000;
  const book = createMemberBook({ ...options, name });
  let following: Promise<void> | undefined;

  return {
    name,
    status: book.status,
    read: async (report, signal) => {
      signal.throwIfAborted();
      await book.load();
      if (following) await book.firstWithin(firstAnswerMs, signal);
      else await readOnce(book, options, signal);
      const sets = book.sets(report);
      if (sets) return sets;
      throw new SourceError(
        `${name}: ${book.status().problem ?? `has not answered in ${firstAnswerMs / 1000} s`}; ` +
          'check aurora.zk, aurora.root and aurora.credentialsFile',
      );
    },
    follow: async (onChange, signal) => {
      following = followTree(book, { ...options, onChange }, signal);
      await following;
      following = undefined;
    },
  };
}

/** One look, without watches that stay. */
async function readOnce(book: MemberBook, options: ServerSetsOptions, signal: AbortSignal): Promise<void> {
  try {
    const session = await options.open(options.url, options, signal);
    try {
      const tree = createServerSetTree(session, options, () => undefined);
      try {
        await tree.refresh(signal);
      } catch (error) {
        if (tree.isMissing()) book.takeNone();
        throw error;
      }
      book.good();
      book.take(tree.seen);
    } finally {
      await session.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    book.fail(error);
  }
  await book.keepNow();
}

type Following = ServerSetsOptions & { readonly onChange: () => void };

/** One session after the other, until the signal aborts. Never throws. */
async function followTree(book: MemberBook, options: Following, signal: AbortSignal): Promise<void> {
  const { url, sleep, random, open } = options;
  let failures = 0;
  const onGood = (): void => void (failures = 0);
  await book.load();
  while (!signal.aborted) {
    try {
      const session = await open(url, options, signal);
      try {
        await followSession(book, session, { ...options, onGood }, signal);
      } finally {
        await session.close();
      }
    } catch (error) {
      if (signal.aborted) break;
      book.fail(error);
    }
    failures++;
    await sleep(backoffMs(failures, BACKOFF, { random }), signal).catch(() => undefined);
  }
  await book.keepNow();
}

/** Refreshes whenever a watch tells so. Throws the reason of the session's end, or the signal's. */
async function followSession(
  book: MemberBook,
  session: ZooKeeper,
  { onChange, onGood, monotonicMs, sleep, random, ...place }: Following & { readonly onGood: () => void },
  signal: AbortSignal,
): Promise<never> {
  let round = new AbortController();
  let wakes = 0;
  const wake = (): void => {
    wakes++;
    round.abort();
  };
  const stop = AbortSignal.any([signal, session.over]);
  stop.addEventListener('abort', wake, { once: true });
  const tree: ServerSetTree = createServerSetTree(session, place, wake);
  let listAtMs = monotonicMs() + LIST_AGAIN_MS;
  let version = -1;
  let failures = 0;
  for (;;) {
    round = new AbortController();
    const woken = wakes;
    stop.throwIfAborted();
    if (monotonicMs() >= listAtMs) {
      tree.listAgain();
      listAtMs = monotonicMs() + LIST_AGAIN_MS;
    }
    try {
      await tree.refresh(stop);
      failures = 0;
      onGood();
      book.good();
    } catch (error) {
      stop.throwIfAborted();
      failures++;
      if (tree.isMissing()) book.takeNone();
      book.fail(error);
    }
    // What a session has not seen whole yet says nothing of what is gone.
    if (tree.isWhole() && (tree.version() !== version || book.isDue())) {
      version = tree.version();
      if (book.take(tree.seen)) onChange();
    }
    await book.keepSometimes();
    const waitMs =
      failures > 0
        ? backoffMs(failures, BACKOFF, { random })
        : Math.min(listAtMs - monotonicMs(), book.dueInMs());
    if (wakes === woken || failures > 0) {
      const waiting = failures > 0 ? stop : round.signal;
      await sleep(Math.max(0, waitMs), waiting).catch(() => undefined);
    }
    // Instances come and go together.
    await sleep(GATHER_MS, stop).catch(() => undefined);
  }
}
