import type { SimulatedCluster } from './cluster.ts';
import type { Failover } from './failover.ts';
import type { MasterAddress } from './state.ts';

/** What a master does in place of answering as it should, for tests of those who ask it. */
export type Fault =
  /** Takes the request and never answers; with `afterLength`, stops within the body of a state. */
  | { readonly kind: 'stall'; readonly afterLength?: number }
  /** Closes the connection within the body of a state, after that many characters of JSON. */
  | { readonly kind: 'cut'; readonly afterLength: number }
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  /** Answers 200 with this in place of the state. */
  | { readonly kind: 'body'; readonly body: string | Uint8Array; readonly contentType?: string };

/** What all masters know of each other, and what a test did to them. Masters are told apart by index. */
export type Quorum = {
  readonly cluster: SimulatedCluster;
  readonly masters: MasterAddress[];
  readonly faults: Map<number, Fault | undefined>;
  /** Undefined while none leads. */
  leader: number | undefined;
  electedSeconds: number;
  isRecovering: boolean;
  /** The last failover; undefined while the leader knows all there is. */
  failover: Failover | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};
