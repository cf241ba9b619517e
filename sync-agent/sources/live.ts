import type { Source } from './source.ts';

/**
 * A source that also tells when it would give something else: kept up by a stream where the cluster allows one.
 * `read` works with and without `follow` running; without it every read asks the cluster.
 */
export type LiveSource<Part> = Source<Part> & {
  /**
   * Runs until the signal aborts, then ends promptly and leaves nothing behind. Calls `onChange` whenever `read`
   * may give something else; many calls may mean one change. Never throws. One call at a time.
   */
  readonly follow: (onChange: () => void, signal: AbortSignal) => Promise<void>;
  readonly status: () => LiveStatus;
};

/** How the cluster is followed: what an operator may order, `auto` being the stream where it works. */
export type LiveMode = 'auto' | 'stream' | 'poll';

export type LiveStatus = {
  /** Where `read` takes its facts: the stream's tables, `/state`, or nowhere yet (connecting). */
  readonly mode: 'stream' | 'poll' | 'none';
  /** For people, in one line: why this mode runs. */
  readonly why: string;
  /** The origin that the stream comes from; undefined without one. */
  readonly streamFrom?: string | undefined;
  /** Since the stream that is up now told its whole state; undefined without one. */
  readonly streamAgeSeconds?: number | undefined;
  /** Since the last record of the stream, heartbeats included; undefined without one. */
  readonly lastEventAgeSeconds?: number | undefined;
  /** When `read` last had facts that were up to date, seconds ago; undefined if never. */
  readonly lastGoodAgeSeconds?: number | undefined;
  /** What the last reconcile found different; all 0 before the first. */
  readonly drift: Drift;
  /** Reconciles that came to an end, and those that could not be made, since the start. */
  readonly reconciles: number;
  readonly failedReconciles: number;
  /** Streams that were lost since the start. */
  readonly reconnects: number;
  /** Records of all streams since the start, heartbeats included. */
  readonly events: number;
};

/** Elements that the tables had otherwise than the master: events were missed. */
export type Drift = { readonly agents: number; readonly frameworks: number; readonly tasks: number };

/** What happens to a live source, as data. */
export type LiveEvent =
  /** Another way of reading runs from now on. */
  | { readonly kind: 'mode'; readonly mode: LiveStatus['mode']; readonly why: string }
  /** A stream ended that was up, or could not be had; it is tried again. */
  | { readonly kind: 'stream-lost'; readonly why: string; readonly retryInMs: number }
  /** A reconcile found differences and took the master's word. Never with three zeros. */
  | ({ readonly kind: 'drift' } & Drift)
  | { readonly kind: 'reconcile-failed'; readonly why: string; readonly retryInMs: number };
