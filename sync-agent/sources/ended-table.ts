import type { Ended, EndedTask } from '../cluster.ts';
import { endedFrameworks } from './ended-frameworks.ts';
import type { EndedFacts } from './mesos-v0.ts';

/** What events said of tasks and frameworks that are gone, the newest of it. */
export type EndedTable = {
  readonly addTask: (frameworkId: string, task: EndedFacts) => void;
  /** The task is there after all: its agent came back. */
  readonly forgetTask: (frameworkId: string, taskId: string) => void;
  readonly addFramework: (id: string, name: string) => void;
  readonly forgetFramework: (id: string) => void;
  /** `nameOf` are the registered frameworks. Tasks of frameworks that nothing names are left out. */
  readonly ended: (nameOf: ReadonlyMap<string, string>) => Ended;
  /** One that goes its own way from here. */
  readonly copy: () => EndedTable;
};

/** As many as a master keeps of each framework (`--max_completed_tasks_per_framework`), and as we keep of a `/state`. */
const MAX_PER_FRAMEWORK = 1_000;
const MAX_TASKS = 100_000;
/** Masters keep 50. */
const MAX_FRAMEWORKS = 1_000;

type TasksOfOne = {
  /** In the order they ended. */
  readonly tasks: Map<string, EndedFacts>;
  /** Made of `tasks` under `name`; undefined since one came or went. */
  listed: { readonly name: string; readonly tasks: readonly EndedTask[] } | undefined;
};

export function createEndedTable(): EndedTable {
  const byFramework = new Map<string, TasksOfOne>();
  const completed = new Map<string, string>();
  let count = 0;

  const drop = (frameworkId: string, taskId: string): void => {
    const one = byFramework.get(frameworkId);
    if (!one?.tasks.delete(taskId)) return;
    count--;
    one.listed = undefined;
    if (one.tasks.size === 0) byFramework.delete(frameworkId);
  };
  const dropOldestOf = (frameworkId: string): void => {
    const oldest = byFramework.get(frameworkId)?.tasks.keys().next().value;
    if (oldest !== undefined) drop(frameworkId, oldest);
  };
  const listOf = (one: TasksOfOne, name: string): readonly EndedTask[] => {
    if (one.listed?.name !== name) {
      const tasks = [...one.tasks.values()].map((facts) => ({ ...facts, frameworkName: name }));
      one.listed = { name, tasks };
    }
    return one.listed.tasks;
  };

  const table: EndedTable = {
    addTask: (frameworkId, { id, agentId }) => {
      drop(frameworkId, id);
      const one = byFramework.get(frameworkId) ?? { tasks: new Map(), listed: undefined };
      if (one.tasks.size === MAX_PER_FRAMEWORK) dropOldestOf(frameworkId);
      else if (count === MAX_TASKS) dropOldestOf(byFramework.keys().next().value ?? '');
      byFramework.set(frameworkId, one);
      one.tasks.set(id, { id, agentId });
      one.listed = undefined;
      count++;
    },
    forgetTask: drop,
    addFramework: (id, name) => {
      completed.delete(id);
      if (completed.size === MAX_FRAMEWORKS) completed.delete(completed.keys().next().value ?? '');
      completed.set(id, name);
    },
    forgetFramework: (id) => void completed.delete(id),
    ended: (nameOf) => {
      const tasks: EndedTask[] = [];
      for (const [frameworkId, one] of byFramework) {
        const name = nameOf.get(frameworkId) ?? completed.get(frameworkId);
        if (name !== undefined) for (const task of listOf(one, name)) tasks.push(task);
      }
      return { tasks, ...endedFrameworks(completed, nameOf) };
    },
    copy: () => {
      const copy = createEndedTable();
      for (const [frameworkId, { tasks }] of byFramework) {
        for (const task of tasks.values()) copy.addTask(frameworkId, task);
      }
      for (const [id, name] of completed) copy.addFramework(id, name);
      return copy;
    },
  };
  return table;
}
