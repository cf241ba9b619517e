import { FormatError } from '../../zone/format-error.ts';
import { remember } from '../../zone/remember.ts';
import type {
  AgentStanding,
  Discovery,
  DiscoveryPort,
  Endpoint,
  MesosAgent,
  MesosTask,
  ReportSkipped,
  RunningStatus,
  SkipReason,
} from '../cluster.ts';
import {
  asObject,
  type JsonObject,
  kindOf,
  listField,
  numberField,
  objectField,
  textField,
} from './fields.ts';
import { hasHostPorts, readLabels } from './labels.ts';
import { parsePid } from './pid.ts';
import { parsePortRanges } from './port-ranges.ts';

/**
 * Elements of a master's `/state` (Mesos `src/common/http.cpp`, `src/master/readonly_handler.cpp`) as facts.
 * Only what can't be read is left out: a port, a status, an address, or where nothing is left of it, the whole
 * element; each is reported.
 */

const DOCKER_LABEL = 'Docker.NetworkSettings.IPAddress';
const MESOS_LABEL = 'MesosContainerizer.NetworkSettings.IPAddress';
const NO_TEXTS: readonly string[] = [];
const sameText = remember((text: string) => text, 1_000);
const NO_STATUSES: readonly RunningStatus[] = [];

export function readAgent(json: unknown, report: ReportSkipped): MesosAgent | undefined {
  return guarded('agent-field', 'agent', json, report, (agent) => {
    const id = textField(agent, 'id');
    const endpoint = readPid(agent, (detail) =>
      report({ reason: 'agent-pid', detail: `agent ${id}: ${detail}` }),
    );
    if (agent['pid'] === undefined) report({ reason: 'agent-pid', detail: `agent ${id} has no pid` });
    const attributes = readAttributes(agent['attributes']);
    const { hostname } = agent;
    return {
      id,
      endpoint,
      standing: readStanding(agent),
      ...(attributes && { attributes }),
      ...(typeof hostname === 'string' && hostname !== '' && { hostname }),
    };
  });
}

/**
 * `active` and `deactivated`, and `drain_info` with Mesos 1.9 (`src/master/readonly_handler.cpp`): an agent is not
 * active while it is disconnected too, and one that was drained stays so until it is reactivated.
 */
function readStanding(agent: JsonObject): AgentStanding | undefined {
  if (typeof agent['drain_info'] === 'object' && agent['drain_info'] !== null) return 'draining';
  if (agent['deactivated'] === true) return 'deactivated';
  return agent['active'] === false ? 'disconnected' : undefined;
}

/**
 * The attributes that are texts: an object in `/state` (`src/common/http.cpp`, model), a list of
 * `{name, type, text: {value}}` in the operator API. Anything else is none: no name hangs on it.
 */
function readAttributes(json: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const pairs: readonly (readonly [unknown, unknown])[] = Array.isArray(json)
    ? json.map((each: unknown) => [memberOf(each, 'name'), memberOf(memberOf(each, 'text'), 'value')])
    : Object.entries(json);
  const texts = pairs.filter((pair): pair is readonly [string, string] =>
    pair.every((each) => typeof each === 'string'),
  );
  return texts.length > 0 ? Object.fromEntries(texts) : undefined;
}

function memberOf(json: unknown, key: string): unknown {
  return typeof json === 'object' && json !== null
    ? Object.entries(json).find(([name]) => name === key)?.[1]
    : undefined;
}

/** A framework but its tasks. */
export type FrameworkFacts = {
  readonly id: string;
  readonly name: string;
  readonly endpoint: Endpoint | undefined;
  readonly roles?: readonly string[];
};

export function readFramework(json: unknown, report: ReportSkipped): FrameworkFacts | undefined {
  return guarded('framework-field', 'framework', json, report, (framework) => {
    const name = textField(framework, 'name');
    const id = typeof framework['id'] === 'string' ? framework['id'] : '';
    const skip =
      (reason: SkipReason) =>
      (detail: string): void =>
        report({ reason, detail: `framework ${JSON.stringify(name)} (${id}): ${detail}` });
    const roles = readRoles(framework);
    const facts = { id, name, ...(roles.length > 0 && { roles }) };
    if (framework['pid'] !== undefined)
      return { ...facts, endpoint: readPid(framework, skip('framework-pid')) };
    const host = attempt(() => textField(framework, 'hostname'), skip('framework-field'));
    return { ...facts, endpoint: host === undefined ? undefined : { host, port: '' } };
  });
}

