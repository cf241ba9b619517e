import {
  createNonTerminals,
  encodeChanges,
  encodeEntries,
  type EntryChange,
  type NonTerminals,
  tableChanges,
  type ZoneContent,
} from '../../zone/entries.ts';
import { entryName, readEntry, writeTombstone } from '../../zone/entry.ts';
import { HASH_SEED_OCTETS, hashName, sameOctets } from '../../zone/hash.ts';
import { runKey, shardKey } from '../../zone/head.ts';
import { findInLevels, type Levels, liveEntries } from '../../zone/levels.ts';
import type { OwnerName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { type Cut, cutSnapshot, type Limits, planSnapshot, wantsCut } from '../../zone/plan.ts';
import type { Serial } from '../../zone/zone.ts';
import type { Pair } from '../sinks/sink.ts';

/** What the zone is to say: its content, or ready entries that differ from what is published. */
export type Wanted =
  | {
      readonly kind: 'content';
      readonly content: ZoneContent;
      /** Owner names that differ from the last content published, owners of SRV to changed targets among them. */
      readonly changed: Changed | 'all';
    }
  | { readonly kind: 'entries'; readonly changes: readonly EntryChange[] };

export type Changed = {
  readonly owners: Iterable<OwnerName>;
  /** Was the name in the last content published? */
  readonly existed: (owner: OwnerName) => boolean;
};

/** Levels that say what is wanted, and the blocks to store before a head may name them. */
export type Laid = {
  readonly levels: Levels;
  readonly overlayOctets: Uint8Array;
  readonly blocks: readonly Pair[];
  /** Entries that differ from what was published, tombstones included. */
  readonly changes: number;
  /** Their names in wire form; empty where everything is new. */
  readonly changed: readonly Uint8Array[];
  /** These levels name shards that were stored ahead. */
  readonly namesCut: boolean;
};

export type LayoutOptions = {
  readonly origin: OwnerName;
  readonly variant: string;
  readonly limits: Limits;
  /** How long until every reader of the sink can have what was stored. 0: at once. */
  readonly spreadMs: number;
  readonly monotonicMs: () => number;
  readonly randomOctets: (length: number) => Uint8Array;
};

/** Lays content out in levels, push by push, and cuts new shards when the run has outgrown its budget. */
export type Layout = {
  readonly lay: (before: Levels | undefined, wanted: Wanted, serial: Serial) => Promise<Laid>;
  /** `laid` is published: later changes are relative to it. */
  readonly settle: (laid: Laid) => void;
  /** `laid` may or may not be published. */
  readonly abandon: (laid: Laid) => void;
  /** Nothing is known any more of what the last content was. */
  readonly forget: () => void;
  /** What is published is not what was laid here: shards stored ahead would say something else. */
  readonly startOver: () => void;
  /**
   * Shards to store now where the run is past its budget; a later `lay` names them, once they can be
   * everywhere. `started` is to be called when they are stored.
   */
  readonly cut: (levels: Levels, serial: Serial) => Promise<NewCut | undefined>;
  /**
   * Lays what has changed over the shards that wait to be named, so that the push that names them has no more to do
   * than any other. `levels` are those published.
   */
  readonly catchUp: (levels: Levels, serial: Serial) => Promise<void>;
  /** Milliseconds until stored shards may be named; undefined where none wait. */
  readonly cutDueInMs: () => number | undefined;
  /** Keys of stored shards that no head names yet. */
  readonly pendingKeys: () => readonly string[];
};

export type NewCut = { readonly blocks: readonly Pair[]; readonly started: () => void };

type PendingCut = {
  /** The shards, and over them what has been caught up with. */
  readonly levels: Levels;
  /** The run of `levels`, which is stored when they are named; undefined for none. */
  readonly run: Uint8Array | undefined;
  readonly keys: readonly string[];
  readonly namedFromMs: number;
  /** Names that changed since, in wire form, by their octets as text. */
  readonly changed: Map<string, Uint8Array>;
};

export function createLayout(options: LayoutOptions): Layout {
  const { origin, limits, monotonicMs } = options;
  /** Which names have names below them, as of the last content; undefined where that is not known. */
  let nonTerminals: NonTerminals | undefined;
  let pending: PendingCut | undefined;

  const changesOf = (before: Levels, wanted: Wanted): readonly EntryChange[] => {
    if (wanted.kind === 'entries') {
      nonTerminals = undefined;
      return wanted.changes;
    }
    const { seed } = before.table;
    const { content, changed } = wanted;
    if (changed !== 'all' && nonTerminals)
      return encodeChanges(content, changed.owners, nonTerminals, { seed, existed: changed.existed });
    nonTerminals = nonTerminalsOf(content, origin);
    return tableChanges(before, encodeEntries(content, { origin, seed }));
  };

  const everythingAnew = async (wanted: Wanted, serial: Serial): Promise<Laid> => {
    pending = undefined;
    if (wanted.kind === 'entries') throw new TypeError('entries are laid over what is published');
    const seed = options.randomOctets(HASH_SEED_OCTETS);
    const table = encodeEntries(wanted.content, { origin, seed });
    const made = await cutSnapshot(table, { seed, serial, limits });
    nonTerminals = nonTerminalsOf(wanted.content, origin);
    const blocks = blocksOf(made, options);
    return { ...made, ...LEVELS_ALONE, blocks, changes: table.slots.length, changed: [] };
  };

  return {
    lay: async (before, wanted, serial) => {
      if (!before) return everythingAnew(wanted, serial);
      const plan = await planSnapshot(before, changesOf(before, wanted), { serial, limits });
      const { changes, changed } = plan;
      if (pending && monotonicMs() >= pending.namedFromMs) {
        const since = [...pending.changed.values(), ...changed].map((name) => entryNow(plan.levels, name));
        const { newRun = pending.run, ...over } = await planSnapshot(pending.levels, since, {
          serial,
          limits,
        });
        const { levels, overlayOctets } = over;
        const blocks = blocksOf({ levels, newRun, newShards: [] }, options);
        return { levels, overlayOctets, blocks, changes, changed, namesCut: true };
      }
      const isTooLarge = (plan.newRun?.length ?? 0) > MAX_RUN_OCTETS;
      if (isTooLarge) {
        pending = undefined;
        const made = await cutSnapshot(plan.levels, { seed: before.table.seed, serial, limits });
        return { ...made, ...LEVELS_ALONE, blocks: blocksOf(made, options), changes, changed };
      }
      const { levels, overlayOctets } = plan;
      const blocks = blocksOf({ ...plan, newShards: [] }, options);
      return { levels, overlayOctets, blocks, changes, changed, namesCut: false };
    },

    settle: ({ changed, namesCut }) => {
      if (namesCut) pending = undefined;
      if (pending) noteIn(pending.changed, changed);
    },

    abandon: ({ changed }) => {
      nonTerminals = undefined;
      if (pending) noteIn(pending.changed, changed);
    },

    forget: () => {
      nonTerminals = undefined;
    },

    startOver: () => {
      nonTerminals = undefined;
      pending = undefined;
    },

    cut: async (levels, serial) => {
      if (pending || !wantsCut(levels, limits)) return undefined;
      const made = await cutSnapshot(levels, { seed: levels.table.seed, serial, limits });
      const blocks = blocksOf(made, options);
      return {
        blocks,
        started: () => {
          const namedFromMs = monotonicMs() + options.spreadMs;
          pending = {
            levels: made.levels,
            run: undefined,
            keys: blocks.map(({ key }) => key),
            namedFromMs,
            changed: new Map(),
          };
        },
      };
    },

    catchUp: async (levels, serial) => {
      if (!pending || pending.changed.size === 0) return;
      const { changed, ...waiting } = pending;
      const since = Array.from(changed.values(), (name) => entryNow(levels, name));
      const over = await planSnapshot(waiting.levels, since, { serial, limits });
      pending = { ...waiting, levels: over.levels, run: over.newRun ?? waiting.run, changed: new Map() };
    },

    cutDueInMs: () => pending && Math.max(0, pending.namedFromMs - monotonicMs()),
    pendingKeys: () => pending?.keys ?? [],
  };
}

/** A run after very much has changed at once: KV takes 25 MiB, and no isolate should hold so much. */
const MAX_RUN_OCTETS = 8 * 1024 * 1024;
const LEVELS_ALONE = { overlayOctets: new Uint8Array(), namesCut: false } as const;

function nonTerminalsOf(content: ZoneContent, origin: OwnerName): NonTerminals {
  const nonTerminals = createNonTerminals(origin);
  for (const owner of content.owners()) nonTerminals.add(owner);
  return nonTerminals;
}

/** What the levels say of a name, as a change of another layout of the same zone. */
function entryNow(levels: Levels, name: Uint8Array): EntryChange {
  const hash = hashName(name, levels.table.seed);
  const entry = findInLevels(levels, name, hash);
  if (entry?.kind === 'name') return { hash, octets: entry.octets };
  return { hash, octets: tombstoneOf(name) };
}

/** The changes that make `from` say what `to` says. */
export function changesBetween(from: Levels, to: Levels): EntryChange[] {
  const { seed } = from.table;
  const changes: EntryChange[] = [];
  for (const entry of liveEntries(to)) {
    const name = entryName(entry);
    const hash = hashName(name, seed);
    const now = findInLevels(from, name, hash);
    if (now?.kind !== 'name' || !sameOctets(now.octets, entry.octets))
      changes.push({ hash, octets: entry.octets });
  }
  for (const entry of liveEntries(from)) {
    const name = entryName(entry);
    if (findInLevels(to, name, hashName(name, to.table.seed))?.kind === 'name') continue;
    changes.push({ hash: hashName(name, seed), octets: tombstoneOf(name) });
  }
  return changes;
}

/** The owner names of changes, in wire form. */
export function namesOf(changes: readonly EntryChange[]): Uint8Array[] {
  return changes.map(({ octets }) => entryName(readEntry(octets)));
}

function blocksOf(
  { levels, newRun, newShards }: Cut,
  { origin, variant }: Pick<LayoutOptions, 'origin' | 'variant'>,
): Pair[] {
  const pairs: Pair[] = [];
  const { run, shards } = levels.table;
  if (newRun && run) pairs.push({ key: runKey(origin, variant, run), value: newRun });
  for (const [index, value] of newShards.entries()) {
    if (shards) pairs.push({ key: shardKey(origin, variant, { ...shards, index }), value });
  }
  return pairs;
}

function tombstoneOf(name: Uint8Array): Uint8Array {
  const into = createWriter(name.length + 3);
  writeTombstone(into, name);
  return into.written();
}

/** Notes names as copies: those of a push are views of all that it encoded. */
function noteIn(noted: Map<string, Uint8Array>, names: readonly Uint8Array[]): void {
  for (const name of names) noted.set(textOf(name), name.slice());
}

function textOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
}
