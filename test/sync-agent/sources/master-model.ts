import fc from 'fast-check';

/**
 * A Mesos master as far as records go, written from its source and not from ours: one cluster that it tells as a
 * `/state`, as a GET_STATE, and as the events between.
 */
export type ModelStatus = {
  readonly state: string;
  readonly timestamp: number;
  readonly netinfo: readonly string[];
  readonly docker: readonly string[];
  readonly healthy: boolean | undefined;
};
type ModelPort = { readonly name?: string; readonly number: number; readonly protocol?: string };
type ModelTask = {
  readonly id: string;
  readonly name: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly ports: readonly (readonly [number, number])[];
  readonly discovery: { readonly name: string; readonly ports: readonly ModelPort[] } | undefined;
  state: string;
  statuses: ModelStatus[];
};
type ModelAgent = { readonly id: string; readonly ip: string; port: number; draining: boolean };
type ModelFramework = {
  readonly id: string;
  readonly name: string;
  pid: string | undefined;
  hostname: string;
};

type Step =
  | { readonly do: 'agent'; readonly agent: number }
  | { readonly do: 'lose-agent'; readonly agent: number; readonly how: 'removed' | 'unreachable' }
  | { readonly do: 'drain-agent'; readonly agent: number }
  | {
      readonly do: 'framework';
      readonly framework: number;
      readonly pid: number | undefined;
      readonly hostname: string;
    }
  | { readonly do: 'end-framework'; readonly framework: number }
  | {
      readonly do: 'task';
      readonly framework: number;
      readonly agent: number;
      readonly name: string;
      readonly ports: readonly (readonly [number, number])[];
      readonly discovery: ModelTask['discovery'];
    }
  | {
      readonly do: 'status';
      readonly task: number;
      readonly state: string;
      readonly lags: boolean;
      readonly status: Omit<ModelStatus, 'state'>;
    }
  | { readonly do: 'heartbeat' | 'unknown' | 'resubscribe' };

const STATES = [
  'TASK_RUNNING',
  'TASK_RUNNING',
  'TASK_RUNNING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_RUNNING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_LOST',
];
const TERMINAL = new Set(['TASK_FINISHED', 'TASK_LOST', 'TASK_KILLED']);

const name = fc.constantFrom('web', 'Web_1', 'größe.db', 'a/b/c');
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd01::1', '', 'not an address');
const port = fc.integer({ min: 31_000, max: 31_006 });
const number = fc.nat({ max: 2 });
const status = fc.record({
  timestamp: fc.integer({ min: 1, max: 6 }),
  netinfo: fc.array(address, { maxLength: 2 }),
  docker: fc.array(address, { maxLength: 1 }),
  healthy: fc.constantFrom(undefined, true, false),
});
const discovery = fc.record({
  name: fc.constantFrom('', 'api', 'Api_V2', 'größe'),
  ports: fc.array(
    fc.record(
      { number: port, name: fc.constantFrom('http', 'ADMIN'), protocol: fc.constantFrom('tcp', 'UDP') },
      { requiredKeys: ['number'] },
    ),
    { maxLength: 2 },
  ),
});

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('agent' as const), agent: number }) },
    fc.record({
      do: fc.constant('lose-agent' as const),
      agent: number,
      how: fc.constantFrom('removed' as const, 'unreachable' as const),
    }),
    fc.record({ do: fc.constant('drain-agent' as const), agent: number }),
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('framework' as const),
        framework: number,
        pid: fc.option(port, { nil: undefined }),
        hostname: fc.constantFrom('', '192.0.2.7', 'scheduler.example'),
      }),
    },
    fc.record({ do: fc.constant('end-framework' as const), framework: number }),
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('task' as const),
        framework: number,
        agent: number,
        name,
        ports: fc.array(
          fc.tuple(port, fc.nat({ max: 2 })).map(([begin, more]) => [begin, begin + more] as const),
          { maxLength: 2 },
        ),
        discovery: fc.option(discovery, { nil: undefined }),
      }),
    },
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('status' as const),
        task: fc.nat({ max: 6 }),
        state: fc.constantFrom(...STATES),
        lags: fc.boolean(),
        status,
      }),
    },
    fc.record({ do: fc.constantFrom('heartbeat' as const, 'unknown' as const, 'resubscribe' as const) }),
  ),
  { minLength: 20, maxLength: 60 },
);

