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

/**
 * Those that a successor took the place of: the only value of their name, which has a new task now. `newcomers`
 * are the shared names of tasks that were not published. Where several frameworks have that part of names (`contested`)
 * it may be any one's.
 */
export function succeeded(
  missing: readonly Missing[],
  {
    published,
    newcomers,
    domain,
    contested,
  }: {
    readonly published: RecordSet;
    readonly newcomers: ReadonlySet<string>;
    readonly domain: string;
    readonly contested: ReadonlySet<string> | undefined;
  },
): ReadonlySet<Missing> {
  if (newcomers.size === 0) return new Set();
  return new Set(
    missing.filter(({ instance }) => {
      if (!instance || contested?.has(instance.framework) === true) return false;
      const own = sharedName({ ...instance, onAgent: false }, domain);
      const shared = hasName(published, own) ? own : sharedName({ ...instance, onAgent: true }, domain);
      const isOnlyOne = ADDRESS_TYPES.every((type) => (published[type].get(shared)?.length ?? 0) <= 1);
      return isOnlyOne && newcomers.has(shared);
    }),
  );
}
