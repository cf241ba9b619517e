import { authority } from './address.ts';
import type {
  ClusterSnapshot,
  FrameworkSnapshot,
  SimulatedAgent,
  SimulatedTask,
} from './cluster-snapshot.ts';
import { agentInfoV1, agentV1, frameworkV1 } from './cluster-fields-v1.ts';
import { chunked, listPieces } from './json-pieces.ts';
import type { MesosFeatures } from './mesos-version.ts';
import { buildOf, type MasterAddress, type StateMaster } from './state.ts';
import { taskV1 } from './task-fields-v1.ts';

/** What the operator API tells by, besides the cluster itself. */
export type MasterV1 = {
  readonly master: StateMaster;
  readonly version: string;
  readonly features: MesosFeatures;
  readonly heartbeatSeconds: number;
};

/** The calls that tell of the cluster, each a part of GET_STATE. */
type StateCall = 'GET_STATE' | 'GET_TASKS' | 'GET_AGENTS' | 'GET_FRAMEWORKS' | 'GET_EXECUTORS';
/** The calls that tell of the master. */
type MasterCall = 'GET_MASTER' | 'GET_VERSION' | 'GET_HEALTH';

export function isStateCall(call: string): call is StateCall {
  return Object.hasOwn(PARTS, call);
}

export function isMasterCall(call: string): call is MasterCall {
  return call === 'GET_MASTER' || call === 'GET_VERSION' || call === 'GET_HEALTH';
}

/** A response to a call, as JSON in pieces: `{"type":"GET_TASKS","get_tasks":{…}}`. */
export function responseChunks(
  call: StateCall,
  snapshot: ClusterSnapshot,
  options: MasterV1,
): Generator<string, void> {
  return chunked(
    (function* () {
      yield `{"type":"${call}","${call.toLowerCase()}":`;
      yield* PARTS[call](snapshot, options);
      yield '}';
    })(),
  );
}

/** The first event of a stream: the whole state in one record. */
export function subscribedChunks(snapshot: ClusterSnapshot, options: MasterV1): Generator<string, void> {
  const { features, heartbeatSeconds } = options;
  return chunked(
    (function* () {
      yield '{"type":"SUBSCRIBED","subscribed":{"get_state":';
      yield* statePieces(snapshot, options);
      yield features.heartbeats ? `,"heartbeat_interval_seconds":${heartbeatSeconds}}}` : '}}';
    })(),
  );
}

/** What a call says of the master that answers, as an object. */
export function masterResponse(call: MasterCall, options: MasterV1) {
  const { master, version } = options;
  switch (call) {
    case 'GET_HEALTH':
      return { type: call, get_health: { healthy: true } };
    case 'GET_VERSION':
      return { type: call, get_version: { version_info: buildOf(version) } };
    case 'GET_MASTER': {
      const times = { start_time: master.electedSeconds, elected_time: master.electedSeconds };
      return { type: call, get_master: { master_info: masterInfo(master, version), ...times } };
    }
  }
}

/** A master as it stands in ZooKeeper too, under `json.info_<n>`. */
export function masterInfo({ id, ip, port, hostname }: MasterAddress, version: string) {
  return {
    address: { hostname, ip, port },
    capabilities: [{ type: 'AGENT_UPDATE' }],
    hostname,
    id,
    ip: ipNumber(ip),
    pid: `master@${authority(ip, port)}`,
    port,
    version,
  };
}

/** An IPv4 address as Mesos has it on the machines that it runs on: the first octet is the lowest. */
function ipNumber(ip: string): number {
  const octets = ip.split('.').map(Number);
  return octets.length === 4 ? octets.reduce((sum, octet, index) => sum + octet * 256 ** index, 0) : 0;
}

type Part = (snapshot: ClusterSnapshot, options: MasterV1) => Iterable<string>;

const PARTS: Readonly<Record<StateCall, Part>> = {
  GET_STATE: (snapshot, options) => statePieces(snapshot, options),
  GET_TASKS: (snapshot) => taskPieces(snapshot),
  GET_EXECUTORS: () => ['{}'],
  GET_FRAMEWORKS: (snapshot) => frameworkPieces(snapshot),
  GET_AGENTS: (snapshot, options) => agentPieces(snapshot, options),
};

function* statePieces(snapshot: ClusterSnapshot, options: MasterV1): Generator<string, void> {
  yield '{"get_tasks":';
  yield* taskPieces(snapshot);
  yield ',"get_executors":{},"get_frameworks":';
  yield* frameworkPieces(snapshot);
  yield ',"get_agents":';
  yield* agentPieces(snapshot, options);
  yield '}';
}

/** All tasks in one list, those of frameworks that left among the completed ones. */
function taskPieces({ frameworks, completedFrameworks }: ClusterSnapshot): Iterable<string> {
  const all = [...frameworks, ...completedFrameworks];
  const of = (pick: (each: FrameworkSnapshot) => readonly SimulatedTask[] | undefined) =>
    all.flatMap((each) => pick(each) ?? []);
  return objectPieces([
    field(
      'tasks',
      of(({ tasks }) => tasks),
      taskV1,
    ),
    field(
      'unreachable_tasks',
      of(({ unreachableTasks }) => unreachableTasks),
      taskV1,
    ),
    field(
      'completed_tasks',
      of(({ completedTasks }) => completedTasks),
      taskV1,
    ),
  ]);
}

function frameworkPieces({ frameworks, completedFrameworks }: ClusterSnapshot): Iterable<string> {
  return objectPieces([
    field('frameworks', frameworks, frameworkV1),
    field('completed_frameworks', completedFrameworks, frameworkV1),
  ]);
}

function agentPieces(
  { agents, recoveredAgents, standings }: ClusterSnapshot,
  { version, features }: MasterV1,
): Iterable<string> {
  const { draining } = features;
  const agentOf = (agent: SimulatedAgent) =>
    agentV1(agent, { standing: standings?.get(agent.id), version, draining });
  return objectPieces([
    field('agents', agents, agentOf),
    field('recovered_agents', features.recoveredAgents ? recoveredAgents : [], agentInfoV1),
  ]);
}

type Field = { readonly name: string; readonly size: number; readonly pieces: Iterable<string> };

function field<T>(name: string, list: readonly T[], fieldsOf: (each: T) => object): Field {
  return { name, size: list.length, pieces: listPieces(list, (each) => [JSON.stringify(fieldsOf(each))]) };
}

/** An object of lists. Empty ones are left out, as unset fields of a protobuf are. */
function* objectPieces(fields: readonly Field[]): Generator<string, void> {
  let separator = '{';
  for (const { name, size, pieces } of fields) {
    if (size === 0) continue;
    yield `${separator}"${name}":`;
    yield* pieces;
    separator = ',';
  }
  yield separator === '{' ? '{}' : '}';
}
