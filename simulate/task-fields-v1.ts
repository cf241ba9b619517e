import type { SimulatedStatus, SimulatedTask } from './cluster-snapshot.ts';
import { joinNeighbours } from './resource-fields.ts';
import { resourcesV1 } from './resource-fields-v1.ts';
import {
  bridgeLabels,
  containerFields,
  containerStatusFields,
  discoveryFields,
  healthCheckFields,
  isUp,
} from './task-fields.ts';

/** A task as the operator API has it: protobuf as JSON, with what is not set left out. */
export function taskV1(task: SimulatedTask) {
  const { app } = task;
  const last = task.statuses.at(-1);
  return {
    name: app.name,
    task_id: { value: task.id },
    framework_id: { value: app.framework.id },
    executor_id: task.executorId === '' ? undefined : { value: task.executorId },
    agent_id: { value: task.agent.id },
    state: task.state,
    resources: resourcesV1(
      { ...app, ports: joinNeighbours(task.hostPorts) },
      { allocation_info: { role: app.framework.role } },
    ),
    statuses: task.statuses.length === 0 ? undefined : task.statuses.map((status) => statusV1(status, task)),
    status_update_state: last?.state,
    status_update_uuid: last && statusUuid(last, task),
    labels: app.labels.length === 0 ? undefined : { labels: app.labels },
    discovery: discoveryFields(task),
    container: containerFields(task),
    health_check: healthCheckFields(task),
  };
}

/** A status with the ids of its task, which alone say whose it is. */
export function statusV1(status: SimulatedStatus, task: SimulatedTask) {
  const isUnreachable = status.state === 'TASK_UNREACHABLE';
  const isMaster = isUnreachable || status.state === 'TASK_LOST';
  const labels = bridgeLabels(status, task);
  return {
    task_id: { value: task.id },
    state: status.state,
    source: isMaster ? 'SOURCE_MASTER' : 'SOURCE_EXECUTOR',
    reason: isMaster ? 'REASON_SLAVE_REMOVED' : undefined,
    agent_id: { value: task.agent.id },
    executor_id: { value: task.executorId === '' ? task.id : task.executorId },
    timestamp: status.timestampSeconds,
    uuid: statusUuid(status, task),
    healthy: status.healthy,
    labels: labels && { labels },
    container_status: isUp(status) && task.addresses.length > 0 ? containerStatusFields(task) : undefined,
    unreachable_time: isUnreachable ? timeV1(status.timestampSeconds) : undefined,
  };
}

/** Sixteen octets, others for each status: the container's, and what the status says. */
function statusUuid({ state, timestampSeconds }: SimulatedStatus, { containerId }: SimulatedTask): string {
  const octets = Buffer.from(containerId.replaceAll('-', ''), 'hex');
  octets.writeDoubleBE(timestampSeconds, 0);
  octets.writeUInt8(state.length, 8);
  return octets.toString('base64');
}

/** Nanoseconds since 1970, mostly past what a double can hold exactly. */
export function timeV1(seconds: number) {
  return { nanoseconds: Math.round(seconds * 1e6) * 1_000 };
}
