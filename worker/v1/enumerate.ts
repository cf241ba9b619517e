import { entryName } from '../../zone/entry.ts';
import { nameFromWire, type OwnerName } from '../../zone/name.ts';
import { TYPE } from '../../zone/record.ts';
import type { Zone } from '../../zone/zone.ts';
import type { AllEntries } from './entries.ts';
import { valuesOf } from './transfer.ts';

type Record = { readonly name: string; readonly host: string; readonly rtype: 'A' | 'AAAA' | 'SRV' };
/** What a name says of whose it is: the framework, and the task's name with or without its instance. */
type Place = { readonly framework: string; readonly task: string };
/** Records by framework and task name. */
type Batch = Map<string, Map<string, Record[]>>;

/** So many records are grouped at a time; a zone that has no shards rarely has more. */
const BATCH_RECORDS = 50_000;
const TYPES = ['A', 'AAAA', 'SRV'] as const;
/** `part-hash-tail`: the hash in z-base-32, the tail without a hyphen (mesos-dns's canonical names). */
const INSTANCE = /^(.+)-[13-9a-km-uw-z]{5}-[^-]*$/;

/**
 * The tasks' records as mesos-dns's `/v1/enumerate` groups them, in pieces. A snapshot holds names, not tasks:
 * whose a record is, is read from its name, instances of one task name come as one task, and its `id` is
 * empty. In a zone of several batches a framework comes several times. Throws `FormatError`.
 */
export async function* enumerationOf({ origin, soa }: Zone, all: AllEntries): AsyncGenerator<string> {
  const frameworks = await frameworksIn(origin, all);
  let batch: Batch = new Map();
  let records = 0;
  let separator = '\n';
  yield '{"frameworks":[';
  for await (const entry of all()) {
    const owner = nameFromWire(entryName(entry));
    const place = owner === soa.mname ? undefined : placeOf(owner, origin, frameworks);
    if (!place) continue;
    for (const rtype of TYPES)
      for (const host of valuesOf(entry, TYPE[rtype])) {
        add(batch, place, { name: `${owner}.`, host, rtype });
        records++;
      }
    if (records < BATCH_RECORDS) continue;
    for (const text of written(batch)) {
      yield `${separator}${text}`;
      separator = ',\n';
    }
    batch = new Map();
    records = 0;
  }
  for (const text of written(batch)) {
    yield `${separator}${text}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

/**
 * The frameworks' names, which may have dots in them: what stands behind the protocol of their services and of
 * their tasks' services, whose labels are the only ones that begin with an underscore.
 */
async function frameworksIn(origin: OwnerName, all: AllEntries): Promise<ReadonlySet<string>> {
  const frameworks = new Set<string>();
  for await (const entry of all()) {
    const [, framework] =
      /^_.*\._[^.]+\.(.+?)(?:\.slave)?$/.exec(below(nameFromWire(entryName(entry)), origin)) ?? [];
    if (framework !== undefined) frameworks.add(framework);
  }
  return frameworks;
}

function below(name: OwnerName, origin: OwnerName): string {
  return name.slice(0, Math.max(0, name.length - origin.length - 1));
}

/** Whose name this is; undefined for the cluster's own names and the frameworks' own. */
function placeOf(owner: OwnerName, origin: OwnerName, frameworks: ReadonlySet<string>): Place | undefined {
  const [, onAgent] = /^(.+\.[^_.][^.]*)\.slave$/.exec(below(owner, origin)) ?? [];
  const inFramework = onAgent ?? below(owner, origin);
  const framework = frameworkOf(inFramework, frameworks);
  if (framework === undefined) return undefined;
  const rest = inFramework.slice(0, -framework.length - 1);
  if (!rest.startsWith('_')) return { framework, task: rest };
  // A task's services are `_task._protocol` and, of named ports, `_port._task._protocol`.
  const [, task] = /^(?:_[^.]+\.)?_([^_.].*|)\._[^.]+$/.exec(rest) ?? [];
  return task === undefined || rest === '_framework._tcp' ? undefined : { framework, task };
}

/** The longest framework name that ends a name but is not all of it; where none is known, its last label. */
function frameworkOf(name: string, frameworks: ReadonlySet<string>): string | undefined {
  if (frameworks.has(name)) return undefined;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const suffix = name.slice(dot + 1);
    if (frameworks.has(suffix) || !suffix.includes('.')) return suffix;
  }
  return undefined;
}

function add(batch: Batch, { framework, task }: Place, record: Record): void {
  let tasks = batch.get(framework);
  if (!tasks) batch.set(framework, (tasks = new Map()));
  const records = tasks.get(task);
  if (records) records.push(record);
  else tasks.set(task, [record]);
}

/** A batch, a text for each framework, all in order of names. */
function* written(batch: Batch): Generator<string> {
  for (const [name, byName] of inOrder(batch)) {
    const tasks = [...inOrder(withInstances(byName))].map(([task, records]) => ({
      name: task,
      id: '',
      records: records.toSorted(byTypeAndName),
    }));
    yield JSON.stringify({ tasks, name });
  }
}

/** Records of `web-abcde-s0` go to `web`, if there is such a task. */
function withInstances(tasks: ReadonlyMap<string, readonly Record[]>): Map<string, Record[]> {
  const joined = new Map<string, Record[]>();
  for (const [name, records] of tasks) {
    const [, shared] = INSTANCE.exec(name) ?? [];
    const task = shared !== undefined && tasks.has(shared) ? shared : name;
    joined.set(task, [...(joined.get(task) ?? []), ...records]);
  }
  return joined;
}

function inOrder<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function byTypeAndName(a: Record, b: Record): number {
  if ((a.rtype === 'SRV') !== (b.rtype === 'SRV')) return a.rtype === 'SRV' ? 1 : -1;
  return a.name === b.name ? 0 : a.name < b.name ? -1 : 1;
}
