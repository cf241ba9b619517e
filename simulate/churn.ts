import { isSearch, SEARCH_INSTANCES } from './app-catalogue.ts';
import type { SimulatedApp, SimulatedFramework, SimulatedTask } from './cluster-snapshot.ts';
import type { At, ClusterChange, Mutations } from './mutations.ts';
import type { Random } from './random.ts';
import { asKilling, asRunning, END_STATES } from './task.ts';
import type { TaskTable } from './task-table.ts';

type Churn = (changes: number, at: At) => readonly ClusterChange[];
type ChurnOptions = {
  readonly mutations: Mutations;
  readonly apps: readonly SimulatedApp[];
  readonly isHere: (framework: SimulatedFramework) => boolean;
  /** How many tasks there are to be, about. */
  readonly taskCount: number;
  readonly random: Random;
};

/** Changes at random: tasks that start, end, move or fall ill. `search` keeps its instances. */
export function createChurn(
  table: TaskTable,
  { mutations, apps, isHere, taskCount, random }: ChurnOptions,
): Churn {
  const { startTask, endTask, moveTask, setHealth, update } = mutations;
  // One of a kind that runs already can't start again: one of these does in its place.
  const repeatable = apps.filter((app) => !app.single);
  const tenants = [...new Set(repeatable.map((app) => app.framework))];
  let here = { tenants: tenants.length, apps: repeatable };
  // Sorted out anew only when a framework left: there may be tens of thousands of apps.
  const repeatableHere = () => {
    const count = tenants.filter(isHere).length;
    if (count !== here.tenants) {
      here = { tenants: count, apps: repeatable.filter((app) => isHere(app.framework)) };
    }
    return here.apps;
  };

  const startAny = (at: At) => {
    const picked = random.pick(apps);
    const isTaken = (picked.single && table.runningOf(picked) > 0) || !isHere(picked.framework);
    const state = random.chance(0.15) ? 'TASK_STAGING' : 'TASK_RUNNING';
    return startTask(isTaken ? random.pick(repeatableHere()) : picked, {
      ...at,
      state,
    });
  };
  const endOne = (task: SimulatedTask, at: At): ClusterChange => {
    // `search` is moved in place of ended when it has none to spare.
    const isNeeded = isSearch(task.app) && table.runningOf(task.app) <= SEARCH_INSTANCES;
    if (isNeeded) return moveTask(task.id, at);
    if (random.chance(0.15)) return update(asKilling(task, at.atSeconds));
    return endTask(task.id, { ...at, state: random.pick(END_STATES) });
  };
  const changeOne = (at: At): ClusterChange => {
    if (table.size() === 0) return startAny(at);
    const task = table.pick(random);
    const roll = random.fraction();
    // What is on its way in or out gets there first.
    if (task.state === 'TASK_STAGING') return update(asRunning(task, at.atSeconds));
    if (task.state === 'TASK_KILLING') return endTask(task.id, { ...at, state: 'TASK_KILLED' });
    if (roll < 0.4) {
      // At the right size either way, otherwise back towards it.
      const isShort = table.size() === taskCount ? roll < 0.2 : table.size() < taskCount;
      return isShort ? startAny(at) : endOne(task, at);
    }
    if (roll < 0.55 && task.app.healthCheckPath !== undefined && !isSearch(task.app)) {
      return setHealth(task.id, { ...at, healthy: task.statuses.at(-1)?.healthy === false });
    }
    return moveTask(task.id, at);
  };
  return (changes, at) => Array.from({ length: changes }, () => changeOne(at));
}
