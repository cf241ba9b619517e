import type { ClusterEvent } from './cluster-event.ts';
import type { SimulatedCluster } from './cluster.ts';
import { agentV1, frameworkV1 } from './cluster-fields-v1.ts';
import type { MesosFeatures } from './mesos-version.ts';
import { statusV1, taskV1 } from './task-fields-v1.ts';

/** RecordIO: the length of the record in octets, a line feed, the record. */
export function toRecord(json: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(json)}\n${json}`);
}

export const HEARTBEAT_RECORD = toRecord('{"type":"HEARTBEAT"}');

type EventOptions = {
  readonly version: string;
  readonly features: MesosFeatures;
  readonly isConnected: SimulatedCluster['isConnected'];
};

/** An event as this release writes it; undefined for one that it does not tell. */
export function eventV1(event: ClusterEvent, options: EventOptions): object | undefined {
  const { version, features, isConnected } = options;
  switch (event.kind) {
    case 'task-added':
      return { type: 'TASK_ADDED', task_added: { task: taskV1(event.task) } };
    case 'task-updated':
      return taskUpdated(event, features);
    case 'agent-added': {
      if (!features.agentEvents) return undefined;
      const agent = agentV1(event.agent, { standing: undefined, version, draining: features.draining });
      return { type: 'AGENT_ADDED', agent_added: { agent } };
    }
    case 'agent-removed': {
      if (!features.agentEvents || !event.isTold) return undefined;
      return { type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: event.agent.id } } };
    }
    case 'framework-added':
    case 'framework-updated':
    case 'framework-removed': {
      if (!features.frameworkEvents) return undefined;
      const { framework } = event;
      const connected = isConnected(framework);
      const fields = frameworkV1({
        framework,
        connected,
        tasks: [],
        completedTasks: [],
        unregisteredSeconds: undefined,
      });
      if (event.kind === 'framework-removed') {
        return {
          type: 'FRAMEWORK_REMOVED',
          framework_removed: { framework_info: fields.framework_info },
        };
      }
      return event.kind === 'framework-added'
        ? { type: 'FRAMEWORK_ADDED', framework_added: { framework: fields } }
        : { type: 'FRAMEWORK_UPDATED', framework_updated: { framework: fields } };
    }
  }
}

type TaskUpdated = Extract<ClusterEvent, { readonly kind: 'task-updated' }>;

function taskUpdated({ task, status, repeats }: TaskUpdated, features: MesosFeatures): object | undefined {
  if (repeats && !features.repeatedStates) return undefined;
  const framework_id = { value: task.app.framework.id };
  // The state is the newest one that the master knows, which may be past this status.
  if (features.taskStatuses) {
    const task_updated = { framework_id, status: statusV1(status, task), state: task.state };
    return { type: 'TASK_UPDATED', task_updated };
  }
  const { task_id, agent_id, executor_id } = statusV1(status, task);
  return {
    type: 'TASK_UPDATED',
    task_updated: { task_id, framework_id, agent_id, executor_id, state: status.state },
  };
}