/** `roles` of frameworks that may have several, else `role`; `*` is none. No name hangs on them: what is odd is passed over. */
function readRoles({ roles, role }: JsonObject): readonly string[] {
  const all: readonly unknown[] = Array.isArray(roles) ? roles : [role];
  return all.filter((each): each is string => typeof each === 'string' && each !== '' && each !== '*');
}

export function readTask(json: unknown, report: ReportSkipped): MesosTask | undefined {
  return guarded('task-field', 'task', json, report, (task) => {
    const id = textField(task, 'id');
    const skip = (reason: SkipReason, detail: string): void =>
      report({ reason, detail: `task ${id}: ${detail}` });
    const labels = readLabels(task['labels']);
    const { role } = task;
    return {
      id,
      name: textField(task, 'name'),
      agentId: textField(task, 'slave_id'),
      state: textField(task, 'state'),
      ports: readPorts(task, skip),
      running: readStatuses(task, skip),
      discovery: readDiscovery(task, skip),
      ...(task['state'] === 'TASK_RUNNING' && newestState(task) === 'TASK_KILLING' && { killing: true }),
      ...(labels && { labels }),
      ...(hasHostPorts(task) && { hasHostPorts: true }),
      // One text for all tasks of a role.
      ...(typeof role === 'string' && role !== '' && role !== '*' && { role: sameText(role) }),
    };
  });
}

/** What is of interest in a task that ended. */
export type EndedFacts = { readonly id: string; readonly agentId: string };

/** A task in a terminal state; undefined, and nothing told, for one in another. */
export function readEndedTask(json: unknown, report: ReportSkipped): EndedFacts | undefined {
  return guarded('task-field', 'completed task', json, report, (task) => {
    if (!isTerminal(textField(task, 'state'))) return undefined;
    return { id: textField(task, 'id'), agentId: textField(task, 'slave_id') };
  });
}

const TERMINAL = new Set(
  ['FINISHED', 'FAILED', 'KILLED', 'LOST', 'ERROR', 'DROPPED', 'GONE', 'GONE_BY_OPERATOR'].map(
    (state) => `TASK_${state}`,
  ),
);

/** Will a task in this state never run again? One that is unreachable may. */
export function isTerminal(state: string): boolean {
  return TERMINAL.has(state);
}

type Skip = (reason: SkipReason, detail: string) => void;

function readPorts(task: JsonObject, skip: Skip): MesosTask['ports'] {
  const text = textField(objectField(task, 'resources'), 'ports');
  // mesos-dns reads the ports of tasks that run, and only those can matter.
  if (task['state'] !== 'TASK_RUNNING') return [];
  return (
    attempt(
      () =>
        parsePortRanges(text, (item) => skip('task-ports', `port range ${JSON.stringify(item)} is not a-b`)),
      (problem) => skip('task-ports', problem),
    ) ?? []
  );
}

function readStatuses(task: JsonObject, skip: Skip): readonly RunningStatus[] {
  const statuses: RunningStatus[] = [];
  for (const json of listField(task, 'statuses')) {
    const status = attempt(
      () => readStatus(asObject(json, 'status')),
      (problem) => skip('status-field', problem),
    );
    if (status) statuses.push(status);
  }
  return statuses.length > 0 ? statuses : NO_STATUSES;
}

/** What the newest status says, of those of one time the last; statuses that can't be read were told of elsewhere. */
function newestState(task: JsonObject): unknown {
  let newest: JsonObject | undefined;
  for (const json of listField(task, 'statuses')) {
    const status = attempt(
      () => asObject(json, 'status'),
      () => undefined,
    );
    if (status && timeOf(status) >= timeOf(newest)) newest = status;
  }
  return newest?.['state'];
}

