import { type StoredRRset, targetAddresses } from './entry.ts';
import { octetsKey, type OctetReader, type OctetWriter, u16At } from './octets.ts';
import { SRV_TARGET_OFFSET, TYPE } from './record.ts';
import { sameSpans, type Span } from './span.ts';

/**
 * The addresses of an SRV RRset's targets, in an edit. An entry has them by the index of the first value that names
 * the target. Most values stay, and so do their targets' addresses: these are moved by index, without a look at the
 * target. Only targets of values that came or went, and those with other addresses, are told by name.
 */
export type TargetedValues = {
  readonly values: readonly Span[];
  /** By the index of the value. */
  readonly families: readonly (readonly Family[] | undefined)[];
};

/** A target's addresses in one family, as stored: type u16, ttl u32, count u16, addresses. */
type Family = Span;

/** By old index the new index of a value, undefined for one that is gone. */
export type Places = readonly (number | undefined)[];

/** Type, TTL and count, before the addresses. */
const FAMILY_HEADER_OCTETS = 8;
const NO_FAMILIES: readonly Family[] = [];

export function targetedValues(rrset: StoredRRset, values: readonly Span[]): TargetedValues {
  const { octets } = rrset.entry;
  const families = Array.from<Family[] | undefined>({ length: values.length });
  for (const { valueIndex, type, at, count } of targetAddresses(rrset)) {
    const family = { octets, from: at - FAMILY_HEADER_OCTETS, to: at + addressOctets(type, count) };
    const known = families[valueIndex];
    if (known) known.push(family);
    else families[valueIndex] = [family];
  }
  return { values, families };
}

/**
 * Writes the targets of `is` whose addresses are not those they had in `was`, each with all it has now. `added` are
 * the values that `was` has not; `places` tells where its own are.
 */
export function writeChangedTargets(
  into: OctetWriter,
  change: { was: TargetedValues; is: TargetedValues; added: readonly Span[]; places: Places },
): void {
  const { was, is, added, places } = change;
  const some = createTargetSet();
  for (const value of added) some.add(targetOf(value));
  was.values.forEach((value, i) => {
    const place = places[i];
    if (place === undefined || !sameFamilies(was.families[i], is.families[place])) some.add(targetOf(value));
  });
  const before = familiesByTarget(was, some);
  const told = new Set<string>();
  const countAt = into.offset();
  into.u32(0);
  let count = 0;
  is.values.forEach((value, i) => {
    const key = some.keyOf(value);
    if (key === undefined || told.has(key)) return;
    told.add(key);
    const families = is.families[i] ?? NO_FAMILIES;
    if (sameFamilies(before.get(key), families)) return;
    count++;
    const name = targetOf(value);
    into.u8(name.to - name.from);
    into.span(name);
    into.u8(families.length);
    for (const family of families) into.span(family);
  });
  into.setU32(countAt, count);
}

/** What `writeChangedTargets` wrote: targets by name, each with all its addresses. Throws `FormatError`. */
export function readChangedTargets(reader: OctetReader): [Span, Family[]][] {
  const changed: [Span, Family[]][] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const name = reader.span(reader.u8());
    changed.push([name, Array.from({ length: reader.u8() }, () => readFamily(reader))]);
  }
  return changed;
}

/**
 * Writes the targets' addresses as a name's entry has them: by the first of `values` that names the target.
 * `cameOrWent` are values that `was` has and `values` has not, or the other way round; `changed` are targets with
 * other addresses than before.
 */
export function writeTargetAddresses(
  into: OctetWriter,
  values: readonly Span[],
  change: {
    was: TargetedValues;
    cameOrWent: readonly Span[];
    places: Places;
    changed: readonly [Span, Family[]][];
  },
): void {
  const { was, cameOrWent, places, changed } = change;
  const some = createTargetSet();
  for (const value of cameOrWent) some.add(targetOf(value));
  for (const [target] of changed) some.add(target);
  const byTarget = familiesByTarget(was, some);
  for (const [target, families] of changed) byTarget.set(keyOf(target), families);

  const families = Array.from<readonly Family[] | undefined>({ length: values.length });
  places.forEach((place, i) => {
    if (place !== undefined) families[place] = was.families[i];
  });
  values.forEach((value, i) => {
    const key = some.keyOf(value);
    if (key === undefined) return;
    families[i] = byTarget.get(key);
    // Further values that name the target have nothing.
    byTarget.delete(key);
  });

  const countAt = into.offset();
  into.u32(0);
  let count = 0;
  families.forEach((all = NO_FAMILIES, index) => {
    for (const family of all) {
      into.u32(index);
      into.span(family);
      count++;
    }
  });
  into.setU32(countAt, count);
}

/** Some of the targets that values name. A few others may be in it: to look at one too many does no harm. */
type TargetSet = {
  readonly add: (target: Span) => void;
  /** The key of a value's target, if that is in the set. */
  readonly keyOf: (value: Span) => string | undefined;
};

/** By numbers: keys of all targets would take most of an edit's time. */
function createTargetSet(): TargetSet {
  const numbers = new Set<number>();
  return {
    add: (target) => void numbers.add(numberOf(target)),
    keyOf: (value) => {
      const target = targetOf(value);
      return numbers.has(numberOf(target)) ? keyOf(target) : undefined;
    },
  };
}

/** The same number for the same octets, and mostly another for others. */
function numberOf({ octets, from, to }: Span): number {
  let number = 0;
  for (let i = from; i < to; i++) number = (Math.imul(number, 31) + (octets[i] ?? 0)) | 0;
  return number;
}

function keyOf({ octets, from, to }: Span): string {
  return octetsKey(octets.subarray(from, to));
}

/** The addresses of those targets that are in the set. */
function familiesByTarget(
  { values, families }: TargetedValues,
  some: TargetSet,
): Map<string, readonly Family[]> {
  const byTarget = new Map<string, readonly Family[]>();
  values.forEach((value, i) => {
    const has = families[i];
    const key = has && some.keyOf(value);
    if (has && key !== undefined) byTarget.set(key, has);
  });
  return byTarget;
}

function targetOf({ octets, from, to }: Span): Span {
  return { octets, from: Math.min(from + SRV_TARGET_OFFSET, to), to };
}

function readFamily(reader: OctetReader): Family {
  const { octets, from } = reader.span(FAMILY_HEADER_OCTETS);
  const [type, count] = [u16At(octets, from), u16At(octets, from + 6)];
  return { octets, from, to: reader.span(addressOctets(type, count)).to };
}

function addressOctets(type: number, count: number): number {
  return count * (type === TYPE.A ? 4 : 16);
}

function sameFamilies(a: readonly Family[] = NO_FAMILIES, b: readonly Family[] = NO_FAMILIES): boolean {
  return (
    a.length === b.length &&
    a.every((family, i) => {
      const other = b[i];
      return other !== undefined && sameSpans(family, other);
    })
  );
}
