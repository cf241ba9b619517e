import { FormatError } from '../../zone/format-error.ts';
import { parseKey } from '../../zone/head.ts';
import { parseName } from '../../zone/name.ts';
import { octetsKey } from '../../zone/octets.ts';
import { ConfigError } from '../config.ts';
import { type Pair, type Sink, SinkError } from '../sinks/sink.ts';

/** What other agents publish elsewhere, for a store that one Worker reads. */
export type Mirror = {
  /** The zones that were there when it was opened. */
  readonly zones: readonly string[];
  /**
   * Copies what is new of these zones, each from the sink it was found in, blocks before the heads that name them. Gives
   * how many keys were written. Throws the first `SinkError` when all sinks were tried.
   */
  readonly copyTo: (to: Sink, signal: AbortSignal) => Promise<number>;
};

/** What of a store a Worker reads. */
const HEADS: readonly string[] = ['head'];
const BLOCKS: readonly string[] = ['run', 'shard'];
/** New zones told of: whoever may write to a sink can make any number. */
const MAX_TOLD = 16;

export type MirrorOptions = {
  /** Zones that are published here already. */
  readonly taken: readonly string[];
  readonly signal: AbortSignal;
  /** Told once of each zone that came later: it is not copied. */
  readonly report?: (text: string) => void;
};

/**
 * Looks which zones are in the sinks. Throws `ConfigError` for a sink without a zone, for a zone that is there twice, and
 * for one whose name is none.
 */
export async function openMirror(
  from: readonly Sink[],
  { taken, signal, report = () => {} }: MirrorOptions,
): Promise<Mirror> {
  const found: string[] = [];
  const zonesIn = new Map<Sink, ReadonlySet<string>>();
  for (const sink of from) {
    const zones = zonesOf(await sink.list('z/', signal));
    if (zones.length === 0)
      throw new ConfigError(`${sink.name} has no zone: let an agent publish there first (sync --sink-dir)`);
    const odd = zones.find((zone) => !isZoneName(zone));
    if (odd !== undefined)
      throw new ConfigError(
        `${sink.name} has files of a zone ${encodeURIComponent(odd)}, which is no zone's name: remove them`,
      );
    const twice = zones.find((zone) => taken.includes(zone) || found.includes(zone));
    if (twice !== undefined)
      throw new ConfigError(
        `${sink.name} has the zone ${twice}, which is published here already: domain names another`,
      );
    found.push(...zones);
    zonesIn.set(sink, new Set(zones));
  }
  const told = new Set<string>();
  const tellNew = (sink: Sink, keys: readonly string[]): void => {
    for (const zone of zonesOf(keys)) {
      const text = `${sink.name} has a new zone ${encodeURIComponent(zone)}, which is not copied`;
      if (zonesIn.get(sink)?.has(zone) === true || told.has(text) || told.size >= MAX_TOLD) continue;
      told.add(text);
      report(
        isZoneName(zone) && !taken.includes(zone) && !found.includes(zone)
          ? `${text}: start again to serve it too`
          : text,
      );
    }
  };
  const copied = new Set<string>();
  const heads = new Map<string, string>();
  const copyOne = async (sink: Sink, to: Sink, signal: AbortSignal): Promise<number> => {
    // Heads are read first: what they name is there by then.
    const due: Pair[] = [];
    const zones = zonesIn.get(sink) ?? new Set();
    const keys = await sink.list('z/', signal);
    tellNew(sink, keys);
    for (const key of keysOf(keys, HEADS, zones)) {
      const stored = await sink.get(key, signal);
      if (stored && heads.get(key) !== octetsKey(stored.value)) due.push({ key, ...pairOf(stored) });
    }
    if (due.length === 0) return 0;
    let written = 0;
    for (const key of keysOf(await sink.list('z/', signal), BLOCKS, zones)) {
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
      let failed: SinkError | undefined;
      for (const sink of from) {
        try {
          written += await copyOne(sink, to, signal);
        } catch (error) {
          if (!(error instanceof SinkError)) throw error;
          failed ??= error;
        }
      }
      if (failed) throw failed;
      return written;
    },
  };
}

function keysOf(keys: readonly string[], kinds: readonly string[], zones: ReadonlySet<string>): string[] {
  return keys.filter((key) => {
    const parsed = parseKey(key);
    return parsed && kinds.includes(parsed.kind) && zones.has(zoneOf(parsed.prefix));
  });
}

function zonesOf(keys: readonly string[]): string[] {
  const zones = keys.flatMap((key) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'head' ? [zoneOf(parsed.prefix)] : [];
  });
  return [...new Set(zones)].toSorted();
}

/** Of `z/<zone>/<variant>/`; what is in between, slashes and all. */
function zoneOf(prefix: string): string {
  return prefix.split('/').slice(1, -2).join('/');
}

/** As agents have zones: it goes into a list with commas, and to terminals. */
function isZoneName(zone: string): boolean {
  try {
    return /^[a-z0-9_.-]+$/.test(zone) && parseName(zone) === zone;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
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
