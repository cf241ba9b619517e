import { type AddressesOf, entryName, readEntry, writeEntry, writeTombstone } from './entry.ts';
import { hashName, type NameHash, sameOctets } from './hash.ts';
import { findInLevels, type Levels, liveEntries } from './levels.ts';
import { nameToWire, type OwnerName, parentBelow } from './name.ts';
import { createWriter } from './octets.ts';
import { remember } from './remember.ts';
import { type RRset, TYPE } from './record.ts';

/** What a zone holds, asked name by name so that a large one need not stand in memory as RRsets. */
export type ZoneContent = {
  readonly owners: () => Iterable<OwnerName>;
  readonly has: (owner: OwnerName) => boolean;
  /** Empty for a name that exists without anything to answer. */
  readonly rrsetsAt: (owner: OwnerName) => readonly RRset[];
};

/** All entries of a zone, encoded back to back, and where each lies. */
export type EntryTable = {
  readonly octets: Uint8Array;
  /** Entry `i` is from `offsets[i]` to `offsets[i + 1]`. */
  readonly offsets: readonly number[];
  /** Entry `i`'s name hash in two lists of numbers: a million small objects would take more than the entries. */
  readonly slots: readonly number[];
  readonly shards: readonly number[];
};

/** One name as it is from now on: its whole entry, or a tombstone. */
export type EntryChange = { readonly hash: NameHash; readonly octets: Uint8Array };

const REMEMBERED_TARGETS = 10_000;

/** Encodes every owner name of `content`, and an entry for every empty non-terminal above them. */
export function encodeEntries(
  content: ZoneContent,
  { origin, seed }: { readonly origin: OwnerName; readonly seed: Uint8Array },
): EntryTable {
  const writer = createWriter(64 * 1024);
  const [offsets, slots, shards]: [number[], number[], number[]] = [[0], [], []];
  const addressesOf = addressesIn(content);
  const add = (owner: OwnerName, rrsets: readonly RRset[]): void => {
    const name = nameToWire(owner);
    const { slot, shard } = hashName(name, seed);
    writeEntry(writer, name, { rrsets, addressesOf });
    offsets.push(writer.offset());
    slots.push(slot);
    shards.push(shard);
  };
  const nonTerminals = createNonTerminals(origin);
  for (const owner of content.owners()) {
    add(owner, content.rrsetsAt(owner));
    nonTerminals.add(owner);
  }
  for (const name of nonTerminals.names()) if (!content.has(name)) add(name, []);
  return { octets: writer.written(), offsets, slots, shards };
}

/**
 * The entries of the owner names that came, changed or went, and of the empty non-terminals that came or went with
 * them; `content` is what the zone holds now. `existed` tells whether an owner name was there before. Brings
 * `nonTerminals` up to date. An SRV owner whose target's address changed has to be among `owners`.
 */
export function encodeChanges(
  content: ZoneContent,
  owners: Iterable<OwnerName>,
  nonTerminals: NonTerminals,
  { seed, existed }: { readonly seed: Uint8Array; readonly existed: (owner: OwnerName) => boolean },
): EntryChange[] {
  const changed = new Set(owners);
  const ancestors: OwnerName[] = [];
  for (const owner of changed) {
    const [was, is] = [existed(owner), content.has(owner)];
    if (is && !was) ancestors.push(...nonTerminals.add(owner));
    if (was && !is) ancestors.push(...nonTerminals.remove(owner));
  }
  const addressesOf = addressesIn(content);
  const writer = createWriter();
  const written = Array.from(new Set([...changed, ...ancestors]), (owner) => {
    const name = nameToWire(owner);
    const start = writer.offset();
    const rrsets = content.has(owner) ? content.rrsetsAt(owner) : undefined;
    if (rrsets || nonTerminals.has(owner)) writeEntry(writer, name, { rrsets: rrsets ?? [], addressesOf });
    else writeTombstone(writer, name);
    return { hash: hashName(name, seed), start, end: writer.offset() };
  });
  const octets = writer.written();
  return written.map(({ hash, start, end }) => ({ hash, octets: octets.subarray(start, end) }));
}

