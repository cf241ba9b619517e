import type { ClusterState, Skipped } from '../cluster.ts';
import type { ClusterTables } from './cluster-tables.ts';
import type { Drift, LiveEvent, LiveSource, LiveStatus } from './live.ts';
import { hasDrift } from './reconcile.ts';
import { openScope } from './scope.ts';
import { type Source, SourceError } from './source.ts';

/** What readers see of a cluster that is followed: the stream's tables, the last of them, or a poll. */
export type LiveView = Pick<LiveSource<ClusterState>, 'read' | 'status'> & {
  /** A stream is expected: readers wait for it until `streamUp` or `giveUp`. */
  readonly expectStream: () => void;
  readonly streamUp: (origin: string, why: string) => void;
  /** A complete record came. */
  readonly recordCame: () => void;
  /** Gives whether one had been up. What it told is given until another is up or `giveUp`. */
  readonly streamLost: (why: string) => boolean;
  /** Still no stream, for this reason now. */
  readonly explain: (why: string) => void;
  /** The stream was waited for long enough, or is not to be had: readers poll, or are told why they can't. */
  readonly giveUp: (why: string) => void;
  /** From now on every read polls. */
  readonly stopExpecting: () => void;
  readonly reconciled: (drift: Drift) => void;
  readonly unreconciled: () => void;
  readonly report: (skipped: Skipped) => void;
};

export type LiveViewOptions = {
  readonly tables: Pick<ClusterTables, 'state'>;
  readonly poll: Source<ClusterState>;
  /** Polling is not wanted, even without a stream. */
  readonly streamOnly: boolean;
  readonly monotonicMs: () => number;
  readonly onEvent: (event: LiveEvent) => void;
};

/** Elements of a stream that can't be used are told with the next read; more of them than this are not told. */
const MOST_SKIPPED = 1_000;

export function createLiveView({
  tables,
  poll,
  streamOnly,
  monotonicMs,
  onEvent,
}: LiveViewOptions): LiveView {
  let mode: LiveStatus['mode'] = 'none';
  let why = 'not asked yet';
  let up: { readonly origin: string; readonly sinceMs: number; lastMs: number } | undefined;
  /** What the last stream had told. */
  let held: ClusterState | undefined;
  /** Resolves when a reader need not wait for the stream any more; undefined where none is expected soon. */
  let decision: PromiseWithResolvers<void> | undefined;
  /** Resolves when a stream is up, for those who are polling. */
  let arrival: PromiseWithResolvers<void> | undefined;
  let isExpected = false;
  let goodAtMs: number | undefined;
  const skips: Skipped[] = [];
  const totals = { reconciles: 0, failedReconciles: 0, reconnects: 0, events: 0 };
  let drift: Drift = { agents: 0, frameworks: 0, tasks: 0 };

  const setMode = (next: LiveStatus['mode'], because: string): void => {
    const isNews = next !== mode || because !== why;
    mode = next;
    why = because;
    if (isNews) onEvent({ kind: 'mode', mode, why });
  };
  const decide = (): void => {
    held = undefined;
    decision?.resolve();
    decision = undefined;
  };
  /** A poll, given up as soon as a stream is up: a master that hangs would keep what the stream tells from readers. */
  const pollUnlessStream: LiveView['read'] = async (report, signal) => {
    arrival ??= Promise.withResolvers();
    const scope = openScope(signal);
    const found: Skipped[] = [];
    const polled = poll.read((skipped) => void found.push(skipped), scope.signal);
    polled.catch(() => undefined);
    try {
      const state = await Promise.race([polled, arrival.promise]);
      if (!state) return tables.state();
      for (const skipped of found) report(skipped);
      goodAtMs = monotonicMs();
      return state;
    } finally {
      scope.end(new SourceError('the stream is up'));
    }
  };
  const ageSeconds = (sinceMs: number): number => Math.max(0, monotonicMs() - sinceMs) / 1000;

  return {
    read: async (report, signal) => {
      signal.throwIfAborted();
      // Not a poll beside a stream that is about to be there: the master would be asked for its state twice.
      if (!up && !held && decision) await orAborted(decision.promise, signal);
      for (const skipped of skips.splice(0)) report(skipped);
      if (up) return tables.state();
      if (held) return held;
      if (isExpected && streamOnly) throw new SourceError(`there is no stream of the cluster: ${why}`);
      return pollUnlessStream(report, signal);
    },
    expectStream: () => {
      isExpected = true;
      decision ??= Promise.withResolvers();
    },
    streamUp: (origin, because) => {
      up = { origin, sinceMs: monotonicMs(), lastMs: monotonicMs() };
      decide();
      arrival?.resolve();
      arrival = undefined;
      setMode('stream', because);
    },
    recordCame: () => {
      totals.events++;
      if (up) up.lastMs = monotonicMs();
    },
    streamLost: (because) => {
      if (!up) return false;
      held = tables.state();
      goodAtMs = up.lastMs;
      up = undefined;
      totals.reconnects++;
      decision ??= Promise.withResolvers();
      mode = 'none';
      why = because;
      return true;
    },
    explain: (because) => {
      why = because;
    },
    giveUp: (because) => {
      decide();
      setMode(streamOnly ? 'none' : 'poll', because);
    },
    stopExpecting: () => {
      isExpected = false;
      up = undefined;
      decide();
    },
    reconciled: (found) => {
      drift = found;
      totals.reconciles++;
      if (hasDrift(found)) onEvent({ kind: 'drift', ...found });
    },
    unreconciled: () => void totals.failedReconciles++,
    report: (skipped) => {
      if (skips.length < MOST_SKIPPED) skips.push(skipped);
    },
    status: () => {
      const goodMs = up ? up.lastMs : goodAtMs;
      return {
        mode,
        why,
        streamFrom: up?.origin,
        streamAgeSeconds: up && ageSeconds(up.sinceMs),
        lastEventAgeSeconds: up && ageSeconds(up.lastMs),
        lastGoodAgeSeconds: goodMs === undefined ? undefined : ageSeconds(goodMs),
        drift,
        ...totals,
      };
    },
  };
}

async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
