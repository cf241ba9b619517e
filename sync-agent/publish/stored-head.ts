import { type Block, openBlock } from '../../zone/block.ts';
import { FormatError } from '../../zone/format-error.ts';
import { contentHash, sameOctets, toHex } from '../../zone/hash.ts';
import { decodeHead, type HeadBody, headKey, runKey, shardKey } from '../../zone/head.ts';
import type { Levels } from '../../zone/levels.ts';
import type { OwnerName } from '../../zone/name.ts';
import { unpackBlock } from '../../zone/pack.ts';
import { decodeRoot, importVerifyKeys, type Root } from '../../zone/root.ts';
import { compareSerial } from '../../zone/zone.ts';
import type { Sink } from '../sinks/sink.ts';

/** Which snapshot of a sink: a zone has one for each audience. */
export type Place = { readonly sink: Sink; readonly origin: OwnerName; readonly variant: string };

/** A head as stored, verified. */
export type StoredHead = { readonly octets: Uint8Array; readonly root: Root; readonly body: HeadBody };

/** What is stored under the head's key. `unusable` gives its root where that can be read, unverified. */
export type Stored =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'head'; readonly head: StoredHead }
  | { readonly kind: 'unusable'; readonly reason: string; readonly root: Root | undefined };

/** Blocks fetched at once when a snapshot is read back. */
const FETCHED_AT_ONCE = 6;

/** Reads the head under `key` (its own, or a kept one's) and verifies it with `publicKeys` (base64). */
export async function readHead(
  { sink, origin, variant }: Place,
  publicKeys: readonly string[],
  signal: AbortSignal,
  key = headKey(origin, variant),
): Promise<Stored> {
  const stored = await sink.get(key, signal);
  if (!stored) return { kind: 'nothing' };
  try {
    const { root, body } = await decodeHead(stored.value, await importVerifyKeys(publicKeys));
    if (root.origin !== origin || root.variant !== variant)
      throw new FormatError('head', `is that of ${root.origin}/${root.variant}, not of ${origin}/${variant}`);
    return { kind: 'head', head: { octets: stored.value, root, body } };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { kind: 'unusable', reason: error.message, root: unverifiedRoot(stored.value) };
  }
}

/** Fetches the blocks a head names, each checked against its hash. Throws `FormatError` for one that is not. */
export async function readLevels(
  { sink, origin, variant }: Place,
  { levels: table, overlay }: Pick<HeadBody, 'levels' | 'overlay'>,
  signal: AbortSignal,
): Promise<Levels> {
  const { run, shards } = table;
  const block = async (key: string, hash: Uint8Array): Promise<Block> =>
    openBlock(await unpackBlock(await readBlock(sink, { key, hash }, signal)));
  const opened: Block[] = [];
  const missing = (shards?.hashes ?? []).entries();
  const fetchShards = async (): Promise<void> => {
    for (const [index, hash] of missing)
      if (shards) opened[index] = await block(shardKey(origin, variant, { ...shards, index }), hash);
  };
  await Promise.all(Array.from({ length: FETCHED_AT_ONCE }, fetchShards));
  return {
    table,
    overlay: overlay.length > 0 ? openBlock(overlay) : undefined,
    run: run && (await block(runKey(origin, variant, run), run.hash)),
    shards: opened,
  };
}

/** A block's octets as stored. Throws `FormatError` where it is missing or not what its hash says. */
export async function readBlock(
  sink: Sink,
  { key, hash }: { readonly key: string; readonly hash: Uint8Array },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const stored = await sink.get(key, signal);
  if (!stored) throw new FormatError(`block ${key}`, 'is missing');
  if (!sameOctets(await contentHash(stored.value), hash)) throw new FormatError(`block ${key}`, 'is damaged');
  return stored.value;
}

/** Order of heads: by epoch, then serial, then when they were made. */
export function compareRoots(a: Root, b: Root): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  return compareSerial(a.serial, b.serial) || a.createdAtMs - b.createdAtMs;
}

export function isSameRoot(a: Root, b: Root): boolean {
  return compareRoots(a, b) === 0 && sameOctets(a.bodyHash, b.bodyHash) && sameOctets(a.writerId, b.writerId);
}

/** The writer's id as people and elections see it. */
export function writerText(root: Root): string {
  return toHex(root.writerId);
}

/** The root of a head that can not be used: the next one has to be newer all the same. */
function unverifiedRoot(head: Uint8Array): Root | undefined {
  try {
    return decodeRoot(head).root;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
