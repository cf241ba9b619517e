import type { Channel } from './channel.ts';
import { UpstreamError } from './upstream-error.ts';

/** Keeps one channel to the DoH server, and makes another when that ends. */
export type Connection = {
  /**
   * The channel that is open, or one that is being opened; never `not`, in whose place comes a new one. Rejects with
   * `UpstreamError`: at once while the server is known to be down.
   */
  readonly channel: (not?: Channel) => Promise<Channel>;
  /** Undefined unless the server can not be reached: then why. */
  readonly downBecause: () => UpstreamError | undefined;
  /** Why the last try to connect failed, if there was no other since. */
  readonly problem: () => UpstreamError | undefined;
  readonly isUp: () => boolean;
  readonly opened: () => number;
  readonly close: () => void;
};

export type ConnectionOptions = {
  readonly dial: () => Promise<Channel>;
  readonly onChange: (change: ConnectionChange) => void;
  /** Numbers in [0, 1). */
  readonly random: () => number;
};

export type ConnectionChange =
  | { readonly kind: 'up'; readonly protocol: string; readonly downMs: number }
  | { readonly kind: 'down'; readonly error: UpstreamError };

/** Where connections end as soon as they are there. */
const BETWEEN_DIALS_MS = 200;
const FIRST_WAIT_MS = 200;
const MOST_WAIT_MS = 5_000;
/** A server that restarts is back by then: until then who asks waits for it, later nobody does. */
const PATIENCE_MS = 2_500;
/** Without a question for so long, a server that is down is left alone until the next one. */
const INTEREST_MS = 120_000;

/** Times are of `performance.now()`. */
export function createConnection({ dial, onChange, random }: ConnectionOptions): Connection {
  let current: Channel | undefined;
  let dialing: Promise<Channel> | undefined;
  let failures = 0;
  let downSince: number | undefined;
  let problem: UpstreamError | undefined;
  let isKnown = false;
  let wantedAt = performance.now();
  let opened = 0;
  let isClosed = false;
  let nextDialAt = Number.NEGATIVE_INFINITY;

  const succeed = (channel: Channel): Channel => {
    current?.retire();
    current = channel;
    opened++;
    if (downSince !== undefined || !isKnown)
      onChange({
        kind: 'up',
        protocol: channel.protocol,
        downMs: downSince === undefined ? 0 : performance.now() - downSince,
      });
    isKnown = true;
    failures = 0;
    downSince = problem = undefined;
    if (isClosed) channel.destroy();
    return channel;
  };
  const fail = (error: unknown): never => {
    const reason =
      error instanceof UpstreamError
        ? error
        : new UpstreamError('connect', 'the DoH server can not be reached', { cause: error });
    const isNews = downSince === undefined || problem?.message !== reason.message;
    // The jitter keeps machines apart that lost the same server at once.
    nextDialAt =
      performance.now() + Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures) * (0.5 + random() / 2);
    failures++;
    downSince ??= performance.now();
    problem = reason;
    isKnown = true;
    if (isNews && !isClosed) onChange({ kind: 'down', error: reason });
    throw reason;
  };
  /** The next dial, now or when it may be. */
  const start = (): Promise<Channel> => {
    dialing ??= waited(nextDialAt - performance.now())
      .then(() => {
        nextDialAt = performance.now() + BETWEEN_DIALS_MS;
        return dial();
      })
      .then(succeed, fail)
      .finally(() => {
        dialing = undefined;
        if (downSince !== undefined && !isClosed && performance.now() - wantedAt < INTEREST_MS)
          start().catch(() => undefined);
      });
    return dialing;
  };
  const isOpen = (): boolean => current?.isOpen() === true;
  const downBecause = (): UpstreamError | undefined =>
    downSince !== undefined && performance.now() - downSince > PATIENCE_MS && !isOpen() ? problem : undefined;
  return {
    channel: async (not) => {
      wantedAt = performance.now();
      if (current && current !== not && current.isOpen()) return current;
      if (isClosed) throw new UpstreamError('closed', 'the stub is being stopped');
      const down = downBecause();
      const next = start();
      if (!down) return next;
      next.catch(() => undefined);
      throw down;
    },
    downBecause,
    problem: () => problem,
    isUp: isOpen,
    opened: () => opened,
    close: () => {
      isClosed = true;
      current?.destroy();
    },
  };
}

/** Nobody waits at the end of the process: the timer does not keep it alive. */
async function waited(ms: number): Promise<void> {
  if (ms <= 0) return;
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
