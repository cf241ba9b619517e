import { type AgentMishaps, createAgentMishaps } from './agent-mishaps.ts';
import { makeAgents, TASKS_PER_AGENT } from './agents.ts';
import { orderApps } from './app-orders.ts';
import { createChurn } from './churn.ts';
import { createWatchers, type Watchers } from './cluster-event.ts';
import type {
  ClusterSnapshot,
  SimulatedAgent,
  SimulatedApp,
  SimulatedFramework,
} from './cluster-snapshot.ts';
import { FRAMEWORK_PLANS, makeFramework, RETIRED_FRAMEWORK } from './framework-catalogue.ts';
import { launchOrders, retireFramework } from './history.ts';
import { type At, type ClusterChange, createMutations, type Mutations } from './mutations.ts';
import { createMishaps, type Mishaps } from './mishaps.ts';
import { createPlacement } from './placement.ts';
import { createRandom } from './random.ts';
import { createTaskTable } from './task-table.ts';
import { DAY_SECONDS } from './time.ts';

/** What `up` and `simulate` make unless told otherwise. */
export const DEFAULT_AGENTS = 12;
export const DEFAULT_TASKS = 120;
/** When a cluster is made unless told otherwise: a fixed time, so that a seed alone fixes every byte. */
const DEFAULT_NOW_SECONDS = 1_750_000_000;
const UPTIME_SECONDS = 40 * DAY_SECONDS;
/** Above this an agent could run out of host ports. */
const MAX_TASKS_PER_AGENT = 5_000;

/**
 * A Mesos cluster made of nothing. The same options and the same calls give the same cluster, ids included;
 * there is no clock inside, every mutation is told the time in seconds since 1970.
 */
export type SimulatedCluster = Pick<
  Mutations,
  'startTask' | 'endTask' | 'moveTask' | 'setHealth' | 'killTask'
> &
  Mishaps &
  AgentMishaps &
  Pick<Watchers, 'watch'> & {
    readonly seed: number;
    readonly agents: readonly SimulatedAgent[];
    readonly frameworks: readonly SimulatedFramework[];
    /** All that may run, `search` of Marathon first; some may have no task at the moment. */
    readonly apps: readonly SimulatedApp[];
    readonly snapshot: () => ClusterSnapshot;
    /** Is this framework's scheduler there? */
    readonly isConnected: (framework: SimulatedFramework) => boolean;
    /**
     * That many random changes of the kinds above, keeping the number of tasks about what it was at first.
     * `search` never falls below three running instances by it.
     */
    readonly churn: (changes: number, at: At) => readonly ClusterChange[];
  };

export type ClusterOptions = {
  readonly seed: number;
  /** By default one for 40 tasks, 12 at least. */
  readonly agents?: number;
  readonly tasks?: number;
  /** When the cluster is as described: its tasks started in the month before. */
  readonly nowSeconds?: number;
};

/**
 * Makes a cluster of nine frameworks. Whatever seed and size, Marathon runs an app `search` on host ports,
 * three times at least if there are three tasks, so that `search.marathon.mesos` can be asked. Throws
 * `RangeError` for sizes that no cluster has.
 */
export function createCluster(options: ClusterOptions): SimulatedCluster {
  const { seed, tasks: taskCount = DEFAULT_TASKS, nowSeconds = DEFAULT_NOW_SECONDS } = options;
  const agentCount = options.agents ?? Math.max(DEFAULT_AGENTS, Math.ceil(taskCount / TASKS_PER_AGENT));
  checkSizes(agentCount, taskCount);
  const random = createRandom(seed);
  const birth = { masterId: random.uuid(), startedSeconds: nowSeconds - UPTIME_SECONDS, random };
  const agents = makeAgents({ ...birth, count: agentCount, tasksPerAgent: taskCount / agentCount });
  const tenants = FRAMEWORK_PLANS.map((plan, index) => ({
    plan,
    framework: makeFramework(plan, { ...birth, index }),
  }));
  const frameworks = tenants.map((tenant) => tenant.framework);
  const orders = orderApps(tenants, { taskCount, random });
  const apps = orders.map((order) => order.app);
  const table = createTaskTable(frameworks);
  const watchers = createWatchers();
  const placement = createPlacement(agents, random);
  const mutations = createMutations(table, { placement, watchers, random });
  launchOrders(orders, { mutations, nowSeconds, random });
  const parts = { frameworks, mutations, watchers, random };
  const { mishaps, isHere, isConnected, sort } = createMishaps(table, parts);
  const { agentMishaps, present } = createAgentMishaps(table, { agents, placement, isHere, watchers });
  const retired = makeFramework(RETIRED_FRAMEWORK, { ...birth, index: frameworks.length });
  const retiredFramework = retireFramework(retired, { agents, nowSeconds, random });
  return {
    seed,
    agents,
    frameworks,
    apps,
    startTask: mutations.startTask,
    endTask: mutations.endTask,
    moveTask: mutations.moveTask,
    setHealth: mutations.setHealth,
    killTask: mutations.killTask,
    ...mishaps,
    ...agentMishaps,
    isConnected,
    watch: watchers.watch,
    churn: createChurn(table, { mutations, apps, isHere, taskCount, random }),
    snapshot: () => {
      const { here, gone } = sort(table.byFramework());
      return {
        startedSeconds: birth.startedSeconds,
        ...present(),
        frameworks: here,
        completedFrameworks: [retiredFramework, ...gone],
        recoveredAgents: [],
      };
    },
  };
}

/** Throws for what no cluster is, before anything of it is made. */
function checkSizes(agentCount: number, taskCount: number): void {
  const whole = Number.isSafeInteger(agentCount) && Number.isSafeInteger(taskCount);
  if (!whole || agentCount < 1 || taskCount < 0) {
    throw new RangeError(`a cluster has at least one agent, not ${agentCount} with ${taskCount} tasks`);
  }
  if (taskCount > agentCount * MAX_TASKS_PER_AGENT) {
    const needed = Math.ceil(taskCount / MAX_TASKS_PER_AGENT);
    throw new RangeError(`${taskCount} tasks need at least ${needed} agents, not ${agentCount}`);
  }
}