export type MasterModel = {
  /** Does one step; gives the events that a master sends then. */
  readonly step: (step: Step) => readonly object[];
  readonly subscribed: () => object;
  readonly getState: () => object;
  readonly getAgents: () => object;
  /** `/state`, and what of it `/state-summary` has too. */
  readonly state: () => object;
  /** Tasks that the stream told the end of. */
  readonly endedTasks: () => readonly string[];
};

export function createMasterModel(): MasterModel {
  const agents = new Map<number, ModelAgent>();
  const frameworks = new Map<number, ModelFramework>();
  let tasks: ModelTask[] = [];
  let unreachable: ModelTask[] = [];
  const completed: ModelTask[] = [];
  const completedFrameworks: ModelFramework[] = [];
  /** Unreachable until their framework ended. */
  const endedUnseen: string[] = [];
  let made = 0;

  const update = (task: ModelTask, state: string, entry: ModelStatus, reason?: string): object => {
    task.state = state;
    if (task.statuses.at(-1)?.state === entry.state) task.statuses.pop();
    task.statuses.push(entry);
    if (TERMINAL.has(state)) {
      tasks = tasks.filter((each) => each !== task);
      completed.push(task);
    }
    const status = {
      task_id: { value: task.id },
      agent_id: { value: task.agentId },
      uuid: 'AAAA',
      ...statusV1(entry),
      ...(reason && { reason }),
    };
    return {
      type: 'TASK_UPDATED',
      task_updated: { framework_id: { value: task.frameworkId }, status, state },
    };
  };
  const own = (state: string): ModelStatus => ({
    state,
    timestamp: 9,
    netinfo: [],
    docker: [],
    healthy: undefined,
  });

  const step: MasterModel['step'] = (step) => {
    switch (step.do) {
      case 'agent': {
        if (agents.has(step.agent)) return [];
        const agent = {
          id: `m-S${step.agent}`,
          ip: `10.1.0.${step.agent}`,
          port: 5051 + (made++ % 2),
          draining: false,
        };
        agents.set(step.agent, agent);
        const back = unreachable.filter((task) => task.agentId === agent.id);
        unreachable = unreachable.filter((task) => task.agentId !== agent.id);
        for (const task of back) task.state = 'TASK_RUNNING';
        tasks.push(...back);
        const added = back.map((task) => ({ type: 'TASK_ADDED', task_added: { task: taskV1(task) } }));
        const event = { agent_added: { agent: agentV1(agent) }, type: 'AGENT_ADDED' };
        return made % 2 === 0 ? [event, ...added] : [...added, event];
      }
      case 'lose-agent': {
        const agent = agents.get(step.agent);
        if (!agent) return [];
        agents.delete(step.agent);
        const state = step.how === 'removed' ? 'TASK_LOST' : 'TASK_UNREACHABLE';
        const lost = tasks.filter((task) => task.agentId === agent.id);
        const events = lost.map((task) => update(task, state, own(state), 'REASON_AGENT_REMOVED'));
        tasks = tasks.filter((task) => task.agentId !== agent.id);
        if (step.how === 'unreachable') unreachable.push(...lost);
        // As in `__removeSlave`: no event for an agent that is unreachable.
        return step.how === 'unreachable'
          ? events
          : [...events, { type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: agent.id } } }];
      }
      case 'drain-agent': {
        const agent = agents.get(step.agent);
        if (agent) agent.draining = true;
        return [];
      }
      case 'framework': {
        const { pid, hostname } = step;
        const facts = { pid: pid === undefined ? undefined : `scheduler(1)@192.0.2.1:${pid}`, hostname };
        const known = frameworks.get(step.framework);
        const framework = known ?? {
          id: `m-000${step.framework}-${made++}`,
          name: nameOf(step.framework),
          ...facts,
        };
        Object.assign(framework, facts);
        frameworks.set(step.framework, framework);
        const body = { framework: frameworkV1(framework) };
        return [
          known
            ? { type: 'FRAMEWORK_UPDATED', framework_updated: body }
            : { type: 'FRAMEWORK_ADDED', framework_added: body },
        ];
      }
      case 'end-framework': {
        const framework = frameworks.get(step.framework);
        if (!framework) return [];
        frameworks.delete(step.framework);
        completedFrameworks.push(framework);
        const killed = tasks
          .filter((task) => task.frameworkId === framework.id)
          .map((task) => update(task, 'TASK_KILLED', own('TASK_KILLED')));
        for (const task of unreachable) if (task.frameworkId === framework.id) endedUnseen.push(task.id);
        unreachable = unreachable.filter((task) => task.frameworkId !== framework.id);
        return [
          ...killed,
          {
            type: 'FRAMEWORK_REMOVED',
            framework_removed: { framework_info: frameworkV1(framework).framework_info },
          },
        ];
      }
      case 'task': {
        const framework = frameworks.get(step.framework);
        const agent = agents.get(step.agent);
        if (!framework || !agent) return [];
        const { name, ports, discovery } = step;
        const task: ModelTask = {
          id: `t${made++}`,
          name,
          frameworkId: framework.id,
          agentId: agent.id,
          ports,
          discovery,
          state: 'TASK_STAGING',
          statuses: [],
        };
        tasks.push(task);
        return [{ type: 'TASK_ADDED', task_added: { task: taskV1(task) } }];
      }
      case 'status': {
        const task = tasks[step.task];
        if (!task) return [];
        const lagging = step.lags ? (task.statuses.at(-1)?.state ?? 'TASK_STARTING') : step.state;
        return [update(task, step.state, { ...step.status, state: lagging })];
      }
      case 'heartbeat':
        return [{ type: 'HEARTBEAT' }];
      case 'unknown':
        return [{ type: 'SOMETHING_NEW', something_new: { deep: [[{ of: 'größe' }]] } }];
      case 'resubscribe':
        return [model.subscribed()];
    }
  };

  const getState = (): object => ({
    get_tasks: {
      ...notEmpty('tasks', tasks.map(taskV1)),
      ...notEmpty('unreachable_tasks', unreachable.map(taskV1)),
      ...notEmpty('completed_tasks', completed.map(taskV1)),
    },
    get_executors: { executors: [{ agent_id: { value: 'm-S0' } }] },
    get_frameworks: {
      ...notEmpty('frameworks', [...frameworks.values()].map(frameworkV1)),
      ...notEmpty('completed_frameworks', completedFrameworks.map(frameworkV1)),
    },
    get_agents: notEmpty('agents', [...agents.values()].map(agentV1)),
  });
  const model: MasterModel = {
    step,
    subscribed: () => ({
      subscribed: { get_state: getState(), heartbeat_interval_seconds: 15 },
      type: 'SUBSCRIBED',
    }),
    getState: () => ({ type: 'GET_STATE', get_state: getState() }),
    getAgents: () => ({ type: 'GET_AGENTS', get_agents: { agents: [...agents.values()].map(agentV1) } }),
    state: () => ({
      leader: 'master@10.9.9.9:5050',
      slaves: [...agents.values()].map(agentV0),
      frameworks: [...frameworks.values()].map((framework) => ({
        id: framework.id,
        name: framework.name,
        ...(framework.pid !== undefined && { pid: framework.pid }),
        hostname: framework.hostname,
        tasks: tasks.filter((task) => task.frameworkId === framework.id).map(taskV0),
        unreachable_tasks: unreachable.filter((task) => task.frameworkId === framework.id).map(taskV0),
      })),
    }),
    endedTasks: () => [...completed.map(({ id }) => id), ...endedUnseen],
  };
  return model;
}

