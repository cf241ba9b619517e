import { FormatError } from '../../zone/format-error.ts';
import type {
  MesosAgent,
  MesosTask,
  PortRange,
  ReportSkipped,
  RunningStatus,
  SkipReason,
} from '../cluster.ts';
import { asObject, type JsonObject, listField, objectField, textField } from './fields.ts';
import {
  type EndedFacts,
  type FrameworkFacts,
  readAgent,
  readEndedTask,
  readFramework,
  readTask,
} from './mesos-v0.ts';

/**
 * Elements of the v1 operator API (Mesos `include/mesos/v1/master/master.proto`) as facts. Each is brought into the
 * shape that `/state` has and read by the same code, so that the same cluster gives the same facts by either way.
 */

const RUNNING = 'TASK_RUNNING';
const NO_PORTS: readonly PortRange[] = [];

/** A task, and what events to come need to know of it. */
export type TaskEntry = {
  readonly frameworkId: string;
  readonly task: MesosTask;
  /** Those it has whenever it runs; `task.ports` are empty while it does not. */
  readonly ports: readonly PortRange[];
  readonly statuses: readonly StatusFacts[];
};

/** What any status says; `running` what one says that is TASK_RUNNING. */
export type StatusFacts = {
  readonly state: string;
  readonly timestamp: number;
  readonly running: RunningStatus | undefined;
};

export type TaskUpdate = {
  readonly frameworkId: string;
  readonly taskId: string;
  /** Empty where the event does not say it. */
  readonly agentId: string;
  readonly state: string;
  /** Undefined in the flat form of Mesos 1.0, and where it can't be read. */
  readonly status: StatusFacts | undefined;
};

/** An element of `get_agents.agents`, or `agent_added.agent`. */
export function readAgentV1(json: unknown, report: ReportSkipped): MesosAgent | undefined {
  return guarded('agent-field', 'agent', { json, report }, () => {
    const agent = asObject(json, 'agent');
    const info = objectField(agent, 'agent_info');
    return readAgent({ ...info, ...agent, id: idField(info, 'id') }, report);
  });
}

/** Of a bare AgentInfo, or undefined. */
export function readAgentId(json: unknown, report: ReportSkipped): string | undefined {
  return guarded('agent-field', 'recovered agent', { json, report }, () =>
    idField(asObject(json, 'it'), 'id'),
  );
}

/** An element of `get_frameworks.frameworks`, or what holds a `framework_info`. v1 has no pid: see `learnFrameworks`. */
export function readFrameworkV1(json: unknown, report: ReportSkipped): FrameworkFacts | undefined {
  return guarded('framework-field', 'framework', { json, report }, () => {
    const info = objectField(asObject(json, 'framework'), 'framework_info');
    return readFramework({ ...info, id: idField(info, 'id') }, report);
  });
}

/** An element of `get_tasks.tasks`, or `task_added.task`. */
export function readTaskV1(json: unknown, report: ReportSkipped): TaskEntry | undefined {
  return guarded('task-field', 'task', { json, report }, () => {
    const v1 = asObject(json, 'task');
    const id = idField(v1, 'task_id');
    const frameworkId = idField(v1, 'framework_id');
    const role = roleOf(v1);
    const v0 = { ...v1, id, slave_id: idField(v1, 'agent_id'), role, resources: {}, statuses: [] };
    const task = readTask(v0, report);
    if (!task) return undefined;
    const ports = readPorts(v1, (detail) =>
      report({ reason: 'task-ports', detail: `task ${id}: ${detail}` }),
    );
    const statuses = listField(v1, 'statuses').flatMap((status) => readStatus(status, id, report) ?? []);
    return { frameworkId, task: taskIn(task.state, { task, ports, statuses }), ports, statuses };
  });
}

/** That of its first resource, as `/state` tells it (Mesos `src/common/http.cpp`). */
function roleOf({ resources }: JsonObject): unknown {
  const [first]: readonly unknown[] = Array.isArray(resources) ? resources : [];
  const allocation = isObject(first) ? first['allocation_info'] : undefined;
  return isObject(allocation) ? allocation['role'] : undefined;
}

/** The task as it is in that state, with those statuses. */
export function taskIn(
  state: string,
  { task, ports, statuses }: Pick<TaskEntry, 'task' | 'ports' | 'statuses'>,
): MesosTask {
  const isKilling = state === RUNNING && newestOf(statuses)?.state === 'TASK_KILLING';
  return {
    ...task,
    state,
    ports: state === RUNNING ? ports : NO_PORTS,
    running: statuses.flatMap(({ running }) => running ?? []),
    ...((isKilling || 'killing' in task) && { killing: isKilling }),
  };
}

