/**
 * Who of several agents may write. `stand` waits until this agent may, and gives its term; after the term has
 * ended it may stand again. One stand or term at a time: standing again ends the term before. While it waits,
 * what it asks may be out of reach: that is told to `onStandby` and asked again, for ever. It throws only the
 * signal's reason, or `ElectionError` after `close`.
 *
 * Elections keep heads in order only together with the publisher, which writes no head below one it has seen:
 * two agents that both believe they lead do no harm but some writes.
 */
export type Election = {
  /** For people, without secrets: `zookeeper zk://10.0.0.1:2181/mesos-doh`. */
  readonly name: string;
  readonly stand: (candidate: Candidate, signal: AbortSignal) => Promise<Term>;
  /** Ends a waiting `stand` and an open term, and gives the office up. May be called twice. */
  readonly close: () => Promise<void>;
};

/** What an election may ask of the agent that stands in it. */
export type Candidate = {
  /** Hexadecimal; the same after a restart. No two agents have the same. */
  readonly writerId: string;
  /** The root of the head the sink holds, verified; undefined where there is none that can be trusted. */
  readonly readRoot: (signal: AbortSignal) => Promise<SeenRoot | undefined>;
  /** Told why this agent waits, and who writes where that is known; once for each new reason. */
  readonly onStandby: (why: string) => void;
};

/** The lease: who wrote last, and when by the sink's clock. */
export type SeenRoot = {
  readonly writerId: string;
  readonly epoch: number;
  readonly serial: number;
  /** As its writer said; only ever compared with itself, to see whether the head was renewed. */
  readonly createdAtMs: number;
  /** Milliseconds since the head was made or renewed, by the sink's clock. */
  readonly ageMs: number;
};

/** A time in which this agent may write. */
export type Term = {
  /**
   * The least epoch to write with. Undefined, or not above the sink's: the sink's epoch, one more if another
   * agent wrote last (a ZooKeeper made anew counts from the beginning).
   */
  readonly epoch: number | undefined;
  /**
   * Aborts when the term has ended: by `resign`, by the election's `close`, or because another may have been
   * elected. Elections that ask the sink or peers do not look on during a term: the publisher reads its head's
   * root when it has not for a minute, and resigns when it finds another writer's that is above its own.
   * Whatever is being written at the end may still land.
   */
  readonly signal: AbortSignal;
  /**
   * Milliseconds left in which nobody else can have been elected, by a clock that only goes forward; 0 or less
   * after the end. Infinity where no such time is known (the sink, peers, none): there the publisher's own
   * look at the root is what bounds a process that was stopped and continued.
   */
  readonly leftMs: () => number;
  /** For people: why this agent writes. */
  readonly why: string;
  /** Ends the term and gives the office up, so that another may have it at once. Never throws. */
  readonly resign: () => Promise<void>;
};

/** A stand that was ended by `close`, or can't ever succeed. */
export class ElectionError extends Error {
  override readonly name = 'ElectionError';
}
