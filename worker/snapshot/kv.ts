import { FormatError } from '../../zone/format-error.ts';
import { sameOctets } from '../../zone/hash.ts';
import { decodeHead, headKey, MAX_HEAD_OCTETS } from '../../zone/head.ts';
import type { OwnerName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { type Root, type VerifyKeys, verifyRoot } from '../../zone/root.ts';
import type { FetchBlock } from './blocks.ts';
import type { HeadSource } from './reader.ts';

/** What is used of a `KVNamespace`. `cacheTtl`: the seconds a data centre may answer from its cache. */
export type Kv = {
  readonly get: (
    key: string,
    options: { readonly type: 'arrayBuffer'; readonly cacheTtl: number },
  ) => Promise<ArrayBuffer | null>;
  readonly getWithMetadata: (
    key: string,
    options: { readonly type: 'stream'; readonly cacheTtl: number },
  ) => Promise<{ readonly value: ReadableStream | null; readonly metadata: unknown }>;
};

/** Seconds: for what changes, the least KV takes (60 in some accounts); for immutable blocks a day. */
export const SHORT_CACHE_TTL = 30;
const REFUSED_CACHE_TTL_INSTEAD = 60;
const BLOCK_CACHE_TTL = 86_400;

/** A namespace that takes any `cacheTtl`: where a short one was refused, it is lengthened from then on. */
export function withAcceptedCacheTtl(kv: Kv): Kv {
  let least = 0;
  const accepted = async <Value>(
    cacheTtl: number,
    read: (cacheTtl: number) => Promise<Value>,
  ): Promise<Value> => {
    const asked = Math.max(cacheTtl, least);
    try {
      return await read(asked);
    } catch (error) {
      if (asked >= REFUSED_CACHE_TTL_INSTEAD || !isAboutCacheTtl(error)) throw error;
      least = REFUSED_CACHE_TTL_INSTEAD;
      return read(least);
    }
  };
  return {
    get: (key, options) => accepted(options.cacheTtl, (cacheTtl) => kv.get(key, { ...options, cacheTtl })),
    getWithMetadata: (key, options) =>
      accepted(options.cacheTtl, (cacheTtl) => kv.getWithMetadata(key, { ...options, cacheTtl })),
  };
}

/** As in `KV GET failed: 400 Invalid cache_ttl of 30. Cache TTL must be at least 60.` */
function isAboutCacheTtl(error: unknown): boolean {
  return error instanceof Error && /cache.?ttl/i.test(error.message);
}

/** The head of one variant of a zone in KV. Its metadata holds the root, so an unchanged body is not read. */
export function createKvHeadSource(
  kv: Kv,
  { origin, variant, verifyKeys }: { origin: OwnerName; variant: string; verifyKeys: VerifyKeys | 'none' },
): HeadSource {
  const key = headKey(origin, variant);
  const belongs = (root: Root): Root => {
    if (root.origin !== origin || root.variant !== variant) {
      throw new FormatError('head', `is that of ${root.origin}/${root.variant}, not of ${origin}/${variant}`);
    }
    return root;
  };
  /** Undefined where it can't be had or trusted: the value then decides. */
  const rootInMetadata = async (metadata: unknown): Promise<Root | undefined> => {
    const text = typeof metadata === 'object' && metadata && 'root' in metadata && metadata.root;
    if (typeof text !== 'string') return undefined;
    try {
      return belongs(await verifyRoot(fromBase64(text), verifyKeys));
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  };
  return {
    check: async (heldBodyHash) => {
      const { value, metadata } = await kv.getWithMetadata(key, {
        type: 'stream',
        cacheTtl: SHORT_CACHE_TTL,
      });
      if (!value) return undefined;
      const isHeld = (root: Root): boolean =>
        heldBodyHash !== undefined && sameOctets(root.bodyHash, heldBodyHash);
      const root = heldBodyHash && (await rootInMetadata(metadata));
      if (root && isHeld(root)) {
        await value.cancel();
        return { root, body: undefined };
      }
      const head = await decodeHead(await readAtMost(value, MAX_HEAD_OCTETS, 'head'), verifyKeys);
      return { root: belongs(head.root), body: isHeld(head.root) ? undefined : head.body };
    },
  };
}

export function createKvBlockFetcher(kv: Kv): FetchBlock {
  return async (key, { fresh }) => {
    const value = await kv.get(key, {
      type: 'arrayBuffer',
      cacheTtl: fresh ? SHORT_CACHE_TTL : BLOCK_CACHE_TTL,
    });
    return value ? new Uint8Array(value) : undefined;
  };
}

/** No more of a value than it may have: under a key may stand 25 MiB of anything. Throws `FormatError` for more. */
export async function readAtMost(value: ReadableStream, most: number, what: string): Promise<Uint8Array> {
  const octets = createWriter(4096);
  const reader = value.getReader();
  for (;;) {
    const { done, value: chunk } = await reader.read();
    if (done) return octets.written();
    if (chunk instanceof Uint8Array) octets.octets(chunk);
    if (octets.offset() <= most) continue;
    await reader.cancel();
    throw new FormatError(what, `is longer than ${most} octets`);
  }
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw new FormatError('head metadata', 'is not base64');
  }
}
