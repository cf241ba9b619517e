import type { Watchers } from './cluster-event.ts';
import type { FrameworkSnapshot, SimulatedFramework } from './cluster-snapshot.ts';
import type { At, ClusterChange, Mutations } from './mutations.ts';
import type { Random } from './random.ts';
import type { TaskTable } from './task-table.ts';

/** How many things end at once, with and without a trace. Names no framework has throw `RangeError`. */
export type Mishaps = {
  /** Ends all tasks of a framework, which stays. Without evidence they are just not there any more. */
  readonly emptyFramework: (name: string, options: EmptyOptions) => readonly ClusterChange[];
  /** Takes this share of all tasks away without a trace, at random. */
  readonly vanish: (share: number) => readonly ClusterChange[];
  /** A framework leaves, its tasks killed: both are among the completed ones from then on. */
  readonly completeFramework: (name: string, at: At) => readonly ClusterChange[];
  /** A framework's scheduler goes away or comes back; its tasks run on. */
  readonly connectFramework: (name: string, isConnected: boolean) => void;
};
type EmptyOptions = At & { readonly evidence: boolean };

type MishapsOptions = {
  readonly frameworks: readonly SimulatedFramework[];
  readonly mutations: Mutations;
  readonly watchers: Watchers;
  readonly random: Random;
};

/** Which frameworks left, and what can go wrong. */
export function createMishaps(table: TaskTable, { frameworks, mutations, watchers, random }: MishapsOptions) {
  const away = new Set<SimulatedFramework>();
  const left = new Map<SimulatedFramework, number>();
  const find = (name: string): SimulatedFramework => {
    const framework = frameworks.find((each) => each.name === name && !left.has(each));
    if (framework === undefined) throw new RangeError(`no framework ${name} in this cluster`);
    return framework;
  };
  const tasksOf = (framework: SimulatedFramework) =>
    table.all().filter((task) => task.app.framework === framework);
  const mishaps: Mishaps = {
    emptyFramework: (name, { atSeconds, evidence }) =>
      tasksOf(find(name)).map(({ id }) =>
        evidence ? mutations.endTask(id, { atSeconds, state: 'TASK_KILLED' }) : mutations.vanishTask(id),
      ),
    vanish: (share) => {
      const tasks = [...table.all()];
      const count = Math.round(tasks.length * share);
      return Array.from({ length: count }, () => {
        const index = random.int(0, tasks.length - 1);
        const task = tasks[index];
        const last = tasks.pop();
        if (task === undefined || last === undefined) throw new RangeError(`no share of tasks is ${share}`);
        if (index < tasks.length) tasks[index] = last;
        return mutations.vanishTask(task.id);
      });
    },
    completeFramework: (name, { atSeconds }) => {
      const framework = find(name);
      const ended = tasksOf(framework).map(({ id }) =>
        mutations.endTask(id, { atSeconds, state: 'TASK_KILLED' }),
      );
      left.set(framework, atSeconds);
      watchers.tell({ kind: 'framework-removed', framework });
      return ended;
    },
    connectFramework: (name, isConnected) => {
      const framework = find(name);
      if (isConnected) away.delete(framework);
      else away.add(framework);
      watchers.tell({ kind: 'framework-updated', framework });
    },
  };
  return {
    mishaps,
    isHere: (framework: SimulatedFramework) => !left.has(framework),
    isConnected: (framework: SimulatedFramework) => !left.has(framework) && !away.has(framework),
    /** The frameworks that are here, and those that left. */
    sort: (all: readonly FrameworkSnapshot[]) => ({
      here: all
        .filter(({ framework }) => !left.has(framework))
        .map((each) => (away.has(each.framework) ? { ...each, connected: false } : each)),
      gone: all
        .filter(({ framework }) => left.has(framework))
        .map((each) => ({ ...each, connected: false, unregisteredSeconds: left.get(each.framework) })),
    }),
  };
}
