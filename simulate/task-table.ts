import type {
  FrameworkSnapshot,
  SimulatedApp,
  SimulatedFramework,
  SimulatedTask,
} from './cluster-snapshot.ts';
import type { Random } from './random.ts';

/** Mesos's own default of `--max_completed_tasks_per_framework`. */
const MAX_COMPLETED_TASKS = 1_000;

export type TaskTable = ReturnType<typeof createTaskTable>;

/**
 * The living tasks and the ended ones, with what it takes to find, pick, count and drop one at any size.
 * Unknown ids throw `RangeError`.
 */
export function createTaskTable(frameworks: readonly SimulatedFramework[]) {
  const tasks: SimulatedTask[] = [];
  const indexes = new Map<string, number>();
  const runningCounts = new Map<SimulatedApp, number>();
  const completed = new Map<SimulatedFramework, SimulatedTask[]>();
  const unreachable = new Map<string, SimulatedTask>();

  // Counted as tasks come, change and go: nobody walks all tasks to count those of one app.
  const count = (task: SimulatedTask, change: number) => {
    if (task.state !== 'TASK_RUNNING') return;
    runningCounts.set(task.app, (runningCounts.get(task.app) ?? 0) + change);
  };
  const find = (taskId: string): { readonly task: SimulatedTask; readonly index: number } => {
    const index = indexes.get(taskId) ?? -1;
    const task = tasks[index];
    if (task === undefined) throw new RangeError(`no task ${taskId} in this cluster`);
    return { task, index };
  };
  return {
    size: () => tasks.length,
    pick: (random: Random) => random.pick(tasks),
    all: (): readonly SimulatedTask[] => [...tasks],
    get: (taskId: string) => find(taskId).task,
    runningOf: (app: SimulatedApp) => runningCounts.get(app) ?? 0,
    add: (task: SimulatedTask) => {
      indexes.set(task.id, tasks.push(task) - 1);
      count(task, 1);
    },
    replace: (task: SimulatedTask) => {
      const { task: before, index } = find(task.id);
      tasks[index] = task;
      count(before, -1);
      count(task, 1);
    },
    remove: (taskId: string) => {
      const { task, index } = find(taskId);
      indexes.delete(taskId);
      const last = tasks.pop();
      // The last task takes the free place: a removal costs the same in any cluster.
      if (last !== undefined && last !== task) {
        tasks[index] = last;
        indexes.set(last.id, index);
      }
      count(task, -1);
    },
    complete: (task: SimulatedTask) => {
      const ended = completed.get(task.app.framework) ?? [];
      completed.set(task.app.framework, ended);
      ended.push(task);
      if (ended.length > MAX_COMPLETED_TASKS) ended.shift();
    },
    lose: (task: SimulatedTask) => unreachable.set(task.id, task),
    find: (task: SimulatedTask) => unreachable.delete(task.id),
    byFramework: (): readonly FrameworkSnapshot[] => {
      const living = Map.groupBy(tasks, (task) => task.app.framework);
      const lost = Map.groupBy(unreachable.values(), (task) => task.app.framework);
      return frameworks.map((framework) => ({
        framework,
        tasks: living.get(framework) ?? [],
        completedTasks: [...(completed.get(framework) ?? [])],
        unreachableTasks: lost.get(framework) ?? [],
        connected: true,
        unregisteredSeconds: undefined,
      }));
    },
  };
}
