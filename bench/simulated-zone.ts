import { type ClusterChange } from '../simulate/mutations.ts';
import type { ClusterSnapshot, SimulatedApp, SimulatedTask } from '../simulate/cluster-snapshot.ts';
import { createCluster, type SimulatedCluster } from '../simulate/cluster.ts';
import { stateChunks } from '../simulate/state.ts';
import type { ClusterState } from '../sync-agent/cluster.ts';
import { parseConfig } from '../sync-agent/config.ts';
import { recordSettings, recordTtl, zoneOf } from '../sync-agent/record-settings.ts';
import { generateRecords } from '../sync-agent/records/generate.ts';
import type { Trace } from '../sync-agent/records/giver.ts';
import {
  emptyRecords,
  type RecordSetType,
  type RecordSink,
  typeOf,
} from '../sync-agent/records/record-set.ts';
import { toZoneContent } from '../sync-agent/records/rrsets.ts';
import { readStateDocument } from '../sync-agent/sources/state-document.ts';
import type { ZoneContent } from '../zone/entries.ts';
import { type OwnerName, parseName } from '../zone/name.ts';

/** What an agent without a configuration publishes, but for rules that look at several tasks together. */
export const CONFIG = parseConfig(
  { records: { health: { unhealthyTasks: 'keep' }, killingTasks: 'by-state', drainingAgents: 'keep' } },
  'bench',
);

const SEED = 1;
const TASKS_PER_AGENT = 40;
/** RRsets a task brings in the simulated cluster, about; the first guess of `clusterOf`. */
const RRSETS_PER_TASK = 4.5;
const GUESSES = 3;
const CLOSE_ENOUGH = 0.01;
const MASTER = { id: 'bench', ip: '127.0.0.1', port: 5050, hostname: 'localhost', electedSeconds: 0 };

/** Records that one task gives, repeats included. */
type Given = { readonly type: RecordSetType; readonly name: string; readonly value: string };

/** A simulated cluster's zone, kept as the cluster is without making all of its records anew. */
export type SimulatedZone = {
  readonly cluster: SimulatedCluster;
  readonly content: ZoneContent;
  readonly rrsets: () => number;
  /** Brings the content up to date; gives what the publisher is to be told. */
  readonly follow: (changes: readonly ClusterChange[]) => Promise<Followed>;
  readonly tasksOf: (app: SimulatedApp) => readonly SimulatedTask[];
};
export type Followed = {
  readonly owners: readonly OwnerName[];
  readonly existed: (owner: OwnerName) => boolean;
};

/** A cluster whose zone has about so many RRsets, always the same one. */
export async function simulateZone(rrsets: number): Promise<SimulatedZone> {
  let tasks = Math.round(rrsets / RRSETS_PER_TASK);
  for (let guess = 1; ; guess++) {
    const agents = Math.max(12, Math.ceil(tasks / TASKS_PER_AGENT));
    const zone = await followedZone(createCluster({ seed: SEED, agents, tasks }));
    const ratio = rrsets / zone.rrsets();
    if (guess === GUESSES || Math.abs(ratio - 1) < CLOSE_ENOUGH) return zone;
    tasks = Math.round(tasks * ratio);
  }
}

/** What the agent reads of a cluster, through its own door. */
async function readSnapshot(snapshot: ClusterSnapshot): Promise<ClusterState> {
  const octets = (async function* () {
    for (const chunk of stateChunks(snapshot, MASTER)) yield Buffer.from(chunk);
  })();
  return (await readStateDocument(octets, () => undefined)).state;
}

