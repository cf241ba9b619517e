import { createRandom, type Random } from './random.ts';

export const DEFAULT_AGENTS = 12;
export const DEFAULT_TASKS = 120;
const TASKS_PER_AGENT = 40;
/** Above this an agent could run out of host ports. */
const MAX_TASKS_PER_AGENT = 5_000;
/** Mesos's own default of `--max_completed_tasks_per_framework`. */
const MAX_COMPLETED_TASKS = 1_000;
/** When a cluster is made unless told otherwise: a fixed time, so that a seed alone fixes every byte. */
const DEFAULT_NOW_SECONDS = 1_750_000_000;
const DAY_SECONDS = 86_400;
const UPTIME_SECONDS = 40 * DAY_SECONDS;
/** Instances of the `search` app that churn leaves alone. */
const SEARCH_INSTANCES = 3;

export type Label = { readonly key: string; readonly value: string };

export type SimulatedAgent = {
  /** `<uuid>-S<n>`, as the master numbers them. */
  readonly id: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly region: string;
  readonly zone: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly registeredSeconds: number;
  readonly cpus: number;
  readonly memMiB: number;
  readonly diskMiB: number;
  /** Host ports on offer, both ends included. */
  readonly portRanges: readonly (readonly [number, number])[];
};

export type SimulatedFramework = {
  /** `<uuid>-000<n>`. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'marathon' | 'aurora' | 'chronos' | 'sdk' | 'jenkins' | 'metronome';
  /** `scheduler-<uuid>@ip:port`; undefined for a scheduler on the HTTP API, which has no PID. */
  readonly pid: string | undefined;
  readonly hostname: string;
  readonly webuiUrl: string;
  readonly role: string;
  readonly principal: string;
  readonly capabilities: readonly string[];
  readonly registeredSeconds: number;
};

export type AppPort = {
  readonly name: string | undefined;
  /** As the scheduler wrote it: Aurora writes `TCP`. Undefined means both, to mesos-dns. */
  readonly protocol: string | undefined;
  readonly containerPort: number;
};

export type AppDiscovery = {
  readonly name: string | undefined;
  readonly visibility: 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';
  readonly environment?: string;
  readonly location?: string;
  readonly labels: readonly Label[];
};

/** What a framework was asked to run: everything that its tasks share. */
export type SimulatedApp = {
  /** As its framework knows it: `/prod/web` in Marathon, `role/env/job` in Aurora. */
  readonly id: string;
  readonly framework: SimulatedFramework;
  /** The name of its tasks in Mesos: `web.prod`. */
  readonly name: string;
  /** The host's own addresses, Docker's bridge with host ports, or an address for each container. */
  readonly network: 'host' | 'bridge' | 'container';
  readonly dualStack: boolean;
  readonly ports: readonly AppPort[];
  readonly discovery: AppDiscovery | undefined;
  readonly labels: readonly Label[];
  readonly healthCheckPath: string | undefined;
  readonly image: string | undefined;
  /** Runs once, such as a Kafka broker or a job. */
  readonly single: boolean;
  readonly cpus: number;
  readonly memMiB: number;
  readonly diskMiB: number;
};

export type EndState = 'TASK_FINISHED' | 'TASK_FAILED' | 'TASK_KILLED';
export type TaskState = 'TASK_STAGING' | 'TASK_STARTING' | 'TASK_RUNNING' | 'TASK_KILLING' | EndState;

export type SimulatedStatus = {
  readonly state: TaskState;
  readonly timestampSeconds: number;
  /** Undefined where nothing checks the task. */
  readonly healthy: boolean | undefined;
};

/** A task as it is now. Never changed in place: a mutation puts another in its place. */
export type SimulatedTask = {
  readonly id: string;
  readonly app: SimulatedApp;
  readonly agent: SimulatedAgent;
  /** Which of its app's instances (Aurora's shard); a restart keeps it. */
  readonly instance: number;
  /** Empty for the command executor. */
  readonly executorId: string;
  readonly containerId: string;
  readonly hostPorts: readonly number[];
  /** What the container reports as its addresses; empty if the executor reports none. */
  readonly addresses: readonly string[];
  readonly state: TaskState;
  /** Oldest first. */
  readonly statuses: readonly SimulatedStatus[];
};

export type FrameworkSnapshot = {
  readonly framework: SimulatedFramework;
  readonly tasks: readonly SimulatedTask[];
  readonly completedTasks: readonly SimulatedTask[];
  /** When it left; undefined while it is here. */
  readonly unregisteredSeconds: number | undefined;
};

