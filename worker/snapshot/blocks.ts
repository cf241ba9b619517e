import { type Block, openBlock } from '../../zone/block.ts';
import { FormatError } from '../../zone/format-error.ts';
import { contentHash, sameOctets, toHex } from '../../zone/hash.ts';
import { unpackBlock } from '../../zone/pack.ts';
import { createOctetCache, type OctetCache } from './octet-cache.ts';
import { createShare, type WaitUntil } from './share.ts';
import { createSlots } from './slots.ts';
import { sinceMs, type StartTimer } from './timer.ts';

/** Fetches a block's octets; `fresh` asks past caches that may hold the word that it is missing. */
export type FetchBlock = (
  key: string,
  options: { readonly fresh: boolean },
) => Promise<Uint8Array | undefined>;

/** The blocks of all zones of an isolate, in memory or on their way there. */
export type Blocks = Pick<OctetCache<Block>, 'hold' | 'release' | 'octets'> & {
  readonly cached: (key: string) => Block | undefined;
  /** Throws `FormatError` for a block that is missing or not what its hash says, else what the store threw. */
  readonly load: (key: string, hash: Uint8Array, waitUntil: WaitUntil) => Promise<Block>;
  /** Has blocks asked for again that were missing: a new head may have brought them. */
  readonly forgetFailures: () => void;
};

export type BlocksOptions = {
  readonly fetchBlock: FetchBlock;
  readonly maxOctets: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly startTimer: StartTimer;
};

/** A block may have 1 MiB, an isolate 128: so many are read at once. */
const LOADS_AT_ONCE = 4;
/** What was missing or damaged is not asked for again before that. */
const TRY_AGAIN_MS = 5_000;

export function createBlocks({ fetchBlock, maxOctets, now, startTimer }: BlocksOptions): Blocks {
  const cache = createOctetCache<Block>(maxOctets);
  const loads = createShare<Block>({ now, startTimer });
  const slots = createSlots(LOADS_AT_ONCE, { now, startTimer });
  /** When blocks were last found missing or damaged, by store key. */
  const failedAtMs = new Map<string, number>();

  const hasJustFailed = (key: string): boolean =>
    sinceMs(failedAtMs.get(key) ?? Number.NEGATIVE_INFINITY, now()) < TRY_AGAIN_MS;
  const noteFailure = (key: string): void => {
    for (const failed of failedAtMs.keys()) if (!hasJustFailed(failed)) failedAtMs.delete(failed);
    failedAtMs.set(key, now());
  };
  const read = async (key: string, hash: Uint8Array): Promise<Block> => {
    for (const fresh of [false, true]) {
      // Another load of the same block may have come meanwhile.
      const cached = cache.get(key);
      if (cached) return cached;
      const octets = await fetchBlock(key, { fresh });
      if (!octets || !sameOctets(await contentHash(octets), hash)) continue;
      const block = openBlock(await unpackBlock(octets));
      cache.set(key, block);
      return block;
    }
    throw missing(hash);
  };

  return {
    hold: cache.hold,
    release: cache.release,
    octets: cache.octets,
    forgetFailures: () => failedAtMs.clear(),
    cached: cache.get,
    load: async (key, hash, waitUntil) => {
      const cached = cache.get(key);
      if (cached) return cached;
      if (hasJustFailed(key)) throw missing(hash);
      try {
        return await loads.run(key, () => slots.run(() => read(key, hash)), waitUntil);
      } catch (error) {
        if (error instanceof FormatError) noteFailure(key);
        throw error;
      }
    },
  };
}

function missing(hash: Uint8Array): FormatError {
  return new FormatError(`block ${toHex(hash)}`, 'is missing or damaged');
}
