import type { ClusterEvent, OnClusterEvent } from './cluster-event.ts';
import type { SimulatedCluster } from './cluster.ts';
import type { ClusterSnapshot, SimulatedAgent, SimulatedFramework } from './cluster-snapshot.ts';
import { backBy, type Failover, knownTo } from './failover.ts';

/**
 * What the leader knows of its cluster, and what it comes to know: all that happens, and after a failover each
 * agent as it comes back. What it has told and what its state says are the same at any moment.
 */
export type LeaderView = {
  /** The cluster as the leader knows it now. */
  readonly snapshot: () => ClusterSnapshot;
  /** Takes note of who has come back by now, and tells of them. */
  readonly advance: () => void;
  /** Is anybody still to come back? */
  readonly isReturning: () => boolean;
  /** Another leader: from now on the view is its own. */
  readonly restart: (failover: Failover | undefined) => void;
};

type ViewOptions = {
  readonly cluster: SimulatedCluster;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onEvent: OnClusterEvent;
  readonly signal: AbortSignal;
};

type Returning = {
  readonly failover: Failover;
  readonly agents: Set<SimulatedAgent>;
  readonly frameworks: Set<SimulatedFramework>;
};

/** The view of the master that leads: everything at first. */
export function createLeaderView({ cluster, now, onEvent, signal }: ViewOptions): LeaderView {
  let returning: Returning | undefined;
  let failover: Failover | undefined;

  const welcome = (framework: SimulatedFramework): void => {
    if (returning === undefined || returning.frameworks.has(framework)) return;
    returning.frameworks.add(framework);
    onEvent({ kind: 'framework-added', framework });
  };
  const take = (event: ClusterEvent): void => {
    if (returning === undefined) {
      onEvent(event);
      return;
    }
    switch (event.kind) {
      case 'task-added':
      case 'task-updated':
        // Told with its agent, as it is by then.
        if (!returning.agents.has(event.task.agent)) return;
        if (event.kind === 'task-added') welcome(event.task.app.framework);
        break;
      case 'agent-added':
        // Comes back in its turn, with its tasks.
        return;
      case 'agent-removed':
        // A master tells only of agents that it had.
        if (!returning.agents.delete(event.agent)) return;
        break;
      case 'framework-added':
      case 'framework-updated':
        returning.frameworks.add(event.framework);
        break;
      case 'framework-removed':
        if (!returning.frameworks.delete(event.framework)) return;
    }
    onEvent(event);
  };
  const advance = (): void => {
    if (returning === undefined) return;
    const whole = cluster.snapshot();
    const back = backBy(whole, returning.failover, now());
    for (const framework of back.frameworks) welcome(framework);
    const fresh = new Set([...back.agents].filter((agent) => !returning?.agents.has(agent)));
    // One walk over all tasks for however many agents have come back at once.
    const tasks = whole.frameworks.flatMap((each) => each.tasks.filter((task) => fresh.has(task.agent)));
    const byAgent = Map.groupBy(tasks, (task) => task.agent);
    for (const agent of fresh) {
      returning.agents.add(agent);
      // In this order: `Master::__reregisterSlave` (apache/mesos src/master/master.cpp).
      for (const task of byAgent.get(agent) ?? []) {
        welcome(task.app.framework);
        onEvent({ kind: 'task-added', task });
      }
      onEvent({ kind: 'agent-added', agent });
    }
    if (back.agents.size === whole.agents.length && back.frameworks.size === whole.frameworks.length) {
      returning = undefined;
    }
  };
  cluster.watch(take, signal);
  return {
    snapshot: () => {
      const whole = cluster.snapshot();
      if (failover === undefined) return whole;
      // What ended before its time stays unknown to it for good.
      const { agents, frameworks } = returning ?? everybody(whole);
      return knownTo(whole, { agents, frameworks }, failover.atMs);
    },
    advance,
    isReturning: () => returning !== undefined,
    restart: (next) => {
      failover = next;
      returning = next && { failover: next, agents: new Set(), frameworks: new Set() };
      advance();
    },
  };
}

function everybody({ agents, frameworks }: ClusterSnapshot) {
  return { agents: new Set(agents), frameworks: new Set(frameworks.map(({ framework }) => framework)) };
}
