import { type Block, encodeBlock, entriesOf, findEntry, openBlock, type PlacedEntry } from './block.ts';
import { levelsToCut, tableToCut } from './cut.ts';
import { applyEdit, layOver } from './edit.ts';
import type { EntryChange, EntryTable } from './entries.ts';
import { type Entry, entryName, readEntry } from './entry.ts';
import { CONTENT_HASH_OCTETS, contentHash, hashName, sameOctets } from './hash.ts';
import { type LevelTable, MAX_HEAD_OCTETS } from './head.ts';
import { applied, findInLevels, type Levels, openLevels } from './levels.ts';
import { octetsKey } from './octets.ts';
import { packBlock } from './pack.ts';
import type { Serial } from './zone.ts';

/** How large the levels may grow. */
export type Limits = {
  /** The overlay is merged into the run when it would pass this. */
  readonly overlayOctets: number;
  /** A cut is wanted when the run has passed this. */
  readonly runOctets: number;
  /** A cut makes as many shards (a power of two, at most 2,048) as keep them below this on average. */
  readonly shardOctets: number;
  /** For zones so large that sending them counts; without it nothing is packed. */
  readonly packed?: PackedLimits;
};

/** Zones whose shards are together larger than `fromOctets` are stored packed, and may have larger blocks. */
export type PackedLimits = {
  readonly fromOctets: number;
  /** Of the run before it is packed; packed it still keeps below `Limits.runOctets`. */
  readonly runOctets: number;
  readonly shardOctets: number;
};

export const DEFAULT_LIMITS: Limits = {
  overlayOctets: 56 * 1024,
  runOctets: 1024 * 1024,
  shardOctets: 384 * 1024,
  packed: { fromOctets: 32 * 1024 * 1024, runOctets: 3 * 1024 * 1024, shardOctets: 768 * 1024 },
};

/** What a push writes: a new run (if any), as it is stored, and the levels the head then names. */
export type Plan = {
  readonly levels: Levels;
  readonly overlayOctets: Uint8Array;
  readonly newRun: Uint8Array | undefined;
  /** Names that really changed, came or went. */
  readonly changes: number;
  /** These names in wire form. */
  readonly changed: readonly Uint8Array[];
  /** The run has passed its limit; pushes may go on until the new blocks of a cut may be named. */
  readonly wantsCut: boolean;
};

/** What a cut writes, all of it new and as it is stored: one run, or shards. */
export type Cut = {
  readonly levels: Levels;
  readonly newRun: Uint8Array | undefined;
  readonly newShards: readonly Uint8Array[];
};

/** At most so many shards that their hashes take half of a head. */
const MAX_SHARD_BITS = 11;
/** Room in a head for its root, the zone's own facts, the settings and the guard's memory. */
const HEAD_FACTS_OCTETS = 8 * 1024;
const NOTHING = new Uint8Array();

/**
 * Lays changes over what is published: into the overlay, and when that passes its budget, with it into a new run.
 * Of several changes to a name the last one counts; those that change nothing are left out. The work goes with the
 * changes, the overlay and, on a merge, the run, not with the zone. Pure: the same arguments give the same octets.
 */
export async function planSnapshot(
  published: Levels,
  changes: readonly EntryChange[],
  { serial, limits = DEFAULT_LIMITS }: { readonly serial: Serial; readonly limits?: Limits },
): Promise<Plan> {
  const real = realChanges(published, changes);
  const planned = (levels: Levels, newRun?: Uint8Array): Plan => ({
    levels,
    overlayOctets: levels.overlay?.octets ?? NOTHING,
    newRun,
    changes: real.length,
    changed: real.map(({ name }) => name),
    wantsCut: wantsCut(levels, limits),
  });
  if (real.length === 0) return planned(published);

  const below: Levels = { ...published, overlay: undefined };
  const most = Math.min(limits.overlayOctets, overlayRoom(published.table));
  const overlay = encodeUpTo(most, layLevel(published.overlay, real));
  if (overlay) return planned({ ...below, overlay: overlay.length > 0 ? openBlock(overlay) : undefined });

  const merged = [...overlayChanges(published, real), ...real];
  const shards: Levels = { ...below, run: undefined };
  const run = encodeBlock([
    ...layLevel(
      published.run,
      merged.map((change) => over(shards, change)),
    ),
  ]);
  const stored = packedLimits(published, limits) ? await packBlock(run) : run;
  const reference = { serial, hash: await contentHash(stored), octets: stored.length };
  const table = { ...published.table, run: reference };
  return planned({ ...below, table, run: openBlock(run) }, stored);
}

/** Has the run outgrown its budget, so that everything should be cut anew? */
export function wantsCut(levels: Levels, limits: Limits = DEFAULT_LIMITS): boolean {
  const { run, table } = levels;
  if (!run || !table.run) return false;
  const most = packedLimits(levels, limits)?.runOctets ?? limits.runOctets;
  return run.octets.length > most || table.run.octets > limits.runOctets;
}

/** The limits of a packed zone, if the levels are one's. */
function packedLimits({ shards }: Levels, { packed }: Limits): PackedLimits | undefined {
  const octets = shards.reduce((sum, shard) => sum + shard.octets.length, 0);
  return packed && octets > packed.fromOctets ? packed : undefined;
}

/**
 * Everything anew: one run if it fits its limit, else shards. The octets are the same whether a zone comes as the
 * levels that say it or as a table of its entries. Pure.
 */
