import { openBlock } from '../zone/block.ts';
import { FormatError } from '../zone/format-error.ts';
import { contentHash, HASH_SEED_OCTETS, sameOctets, sha256, toHex } from '../zone/hash.ts';
import {
  decodeHead,
  encodeBody,
  encodeHead,
  headKey,
  MAX_HEAD_OCTETS,
  rootOctets,
  runKey,
  shardKey,
  type HeadBody,
  type ZoneSettings,
} from '../zone/head.ts';
import { decodeRoot, importVerifyKeys, type Root } from '../zone/root.ts';
import {
  encodeEntries,
  type Levels,
  type Limits,
  type Plan,
  planSnapshot,
  type ZoneContent,
} from '../zone/snapshot.ts';
import { nextSerial, type Serial, type Zone } from '../zone/zone.ts';
import { ConfigError } from './config.ts';
import type { KeyPair } from './keys.ts';
import type { Pair, Sink } from './sinks/sink.ts';

/** What a push did. */
export type Published = {
  /** `unchanged`: nothing was written; `confirmed`: only the head's times were renewed. */
  readonly kind: 'changed' | 'confirmed' | 'unchanged';
  readonly serial: Serial;
  /** Owner names that came, changed or went. */
  readonly changes: number;
  /** Keys written. */
  readonly writes: number;
  readonly octets: number;
};

/** Publishes one variant of one zone. One `publish` at a time. */
export type Publisher = {
  /**
   * Brings the sink to say what `content` says: missing blocks first, the head last and alone, so that a reader
   * never sees a head whose blocks are not there. Throws `SinkError`; then nothing is lost, and the next call
   * starts from what the sink holds. Throws `ConfigError` for a zone that another key signed. With `dryRun`
   * nothing is written.
   */
  readonly publish: (content: ZoneContent, confirmedAtMs: number, signal: AbortSignal) => Promise<Published>;
};

export type PublisherOptions = {
  readonly sink: Sink;
  readonly zone: Zone;
  readonly settings: ZoneSettings;
  readonly key: KeyPair;
  readonly livenessSeconds: number;
  readonly now: () => number;
  /** Octets nobody can guess: the hash seed of a new zone, this writer's id. */
  readonly randomOctets: (length: number) => Uint8Array;
  readonly limits?: Limits;
  readonly variant?: string;
  readonly dryRun?: boolean;
  /** Take over a zone whose head another key signed; its readers then need the new public key. */
  readonly replaceOtherKey?: boolean;
  /** Told when what the sink holds could not be used and everything is written anew. */
  readonly onUnusable?: (reason: string) => void;
};

const WRITER_ID_OCTETS = 16;

/** What the sink holds, as far as we know. */
type Held = {
  readonly epoch: number;
  readonly serial: Serial | undefined;
  readonly createdAtMs: number;
  readonly bodyHash: Uint8Array;
  readonly levels: Levels | undefined;
};

const NOTHING_HELD: Held = {
  epoch: 1,
  serial: undefined,
  createdAtMs: 0,
  bodyHash: new Uint8Array(),
  levels: undefined,
};

export function createPublisher(options: PublisherOptions): Publisher {
  const { sink, zone, settings, key, variant = 'main', now } = options;
  const writerId = options.randomOctets(WRITER_ID_OCTETS);
  let held: Held | undefined;

  return {
    publish: async (content, confirmedAtMs, signal) => {
      const before = (held ??= await recover(options, variant, signal));
      const seed = before.levels?.table.seed ?? options.randomOctets(HASH_SEED_OCTETS);
      const serial = nextSerial(before.serial, now() / 1000);
      const entries = encodeEntries(content, { origin: zone.origin, seed });
      const plan = await planSnapshot(before.levels, entries, {
        seed,
        serial,
        ...(options.limits && { limits: options.limits }),
      });
      const body = encodeBody({ zone, settings, levels: plan.levels.table, overlay: plan.overlayOctets });
      const bodyHash = await sha256(body);
      const same = sameOctets(bodyHash, before.bodyHash);
      const createdAtMs = now();
      if (same && createdAtMs - before.createdAtMs < options.livenessSeconds * 1000) {
        return { kind: 'unchanged', serial: before.serial ?? serial, changes: 0, writes: 0, octets: 0 };
      }

      const root = {
        epoch: before.epoch,
        serial: same ? (before.serial ?? serial) : serial,
        createdAtMs,
        confirmedAtMs,
        writerId,
        origin: zone.origin,
        variant,
      };
      const head = await encodeHead(root, body, key);
      if (head.length > MAX_HEAD_OCTETS)
        throw new FormatError('head', `is ${head.length} octets long (at most ${MAX_HEAD_OCTETS})`);
      const blocks = blockPairs(plan, zone, variant);
      const metadata = { root: Buffer.from(rootOctets(head)).toString('base64') };
      if (!options.dryRun) {
        // Until both writes are known to have happened, what the sink holds is not known.
        held = undefined;
        if (blocks.length > 0) await sink.put(blocks, signal);
        await sink.put([{ key: headKey(zone.origin, variant), value: head, metadata }], signal);
        held = { epoch: root.epoch, serial: root.serial, createdAtMs, bodyHash, levels: plan.levels };
      }
      return {
        kind: same ? 'confirmed' : 'changed',
        serial: root.serial,
        changes: plan.changes,
        writes: blocks.length + 1,
        octets: blocks.reduce((sum, { value }) => sum + value.length, head.length),
      };
    },
  };
}

