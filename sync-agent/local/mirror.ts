import { parseKey } from '../../zone/head.ts';
import { octetsKey } from '../../zone/octets.ts';
import { ConfigError } from '../config.ts';
import type { Pair, Sink } from '../sinks/sink.ts';

/** What other agents publish elsewhere, for a store that one Worker reads. */
export type Mirror = {
  /** The zones that were there when it was opened. */
  readonly zones: readonly string[];
  /** Copies what is new, blocks before the heads that name them. Gives how many keys were written. */
  readonly copyTo: (to: Sink, signal: AbortSignal) => Promise<number>;
};

/** What of a store a Worker reads. */
const HEADS: readonly string[] = ['head'];
const BLOCKS: readonly string[] = ['run', 'shard'];

/**
 * Looks which zones are in the sinks. `taken` are those that are published here already. Throws `ConfigError` for a
 * sink without a zone, and for a zone that is there twice.
 */
export async function openMirror(
  from: readonly Sink[],
  { taken, signal }: { readonly taken: readonly string[]; readonly signal: AbortSignal },
): Promise<Mirror> {
  const found: string[] = [];
  for (const sink of from) {
    const zones = zonesOf(await sink.list('z/', signal));
    if (zones.length === 0)
      throw new ConfigError(`${sink.name} has no zone: let an agent publish there first (sync --sink-dir)`);
    const twice = zones.find((zone) => taken.includes(zone) || found.includes(zone));
    if (twice !== undefined)
      throw new ConfigError(
        `${sink.name} has the zone ${twice}, which is published here already: domain names another`,
      );
    found.push(...zones);
  }
  const copied = new Set<string>();
  const heads = new Map<string, string>();
  const copyOne = async (sink: Sink, to: Sink, signal: AbortSignal): Promise<number> => {
    // Heads are read first: what they name is there by then.
    const due: Pair[] = [];
    for (const key of await listed(sink, HEADS, signal)) {
      const stored = await sink.get(key, signal);
      if (stored && heads.get(key) !== octetsKey(stored.value)) due.push({ key, ...pairOf(stored) });
    }
    if (due.length === 0) return 0;
    let written = 0;
    for (const key of await listed(sink, BLOCKS, signal)) {
      if (copied.has(key)) continue;
      const stored = await sink.get(key, signal);
      // Swept since it was listed: no head of now names it.
      if (!stored) continue;
      await to.put([{ key, ...pairOf(stored) }], signal);
      copied.add(key);
      written++;
    }
    for (const pair of due) {
      await to.put([pair], signal);
      heads.set(pair.key, octetsKey(pair.value));
      written++;
    }
    return written;
  };
  return {
    zones: found,
    copyTo: async (to, signal) => {
      let written = 0;
      for (const sink of from) written += await copyOne(sink, to, signal);
      return written;
    },
  };
}

async function listed(sink: Sink, kinds: readonly string[], signal: AbortSignal): Promise<string[]> {
  return (await sink.list('z/', signal)).filter((key) => kinds.includes(parseKey(key)?.kind ?? ''));
}

function zonesOf(keys: readonly string[]): string[] {
  const prefixes = keys.flatMap((key) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'head' ? [parsed.prefix] : [];
  });
  return [...new Set(prefixes.map((prefix) => prefix.split('/')[1] ?? ''))].toSorted();
}

function pairOf({
  value,
  metadata,
}: {
  readonly value: Uint8Array;
  readonly metadata: Pair['metadata'];
}): Omit<Pair, 'key'> {
  return metadata ? { value, metadata } : { value };
}
