import {
  emptyRecords,
  RECORD_SET_TYPES,
  type RecordSet,
  type RecordSetType,
  srvTarget,
} from './record-set.ts';

/** Values of one name by type, each once; a type without any is left out. */
export type NameValues = { readonly [Type in RecordSetType]?: readonly string[] | undefined };

/** What names held before they changed; nothing for one that was not there. */
export type NamesBefore = ReadonlyMap<string, NameValues>;

/** One value of one name. */
export type RecordValue = { readonly type: RecordSetType; readonly name: string; readonly value: string };

/**
 * Names whose answers differ between two record sets: their own values do, in whatever order they come, or
 * the addresses of a target that their SRV values name.
 */
export function changedNames(before: RecordSet, after: RecordSet): Set<string> {
  const changed = new Set<string>();
  for (const type of RECORD_SET_TYPES) {
    for (const [name, values] of after[type]) {
      const earlier = before[type].get(name);
      if (!earlier || !haveSame(earlier, values)) changed.add(name);
    }
    for (const name of before[type].keys()) if (!after[type].has(name)) changed.add(name);
  }
  if (changed.size === 0) return changed;
  const own = new Set(changed);
  for (const [name, values] of after.SRV) {
    if (!own.has(name) && values.some((value) => own.has(srvTarget(value)))) changed.add(name);
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

export function* recordValues(records: RecordSet): Generator<RecordValue> {
  for (const type of RECORD_SET_TYPES) {
    for (const [name, values] of records[type]) for (const value of values) yield { type, name, value };
  }
}

/** `records` and further values; lists that gain some are copied. */
export function withValues(records: RecordSet, further: readonly RecordValue[]): RecordSet {
  if (further.length === 0) return records;
  const sum = copyOf(records);
  const grown = new Map<string, Set<string>>();
  for (const { type, name, value } of further) {
    const id = `${type} ${name}`;
    const values = grown.get(id) ?? new Set(records[type].get(name));
    grown.set(id, values.add(value));
  }
  for (const [id, values] of grown) {
    const space = id.indexOf(' ');
    const type = RECORD_SET_TYPES.find((each) => each === id.slice(0, space));
    if (type) sum[type].set(id.slice(space + 1), [...values]);
  }
  return sum;
}

/** `records` as they were before: what changed set back. */
export function withBefore(records: RecordSet, before: NamesBefore): RecordSet {
  const earlier = copyOf(records);
  for (const [name, values] of before) setValues(earlier, name, values);
  return earlier;
}

/** These names of a record set, and none besides. */
export function partOf(records: RecordSet, names: Iterable<string>): RecordSet {
  const part: Lists = emptyRecords();
  for (const name of names) setValues(part, name, valuesAt(records, name));
  return part;
}

export function valuesAt({ A, AAAA, SRV, MORE }: RecordSet, name: string): NameValues {
  return { A: A.get(name), AAAA: AAAA.get(name), SRV: SRV.get(name), MORE: MORE.get(name) };
}

export function hasValues({ A, AAAA, SRV, MORE }: NameValues): boolean {
  return A !== undefined || AAAA !== undefined || SRV !== undefined || MORE !== undefined;
}

/** Lists that others may share: they are replaced, never changed. */
export type Lists = Record<RecordSetType, Map<string, readonly string[]>>;

/** Other maps of the same lists. */
export function copyOf({ A, AAAA, SRV, MORE }: RecordSet): Lists {
  return { A: new Map(A), AAAA: new Map(AAAA), SRV: new Map(SRV), MORE: new Map(MORE) };
}

/** A name's values, in the place of all it had. */
export function setValues(into: Lists, name: string, values: NameValues): void {
  for (const type of RECORD_SET_TYPES) {
    const list = values[type];
    if (list) into[type].set(name, list);
    else into[type].delete(name);
  }
}
