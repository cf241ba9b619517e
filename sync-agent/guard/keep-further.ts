import type { RecordValue } from '../records/difference.ts';
import { isDcosName } from '../records/dcos-names.ts';
import { readInstance, sharedName } from '../records/instance.ts';
import type { RecordSet } from '../records/record-set.ts';
import { mayBeFurther, ownAddresses } from './further-names.ts';
import { ADDRESS_TYPES, agentsName, type Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

/**
 * What held tasks have at names that labels or rules gave: their own addresses there, in alias zones too. Another task
 * that had the same address may have given the name; then it stays with this one. Goes once over all addresses.
 */
export function keptFurther(held: readonly Missing[], source: ReadSource, domain: string): RecordValue[] {
  if (source.hasFurtherNames !== true) return [];
  const { published, next } = source;
  const addresses = new Set(held.flatMap((each) => ownAddresses(each, published)));
  if (addresses.size === 0) return [];
  // What is held for itself has all its values.
  const apart = new Set(held.flatMap(({ instance, names }) => (instance ? [] : names)));
  const ofTasks = namesByForm(published, domain);
  const agents = agentsName(domain);
  const kept: RecordValue[] = [];
  for (const type of ADDRESS_TYPES) {
    for (const [name, values] of published[type]) {
      if (name === agents || ofTasks.has(name) || apart.has(name) || isDcosName(name)) continue;
      const lost = values.filter((value) => addresses.has(value));
      if (lost.length === 0) continue;
      if (!mayBeFurther(name, source, domain)) continue;
      // Nothing stands beside a CNAME (RFC 1034 §3.6.2).
      if (next.MORE.get(name)?.some((value) => value.startsWith('CNAME ')) === true) continue;
      const read = new Set(next[type].get(name));
      for (const value of lost) if (!read.has(value)) kept.push({ type, name, value });
    }
  }
  return kept;
}

/** Tasks' own names, and those that tasks share by being called the same. */
function namesByForm(published: RecordSet, domain: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const type of ADDRESS_TYPES) {
    for (const name of published[type].keys()) {
      const instance = readInstance(name, domain);
      if (instance) names.add(name).add(sharedName(instance, domain));
    }
  }
  return names;
}
