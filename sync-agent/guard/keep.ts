import type { RecordValue } from '../records/difference.ts';
import { readInstance, sharedName } from '../records/instance.ts';
import { type RecordSet, type RecordSetType, srvTarget } from '../records/record-set.ts';
import { keptDcosValues } from './keep-dcos.ts';
import { keptFurther } from './keep-further.ts';
import { keptMore } from './keep-more.ts';
import { ADDRESS_TYPES, agentsName, hasName, type Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

/** The values that what is held has in the snapshot and no longer in what was read. */
export function keptValues(held: readonly Missing[], source: ReadSource, domain: string): RecordValue[] {
  if (held.length === 0) return [];
  const { published, next } = source;
  const agents = agentsName(domain);
  const kept: RecordValue[] = [];
  /** Owners of what is kept: SRV values that lead there are kept too. */
  const targets = new Set<string>();
  const shared = { A: createSharedValues('A', source), AAAA: createSharedValues('AAAA', source) };
  for (const { instance, names, value } of held) {
    if (value !== undefined) {
      targets.add(agents);
      for (const type of ADDRESS_TYPES) shared[type].keep(agents, value);
      continue;
    }
    for (const name of names) {
      targets.add(name);
      const own = instance && readInstance(name, domain);
      for (const type of ADDRESS_TYPES) {
        for (const address of published[type].get(name) ?? []) {
          kept.push({ type, name, value: address });
          if (own) shared[type].keep(sharedName(own, domain), address);
          if (own?.onAgent === true) shared[type].keep(agents, address);
        }
      }
    }
  }
  const beside = keptDcosValues(held, source);
  for (const target of beside.targets) targets.add(target);
  for (const [name, values] of published.SRV) {
    const leading = values.filter((value) => targets.has(srvTarget(value)));
    if (leading.length === 0) continue;
    const read = new Set(next.SRV.get(name));
    for (const value of leading) if (!read.has(value)) kept.push({ type: 'SRV', name, value });
  }
  const values = [
    ...kept,
    ...shared.A.values(),
    ...shared.AAAA.values(),
    ...beside.values,
    ...keptFurther(held, source, domain),
  ];
  return [...values, ...keptMore({ held, values, targets, domain }, source)];
}

/** Values of names that several may account for: each once, if it is published and was not read. */
function createSharedValues(
  type: RecordSetType,
  { published, next }: ReadSource,
): {
  readonly keep: (name: string, value: string) => void;
  readonly values: () => RecordValue[];
} {
  /** Of each name the values that may be kept, and whether they are. */
  const known = new Map<string, Map<string, boolean>>();
  const keepable = (name: string): Map<string, boolean> => {
    const values = new Map((published[type].get(name) ?? []).map((value) => [value, false]));
    for (const value of next[type].get(name) ?? []) values.delete(value);
    known.set(name, values);
    return values;
  };
  return {
    keep: (name, value) => {
      const values = known.get(name) ?? keepable(name);
      if (values.has(value)) values.set(value, true);
    },
    values: () =>
      [...known].flatMap(([name, values]) =>
        [...values].filter(([, isKept]) => isKept).map(([value]) => ({ type, name, value })),
      ),
  };
}

/** One of a task's own names, and whose it is. */
type OwnName = { readonly task: Missing; readonly onAgent: boolean };

/**
 * Those whose place is another's now: what was read leads to the same address and port, and not to them. An
 * agent's address is one place wherever it is named; a task's own may be used anew on each agent, as Docker's are.
 */
export function takenOver(
  missing: readonly Missing[],
  { published, next }: ReadSource,
  domain: string,
): ReadonlySet<Missing> {
  const taken = new Set<Missing>();
  const ownNames = new Map<string, OwnName>();
  for (const task of missing) {
    if (!task.instance) continue;
    for (const name of task.names) ownNames.set(name, { task, onAgent: name !== task.key });
  }
  if (ownNames.size === 0) return taken;
  const places = new Map<string, OwnName[]>();
  for (const place of placesIn(published, (target) => ownNames.has(target))) {
    const own = ownNames.get(place.target);
    const owners = places.get(place.key);
    if (own && owners) owners.push(own);
    else if (own) places.set(place.key, [own]);
  }
  if (places.size === 0) return taken;
  for (const { key, target } of placesIn(next, () => true)) {
    const owners = places.get(key);
    const other = owners && readInstance(target, domain);
    if (!other) continue;
    for (const { task, onAgent } of owners) {
      if (onAgent === other.onAgent && (onAgent || task.instance?.tail === other.tail)) taken.add(task);
    }
  }
  return taken;
}

/** Where SRV values lead: address and port. */
function* placesIn(
  records: RecordSet,
  isWanted: (target: string) => boolean,
): Generator<{ readonly key: string; readonly target: string }> {
  for (const values of records.SRV.values()) {
    for (const value of values) {
      const target = srvTarget(value);
      if (!isWanted(target)) continue;
      // Priority and weight, behind a space, are no part of the place.
      const [port = ''] = value.slice(target.length).split(' ', 1);
      for (const address of addressesOf(records, target)) yield { key: `${address}${port}`, target };
    }
  }
}

/**
 * Those that a successor took the place of: the only value of their name, which has a new task now. `newcomers`
 * are the shared names of tasks that were not published.
 */
export function succeeded(
  missing: readonly Missing[],
  {
    published,
    newcomers,
    domain,
  }: { readonly published: RecordSet; readonly newcomers: ReadonlySet<string>; readonly domain: string },
): ReadonlySet<Missing> {
  if (newcomers.size === 0) return new Set();
  return new Set(
    missing.filter(({ instance }) => {
      if (!instance) return false;
      const own = sharedName({ ...instance, onAgent: false }, domain);
      const shared = hasName(published, own) ? own : sharedName({ ...instance, onAgent: true }, domain);
      const isOnlyOne = ADDRESS_TYPES.every((type) => (published[type].get(shared)?.length ?? 0) <= 1);
      return isOnlyOne && newcomers.has(shared);
    }),
  );
}

function addressesOf({ A, AAAA }: RecordSet, name: string): readonly string[] {
  const six = AAAA.get(name);
  const four = A.get(name) ?? [];
  return six ? [...four, ...six] : four;
}
