import { parseKey } from '../zone/head.ts';
import { createMemorySink } from '../sync-agent/sinks/memory.ts';
import type { Sink } from '../sync-agent/sinks/sink.ts';

/** What was put, as a bill and a line would count it: pairs, and octets of values. */
export type Tally = {
  readonly pairs: number;
  readonly heads: number;
  readonly headOctets: number;
  readonly runs: number;
  readonly runOctets: number;
  readonly shards: number;
  readonly shardOctets: number;
};

const NOTHING: Tally = {
  pairs: 0,
  heads: 0,
  headOctets: 0,
  runs: 0,
  runOctets: 0,
  shards: 0,
  shardOctets: 0,
};
/** Heads are put alone and raw, blocks in bulk and as base64. */
const BASE64 = 4 / 3;

/** A memory sink that counts. Blocks of which three newer generations came are dropped, as a sweep would a day later. */
export function createTallySink(): { readonly sink: Sink; readonly total: () => Tally } {
  const memory = createMemorySink();
  let total = NOTHING;
  const generations = new Map<string, string[]>();
  return {
    total: () => total,
    sink: {
      ...memory,
      put: async (pairs, signal) => {
        await memory.put(pairs, signal);
        for (const { key, value } of pairs) total = plus(total, tallyOf(key, value.length));
        for (const { key } of pairs) await dropOlder(key, signal);
      },
    },
  };

  async function dropOlder(key: string, signal: AbortSignal): Promise<void> {
    const parsed = parseKey(key);
    if (parsed?.serial === undefined || (parsed.kind !== 'run' && parsed.kind !== 'shard')) return;
    const id = `${parsed.kind} ${parsed.serial}`;
    const keys = generations.get(id) ?? [];
    generations.set(id, [...keys, key]);
    const alike = [...generations.keys()].filter((each) => each.startsWith(parsed.kind));
    for (const old of alike.slice(0, -3)) {
      await memory.remove(generations.get(old) ?? [], signal);
      generations.delete(old);
    }
  }
}

function tallyOf(key: string, octets: number): Tally {
  switch (parseKey(key)?.kind) {
    case 'head':
      return { ...NOTHING, pairs: 1, heads: 1, headOctets: octets };
    case 'run':
      return { ...NOTHING, pairs: 1, runs: 1, runOctets: octets };
    case 'shard':
      return { ...NOTHING, pairs: 1, shards: 1, shardOctets: octets };
    default:
      throw new Error(`the benchmark did not expect the key ${key}`);
  }
}

function plus(a: Tally, b: Tally): Tally {
  return {
    pairs: a.pairs + b.pairs,
    heads: a.heads + b.heads,
    headOctets: a.headOctets + b.headOctets,
    runs: a.runs + b.runs,
    runOctets: a.runOctets + b.runOctets,
    shards: a.shards + b.shards,
    shardOctets: a.shardOctets + b.shardOctets,
  };
}

/** What came between two of them. */
export function between(before: Tally, after: Tally): Tally {
  return {
    pairs: after.pairs - before.pairs,
    heads: after.heads - before.heads,
    headOctets: after.headOctets - before.headOctets,
    runs: after.runs - before.runs,
    runOctets: after.runOctets - before.runOctets,
    shards: after.shards - before.shards,
    shardOctets: after.shardOctets - before.shardOctets,
  };
}

/** Octets of values, and those on the line. */
export function octetsOf(tally: Tally): { readonly values: number; readonly sent: number } {
  const blocks = tally.runOctets + tally.shardOctets;
  return { values: tally.headOctets + blocks, sent: tally.headOctets + blocks * BASE64 };
}
