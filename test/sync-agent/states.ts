import type {
  ClusterState,
  Endpoint,
  MesosAgent,
  MesosFramework,
  MesosTask,
  RunningStatus,
} from '../../sync-agent/cluster.ts';
import { generateRecords } from '../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../sync-agent/records/record-set.ts';
import type { RecordSettings } from '../../sync-agent/records/settings.ts';
import { parseEndpoint } from '../../sync-agent/sources/pid.ts';
import { keepReports } from './reports.ts';

/** Settings as the `full` profile has them, but for what a test changes. */
export function settingsWith(changes: Partial<RecordSettings> = {}): RecordSettings {
  return {
    domain: 'mesos',
    labelRules: 'rfc1123',
    ipSources: ['netinfo', 'mesos', 'host'],
    masters: [],
    nameServer: 'ns1.mesos.',
    nameServerAddresses: [],
    rawDiscoveryNames: 'lower-case',
    reservedNames: 'kept-apart',
    maxPortsPerTask: 1000,
    ...changes,
  };
}

export function stateWith(parts: Partial<ClusterState>): ClusterState {
  return {
    leader: undefined,
    agents: [],
    frameworks: [],
    ended: { tasks: [], frameworks: [] },
    recoveringAgents: 0,
    ...parts,
  };
}

/** An agent at `host:port`, or one whose pid could not be read. */
export function agentAt(id: string, place: string | undefined): MesosAgent {
  return { id, endpoint: place === undefined ? undefined : parseEndpoint(place) };
}

export function frameworkWith(parts: Partial<MesosFramework> & { readonly name: string }): MesosFramework {
  return { id: `id of ${parts.name}`, endpoint: undefined, tasks: [], ...parts };
}

/** A running task on agent `x-S0`. */
export function taskWith(parts: Partial<MesosTask>): MesosTask {
  return {
    id: '',
    name: 'web',
    agentId: 'x-S0',
    state: 'TASK_RUNNING',
    ports: [],
    running: [],
    discovery: undefined,
    ...parts,
  };
}

export function statusWith(parts: Partial<RunningStatus>): RunningStatus {
  return { timestamp: 1, netinfo: [], docker: [], mesos: [], ...parts };
}

export function endpoints(...places: readonly string[]): Endpoint[] {
  return places.map((place) => parseEndpoint(place));
}

export type PlainRecords = Readonly<
  Record<'A' | 'AAAA' | 'SRV', Readonly<Record<string, readonly string[]>>>
>;

/** The records of a state, as objects, and what was reported while making them. */
export function recordsOf(
  state: Partial<ClusterState>,
  changes: Partial<RecordSettings> = {},
  hosts: Readonly<Record<string, readonly string[]>> = {},
): { readonly records: PlainRecords; readonly set: RecordSet } & Omit<
  ReturnType<typeof keepReports>,
  'report'
> {
  const { report, ...kept } = keepReports();
  const known = new Map(Object.entries(hosts));
  const addressesOfHost = (host: string): readonly string[] => known.get(host) ?? [];
  const set = generateRecords(stateWith(state), settingsWith(changes), { addressesOfHost, report });
  return { records: plain(set), set, ...kept };
}

export function plain(set: RecordSet): PlainRecords {
  return {
    A: Object.fromEntries(set.A),
    AAAA: Object.fromEntries(set.AAAA),
    SRV: Object.fromEntries(set.SRV),
  };
}
