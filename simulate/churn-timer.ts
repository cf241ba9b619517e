import type { SimulatedCluster } from './cluster.ts';
import type { ClusterChange } from './mutations.ts';

/** Churn comes in batches at this interval where there is more of it than timers can serve. */
const LEAST_INTERVAL_MS = 50;
const MOST_INTERVAL_MS = 1_000;

type ChurnTimerOptions = {
  readonly cluster: SimulatedCluster;
  readonly perSecond: number;
  /** Milliseconds since 1970, as `Date.now`. */
  readonly now: () => number;
  readonly onChange?: (changes: readonly ClusterChange[]) => void;
  readonly signal: AbortSignal;
};

/** Changes a cluster at random, so often on average, until `signal` aborts. */
export function startChurn({ cluster, perSecond, now, onChange, signal }: ChurnTimerOptions): void {
  if (!Number.isFinite(perSecond) || perSecond < 0) throw new RangeError(`no churn of ${perSecond} a second`);
  if (signal.aborted || perSecond === 0) return;
  let owed = 0;
  let lastMs = now();
  const tick = () => {
    const nowMs = now();
    const elapsedSeconds = Math.max(0, nowMs - lastMs) / 1_000;
    lastMs = nowMs;
    // A machine that slept has no hours of churn to make up for: one second of it at most.
    owed = Math.min(owed + elapsedSeconds * perSecond, Math.max(1, perSecond));
    const due = Math.floor(owed);
    owed -= due;
    if (due === 0) return;
    const changes = cluster.churn(due, { atSeconds: nowMs / 1_000 });
    onChange?.(changes);
  };
  const intervalMs = Math.min(Math.max(250 / perSecond, LEAST_INTERVAL_MS), MOST_INTERVAL_MS);
  const timer = setInterval(tick, intervalMs);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
