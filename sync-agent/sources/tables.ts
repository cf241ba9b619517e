import type { Endpoint, MesosAgent, ReportSkipped } from '../cluster.ts';
import { createEndedTable, type EndedTable } from './ended-table.ts';
import { type FrameworkFacts, isTerminal } from './mesos-v0.ts';
import type { TaskEntry } from './mesos-v1.ts';
import { createTaskTable, type TaskTable } from './task-table.ts';

/** What a cluster's stream said, by id; each part changes in place. */
export type Tables = {
  readonly agents: Map<string, MesosAgent>;
  /** The same agents as a list; undefined since one came, changed or went. */
  agentList: readonly MesosAgent[] | undefined;
  /** Agents of the last leader that this one awaits. */
  readonly recovering: Set<string>;
  readonly frameworks: Map<string, FrameworkFacts>;
  readonly tasks: TaskTable;
  readonly ended: EndedTable;
  /** Schedulers' endpoints by framework id, which the stream does not say. */
  readonly learned: Map<string, Endpoint | undefined>;
  /** Frameworks that came or changed since theirs was learned. */
  readonly unlearned: Set<string>;
};

/** Tasks whose framework is not known are kept up to here; the rest of them is reported and left out. */
const MAX_WAITING = 10_000;

export function createTables(ended: EndedTable = createEndedTable()): Tables {
  return {
    agents: new Map(),
    agentList: undefined,
    recovering: new Set(),
    frameworks: new Map(),
    tasks: createTaskTable(),
    ended,
    learned: new Map(),
    unlearned: new Set(),
  };
}

/** A task as it is now, wherever that has its place: one that ended is evidence and no task any more. */
export function putTask(tables: Tables, entry: TaskEntry, report: ReportSkipped): void {
  const { frameworkId, task } = entry;
  if (isTerminal(task.state)) {
    tables.tasks.remove(frameworkId, task.id);
    tables.ended.addTask(frameworkId, { id: task.id, agentId: task.agentId });
    return;
  }
  const isNew = tables.tasks.get(frameworkId, task.id) === undefined;
  if (isNew && !tables.frameworks.has(frameworkId) && waitingTasks(tables) >= MAX_WAITING) {
    const detail = `task ${task.id}: framework ${frameworkId} is not known, and ${MAX_WAITING} tasks wait for theirs already`;
    report({ reason: 'task-field', detail });
    return;
  }
  tables.ended.forgetTask(frameworkId, task.id);
  tables.tasks.put(entry);
}

/** Tasks whose framework is not known. */
export function waitingTasks({ tasks, frameworks }: Tables): number {
  let waiting = 0;
  for (const id of tasks.frameworkIds()) if (!frameworks.has(id)) waiting += tasks.size(id);
  return waiting;
}

/** Tasks whose agent is not known. */
export function strayTasks({ tasks, agents }: Tables): number {
  let stray = 0;
  for (const [agentId, count] of tasks.onAgent) if (!agents.has(agentId)) stray += count;
  return stray;
}

/** A completed framework: all of its tasks ended with it. */
export function endFramework(tables: Tables, { id, name }: Pick<FrameworkFacts, 'id' | 'name'>): void {
  for (const task of tables.tasks.list(id)) tables.ended.addTask(id, { id: task.id, agentId: task.agentId });
  tables.tasks.removeFramework(id);
  tables.frameworks.delete(id);
  tables.learned.delete(id);
  tables.unlearned.delete(id);
  tables.ended.addFramework(id, name);
}

export function putAgent(tables: Tables, agent: MesosAgent): void {
  tables.agents.set(agent.id, agent);
  tables.agentList = undefined;
  tables.recovering.delete(agent.id);
}

export function removeAgent(tables: Tables, id: string): boolean {
  tables.agentList = undefined;
  const awaited = tables.recovering.delete(id);
  return tables.agents.delete(id) || awaited;
}