export async function cutSnapshot(
  from: Levels | EntryTable,
  {
    seed,
    serial,
    limits = DEFAULT_LIMITS,
  }: { readonly seed: Uint8Array; readonly serial: Serial; readonly limits?: Limits },
): Promise<Cut> {
  const entries = 'table' in from ? levelsToCut(from, seed) : tableToCut(from);
  if (entries.octets <= limits.runOctets) {
    const [run = NOTHING] = Array.from(entries.inShards(0), encodeBlock);
    if (run.length <= limits.runOctets) {
      const table = {
        seed,
        run: { serial, hash: await contentHash(run), octets: run.length },
        shards: undefined,
      };
      return { levels: openLevels(table, { overlay: NOTHING, run, shards: [] }), newRun: run, newShards: [] };
    }
  }
  const packed = limits.packed && entries.octets > limits.packed.fromOctets ? limits.packed : undefined;
  const shardOctets = packed?.shardOctets ?? limits.shardOctets;
  const bits = Math.min(MAX_SHARD_BITS, Math.max(1, Math.ceil(Math.log2(entries.octets / shardOctets))));
  const shards: Uint8Array[] = [];
  const newShards: Uint8Array[] = [];
  const hashes: Uint8Array[] = [];
  for (const members of entries.inShards(bits)) {
    const shard = encodeBlock(members);
    const stored = packed ? await packBlock(shard) : shard;
    shards.push(shard);
    newShards.push(stored);
    hashes.push(await contentHash(stored));
  }
  const table = { seed, run: undefined, shards: { cutSerial: serial, bits, hashes } };
  const levels = openLevels(table, { overlay: NOTHING, run: undefined, shards });
  return { levels, newRun: undefined, newShards };
}

/** A change that is one, with the name it is about. */
type RealChange = EntryChange & { readonly name: Uint8Array };

/** A change with what the levels below the one it is laid into give for its name. */
type LaidChange = RealChange & { readonly under: Entry | undefined };

function over(below: Levels, change: RealChange): LaidChange {
  return { ...change, under: findInLevels(below, change.name, change.hash) };
}

/** The last change to each name, if it differs from what the levels say; to be laid into the overlay. */
function realChanges(levels: Levels, changes: readonly EntryChange[]): LaidChange[] {
  const last = new Map<string, RealChange>();
  for (const change of changes) {
    const name = entryName(readEntry(change.octets));
    last.set(octetsKey(name), { ...change, name });
  }
  const below: Levels = { ...levels, overlay: undefined };
  const real: LaidChange[] = [];
  for (const change of last.values()) {
    const laid = over(below, change);
    const entry = levels.overlay && findEntry(levels.overlay, laid.name, laid.hash.slot);
    const found = entry ? applyEdit(laid.under, entry) : laid.under;
    if (!isSame(found, readEntry(laid.octets))) real.push(laid);
  }
  return real;
}

/** A level's entries with the changes laid over what the levels below it say: one entry a name. */
function* layLevel(level: Block | undefined, changes: readonly LaidChange[]): Generator<PlacedEntry> {
  const changed = namesIn(changes);
  for (const { slot, entry } of level ? entriesOf(level) : [])
    if (!changed.has(octetsKey(entryName(entry)))) yield { slot, octets: entry.octets };
  for (const { hash, octets, under } of changes) {
    const next = readEntry(octets);
    if (!isSame(under, next)) yield { slot: hash.slot, octets: layOver(under, next) };
  }
}

/** A block of the entries, no octets for none; undefined as soon as it is known to be larger than `most`. */
function encodeUpTo(most: number, entries: Iterable<PlacedEntry>): Uint8Array | undefined {
  const all: PlacedEntry[] = [];
  let octets = 0;
  for (const entry of entries) {
    all.push(entry);
    octets += entry.octets.length;
    // Where very much has changed, most of it is never asked for.
    if (octets > most) return undefined;
  }
  const block = all.length > 0 ? encodeBlock(all) : NOTHING;
  return block.length > most ? undefined : block;
}

/** What the overlay says of names that have not changed, as changes to the levels below it: every name whole. */
function overlayChanges(levels: Levels, changed: readonly RealChange[]): RealChange[] {
  const names = namesIn(changed);
  const changes: RealChange[] = [];
  for (const { entry } of levels.overlay ? entriesOf(levels.overlay) : []) {
    const name = entryName(entry);
    if (names.has(octetsKey(name))) continue;
    changes.push({ name, hash: hashName(name, levels.table.seed), octets: applied(levels, entry).octets });
  }
  return changes;
}

function namesIn(changes: readonly RealChange[]): ReadonlySet<string> {
  return new Set(changes.map(({ name }) => octetsKey(name)));
}

/** Does `next` say what the levels, which have `found`, say already? No name and a tombstone are the same. */
function isSame(found: Entry | undefined, next: Entry): boolean {
  if (next.kind === 'tombstone') return found === undefined || found.kind === 'tombstone';
  return found !== undefined && sameOctets(found.octets, next.octets);
}

/** What a head can hold beside the hashes of its shards. */
function overlayRoom({ shards }: LevelTable): number {
  return MAX_HEAD_OCTETS - HEAD_FACTS_OCTETS - (shards ? shards.hashes.length * CONTENT_HASH_OCTETS : 0);
}
