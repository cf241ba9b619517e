import type { RecordSet, RecordSetType } from './record-set.ts';

/** Values of one name by type, each once; a type without any is left out. */
export type NameValues = { readonly [Type in RecordSetType]?: readonly string[] | undefined };

/** What names held before they changed; nothing for one that was not there. */
export type NamesBefore = ReadonlyMap<string, NameValues>;

/** One value of one name. */
export type RecordValue = { readonly type: RecordSetType; readonly name: string; readonly value: string };

const TYPES: readonly RecordSetType[] = ['A', 'AAAA', 'SRV'];

/**
 * Names whose answers differ between two record sets: their own values do, in whatever order they come, or
 * the addresses of a target that their SRV values name.
 */
export function changedNames(before: RecordSet, after: RecordSet): Set<string> {
  const changed = new Set<string>();
  for (const type of TYPES) {
    for (const [name, values] of after[type]) {
      const earlier = before[type].get(name);
      if (!earlier || !haveSame(earlier, values)) changed.add(name);
    }
    for (const name of before[type].keys()) if (!after[type].has(name)) changed.add(name);
  }
  if (changed.size === 0) return changed;
  const own = new Set(changed);
  for (const [name, values] of after.SRV) {
    if (!own.has(name) && values.some((value) => own.has(value.slice(0, value.lastIndexOf(':')))))
      changed.add(name);
  }
  return changed;
}

/** Have both, of which each has a value once, the same values? */
export function haveSame(a: readonly string[] = [], b: readonly string[] = []): boolean {
  if (a.length !== b.length) return false;
  let first = 0;
  while (first < a.length && a[first] === b[first]) first++;
  if (first === a.length) return true;
  const left = new Set(a.slice(first));
  return b.slice(first).every((value) => left.has(value));
}

/** `records` and further values; lists that gain some are copied. */
export function withValues(records: RecordSet, further: readonly RecordValue[]): RecordSet {
  if (further.length === 0) return records;
  const sum = { A: new Map(records.A), AAAA: new Map(records.AAAA), SRV: new Map(records.SRV) };
  const grown = new Map<string, Set<string>>();
  for (const { type, name, value } of further) {
    const id = `${type} ${name}`;
    const values = grown.get(id) ?? new Set(records[type].get(name));
    grown.set(id, values.add(value));
  }
  for (const [id, values] of grown) {
    const space = id.indexOf(' ');
    const type = TYPES.find((each) => each === id.slice(0, space));
    if (type) sum[type].set(id.slice(space + 1), [...values]);
  }
  return sum;
}

/** `records` as they were before: what changed set back. */
export function withBefore(records: RecordSet, before: NamesBefore): RecordSet {
  const earlier = { A: new Map(records.A), AAAA: new Map(records.AAAA), SRV: new Map(records.SRV) };
  for (const [name, values] of before) setAll(earlier, name, values);
  return earlier;
}

/** These names of a record set, and none besides. */
export function partOf(records: RecordSet, names: Iterable<string>): RecordSet {
  const part = { A: new Map(), AAAA: new Map(), SRV: new Map() };
  for (const name of names) setAll(part, name, valuesAt(records, name));
  return part;
}

export function valuesAt(records: RecordSet, name: string): NameValues {
  return { A: records.A.get(name), AAAA: records.AAAA.get(name), SRV: records.SRV.get(name) };
}

export function hasValues({ A, AAAA, SRV }: NameValues): boolean {
  return A !== undefined || AAAA !== undefined || SRV !== undefined;
}

type Lists = Record<RecordSetType, Map<string, readonly string[]>>;

function setAll(into: Lists, name: string, values: NameValues): void {
  for (const type of TYPES) {
    const list = values[type];
    if (list) into[type].set(name, list);
    else into[type].delete(name);
  }
}
