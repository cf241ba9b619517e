import type { KeyPair } from '../../../sync-agent/keys.ts';
import type { Limits } from '../../../zone/plan.ts';
import {
  createPublisher,
  type Publisher,
  type PublisherOptions,
  type Push,
} from '../../../sync-agent/publish/publisher.ts';
import type { Published } from '../../../sync-agent/publish/published.ts';
import { readLevels } from '../../../sync-agent/publish/stored-head.ts';
import { fromLevels } from '../../../sync-agent/records/from-levels.ts';
import { toZoneContent } from '../../../sync-agent/records/rrsets.ts';
import { createMemorySink } from '../../../sync-agent/sinks/memory.ts';
import { type Pair, type Sink, SinkError } from '../../../sync-agent/sinks/sink.ts';
import { decodeHead, type Head, headKey } from '../../../zone/head.ts';
import { parseName } from '../../../zone/name.ts';
import { importVerifyKeys } from '../../../zone/root.ts';
import type { ZoneContent } from '../../../zone/entries.ts';
import type { Zone } from '../../../zone/zone.ts';

export const ORIGIN = parseName('mesos');
const NAME_SERVER = parseName('ns1.mesos');
export const HEAD = headKey(ORIGIN, 'main');
export const ZONE: Zone = {
  origin: ORIGIN,
  soa: {
    mname: NAME_SERVER,
    rname: parseName('root.ns1.mesos'),
    refresh: 1,
    retry: 2,
    expire: 3,
    minimum: 4,
    ttl: 5,
  },
  nameServers: [NAME_SERVER],
  nsTtl: 5,
};
/** Small enough that a handful of names goes through all levels. */
const LIMITS: Limits = { overlayOctets: 300, runOctets: 1200, shardOctets: 600 };
/** Of every zone's first push. */
export const NOW_SECONDS = 1_750_000_000;
const SIGNAL = new AbortController().signal;

const WRITER_ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** A push of all there is, as after a restart. */
export function pushOf(content: ZoneContent, confirmedAtMs: number): Push {
  return { wanted: { kind: 'content', content, changed: 'all' }, confirmedAtMs };
}

/** Names, each with its addresses. */
export type Names = Readonly<Record<string, readonly string[]>>;

/** The names n`from` up to n`to`, with an address that `version` changes. */
export function names(from: number, to: number, version = 0): Names {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return Object.fromEntries(numbers.map((i) => [`n${i}.mesos.`, [`10.${version}.0.${i % 256}`]]));
}

export function contentOf(all: Names): ZoneContent {
  const set = { A: new Map(Object.entries(all)), AAAA: new Map(), SRV: new Map(), MORE: new Map() };
  return toZoneContent(set, { origin: ORIGIN, ttl: 60, srvWeight: 1, sources: 1 }, () => undefined);
}

/** What goes wrong with one put, counted from 0: before anything is stored, half way, or with the answer. */
export type PutFault = { readonly put: number; readonly when: 'before' | 'half' | 'after' };

export type WatchedSink = Sink & {
  /** Keys of each put, in order. */
  readonly puts: string[][];
  /** Values that were there when a key was written again with others. */
  readonly rewritten: string[];
  readonly gets: string[];
  fault: PutFault | undefined;
  failsGet: (key: string) => boolean;
  /** Called whenever a key has become visible. */
  onStored: () => Promise<void>;
};

/** A memory sink that tells what was done to it, and fails where it is told to. */
export function watchedSink(inner: Sink = createMemorySink()): WatchedSink {
  const watched: WatchedSink = {
    ...inner,
    puts: [],
    rewritten: [],
    gets: [],
    fault: undefined,
    failsGet: () => false,
    onStored: async () => undefined,
    get: async (key, signal) => {
      watched.gets.push(key);
      if (watched.failsGet(key)) throw new SinkError('get refused');
      return inner.get(key, signal);
    },
    put: async (pairs, signal) => {
      const fault = watched.fault?.put === watched.puts.length ? watched.fault.when : undefined;
      watched.puts.push(pairs.map(({ key }) => key));
      if (fault === 'before') throw new SinkError('put refused');
      const stored: readonly Pair[] = fault === 'half' ? pairs.slice(0, Math.floor(pairs.length / 2)) : pairs;
      for (const pair of stored) {
        const before = await inner.get(pair.key, signal);
        if (before && pair.key !== HEAD && !Buffer.from(before.value).equals(pair.value))
          watched.rewritten.push(pair.key);
        await inner.put([pair], signal);
        await watched.onStored();
      }
      if (fault) throw new SinkError(`put broke ${fault === 'half' ? 'off' : 'after it was done'}`);
    },
  };
  return watched;
}

/** What a reader finds: the head verified, all blocks there and whole. Undefined before the first push. */
export async function readZone(
  sink: Sink,
  key: KeyPair,
): Promise<{ readonly head: Head; readonly names: Names } | undefined> {
  const stored = await sink.get(HEAD, SIGNAL);
  if (!stored) return undefined;
  const head = await decodeHead(stored.value, await importVerifyKeys([key.publicKeyBase64]));
  const levels = await readLevels({ sink, origin: ORIGIN, variant: 'main' }, head.body, SIGNAL);
  return { head, names: Object.fromEntries(fromLevels(levels).A) };
}

export type Clock = { ms: number };

/** A publisher of ZONE with small limits, whose random octets are the same each time. */
export function publisherOf(
  sink: Sink,
  { key, clock, ...more }: { readonly key: KeyPair; readonly clock: Clock } & Partial<PublisherOptions>,
): Publisher {
  return createPublisher({
    sink,
    key,
    zone: ZONE,
    settings: { staleAfterSeconds: 900, expireAfterSeconds: 0, recursionAvailable: 'never' },
    livenessSeconds: 300,
    now: () => clock.ms,
    monotonicMs: () => clock.ms,
    writerId: WRITER_ID,
    randomOctets: (length) => Uint8Array.from({ length }, (_, i) => i + 1),
    limits: LIMITS,
    ...more,
  });
}

/** A publisher, and all around it that a test may want to touch. */
export type Opened = {
  readonly sink: WatchedSink;
  readonly clock: Clock;
  readonly publisher: Publisher;
  readonly publish: (all: Names) => Promise<Published>;
};

export function openPublisher(key: KeyPair, options: Partial<PublisherOptions> = {}): Opened {
  const sink = watchedSink();
  const clock = { ms: NOW_SECONDS * 1000 };
  const publisher = publisherOf(sink, { key, clock, ...options });
  return {
    sink,
    clock,
    publisher,
    publish: (all) => publisher.publish(pushOf(contentOf(all), clock.ms), SIGNAL),
  };
}
