import { CONTENT_HASH_OCTETS } from '../zone/hash.ts';
import { MAX_HEAD_OCTETS } from '../zone/head.ts';
import { DEFAULT_LIMITS } from '../zone/plan.ts';

/** What one variant of one zone writes and deletes in a day. Counts are averages and may be broken. */
export type WritesADay = {
  /** Heads with changes: one write each. */
  readonly pushes: number;
  /** Heads that only renew their times. */
  readonly renewals: number;
  /** Overlays merged into a new run: one more write each. */
  readonly merges: number;
  /** Runs cut into new shards, each `shards` writes. */
  readonly cuts: number;
  readonly shards: number;
  readonly shardWrites: number;
  readonly history: number;
  readonly total: number;
  readonly deletes: number;
  readonly uploadOctets: number;
  /** A head on average, and a run. */
  readonly headOctets: number;
  readonly runOctets: number;
};

const DAY_SECONDS = 86_400;
/** A head's root, the zone's facts and settings. */
const HEAD_FACTS_OCTETS = 400;
const MAX_SHARD_BITS = 11;
/** What a head keeps free beside its overlay and shard hashes (`zone/plan.ts`). */
const HEAD_RESERVE_OCTETS = 8192;
/** Of a block, packed: 48 of 176 MiB at a million RRsets (`npm run bench -- snapshot`). */
const PACKED_SHARE = 0.27;
/** Of its budget a run has so much on average: it grows on while new shards wait to be named. */
const RUN_SHARE = 0.75;
/** A tombstone beside the entry it hides: names that went from a run are still there until it is made anew. */
const TOMBSTONE_SHARE = 0.5;

/** Averages that depend on the cluster. */
export type WriteAssumptions = {
  /** Owner names that one change adds, alters or removes. */
  readonly namesPerChange: number;
  /** Octets a changed name takes in an overlay or a run. */
  readonly octetsPerName: number;
  /** Octets an RRset takes in a zone, empty non-terminals included. */
  readonly octetsPerRrset: number;
  readonly historySeconds: number;
};

/** One snapshot: a variant of a zone. */
export type PublishedZone = {
  /** Tasks that start or end in a second. */
  readonly changesPerSecond: number;
  readonly rrsets: number;
  readonly minPushSeconds: number;
  readonly livenessSeconds: number;
  readonly assumed: WriteAssumptions;
};

/** A zone's octets and how it is laid out: shards only where it does not fit a run. */
export function snapshotShape({ rrsets, assumed }: Pick<PublishedZone, 'rrsets' | 'assumed'>): {
  readonly zoneOctets: number;
  readonly shards: number;
  readonly overlayOctets: number;
  /** Of the zone's octets, as it is stored. */
  readonly sentShare: number;
} {
  const zoneOctets = rrsets * assumed.octetsPerRrset;
  const { shardOctets, sentShare } = budgetsOf(zoneOctets);
  const bits = Math.min(MAX_SHARD_BITS, Math.max(1, Math.ceil(Math.log2(zoneOctets / shardOctets))));
  const shards = zoneOctets <= DEFAULT_LIMITS.runOctets ? 0 : 2 ** bits;
  const room = MAX_HEAD_OCTETS - HEAD_RESERVE_OCTETS - shards * CONTENT_HASH_OCTETS;
  return { zoneOctets, shards, overlayOctets: Math.min(DEFAULT_LIMITS.overlayOctets, room), sentShare };
}

/** What blocks of a zone may have, and how much of it is sent: a very large zone is stored packed. */
function budgetsOf(zoneOctets: number): {
  readonly shardOctets: number;
  readonly runOctets: number;
  readonly sentShare: number;
} {
  const { packed, runOctets, shardOctets } = DEFAULT_LIMITS;
  if (!packed || zoneOctets <= packed.fromOctets) return { runOctets, shardOctets, sentShare: 1 };
  return { runOctets: packed.runOctets, shardOctets: packed.shardOctets, sentShare: PACKED_SHARE };
}

