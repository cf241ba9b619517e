import type { SimulatedApp, SimulatedStatus, SimulatedTask } from './cluster-snapshot.ts';
import type { Random } from './random.ts';
import { roundToMicrosecond } from './time.ts';

/** How a task may end. */
export const END_STATES = ['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED'] as const;

type TaskIdsOptions = {
  readonly instance: number;
  readonly atSeconds: number;
  readonly random: Random;
};

/** The ids of a new task, in the form that its framework gives them. */
export function makeTaskIds(app: SimulatedApp, { instance, atSeconds, random }: TaskIdsOptions) {
  const id = taskIdOf(app, { uuid: random.uuid(), instance, atSeconds });
  const containerId = random.uuid();
  return { id, containerId, executorId: executorIdOf(app, { id, containerId }) };
}

type TaskIdParts = { readonly uuid: string; readonly instance: number; readonly atSeconds: number };

function taskIdOf(app: SimulatedApp, { uuid, instance, atSeconds }: TaskIdParts): string {
  const startedMs = Math.round(atSeconds * 1_000);
  switch (app.framework.kind) {
    case 'marathon':
      return `${app.id.slice(1).replaceAll('/', '_')}.${uuid}`;
    case 'aurora':
      return `${startedMs}-${app.id.replaceAll('/', '-')}-${instance}-${uuid}`;
    case 'chronos':
      return `ct:${startedMs}:0:${app.id}:${uuid}`;
    case 'sdk':
      return `${app.id}__${uuid}`;
    case 'jenkins':
      return `${app.id}-${uuid.replaceAll('-', '')}`;
    case 'metronome':
      return `${app.id.replaceAll('.', '_')}.${uuid}`;
  }
}

type ExecutorIdParts = { readonly id: string; readonly containerId: string };

function executorIdOf(app: SimulatedApp, { id, containerId }: ExecutorIdParts): string {
  if (app.framework.kind === 'aurora') return `thermos-${id}`;
  return app.framework.kind === 'sdk' ? `${app.id}__${containerId}` : '';
}

/** The task after one more status. */
export function withStatus(task: SimulatedTask, status: SimulatedStatus): SimulatedTask {
  // A repeated state takes the place of the last status (apache/mesos src/master/master.cpp).
  const kept = task.statuses.at(-1)?.state === status.state ? task.statuses.slice(0, -1) : task.statuses;
  const timestampSeconds = roundToMicrosecond(status.timestampSeconds);
  return { ...task, state: status.state, statuses: [...kept, { ...status, timestampSeconds }] };
}

/** The task once it runs: healthy, where anything checks it. */
export function asRunning(task: SimulatedTask, atSeconds: number): SimulatedTask {
  const healthy = task.app.healthCheckPath === undefined ? undefined : true;
  const starting = {
    state: 'TASK_STARTING',
    timestampSeconds: atSeconds - 0.25,
    healthy: undefined,
  } as const;
  return withStatus(withStatus(task, starting), {
    state: 'TASK_RUNNING',
    timestampSeconds: atSeconds,
    healthy,
  });
}

/** The task on its way out: it was told to stop and has not yet. */
export function asKilling(task: SimulatedTask, atSeconds: number): SimulatedTask {
  return withStatus(task, { state: 'TASK_KILLING', timestampSeconds: atSeconds, healthy: undefined });
}