function nameOf(framework: number): string {
  return ['marathon', 'marathon', 'größe', ''][framework] ?? '';
}

/** Protobuf leaves empty lists out. */
function notEmpty(key: string, list: readonly unknown[]): object {
  return list.length === 0 ? {} : { [key]: list };
}

function agentV0({ id, ip, port, draining }: ModelAgent): object {
  return { id, hostname: ip, port, pid: `slave(1)@${ip}:${port}`, ...drainFields(draining) };
}

function agentV1({ id, ip, port, draining }: ModelAgent): object {
  return {
    agent_info: { hostname: ip, id: { value: id }, port, resources: [] },
    pid: `slave(1)@${ip}:${port}`,
    registered_time: { nanoseconds: 1_521_177_809_922_170_000 },
    ...drainFields(draining),
  };
}

function drainFields(draining: boolean): object {
  return { active: !draining, ...(draining && { deactivated: true, drain_info: { state: 'DRAINING' } }) };
}

function frameworkV1({ id, name, hostname }: ModelFramework): { readonly framework_info: object } {
  const info = { name, id: { value: id }, roles: ['*'], ...(hostname !== '' && { hostname }) };
  return { framework_info: info, ...{ active: true, connected: true, recovered: false } };
}

function taskV0(task: ModelTask): object {
  return {
    id: task.id,
    name: task.name,
    framework_id: task.frameworkId,
    executor_id: '',
    slave_id: task.agentId,
    state: task.state,
    // Ranges of one name are added up.
    resources: { cpus: 1, ...(task.ports.length > 0 && { ports: `[${sum(task.ports).join(', ')}]` }) },
    statuses: task.statuses.map(({ state, timestamp, netinfo, docker, healthy }) => ({
      state,
      timestamp,
      labels: docker.map((value) => ({ key: 'Docker.NetworkSettings.IPAddress', value })),
      container_status: { network_infos: [{ ip_addresses: netinfo.map((ip_address) => ({ ip_address })) }] },
      ...(healthy !== undefined && { healthy }),
    })),
    ...(task.discovery && { discovery: discoveryJson(task.discovery) }),
  };
}

