import { entryName } from '../../zone/entry.ts';
import { nameFromWire } from '../../zone/name.ts';
import { type Levels, liveEntries } from '../../zone/levels.ts';
import { publishedRRsets, type ZoneNumbers } from './published-name.ts';
import { emptyRecords, type RecordSet } from './record-set.ts';

/** A published snapshot as a record set: what is answered, in the form mesos-dns holds it. */
export function fromLevels(levels: Levels, numbers?: ZoneNumbers): RecordSet {
  const records = emptyRecords();
  for (const entry of liveEntries(levels)) {
    const owner = `${nameFromWire(entryName(entry))}.`;
    for (const { type, values } of publishedRRsets(entry, numbers)) records[type].set(owner, [...values]);
  }
  return records;
}