/** The cluster at one instant; later mutations don't show in it, so it can be written out at leisure. */
export type ClusterSnapshot = {
  readonly startedSeconds: number;
  readonly agents: readonly SimulatedAgent[];
  readonly frameworks: readonly FrameworkSnapshot[];
  readonly completedFrameworks: readonly FrameworkSnapshot[];
};

export type ClusterChange =
  | { readonly kind: 'started'; readonly task: SimulatedTask }
  /** Another state or health under the same id. */
  | { readonly kind: 'updated'; readonly task: SimulatedTask }
  | { readonly kind: 'ended'; readonly task: SimulatedTask }
  | { readonly kind: 'moved'; readonly from: SimulatedTask; readonly to: SimulatedTask };

/**
 * A Mesos cluster made of nothing. The same options and the same calls give the same cluster, ids included;
 * there is no clock inside, every mutation is told the time in seconds since 1970. Unknown task ids throw
 * `RangeError`.
 */
export type SimulatedCluster = {
  readonly seed: number;
  readonly agents: readonly SimulatedAgent[];
  readonly frameworks: readonly SimulatedFramework[];
  /** All that may run, `search` of Marathon first; some may have no task at the moment. */
  readonly apps: readonly SimulatedApp[];
  readonly snapshot: () => ClusterSnapshot;
  /** One more instance, running unless asked to stay in TASK_STAGING. */
  readonly startTask: (app: SimulatedApp, options: StartOptions) => ClusterChange & { kind: 'started' };
  /** Moves a task to its framework's completed ones; TASK_FINISHED unless told otherwise. */
  readonly endTask: (taskId: string, options: EndOptions) => ClusterChange & { kind: 'ended' };
  /** Restarts a task elsewhere: new id, new agent where there is another one, new ports. */
  readonly moveTask: (taskId: string, options: At) => ClusterChange & { kind: 'moved' };
  readonly setHealth: (taskId: string, options: HealthOptions) => ClusterChange & { kind: 'updated' };
  /**
   * That many random changes of the kinds above, keeping the number of tasks about what it was at first.
   * `search` never falls below three running instances by it.
   */
  readonly churn: (changes: number, options: At) => readonly ClusterChange[];
};

export type At = { readonly atSeconds: number };
export type StartOptions = At & { readonly state?: 'TASK_STAGING' | 'TASK_RUNNING' };
export type EndOptions = At & { readonly state?: EndState };
export type HealthOptions = At & { readonly healthy: boolean };

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
  const birth: Birth = { masterId: random.uuid(), startedSeconds: nowSeconds - UPTIME_SECONDS, random };
  const agents = makeAgents(birth, { count: agentCount, tasksPerAgent: taskCount / agentCount });
  const tenants = PLANS.map((plan, index) => ({ plan, framework: makeFramework(birth, { plan, index }) }));
  const frameworks = tenants.map((tenant) => tenant.framework);
  const orders = orderApps(tenants, { taskCount, random });
  const apps = orders.map((order) => order.app);
  const table = createTaskTable(frameworks);
  const mutations = createMutations(table, { placement: createPlacement(agents, random), random });
  launchOrders(orders, { mutations, nowSeconds, random });
  const completedFrameworks = agents
    .slice(0, 1)
    .map((agent) => retiredFramework(birth, { agent, nowSeconds }));
  return {
    seed,
    agents,
    frameworks,
    apps,
    startTask: mutations.startTask,
    endTask: mutations.endTask,
    moveTask: mutations.moveTask,
    setHealth: mutations.setHealth,
    churn: createChurn(table, { mutations, apps, taskCount, random }),
    snapshot: () => ({
      startedSeconds: birth.startedSeconds,
      agents,
      frameworks: table.byFramework(),
      completedFrameworks,
    }),
  };
}

type Birth = { readonly masterId: string; readonly startedSeconds: number; readonly random: Random };
/** An app, and how many instances of it run at first. */
type Order = { readonly app: SimulatedApp; readonly instances: number };
type TaskTable = ReturnType<typeof createTaskTable>;
type Placement = ReturnType<typeof createPlacement>;
type Mutations = ReturnType<typeof createMutations>;

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

