import { tellStarted, tellUpdated, type Watchers } from './cluster-event.ts';
import type { EndState, SimulatedApp, SimulatedTask } from './cluster-snapshot.ts';
import type { Placement } from './placement.ts';
import type { Random } from './random.ts';
import { asKilling, asRunning, makeTaskIds, withStatus } from './task.ts';
import type { TaskTable } from './task-table.ts';

type Started = { readonly kind: 'started'; readonly task: SimulatedTask };
/** Another state or health under the same id. */
type Updated = { readonly kind: 'updated'; readonly task: SimulatedTask };
type Ended = { readonly kind: 'ended'; readonly task: SimulatedTask };
/** No longer there, and nothing tells of it. */
type Vanished = { readonly kind: 'vanished'; readonly task: SimulatedTask };
type Moved = { readonly kind: 'moved'; readonly from: SimulatedTask; readonly to: SimulatedTask };
/** What happened to a task, with the task as it is afterwards. */
export type ClusterChange = Started | Updated | Ended | Moved | Vanished;

/** When it happens, in seconds since 1970. */
export type At = { readonly atSeconds: number };
type StartOptions = At & { readonly state?: 'TASK_STAGING' | 'TASK_RUNNING' };
type EndOptions = At & { readonly state?: EndState };
type HealthOptions = At & { readonly healthy: boolean };

/** What can happen to the tasks of a cluster. Unknown task ids throw `RangeError`. */
export type Mutations = {
  /** One more instance, running unless asked to stay in TASK_STAGING. */
  readonly startTask: (app: SimulatedApp, options: StartOptions) => Started;
  /** Moves a task to its framework's completed ones; TASK_FINISHED unless told otherwise. */
  readonly endTask: (taskId: string, options: EndOptions) => Ended;
  /** Takes a task away without a trace, as a master does that has not heard of it. */
  readonly vanishTask: (taskId: string) => Vanished;
  /** Restarts a task elsewhere: new id, new agent where there is another one, new ports. */
  readonly moveTask: (taskId: string, options: At) => Moved;
  /** Throws `RangeError` also for a task that isn't running. */
  readonly setHealth: (taskId: string, options: HealthOptions) => Updated;
  /** Tells a running task to stop: TASK_KILLING, until it is ended. Throws as `setHealth` does. */
  readonly killTask: (taskId: string, options: At) => Updated;
  /** Puts this task in the place of the one with its id. */
  readonly update: (task: SimulatedTask) => Updated;
};

type MutationsOptions = {
  readonly placement: Placement;
  readonly watchers: Watchers;
  readonly random: Random;
};
type Launch = StartOptions & { readonly instance: number; readonly avoid?: SimulatedTask };

/** Keeps the tasks in the table, their places and what is told of them in agreement. */
export function createMutations(
  table: TaskTable,
  { placement, watchers, random }: MutationsOptions,
): Mutations {
  const launch = (app: SimulatedApp, { atSeconds, instance, avoid, state }: Launch): SimulatedTask => {
    const ids = makeTaskIds(app, { instance, atSeconds, random });
    const place = placement.place(app, avoid);
    const staged = { ...ids, ...place, app, instance, state: 'TASK_STAGING', statuses: [] } as const;
    const task = state === 'TASK_STAGING' ? staged : asRunning(staged, atSeconds);
    table.add(task);
    tellStarted(watchers, task);
    return task;
  };
  const update = (task: SimulatedTask): Updated => {
    const before = table.get(task.id);
    table.replace(task);
    tellUpdated(watchers, before, task);
    return { kind: 'updated', task };
  };
  const running = (taskId: string): SimulatedTask => {
    const task = table.get(taskId);
    if (task.state !== 'TASK_RUNNING') throw new RangeError(`task ${taskId} is not running`);
    return task;
  };
  const endTask = (taskId: string, { atSeconds, state = 'TASK_FINISHED' }: EndOptions): Ended => {
    const before = table.get(taskId);
    const task = withStatus(before, { state, timestampSeconds: atSeconds, healthy: undefined });
    table.remove(taskId);
    placement.release(task);
    table.complete(task);
    tellUpdated(watchers, before, task);
    return { kind: 'ended', task };
  };
  return {
    startTask: (app, options) => {
      const instance = app.single ? 0 : table.runningOf(app);
      return { kind: 'started', task: launch(app, { ...options, instance }) };
    },
    endTask,
    vanishTask: (taskId) => {
      const task = table.get(taskId);
      table.remove(taskId);
      placement.release(task);
      return { kind: 'vanished', task };
    },
    moveTask: (taskId, { atSeconds }) => {
      const avoid = table.get(taskId);
      // The new one first, so that it can't get the place of the old one.
      const to = launch(avoid.app, { atSeconds, instance: avoid.instance, avoid });
      return { kind: 'moved', from: endTask(taskId, { atSeconds, state: 'TASK_KILLED' }).task, to };
    },
    setHealth: (taskId, { atSeconds, healthy }) => {
      const task = running(taskId);
      return update(withStatus(task, { state: task.state, timestampSeconds: atSeconds, healthy }));
    },
    killTask: (taskId, { atSeconds }) => update(asKilling(running(taskId), atSeconds)),
    update,
  };
}
