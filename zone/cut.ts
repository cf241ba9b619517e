import type { PlacedEntry } from './block.ts';
import { type EntryTable, entryOctets } from './entries.ts';
import { type Entry, entryName } from './entry.ts';
import { hashName, type NameHash, sameOctets } from './hash.ts';
import { applied, decidingEntries, type Levels, liveEntries, shardOf } from './levels.ts';

/** All entries of a zone, to be cut into blocks. */
export type ToCut = {
  /** Of all entries, with what a block spends on them. */
  readonly octets: number;
  /** The entries of each of 2^`bits` shards, one shard after the other, so that not all stand in memory at once. */
  readonly inShards: (bits: number) => Iterable<readonly PlacedEntry[]>;
};

/** A block spends no more than this on a name besides its entry: a slot, and its share of a bucket. */
const SLOT_OCTETS = 10;

export function tableToCut(table: EntryTable): ToCut {
  const { octets, slots, shards } = table;
  const hashAt = (i: number): NameHash => ({ slot: slots[i] ?? 0, shard: shards[i] ?? 0 });
  return {
    octets: octets.length + slots.length * SLOT_OCTETS,
    inShards: function* (bits) {
      const members = lists<number>(2 ** bits);
      for (let i = 0; i < slots.length; i++) members[shardOf(hashAt(i), bits)]?.push(i);
      for (const indexes of members)
        yield indexes.map((i) => ({ slot: hashAt(i).slot, octets: entryOctets(table, i) }));
    },
  };
}

/** Their live entries, edits applied, hashed with `seed`. */
export function levelsToCut(levels: Levels, seed: Uint8Array): ToCut {
  let octets = 0;
  for (const entry of liveEntries(levels)) octets += entry.octets.length + SLOT_OCTETS;
  return { octets, inShards: (bits) => shardsOfLevels(levels, seed, bits) };
}

/**
 * New shards in groups: those whose names come from the same old shards. What overlay and run decide is few enough
 * to be sorted beforehand.
 */
function* shardsOfLevels(levels: Levels, seed: Uint8Array, bits: number): Generator<readonly PlacedEntry[]> {
  const sameSeed = sameOctets(seed, levels.table.seed);
  const groupBits = sameSeed ? Math.min(bits, levels.table.shards?.bits ?? 0) : 0;
  const groups = 2 ** groupBits;
  const groupOf = (entry: Entry): number => shardOf(hashName(entryName(entry), seed), groupBits);
  const newer = lists<Entry>(groups);
  for (const block of [levels.overlay, levels.run])
    for (const entry of block ? decidingEntries(levels, block) : []) newer[groupOf(entry)]?.push(entry);

  const perGroup = levels.shards.length / groups;
  for (const [group, entries] of newer.entries()) {
    const members = lists<PlacedEntry>(2 ** (bits - groupBits));
    const place = (entry: Entry): void => {
      const hash = hashName(entryName(entry), seed);
      members[shardOf(hash, bits) % members.length]?.push({
        slot: hash.slot,
        octets: applied(levels, entry).octets,
      });
    };
    for (const entry of entries) place(entry);
    for (const shard of levels.shards.slice(group * perGroup, (group + 1) * perGroup))
      for (const entry of decidingEntries(levels, shard)) place(entry);
    yield* members;
  }
}

function lists<Item>(count: number): Item[][] {
  return Array.from({ length: count }, () => []);
}
