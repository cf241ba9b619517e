import { octetsKey } from '../zone/octets.ts';
import type { Resolved, Rewrite } from './resolve.ts';
import { type Held, isStale } from './snapshot/held.ts';
import type { WaitUntil } from './snapshot/share.ts';

/**
 * Replies of our zones by the query as it came, octet for octet (PowerDNS has the name): what is asked again
 * needs no reading, no looking up and no writing. A reply is kept from the second time on that it is asked for,
 * so that names nobody asks for twice cost nothing, and as long as its snapshot is the one held; where CNAMEs led
 * from one zone to another, as long as all their snapshots are.
 * A set of several values is kept in as many orders, each value standing first in one of them. They take turns,
 * and after some rounds they are shuffled anew.
 */
export type PacketCache = {
  /** `query` as `packetKey` gives it, or the part of a URL that holds it: it begins with `?`. */
  readonly find: (query: string, waitUntil: WaitUntil) => Resolved | undefined;
  readonly keep: (query: string, resolved: Resolved) => void;
};

export type PacketCacheOptions = {
  /** Would an answer be made from this snapshot, and at once? */
  readonly isCurrent: (held: Held, waitUntil: WaitUntil) => boolean;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** All that is kept may come to so many octets: 4 MiB. */
  readonly maxOctets?: number;
};

/** A query's octets as text; empty for one too long to be kept. */
export function packetKey(query: Uint8Array): string {
  return query.length < MAX_QUERY_CHARACTERS ? `=${octetsKey(query)}` : '';
}

type Kept = {
  readonly ttl: number | undefined;
  readonly held: Held;
  readonly further: readonly Held[] | undefined;
  readonly rewrite: Rewrite;
  /** By turn. */
  readonly replies: (Uint8Array | undefined)[];
  turn: number;
};

/** Of all that is kept, and of one query's replies together: octets they may come to. */
const MAX_OCTETS = 4 * 1024 * 1024;
const MAX_REPLIES_OCTETS = 64 * 1024;
/** A padded query is 128 octets or more (RFC 8467 §4.1); longer ones than this are rare. */
const MAX_QUERY_CHARACTERS = 512;
/** What an entry takes besides its octets, about. */
const ENTRY_OCTETS = 512;
const ROUNDS_PER_SHUFFLE = 8;
/** Queries of late that were asked once. */
const MAX_ONCE = 1_024;

export function createPacketCache({
  isCurrent,
  now,
  random,
  maxOctets = MAX_OCTETS,
}: PacketCacheOptions): PacketCache {
  const kept = new Map<string, Kept>();
  let octets = 0;
  const once = new Set<string>();
  const isFirst = (query: string): boolean => {
    if (once.delete(query)) return false;
    if (once.size >= MAX_ONCE) once.clear();
    once.add(query);
    return true;
  };
  const isUsable = (held: Held, waitUntil: WaitUntil): boolean =>
    isCurrent(held, waitUntil) && !isStale(held, now());
  return {
    find: (query, waitUntil) => {
      const known = kept.get(query);
      if (!known) return undefined;
      const { held, further, ttl, replies, rewrite } = known;
      if (!isUsable(held, waitUntil) || further?.every((each) => isUsable(each, waitUntil)) === false)
        return undefined;
      const turn = known.turn++;
      const { turns } = rewrite;
      if (turns > 1 && turn % (turns * ROUNDS_PER_SHUFFLE) === 0) replies.fill(undefined);
      return { octets: (replies[turn % turns] ??= rewrite.write(turn)), ttl, held };
    },
    keep: (query, { octets: reply, ttl, held, further, rewrite }) => {
      if (!held || !rewrite || query === '' || query.length > MAX_QUERY_CHARACTERS) return;
      const { turns } = rewrite;
      if (turns * reply.length > MAX_REPLIES_OCTETS || isFirst(query)) return;
      octets += turns * reply.length + query.length + ENTRY_OCTETS;
      if (octets > maxOctets) {
        kept.clear();
        octets = turns * reply.length + query.length + ENTRY_OCTETS;
      }
      // Whoever asked so far had a random order; where in the round the next one begins is random as well.
      const turn = Math.floor(random() * turns);
      kept.set(query, { ttl, held, further, rewrite, replies: turns === 1 ? [reply] : [], turn });
    },
  };
}
