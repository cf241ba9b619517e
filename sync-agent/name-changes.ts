import { type Entry, entryName, rrsetsOf, storedRdata } from '../zone/entry.ts';
import { hashName } from '../zone/hash.ts';
import { findInLevels, type Levels, liveEntries } from '../zone/levels.ts';
import { nameFromWire } from '../zone/name.ts';
import { rdataText } from '../zone/rdata-text.ts';
import { typeName } from '../zone/record.ts';
import type { Change } from './publish/published.ts';

/** What a push changes of one name: records as master file lines without the name (RFC 1035 §5.1). */
export type NameChange = {
  /** Presentation form without the final dot. */
  readonly name: string;
  readonly removed: readonly string[];
  readonly added: readonly string[];
};

/** A change name by name, in order; a name whose own records stay (its targets moved, say) has no lines. */
export function nameChanges({
  before,
  after,
  changed,
}: Pick<Change, 'before' | 'after' | 'changed'>): NameChange[] {
  const names = before ? changed : Array.from(liveEntries(after), (entry) => entryName(entry));
  return names
    .map((name) => {
      const [old, now] = [linesOf(before, name), linesOf(after, name)];
      return {
        name: nameFromWire(name),
        removed: old.filter((line) => !now.includes(line)),
        added: now.filter((line) => !old.includes(line)),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function linesOf(levels: Levels | undefined, name: Uint8Array): string[] {
  const entry = levels && findInLevels(levels, name, hashName(name, levels.table.seed));
  return entry?.kind === 'name' ? recordLines(entry) : [];
}

function recordLines(entry: Entry): string[] {
  return rrsetsOf(entry).flatMap((rrset) =>
    storedRdata(rrset).map(
      (rdata) =>
        `${rrset.ttl} IN ${typeName(rrset.type)} ${rdataText(rdata, { type: rrset.type, at: 0, end: rdata.length })}`,
    ),
  );
}
