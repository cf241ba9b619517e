import { type StoredRRset, storedRdata, targetAddresses } from './entry.ts';
import { sameOctets } from './hash.ts';
import { createWriter, octetsKey, type OctetReader, type OctetWriter } from './octets.ts';
import { type RData, SRV_TARGET_OFFSET, TYPE } from './record.ts';

/**
 * The stored addresses of an SRV RRset's targets, by target. An entry has them by the index of the first value
 * that names the target, and indices move when values come and go; an edit has them by name.
 */
export type AddressesByTarget = ReadonlyMap<string, readonly Family[]>;

/** A target's addresses in one family, as stored: type u16, ttl u32, count u16, addresses. */
type Family = Uint8Array;

/** Type, TTL and count, before the addresses. */
const FAMILY_HEADER_OCTETS = 8;

export function addressesByTarget(rrset: StoredRRset): AddressesByTarget {
  const { octets } = rrset.entry;
  const values = storedRdata(rrset);
  const byTarget = new Map<string, Family[]>();
  for (const { valueIndex, type, at, count } of targetAddresses(rrset)) {
    const key = targetKey(values[valueIndex] ?? new Uint8Array());
    const family = octets.subarray(at - FAMILY_HEADER_OCTETS, at + addressOctets(type, count));
    const known = byTarget.get(key);
    if (known) known.push(family);
    else byTarget.set(key, [family]);
  }
  return byTarget;
}

/** Writes the targets of `is` whose addresses are not those they had in `was`, each with all it has now. */
export function writeChangedTargets(into: OctetWriter, was: StoredRRset, is: StoredRRset): void {
  const [before, after] = [addressesByTarget(was), addressesByTarget(is)];
  const values = storedRdata(is);
  const countAt = into.offset();
  into.u32(0);
  let count = 0;
  for (const [key, index] of firstNamed(values)) {
    const families = after.get(key) ?? [];
    if (sameFamilies(before.get(key) ?? [], families)) continue;
    count++;
    const name = values[index]?.subarray(SRV_TARGET_OFFSET) ?? new Uint8Array();
    into.u8(name.length);
    into.octets(name);
    into.u8(families.length);
    for (const family of families) into.octets(family);
  }
  into.setU32(countAt, count);
}

/** What `writeChangedTargets` wrote, over the addresses known before. Throws `FormatError`. */
export function readChangedTargets(reader: OctetReader, known: AddressesByTarget): AddressesByTarget {
  const byTarget = new Map(known);
  for (let left = reader.u32(); left > 0; left--) {
    const key = octetsKey(reader.octets(reader.u8()));
    byTarget.set(
      key,
      Array.from({ length: reader.u8() }, () => readFamily(reader)),
    );
  }
  return byTarget;
}

/** Writes the targets' addresses as a name's entry has them: by the first value that names the target. */
export function writeTargetAddresses(
  into: OctetWriter,
  values: readonly RData[],
  byTarget: AddressesByTarget,
): void {
  const countAt = into.offset();
  into.u32(0);
  let count = 0;
  for (const [key, index] of firstNamed(values)) {
    for (const family of byTarget.get(key) ?? []) {
      into.u32(index);
      into.octets(family);
      count++;
    }
  }
  into.setU32(countAt, count);
}

/** Each target of the values, with the index of the first value that names it. */
function firstNamed(values: readonly RData[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const [index, value] of values.entries()) {
    const key = targetKey(value);
    if (!first.has(key)) first.set(key, index);
  }
  return first;
}

function targetKey(value: RData): string {
  return octetsKey(value.subarray(SRV_TARGET_OFFSET));
}

function readFamily(reader: OctetReader): Family {
  const family = createWriter(FAMILY_HEADER_OCTETS);
  const [type, ttl, count] = [reader.u16(), reader.u32(), reader.u16()];
  family.u16(type);
  family.u32(ttl);
  family.u16(count);
  family.octets(reader.octets(addressOctets(type, count)));
  return family.written();
}

function addressOctets(type: number, count: number): number {
  return count * (type === TYPE.A ? 4 : 16);
}

function sameFamilies(a: readonly Family[], b: readonly Family[]): boolean {
  return a.length === b.length && a.every((family, i) => sameOctets(family, b[i] ?? new Uint8Array()));
}
