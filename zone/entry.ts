import { FormatError } from './format-error.ts';
import { nameFromWire, type OwnerName } from './name.ts';
import type { OctetWriter } from './octets.ts';
import { type RData, type RRset, SRV_TARGET_OFFSET, TYPE } from './record.ts';
import type { Span } from './span.ts';

/**
 * An entry: an owner name with all it has, or the word that it has nothing (a tombstone), or what has changed
 * since the entry of the next level below (an edit: `edit.ts`). An entry without RRsets is a name that exists
 * all the same: an empty non-terminal (RFC 8020), or one whose values can't be answered. Layout, all numbers
 * big-endian (`docs/snapshot-format.md`):
 *
 *     name length u8, owner name in lower-case wire form, kind u8, section count u8, then sections by type:
 *     type u16, sources u8, flags u8, ttl u32, length of the rest u32, value count u32,
 *     values: RDLENGTH u16, RDATA
 *     SRV: target count u32, then for each target and family: value index u32, type u16, ttl u32,
 *          address count u16, addresses
 */
const SECTION_HEADER_OCTETS = 16;
const TARGET_HEADER_OCTETS = 12;
/** By kind octet. */
const KINDS = ['tombstone', 'name', 'edit'] as const;
/** Section flag: SRV targets' addresses follow the values. */
export const FLAG_TARGETS = 1;

/** An entry in place: `octets` is the entry alone. An edit says nothing until it is applied (`edit.ts`). */
export type Entry = {
  readonly kind: (typeof KINDS)[number];
  readonly octets: Uint8Array;
  readonly view: DataView;
};

/** One RRset in place; offsets are into its entry's `octets`. */
export type StoredRRset = {
  readonly entry: Entry;
  readonly type: number;
  readonly ttl: number;
  readonly sources: number;
  readonly count: number;
  /** The values from here to `valuesEnd`, each as on the wire: RDLENGTH u16, RDATA. */
  readonly values: number;
  readonly valuesEnd: number;
  /** SRV targets' addresses from `valuesEnd` to here. */
  readonly end: number;
};

/** The addresses of one SRV target in one family: `count` addresses at `at` in the entry. */
export type TargetAddresses = {
  /** The value, by index, whose RDATA names the target. */
  readonly valueIndex: number;
  readonly type: number;
  readonly ttl: number;
  readonly at: number;
  readonly count: number;
};

/** The A and AAAA RRsets of an SRV target, if the zone has them. */
export type AddressesOf = (target: OwnerName) => readonly RRset[];

/**
 * Writes the entry of a name in lower-case wire form; SRV RRsets take their targets' addresses along, so that
 * one look-up is a reply.
 */
export function writeEntry(
  into: OctetWriter,
  name: Uint8Array,
  { rrsets, addressesOf }: { readonly rrsets: readonly RRset[]; readonly addressesOf: AddressesOf },
): void {
  writeEntryHeader(into, name, { kind: 'name', sections: rrsets.length });
  for (const rrset of byType(rrsets)) {
    const targets = rrset.type === TYPE.SRV;
    into.u16(rrset.type);
    into.u8(rrset.sources);
    into.u8(targets ? FLAG_TARGETS : 0);
    into.u32(rrset.ttl);
    const lengthAt = into.offset();
    into.u32(0);
    into.u32(rrset.rdata.length);
    for (const rdata of rrset.rdata) {
      into.u16(rdata.length);
      into.octets(rdata);
    }
    if (targets) writeTargets(into, rrset.rdata, addressesOf);
    into.setU32(lengthAt, into.offset() - lengthAt - 4);
  }
}

function byType(rrsets: readonly RRset[]): readonly RRset[] {
  return rrsets.length > 1 ? rrsets.toSorted((a, b) => a.type - b.type) : rrsets;
}

/** Writes the entry that says a name, in lower-case wire form, does not exist. */
export function writeTombstone(into: OctetWriter, name: Uint8Array): void {
  writeEntryHeader(into, name, { kind: 'tombstone', sections: 0 });
}

/** Writes what stands before the sections of any entry. */
export function writeEntryHeader(
  into: OctetWriter,
  name: Uint8Array,
  { kind, sections }: { readonly kind: Entry['kind']; readonly sections: number },
): void {
  into.u8(name.length);
  into.octets(name);
  into.u8(KINDS.indexOf(kind));
  into.u8(sections);
}

function writeTargets(into: OctetWriter, rdata: readonly RData[], addressesOf: AddressesOf): void {
  const countAt = into.offset();
  into.u32(0);
  const seen = new Set<OwnerName>();
  let count = 0;
  for (const [valueIndex, value] of rdata.entries()) {
    const target = nameFromWire(value.subarray(SRV_TARGET_OFFSET));
    if (seen.has(target)) continue;
    seen.add(target);
    for (const { type, ttl, rdata: addresses } of byType(addressesOf(target))) {
      count++;
      into.u32(valueIndex);
      into.u16(type);
      into.u32(ttl);
      into.u16(addresses.length);
      for (const address of addresses) into.octets(address);
    }
  }
  into.setU32(countAt, count);
}

/** The entry at the start of `octets`, alone. Throws `FormatError`. */
export function readEntry(octets: Uint8Array): Entry {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const kindAt = 1 + (octets[0] ?? 0);
  const kind = KINDS[octets[kindAt] ?? -1];
  if (kind === undefined) throw new FormatError('entry', 'has an unknown kind', kindAt);
  return { kind, octets, view };
}