/**
 * Pushes come at most every `minPushSeconds`; each adds its changed names to the overlay; a full overlay is
 * merged into a run, a full run is cut. Every change is taken to touch other names than the last (only where the
 * whole zone and its tombstones fit the overlay there are no merges), so figures are rather too high.
 */
export function writesADay(published: PublishedZone): WritesADay {
  const { changesPerSecond: rate, minPushSeconds, assumed } = published;
  const { zoneOctets, shards, overlayOctets } = snapshotShape(published);
  const budgets = budgetsOf(zoneOctets);
  const changedOctets = rate * DAY_SECONDS * assumed.namesPerChange * assumed.octetsPerName;
  // An interval without a change (Poisson) has no push.
  const pushes = (DAY_SECONDS / minPushSeconds) * -Math.expm1(-rate * minPushSeconds);
  const renewals = renewalsADay(pushes, published);
  const merging = zoneOctets * (1 + TOMBSTONE_SHARE) > overlayOctets;
  // A push is merged once, however many overlays it would fill.
  const perPush = pushes === 0 ? 0 : changedOctets / pushes;
  const merges = merging ? Math.min(pushes, changedOctets / Math.max(overlayOctets, perPush)) : 0;
  const cuts = shards === 0 ? 0 : Math.min(pushes, changedOctets / budgets.runOctets);
  const runOctets = shards === 0 ? zoneOctets : budgets.runOctets * RUN_SHARE * budgets.sentShare;
  const headOctets =
    HEAD_FACTS_OCTETS +
    shards * CONTENT_HASH_OCTETS +
    (merging ? overlayOctets / 2 : Math.min(overlayOctets, zoneOctets, changedOctets) / 2);
  const shardWrites = cuts * shards;
  // A cut takes the place of a merge.
  const merged = Math.max(0, merges - cuts);
  const history = Math.min(pushes, DAY_SECONDS / assumed.historySeconds);
  const heads = pushes + renewals + history;
  return {
    pushes,
    renewals,
    merges: merged,
    cuts,
    shards,
    shardWrites,
    history,
    total: heads + merged + shardWrites,
    deletes: merged + shardWrites + history,
    uploadOctets: heads * headOctets + merged * runOctets + cuts * zoneOctets * budgets.sentShare,
    headOctets,
    runOctets,
  };
}

/**
 * A renewal comes whenever nothing was pushed for `livenessSeconds`: always where pushes are further apart, else in
 * gaps without a change, which are longer than t with probability e^(-rate × t).
 */
function renewalsADay(
  pushes: number,
  { changesPerSecond, minPushSeconds, livenessSeconds }: PublishedZone,
): number {
  const most = DAY_SECONDS / livenessSeconds;
  if (pushes === 0) return most;
  const always = Math.ceil(minPushSeconds / livenessSeconds) - 1;
  return Math.min(most, pushes * (always + 1 / Math.expm1(changesPerSecond * livenessSeconds)));
}

const FREE_WRITES_A_DAY = 1_000;
/** Left for restarts, forced pushes and a clock that is off. */
const FREE_RESERVE = 30;

/**
 * The least push interval under which the free plan's 1,000 writes a day last, with changes all day long,
 * renewals, hourly history and `mergesADay` merges, of all snapshots together, in them. Undefined where no interval
 * does: there renewals and history alone take them.
 */
export function freePlanPushSeconds({
  variants,
  zones,
  mergesADay = 80,
  livenessSeconds = 900,
  historySeconds = 3600,
}: {
  readonly variants: number;
  readonly zones: number;
  readonly mergesADay?: number;
  readonly livenessSeconds?: number;
  readonly historySeconds?: number;
}): number | undefined {
  const each = (FREE_WRITES_A_DAY - FREE_RESERVE) / (variants * zones);
  const heads = each - DAY_SECONDS / historySeconds - mergesADay / (variants * zones);
  if (heads < DAY_SECONDS / livenessSeconds) return undefined;
  const exact = DAY_SECONDS / heads;
  return Math.ceil(exact / 10) * 10;
}
