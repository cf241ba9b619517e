import type { ClusterState, Ended } from './cluster.ts';
import type { HostResolver } from './hosts.ts';
import type { NamesBefore } from './records/difference.ts';
import { withAliasesEnded } from './records/framework-alias.ts';
import { hostNamesOf } from './records/generate.ts';
import { createRecordKeeper } from './records/keeper.ts';
import type { RecordSet } from './records/record-set.ts';
import type { RecordSettings } from './records/settings.ts';
import type { Transfer } from './sources/mesos-dns-axfr.ts';
import type { LiveSource } from './sources/live.ts';
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
  /** Running tasks that a rule keeps out of the records, by reason. */
  readonly hidden?: Readonly<Record<string, number>>;
  /** Those shown although a rule speaks against them, since nothing of their name would be left, by reason. */
  readonly spared?: Readonly<Record<string, number>>;
  /** When this was the cluster's state, Unix seconds; undefined: as it was read. */
  readonly asOfSeconds?: number | undefined;
  /** What changed since an earlier read of the same source; undefined: that is not known. */
  readonly changes?: RecordChanges | undefined;
  /** What the guard has to know of names that do not show whose they are; as `SourceRead` has it. */
  readonly hasFurtherNames?: boolean | undefined;
  readonly announced?: ReadonlyMap<string, boolean> | undefined;
};

/** Names whose answers changed between two reads, by the reads' numbers. */
export type RecordChanges = { readonly since: number; readonly upTo: number; readonly before: NamesBefore };

/** What is published: facts with names made of them, or records that somebody else made. */
export type RecordSource = Source<RecordsRead> & {
  /** As `LiveSource` has it; undefined for a source that is only asked. */
  readonly follow?: LiveSource<unknown>['follow'] | undefined;
  readonly status?: LiveSource<unknown>['status'] | undefined;
};

/** Facts of a cluster, named by our rules. */
export function createStateRecordSource(
  source: Source<ClusterState> & Partial<Pick<LiveSource<ClusterState>, 'follow' | 'status'>>,
  { hosts, settings }: { readonly hosts: HostResolver; readonly settings: RecordSettings },
): RecordSource {
  const keeper = createRecordKeeper(settings);
  let reads = 0;
  return {
    name: source.name,
    follow: source.follow,
    status: source.status,
    read: async (report, signal) => {
      const state = await source.read(report, signal);
      const resolved = await hosts.resolve(hostNamesOf(state, settings.masters), signal);
      const { ended, recoveringAgents, agents, frameworks, asOfSeconds } = state;
      const { records, before, skipped, hidden, spared, hiddenTasks, announced } = keeper.update(
        state,
        (host) => resolved.get(host) ?? [],
      );
      for (const each of skipped) report(each);
      const changes = { since: reads, upTo: ++reads, before };
      return {
        records,
        changes,
        hidden,
        spared,
        hasFurtherNames: settings.shape !== undefined,
        announced,
        asOfSeconds,
        // The guard is not to hold what a rule takes out.
        ended: withAliasesEnded(
          hiddenTasks.length > 0 ? { ...ended, tasks: [...ended.tasks, ...hiddenTasks] } : ended,
          frameworks,
          settings,
        ),
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
        records: { ...records, MORE: NOTHING },
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

const NOTHING: ReadonlyMap<string, readonly string[]> = new Map();

/** Names two labels below the domain or deeper, services aside: a task's, or its instance's. */
function tasksNamed({ A, AAAA }: Pick<RecordSet, 'A' | 'AAAA'>, domain: string): number {
  const isTask = (name: string): boolean =>
    name.endsWith(`.${domain}.`) && name.slice(0, -domain.length - 2).includes('.');
  return [...new Set([...A.keys(), ...AAAA.keys()])].filter((name) => isTask(name)).length;
}
