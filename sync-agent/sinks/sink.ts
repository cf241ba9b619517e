/**
 * A store of octets under keys: where snapshots go. A sink knows nothing of what the octets mean, nor in
 * which order they should be written (that is `publish/`).
 *
 * What a caller may rely on: `put` resolves only when every pair is stored, and pairs may become visible in
 * any order; a put to a key replaces its value and metadata together; `get` of a key never written gives
 * undefined; `list` gives every key under the prefix, in no particular order; `remove` of a missing key is no
 * error. Keys are at most 512 octets of UTF-8, values at most 25 MiB, metadata at most 1,024 octets of JSON.
 * Every method throws `SinkError` for a store that refuses or can't be reached, after its own retries, and
 * stops early with the signal's reason when `signal` aborts; a write under way then has an unknown outcome.
 */
export type Sink = {
  /** For people: the kind and place, without secrets, such as `directory /var/lib/x`. */
  readonly name: string;
  readonly get: (key: string, signal: AbortSignal) => Promise<StoredValue | undefined>;
  readonly put: (pairs: readonly Pair[], signal: AbortSignal) => Promise<void>;
  readonly list: (prefix: string, signal: AbortSignal) => Promise<string[]>;
  readonly remove: (keys: readonly string[], signal: AbortSignal) => Promise<void>;
  /** By how much the store's clock is ahead of ours, in whole milliseconds, as its replies told; undefined: unknown. */
  readonly clockOffsetMs?: () => number | undefined;
};

export type Pair = { readonly key: string; readonly value: Uint8Array; readonly metadata?: Metadata };

/** Small facts beside a value, readable without it. */
export type Metadata = Readonly<Record<string, string>>;

export type StoredValue = { readonly value: Uint8Array; readonly metadata: Metadata | undefined };

/**
 * A store that refused or could not be reached. The message says what was asked, where, and what it said.
 *
 * After a `put` or `remove`, `outcome` says what became of it. `refused`: nothing was done, and nothing will be.
 * `unknown`: all of it, a part or nothing was done, or may still be: read back before writing again.
 */
export class SinkError extends Error {
  override readonly name = 'SinkError';
  readonly outcome: 'refused' | 'unknown';

  constructor(
    message: string,
    {
      outcome = 'unknown',
      cause,
    }: { readonly outcome?: 'refused' | 'unknown'; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.outcome = outcome;
  }
}
