import { askedFlags } from '../../zone/forwarded.ts';
import type { Query } from '../../zone/query.ts';
import type { ForeignReply } from '../../zone/reply.ts';

/** A reply in memory. Times are in milliseconds. */
export type KeptReply = {
  readonly reply: ForeignReply;
  readonly givenAt: number;
  readonly freshUntil: number;
  /** Not even a dead upstream is a reason to give it from then on. */
  readonly staleUntil: number;
  /** Askers it was given to. */
  hits: number;
  /** Upstreams failed to renew it, and are not asked for it before then. */
  retryAt: number;
};

export type ReplyCache = {
  /** Fresh or stale. */
  readonly get: (key: string) => KeptReply | undefined;
  readonly set: (key: string, kept: KeptReply) => void;
  readonly drop: (key: string) => void;
};

export type ReplyCacheLimits = { readonly octets: number; readonly entries: number };

/** What a reply takes besides its records and its key. */
const OVERHEAD_OCTETS = 400;

/**
 * What makes a question another one: name in lower case, type, and the flags that its answer depends on. Nothing
 * else of a query, so that no asker meets another's id, spelling, OPT or padding.
 */
export function replyKey(query: Query): string {
  return String.fromCharCode(query.type, askedFlags(query), ...query.name);
}

/** Replies of an isolate; the longest unused go when there is no room. */
export function createReplyCache(limits: ReplyCacheLimits, now: () => number): ReplyCache {
  // A Map keeps insertion order: what is read is put back at its end, so the first is the longest unused.
  const replies = new Map<string, KeptReply>();
  let octets = 0;
  const sizeOf = (key: string, { reply }: KeptReply): number =>
    OVERHEAD_OCTETS + key.length + reply.records.length + 8 * reply.ttlOffsets.length;
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
      if (now() >= kept.staleUntil) {
        drop(key);
        return undefined;
      }
      replies.delete(key);
      replies.set(key, kept);
      return kept;
    },
    set: (key, kept) => {
      drop(key);
      replies.set(key, kept);
      octets += sizeOf(key, kept);
      for (const oldest of replies.keys()) {
        if (octets <= limits.octets && replies.size <= limits.entries) break;
        drop(oldest);
      }
    },
    drop,
  };
}