/** The living tasks and the ended ones, with what it takes to find, pick, count and drop one at any size. */
function createTaskTable(frameworks: readonly SimulatedFramework[]) {
  const tasks: SimulatedTask[] = [];
  const indexes = new Map<string, number>();
  const runningCounts = new Map<SimulatedApp, number>();
  const completed = new Map<SimulatedFramework, SimulatedTask[]>();

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
    byFramework: (): readonly FrameworkSnapshot[] => {
      const living = new Map<SimulatedFramework, SimulatedTask[]>(frameworks.map((each) => [each, []]));
      for (const task of tasks) living.get(task.app.framework)?.push(task);
      return frameworks.map((framework) => ({
        framework,
        tasks: living.get(framework) ?? [],
        completedTasks: [...(completed.get(framework) ?? [])],
        unregisteredSeconds: undefined,
      }));
    },
  };
}

/** Where tasks go: agents in turn for the instances of an app, host ports that are free, fresh addresses. */
function createPlacement(agents: readonly SimulatedAgent[], random: Random) {
  const rooms = agents.map((agent) => ({ agent, usedPorts: new Set<number>(), bridged: 0 }));
  const roomOf = new Map(rooms.map((room) => [room.agent, room]));
  const turns = new Map<SimulatedApp, number>();
  let containers = 0;

  const takePort = (agent: SimulatedAgent, taken: ReadonlySet<number>, avoid: readonly number[]) => {
    const size = agent.portRanges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    const start = random.int(0, size - 1);
    for (let step = 0; step < size; step++) {
      const port = portAt(agent.portRanges, (start + step) % size);
      if (!taken.has(port) && !avoid.includes(port)) return port;
    }
    throw new RangeError(`agent ${agent.id} has no free port`);
  };
  const addressesOf = (app: SimulatedApp, agent: SimulatedAgent, bridged: number): readonly string[] => {
    if (app.network === 'bridge') return [bridgeAddress(bridged)];
    // Some executors report no address at all: readers must fall back to the agent's.
    if (app.network === 'host') return SILENT_KINDS.has(app.framework.kind) ? [] : [agent.ip];
    containers++;
    return app.dualStack
      ? [containerAddress(containers), containerAddress6(containers)]
      : [containerAddress(containers)];
  };
  return {
    /** `avoid` is the task that the new one replaces. */
    place: (app: SimulatedApp, avoid: SimulatedTask | undefined) => {
      let turn = turns.get(app) ?? random.int(0, rooms.length - 1);
      if (agents[turn % agents.length] === avoid?.agent) turn++;
      turns.set(app, turn + 1);
      const room = rooms[turn % rooms.length];
      if (room === undefined) throw new RangeError('a cluster has at least one agent');
      const { agent, usedPorts } = room;
      const hostPorts =
        app.network === 'container'
          ? []
          : app.ports.map(() => {
              const port = takePort(agent, usedPorts, avoid?.hostPorts ?? []);
              usedPorts.add(port);
              return port;
            });
      return { agent, hostPorts, addresses: addressesOf(app, agent, room.bridged++) };
    },
    release: (task: SimulatedTask) => {
      for (const port of task.hostPorts) roomOf.get(task.agent)?.usedPorts.delete(port);
    },
  };
}

function createMutations(
  table: TaskTable,
  parts: { readonly placement: Placement; readonly random: Random },
) {
  const { placement, random } = parts;
  type Launch = StartOptions & { readonly instance: number; readonly avoid?: SimulatedTask };

  const launch = (app: SimulatedApp, { atSeconds, instance, avoid, state }: Launch): SimulatedTask => {
    const id = taskIdOf(app, { uuid: random.uuid(), instance, atSeconds });
    const containerId = random.uuid();
    const executorId = executorIdOf(app, { taskId: id, containerId });
    const placed = placement.place(app, avoid);
    const staged = {
      id,
      app,
      instance,
      executorId,
      containerId,
      ...placed,
      state: 'TASK_STAGING',
      statuses: [],
    } as const;
    const task = state === 'TASK_STAGING' ? staged : asRunning(staged, atSeconds);
    table.add(task);
    return task;
  };
  /** The same task in another state or health. */
  const update = (task: SimulatedTask) => {
    table.replace(task);
    return { kind: 'updated', task } as const;
  };
  const startTask = (app: SimulatedApp, { atSeconds, state = 'TASK_RUNNING' }: StartOptions) => {
    const instance = app.single ? 0 : table.runningOf(app);
    return { kind: 'started', task: launch(app, { atSeconds, instance, state }) } as const;
  };
  const endTask = (taskId: string, { atSeconds, state = 'TASK_FINISHED' }: EndOptions) => {
    const task = withStatus(table.get(taskId), { state, timestampSeconds: atSeconds, healthy: undefined });
    table.remove(taskId);
    placement.release(task);
    table.complete(task);
    return { kind: 'ended', task } as const;
  };
  const moveTask = (taskId: string, { atSeconds }: At) => {
    const avoid = table.get(taskId);
    const to = launch(avoid.app, { atSeconds, instance: avoid.instance, avoid });
    return { kind: 'moved', from: endTask(taskId, { atSeconds, state: 'TASK_KILLED' }).task, to } as const;
  };
  const setHealth = (taskId: string, { atSeconds, healthy }: HealthOptions) => {
    const task = table.get(taskId);
    if (task.state !== 'TASK_RUNNING') throw new RangeError(`task ${taskId} is not running`);
    return update(withStatus(task, { state: task.state, timestampSeconds: atSeconds, healthy }));
  };
  return { startTask, endTask, moveTask, setHealth, update };
}