/** The zone of a cluster, whatever its size. */
export async function followedZone(cluster: SimulatedCluster): Promise<SimulatedZone> {
  const first = cluster.snapshot();
  const records = emptyRecords();
  const tasks = new Map<string, SimulatedTask>();
  for (const { tasks: living } of first.frameworks) for (const task of living) tasks.set(task.id, task);
  // Values stand as often as they are given, so that what one task took along another still holds.
  for (const { type, name, value } of await givenBy(first, 'all')) push(records[type], name, value);

  const apply = async (
    task: SimulatedTask | undefined,
    by: 1 | -1,
    touched: Map<string, boolean>,
  ): Promise<void> => {
    if (!task) return;
    for (const { type, name, value } of await givenBy(alone(task, first), 'tasks')) {
      if (!touched.has(name)) touched.set(name, hasName(records, name));
      if (by === 1) push(records[type], name, value);
      else take(records[type], name, value);
    }
  };
  const { origin } = zoneOf(CONFIG);
  const rrsets = { origin, ttl: recordTtl(CONFIG), srvWeight: 1, sources: 1 };
  return {
    cluster,
    content: toZoneContent(records, rrsets, () => undefined),
    rrsets: () => records.A.size + records.AAAA.size + records.SRV.size,
    tasksOf: (app) => [...tasks.values()].filter((task) => task.app === app),
    follow: async (changes) => {
      const touched = new Map<string, boolean>();
      for (const change of changes) {
        const [gone, come] = change.kind === 'moved' ? [change.from, change.to] : [change.task, change.task];
        await apply(tasks.get(gone.id), -1, touched);
        tasks.delete(gone.id);
        if (change.kind === 'ended' || change.kind === 'vanished') continue;
        await apply(come, 1, touched);
        tasks.set(come.id, come);
      }
      const owners = new Map(Array.from(touched, ([name, existed]) => [parseName(name), existed]));
      return { owners: [...owners.keys()], existed: (owner) => owners.get(owner) ?? false };
    },
  };
}

type Lists = Readonly<Record<RecordSetType, Map<string, string[]>>>;

function hasName(records: Lists, name: string): boolean {
  return records.A.has(name) || records.AAAA.has(name) || records.SRV.has(name);
}

function push(lists: Map<string, string[]>, name: string, value: string): void {
  const values = lists.get(name);
  if (values) values.push(value);
  else lists.set(name, [value]);
}

function take(lists: Map<string, string[]>, name: string, value: string): void {
  const values = lists.get(name) ?? [];
  const at = values.indexOf(value);
  if (at < 0) throw new Error(`the benchmark lost count: ${name} has no ${value}`);
  values.splice(at, 1);
  if (values.length === 0) lists.delete(name);
}

/** A cluster of one task, on its agent, in its framework. */
function alone(task: SimulatedTask, { startedSeconds }: ClusterSnapshot): ClusterSnapshot {
  const { framework } = task.app;
  const only = { framework, tasks: [task], completedTasks: [], unregisteredSeconds: undefined };
  return {
    startedSeconds,
    agents: [task.agent],
    frameworks: [only],
    completedFrameworks: [],
    recoveredAgents: [],
  };
}

/** Every record as it is added, those of tasks alone or all. */
async function givenBy(snapshot: ClusterSnapshot, whose: 'tasks' | 'all'): Promise<readonly Given[]> {
  const given: Given[] = [];
  let counts = whose === 'all';
  const note = (type: RecordSetType, name: string, value: string): void => {
    if (counts) given.push({ type, name, value });
  };
  const around = (into: RecordSink): RecordSink => ({
    add: (type, name, value) => {
      note(type, name, value);
      into.add(type, name, value);
    },
    addAddress: (name, address) => {
      note(typeOf(address), name, address);
      into.addAddress(name, address);
    },
    at: (name) => {
      const inner = into.at(name);
      return {
        add: (type, value) => {
          note(type, name, value);
          inner.add(type, value);
        },
        addAddress: (address) => {
          note(typeOf(address), name, address);
          inner.addAddress(address);
        },
      };
    },
  });
  const trace: Trace = {
    around,
    begin: (giver) => {
      if (whose === 'tasks') counts = giver.kind === 'task';
    },
  };
  const quiet = { addressesOfHost: () => [], report: () => undefined };
  const settings = recordSettings(CONFIG);
  const kept = generateRecords(await readSnapshot(snapshot), settings, { ...quiet, trace });
  // Names nobody can ask for were left out on the way.
  return given.filter(({ type, name }) => kept[type].has(name));
}
