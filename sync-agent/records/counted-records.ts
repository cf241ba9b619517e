import type { ReportSkipped } from '../cluster.ts';
import { haveSame, type NamesBefore, type NameValues } from './difference.ts';
import {
  emptyRecords,
  isAskable,
  type OwnerSink,
  RECORD_SET_TYPES,
  type RecordSet,
  type RecordSetType,
  type RecordSink,
  srvTarget,
  typeOf,
} from './record-set.ts';

/** A record set that is changed in place. A value that several elements give stays until all have taken it back. */
export type CountedRecords = {
  /** As it is now: it changes with every record that is given or taken back. */
  readonly records: RecordSet;
  /** Sinks of one element, whose names nobody can ask for are left out and told to `report`. */
  readonly giving: (report: ReportSkipped) => RecordSink;
  /** The same element's records, taken back as they were given. */
  readonly takingBack: () => RecordSink;
  /**
   * Names whose answers differ from what they were at the last call, with what they held then: their own values
   * do, or the addresses of a target that their SRV values name. The first call gives none.
   */
  readonly takeChanges: () => NamesBefore;
};

/** Above this many values a name's repeats are found through a map instead of by looking. */
const MANY_VALUES = 16;

export function createCountedRecords(): CountedRecords {
  const records = emptyRecords();
  /** How often a value was given beyond the first time, by list. Nearly all are given once. */
  const again = new Map<readonly string[], Map<string, number>>();
  /** Where values stand in lists that are long. */
  const places = new Map<readonly string[], Map<string, number>>();
  const before = new Map<string, Partial<Record<RecordSetType, readonly string[]>>>();
  /** From the first call of `takeChanges` on: until then everything is new. */
  let isWatched = false;

  /** Remembers what a name holds before it is touched for the first time. */
  const touch = (name: string): void => {
    if (!isWatched || before.has(name)) return;
    const values: Partial<Record<RecordSetType, readonly string[]>> = {};
    for (const type of RECORD_SET_TYPES) {
      const list = records[type].get(name);
      if (list) values[type] = [...list];
    }
    before.set(name, values);
  };
  const placeOf = (list: string[], value: string): number => {
    if (list.length < MANY_VALUES) return list.indexOf(value);
    let known = places.get(list);
    if (!known) places.set(list, (known = new Map(list.map((each, i) => [each, i]))));
    return known.get(value) ?? -1;
  };
  const give = (type: RecordSetType, name: string, value: string): boolean => {
    const list = records[type].get(name);
    if (!list && !isAskable(name)) return false;
    touch(name);
    if (!list) {
      records[type].set(name, [value]);
      return true;
    }
    if (placeOf(list, value) < 0) {
      places.get(list)?.set(value, list.length);
      list.push(value);
      return true;
    }
    const counts = again.get(list) ?? new Map<string, number>();
    if (counts.size === 0) again.set(list, counts);
    counts.set(value, (counts.get(value) ?? 0) + 1);
    return true;
  };
  const takeBack = (type: RecordSetType, name: string, value: string): boolean => {
    const list = records[type].get(name);
    if (!list && !isAskable(name)) return false;
    const place = list ? placeOf(list, value) : -1;
    if (!list || place < 0) throw new Error(`${name} ${type} ${value} was never given`);
    touch(name);
    const counts = again.get(list);
    const count = counts?.get(value);
    if (counts && count !== undefined) {
      if (count > 1) counts.set(value, count - 1);
      else counts.delete(value);
      if (counts.size === 0) again.delete(list);
      return true;
    }
    // The last one takes its place.
    const last = list.pop() ?? value;
    const known = places.get(list);
    known?.delete(value);
    if (last !== value) {
      list[place] = last;
      known?.set(last, place);
    }
    if (list.length < MANY_VALUES) places.delete(list);
    if (list.length === 0) records[type].delete(name);
    return true;
  };

  return {
    records,
    giving: (report) => sinkOf(give, report),
    takingBack: () => sinkOf(takeBack, () => undefined),
    takeChanges: () => {
      isWatched = true;
      const changed = new Map<string, NameValues>();
      for (const [name, values] of before) {
        if (RECORD_SET_TYPES.some((type) => !haveSame(values[type], records[type].get(name))))
          changed.set(name, values);
      }
      // Of what was touched, not of all: a target's addresses change with the element that gives both.
      const own = new Set(changed.keys());
      for (const [name, values] of own.size > 0 ? before : []) {
        const isLed = (value: string): boolean => own.has(srvTarget(value));
        if (!own.has(name) && records.SRV.get(name)?.some(isLed) === true) changed.set(name, values);
      }
      before.clear();
      return changed;
    },
  };
}

/** False for a name nobody can ask for. */
type Change = (type: RecordSetType, name: string, value: string) => boolean;

function sinkOf(change: Change, report: ReportSkipped): RecordSink {
  const dropped = new Set<string>();
  const add = (type: RecordSetType, name: string, value: string): void => {
    if (change(type, name, value) || dropped.has(name)) return;
    dropped.add(name);
    report({ reason: 'name-not-askable', detail: `${JSON.stringify(name)} can't be asked for` });
  };
  const at = (name: string): OwnerSink => ({
    add: (type, value) => add(type, name, value),
    addAddress: (address) => add(typeOf(address), name, address),
  });
  return { add, addAddress: (name, address) => add(typeOf(address), name, address), at };
}