function sum(ports: ModelTask['ports']): string[] {
  const numbers = [
    ...new Set(ports.flatMap(([begin, end]) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i))),
  ];
  const sorted = numbers.toSorted((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const each of sorted) {
    const last = ranges.at(-1);
    if (last && last[1] === each - 1) last[1] = each;
    else ranges.push([each, each]);
  }
  return ranges.map(([begin, end]) => `${begin}-${end}`);
}

function taskV1(task: ModelTask): object {
  return {
    statuses: task.statuses.map(statusV1),
    name: task.name,
    task_id: { value: task.id },
    framework_id: { value: task.frameworkId },
    agent_id: { value: task.agentId },
    state: task.state,
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } },
      // One resource a role: the same name several times.
      ...task.ports.map(([begin, end], i) => ({
        name: 'ports',
        type: 'RANGES',
        ranges: { range: [{ begin, end }] },
        role: `r${i}`,
      })),
    ],
    ...(task.discovery && { discovery: discoveryJson(task.discovery) }),
  };
}

function statusV1({ state, timestamp, netinfo, docker, healthy }: ModelStatus): object {
  return {
    state,
    timestamp,
    labels:
      docker.length === 0
        ? {}
        : { labels: docker.map((value) => ({ key: 'Docker.NetworkSettings.IPAddress', value })) },
    container_status: {
      network_infos: [{ ip_addresses: netinfo.map((ip_address) => ({ protocol: 'IPv4', ip_address })) }],
    },
    ...(healthy !== undefined && { healthy }),
  };
}

/** The same in both: protobuf as JSON. */
function discoveryJson({ name, ports }: NonNullable<ModelTask['discovery']>): object {
  return { visibility: 'FRAMEWORK', name, ports: notEmpty('ports', ports) };
}
