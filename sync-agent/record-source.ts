import type { ClusterState, Ended } from './cluster.ts';
import type { HostResolver } from './hosts.ts';
import { generateRecords, hostNamesOf } from './records/generate.ts';
import type { RecordSet } from './records/record-set.ts';
import type { RecordSettings } from './records/settings.ts';
import type { Transfer } from './sources/mesos-dns-axfr.ts';
import type { Source } from './sources/source.ts';

/** A cluster's records, what the guard has to know of what is gone, and how much was read. */
export type RecordsRead = {
  readonly records: RecordSet;
  readonly ended: Ended;
  readonly recoveringAgents: number;
  readonly agents: number;
  readonly frameworks: number;
  /** Of the registered ones; none where they are not known. */
  readonly frameworkIds: readonly string[];
  readonly tasks: number;
};

/** What is published: facts with names made of them, or records that somebody else made. */
export type RecordSource = Source<RecordsRead>;

/** Facts of a cluster, named by our rules. */
export function createStateRecordSource(
  source: Source<ClusterState>,
  { hosts, settings }: { readonly hosts: HostResolver; readonly settings: RecordSettings },
): RecordSource {
  return {
    name: source.name,
    read: async (report, signal) => {
      const state = await source.read(report, signal);
      const resolved = await hosts.resolve(hostNamesOf(state, settings.masters), signal);
      const addressesOfHost = (host: string): readonly string[] => resolved.get(host) ?? [];
      const { ended, recoveringAgents, agents, frameworks } = state;
      return {
        records: generateRecords(state, settings, { addressesOfHost, report }),
        ended,
        recoveringAgents,
        agents: agents.length,
        frameworks: frameworks.length,
        frameworkIds: frameworks.map(({ id }) => id),
        tasks: frameworks.reduce((sum, { tasks }) => sum + tasks.length, 0),
      };
    },
  };
}

/**
 * A mesos-dns's records as they are. It says neither what has ended nor why, so the guard sees every removal as
 * unexplained; what it counts as frameworks and tasks are the names that are neither the cluster's own nor agents'.
 */
export function createTransferRecordSource(source: Source<Transfer>): RecordSource {
  return {
    name: source.name,
    read: async (report, signal) => {
      const { records, domain } = await source.read(report, signal);
      const tasks = tasksNamed(records, domain);
      return {
        records,
        ended: { tasks: [], frameworks: [] },
        recoveringAgents: 0,
        agents: records.A.get(`slave.${domain}.`)?.length ?? 0,
        frameworks: tasks,
        frameworkIds: [],
        tasks,
      };
    },
  };
}

/** Names two labels below the domain or deeper, services aside: a task's, or its instance's. */
function tasksNamed({ A, AAAA }: RecordSet, domain: string): number {
  const isTask = (name: string): boolean =>
    name.endsWith(`.${domain}.`) && name.slice(0, -domain.length - 2).includes('.');
  return [...new Set([...A.keys(), ...AAAA.keys()])].filter((name) => isTask(name)).length;
}
