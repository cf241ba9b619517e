import { FormatError } from '../../zone/format-error.ts';
import { type HeadBody, historyKey, keyPrefix, parseKey, runKey, shardKey } from '../../zone/head.ts';
import type { Serial } from '../../zone/zone.ts';
import type { Pair } from '../sinks/sink.ts';
import { memoryKey } from './held-memory.ts';
import { type Place, readHead, type StoredHead } from './stored-head.ts';

/** How much of the past is kept: old heads, whole, under keys of their own, and the blocks they name. */
export type HistorySettings = {
  readonly keep: number;
  readonly everySeconds: number;
  /** Of what is kept for history alone, shards counted at their largest. */
  readonly maxOctets: number;
};

export type History = {
  /** The pair that keeps `head`, where the last one kept is old enough, or `always`; `kept` says it is stored. */
  readonly pairFor: (
    head: StoredHead,
    when: { readonly nowSeconds: number; readonly always: boolean },
    signal: AbortSignal,
  ) => Promise<{ readonly pair: Pair; readonly kept: () => void } | undefined>;
  /** Serials of the heads that are kept, oldest first. */
  readonly serials: (signal: AbortSignal) => Promise<readonly Serial[]>;
  /** A head that is kept. Throws `FormatError` where it is not, or is damaged. */
  readonly read: (serial: Serial, signal: AbortSignal) => Promise<StoredHead>;
  /** What is kept for the past, and the keys of heads to give up because there are too many or too much. */
  readonly review: (
    signal: AbortSignal,
  ) => Promise<{ readonly named: ReadonlySet<string>; readonly excess: readonly string[] }>;
};

/** Upper bound of a shard, for `maxOctets`. */
const SHARD_OCTETS = 512 * 1024;

export function createHistory(
  place: Place,
  settings: HistorySettings,
  publicKeys: () => Promise<readonly string[]>,
): History {
  const { sink, origin, variant } = place;
  const prefix = `${keyPrefix(origin, variant)}h/`;
  /** Kept heads never change: each is read once. */
  const read = new Map<Serial, StoredHead>();
  let known: Serial[] | undefined;

  const serials = async (signal: AbortSignal): Promise<Serial[]> => {
    const keys = await sink.list(prefix, signal);
    const found = keys.map((key) => parseKey(key)?.serial).filter((serial) => serial !== undefined);
    return (known = found.toSorted((a, b) => a - b));
  };

  const readKept = async (serial: Serial, signal: AbortSignal): Promise<StoredHead> => {
    const cached = read.get(serial);
    if (cached) return cached;
    const stored = await readHead(place, await publicKeys(), signal, historyKey(origin, variant, serial));
    if (stored.kind === 'nothing') throw new FormatError(`serial ${serial}`, 'is not kept (see history)');
    if (stored.kind === 'unusable') throw new FormatError(`serial ${serial}`, stored.reason);
    read.set(serial, stored.head);
    return stored.head;
  };

  return {
    serials,
    read: readKept,
    pairFor: async (head, { nowSeconds, always }, signal) => {
      if (settings.keep === 0) return undefined;
      const kept = known ?? (await serials(signal));
      const { serial } = head.root;
      const last = kept.at(-1);
      if (kept.includes(serial)) return undefined;
      if (!always && last !== undefined && nowSeconds - last < settings.everySeconds) return undefined;
      return {
        pair: { key: historyKey(origin, variant, serial), value: head.octets },
        kept: () => {
          known = [...kept, serial].toSorted((a, b) => a - b);
        },
      };
    },
    review: async (signal) => {
      const named = new Set<string>();
      const excess: string[] = [];
      let octets = 0;
      const newestFirst = (await serials(signal)).toReversed();
      for (const [i, serial] of newestFirst.entries()) {
        const kept = i < settings.keep ? await readOrNothing(readKept, serial, signal) : undefined;
        const cost = kept ? costOf(kept, named, place) : Number.POSITIVE_INFINITY;
        octets += cost;
        if (kept && octets <= settings.maxOctets) for (const key of keysOf(kept.body, place)) named.add(key);
        else excess.push(historyKey(origin, variant, serial));
      }
      for (const serial of read.keys()) if (!newestFirst.includes(serial)) read.delete(serial);
      return { named, excess };
    },
  };
}

/** Keys of all blocks that a head names. */
export function keysOf(
  body: Pick<HeadBody, 'levels' | 'held'>,
  { origin, variant }: Pick<Place, 'origin' | 'variant'>,
): string[] {
  const { run, shards } = body.levels;
  const keys = run ? [runKey(origin, variant, run)] : [];
  const memory = memoryKey({ origin, variant }, body.held);
  if (memory) keys.push(memory.key);
  for (const index of (shards?.hashes ?? []).keys())
    if (shards) keys.push(shardKey(origin, variant, { ...shards, index }));
  return keys;
}

/** A kept head that can't be read keeps nothing, and is given up. */
async function readOrNothing(
  read: History['read'],
  serial: Serial,
  signal: AbortSignal,
): Promise<StoredHead | undefined> {
  try {
    return await read(serial, signal);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function costOf({ octets, body }: StoredHead, named: ReadonlySet<string>, place: Place): number {
  const shards = keysOf(body, place).filter((key) => parseKey(key)?.kind === 'shard' && !named.has(key));
  return octets.length + (body.levels.run?.octets ?? 0) + shards.length * SHARD_OCTETS;
}
