import { hashName } from '../../zone/hash.ts';
import type { Failover, GuardMemory, HeldSince } from './memory.ts';
import type { Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

/** Since when what is missing has been missing, and whether the source's agents are on their way to a new leader. */
export type Clocks = {
  readonly failover: Failover | undefined;
  /** Agents are still awaited: nothing that is missing without evidence is let go. */
  readonly awaitsAgents: boolean;
  /** Undefined for what was not held before. */
  readonly sinceOf: (missing: Missing) => number | undefined;
  readonly toMemory: (held: readonly Missing[]) => HeldSince[];
};

export type ClocksOptions = {
  readonly memory: GuardMemory;
  readonly nowMs: number;
  readonly failoverSeconds: number;
};

export function createClocks(
  { name, recoveringAgents }: ReadSource,
  { memory, nowMs, failoverSeconds }: ClocksOptions,
): Clocks {
  const begun = memory.failovers.find(({ source }) => source === name);
  const failover = recoveringAgents > 0 ? (begun ?? { source: name, sinceMs: nowMs }) : undefined;
  // All agents are back: only from now on is what they do not bring missing for good.
  const isOver = begun !== undefined && failover === undefined;
  const since = new Map<number, number>();
  for (const { source, sinceMs, keys } of memory.held) {
    // A clock that was set back must not keep names for ever.
    const startMs = isOver ? nowMs : Math.min(sinceMs, nowMs);
    if (source === name) for (const key of keys) since.set(key, startMs);
  }
  const sinceOf = ({ key }: Missing): number | undefined =>
    since.size === 0 ? undefined : since.get(hashOfKey(key));
  return {
    failover,
    awaitsAgents: failover !== undefined && nowMs < failover.sinceMs + failoverSeconds * 1000,
    sinceOf,
    toMemory: (held) => {
      const bySince = Map.groupBy(held, (missing) => sinceOf(missing) ?? nowMs);
      return [...bySince]
        .toSorted(([a], [b]) => a - b)
        .map(([sinceMs, group]) => ({
          source: name,
          sinceMs,
          keys: [...new Set(group.map(({ key }) => hashOfKey(key)))].toSorted((a, b) => a - b),
        }));
    },
  };
}

/** 53 bits of a hash of what is missing: enough for a million to be told apart. */
function hashOfKey(key: string): number {
  const { slot, shard } = hashName(encoder.encode(key), HASH_SEED);
  return slot + (shard & 0x1fffff) * 2 ** 32;
}

const encoder = new TextEncoder();
/** It is no secret: who makes two names one only lets the one go with the other. */
const HASH_SEED = new Uint8Array(8);
