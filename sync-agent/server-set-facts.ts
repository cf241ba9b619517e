import type { ClusterState } from './cluster.ts';
import { joinServerSets } from './server-sets.ts';
import type { ServerSetSource } from './sources/aurora-sets.ts';
import type { LiveSource } from './sources/live.ts';
import type { Source } from './sources/source.ts';

type Facts = Source<ClusterState> & Partial<Pick<LiveSource<ClusterState>, 'follow' | 'status'>>;

/** A cluster's facts with the ServerSets of its Aurora. Both are followed, where the cluster can be. */
export function withServerSets<Cluster extends Facts>(facts: Cluster, sets: ServerSetSource): Facts {
  const { follow } = facts;
  return {
    ...facts,
    read: async (report, signal) => {
      const [state, found] = await Promise.all([facts.read(report, signal), sets.read(report, signal)]);
      return joinServerSets(state, found);
    },
    follow: async (onChange, signal) => {
      await Promise.all([follow?.(onChange, signal), sets.follow(onChange, signal)]);
    },
  };
}
