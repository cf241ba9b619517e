import type { Access } from './access.ts';
import type { Fault } from './fault.ts';
import type { LeaderView } from './leader-view.ts';
import type { MesosFeatures } from './mesos-version.ts';
import type { MasterAddress } from './state.ts';
import type { Subscribers } from './subscribers.ts';

/** What all masters know of each other, and what a test did to them. Masters are told apart by index. */
export type Quorum = {
  readonly view: LeaderView;
  readonly subscribers: Subscribers;
  readonly masters: MasterAddress[];
  readonly faults: Map<number, Fault | undefined>;
  readonly access: Access;
  readonly version: string;
  readonly features: MesosFeatures;
  readonly heartbeatSeconds: number;
  /** Undefined while none leads. */
  leader: number | undefined;
  electedSeconds: number;
  isRecovering: boolean;
};
