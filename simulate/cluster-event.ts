import type {
  SimulatedAgent,
  SimulatedFramework,
  SimulatedStatus,
  SimulatedTask,
} from './cluster-snapshot.ts';

/** What a master comes to know of its cluster, one thing at a time, as its operator stream tells it. */
export type ClusterEvent =
  | { readonly kind: 'task-added'; readonly task: SimulatedTask }
  /** The task as it is afterwards; `repeats` where the state is the one from before, such as another health. */
  | {
      readonly kind: 'task-updated';
      readonly task: SimulatedTask;
      readonly status: SimulatedStatus;
      readonly repeats: boolean;
    }
  | { readonly kind: 'agent-added'; readonly agent: SimulatedAgent }
  /** Only `isTold` where the agent unregistered: of unreachable ones streams have no event of their own. */
  | { readonly kind: 'agent-removed'; readonly agent: SimulatedAgent; readonly isTold: boolean }
  | {
      readonly kind: 'framework-added' | 'framework-updated' | 'framework-removed';
      readonly framework: SimulatedFramework;
    };

export type OnClusterEvent = (event: ClusterEvent) => void;

/** Those who are told what happens in a cluster; without any of them an event costs nothing. */
export function createWatchers() {
  const watchers = new Set<OnClusterEvent>();
  return {
    isWatched: () => watchers.size > 0,
    tell: (event: ClusterEvent): void => {
      for (const watcher of watchers) watcher(event);
    },
    /** Calls back at every event, in the order in which they happen, until the signal aborts. */
    watch: (onEvent: OnClusterEvent, signal: AbortSignal): void => {
      if (signal.aborted) return;
      watchers.add(onEvent);
      signal.addEventListener('abort', () => watchers.delete(onEvent), { once: true });
    },
  };
}

export type Watchers = ReturnType<typeof createWatchers>;

/** A new task, as a master tells of it: first as it was launched, then each of its statuses. */
export function tellStarted({ isWatched, tell }: Watchers, task: SimulatedTask): void {
  if (!isWatched()) return;
  tell({ kind: 'task-added', task: { ...task, state: 'TASK_STAGING', statuses: [] } });
  for (const status of task.statuses) {
    tell({ kind: 'task-updated', task: { ...task, state: status.state }, status, repeats: false });
  }
}

/** The statuses that a task has more than before. */
export function tellUpdated({ isWatched, tell }: Watchers, before: SimulatedTask, task: SimulatedTask): void {
  if (!isWatched()) return;
  let previous = before.state;
  for (const status of task.statuses) {
    if (before.statuses.includes(status)) continue;
    tell({ kind: 'task-updated', task, status, repeats: status.state === previous });
    previous = status.state;
  }
}
