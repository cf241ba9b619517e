import type { MesosTask } from '../cluster.ts';
import type { TaskEntry } from './mesos-v1.ts';

/** Tasks that have not ended, by framework and id. */
export type TaskTable = {
  readonly get: (frameworkId: string, taskId: string) => TaskEntry | undefined;
  readonly put: (entry: TaskEntry) => void;
  readonly remove: (frameworkId: string, taskId: string) => void;
  /** All tasks of a framework, in the order they came; the same list until one of them changes. */
  readonly list: (frameworkId: string) => readonly MesosTask[];
  readonly removeFramework: (frameworkId: string) => void;
  readonly frameworkIds: () => Iterable<string>;
  /** How many there are; of one framework if it is named. */
  readonly size: (frameworkId?: string) => number;
  /** How many tasks each agent runs that has any. */
  readonly onAgent: ReadonlyMap<string, number>;
};

/** As many as a master keeps (`--max_unreachable_tasks_per_framework`): it drops the oldest without an event. */
const MAX_UNREACHABLE = 1_000;
const NO_TASKS: readonly MesosTask[] = [];

type TasksOfOne = {
  readonly entries: Map<string, TaskEntry>;
  /** Ids, in the order they became unreachable. */
  readonly unreachable: Set<string>;
  list: readonly MesosTask[] | undefined;
};

export function createTaskTable(): TaskTable {
  const byFramework = new Map<string, TasksOfOne>();
  const onAgent = new Map<string, number>();
  let size = 0;

  const count = (agentId: string, change: 1 | -1): void => {
    const tasks = (onAgent.get(agentId) ?? 0) + change;
    if (tasks === 0) onAgent.delete(agentId);
    else onAgent.set(agentId, tasks);
  };
  const remove = (frameworkId: string, taskId: string): void => {
    const one = byFramework.get(frameworkId);
    const entry = one?.entries.get(taskId);
    if (!one || !entry) return;
    one.entries.delete(taskId);
    one.unreachable.delete(taskId);
    one.list = undefined;
    size--;
    count(entry.task.agentId, -1);
    if (one.entries.size === 0) byFramework.delete(frameworkId);
  };

  return {
    get: (frameworkId, taskId) => byFramework.get(frameworkId)?.entries.get(taskId),
    put: (entry) => {
      const { frameworkId, task } = entry;
      let one = byFramework.get(frameworkId);
      if (!one)
        byFramework.set(frameworkId, (one = { entries: new Map(), unreachable: new Set(), list: undefined }));
      const before = one.entries.get(task.id);
      if (before) count(before.task.agentId, -1);
      else size++;
      count(task.agentId, 1);
      one.entries.set(task.id, entry);
      if (before?.task !== task) one.list = undefined;
      if (task.state !== 'TASK_UNREACHABLE') {
        one.unreachable.delete(task.id);
        return;
      }
      one.unreachable.add(task.id);
      const [oldest = ''] = one.unreachable.size > MAX_UNREACHABLE ? one.unreachable : [];
      remove(frameworkId, oldest);
    },
    remove,
    list: (frameworkId) => {
      const one = byFramework.get(frameworkId);
      if (!one) return NO_TASKS;
      one.list ??= Array.from(one.entries.values(), ({ task }) => task);
      return one.list;
    },
    removeFramework: (frameworkId) => {
      const one = byFramework.get(frameworkId);
      if (!one) return;
      for (const { task } of one.entries.values()) count(task.agentId, -1);
      size -= one.entries.size;
      byFramework.delete(frameworkId);
    },
    frameworkIds: () => byFramework.keys(),
    size: (frameworkId) =>
      frameworkId === undefined ? size : (byFramework.get(frameworkId)?.entries.size ?? 0),
    onAgent,
  };
}
