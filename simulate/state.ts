import type {
  ClusterSnapshot,
  FrameworkSnapshot,
  SimulatedAgent,
  SimulatedTask,
} from './cluster-snapshot.ts';
import { NOTHING_USED, rangesText, resourceFields, usedBy, type UsedBy } from './resource-fields.ts';
import { taskFields } from './task-fields.ts';

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

/** About this much text is handed on at once: enough to be quick, too little to be felt in memory. */
const CHUNK_LENGTH = 65_536;

/**
 * What `/state` says, as one object: for small clusters and for tests. Keys that Mesos leaves out are
 * undefined, as JSON leaves them out.
 */
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
    recovered_slaves: snapshot.recoveredAgents.map(recoveredAgentFields),
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
  yield* listPieces(snapshot.agents, (agent) => [JSON.stringify(agentFields(agent, used))]);
  yield ',"recovered_slaves":';
  yield* listPieces(snapshot.recoveredAgents, (agent) => [JSON.stringify(recoveredAgentFields(agent))]);
  yield ',"frameworks":';
  yield* listPieces(snapshot.frameworks, (each) => frameworkPieces(each, used));
  yield ',"completed_frameworks":';
  yield* listPieces(snapshot.completedFrameworks, (each) => frameworkPieces(each, used));
  yield ',"orphan_tasks":[],"unregistered_frameworks":[]}';
}

function* frameworkPieces(snapshot: FrameworkSnapshot, used: UsedBy): Generator<string, void> {
  yield withoutEnd(frameworkFields(snapshot, used));
  yield ',"tasks":';
  yield* listPieces(snapshot.tasks, taskPieces);
  yield ',"unreachable_tasks":[],"completed_tasks":';
  yield* listPieces(snapshot.completedTasks, taskPieces);
  yield ',"offers":[],"executors":[]}';
}

function taskPieces(task: SimulatedTask): Iterable<string> {
  return [JSON.stringify(taskFields(task))];
}

/** A JSON list, its members one after the other. */
function* listPieces<T>(
  list: readonly T[],
  piecesOf: (each: T) => Iterable<string>,
): Generator<string, void> {
  yield '[';
  let separator = '';
  for (const each of list) {
    yield separator;
    yield* piecesOf(each);
    separator = ',';
  }
  yield ']';
}

/** An object's JSON without its last brace, for more keys to follow. */
function withoutEnd(fields: object): string {
  return JSON.stringify(fields).slice(0, -1);
}

/** `host:port`, with an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What a state says before its lists. */
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

/** An agent as a `slave`, the word of this release's JSON. */
function agentFields(agent: SimulatedAgent, used: UsedBy) {
  const { cpus, memMiB, diskMiB, region, zone } = agent;
  const ports = rangesText(agent.portRanges);
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
    used_resources: resourceFields(used.get(agent) ?? NOTHING_USED),
    offered_resources: resourceFields(NOTHING_USED),
    reserved_resources: {},
    unreserved_resources: resources,
    active: true,
    deactivated: false,
    version: MESOS_BUILD.version,
    capabilities: ['MULTI_ROLE', 'HIERARCHICAL_ROLE', 'RESERVATION_REFINEMENT', 'AGENT_DRAINING'],
  };
}

/** What a registry keeps of an agent: what it said of itself, and nothing of what it runs. */
function recoveredAgentFields(agent: SimulatedAgent) {
  const { id, hostname, port, attributes, cpus, memMiB, diskMiB, region, zone } = agent;
  const domain = { fault_domain: { region: { name: region }, zone: { name: zone } } };
  const ports = rangesText(agent.portRanges);
  const resources = { ...resourceFields({ cpus, memMiB, diskMiB, ports: [] }), ports };
  return { id, hostname, port, attributes, domain, resources };
}

/** A framework but for its lists of tasks, which follow. */
function frameworkFields({ framework, unregisteredSeconds }: FrameworkSnapshot, used: UsedBy) {
  const isHere = unregisteredSeconds === undefined;
  const resources = resourceFields(used.get(framework) ?? NOTHING_USED);
  return {
    id: framework.id,
    name: framework.name,
    pid: framework.pid,
    used_resources: resources,
    offered_resources: resourceFields(NOTHING_USED),
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
