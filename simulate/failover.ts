import type {
  ClusterSnapshot,
  FrameworkSnapshot,
  SimulatedAgent,
  SimulatedFramework,
  SimulatedTask,
} from './cluster-snapshot.ts';

/** A new leader, to which agents and frameworks come back bit by bit. */
export type Failover = {
  /** When it was elected, in milliseconds since 1970. */
  readonly atMs: number;
  /** The last agent is back by then. */
  readonly agentsReturnOverSeconds: number;
};

/** Frameworks come back in the first so many parts of the time that agents take. */
const FRAMEWORKS_SHARE = 0.2;

/** How many of so many are back, in their order, after part of the time that all of them take. */
function backCount(
  of: number,
  { atMs, agentsReturnOverSeconds }: Failover,
  nowMs: number,
  share = 1,
): number {
  const elapsedSeconds = (nowMs - atMs) / 1_000;
  if (elapsedSeconds < 0) return 0;
  const overSeconds = agentsReturnOverSeconds * share;
  // Rounding must not keep the last one out when its time has come.
  return Math.min(
    of,
    overSeconds <= elapsedSeconds ? of : Math.floor((elapsedSeconds / overSeconds) * of + 1e-9),
  );
}

/** The agents that have come back by this time, and the frameworks that registered again without tasks. */
export function backBy(snapshot: ClusterSnapshot, failover: Failover, nowMs: number): Told {
  const { agents, frameworks } = snapshot;
  const agentCount = backCount(agents.length, failover, nowMs);
  const frameworkCount = backCount(frameworks.length, failover, nowMs, FRAMEWORKS_SHARE);
  return {
    agents: new Set(agents.slice(0, agentCount)),
    frameworks: new Set(frameworks.slice(0, frameworkCount).map(({ framework }) => framework)),
  };
}

/** Whom a leader has heard of since it was elected. */
export type Told = {
  readonly agents: ReadonlySet<SimulatedAgent>;
  readonly frameworks: ReadonlySet<SimulatedFramework>;
};

/**
 * The cluster as a leader knows it that was elected since (apache/mesos `src/master/master.cpp`): agents by and by,
 * until then listed as recovered; tasks as their agents come; frameworks as they register again, or with the first
 * of their tasks; of what ended before its time, nothing.
 */
export function afterFailover(snapshot: ClusterSnapshot, failover: Failover, nowMs: number): ClusterSnapshot {
  return knownTo(snapshot, backBy(snapshot, failover, nowMs), failover.atMs);
}

/** The cluster as a leader knows it that was elected at this time and has heard of these. */
export function knownTo(snapshot: ClusterSnapshot, told: Told, electedMs: number): ClusterSnapshot {
  const known = (each: FrameworkSnapshot): FrameworkSnapshot => ({
    ...each,
    tasks: each.tasks.filter((task) => told.agents.has(task.agent)),
    completedTasks: each.completedTasks.filter((task) => lastSeconds(task) * 1_000 >= electedMs),
    unreachableTasks: (each.unreachableTasks ?? []).filter((task) => lastSeconds(task) * 1_000 >= electedMs),
  });
  return {
    ...snapshot,
    agents: snapshot.agents.filter((agent) => told.agents.has(agent)),
    recoveredAgents: snapshot.agents.filter((agent) => !told.agents.has(agent)),
    frameworks: snapshot.frameworks
      .map(known)
      .filter(({ framework, tasks }) => tasks.length > 0 || told.frameworks.has(framework)),
    completedFrameworks: snapshot.completedFrameworks
      .filter(({ unregisteredSeconds = 0 }) => unregisteredSeconds * 1_000 >= electedMs)
      .map(known),
  };
}

function lastSeconds({ statuses }: SimulatedTask): number {
  return statuses.at(-1)?.timestampSeconds ?? 0;
}
