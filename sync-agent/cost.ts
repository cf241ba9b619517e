import { FREE_PER_DAY, type Metered, PAID, PAID_PLAN_USD } from './prices.ts';
import {
  type PublishedZone,
  snapshotShape,
  type WriteAssumptions,
  type WritesADay,
  writesADay,
} from './write-model.ts';

/** What is asked and published, and what we assume where nobody said. Every rate is an average. */
export type Usage = Omit<PublishedZone, 'assumed'> & {
  readonly queriesPerDay: number;
  readonly zones: number;
  /** Audiences with a snapshot of their own in each zone. */
  readonly variants: number;
  /** Isolates that answer at once, all over the world. */
  readonly isolates: number;
  readonly assumed: Assumptions;
};

/** Figures that depend on the cluster. Defaults: measured with the simulated one, see `docs/cost.md`. */
export type Assumptions = WriteAssumptions & {
  readonly cpuMs: number;
  /** An isolate checks each head it answers from so often. */
  readonly headRefreshSeconds: number;
  readonly historyKept: number;
  /** Superseded blocks stay so long before they are swept. */
  readonly sweepAfterHours: number;
  readonly sweepsPerDay: number;
};

export const DEFAULT_ASSUMPTIONS: Assumptions = {
  namesPerChange: 11,
  octetsPerName: 190,
  octetsPerRrset: 150,
  cpuMs: 1,
  headRefreshSeconds: 30,
  historySeconds: 3600,
  historyKept: 24,
  sweepAfterHours: 24,
  sweepsPerDay: 24,
};

/** RRsets a task brings, shared names by its share; measured with the simulated cluster. */
export const RRSETS_PER_TASK = 4.5;

const DAY_SECONDS = 86_400;
const MONTH_DAYS = 30;
/** The agent reads its own head's root back so often, and once after each push. */
const LEASE_CHECK_SECONDS = 60;
const LIST_PAGE_KEYS = 1_000;

export type CostLine = {
  readonly what: Metered | 'plan';
  /** Units in 30 days; of storage the units at any time. */
  readonly monthly: number;
  readonly included: number;
  readonly usd: number;
};

export type FreeLimit = {
  readonly what: keyof typeof FREE_PER_DAY;
  readonly perDay: number;
  readonly limit: number;
};

export type Cost = {
  readonly lines: readonly CostLine[];
  readonly usd: number;
  /** The free plan's limits, the one that is used most first; it holds where none is passed. */
  readonly freePlan: { readonly holds: boolean; readonly limits: readonly FreeLimit[] };
  /** Of one variant of one zone. */
  readonly writes: WritesADay;
  readonly shards: number;
  readonly uploadGigabytesPerMonth: number;
};

/** A month's bill, 30 days. Pure arithmetic: `docs/cost.md` says what is in it and what is not. */
export function costOf(usage: Usage): Cost {
  const perDay = meteredPerDay(usage);
  const { storageGigabytes, ...counted } = perDay;
  const monthly: Record<Metered, number> = {
    requests: counted.requests * MONTH_DAYS,
    cpuMs: counted.cpuMs * MONTH_DAYS,
    kvReads: counted.kvReads * MONTH_DAYS,
    kvWrites: counted.kvWrites * MONTH_DAYS,
    kvDeletes: counted.kvDeletes * MONTH_DAYS,
    kvLists: counted.kvLists * MONTH_DAYS,
    storageGigabytes,
  };
  const lines: CostLine[] = [{ what: 'plan', monthly: 1, included: 0, usd: PAID_PLAN_USD }];
  for (const what of METERED) {
    const { included, usdPerUnit } = PAID[what];
    const usd = Math.max(0, monthly[what] - included) * usdPerUnit;
    lines.push({ what, monthly: monthly[what], included, usd });
  }
  const writes = writesADay(usage);
  const snapshots = usage.zones * usage.variants;
  return {
    lines,
    usd: lines.reduce((sum, line) => sum + line.usd, 0),
    freePlan: freePlan(perDay),
    writes,
    shards: snapshotShape(usage).shards,
    uploadGigabytesPerMonth: (writes.uploadOctets * snapshots * MONTH_DAYS) / 1e9,
  };
}

