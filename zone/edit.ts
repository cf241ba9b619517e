import {
  type Entry,
  entryName,
  firstSection,
  FLAG_TARGETS,
  rdataSpans,
  readEntry,
  rrsetAt,
  rrsetsOf,
  sectionCount,
  sectionOctets,
  type StoredRRset,
  writeEntryHeader,
} from './entry.ts';
import {
  type Places,
  readChangedTargets,
  targetedValues,
  writeChangedTargets,
  writeTargetAddresses,
} from './edit-targets.ts';
import { FormatError } from './format-error.ts';
import { sameOctets } from './hash.ts';
import { createReader, createWriter, type OctetReader, type OctetWriter } from './octets.ts';
import { compareSpans, sameSpans, type Span } from './span.ts';

/**
 * An edit: an entry that says how a name's entry differs from the one the levels below have, so that a task that
 * comes or goes does not write a set of thousands anew. It has one section a type that differs, by type:
 *
 *     a whole section, as in a name's entry
 *     gone:    type u16, sources u8, flags u8 (4), ttl u32, length u32 (0)
 *     edited:  type u16, sources u8, flags u8 (2, with targets 3), ttl u32, length u32,
 *              removed count u32, added count u32, removed values, added values: RDLENGTH u16, RDATA
 *              with targets: count u32, then for each target whose addresses are new or changed:
 *              name length u8, name, family count u8, families: type u16, ttl u32, count u16, addresses
 *
 * `docs/snapshot-format.md` gives every octet.
 */
const FLAG_EDITED = 2;
const FLAG_GONE = 4;
const HEADER_OCTETS = 12;
const MAX_SECTIONS = 255;
/** Sets up to this many values are written whole: an edit would save little, and a reader has to apply it. */
const MAX_WHOLE_VALUES = 64;

/**
 * The octets that make `next` of what the levels below give: `next` itself, unless it has a set of more than 64
 * values and an edit of `base` is less than half as large.
 */
export function layOver(base: Entry | undefined, next: Entry): Uint8Array {
  const large = next.kind === 'name' && rrsetsOf(next).some(({ count }) => count > MAX_WHOLE_VALUES);
  if (base?.kind !== 'name' || !large) return next.octets;
  const edit = encodeEdit(base, next);
  const pays = edit.length * 2 < next.octets.length;
  // What a reader would make of the edit is what was meant, or it is not used.
  return pays && sameOctets(applyEdit(base, readEntry(edit)).octets, next.octets) ? edit : next.octets;
}

/** The edit that makes `next` of `base`, entries of one name whose values are in canonical order. */
export function encodeEdit(base: Entry, next: Entry): Uint8Array {
  const before = byType(rrsetsOf(base));
  const after = byType(rrsetsOf(next));
  const sections: Uint8Array[] = [];
  for (const type of typesOf(before, after)) {
    const [was, is] = [before.get(type), after.get(type)];
    if (!is) sections.push(encodeSection({ type, sources: 0, ttl: 0 }, FLAG_GONE));
    else if (!was) sections.push(sectionOctets(is));
    else if (!sameOctets(sectionOctets(was), sectionOctets(is))) {
      const [edited, whole] = [editedSection(was, is), sectionOctets(is)];
      sections.push(edited.length < whole.length ? edited : whole);
    }
  }
  return encodeSections('edit', entryName(next), sections);
}

/**
 * The entry that an edit makes of `base`, the entry the levels below give: octet for octet the one that was
 * meant. An entry that is no edit is itself. Throws `FormatError` for damaged octets, or an edit of another entry.
 */
export function applyEdit(base: Entry | undefined, edit: Entry): Entry {
  if (edit.kind !== 'edit') return edit;
  if (base?.kind !== 'name' || !sameOctets(entryName(base), entryName(edit)))
    throw new FormatError('edit', 'lies over no entry of its name');
  const before = byType(rrsetsOf(base));
  const edits = new Map(editSections(edit).map((section) => [section.type, section]));
  const sections: Uint8Array[] = [];
  for (const type of typesOf(before, edits)) {
    const [was, section] = [before.get(type), edits.get(type)];
    if (was && !section) sections.push(sectionOctets(was));
    if (section?.kind === 'whole') sections.push(section.octets);
    else if (section && !was) throw new FormatError('edit', `changes type ${type}, which is not there`);
    else if (section?.kind === 'edited' && was) sections.push(applySection(was, section));
  }
  return readEntry(encodeSections('name', entryName(edit), sections));
}

type EditSection =
  | { readonly kind: 'whole' | 'gone'; readonly type: number; readonly octets: Uint8Array }
  | ({ readonly kind: 'edited'; readonly flags: number; readonly rest: Uint8Array } & SectionFields);

type SectionFields = Pick<StoredRRset, 'type' | 'sources' | 'ttl'>;

function byType(rrsets: readonly StoredRRset[]): Map<number, StoredRRset> {
  return new Map(rrsets.map((rrset) => [rrset.type, rrset]));
}

function typesOf(...maps: readonly ReadonlyMap<number, unknown>[]): number[] {
  return [...new Set(maps.flatMap((map) => [...map.keys()]))].toSorted((a, b) => a - b);
}

function encodeSections(kind: Entry['kind'], name: Uint8Array, sections: readonly Uint8Array[]): Uint8Array {
  if (sections.length > MAX_SECTIONS) throw new FormatError('edit', 'makes more sections than an entry has');
  const into = createWriter(sections.reduce((sum, { length }) => sum + length, name.length + 3));
  writeEntryHeader(into, name, { kind, sections: sections.length });
  for (const section of sections) into.octets(section);
  return into.written();
}

