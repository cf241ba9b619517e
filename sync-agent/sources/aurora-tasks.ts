import { FormatError } from '../../zone/format-error.ts';
import type { ReportSkipped } from '../cluster.ts';
import { resolvePorts } from './aurora-ports.ts';
import type { Announced } from './aurora-stabilizer.ts';
import { numberOf, numbersOf, recordOf, type Struct, structOf, textOf } from './aurora-thrift.ts';
import { asObject, type JsonObject, kindOf, numberField, objectField, textField } from './fields.ts';

/** A task of Aurora's, as the scheduler's API and its webhook tell it. */
export type AuroraTask = {
  readonly taskId: string;
  readonly agentId: string;
  readonly host: string;
  readonly role: string;
  readonly environment: string;
  readonly job: string;
  readonly instanceId: number;
  readonly isRunning: boolean;
  readonly assignedPorts: Readonly<Record<string, number>>;
  /** What its executor was given; Thermos's alone is read. */
  readonly data: string | undefined;
};

/** `ScheduleStatus.RUNNING` (aurora `api.thrift`). */
export const RUNNING = 2;
/** Executors that are told of ports by `announce`; others have a configuration of their own. */
const THERMOS = 'AuroraExecutor';
/** Of one task. */
const MAX_FAULTS = 10;

/** A `ScheduledTask` of `getTasksStatus`. Throws `FormatError`. */
export function readScheduledTask(json: unknown): AuroraTask {
  const scheduled = structOf(json, 'task');
  const assigned = recordOf(scheduled, 1, 'assignedTask') ?? {};
  const config = recordOf(assigned, 4, 'task') ?? {};
  const key = recordOf(config, 28, 'job') ?? {};
  const executor = recordOf(config, 25, 'executorConfig') ?? {};
  const text = (struct: Struct, id: number, what: string): string => textOf(struct, id, what) ?? '';
  const name = {
    taskId: text(assigned, 1, 'taskId'),
    role: text(key, 1, 'role'),
    environment: text(key, 2, 'environment'),
    job: text(key, 3, 'name'),
    instanceId: numberOf(assigned, 6, 'instanceId') ?? 0,
  };
  return readOf(name, () => ({
    ...name,
    agentId: text(assigned, 2, 'slaveId'),
    host: text(assigned, 3, 'slaveHost'),
    isRunning: numberOf(scheduled, 2, 'status') === RUNNING,
    assignedPorts: numbersOf(assigned, 5, 'assignedPorts'),
    data: text(executor, 1, 'executorConfig.name') === THERMOS ? textOf(executor, 2, 'data') : undefined,
  }));
}

/** What the webhook posts: `{"task": {"assignedTask": {…}, "status"}, "oldState"}`. Throws `FormatError`. */
export function readWebhook(json: unknown): AuroraTask {
  const scheduled = objectField(asObject(json, 'the notice'), 'task');
  const assigned = objectField(scheduled, 'assignedTask');
  const config = objectField(assigned, 'task');
  const key = objectField(config, 'job');
  const executor = objectField(config, 'executorConfig');
  const status = textField(scheduled, 'status');
  if (status === '') throw new FormatError('status', 'is missing');
  const name = {
    taskId: textField(assigned, 'taskId'),
    role: textField(key, 'role'),
    environment: textField(key, 'environment'),
    job: textField(key, 'name'),
    instanceId: numberField(assigned, 'instanceId'),
  };
  return readOf(name, () => ({
    ...name,
    agentId: textField(assigned, 'slaveId'),
    host: textField(assigned, 'slaveHost'),
    isRunning: status === 'RUNNING',
    assignedPorts: portsIn(objectField(assigned, 'assignedPorts')),
    data: textField(executor, 'name') === THERMOS ? textField(executor, 'data') : undefined,
  }));
}

/**
 * What a running task announces: as its executor does it, an instance without any port too where its job announces
 * itself. Undefined for one that has neither. What can't be used of its ports is told of; the rest is given.
 */
export function announcedBy(task: AuroraTask, report: ReportSkipped): Announced | undefined {
  const { taskId, agentId, host, role, environment, job, instanceId } = task;
  const { primary, byAlias, isAnnounced, faults } = resolvePorts(task.data, task.assignedPorts);
  const tell = (fault: string): void =>
    report({ reason: 'aurora-ports', detail: `${describeTask(task)}: ${fault}` });
  for (const fault of faults.slice(0, MAX_FAULTS)) tell(fault);
  if (faults.length > MAX_FAULTS) tell(`and ${faults.length - MAX_FAULTS} more of its ports`);
  if (byAlias.size === 0 && !isAnnounced) return undefined;
  const endpoint = (port: number) => ({ host, port, addresses: [] });
  return {
    id: taskId,
    key: { role, environment, job },
    member: {
      name: taskId,
      shard: instanceId,
      primary: endpoint(primary),
      additional: Array.from(byAlias, ([alias, port]) => ({ alias, ...endpoint(port) })),
      task: { taskId, agentId },
    },
  };
}

type TaskName = Pick<AuroraTask, 'taskId' | 'role' | 'environment' | 'job' | 'instanceId'>;

/** For reports: `task <id> (vagrant/test/http_example, instance 0)`, as much of it as is told. */
function describeTask({ taskId, role, environment, job, instanceId }: TaskName): string {
  const parts = [role, environment, job];
  if (parts.every((part) => part === '')) return `task ${taskId}`;
  return `task ${taskId} (${parts.map((part) => part || '?').join('/')}, instance ${instanceId})`;
}

/**
 * A task, with its name in what is thrown. A running one without a place or a name can't be used; of others only the
 * id is looked at. Throws `FormatError`.
 */
function readOf(name: TaskName, read: () => AuroraTask): AuroraTask {
  if (name.taskId === '') throw new FormatError('taskId', 'is missing');
  try {
    const task = read();
    const { host, role, environment, job, instanceId, isRunning } = task;
    if (!isRunning) return task;
    for (const [what, text] of Object.entries({ slaveHost: host, role, environment, 'job name': job }))
      if (text === '') throw new FormatError(what, 'is missing');
    if (!Number.isInteger(instanceId) || instanceId < 0)
      throw new FormatError('instanceId', `is ${instanceId}`);
    return task;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(describeTask(name), error.message);
  }
}

function portsIn(json: JsonObject): Readonly<Record<string, number>> {
  const ports = new Map<string, number>();
  for (const [name, port] of Object.entries(json)) {
    if (typeof port !== 'number' || !Number.isInteger(port))
      throw new FormatError(`assignedPorts ${name}`, `is ${kindOf(port)} instead of a number`);
    ports.set(name, port);
  }
  return Object.fromEntries(ports);
}
