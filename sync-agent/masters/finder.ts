import type { Endpoint } from '../cluster.ts';

/** Finds out which Mesos master leads. */
export type MasterFinder = {
  /** For people, without secrets: `zk://10.0.0.1:2181/mesos`, or the masters' URLs. */
  readonly name: string;
  /** Base URLs to ask, the likeliest leader first; never empty. Throws `SourceError` where none is known. */
  readonly candidates: (signal: AbortSignal) => Promise<readonly URL[]>;
  /** Calls `listener` whenever another master leads, the first one included; gives what ends that. */
  readonly onChange: (listener: () => void) => () => void;
  readonly state: () => FinderState;
  /** Ends what it follows, soon also while it connects. `candidates` throws then. */
  readonly close: () => Promise<void>;
};

export type FinderState = {
  readonly by: 'zookeeper' | 'list';
  /** The origin of the last leader that was found. */
  readonly leader: string | undefined;
  /** What keeps it from finding a newer one; undefined if nothing does. */
  readonly problem: string | undefined;
  /** With ZooKeeper: all masters found last, the leader first, then in the order they registered. */
  readonly masters?: readonly Endpoint[];
};
