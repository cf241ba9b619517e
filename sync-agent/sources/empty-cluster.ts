import type { ClusterState } from '../cluster.ts';
import { SourceError } from './source.ts';

/** A master answered, and showed no framework: most likely we may see none. */
export class NoFrameworksError extends SourceError {
  readonly reason = 'no-frameworks';
}

/**
 * Gives the state back, unless it shows no framework at all. What a principal may not view Mesos leaves out without
 * a word (`src/master/readonly_handler.cpp`), and a principal without rights sees an empty cluster with status 200.
 * A cluster that lists completed frameworks, or that waits for agents after a failover, shows that it may be seen.
 * `place` names where the state is from. Throws `NoFrameworksError`, unless `allowEmpty` says that the cluster is new.
 */
export function refuseEmptyCluster(
  state: ClusterState,
  { allowEmpty, place }: { readonly allowEmpty: boolean; readonly place: string },
): ClusterState {
  const { frameworks, ended, recoveringAgents, agents } = state;
  const showsSome = frameworks.length > 0 || hasEnded(ended) || recoveringAgents > 0;
  if (showsSome || allowEmpty) return state;
  throw new NoFrameworksError(
    `${place} shows ${agents.length} agents and not one framework: the principal has probably no right to view them ` +
      '(view_frameworks and view_tasks in the ACLs of the masters); if the cluster is really empty, set mesos.allowEmpty',
  );
}

function hasEnded({ tasks, frameworks, namesakes = [], frameworkIds }: ClusterState['ended']): boolean {
  return tasks.length > 0 || frameworks.length > 0 || namesakes.length > 0 || (frameworkIds?.size ?? 0) > 0;
}
