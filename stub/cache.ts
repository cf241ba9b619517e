import type { ForeignReply } from '../zone/reply.ts';

/** A reply in memory. Times are in Unix milliseconds: what a machine sleeps through counts. */
export type KeptReply = {
  readonly reply: ForeignReply;
  /** Octets of each answer if they may be turned round, else 0. */
  readonly rotatable: number;
  readonly givenAt: number;
  readonly freshUntil: number;
  /** Not even a dead server is a reason to give it from then on. */
  readonly staleUntil: number;
  /** Askers it was given to. */
  hits: number;
  /** It could not be renewed, and that is not tried again before then. */
  retryAt: number;
};

export type ReplyCache = {
  /** Fresh or stale. */
  readonly get: (key: string) => KeptReply | undefined;
  readonly set: (key: string, kept: KeptReply) => void;
  readonly entries: () => number;
  readonly octets: () => number;
};

export type CacheLimits = { readonly entries: number; readonly octets: number };

/** What a reply takes besides its records and its key, about. */
const OVERHEAD_OCTETS = 400;

/** The longest unused go when there is no room. With `entries` 0 nothing is kept. */
export function createReplyCache(limits: CacheLimits, now: () => number): ReplyCache {
  // A Map keeps insertion order: what is read is put back at its end, so the first is the longest unused.
  const replies = new Map<string, KeptReply>();
  let octets = 0;
  const drop = (key: string): void => {
    const kept = replies.get(key);
    if (!kept) return;
    octets -= sizeOf(key, kept);
    replies.delete(key);
  };
  return {
    get: (key) => {
      const kept = replies.get(key);
      if (!kept) return undefined;
      // A clock that was set back would keep replies for as long.
      if (now() >= kept.staleUntil || now() < kept.givenAt - CLOCK_STEP_MS) {
        drop(key);
        return undefined;
      }
      replies.delete(key);
      replies.set(key, kept);
      return kept;
    },
    set: (key, kept) => {
      drop(key);
      if (sizeOf(key, kept) > limits.octets || limits.entries === 0) return;
      replies.set(key, kept);
      octets += sizeOf(key, kept);
      for (const oldest of replies.keys()) {
        if (octets <= limits.octets && replies.size <= limits.entries) break;
        drop(oldest);
      }
    },
    entries: () => replies.size,
    octets: () => octets,
  };
}

const CLOCK_STEP_MS = 1_000;

function sizeOf(key: string, { reply }: KeptReply): number {
  return OVERHEAD_OCTETS + 2 * key.length + reply.records.length + 8 * reply.ttlOffsets.length;
}
