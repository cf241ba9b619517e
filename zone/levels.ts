import { type Block, entriesOf, findEntry, openBlock } from './block.ts';
import { applyEdit } from './edit.ts';
import { type Entry, entryName } from './entry.ts';
import { hashName, type NameHash } from './hash.ts';
import type { LevelTable } from './head.ts';

/**
 * The blocks behind a level table, opened. The first level that has a name decides: the overlay (the newest
 * changes, inside the head), the run (one immutable block), the shards (many). An edit is applied to what the
 * levels below it give.
 */
export type Levels = {
  readonly table: LevelTable;
  readonly overlay: Block | undefined;
  readonly run: Block | undefined;
  /** By shard index; empty without shards. */
  readonly shards: readonly Block[];
};

/** Opens the blocks a level table names; an overlay of no octets is none. Throws `FormatError`. */
export function openLevels(
  table: LevelTable,
  {
    overlay,
    run,
    shards,
  }: {
    readonly overlay: Uint8Array;
    readonly run: Uint8Array | undefined;
    readonly shards: readonly Uint8Array[];
  },
): Levels {
  return {
    table,
    overlay: overlay.length > 0 ? openBlock(overlay) : undefined,
    run: run && openBlock(run),
    shards: shards.map((octets) => openBlock(octets)),
  };
}

/** Which shard a name is in: the top bits of its shard hash, which share nothing with its slot. */
export function shardOf(hash: NameHash, bits: number): number {
  return bits === 0 ? 0 : hash.shard >>> (32 - bits);
}

/**
 * The entry the levels give for a name, edits applied, tombstones included; undefined where no level has it.
 * Throws `FormatError` on damaged octets.
 */
export function findInLevels(levels: Levels, name: Uint8Array, hash: NameHash): Entry | undefined {
  const { shards } = levels.table;
  const shard = shards && levels.shards[shardOf(hash, shards.bits)];
  return findInBlocks([levels.overlay, levels.run, shard], name, hash.slot);
}

function findInBlocks(
  blocks: readonly (Block | undefined)[],
  name: Uint8Array,
  slot: number,
): Entry | undefined {
  for (const [i, block] of blocks.entries()) {
    const entry = block && findEntry(block, name, slot);
    if (entry?.kind === 'edit') return applyEdit(findInBlocks(blocks.slice(i + 1), name, slot), entry);
    if (entry) return entry;
  }
  return undefined;
}

/** Every name the levels have, each once, edits applied; tombstones left out. Throws `FormatError`. */
export function* liveEntries(levels: Levels): Generator<Entry> {
  for (const block of [levels.overlay, levels.run, ...levels.shards])
    for (const entry of block ? decidingEntries(levels, block) : []) yield applied(levels, entry);
}

/** The entries of one block of the levels for which no level above decides, as they are; tombstones left out. */
export function* decidingEntries(levels: Levels, block: Block): Generator<Entry> {
  const upper = [levels.overlay, levels.run].filter((level) => level !== undefined);
  const above = upper.includes(block) ? upper.slice(0, upper.indexOf(block)) : upper;
  for (const { slot, entry } of entriesOf(block)) {
    const name = entryName(entry);
    if (entry.kind !== 'tombstone' && !above.some((level) => findEntry(level, name, slot))) yield entry;
  }
}

/** What an entry that decides says: itself, or what it makes of the levels below. Throws `FormatError`. */
export function applied(levels: Levels, entry: Entry): Entry {
  if (entry.kind !== 'edit') return entry;
  const name = entryName(entry);
  return findInLevels(levels, name, hashName(name, levels.table.seed)) ?? entry;
}
