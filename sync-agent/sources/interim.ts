import type { Sleep } from '../retry.ts';
import { openScope } from './scope.ts';

/** The time without a stream: first it is waited for, then polled. */
export type Interim = {
  /** Octets of the next stream came: it is waited for a little longer. */
  readonly arrived: () => void;
  /** Ends the waiting. */
  readonly hurry: () => void;
  readonly end: () => Promise<void>;
};

export type InterimOptions = {
  readonly pollMs: number;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
  /** The stream was waited for long enough. */
  readonly onOverdue: () => void;
  /** A poll is due. */
  readonly onPoll: () => void;
};

/** So long after a stream was lost `read` goes on giving what it had told. */
const PATIENCE_MS = 5_000;
/** The same while the state of the next stream is arriving: it would be asked of the master twice. */
const ARRIVING_PATIENCE_MS = 30_000;
const LOOK_MS = 1_000;

/** Begins at once, and goes on until its end or the signal's. */
export function beginInterim(options: InterimOptions, signal: AbortSignal): Interim {
  const { monotonicMs, sleep, random } = options;
  const sinceMs = monotonicMs();
  let arrivedAtMs = Number.NEGATIVE_INFINITY;
  const whole = openScope(signal);
  const patience = openScope(whole.signal);

  const isArriving = (): boolean =>
    monotonicMs() - arrivedAtMs < PATIENCE_MS && monotonicMs() - sinceMs < ARRIVING_PATIENCE_MS;
  const waitForStream = async (): Promise<void> => {
    if (!patience.signal.aborted) await sleep(PATIENCE_MS, patience.signal);
    while (isArriving()) await sleep(LOOK_MS, patience.signal);
  };
  const run = async (): Promise<void> => {
    await waitForStream().catch(() => undefined);
    patience.end();
    if (whole.signal.aborted) return;
    options.onOverdue();
    while (!whole.signal.aborted) {
      options.onPoll();
      // Agents that were started together do not ask together.
      await sleep(options.pollMs * (0.9 + 0.2 * random()), whole.signal).catch(() => undefined);
    }
  };
  const running = run();
  return {
    arrived: () => {
      arrivedAtMs = monotonicMs();
    },
    hurry: () => patience.end(),
    end: () => {
      whole.end();
      return running;
    },
  };
}
