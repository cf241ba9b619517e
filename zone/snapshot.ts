import { type Block, encodeBlock, entriesOf, findEntry, openBlock, type PlacedEntry } from './block.ts';
import { type Entry, entryName, readEntry, writeEntry, writeTombstone } from './entry.ts';
import { CONTENT_HASH_OCTETS, contentHash, type NameHash, hashName, sameOctets } from './hash.ts';
import { type LevelTable, MAX_HEAD_OCTETS } from './head.ts';
import { ancestorsBelow, nameFromWire, nameToWire, type OwnerName } from './name.ts';
import { createWriter } from './octets.ts';
import { type RRset, TYPE } from './record.ts';
import type { Serial } from './zone.ts';

/**
 * From RRsets to the three levels of a snapshot. The first level that has a name decides: the overlay (the
 * newest changes, inside the head), the run (one immutable block), the shards (many immutable blocks).
 */
export type Limits = {
  /** The overlay is merged into the run when it would pass this. */
  readonly overlayOctets: number;
  /** Shards are cut when the run would pass this. */
  readonly runOctets: number;
  /** A cut makes as many shards (a power of two, at most 2,048) as keep them below this on average. */
  readonly shardOctets: number;
};

export const DEFAULT_LIMITS: Limits = {
  overlayOctets: 56 * 1024,
  runOctets: 1024 * 1024,
  shardOctets: 384 * 1024,
};

/** At most so many shards that their hashes take half of a head. */
const MAX_SHARD_BITS = 11;
/** Room in a head for its root, the zone's own facts and the settings. */
const HEAD_FACTS_OCTETS = 4096;

/** What a zone holds, asked name by name so that a large one need not stand in memory as RRsets. */
export type ZoneContent = {
  readonly owners: () => Iterable<OwnerName>;
  readonly has: (owner: OwnerName) => boolean;
  /** Empty for a name that exists without anything to answer. */
  readonly rrsetsAt: (owner: OwnerName) => readonly RRset[];
};

/** The blocks behind a level table, opened. */
export type Levels = {
  readonly table: LevelTable;
  readonly overlay: Block | undefined;
  readonly run: Block | undefined;
  /** By shard index; empty without shards. */
  readonly shards: readonly Block[];
};

/** All entries of a zone, encoded back to back, and where each lies. */
export type EntryTable = {
  readonly octets: Uint8Array;
  /** Entry `i` is from `offsets[i]` to `offsets[i + 1]`. */
  readonly offsets: readonly number[];
  readonly hashes: readonly NameHash[];
};

/** What a push would write: new blocks (if any), and the levels the head then names. */
export type Plan = {
  readonly levels: Levels;
  readonly overlayOctets: Uint8Array;
  readonly newRun: Uint8Array | undefined;
  readonly newShards: readonly Uint8Array[];
  /** Entries that differ from what was published, tombstones included. */
  readonly changes: number;
};

/** Encodes every owner name of `content`, and an entry for every empty non-terminal above them. */
export function encodeEntries(
  content: ZoneContent,
  { origin, seed }: { origin: OwnerName; seed: Uint8Array },
): EntryTable {
  const writer = createWriter(64 * 1024);
  const offsets: number[] = [];
  const hashes: NameHash[] = [];
  const addressesOf = (target: OwnerName): readonly RRset[] => content.rrsetsAt(target).filter(isAddressSet);
  const add = (owner: OwnerName, rrsets: readonly RRset[]): void => {
    offsets.push(writer.offset());
    hashes.push(hashName(nameToWire(owner), seed));
    writeEntry(writer, owner, { rrsets, addressesOf });
  };
  const nonTerminals = new Set<OwnerName>();
  for (const owner of content.owners()) {
    add(owner, content.rrsetsAt(owner));
    for (const ancestor of ancestorsBelow(owner, origin)) {
      if (nonTerminals.has(ancestor)) break;
      nonTerminals.add(ancestor);
    }
  }
  for (const owner of nonTerminals) if (!content.has(owner)) add(owner, []);
  offsets.push(writer.offset());
  return { octets: writer.written(), offsets, hashes };
}

function isAddressSet(rrset: RRset): boolean {
  return rrset.type === TYPE.A || rrset.type === TYPE.AAAA;
}