const METERED = [
  'requests',
  'cpuMs',
  'kvReads',
  'kvWrites',
  'kvDeletes',
  'kvLists',
  'storageGigabytes',
] as const satisfies readonly Metered[];

function meteredPerDay(usage: Usage): Record<Metered, number> {
  const { queriesPerDay, assumed } = usage;
  const snapshots = usage.zones * usage.variants;
  const writes = writesADay(usage);
  const keys = keysHeld(usage, writes);
  const heads = writes.pushes + writes.renewals;
  const reads = edgeReads(usage, writes) + snapshots * (DAY_SECONDS / LEASE_CHECK_SECONDS + heads);
  return {
    requests: queriesPerDay,
    cpuMs: queriesPerDay * assumed.cpuMs,
    kvReads: reads,
    kvWrites: writes.total * snapshots,
    kvDeletes: writes.deletes * snapshots,
    kvLists: snapshots * assumed.sweepsPerDay * Math.max(1, Math.ceil(keys / LIST_PAGE_KEYS)),
    storageGigabytes: (storedOctets(usage, writes) * snapshots) / 1e9,
  };
}

/** Head checks, and blocks read again after each merge and cut; never more than there are queries to ask for them. */
function edgeReads(usage: Usage, writes: WritesADay): number {
  const { isolates, queriesPerDay, assumed } = usage;
  const snapshots = usage.zones * usage.variants;
  const { shards } = snapshotShape(usage);
  const queriesEach = queriesPerDay / Math.max(1, isolates) / snapshots;
  const checks = Math.min(queriesEach, DAY_SECONDS / assumed.headRefreshSeconds);
  const runs = Math.min(queriesEach, writes.merges);
  const cuts = writes.cuts + 1;
  // Of S shards, q random look-ups touch S × (1 − (1 − 1/S)^q).
  const touched = shards === 0 ? 0 : shards * (1 - (1 - 1 / shards) ** (queriesEach / cuts));
  return isolates * snapshots * (checks + runs + cuts * touched);
}

/** Keys that are there at one time: what the head names, what waits for the sweep, history. */
function keysHeld({ assumed }: Usage, writes: WritesADay): number {
  const waiting = (writes.merges + writes.shardWrites) * (assumed.sweepAfterHours / 24);
  return 2 + writes.shards + waiting + assumed.historyKept;
}

function storedOctets(usage: Usage, writes: WritesADay): number {
  const { zoneOctets, shards, sentShare } = snapshotShape(usage);
  const stored = zoneOctets * sentShare;
  const run = shards > 0 ? writes.runOctets : 0;
  const days = usage.assumed.sweepAfterHours / 24;
  const waiting = (writes.merges * writes.runOctets + writes.cuts * stored) * days;
  const heads = (1 + usage.assumed.historyKept) * writes.headOctets;
  return stored + run + waiting + heads;
}

function freePlan(perDay: Readonly<Record<Metered, number>>): Cost['freePlan'] {
  const whats = METERED.filter((what) => what !== 'cpuMs');
  const limits = whats.map((what) => ({ what, perDay: perDay[what], limit: FREE_PER_DAY[what] }));
  const fullness = ({ perDay: used, limit }: FreeLimit): number => used / limit;
  return {
    holds: limits.every((each) => fullness(each) <= 1),
    limits: limits.toSorted((a, b) => fullness(b) - fullness(a)),
  };
}

/** How many isolates answer so many queries: guesses between known points, for nobody can know. */
export function guessIsolates(queriesPerDay: number): number {
  const points = [
    [1e3, 20],
    [1e5, 200],
    [1e7, 1_000],
    [1e9, 5_000],
  ] as const;
  let [lowQueries, lowIsolates]: readonly [number, number] = points[0];
  if (queriesPerDay <= lowQueries) return lowIsolates;
  for (const [queries, isolates] of points) {
    if (queriesPerDay <= queries) {
      const part = Math.log(queriesPerDay / lowQueries) / Math.log(queries / lowQueries);
      return Math.round(lowIsolates * (isolates / lowIsolates) ** part);
    }
    [lowQueries, lowIsolates] = [queries, isolates];
  }
  return lowIsolates;
}
