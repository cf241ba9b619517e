import type {
  AppPort,
  ClusterSnapshot,
  FrameworkSnapshot,
  SimulatedAgent,
  SimulatedFramework,
  SimulatedStatus,
  SimulatedTask,
} from './cluster.ts';

/** The release whose words these are: 1.9 (apache/mesos `src/master/readonly_handler.cpp`, `common/http.cpp`). */
export const MESOS_BUILD = {
  version: '1.9.0',
  git_tag: '1.9.0',
  build_date: '2019-08-22 04:40:44',
  build_time: 1_566_448_844,
  build_user: 'simulated',
};

/** A master, by where it listens. */
export type MasterAddress = {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly hostname: string;
};

/** The master that answers. Only a leader writes a state, so it is the state's `leader` too. */
export type StateMaster = MasterAddress & { readonly electedSeconds: number };

/** What `/state` says, as one object. Keys that Mesos leaves out are undefined, as JSON leaves them out. */
export type StateDocument = ReturnType<typeof stateOf>;

/** About this much text is handed on at once: enough to be quick, too little to be felt in memory. */
const CHUNK_LENGTH = 65_536;
const NOTHING: Used = { cpus: 0, memMiB: 0, diskMiB: 0, ports: [] };

/** The whole state as an object: for small clusters and for tests. */
export function stateOf(snapshot: ClusterSnapshot, master: StateMaster) {
  const used = usedBy(snapshot);
  const frameworkOf = (each: FrameworkSnapshot) => ({
    ...frameworkFields(each, used),
    tasks: each.tasks.map(taskFields),
    unreachable_tasks: [],
    completed_tasks: each.completedTasks.map(taskFields),
    offers: [],
    executors: [],
  });
  return {
    ...masterFields(snapshot, master),
    slaves: snapshot.agents.map((agent) => agentFields(agent, used)),
    recovered_slaves: [],
    frameworks: snapshot.frameworks.map(frameworkOf),
    completed_frameworks: snapshot.completedFrameworks.map(frameworkOf),
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

/** The same state as JSON in pieces, so that a state of 90 MB is never one string. */
export function* stateChunks(snapshot: ClusterSnapshot, master: StateMaster): Generator<string, void> {
  let chunk = '';
  for (const piece of statePieces(snapshot, master)) {
    chunk += piece;
    if (chunk.length < CHUNK_LENGTH) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}

function* statePieces(snapshot: ClusterSnapshot, master: StateMaster): Generator<string, void> {
  const used = usedBy(snapshot);
  yield withoutEnd(masterFields(snapshot, master));
  yield ',"slaves":';
  yield* listPieces(snapshot.agents, (agent) => agentFields(agent, used));
  yield ',"recovered_slaves":[]';
  yield ',"frameworks":';
  yield* frameworksPieces(snapshot.frameworks, used);
  yield ',"completed_frameworks":';
  yield* frameworksPieces(snapshot.completedFrameworks, used);
  yield ',"orphan_tasks":[],"unregistered_frameworks":[]}';
}

function* frameworksPieces(frameworks: readonly FrameworkSnapshot[], used: UsedBy): Generator<string, void> {
  let separator = '[';
  for (const each of frameworks) {
    yield separator + withoutEnd(frameworkFields(each, used));
    yield ',"tasks":';
    yield* listPieces(each.tasks, taskFields);
    yield ',"unreachable_tasks":[],"completed_tasks":';
    yield* listPieces(each.completedTasks, taskFields);
    yield ',"offers":[],"executors":[]}';
    separator = ',';
  }
  yield separator === '[' ? '[]' : ']';
}

function* listPieces<T>(list: readonly T[], fieldsOf: (each: T) => object): Generator<string, void> {
  let separator = '[';
  for (const each of list) {
    yield separator + JSON.stringify(fieldsOf(each));
    separator = ',';
  }
  yield separator === '[' ? '[]' : ']';
}

/** An object's JSON without its last brace, for more keys to follow. */
function withoutEnd(fields: object): string {
  return JSON.stringify(fields).slice(0, -1);
}

/** `host:port`, with an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function masterFields(snapshot: ClusterSnapshot, master: StateMaster) {
  const { id, port, hostname } = master;
  const pid = `master@${authority(master.ip, port)}`;
  return {
    ...MESOS_BUILD,
    start_time: snapshot.startedSeconds,
    elected_time: master.electedSeconds,
    id,
    pid,
    hostname,
    capabilities: ['AGENT_UPDATE', 'AGENT_DRAINING', 'QUOTA_V2'],
    activated_slaves: snapshot.agents.length,
    deactivated_slaves: 0,
    unreachable_slaves: 0,
    leader: pid,
    leader_info: { id, pid, port, hostname },
    cluster: 'simulated',
    flags: {
      authenticate_http_readonly: 'false',
      cluster: 'simulated',
      port: String(port),
      registry: 'in_memory',
    },
  };
}

function agentFields(agent: SimulatedAgent, used: UsedBy) {
  const { cpus, memMiB, diskMiB, region, zone } = agent;
  const ports = `[${agent.portRanges.map(([first, last]) => `${first}-${last}`).join(', ')}]`;
  const resources = { ...resourceFields({ cpus, memMiB, diskMiB, ports: [] }), ports };
  return {
    id: agent.id,
    hostname: agent.hostname,
    port: agent.port,
    attributes: agent.attributes,
    domain: { fault_domain: { region: { name: region }, zone: { name: zone } } },
    pid: `slave(1)@${authority(agent.ip, agent.port)}`,
    registered_time: agent.registeredSeconds,
    resources,
    used_resources: resourceFields(used.get(agent) ?? NOTHING),
    offered_resources: resourceFields(NOTHING),
    reserved_resources: {},
    unreserved_resources: resources,
    active: true,
    deactivated: false,
    version: MESOS_BUILD.version,
    capabilities: ['MULTI_ROLE', 'HIERARCHICAL_ROLE', 'RESERVATION_REFINEMENT', 'AGENT_DRAINING'],
  };
}

function frameworkFields({ framework, unregisteredSeconds }: FrameworkSnapshot, used: UsedBy) {
  const isHere = unregisteredSeconds === undefined;
  const resources = resourceFields(used.get(framework) ?? NOTHING);
  return {
    id: framework.id,
    name: framework.name,
    pid: framework.pid,
    used_resources: resources,
    offered_resources: resourceFields(NOTHING),
    capabilities: framework.capabilities,
    hostname: framework.hostname,
    webui_url: framework.webuiUrl,
    active: isHere,
    connected: isHere,
    recovered: false,
    user: 'root',
    failover_timeout: 604_800,
    checkpoint: true,
    registered_time: framework.registeredSeconds,
    unregistered_time: unregisteredSeconds ?? 0,
    principal: framework.principal,
    resources,
    role: framework.role,
  };
}

function taskFields(task: SimulatedTask) {
  const { app } = task;
  const { cpus, memMiB, diskMiB } = app;
  return {
    id: task.id,
    name: app.name,
    framework_id: app.framework.id,
    executor_id: task.executorId,
    slave_id: task.agent.id,
    state: task.state,
    resources: resourceFields({ cpus, memMiB, diskMiB, ports: task.hostPorts }),
    role: app.framework.role,
    statuses: task.statuses.map((status) => statusFields(status, task)),
    // A plain list here; in `discovery` an object around the list (raw protobuf).
    labels: app.labels.length === 0 ? undefined : app.labels,
    discovery: discoveryFields(task),
    container: containerFields(task),
    health_check: healthCheckFields(task),
  };
}

function statusFields(status: SimulatedStatus, task: SimulatedTask) {
  const isUp = status.state === 'TASK_RUNNING' || status.state === 'TASK_KILLING';
  const [address] = task.addresses;
  const isBridged = isUp && task.app.network === 'bridge';
  return {
    state: status.state,
    timestamp: status.timestampSeconds,
    labels: isBridged ? [{ key: 'Docker.NetworkSettings.IPAddress', value: address }] : undefined,
    container_status: isUp && address !== undefined ? containerStatusFields(task) : undefined,
    healthy: status.healthy,
  };
}

function containerStatusFields(task: SimulatedTask) {
  const ip_addresses = task.addresses.map((ip_address) => ({
    protocol: ip_address.includes(':') ? 'IPv6' : 'IPv4',
    ip_address,
  }));
  const name = task.app.network === 'container' ? 'overlay' : undefined;
  return { container_id: { value: task.containerId }, network_infos: [{ ip_addresses, name }] };
}

function discoveryFields(task: SimulatedTask) {
  const { discovery, ports } = task.app;
  if (discovery === undefined) return undefined;
  const { visibility, name, environment, location, labels } = discovery;
  const numbered = ports.map((port, index) => ({
    number: portNumber(task, { port, index }),
    name: port.name,
    protocol: port.protocol,
  }));
  return {
    visibility,
    name,
    environment,
    location,
    ports: numbered.length === 0 ? {} : { ports: numbered },
    labels: labels.length === 0 ? undefined : { labels },
  };
}

type PortParts = { readonly port: AppPort; readonly index: number };

/** Where a port is reached: on the host, or in a container that has an address of its own. */
function portNumber(task: SimulatedTask, { port, index }: PortParts): number {
  return task.hostPorts[index] ?? port.containerPort;
}

function containerFields(task: SimulatedTask) {
  const { network, image, ports } = task.app;
  if (network === 'container') {
    const docker = { type: 'DOCKER', docker: { name: image }, cached: true };
    // What was asked for, not what was given: addresses stand in the statuses alone.
    const network_infos = [{ ip_addresses: [{ protocol: 'IPv4' }], name: 'overlay', labels: {} }];
    return { type: 'MESOS', mesos: image === undefined ? {} : { image: docker }, network_infos };
  }
  if (image === undefined) return undefined;
  if (network === 'host') return { type: 'DOCKER', docker: { image, network: 'HOST', privileged: false } };
  const port_mappings = ports.map((port, index) => ({
    host_port: portNumber(task, { port, index }),
    container_port: port.containerPort,
    protocol: port.protocol ?? 'tcp',
  }));
  return { type: 'DOCKER', docker: { image, network: 'BRIDGE', port_mappings, privileged: false } };
}

function healthCheckFields(task: SimulatedTask) {
  const { healthCheckPath: path, ports } = task.app;
  const [port] = ports;
  if (path === undefined || port === undefined) return undefined;
  const http = { scheme: 'http', port: portNumber(task, { port, index: 0 }), path };
  return { type: 'HTTP', interval_seconds: 10, timeout_seconds: 20, consecutive_failures: 3, http };
}

type Used = {
  readonly cpus: number;
  readonly memMiB: number;
  readonly diskMiB: number;
  readonly ports: readonly number[];
};
type Sum = { cpus: number; memMiB: number; diskMiB: number; readonly ports: number[] };
type UsedBy = ReadonlyMap<SimulatedAgent | SimulatedFramework, Used>;

/** What the living tasks take of each agent, and each framework in all. */
function usedBy(snapshot: ClusterSnapshot): UsedBy {
  const sums = new Map<SimulatedAgent | SimulatedFramework, Sum>();
  const sumOf = (owner: SimulatedAgent | SimulatedFramework): Sum => {
    const sum = sums.get(owner) ?? { cpus: 0, memMiB: 0, diskMiB: 0, ports: [] };
    sums.set(owner, sum);
    return sum;
  };
  for (const { framework, tasks } of snapshot.frameworks) {
    for (const { app, agent, hostPorts } of tasks) {
      for (const sum of [sumOf(framework), sumOf(agent)]) {
        sum.cpus += app.cpus;
        sum.memMiB += app.memMiB;
        sum.diskMiB += app.diskMiB;
        sum.ports.push(...hostPorts);
      }
    }
  }
  return sums;
}

/** As `common/http.cpp` writes resources: four numbers always, ports only where there are any. */
function resourceFields({ cpus, memMiB, diskMiB, ports }: Used) {
  return {
    disk: diskMiB,
    mem: memMiB,
    gpus: 0,
    // Mesos counts in thousandths; sums of floats would show more.
    cpus: Math.round(cpus * 1_000) / 1_000,
    ports: ports.length === 0 ? undefined : rangesText(ports),
  };
}

/** `[31000-31001, 31005-31005]`: neighbours joined, one port a range of its own. */
function rangesText(ports: readonly number[]): string {
  const ranges: string[] = [];
  let first = -1;
  let last = -1;
  for (const port of ports.toSorted((a, b) => a - b)) {
    if (port > last + 1 || first < 0) {
      if (first >= 0) ranges.push(`${first}-${last}`);
      first = port;
    }
    last = port;
  }
  ranges.push(`${first}-${last}`);
  return `[${ranges.join(', ')}]`;
}