/**
 * What has to be written so that the levels say what `next` says. Without `published` everything is new.
 * Pure: the same arguments give the same octets.
 */
export async function planSnapshot(
  published: Levels | undefined,
  next: EntryTable,
  { seed, serial, limits = DEFAULT_LIMITS }: { seed: Uint8Array; serial: Serial; limits?: Limits },
): Promise<Plan> {
  if (published === undefined) return cut(next, { seed, serial, limits, changes: next.hashes.length });
  const changed = changedEntries(published, next);
  const changes = changed.length;
  if (changes === 0)
    return {
      levels: published,
      overlayOctets: published.overlay?.octets ?? NOTHING,
      newRun: undefined,
      newShards: [],
      changes,
    };

  const base: Levels = { ...published, overlay: undefined };
  const overlay = encodeOptional(
    mergeLevel(published.overlay, changed).filter((entry) => differsFrom(base, entry)),
  );
  if (overlay.length <= Math.min(limits.overlayOctets, overlayRoom(published.table))) {
    const levels = { ...published, overlay: openOptional(overlay) };
    return { levels, overlayOctets: overlay, newRun: undefined, newShards: [], changes };
  }
  const shardsOnly: Levels = { ...base, run: undefined };
  const run = encodeBlock(
    mergeLevel(published.run, overlay.length > 0 ? placedEntries(openBlock(overlay)) : []).filter((entry) =>
      differsFrom(shardsOnly, entry),
    ),
  );
  if (run.length > limits.runOctets) return cut(next, { seed, serial, limits, changes });
  const reference = { serial, hash: await contentHash(run), octets: run.length };
  const levels = { ...shardsOnly, table: { ...published.table, run: reference }, run: openBlock(run) };
  return { levels, overlayOctets: NOTHING, newRun: run, newShards: [], changes };
}

const NOTHING = new Uint8Array();

/** What a head can hold beside the hashes of its shards. */
function overlayRoom({ shards }: LevelTable): number {
  return MAX_HEAD_OCTETS - HEAD_FACTS_OCTETS - (shards ? shards.hashes.length * CONTENT_HASH_OCTETS : 0);
}

/** Everything anew: one run if it fits, else shards. */
async function cut(
  next: EntryTable,
  { seed, serial, limits, changes }: { seed: Uint8Array; serial: Serial; limits: Limits; changes: number },
): Promise<Plan> {
  const run = next.octets.length <= limits.runOctets ? encodeBlock(placedTable(next)) : undefined;
  if (run && run.length <= limits.runOctets) {
    const table = {
      seed,
      run: { serial, hash: await contentHash(run), octets: run.length },
      shards: undefined,
    };
    const levels = { table, overlay: undefined, run: openBlock(run), shards: [] };
    return { levels, overlayOctets: NOTHING, newRun: run, newShards: [], changes };
  }
  const bits = Math.min(
    MAX_SHARD_BITS,
    Math.max(1, Math.ceil(Math.log2(next.octets.length / limits.shardOctets))),
  );
  const members: PlacedEntry[][] = Array.from({ length: 2 ** bits }, () => []);
  for (const [i, hash] of next.hashes.entries()) members[shardOf(hash, bits)]?.push(placedAt(next, i));
  const newShards = members.map((entries) => encodeBlock(entries));
  const hashes = await Promise.all(newShards.map((octets) => contentHash(octets)));
  const table = { seed, run: undefined, shards: { cutSerial: serial, bits, hashes } };
  const levels = {
    table,
    overlay: undefined,
    run: undefined,
    shards: newShards.map((octets) => openBlock(octets)),
  };
  return { levels, overlayOctets: NOTHING, newRun: undefined, newShards, changes };
}

/** Which shard a name is in: the top bits of its shard hash, which share nothing with its slot. */
export function shardOf(hash: NameHash, bits: number): number {
  return bits === 0 ? 0 : hash.shard >>> (32 - bits);
}

/** The entry the levels give for a name, tombstones included; undefined where no level has it. */
export function findInLevels(levels: Levels, name: Uint8Array, hash: NameHash): Entry | undefined {
  const shards = levels.table.shards;
  const shard = shards && levels.shards[shardOf(hash, shards.bits)];
  for (const block of [levels.overlay, levels.run, shard]) {
    const entry = block && findEntry(block, name, hash.slot);
    if (entry) return entry;
  }
  return undefined;
}

