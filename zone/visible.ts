import {
  type Entry,
  entryName,
  FLAG_TARGETS,
  readEntry,
  rrsetsOf,
  sectionOctets,
  type StoredRRset,
  storedRdata,
  targetAddresses,
  writeEntry,
  writeEntryHeader,
} from './entry.ts';
import { isAtOrBelow, lowerOctet } from './name.ts';
import { createWriter, type OctetWriter } from './octets.ts';
import { TYPE } from './record.ts';

/** May whoever asks not know of this name (lower-case wire form)? */
export type IsHidden = (name: Uint8Array) => boolean;

/**
 * What a view by names shows of a name: all it has; that it exists (`above`: it stands above a name of the view, or
 * is the zone's apex); or not even that. It depends on the view alone and never on what there is.
 */
export type Standing = 'visible' | 'above' | 'hidden';

/** `subtrees` are the view's names, each with all below it; undefined: every name. All in lower-case wire form. */
export function standingOf(
  name: Uint8Array,
  { origin, subtrees }: { readonly origin: Uint8Array; readonly subtrees: readonly Uint8Array[] | undefined },
): Standing {
  if (!subtrees || subtrees.some((subtree) => isAtOrBelow(name, subtree))) return 'visible';
  const isAbove = name.length === origin.length || subtrees.some((subtree) => isAtOrBelow(subtree, name));
  return isAbove ? 'above' : 'hidden';
}

/**
 * A name to look up in place of one that is hidden: as far away, and nobody's, since its letters are none. A decoy's
 * decoy is one too, where a view looks into a view.
 */
export function decoyOf(name: Uint8Array): Uint8Array {
  const decoy = name.slice();
  for (let at = 0; name[at]; at += 1 + (name[at] ?? 0))
    for (let i = at + 1; i <= at + (name[at] ?? 0); i++) decoy[i] = 0x80 | ((name[i] ?? 0) + 1);
  return decoy;
}

/** The entry of a name that exists and has nothing. */
export function emptyEntry(name: Uint8Array): Entry {
  const into = createWriter(name.length + 3);
  writeEntry(into, name, { rrsets: [], addressesOf: () => [] });
  return readEntry(into.written());
}

/** Where in RDATA the name stands to which a record of the type leads. */
const NAME_OFFSETS: Readonly<Record<number, number>> = {
  [TYPE.NS]: 0,
  [TYPE.CNAME]: 0,
  [TYPE.PTR]: 0,
  [TYPE.MX]: 2,
  [TYPE.SRV]: 6,
  [TYPE.DNAME]: 0,
  // SVCB, HTTPS (RFC 9460 §2.2).
  64: 2,
  65: 2,
};

/**
 * The entry without the values that lead to hidden names, nor their addresses; a set that has no other is left out.
 * The entry itself where nothing is hidden. Throws `FormatError`, also for an edit.
 */
export function withoutHidden(entry: Entry, isHidden: IsHidden): Entry {
  if (entry.kind === 'tombstone') return entry;
  const sections = rrsetsOf(entry).map((rrset) => ({ rrset, kept: keptValues(rrset, isHidden) }));
  if (sections.every(({ rrset, kept }) => kept.length === rrset.count)) return entry;
  const left = sections.filter(({ kept }) => kept.length > 0);
  const name = entryName(entry);
  const into = createWriter(entry.octets.length);
  writeEntryHeader(into, name, { kind: 'name', sections: left.length });
  for (const { rrset, kept } of left)
    if (kept.length === rrset.count) into.octets(sectionOctets(rrset));
    else writeSection(into, rrset, kept);
  return readEntry(into.written());
}

/** By index. */
function keptValues(rrset: StoredRRset, isHidden: IsHidden): number[] {
  const offset = NAME_OFFSETS[rrset.type];
  const kept: number[] = [];
  const values = offset === undefined ? undefined : storedRdata(rrset);
  for (let i = 0; i < rrset.count; i++) {
    const name = values && nameAt(values[i] ?? new Uint8Array(), offset ?? 0);
    if (!values || (name && !isHidden(name))) kept.push(i);
  }
  return kept;
}

/** In lower case; undefined where there is no whole name. */
function nameAt(rdata: Uint8Array, start: number): Uint8Array | undefined {
  let end = start;
  while (rdata[end]) end += 1 + (rdata[end] ?? 0);
  return rdata[end] === 0 ? rdata.slice(start, end + 1).map(lowerOctet) : undefined;
}

function writeSection(into: OctetWriter, rrset: StoredRRset, kept: readonly number[]): void {
  const values = storedRdata(rrset);
  const hasTargets = rrset.valuesEnd !== rrset.end;
  into.u16(rrset.type);
  into.u8(rrset.sources);
  into.u8(hasTargets ? FLAG_TARGETS : 0);
  into.u32(rrset.ttl);
  const lengthAt = into.offset();
  into.u32(0);
  into.u32(kept.length);
  for (const i of kept) {
    const value = values[i] ?? new Uint8Array();
    into.u16(value.length);
    into.octets(value);
  }
  if (hasTargets) writeTargets(into, rrset, kept);
  into.setU32(lengthAt, into.offset() - lengthAt - 4);
}

/** Values of one target are kept or left out together, so the first of them has its addresses still. */
function writeTargets(into: OctetWriter, rrset: StoredRRset, kept: readonly number[]): void {
  const indexes = new Map(kept.map((before, now) => [before, now]));
  const targets = targetAddresses(rrset).filter(({ valueIndex }) => indexes.has(valueIndex));
  into.u32(targets.length);
  for (const { valueIndex, type, ttl, at, count } of targets) {
    into.u32(indexes.get(valueIndex) ?? 0);
    into.u16(type);
    into.u32(ttl);
    into.u16(count);
    into.octets(rrset.entry.octets.subarray(at, at + count * (type === TYPE.A ? 4 : 16)));
  }
}
