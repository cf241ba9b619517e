import type { Serial } from '../zone/zone.ts';
import { type NamesBefore, type NameValues, withBefore } from './records/difference.ts';
import type { RecordSet } from './records/record-set.ts';
import type { RecordsRead } from './record-source.ts';

/**
 * What the last push said, beside what was read since: sources may change their record set in place and tell the
 * names. Without a last push only the sink knows.
 */
export type LastPublished = {
  /** Takes note of a read, whatever becomes of it. */
  readonly hasRead: (read: RecordsRead) => void;
  /** A push is on its way: until it is known to have gone well, nothing is known. */
  readonly isUnknown: () => void;
  readonly isNow: (records: RecordSet, serial: Serial, read: RecordsRead) => void;
  /**
   * What is published, if it still is that serial. `changed`: the names in which the last read differs from it, with
   * what is published of them; undefined where only a comparison can tell.
   */
  readonly at: (
    serial: Serial,
  ) => { readonly records: () => RecordSet; readonly changed: NamesBefore | undefined } | undefined;
  /** The records of the last push, whatever the sink has. */
  readonly records: () => RecordSet | undefined;
};

export function createLastPublished(): LastPublished {
  let last: { readonly records: RecordSet; readonly serial: Serial; readonly isAsRead: boolean } | undefined;
  /** Of all reads since the last push, the earliest first; undefined where a read did not tell its changes. */
  let changed: Map<string, NameValues> | undefined;
  let readUpTo: number | undefined;

  const recordsOf = (known: NonNullable<typeof last>): RecordSet =>
    known.isAsRead && changed ? withBefore(known.records, changed) : known.records;
  return {
    hasRead: ({ changes }) => {
      if (!changes || changes.since !== readUpTo) changed = undefined;
      else {
        // What a name held first is what is published of it.
        for (const [name, values] of changes.before) {
          if (changed && !changed.has(name)) changed.set(name, values);
        }
      }
      // A set that changed in place without a word of what it was can't be gone back on.
      if (!changed && last?.isAsRead === true) last = undefined;
      readUpTo = changes?.upTo;
    },
    isUnknown: () => (last = undefined),
    isNow: (records, serial, read) => {
      const isAsRead = records === read.records && read.changes !== undefined;
      last = { records, serial, isAsRead };
      changed = new Map();
    },
    at: (serial) => {
      if (last?.serial !== serial) return undefined;
      const known = last;
      return { records: () => recordsOf(known), changed: known.isAsRead ? changed : undefined };
    },
    records: () => last && recordsOf(last),
  };
}