/** The entry's owner name in wire form. */
export function entryName(entry: Entry): Uint8Array {
  return entry.octets.subarray(1, 1 + (entry.octets[0] ?? 0));
}

/** The RRsets of an entry, by type. Throws `FormatError` where the octets are not an entry's, or an edit's. */
export function rrsetsOf(entry: Entry): StoredRRset[] {
  refuseEdit(entry);
  const rrsets: StoredRRset[] = [];
  for (let at = firstSection(entry), left = sectionCount(entry); left > 0; left--) {
    const rrset = rrsetAt(entry, at);
    rrsets.push(rrset);
    at = rrset.end;
  }
  return rrsets;
}

/** The RRset of one type, if the entry has it. Throws `FormatError`, also for an edit. */
export function rrsetOf(entry: Entry, type: number): StoredRRset | undefined {
  refuseEdit(entry);
  let at = firstSection(entry);
  for (let left = sectionCount(entry); left > 0; left--) {
    const rrset = rrsetAt(entry, at);
    if (rrset.type === type) return rrset;
    at = rrset.end;
  }
  return undefined;
}

/** Offsets of the values, each at its RDLENGTH. */
export function valueOffsets(rrset: StoredRRset): number[] {
  const { entry, count, values, valuesEnd } = rrset;
  const offsets: number[] = [];
  let at = values;
  for (let i = 0; i < count && at + 2 <= valuesEnd; i++) {
    offsets.push(at);
    at += 2 + entry.view.getUint16(at);
  }
  if (offsets.length !== count || at > valuesEnd) throw new FormatError('entry', 'has a cut-off value', at);
  return offsets;
}

/** The RDATA of every value. */
export function storedRdata(rrset: StoredRRset): RData[] {
  const { octets, view } = rrset.entry;
  return valueOffsets(rrset).map((at) => octets.subarray(at + 2, at + 2 + view.getUint16(at)));
}

/** The same where they lie, for sets of very many values. */
export function rdataSpans(rrset: StoredRRset): Span[] {
  const { octets, view } = rrset.entry;
  return valueOffsets(rrset).map((at) => ({ octets, from: at + 2, to: at + 2 + view.getUint16(at) }));
}

/** The addresses of an SRV RRset's targets, in value order; none for other types. */
export function targetAddresses(rrset: StoredRRset): TargetAddresses[] {
  const { view } = rrset.entry;
  if (rrset.valuesEnd === rrset.end) return [];
  const targets: TargetAddresses[] = [];
  let at = rrset.valuesEnd + 4;
  for (let left = view.getUint32(rrset.valuesEnd); left > 0; left--) {
    if (at + TARGET_HEADER_OCTETS > rrset.end) throw new FormatError('entry', 'has cut-off targets', at);
    const valueIndex = view.getUint32(at);
    const type = view.getUint16(at + 4);
    const count = view.getUint16(at + 10);
    const end = at + TARGET_HEADER_OCTETS + count * (type === TYPE.A ? 4 : 16);
    if (end > rrset.end || valueIndex >= rrset.count) throw new FormatError('entry', 'has a bad target', at);
    targets.push({ valueIndex, type, ttl: view.getUint32(at + 6), at: at + TARGET_HEADER_OCTETS, count });
    at = end;
  }
  return targets;
}

/** The octets of an RRset's section, header and all. */
export function sectionOctets(rrset: StoredRRset): Uint8Array {
  return rrset.entry.octets.subarray(rrset.values - SECTION_HEADER_OCTETS, rrset.end);
}

/** Where an entry's sections begin, and how many it says there are. */
export function firstSection(entry: Entry): number {
  return 3 + (entry.octets[0] ?? 0);
}

export function sectionCount(entry: Entry): number {
  return entry.octets[2 + (entry.octets[0] ?? 0)] ?? 0;
}

function refuseEdit(entry: Entry): void {
  if (entry.kind === 'edit') throw new FormatError('entry', 'is an edit of one that is not at hand');
}

/** The RRset whose section begins at `at`. Throws `FormatError`. */
export function rrsetAt(entry: Entry, at: number): StoredRRset {
  const { view, octets } = entry;
  if (at + SECTION_HEADER_OCTETS > octets.length) throw new FormatError('entry', 'has a cut-off section', at);
  const end = at + 12 + view.getUint32(at + 8);
  if (end > octets.length) throw new FormatError('entry', 'has a section past its end', at);
  const values = at + SECTION_HEADER_OCTETS;
  const count = view.getUint32(at + 12);
  const hasTargets = (view.getUint8(at + 3) & FLAG_TARGETS) !== 0;
  const valuesEnd = hasTargets ? endOfValues(view, { at: values, end, count }) : end;
  return {
    entry,
    type: view.getUint16(at),
    sources: view.getUint8(at + 2),
    ttl: view.getUint32(at + 4),
    count,
    values,
    valuesEnd,
    end,
  };
}

/** SRV values are followed by targets, so their end is found by going over them. */
function endOfValues(view: DataView, values: { at: number; end: number; count: number }): number {
  let at = values.at;
  for (let left = values.count; left > 0; left--) {
    if (at + 2 > values.end) throw new FormatError('entry', 'has a cut-off value', at);
    at += 2 + view.getUint16(at);
  }
  if (at + 4 > values.end) throw new FormatError('entry', 'has no room for its targets', at);
  return at;
}
