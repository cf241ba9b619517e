import type { ClusterSnapshot, FrameworkSnapshot, SimulatedTask } from './cluster-snapshot.ts';

/** A new leader, to which agents and frameworks come back bit by bit. */
export type Failover = {
  /** When it was elected, in milliseconds since 1970. */
  readonly atMs: number;
  /** The last agent is back by then. */
  readonly agentsReturnOverSeconds: number;
};

/** Frameworks come back in the first so many parts of the time that agents take. */
const FRAMEWORKS_SHARE = 0.2;

/**
 * The cluster as a leader knows it that was elected since (apache/mesos `src/master/master.cpp`): agents by and by,
 * until then listed as recovered; tasks as their agents come; frameworks as they register again, or with the first
 * of their tasks; of what ended before its time, nothing.
 */
export function afterFailover(
  snapshot: ClusterSnapshot,
  { atMs, agentsReturnOverSeconds }: Failover,
  nowMs: number,
): ClusterSnapshot {
  const elapsedSeconds = (nowMs - atMs) / 1_000;
  const isBack = (index: number, of: number, overSeconds: number) =>
    ((index + 1) / of) * overSeconds <= elapsedSeconds;
  const { agents } = snapshot;
  const back = new Set(agents.filter((_, index) => isBack(index, agents.length, agentsReturnOverSeconds)));
  const known = (each: FrameworkSnapshot): FrameworkSnapshot => ({
    ...each,
    tasks: each.tasks.filter((task) => back.has(task.agent)),
    completedTasks: each.completedTasks.filter((task) => endedSeconds(task) * 1_000 >= atMs),
  });
  return {
    ...snapshot,
    agents: agents.filter((agent) => back.has(agent)),
    recoveredAgents: agents.filter((agent) => !back.has(agent)),
    frameworks: snapshot.frameworks
      .map(known)
      .filter(
        ({ tasks }, index, { length }) =>
          tasks.length > 0 || isBack(index, length, agentsReturnOverSeconds * FRAMEWORKS_SHARE),
      ),
    completedFrameworks: snapshot.completedFrameworks
      .filter(({ unregisteredSeconds = 0 }) => unregisteredSeconds * 1_000 >= atMs)
      .map(known),
  };
}

function endedSeconds({ statuses }: SimulatedTask): number {
  return statuses.at(-1)?.timestampSeconds ?? 0;
}