/**
 * The entries that make the levels say what `next` says: all that differ, and tombstones for names that are gone.
 * For a restart, when nobody knows what changed.
 */
export function tableChanges(published: Levels, next: EntryTable): EntryChange[] {
  const { seed } = published.table;
  const changes: EntryChange[] = [];
  for (let i = 0; i < next.slots.length; i++) {
    const octets = entryOctets(next, i);
    const hash = { slot: next.slots[i] ?? 0, shard: next.shards[i] ?? 0 };
    const before = findInLevels(published, entryName(readEntry(octets)), hash);
    if (!before || !sameOctets(before.octets, octets)) changes.push({ hash, octets });
  }
  const isNext = indexNames(next);
  for (const entry of liveEntries(published)) {
    const name = entryName(entry);
    const hash = hashName(name, seed);
    if (isNext(name, hash.slot)) continue;
    const writer = createWriter(name.length + 3);
    writeTombstone(writer, name);
    changes.push({ hash, octets: writer.written() });
  }
  return changes;
}

/** The octets of a table's entry. */
export function entryOctets({ octets, offsets }: EntryTable, index: number): Uint8Array {
  return octets.subarray(offsets[index], offsets[index + 1]);
}

/**
 * The names below the origin that have owner names below them, counted, so that it is known when the last of
 * these goes. Such a name exists even where it has nothing to answer (RFC 8020). Every owner is added once.
 */
export type NonTerminals = {
  /** Gives the ancestors that had nothing below them until now. */
  readonly add: (owner: OwnerName) => readonly OwnerName[];
  /** Gives the ancestors that have nothing below them any more. */
  readonly remove: (owner: OwnerName) => readonly OwnerName[];
  /** Is there an owner below this name? */
  readonly has: (name: OwnerName) => boolean;
  readonly names: () => Iterable<OwnerName>;
};

export function createNonTerminals(origin: OwnerName): NonTerminals {
  /** Directly below each name: owners, and names counted here (a name that is both counts twice). */
  const children = new Map<OwnerName, number>();
  return {
    add: (owner) => {
      const begun: OwnerName[] = [];
      for (let name = parentBelow(owner, origin); name !== undefined; name = parentBelow(name, origin)) {
        const count = children.get(name) ?? 0;
        children.set(name, count + 1);
        if (count > 0) break;
        begun.push(name);
      }
      return begun;
    },
    remove: (owner) => {
      const ended: OwnerName[] = [];
      for (let name = parentBelow(owner, origin); name !== undefined; name = parentBelow(name, origin)) {
        const count = children.get(name) ?? 0;
        if (count > 1) children.set(name, count - 1);
        else children.delete(name);
        if (count !== 1) break;
        ended.push(name);
      }
      return ended;
    },
    has: (name) => children.has(name),
    names: () => children.keys(),
  };
}

/** The addresses an SRV entry takes along. */
function addressesIn(content: ZoneContent): AddressesOf {
  // A service's targets are named by each of its ports and protocols.
  return remember((target) => content.rrsetsAt(target).filter(isAddressSet), REMEMBERED_TARGETS);
}

function isAddressSet(rrset: RRset): boolean {
  return rrset.type === TYPE.A || rrset.type === TYPE.AAAA;
}

/** Whether a name is in the table, asked by its slot hash. */
function indexNames(table: EntryTable): (name: Uint8Array, slot: number) => boolean {
  const { slots } = table;
  const size = 2 ** Math.ceil(Math.log2(Math.max(2, slots.length * 2)));
  const index = new Int32Array(size).fill(-1);
  for (const [i, slot] of slots.entries()) {
    let at = slot & (size - 1);
    while (index[at] !== -1) at = (at + 1) & (size - 1);
    index[at] = i;
  }
  return (name, slot) => {
    for (let at = slot & (size - 1); ; at = (at + 1) & (size - 1)) {
      const i = index[at] ?? -1;
      if (i === -1) return false;
      if (slots[i] === slot && sameOctets(entryName(readEntry(entryOctets(table, i))), name)) return true;
    }
  };
}
