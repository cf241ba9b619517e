import { entryName } from '../../zone/entry.ts';
import { nameFromWire, type OwnerName } from '../../zone/name.ts';
import { TYPE } from '../../zone/record.ts';
import type { Zone } from '../../zone/zone.ts';
import type { AllEntries } from './entries.ts';
import { frameworkIn, type Place, placeOf, sharedNameOf } from './places.ts';
import { valuesOf } from './transfer.ts';

type Record = { readonly name: string; readonly host: string; readonly rtype: 'A' | 'AAAA' | 'SRV' };
/** Records by framework and task name. */
type Batch = Map<string, Map<string, Record[]>>;

/** So many records are grouped at a time; a zone that has no shards rarely has more. */
const BATCH_RECORDS = 50_000;
const TYPES = ['A', 'AAAA', 'SRV'] as const;

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

async function frameworksIn(origin: OwnerName, all: AllEntries): Promise<ReadonlySet<string>> {
  const frameworks = new Set<string>();
  for await (const entry of all()) {
    const framework = frameworkIn(nameFromWire(entryName(entry)), origin);
    if (framework !== undefined) frameworks.add(framework);
  }
  return frameworks;
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
    const shared = sharedNameOf(name);
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
