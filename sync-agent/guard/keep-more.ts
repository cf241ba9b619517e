import { hasValues, type RecordValue, valuesAt } from '../records/difference.ts';
import { sharedName } from '../records/instance.ts';
import type { Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

export type KeptSoFar = {
  readonly held: readonly Missing[];
  /** Values of other types that are kept. */
  readonly values: readonly RecordValue[];
  /** Owners of what is held. */
  readonly targets: ReadonlySet<string>;
  readonly domain: string;
};

/**
 * What else held names have: their own TTL, HTTPS and SVCB records, texts; and names of other tasks' that lead to
 * them: CNAMEs, bindings of single ports.
 */
export function keptMore({ held, values, targets, domain }: KeptSoFar, source: ReadSource): RecordValue[] {
  const { published, next } = source;
  if (published.MORE.size === 0) return [];
  const owners = new Set(values.map(({ name }) => name));
  for (const { names, value } of held) if (value === undefined) for (const name of names) owners.add(name);
  const led = new Set(targets);
  for (const { instance } of held) if (instance) led.add(sharedName({ ...instance, onAgent: false }, domain));
  const kept: RecordValue[] = [];
  for (const [name, further] of published.MORE) {
    const read = new Set(next.MORE.get(name));
    const keep = (value: string): void => {
      if (!read.has(value)) kept.push({ type: 'MORE', name, value });
    };
    if (owners.has(name)) {
      for (const value of further) if (!value.startsWith('CNAME ')) keep(value);
      continue;
    }
    const isGone = !hasValues(valuesAt(next, name));
    const stay = further.filter((value) => {
      const [type = '', first = '', second = ''] = value.split(' ', 3);
      if (type === 'CNAME') return led.has(first) && (isGone || read.has(value));
      return (type === 'HTTPS' || type === 'SVCB') && led.has(second);
    });
    for (const value of stay) keep(value);
    // The least of several tasks' TTLs counts: theirs is among them.
    for (const value of stay.length > 0 ? further : []) if (value.startsWith('TTL ')) keep(value);
  }
  return kept;
}
