import { FormatError } from '../../zone/format-error.ts';
import { sameOctets } from '../../zone/hash.ts';
import { decodeHead, headKey } from '../../zone/head.ts';
import type { OwnerName } from '../../zone/name.ts';
import { type Root, type VerifyKeys, verifyRoot } from '../../zone/root.ts';
import type { FetchBlock, HeadSource } from './reader.ts';

/** Seconds KV may answer from a data centre's cache: the least it takes for heads, a day for immutable blocks. */
const HEAD_CACHE_TTL = 30;
const BLOCK_CACHE_TTL = 86_400;

/** The head of one variant of a zone in KV. Its metadata holds the root, so an unchanged body is not read. */
export function createKvHeadSource(
  kv: KVNamespace,
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
  const rootInMetadata = async (text: unknown): Promise<Root | undefined> => {
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
      const { value, metadata } = await kv.getWithMetadata<{ root?: unknown }>(key, {
        type: 'stream',
        cacheTtl: HEAD_CACHE_TTL,
      });
      if (!value) return undefined;
      const isHeld = (root: Root): boolean =>
        heldBodyHash !== undefined && sameOctets(root.bodyHash, heldBodyHash);
      const root = heldBodyHash && (await rootInMetadata(metadata?.root));
      if (root && isHeld(root)) {
        await value.cancel();
        return { root, body: undefined };
      }
      const head = await decodeHead(new Uint8Array(await new Response(value).arrayBuffer()), verifyKeys);
      return { root: belongs(head.root), body: isHeld(head.root) ? undefined : head.body };
    },
  };
}

export function createKvBlockFetcher(kv: KVNamespace): FetchBlock {
  return async (key, { fresh }) => {
    const value = await kv.get(key, {
      type: 'arrayBuffer',
      cacheTtl: fresh ? HEAD_CACHE_TTL : BLOCK_CACHE_TTL,
    });
    return value ? new Uint8Array(value) : undefined;
  };
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw new FormatError('head metadata', 'is not base64');
  }
}
