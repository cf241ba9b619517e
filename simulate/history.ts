import { isSearch, PLAIN_APP } from './app-catalogue.ts';
import type { AppOrder } from './app-orders.ts';
import type {
  FrameworkSnapshot,
  SimulatedAgent,
  SimulatedApp,
  SimulatedFramework,
} from './cluster-snapshot.ts';
import type { Mutations } from './mutations.ts';
import type { Random } from './random.ts';
import { asKilling, asRunning, END_STATES, makeTaskIds, withStatus } from './task.ts';
import { DAY_SECONDS } from './time.ts';

type LaunchOptions = {
  readonly mutations: Mutations;
  readonly nowSeconds: number;
  readonly random: Random;
};

/** The month before: tasks mostly running, a few on their way in or out, some unhealthy, some restarted. */
export function launchOrders(
  orders: readonly AppOrder[],
  { mutations, nowSeconds, random }: LaunchOptions,
): void {
  let launched = 0;
  let checked = 0;
  // An app that was restarted: an instance that ended a day after it started, as the new one came.
  const endEarlier = (app: SimulatedApp, atSeconds: number) => {
    const { task } = mutations.startTask(app, { atSeconds: atSeconds - DAY_SECONDS });
    mutations.endTask(task.id, { atSeconds, state: random.pick(END_STATES) });
  };
  const launch = (app: SimulatedApp) => {
    const atSeconds = nowSeconds - random.fraction() * 30 * DAY_SECONDS;
    // `search` just starts: it is the one app to rely on.
    if (isSearch(app)) {
      mutations.startTask(app, { atSeconds });
      return;
    }
    launched++;
    if (launched % 20 === 7) endEarlier(app, atSeconds);
    const state = launched % 40 === 11 ? 'TASK_STAGING' : 'TASK_RUNNING';
    const { task } = mutations.startTask(app, { atSeconds, state });
    if (launched % 40 === 31) mutations.update(asKilling(task, nowSeconds));
    else if (task.statuses.at(-1)?.healthy === true && ++checked % 12 === 4) {
      mutations.setHealth(task.id, { atSeconds: nowSeconds, healthy: false });
    }
  };
  for (const { app, instances } of orders) {
    for (let instance = 0; instance < instances; instance++) launch(app);
  }
}

type RetireOptions = {
  readonly agents: readonly SimulatedAgent[];
  readonly nowSeconds: number;
  readonly random: Random;
};

/** A framework that left, with a task that ended with it: nothing of it may be found in DNS. */
export function retireFramework(
  framework: SimulatedFramework,
  { agents, nowSeconds, random }: RetireOptions,
): FrameworkSnapshot {
  const [agent] = agents;
  if (agent === undefined) throw new RangeError('a cluster has at least one agent');
  const app = { ...PLAIN_APP, id: 'driver', name: 'spark-driver', framework };
  const atSeconds = nowSeconds - 20 * DAY_SECONDS;
  const unregisteredSeconds = atSeconds + DAY_SECONDS;
  const ids = makeTaskIds(app, { instance: 0, atSeconds, random });
  const place = { agent, hostPorts: [], addresses: [] };
  const staged = { ...ids, ...place, app, instance: 0, state: 'TASK_STAGING', statuses: [] } as const;
  const end = { state: 'TASK_FINISHED', timestampSeconds: unregisteredSeconds, healthy: undefined } as const;
  const task = withStatus(asRunning(staged, atSeconds), end);
  const none = { tasks: [], unreachableTasks: [], connected: false };
  return { framework, ...none, completedTasks: [task], unregisteredSeconds };
}