function blockPairs({ newRun, newShards, levels }: Plan, { origin }: Zone, variant: string): Pair[] {
  const pairs: Pair[] = [];
  const { run, shards } = levels.table;
  if (newRun && run) pairs.push({ key: runKey(origin, variant, run), value: newRun });
  for (const [index, value] of newShards.entries()) {
    if (shards) pairs.push({ key: shardKey(origin, variant, { ...shards, index }), value });
  }
  return pairs;
}

/** Reads back what the sink holds. A head or block that can't be used means starting anew, above its serial. */
async function recover(options: PublisherOptions, variant: string, signal: AbortSignal): Promise<Held> {
  const { sink, zone, key } = options;
  const stored = await sink.get(headKey(zone.origin, variant), signal);
  if (!stored) return NOTHING_HELD;
  try {
    const { root, body } = await decodeHead(stored.value, await importVerifyKeys([key.publicKeyBase64]));
    const { epoch, serial, createdAtMs, bodyHash } = root;
    return {
      epoch,
      serial,
      createdAtMs,
      bodyHash,
      levels: await readLevels(sink, { zone, variant, body }, signal),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const root = rootOf(stored.value);
    if (root && !options.replaceOtherKey && !sameOctets(root.keyId, key.keyId)) {
      throw new ConfigError(
        `${sink.name} holds zone ${zone.origin} signed with key ${toHex(root.keyId)}; the signing key here is ` +
          `${toHex(key.keyId)}, which readers of that zone do not trust. Sign with the key it was published with ` +
          `(dataDir, signingKeyFile), or give --new-key and put ${key.publicKeyBase64} into the Worker's VERIFY_KEYS`,
      );
    }
    options.onUnusable?.(error.message);
    return { ...NOTHING_HELD, ...(root && { epoch: root.epoch, serial: root.serial }) };
  }
}

/** Fetches the blocks a head names, each checked against its hash. Throws `FormatError` for one that is not. */
export async function readLevels(
  sink: Sink,
  { zone, variant, body }: { zone: Pick<Zone, 'origin'>; variant: string; body: HeadBody },
  signal: AbortSignal,
): Promise<Levels> {
  const { run, shards } = body.levels;
  const block = async (blockKey: string, hash: Uint8Array): Promise<ReturnType<typeof openBlock>> => {
    const stored = await sink.get(blockKey, signal);
    if (!stored) throw new FormatError(`block ${blockKey}`, 'is missing');
    if (!sameOctets(await contentHash(stored.value), hash))
      throw new FormatError(`block ${blockKey}`, 'is damaged');
    return openBlock(stored.value);
  };
  const opened = [];
  for (const [index, hash] of (shards?.hashes ?? []).entries()) {
    if (shards) opened.push(await block(shardKey(zone.origin, variant, { ...shards, index }), hash));
  }
  return {
    table: body.levels,
    overlay: body.overlay.length > 0 ? openBlock(body.overlay) : undefined,
    run: run && (await block(runKey(zone.origin, variant, run), run.hash)),
    shards: opened,
  };
}

/** The root of a head that could not be used: the next one is newer all the same. */
function rootOf(head: Uint8Array): Root | undefined {
  try {
    return decodeRoot(head).root;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