function encodeSection(
  { type, sources, ttl }: SectionFields,
  flags: number,
  writeRest?: (into: OctetWriter) => void,
): Uint8Array {
  const into = createWriter();
  into.u16(type);
  into.u8(sources);
  into.u8(flags);
  into.u32(ttl);
  into.u32(0);
  writeRest?.(into);
  into.setU32(HEADER_OCTETS - 4, into.offset() - HEADER_OCTETS);
  return into.written();
}

/** The sections of an edit, types ascending. Throws `FormatError`. */
function editSections(edit: Entry): EditSection[] {
  const { octets, view } = edit;
  const sections: EditSection[] = [];
  let last = -1;
  for (let at = firstSection(edit), left = sectionCount(edit); left > 0; left--) {
    if (at + HEADER_OCTETS > octets.length) throw new FormatError('edit', 'has a cut-off section', at);
    const type = view.getUint16(at);
    const flags = view.getUint8(at + 3);
    const end = at + HEADER_OCTETS + view.getUint32(at + 8);
    if (end > octets.length || type <= last) throw new FormatError('edit', 'has a section out of place', at);
    if ((flags & FLAG_EDITED) !== 0) {
      const fields = { type, sources: view.getUint8(at + 2), ttl: view.getUint32(at + 4) };
      const rest = octets.subarray(at + HEADER_OCTETS, end);
      sections.push({ kind: 'edited', ...fields, flags: flags & ~FLAG_EDITED, rest });
    } else if ((flags & FLAG_GONE) !== 0)
      sections.push({ kind: 'gone', type, octets: octets.subarray(at, end) });
    else sections.push({ kind: 'whole', type, octets: sectionOctets(rrsetAt(edit, at)) });
    last = type;
    at = end;
  }
  return sections;
}

function editedSection(was: StoredRRset, is: StoredRRset): Uint8Array {
  const [before, after] = [rdataSpans(was), rdataSpans(is)];
  const { removed, added, places } = differenceOf(before, after);
  const hasTargets = is.valuesEnd !== is.end;
  return encodeSection(is, FLAG_EDITED | (hasTargets ? FLAG_TARGETS : 0), (into) => {
    into.u32(removed.length);
    into.u32(added.length);
    writeValues(into, removed);
    writeValues(into, added);
    if (hasTargets)
      writeChangedTargets(into, {
        was: targetedValues(was, before),
        is: targetedValues(is, after),
        added,
        places,
      });
  });
}

/** The section that `edit` makes of `was`, as `writeEntry` would have written it. */
function applySection(was: StoredRRset, edit: EditSection & { kind: 'edited' }): Uint8Array {
  const reader = createReader(edit.rest, 'edit');
  const [removedCount, addedCount] = [reader.u32(), reader.u32()];
  const [removed, added] = [readValues(reader, removedCount), readValues(reader, addedCount)];
  const before = rdataSpans(was);
  const { values, places } = merge(before, removed, added);
  return encodeSection(edit, edit.flags, (into) => {
    into.u32(values.length);
    writeValues(into, values);
    if ((edit.flags & FLAG_TARGETS) !== 0)
      writeTargetAddresses(into, values, {
        was: targetedValues(was, before),
        cameOrWent: [...removed, ...added],
        places,
        changed: readChangedTargets(reader),
      });
    if (reader.left() > 0) throw new FormatError('edit', 'has octets behind its values', reader.offset());
  });
}

/** What two lists in canonical order have that the other has not, and where in `is` the values of `was` are. */
function differenceOf(
  was: readonly Span[],
  is: readonly Span[],
): { removed: Span[]; added: Span[]; places: Places } {
  const [removed, added]: [Span[], Span[]] = [[], []];
  const places: (number | undefined)[] = [];
  let [i, j] = [0, 0];
  while (i < was.length || j < is.length) {
    const [old, now] = [was[i], is[j]];
    const order = old && now ? compareSpans(old, now) : old ? -1 : 1;
    if (order <= 0) places.push(order === 0 ? j : undefined);
    if (old && order < 0) removed.push(old);
    if (now && order > 0) added.push(now);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return { removed, added, places };
}

/** `was` without `removed` and with `added`, all in canonical order, and where the values of `was` are then. */
function merge(
  was: readonly Span[],
  removed: readonly Span[],
  added: readonly Span[],
): { values: Span[]; places: Places } {
  const values: Span[] = [];
  const places: (number | undefined)[] = [];
  let [gone, come] = [0, 0];
  for (const value of was) {
    const goes = removed[gone];
    if (goes && sameSpans(value, goes)) {
      places.push(undefined);
      gone++;
      continue;
    }
    for (let now = added[come]; now && compareSpans(now, value) <= 0; now = added[++come]) values.push(now);
    places.push(values.length);
    values.push(value);
  }
  if (gone < removed.length) throw new FormatError('edit', 'removes a value that is not there');
  return { values: [...values, ...added.slice(come)], places };
}

function writeValues(into: OctetWriter, values: readonly Span[]): void {
  for (const value of values) {
    into.u16(value.to - value.from);
    into.span(value);
  }
}

function readValues(reader: OctetReader, count: number): Span[] {
  const values: Span[] = [];
  for (let left = count; left > 0; left--) values.push(reader.span(reader.u16()));
  return values;
}