/** Of those of one time the last, as `/state` is read. */
function newestOf(statuses: readonly StatusFacts[]): StatusFacts | undefined {
  let newest: StatusFacts | undefined;
  for (const status of statuses) if (!newest || status.timestamp >= newest.timestamp) newest = status;
  return newest;
}

/** A completed task, if it ended; undefined, and nothing told, for one in another state. */
export function readEndedV1(
  json: unknown,
  report: ReportSkipped,
): (EndedFacts & { readonly frameworkId: string }) | undefined {
  return guarded('task-field', 'completed task', { json, report }, () => {
    const v1 = asObject(json, 'task');
    const frameworkId = idField(v1, 'framework_id');
    const task = { id: idField(v1, 'task_id'), slave_id: idField(v1, 'agent_id'), state: v1['state'] };
    const ended = readEndedTask(task, report);
    return ended && { ...ended, frameworkId };
  });
}

/** The body of TASK_UPDATED. Its own `state` is newer than its status's. */
export function readTaskUpdate(json: unknown, report: ReportSkipped): TaskUpdate | undefined {
  return guarded('task-field', 'task update', { json, report }, () => {
    const body = asObject(json, 'task_updated');
    const status = objectField(body, 'status');
    const isFlat = body['status'] === undefined || body['status'] === null;
    const ids = isFlat ? body : status;
    const taskId = idField(ids, 'task_id');
    const state = textField(body, 'state') || textField(status, 'state');
    if (state === '') throw new FormatError('state', `is missing for task ${taskId}`);
    return {
      frameworkId: idField(body, 'framework_id'),
      taskId,
      agentId: ids['agent_id'] === undefined ? '' : idField(ids, 'agent_id'),
      state,
      status: isFlat ? undefined : readStatus(status, taskId, report),
    };
  });
}

/** The text in a protobuf id `{"value": …}`; throws `FormatError` where there is none. */
export function idField(object: JsonObject, key: string): string {
  const id = textField(objectField(object, key), 'value');
  if (id === '') throw new FormatError(key, 'is missing');
  return id;
}

/** Undefined, and told, for a status that can't be read. */
function readStatus(json: unknown, taskId: string, report: ReportSkipped): StatusFacts | undefined {
  const { state, timestamp } = isObject(json) ? json : {};
  const time = typeof timestamp === 'number' ? timestamp : 0;
  if (typeof state === 'string' && state !== RUNNING) return { state, timestamp: time, running: undefined };
  const running = readTask({ id: taskId, statuses: [toV0Status(json)] }, report)?.running[0];
  return running && { state: RUNNING, timestamp: running.timestamp, running };
}

/** `/state` has a status's labels as a plain list. What is no object is left for the reader to tell. */
function toV0Status(status: unknown): unknown {
  if (!isObject(status)) return status;
  const { labels } = status;
  return isObject(labels) ? { ...status, labels: labels['labels'] } : status;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All `ports` that can't be taken back; those of several resources are added up, as `/state` does. */
function readPorts(task: JsonObject, problem: (detail: string) => void): readonly PortRange[] {
  const ranges: PortRange[] = [];
  let resources = 0;
  for (const json of listField(task, 'resources')) {
    const resource = asObject(json, 'resources');
    if (resource['name'] !== 'ports' || 'revocable' in resource) continue;
    resources++;
    for (const range of listField(objectField(resource, 'ranges'), 'range')) {
      const { begin, end } = asObject(range, 'range');
      if (isPort(begin) && isPort(end)) {
        if (begin <= end) ranges.push({ begin, end });
      } else problem(`port range ${JSON.stringify(range)} has no two numbers`);
    }
  }
  return resources < 2 ? ranges : joinRanges(ranges);
}

function isPort(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** The same ports ascending, in as few ranges as can be. */
export function joinRanges(ranges: readonly PortRange[]): readonly PortRange[] {
  const merged: PortRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.begin - b.begin)) {
    const last = merged.at(-1);
    if (last && range.begin <= last.end + 1) {
      merged[merged.length - 1] = { begin: last.begin, end: Math.max(last.end, range.end) };
    } else merged.push(range);
  }
  return merged;
}

function guarded<Facts>(
  reason: SkipReason,
  kind: string,
  { json, report }: { readonly json: unknown; readonly report: ReportSkipped },
  read: () => Facts,
): Facts | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report({ reason, detail: `${kind} ${nameOf(json)}: ${error.message}` });
    return undefined;
  }
}

/** Any id that an element has, for people. */
function nameOf(json: unknown): string {
  if (!isObject(json)) return '(no id)';
  for (const part of [json, json['agent_info'], json['framework_info'], json['status']]) {
    if (!isObject(part)) continue;
    for (const key of ['task_id', 'id']) {
      const id = part[key];
      if (isObject(id) && typeof id['value'] === 'string') return id['value'];
    }
  }
  return '(no id)';
}
