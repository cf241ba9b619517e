import { authority } from './address.ts';
import { AGENT_CAPABILITIES, drainInfo, isDeactivated } from './agent-fields.ts';
import type {
  ClusterSnapshot,
  FrameworkSnapshot,
  SimulatedAgent,
  SimulatedTask,
} from './cluster-snapshot.ts';
import { chunked, listPieces, withoutEnd } from './json-pieces.ts';
import { NOTHING_USED, rangesText, resourceFields, usedBy, type UsedBy } from './resource-fields.ts';
import { taskFields } from './task-fields.ts';

/** The release whose words these are: 1.9 (apache/mesos `src/master/readonly_handler.cpp`, `common/http.cpp`). */
const MESOS_BUILD = {
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
export type StateMaster = MasterAddress & {
  readonly electedSeconds: number;
  /** 1.9.0 unless told otherwise. */
  readonly version?: string;
  /** For those who may not see flags: neither they nor what comes from them. */
  readonly hidesFlags?: boolean;
};

/** What a master says of its build; other releases differ in number alone. */
export function buildOf(version: string = MESOS_BUILD.version) {
  return { ...MESOS_BUILD, version, git_tag: version };
}

/**
 * What `/state` says, as one object: for small clusters and for tests. Keys that Mesos leaves out are
 * undefined, as JSON leaves them out.
 */
export function stateOf(snapshot: ClusterSnapshot, master: StateMaster) {
  const used = usedBy(snapshot);
  const options = { used, standings: snapshot.standings, version: buildOf(master.version).version };
  const frameworkOf = (each: FrameworkSnapshot) => ({
    ...frameworkFields(each, used),
    tasks: each.tasks.map(taskFields),
    unreachable_tasks: (each.unreachableTasks ?? []).map(taskFields),
    completed_tasks: each.completedTasks.map(taskFields),
    offers: [],
    executors: [],
  });
  return {
    ...masterFields(snapshot, master),
    slaves: snapshot.agents.map((agent) => agentFields(agent, options)),
    recovered_slaves: snapshot.recoveredAgents.map(recoveredAgentFields),
    frameworks: snapshot.frameworks.map(frameworkOf),
    completed_frameworks: snapshot.completedFrameworks.map(frameworkOf),
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

/** What `/state-summary` says: agents and frameworks, and of tasks how many. */
export function stateSummaryOf(snapshot: ClusterSnapshot, master: StateMaster) {
  const used = usedBy(snapshot);
  const options = { used, standings: snapshot.standings, version: buildOf(master.version).version };
  return {
    hostname: master.hostname,
    cluster: master.hidesFlags === true ? undefined : 'simulated',
    slaves: snapshot.agents.map((agent) => agentFields(agent, options)),
    frameworks: snapshot.frameworks.map((each) => ({
      ...frameworkFields(each, used),
      TASK_RUNNING: each.tasks.length,
      slave_ids: [...new Set(each.tasks.map(({ agent }) => agent.id))],
    })),
  };
}

/** The same state as JSON in pieces, so that a state of 90 MB is never one string. */
export function stateChunks(snapshot: ClusterSnapshot, master: StateMaster): Generator<string, void> {
  return chunked(statePieces(snapshot, master));
}

function* statePieces(snapshot: ClusterSnapshot, master: StateMaster): Generator<string, void> {
  const used = usedBy(snapshot);
  const options = { used, standings: snapshot.standings, version: buildOf(master.version).version };
  yield withoutEnd(masterFields(snapshot, master));
  yield ',"slaves":';
  yield* listPieces(snapshot.agents, (agent) => [JSON.stringify(agentFields(agent, options))]);
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
  yield ',"unreachable_tasks":';
  yield* listPieces(snapshot.unreachableTasks ?? [], taskPieces);
  yield ',"completed_tasks":';
  yield* listPieces(snapshot.completedTasks, taskPieces);
  yield ',"offers":[],"executors":[]}';
}

function taskPieces(task: SimulatedTask): Iterable<string> {
  return [JSON.stringify(taskFields(task))];
}

/** What a state says before its lists. */
function masterFields(snapshot: ClusterSnapshot, master: StateMaster) {
  const { id, port, hostname, hidesFlags = false } = master;
  const standings = snapshot.agents.map((agent) => snapshot.standings?.get(agent.id));
  const active = standings.filter((standing) => standing === undefined).length;
  const pid = `master@${authority(master.ip, port)}`;
  return {
    ...buildOf(master.version),
    start_time: snapshot.startedSeconds,
    elected_time: master.electedSeconds,
    id,
    pid,
    hostname,
    capabilities: ['AGENT_UPDATE', 'AGENT_DRAINING', 'QUOTA_V2'],
    activated_slaves: active,
    deactivated_slaves: standings.length - active,
    unreachable_slaves: 0,
    leader: pid,
    leader_info: { id, pid, port, hostname },
    cluster: hidesFlags ? undefined : 'simulated',
    flags: hidesFlags ? undefined : flagsOf(port),
  };
}

function flagsOf(port: number) {
  return {
    authenticate_http_readonly: 'false',
    cluster: 'simulated',
    port: String(port),
    registry: 'in_memory',
  };
}

type AgentOptions = {
  readonly used: UsedBy;
  readonly standings: ClusterSnapshot['standings'];
  readonly version: string;
};

/** An agent as a `slave`, the word of this release's JSON. */
function agentFields(agent: SimulatedAgent, { used, standings, version }: AgentOptions) {
  const standing = standings?.get(agent.id);
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
    active: standing === undefined,
    deactivated: isDeactivated(standing),
    version,
    capabilities: AGENT_CAPABILITIES,
    drain_info: drainInfo(standing),
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
function frameworkFields({ framework, connected, unregisteredSeconds }: FrameworkSnapshot, used: UsedBy) {
  const isHere = unregisteredSeconds === undefined && connected !== false;
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