type ChurnParts = {
  readonly mutations: Mutations;
  readonly apps: readonly SimulatedApp[];
  readonly taskCount: number;
  readonly random: Random;
};

function createChurn(table: TaskTable, { mutations, apps, taskCount, random }: ChurnParts) {
  const { startTask, endTask, moveTask, setHealth, update } = mutations;
  const manifold = apps.filter((app) => !app.single);
  const isSpare = (task: SimulatedTask) =>
    !isSearch(task.app) || table.runningOf(task.app) > SEARCH_INSTANCES;

  const startAny = (at: At) => {
    const picked = random.pick(apps);
    const isTaken = picked.single && table.runningOf(picked) > 0;
    const state = random.chance(0.15) ? 'TASK_STAGING' : 'TASK_RUNNING';
    return startTask(isTaken ? random.pick(manifold) : picked, { ...at, state });
  };
  const endOne = (task: SimulatedTask, at: At): ClusterChange => {
    if (!isSpare(task)) return moveTask(task.id, at);
    if (random.chance(0.15)) return update(asKilling(task, at.atSeconds));
    return endTask(task.id, { ...at, state: random.pick(END_STATES) });
  };
  const churnOnce = (at: At): ClusterChange => {
    if (table.size() === 0) return startAny(at);
    const task = table.pick(random);
    const roll = random.fraction();
    if (task.state === 'TASK_STAGING') return update(asRunning(task, at.atSeconds));
    if (task.state === 'TASK_KILLING') return endTask(task.id, { ...at, state: 'TASK_KILLED' });
    if (roll < 0.4) {
      const few = table.size() === taskCount ? roll < 0.2 : table.size() < taskCount;
      return few ? startAny(at) : endOne(task, at);
    }
    if (roll < 0.55 && task.app.healthCheckPath !== undefined && !isSearch(task.app)) {
      return setHealth(task.id, { ...at, healthy: task.statuses.at(-1)?.healthy === false });
    }
    return moveTask(task.id, at);
  };
  return (changes: number, at: At): readonly ClusterChange[] =>
    Array.from({ length: changes }, () => churnOnce(at));
}

/** The first tasks: mostly running, a few on their way in or out, a few unhealthy, some restarted before. */
function launchOrders(orders: readonly Order[], { mutations, nowSeconds, random }: LaunchParts): void {
  let launched = 0;
  let checked = 0;
  for (const { app, instances } of orders) {
    for (let instance = 0; instance < instances; instance++) {
      const atSeconds = nowSeconds - random.fraction() * 30 * DAY_SECONDS;
      const odd = isSearch(app) ? 0 : ++launched;
      if (odd % 20 === 7) endEarlier(app, atSeconds);
      const state = odd % 40 === 11 ? 'TASK_STAGING' : 'TASK_RUNNING';
      const { task } = mutations.startTask(app, { atSeconds, state });
      if (odd % 40 === 31) mutations.update(asKilling(task, nowSeconds));
      else if (odd > 0 && task.statuses.at(-1)?.healthy === true && ++checked % 12 === 4) {
        mutations.setHealth(task.id, { atSeconds: nowSeconds, healthy: false });
      }
    }
  }
  function endEarlier(app: SimulatedApp, atSeconds: number) {
    const { task } = mutations.startTask(app, { atSeconds: atSeconds - DAY_SECONDS });
    mutations.endTask(task.id, { atSeconds, state: random.pick(END_STATES) });
  }
}

type LaunchParts = {
  readonly mutations: Mutations;
  readonly nowSeconds: number;
  readonly random: Random;
};