function timeOf(status: JsonObject | undefined): number {
  const timestamp = status?.['timestamp'];
  return typeof timestamp === 'number' ? timestamp : status ? 0 : -Infinity;
}

/** A status that says TASK_RUNNING; undefined for another. */
function readStatus(status: JsonObject): RunningStatus | undefined {
  if (textField(status, 'state') !== 'TASK_RUNNING') return undefined;
  const labels = listField(status, 'labels').map((label) => asObject(label, 'label'));
  const networks = listField(objectField(status, 'container_status'), 'network_infos');
  return {
    timestamp: numberField(status, 'timestamp'),
    netinfo: networks.flatMap((network) => networkAddresses(asObject(network, 'network_infos'))),
    docker: valuesOf(labels, DOCKER_LABEL),
    mesos: valuesOf(labels, MESOS_LABEL),
    ...(typeof status['healthy'] === 'boolean' && { healthy: status['healthy'] }),
  };
}

function valuesOf(labels: readonly JsonObject[], key: string): readonly string[] {
  if (labels.length === 0) return NO_TEXTS;
  return labels.filter((label) => textField(label, 'key') === key).map((label) => textField(label, 'value'));
}

/** `ip_addresses`, or where that is empty the `ip_address` of Mesos 0.25. */
function networkAddresses(network: JsonObject): readonly string[] {
  const addresses = listField(network, 'ip_addresses').map((address) =>
    textField(asObject(address, 'ip_addresses'), 'ip_address'),
  );
  const old = textField(network, 'ip_address');
  return addresses.length > 0 || old === '' ? addresses : [old];
}

function readDiscovery(task: JsonObject, skip: Skip): Discovery | undefined {
  const discovery = objectField(task, 'discovery');
  const name = textField(discovery, 'name');
  const ports: DiscoveryPort[] = [];
  for (const json of listField(objectField(discovery, 'ports'), 'ports')) {
    const port = attempt(
      () => readDiscoveryPort(asObject(json, 'port')),
      (problem) => skip('discovery-port', problem),
    );
    if (port) ports.push(port);
  }
  const labels = readLabels(discovery['labels']);
  return name === '' ? undefined : { name, ports, ...readVisibility(discovery), ...(labels && { labels }) };
}

/** Mesos's own words alone; others are as none. */
function readVisibility({ visibility }: JsonObject): { readonly visibility?: string } {
  return visibility === 'FRAMEWORK' || visibility === 'CLUSTER' || visibility === 'EXTERNAL'
    ? { visibility }
    : {};
}

function readDiscoveryPort(port: JsonObject): DiscoveryPort {
  const number = numberField(port, 'number');
  if (!Number.isSafeInteger(number)) throw new FormatError('number', `is ${number}, which is no port`);
  const labels = readLabels(port['labels']);
  return {
    number,
    name: textField(port, 'name'),
    protocol: textField(port, 'protocol'),
    ...readVisibility(port),
    ...(labels && { labels }),
  };
}

/** The endpoint of the member `pid`; undefined, and the problem told, where there is none to read. */
function readPid(element: JsonObject, problem: (detail: string) => void): Endpoint | undefined {
  const pid = element['pid'];
  if (pid === undefined) return undefined;
  if (typeof pid !== 'string') {
    problem(`pid is ${kindOf(pid)} instead of id@host:port`);
    return undefined;
  }
  return attempt(() => parsePid(pid), problem);
}

function guarded<Element>(
  reason: SkipReason,
  kind: string,
  json: unknown,
  report: ReportSkipped,
  read: (object: JsonObject) => Element,
): Element | undefined {
  return attempt(
    () => read(asObject(json, kind)),
    (problem) => report({ reason, detail: `${kind} ${idOf(json)}: ${problem}` }),
  );
}

function idOf(json: unknown): string {
  return typeof json === 'object' && json !== null && 'id' in json && typeof json.id === 'string'
    ? json.id
    : '(no id)';
}

/** Runs `read`; where it throws `FormatError`, tells the message instead and gives undefined. */
function attempt<Value>(read: () => Value, problem: (message: string) => void): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problem(error.message);
    return undefined;
  }
}
