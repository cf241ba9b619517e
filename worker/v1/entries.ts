import { type Block, openBlock } from '../../zone/block.ts';
import { type Entry, entryName } from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { contentHash, hashName, sameOctets, toHex } from '../../zone/hash.ts';
import { shardKey } from '../../zone/head.ts';
import { applied, decidingEntries, type Levels, shardOf } from '../../zone/levels.ts';
import { unpackBlock } from '../../zone/pack.ts';
import { type IsHidden, withoutHidden } from '../../zone/visible.ts';
import { standingIn, type ViewedZone } from '../access/find-visible.ts';
import type { FetchBlock } from '../snapshot/blocks.ts';
import type { Held } from '../snapshot/held.ts';

/** One pass over all of a snapshot: each name that exists once, in no order. Throws `FormatError`. */
export type AllEntries = () => AsyncIterable<Entry>;

/** Loads a shard of the snapshot held, checked against its hash. Throws `FormatError` where it can't be had. */
export type LoadShard = (held: Held, index: number) => Promise<Block>;

/** Loads past the isolate's cache: a pass over all shards would only push out what questions need. */
export function createShardLoader(fetchBlock: FetchBlock): LoadShard {
  return async ({ root: { variant }, body, zone: { zone } }, index) => {
    const { shards } = body.levels;
    const hash = shards?.hashes[index];
    if (!shards || !hash) throw new FormatError('level table', `has no shard ${index}`);
    const key = shardKey(zone.origin, variant, { ...shards, index });
    for (const fresh of [false, true]) {
      const octets = await fetchBlock(key, { fresh });
      if (octets && sameOctets(await contentHash(octets), hash)) return openBlock(await unpackBlock(octets));
    }
    throw new FormatError(`block ${toHex(hash)}`, 'is missing or damaged');
  };
}

/** So many shards are on their way or in memory at a time. */
const SHARDS_AHEAD = 4;

/**
 * The entries of the snapshot that is held now, whatever is published meanwhile: its blocks stay for a day. With
 * `mostShards` those of the first shards alone, and what lies over them.
 */
export function allEntriesOf(
  held: Held,
  loadShard: LoadShard,
  { mostShards = Number.POSITIVE_INFINITY }: { readonly mostShards?: number } = {},
): AllEntries {
  return () => entries(held, loadShard, mostShards);
}

/** Of all entries those that a view has, with what it may see of them. */
export function visibleEntriesOf(
  all: AllEntries,
  zone: ViewedZone,
  isHidden: IsHidden | undefined,
): AllEntries {
  if (!isHidden) return all;
  return async function* () {
    for await (const entry of all())
      if (standingIn(zone, entryName(entry), isHidden) === 'visible') yield withoutHidden(entry, isHidden);
  };
}

/** Overlay and run first, but for edits of what is in a shard: they wait for it. */
async function* entries(held: Held, loadShard: LoadShard, mostShards: number): AsyncGenerator<Entry> {
  const { overlay, run } = held;
  const table = held.body.levels;
  const upper: Levels = { table, overlay, run, shards: [] };
  const edits = new Map<number, Entry[]>();
  for (const block of [overlay, run]) {
    for (const entry of block ? decidingEntries(upper, block) : []) {
      if (entry.kind !== 'edit' || !table.shards) {
        yield applied(upper, entry);
        continue;
      }
      const index = shardOf(hashName(entryName(entry), table.seed), table.shards.bits);
      edits.set(index, [...(edits.get(index) ?? []), entry]);
    }
  }
  let index = 0;
  for await (const shard of shardsOf(held, loadShard, mostShards)) {
    const shards: Block[] = [];
    shards[index] = shard;
    const levels: Levels = { ...upper, shards };
    yield* decidingEntries(levels, shard);
    for (const edit of edits.get(index) ?? []) yield applied(levels, edit);
    index++;
  }
}

/** The shards in order, the next ones already asked for. */
async function* shardsOf(held: Held, loadShard: LoadShard, most: number): AsyncGenerator<Block> {
  const count = Math.min(most, held.body.levels.shards?.hashes.length ?? 0);
  const ahead: Promise<Block>[] = [];
  for (let next = 0; next < count || ahead.length > 0;) {
    while (next < count && ahead.length < SHARDS_AHEAD) {
      const load = loadShard(held, next++);
      // One that fails is told when its turn comes; nobody may be waiting for it now.
      load.catch(() => undefined);
      ahead.push(load);
    }
    const shard = await ahead.shift();
    if (shard) yield shard;
  }
}
