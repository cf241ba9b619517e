import { type Metadata, type Pair, type Sink, SinkError } from '../../sync-agent/sinks/sink.ts';
import type { Kv } from '../../worker/snapshot/kv.ts';
import type { VirtualClock } from './virtual-clock.ts';

/**
 * Workers KV as its documentation describes it, in virtual time and from a seed. A write is seen where it was
 * written at once, and by each reader after a delay of its own, from 0 to 60 s; so is a removal. A reader keeps
 * what it read, absence too, for the `cacheTtl` it asks with. Within the 60 s it may also be given the value
 * before the newest that has reached it, as from another machine of its data centre.
 */
export type EventualKv = {
  /** The one writer's view, which is that of the store itself. */
  readonly sink: Sink;
  /** What the next writes are to meet, one each; those without are done and answered. */
  readonly faults: WriteFault[];
  readonly reader: (index: number) => EventualReader;
  /** Told of each pair when it has come to the store. */
  onLanded: (pair: Pair) => void;
  /** Told of each key when a reader asks for it. */
  onAsked: (key: string) => void;
  /** When a key was last written: Unix milliseconds. */
  readonly writtenAtMs: (key: string) => number | undefined;
};

export type EventualReader = {
  readonly kv: Kv;
  /** What part of the reads fails, and what part never ends. */
  faults: { failing: number; hanging: number };
};

/** How a put goes wrong, `pairs` of it stored before. */
export type WriteFault =
  /** The reply says that it failed, or never comes. */
  | { readonly kind: 'fails' | 'dies'; readonly pairs: number }
  /** It fails for its writer, and is stored so much later all the same. */
  | { readonly kind: 'late'; readonly ms: number };

export type EventualKvOptions = {
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly readers: number;
  readonly spreadMs?: number;
};

type Version = {
  /** Undefined: removed, or not there yet. */
  readonly value: Uint8Array | undefined;
  readonly metadata: Metadata | undefined;
  readonly writtenAtMs: number;
  readonly seenFromMs: readonly number[];
};

const ABSENT: Version = { value: undefined, metadata: undefined, writtenAtMs: 0, seenFromMs: [] };
/** Of a write, and of a read: most are quick, some are not. */
const WRITE_MS = 300;
const READ_MS = 60;
const SLOW_READ_MS = 3_000;
const SLOW_READS = 0.01;
/** So many reads within the spread are given the value before. */
const OLD_READS = 0.1;
const MAX_VERSIONS = 8;

export function createEventualKv(options: EventualKvOptions): EventualKv {
  const { clock, random, readers, spreadMs = 60_000 } = options;
  /** The newest last. */
  const stored = new Map<string, Version[]>();
  const faults: WriteFault[] = [];

  const newest = (key: string): Version => stored.get(key)?.at(-1) ?? ABSENT;
  const land = (key: string, value: Uint8Array | undefined, metadata: Metadata | undefined): void => {
    const versions = stored.get(key) ?? [];
    const seenFromMs = Array.from({ length: readers }, () => clock.now() + random() * spreadMs);
    versions.push({ value: value?.slice(), metadata, writtenAtMs: clock.now(), seenFromMs });
    stored.set(key, versions);
    // What everybody has seen the successor of is seen by nobody any more.
    while (versions.length > MAX_VERSIONS && clock.now() - (versions[1]?.writtenAtMs ?? 0) > spreadMs)
      versions.shift();
  };
  const put = async (pairs: readonly Pair[], signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const fault = faults.shift();
    await clock.sleep(random() * WRITE_MS);
    const storePair = (pair: Pair): void => {
      land(pair.key, pair.value, pair.metadata);
      kv.onLanded(pair);
    };
    if (fault?.kind === 'late') {
      void clock.sleep(fault.ms).then(() => pairs.forEach(storePair));
      throw new SinkError('the reply did not come');
    }
    pairs.slice(0, fault?.pairs).forEach(storePair);
    if (fault?.kind === 'dies') await new Promise(() => undefined);
    if (fault) throw new SinkError('the connection broke');
  };

  const readerAt = (index: number): EventualReader => {
    const cached = new Map<string, { readonly version: Version; readonly atMs: number }>();
    const reader: EventualReader = {
      faults: { failing: 0, hanging: 0 },
      kv: {
        get: async (key, { cacheTtl }) => {
          const { value } = await read(key, cacheTtl);
          return value ? value.slice().buffer : null;
        },
        getWithMetadata: async (key, { cacheTtl }) => {
          const { value, metadata = null } = await read(key, cacheTtl);
          return { value: value ? streamOf(value) : null, metadata };
        },
      },
    };
    const read = async (key: string, cacheTtl: number): Promise<Version> => {
      kv.onAsked(key);
      const luck = random();
      const version = look(key, cacheTtl);
      if (luck < reader.faults.hanging) return new Promise(() => undefined);
      await clock.sleep(random() < SLOW_READS ? random() * SLOW_READ_MS : random() * READ_MS);
      if (luck < reader.faults.hanging + reader.faults.failing) throw new Error('KV GET failed: 500');
      return version;
    };
    const look = (key: string, cacheTtl: number): Version => {
      const kept = cached.get(key);
      if (kept && clock.now() - kept.atMs < cacheTtl * 1000) return kept.version;
      const versions = stored.get(key) ?? [];
      const at = versions.findLastIndex(({ seenFromMs }) => (seenFromMs[index] ?? 0) <= clock.now());
      const isFresh = clock.now() - (versions[at]?.writtenAtMs ?? 0) < spreadMs;
      const version = versions[isFresh && random() < OLD_READS ? at - 1 : at] ?? ABSENT;
      cached.set(key, { version, atMs: clock.now() });
      return version;
    };
    return reader;
  };
  const all = Array.from({ length: readers }, (_, index) => readerAt(index));

  const kv: EventualKv = {
    sink: {
      name: 'eventual KV',
      put,
      get: async (key, signal) => {
        signal.throwIfAborted();
        const { value, metadata } = newest(key);
        return value && { value: value.slice(), metadata };
      },
      list: async (prefix, signal) => {
        signal.throwIfAborted();
        return [...stored.keys()].filter((key) => key.startsWith(prefix) && newest(key).value);
      },
      remove: async (keys, signal) => {
        signal.throwIfAborted();
        for (const key of keys) land(key, undefined, undefined);
      },
    },
    faults,
    reader: (index) => all[index] ?? readerAt(index),
    onLanded: () => undefined,
    onAsked: () => undefined,
    writtenAtMs: (key) => stored.get(key)?.at(-1)?.writtenAtMs,
  };
  return kv;
}

function streamOf(octets: Uint8Array): ReadableStream {
  return new ReadableStream({
    start: (controller) => {
      controller.enqueue(octets.slice());
      controller.close();
    },
  });
}