function withStatus(task: SimulatedTask, status: SimulatedStatus): SimulatedTask {
  // A repeated state takes the place of the last status (apache/mesos src/master/master.cpp).
  const kept = task.statuses.at(-1)?.state === status.state ? task.statuses.slice(0, -1) : task.statuses;
  return {
    ...task,
    state: status.state,
    statuses: [...kept, { ...status, timestampSeconds: micro(status.timestampSeconds) }],
  };
}

function asRunning(task: SimulatedTask, atSeconds: number): SimulatedTask {
  const healthy = task.app.healthCheckPath === undefined ? undefined : true;
  const before = { state: 'TASK_STARTING', timestampSeconds: atSeconds - 0.25, healthy: undefined } as const;
  return withStatus(withStatus(task, before), {
    state: 'TASK_RUNNING',
    timestampSeconds: atSeconds,
    healthy,
  });
}

function asKilling(task: SimulatedTask, atSeconds: number): SimulatedTask {
  return withStatus(task, { state: 'TASK_KILLING', timestampSeconds: atSeconds, healthy: undefined });
}

function isSearch(app: SimulatedApp): boolean {
  return app.framework.name === 'marathon' && app.id === '/search';
}

const END_STATES = ['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED'] as const;
const SILENT_KINDS: ReadonlySet<SimulatedFramework['kind']> = new Set(['chronos', 'jenkins']);

type TaskIdParts = { readonly uuid: string; readonly instance: number; readonly atSeconds: number };

/** A new task's id in the form its framework gives. */
function taskIdOf(app: SimulatedApp, { uuid, instance, atSeconds }: TaskIdParts): string {
  const startedMs = Math.round(atSeconds * 1_000);
  switch (app.framework.kind) {
    case 'marathon':
      return `${app.id.slice(1).replaceAll('/', '_')}.${uuid}`;
    case 'aurora':
      return `${startedMs}-${app.id.replaceAll('/', '-')}-${instance}-${uuid}`;
    case 'chronos':
      return `ct:${startedMs}:0:${app.id}:${uuid}`;
    case 'sdk':
      return `${app.id}__${uuid}`;
    case 'jenkins':
      return `${app.id}-${uuid.replaceAll('-', '')}`;
    case 'metronome':
      return `${app.id.replaceAll('.', '_')}.${uuid}`;
  }
}

function executorIdOf(
  app: SimulatedApp,
  ids: { readonly taskId: string; readonly containerId: string },
): string {
  if (app.framework.kind === 'aurora') return `thermos-${ids.taskId}`;
  return app.framework.kind === 'sdk' ? `${app.id}__${ids.containerId}` : '';
}

function portAt(ranges: SimulatedAgent['portRanges'], index: number): number {
  let left = index;
  for (const [first, last] of ranges) {
    if (left <= last - first) return first + left;
    left -= last - first + 1;
  }
  throw new RangeError(`no port ${index} in these ranges`);
}

function agentAddress(index: number): string {
  return `10.${32 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`;
}

/** From Docker's own bridge: the same on every agent, and of no use outside it. */
function bridgeAddress(index: number): string {
  return `172.17.${Math.floor(index / 250) % 250}.${(index % 250) + 2}`;
}

function containerAddress(index: number): string {
  return `10.${64 + (Math.floor(index / 62_500) % 64)}.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`;
}

function containerAddress6(index: number): string {
  return `fd01::${((index >>> 16) + 1).toString(16)}:${(index & 0xffff).toString(16)}`;
}