/** Every name the levels have, each once, as the level that decides gives it; tombstones left out. */
export function* liveEntries(levels: Levels): Generator<Entry> {
  const above: Block[] = [];
  for (const block of [levels.overlay, levels.run, ...levels.shards]) {
    if (!block) continue;
    for (const { slot, entry } of entriesOf(block)) {
      if (entry.kind === 'tombstone') continue;
      if (!above.some((upper) => findEntry(upper, entryName(entry), slot))) yield entry;
    }
    if (block === levels.overlay || block === levels.run) above.push(block);
  }
}

function changedEntries(published: Levels, next: EntryTable): PlacedEntry[] {
  const changed: PlacedEntry[] = [];
  const isNext = indexNames(next);
  for (const [i, hash] of next.hashes.entries()) {
    const placed = placedAt(next, i);
    const before = findInLevels(published, entryName(readEntry(placed.octets)), hash);
    if (!before || !sameOctets(before.octets, placed.octets)) changed.push(placed);
  }
  for (const entry of liveEntries(published)) {
    const name = entryName(entry);
    const hash = hashName(name, published.table.seed);
    if (!isNext(name, hash.slot)) changed.push({ slot: hash.slot, octets: tombstone(name) });
  }
  return changed;
}

/** Whether a name is in the table, asked by its slot hash. */
function indexNames(table: EntryTable): (name: Uint8Array, slot: number) => boolean {
  const size = 2 ** Math.ceil(Math.log2(Math.max(2, table.hashes.length * 2)));
  const index = new Int32Array(size).fill(-1);
  for (const [i, { slot }] of table.hashes.entries()) {
    let at = slot & (size - 1);
    while (index[at] !== -1) at = (at + 1) & (size - 1);
    index[at] = i;
  }
  return (name, slot) => {
    for (let at = slot & (size - 1); ; at = (at + 1) & (size - 1)) {
      const i = index[at] ?? -1;
      if (i === -1) return false;
      if (table.hashes[i]?.slot === slot && sameOctets(entryName(readEntry(entryOctets(table, i))), name))
        return true;
    }
  };
}

/** The entries of a level with `newer` laid over them: one entry a name, the newer one. */
function mergeLevel(level: Block | undefined, newer: readonly PlacedEntry[]): PlacedEntry[] {
  if (!level) return [...newer];
  const laidOver = newer.length > 0 ? openBlock(encodeBlock(newer)) : undefined;
  const kept = placedEntries(level).filter(
    ({ slot, octets }) => !laidOver || !findEntry(laidOver, entryName(readEntry(octets)), slot),
  );
  return [...kept, ...newer];
}

/** Does an entry say anything the levels below it do not say already? */
function differsFrom(below: Levels, placed: PlacedEntry): boolean {
  const entry = readEntry(placed.octets);
  const name = entryName(entry);
  const found = findInLevels(below, name, hashName(name, below.table.seed));
  if (entry.kind === 'tombstone') return found !== undefined && found.kind !== 'tombstone';
  return !found || !sameOctets(found.octets, placed.octets);
}

function tombstone(name: Uint8Array): Uint8Array {
  const writer = createWriter(name.length + 3);
  writeTombstone(writer, nameFromWire(name));
  return writer.written();
}

function entryOctets(table: EntryTable, i: number): Uint8Array {
  return table.octets.subarray(table.offsets[i], table.offsets[i + 1]);
}

function placedAt(table: EntryTable, i: number): PlacedEntry {
  return { slot: table.hashes[i]?.slot ?? 0, octets: entryOctets(table, i) };
}

function placedTable(table: EntryTable): PlacedEntry[] {
  return table.hashes.map((_, i) => placedAt(table, i));
}

function placedEntries(block: Block): PlacedEntry[] {
  return Array.from(entriesOf(block), ({ slot, entry }) => ({ slot, octets: entry.octets }));
}

function encodeOptional(entries: readonly PlacedEntry[]): Uint8Array {
  return entries.length > 0 ? encodeBlock(entries) : NOTHING;
}

function openOptional(octets: Uint8Array): Block | undefined {
  return octets.length > 0 ? openBlock(octets) : undefined;
}
