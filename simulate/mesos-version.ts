/** A release of Mesos, by the numbers that decide what it can do. */
export type MesosVersion = { readonly text: string; readonly major: number; readonly minor: number };

/** The release whose words the simulator speaks unless told otherwise. */
export const DEFAULT_VERSION = '1.9.0';

/** What releases differ in, for those who read a master (apache/mesos docs/upgrades.md, CHANGELOG). */
export type MesosFeatures = {
  /** `POST /api/v1`: 1.0. */
  readonly operatorApi: boolean;
  /** TASK_UPDATED with a status; a flat one without addresses before: 1.1 (MESOS-5936). */
  readonly taskStatuses: boolean;
  /** AGENT_ADDED and AGENT_REMOVED: 1.1 (MESOS-6102). */
  readonly agentEvents: boolean;
  /** Agents that have not come back yet are listed: 1.2 (MESOS-6177). */
  readonly recoveredAgents: boolean;
  /** FRAMEWORK_*: 1.4 (MESOS-6101). */
  readonly frameworkEvents: boolean;
  /** HEARTBEAT, and its interval in SUBSCRIBED: 1.5 (MESOS-7695). */
  readonly heartbeats: boolean;
  /** Events for a status of the state that was before, such as another health: 1.7. */
  readonly repeatedStates: boolean;
  /** The oldest of too many subscribers is sent away: 1.8 (MESOS-9258). */
  readonly subscriberCap: boolean;
  /** Deactivated and draining agents: 1.9. */
  readonly draining: boolean;
};

/** Reads `1.9.0` or `1.4`. Throws `RangeError` for what is no version. */
export function parseVersion(text: string): MesosVersion {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?$/.exec(text) ?? [];
  if (major === undefined || minor === undefined) {
    throw new RangeError(`no Mesos version: ${text}; it should be like 1.9.0`);
  }
  return { text, major: Number(major), minor: Number(minor) };
}

export function featuresOf({ major, minor }: MesosVersion): MesosFeatures {
  const since = (least: number) => major > 1 || (major === 1 && minor >= least);
  return {
    operatorApi: since(0),
    taskStatuses: since(1),
    agentEvents: since(1),
    recoveredAgents: since(2),
    frameworkEvents: since(4),
    heartbeats: since(5),
    repeatedStates: since(7),
    subscriberCap: since(8),
    draining: since(9),
  };
}
