import { tellUpdated, type Watchers } from './cluster-event.ts';
import type { AgentStanding, SimulatedAgent, SimulatedFramework, SimulatedTask } from './cluster-snapshot.ts';
import type { At } from './mutations.ts';
import type { Placement } from './placement.ts';
import { withStatus } from './task.ts';
import type { TaskTable } from './task-table.ts';

/** What happens to agents. Unknown agent ids throw `RangeError`. */
export type AgentMishaps = {
  /**
   * Draining, deactivated or disconnected, or at work again. No event tells of it: readers ask for the agents.
   * It gets no new tasks meanwhile; those it has run on.
   */
  readonly setAgent: (agentId: string, standing: AgentStanding | undefined) => void;
  /**
   * Unreachable unless told otherwise: its tasks are TASK_UNREACHABLE and leave the living ones; they may come back,
   * and streams tell of nothing but the tasks (apache/mesos `src/master/master.cpp`, `__removeSlave`).
   * Unregistered: its tasks end as TASK_LOST, and streams have AGENT_REMOVED.
   */
  readonly loseAgent: (agentId: string, options: LoseOptions) => readonly SimulatedTask[];
  /** An agent that was lost is back; tasks that were unreachable are as they were. */
  readonly returnAgent: (agentId: string) => readonly SimulatedTask[];
};

type LoseOptions = At & { readonly as?: 'unreachable' | 'unregistered' };

type AgentMishapsOptions = {
  readonly agents: readonly SimulatedAgent[];
  readonly placement: Placement;
  readonly isHere: (framework: SimulatedFramework) => boolean;
  readonly watchers: Watchers;
};

/** Which agents are here, how they stand, and what can happen to them. */
export function createAgentMishaps(
  table: TaskTable,
  { agents, placement, isHere, watchers }: AgentMishapsOptions,
) {
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  const standings = new Map<string, AgentStanding>();
  /** Lost agents, with the tasks that they had. */
  const lost = new Map<SimulatedAgent, readonly SimulatedTask[]>();
  const find = (agentId: string): SimulatedAgent => {
    const agent = byId.get(agentId);
    if (agent === undefined) throw new RangeError(`no agent ${agentId} in this cluster`);
    return agent;
  };
  const openIfFree = (agent: SimulatedAgent): void => {
    if (!standings.has(agent.id) && !lost.has(agent)) placement.open(agent);
  };
  const mishaps: AgentMishaps = {
    setAgent: (agentId, standing) => {
      const agent = find(agentId);
      if (standing === undefined) standings.delete(agentId);
      else standings.set(agentId, standing);
      placement.close(agent);
      openIfFree(agent);
    },
    loseAgent: (agentId, { atSeconds, as = 'unreachable' }) => {
      const agent = find(agentId);
      if (lost.has(agent)) throw new RangeError(`agent ${agentId} is lost already`);
      const tasks = table.all().filter((task) => task.agent === agent);
      const isUnreachable = as === 'unreachable';
      lost.set(agent, isUnreachable ? tasks : []);
      placement.close(agent);
      const state = isUnreachable ? 'TASK_UNREACHABLE' : 'TASK_LOST';
      const gone = tasks.map((task) => {
        const after = withStatus(task, { state, timestampSeconds: atSeconds, healthy: undefined });
        table.remove(task.id);
        if (isUnreachable) table.lose(after);
        else {
          placement.release(task);
          table.complete(after);
        }
        tellUpdated(watchers, task, after);
        return after;
      });
      watchers.tell({ kind: 'agent-removed', agent, isTold: !isUnreachable });
      return gone;
    },
    returnAgent: (agentId) => {
      const agent = find(agentId);
      const had = lost.get(agent);
      if (had === undefined) throw new RangeError(`agent ${agentId} is not lost`);
      lost.delete(agent);
      openIfFree(agent);
      for (const task of had) table.find(task);
      const tasks = had.filter((task) => isHere(task.app.framework));
      // In this order: `Master::addSlave` has the tasks first (apache/mesos src/master/master.cpp).
      for (const task of tasks) {
        table.add(task);
        watchers.tell({ kind: 'task-added', task });
      }
      watchers.tell({ kind: 'agent-added', agent });
      return tasks;
    },
  };
  return {
    agentMishaps: mishaps,
    /** The agents that are here, and the standings of those that don't take tasks. */
    present: () => ({
      agents: lost.size === 0 ? agents : agents.filter((agent) => !lost.has(agent)),
      standings: new Map(standings),
    }),
  };
}
