import type { Block } from '../../zone/block.ts';

/** Blocks by store key, over all zones of an isolate; the longest unused go when `maxOctets` is passed. */
export type BlockCache = {
  readonly get: (key: string) => Block | undefined;
  readonly set: (key: string, block: Block) => void;
};

export function createBlockCache(maxOctets: number): BlockCache {
  // A Map keeps insertion order: what is read is put back at its end, so the first is the longest unused.
  const blocks = new Map<string, Block>();
  let octets = 0;
  const drop = (key: string): void => {
    octets -= blocks.get(key)?.octets.length ?? 0;
    blocks.delete(key);
  };
  return {
    get: (key) => {
      const block = blocks.get(key);
      if (block) {
        blocks.delete(key);
        blocks.set(key, block);
      }
      return block;
    },
    set: (key, block) => {
      drop(key);
      blocks.set(key, block);
      octets += block.octets.length;
      for (const oldest of blocks.keys()) {
        if (octets <= maxOctets || oldest === key) break;
        drop(oldest);
      }
    },
  };
}