/** To the microsecond, as Mesos has it. */
function micro(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

const FULL_PORTS = [
  [1025, 2180],
  [2182, 3887],
  [3889, 5049],
  [5052, 8079],
  [8082, 8180],
  [8182, 32000],
] as const;

type AgentsParts = { readonly count: number; readonly tasksPerAgent: number };

function makeAgents(birth: Birth, { count, tasksPerAgent }: AgentsParts): readonly SimulatedAgent[] {
  const { masterId, startedSeconds, random } = birth;
  // More tasks than usual find larger machines.
  const size = Math.max(1, Math.ceil(tasksPerAgent / 60));
  return Array.from({ length: count }, (_, index) => {
    const ip = agentAddress(index);
    return {
      id: `${masterId}-S${index}`,
      hostname: index % 4 === 3 ? `ip-${ip.replaceAll('.', '-')}.sim.internal` : ip,
      ip,
      port: 5051,
      region: 'sim/west-1',
      zone: `sim/west-1${'abc'.charAt(index % 3)}`,
      attributes: index % 10 === 9 ? { public_ip: 'true' } : {},
      registeredSeconds: micro(startedSeconds + 10 + random.fraction() * 600),
      cpus: random.pick([32, 48, 64]) * size,
      memMiB: 257_000 * size,
      diskMiB: 1_900_000 * size,
      portRanges: tasksPerAgent > 2 * TASKS_PER_AGENT ? FULL_PORTS : [[31_000, 32_000]],
    };
  });
}

type Sketch = Omit<SimulatedApp, 'framework'>;
type Plan = Pick<SimulatedFramework, 'name' | 'kind' | 'role'> & {
  /** Of all tasks; Marathon takes what the others leave. */
  readonly share: number;
  /** A scheduler with a PID listens here. */
  readonly port: number | undefined;
  readonly sketch: (index: number, random: Random) => Sketch;
};

const PLANS: readonly Plan[] = [
  { name: 'marathon', kind: 'marathon', role: 'slave_public', share: 0, port: 15_101, sketch: marathonApp },
  { name: 'Aurora', kind: 'aurora', role: 'aurora', share: 0.15, port: undefined, sketch: auroraJob },
  { name: 'chronos', kind: 'chronos', role: '*', share: 0.05, port: 4_400, sketch: chronosJob },
  { name: 'kafka', kind: 'sdk', role: 'kafka-role', share: 0.03, port: 15_301, sketch: kafkaBroker },
  { name: 'marathon-user', kind: 'marathon', role: 'user', share: 0.18, port: 15_201, sketch: groupedApp },
  {
    name: 'cassandra',
    kind: 'sdk',
    role: 'cassandra-role',
    share: 0.03,
    port: 15_401,
    sketch: cassandraNode,
  },
  { name: 'hdfs', kind: 'sdk', role: 'hdfs-role', share: 0.02, port: 15_501, sketch: hdfsNode },
  { name: 'jenkins', kind: 'jenkins', role: '*', share: 0.03, port: 15_601, sketch: jenkinsBuild },
  { name: 'metronome', kind: 'metronome', role: '*', share: 0.03, port: 15_701, sketch: metronomeRun },
];

type FrameworkParts = { readonly plan: Plan; readonly index: number };

function makeFramework(birth: Birth, { plan, index }: FrameworkParts): SimulatedFramework {
  const ip = `10.0.0.${10 + index}`;
  const { name, kind, role, port } = plan;
  return {
    id: `${birth.masterId}-${String(index).padStart(4, '0')}`,
    name,
    kind,
    pid: port === undefined ? undefined : `scheduler-${birth.random.uuid()}@${ip}:${port}`,
    hostname: kind === 'sdk' ? `${name}-scheduler.sim.internal` : ip,
    webuiUrl: kind === 'sdk' ? '' : `http://${ip}:${port ?? 8_081}`,
    role,
    principal: `${name.toLowerCase()}-principal`,
    capabilities: ['TASK_KILLING_STATE', 'PARTITION_AWARE'],
    registeredSeconds: micro(birth.startedSeconds + 5 + index + birth.random.fraction()),
  };
}

type RetiredParts = { readonly agent: SimulatedAgent; readonly nowSeconds: number };

/** A framework that left, with a task that ended with it: nothing of it may be found in DNS. */
function retiredFramework(birth: Birth, { agent, nowSeconds }: RetiredParts): FrameworkSnapshot {
  const name = 'spark';
  const plan: Plan = { name, kind: 'jenkins', role: '*', share: 0, port: 15_801, sketch: jenkinsBuild };
  const framework = makeFramework(birth, { plan, index: PLANS.length });
  const app = { ...PLAIN, id: 'driver', name: 'spark-driver', framework };
  const atSeconds = nowSeconds - 20 * DAY_SECONDS;
  const ids = { id: taskIdOf(app, { uuid: birth.random.uuid(), instance: 0, atSeconds }), executorId: '' };
  const place = { agent, hostPorts: [], addresses: [], containerId: birth.random.uuid() };
  const staged = { ...ids, ...place, app, instance: 0, state: 'TASK_STAGING', statuses: [] } as const;
  const unregisteredSeconds = atSeconds + DAY_SECONDS;
  const end = { state: 'TASK_FINISHED', timestampSeconds: unregisteredSeconds, healthy: undefined } as const;
  const task = withStatus(asRunning(staged, atSeconds), end);
  return { framework, tasks: [], completedTasks: [task], unregisteredSeconds };
}

type Tenant = { readonly plan: Plan; readonly framework: SimulatedFramework };
type OrderParts = { readonly taskCount: number; readonly random: Random };

/** Apps and their instances until the tasks are spent: `search` first, and an app at least a framework. */
function orderApps(tenants: readonly Tenant[], { taskCount, random }: OrderParts): readonly Order[] {
  const others = PLANS.reduce((sum, plan) => sum + Math.floor(plan.share * taskCount), 0);
  const most = Math.min(Math.max(Math.floor(taskCount / 20), 6), 200);
  return tenants.flatMap(({ plan, framework }) => {
    let left = plan.share === 0 ? taskCount - others : Math.floor(plan.share * taskCount);
    const orders: Order[] = [];
    do {
      const app = { ...plan.sketch(orders.length, random), framework };
      const instances = Math.min(left, instancesOf(app, { index: orders.length, most, random }));
      orders.push({ app, instances });
      left -= instances;
    } while (left > 0);
    return orders;
  });
}

type InstanceParts = { readonly index: number; readonly most: number; readonly random: Random };

/** Most apps have a few instances, some have many; the first of each framework has three. */
function instancesOf(app: SimulatedApp, { index, most, random }: InstanceParts): number {
  if (app.single) return 1;
  if (isSearch(app)) return Math.min(Math.max(Math.ceil(most / 2), SEARCH_INSTANCES), 40);
  if (index === 0) return 3;
  return random.chance(0.03) ? random.int(1, most) : random.int(1, 5);
}

const PLAIN: Omit<Sketch, 'id' | 'name'> = {
  network: 'host',
  dualStack: false,
  ports: [],
  discovery: undefined,
  labels: [],
  healthCheckPath: undefined,
  image: undefined,
  single: false,
  cpus: 0.1,
  memMiB: 128,
  diskMiB: 0,
};
const SUBJECTS = [
  'billing',
  'orders',
  'media',
  'geo',
  'mail',
  'fraud',
  'cart',
  'session',
  'profile',
  'search-index',
];
const PARTS = ['api', 'web', 'worker', 'cache', 'gateway', 'feed', 'sync', 'admin', 'store'];
const ENVIRONMENTS = ['prod', 'staging', 'devel'] as const;
const ROLES = ['www-data', 'ads', 'platform', 'mobile'] as const;
const CONTAINER_PORTS = [80, 8080, 9000, 3000, 5432] as const;
/** Longer than a label of the DNS may be. */
const LONG_SUFFIX = '-with-a-name-which-is-longer-than-one-label-of-the-domain-name-system';

/** Another name for each index, the same whatever the seed: names are what examples are written with. */
function serviceName(index: number): string {
  const round = Math.floor(index / (SUBJECTS.length * PARTS.length));
  const subject = SUBJECTS[index % SUBJECTS.length] ?? '';
  const part = PARTS[Math.floor(index / SUBJECTS.length) % PARTS.length] ?? '';
  return `${subject}-${part}${round === 0 ? '' : `-${round + 1}`}`;
}

/** One to three ports, one mostly. */
function somePorts(random: Random): readonly AppPort[] {
  const count = random.pick([1, 1, 1, 1, 1, 2, 2, 3]);
  const named = random.chance(0.5);
  return ['http', 'admin', 'metrics'].slice(0, count).map((name, index) => ({
    name: named ? name : undefined,
    protocol: random.chance(0.04) ? undefined : random.pick(['tcp', 'tcp', 'tcp', 'tcp', 'udp']),
    containerPort: index === 0 ? random.pick(CONTAINER_PORTS) : 10_000 + index,
  }));
}

/** What Marathon's apps differ in: network, ports, image, health check. */
function marathonBody(index: number, random: Random): Omit<Sketch, 'id' | 'name'> {
  const network = index % 5 === 2 ? 'bridge' : index % 5 === 4 ? 'container' : 'host';
  return {
    ...PLAIN,
    network,
    dualStack: index % 10 === 4,
    ports: index % 6 === 5 ? [] : somePorts(random),
    image:
      network === 'bridge' || random.chance(0.2)
        ? `registry.sim/app-${index}:1.${random.int(0, 40)}`
        : undefined,
    labels: random.chance(0.5) ? [{ key: 'team', value: random.pick(ROLES) }] : [],
    healthCheckPath: index % 3 === 0 ? '/health' : undefined,
    cpus: random.pick([0.1, 0.25, 0.5, 1]),
    memMiB: random.pick([64, 128, 512, 1024]),
  };
}

function marathonApp(index: number, random: Random): Sketch {
  const port = { name: undefined, protocol: 'tcp', containerPort: 8080 };
  const search = {
    ...PLAIN,
    ports: [port],
    healthCheckPath: '/health',
    labels: [{ key: 'team', value: 'search' }],
  };
  if (index === 0) return { ...search, id: '/search', name: 'search', cpus: 0.5, memMiB: 512 };
  const name = `${serviceName(index)}${index % 40 === 39 ? LONG_SUFFIX : ''}`;
  const body = marathonBody(index, random);
  const visibility = random.pick(['FRAMEWORK', 'FRAMEWORK', 'CLUSTER', 'EXTERNAL'] as const);
  const discovered = body.network === 'container' || random.chance(0.2);
  const discovery = { name: index % 9 === 4 ? undefined : name, visibility, labels: [] };
  return { ...body, id: `/${name}`, name, discovery: discovered ? discovery : undefined };
}

/** Marathon's groups turn round in names: the app `/prod/web` has tasks `web.prod`. */
function groupedApp(index: number, random: Random): Sketch {
  const environment = ENVIRONMENTS[index % 3] ?? 'prod';
  const groups = index % 4 === 3 ? [environment, 'shop'] : [environment];
  const path = [...groups, index === 0 ? 'web' : serviceName(index)];
  const name = path.toReversed().join('.');
  const discovery = { name, visibility: 'FRAMEWORK', labels: [] } as const;
  const isDiscovered = index % 2 === 0;
  return {
    ...marathonBody(index, random),
    id: `/${path.join('/')}`,
    name,
    discovery: isDiscovered ? discovery : undefined,
  };
}

/** As Aurora's `MesosTaskFactory` writes them: task `role/env/job`, DiscoveryInfo `job.env.role`. */
function auroraJob(index: number, random: Random): Sketch {
  const role = ROLES[index % ROLES.length] ?? 'www-data';
  const environment = ENVIRONMENTS[index % 3] ?? 'prod';
  const service = serviceName(index);
  const job = index === 0 ? 'hello' : index % 5 === 2 ? service.replaceAll('-', '_') : service;
  const id = `${role}/${environment}/${job}`;
  const tier = random.pick(['preferred', 'preemptible']);
  const ports = ['http', 'admin'].slice(0, random.pick([1, 1, 2]));
  return {
    ...PLAIN,
    id,
    name: id,
    ports: ports.map((name) => ({ name, protocol: 'TCP', containerPort: 0 })),
    labels: [{ key: 'org.apache.aurora.tier', value: tier }],
    discovery: {
      name: `${job}.${environment}.${role}`,
      visibility: 'CLUSTER',
      environment,
      location: 'sim',
      labels: [],
    },
  };
}

function chronosJob(index: number): Sketch {
  const job = index % 5 === 4 ? `Nightly Report ${index}` : `${serviceName(index)}-job`;
  return { ...PLAIN, id: job.replaceAll(' ', '_'), name: `ChronosTask:${job}`, single: true };
}

function kafkaBroker(index: number): Sketch {
  const vip = { key: 'VIP_0', value: 'broker:9092' };
  const ports = [{ name: 'broker', protocol: 'tcp', containerPort: 9092 }];
  return {
    ...sdkPod(`broker-${index}`, ports),
    discovery: { name: `broker-${index}`, visibility: 'EXTERNAL', labels: [vip] },
  };
}

function cassandraNode(index: number): Sketch {
  const ports = ['native-client', 'jmx'].map((name) => ({ name, protocol: 'tcp', containerPort: 9042 }));
  return sdkPod(`node-${index}-server`, ports);
}

function hdfsNode(index: number): Sketch {
  const name = index < 2 ? `name-${index}-node` : `data-${index - 2}-node`;
  return sdkPod(name, [{ name: 'rpc', protocol: 'tcp', containerPort: 9001 }]);
}

/** A task of a stateful framework built on dcos-commons: one of a kind, by name. */
function sdkPod(name: string, ports: readonly AppPort[]): Sketch {
  const discovery = { name, visibility: 'CLUSTER', labels: [] } as const;
  return {
    ...PLAIN,
    id: name,
    name,
    single: true,
    ports,
    discovery,
    cpus: 1,
    memMiB: 4_096,
    diskMiB: 10_240,
  };
}

function jenkinsBuild(index: number): Sketch {
  return { ...PLAIN, id: `mesos-jenkins-${index}`, name: `task mesos-jenkins-${index}`, single: true };
}

function metronomeRun(index: number): Sketch {
  const job = `report-${index}.${ENVIRONMENTS[index % 3] ?? 'prod'}`;
  return { ...PLAIN, id: job, name: `2025060112${String(index % 60).padStart(2, '0')}.${job}`, single: true };
}
