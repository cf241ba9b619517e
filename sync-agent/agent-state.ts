import type { SkipReason } from './cluster.ts';
import type { OnEvent, SyncEvent } from './events.ts';
import type { RecordSetType } from './records/record-set.ts';
import type { LiveStatus } from './sources/live.ts';
import type { ServerSetStatus } from './sources/aurora-sets.ts';
import type { ConsulStatus } from './sources/consul-view.ts';
import type { MarathonStatus } from './sources/marathon-events.ts';

/** What the agent has done and is, folded from its events: health and metrics only draw this. */
export type AgentState = {
  readonly onEvent: OnEvent;
  readonly facts: () => AgentFacts;
};

export type AgentFacts = {
  /** Hexadecimal. */
  readonly writerId: string;
  /** How agents agree on who writes: `none`, `sink`, `peers` or `zookeeper`. */
  readonly election: string;
  /** `starting` until it is known whether this agent may write. */
  readonly role: 'starting' | 'writer' | 'standby';
  readonly roleWhy: string | undefined;
  readonly epoch: number | undefined;
  readonly serial: number | undefined;
  /** Seconds since the cluster was read, a push succeeded (unchanged or not), the head was written. */
  readonly lastReadAgeSeconds: number | undefined;
  readonly lastPushAgeSeconds: number | undefined;
  readonly lastWriteAgeSeconds: number | undefined;
  readonly agents: number;
  readonly frameworks: number;
  readonly tasks: number;
  /** By record type. */
  readonly names: Readonly<Record<RecordSetType, number>>;
  /** Running tasks that a rule keeps out of the records, by reason. */
  readonly hidden: Readonly<Record<string, number>>;
  /** Those shown all the same, since nothing of their name would be left. */
  readonly spared: Readonly<Record<string, number>>;
  /** How the cluster is followed; undefined where it is only asked, or not yet. */
  readonly live: LiveStatus | undefined;
  readonly marathon: MarathonStatus | undefined;
  /** Aurora's jobs as they announce themselves; undefined where nobody asks. */
  readonly serverSets: ServerSetStatus | undefined;
  /** Consul's datacentres; none where nobody asks. */
  readonly consul: readonly ConsulStatus[];
  /** Why the leading master can't be looked up. */
  readonly leaderProblem: string | undefined;
  /** Names that are gone from the cluster and that the guard keeps. */
  readonly heldNames: number;
  /** The serial a rollback brought back and that stays until it is released. */
  readonly pinnedSerial: number | undefined;
  /** How far the sink's clock is ahead of ours. */
  readonly clockOffsetSeconds: number | undefined;
  /** Keys written in the present UTC day, by this process or, where it is told, in all. */
  readonly writesToday: number;
  readonly writesPerDay: number | undefined;
  readonly totals: AgentTotals;
  /** Elements left out of the last read, by reason. */
  readonly skipped: ReadonlyMap<SkipReason, number>;
};

/** Counted since the process started. */
export type AgentTotals = {
  readonly reads: number;
  readonly pushes: Readonly<Record<'changed' | 'confirmed' | 'unchanged', number>>;
  readonly writes: number;
  readonly uploadedOctets: number;
  readonly changedNames: number;
  readonly released: Readonly<Record<'settled' | 'forced', number>>;
  readonly failures: number;
  /** Times what the sink held could not be used. */
  readonly unusable: number;
  readonly republished: number;
  readonly cuts: number;
  readonly sweptKeys: number;
  readonly terms: number;
};

export type AgentStateOptions = {
  readonly writerId: string;
  readonly election: string;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly live?: () => LiveStatus | undefined;
  readonly marathon?: () => MarathonStatus | undefined;
  readonly serverSets?: () => ServerSetStatus | undefined;
  readonly consul?: () => readonly ConsulStatus[] | undefined;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Counted = Mutable<Omit<AgentTotals, 'pushes' | 'released'>> & {
  readonly pushes: Mutable<AgentTotals['pushes']>;
  readonly released: Mutable<AgentTotals['released']>;
};
/** Facts as they are kept: times in place of ages. */
type Kept = Mutable<
  Omit<
    AgentFacts,
    | 'lastReadAgeSeconds'
    | 'lastPushAgeSeconds'
    | 'lastWriteAgeSeconds'
    | 'writesToday'
    | 'live'
    | 'marathon'
    | 'serverSets'
    | 'consul'
    | 'totals'
  >
> & {
  readAtMs: number | undefined;
  pushedAtMs: number | undefined;
  wroteAtMs: number | undefined;
  day: number;
  writesOfDay: number;
  /** What the present round, from its read on, has told so far. */
  round: { held: number; pinned: number | undefined; skipped: boolean };
  readonly totals: Counted;
};

const DAY_MS = 86_400_000;

export function createAgentState(options: AgentStateOptions): AgentState {
  const { writerId, election, monotonicMs, now, live, marathon, serverSets, consul } = options;
  const kept: Kept = {
    writerId,
    election,
    role: 'starting',
    roleWhy: undefined,
    epoch: undefined,
    serial: undefined,
    readAtMs: undefined,
    pushedAtMs: undefined,
    wroteAtMs: undefined,
    agents: 0,
    frameworks: 0,
    tasks: 0,
    names: { A: 0, AAAA: 0, SRV: 0, MORE: 0 },
    hidden: {},
    spared: {},
    leaderProblem: undefined,
    heldNames: 0,
    pinnedSerial: undefined,
    round: { held: 0, pinned: undefined, skipped: false },
    clockOffsetSeconds: undefined,
    day: today(now()),
    writesOfDay: 0,
    writesPerDay: undefined,
    skipped: new Map(),
    totals: {
      reads: 0,
      pushes: { changed: 0, confirmed: 0, unchanged: 0 },
      writes: 0,
      uploadedOctets: 0,
      changedNames: 0,
      released: { settled: 0, forced: 0 },
      failures: 0,
      unusable: 0,
      republished: 0,
      cuts: 0,
      sweptKeys: 0,
      terms: 0,
    },
  };
  const age = (atMs: number | undefined): number | undefined =>
    atMs === undefined ? undefined : (monotonicMs() - atMs) / 1000;
  return {
    onEvent: (event) => fold(kept, event, { atMs: monotonicMs(), day: today(now()) }),
    facts: () => {
      const { readAtMs, pushedAtMs, wroteAtMs, day, writesOfDay, round: _, totals, ...facts } = kept;
      return {
        ...facts,
        lastReadAgeSeconds: age(readAtMs),
        lastPushAgeSeconds: age(pushedAtMs),
        lastWriteAgeSeconds: age(wroteAtMs),
        writesToday: day === today(now()) ? writesOfDay : 0,
        skipped: new Map(facts.skipped),
        live: live?.(),
        marathon: marathon?.(),
        serverSets: serverSets?.(),
        consul: consul?.() ?? [],
        totals: structuredClone(totals),
      };
    },
  };
}

function today(unixMs: number): number {
  return Math.floor(unixMs / DAY_MS);
}

function fold(kept: Kept, event: SyncEvent, { atMs, day }: { atMs: number; day: number }): void {
  const { totals } = kept;
  if (day !== kept.day) Object.assign(kept, { day, writesOfDay: 0 });
  switch (event.kind) {
    case 'read':
      kept.readAtMs = atMs;
      kept.agents = event.agents;
      kept.frameworks = event.frameworks;
      kept.tasks = event.tasks;
      kept.names = event.names;
      kept.hidden = event.hidden;
      kept.spared = event.spared;
      totals.reads++;
      if (!kept.round.skipped) kept.skipped = new Map();
      kept.round = { held: 0, pinned: undefined, skipped: false };
      break;
    case 'skipped':
      if (event.zone !== undefined) break;
      kept.skipped = new Map(event.reasons.map(({ reason, count }) => [reason, count]));
      kept.round.skipped = true;
      break;
    case 'pushed': {
      const { push } = event;
      kept.writesOfDay += push.writes;
      totals.writes += push.writes;
      totals.uploadedOctets += push.octets;
      // Serial, ages and names are told of the first zone's main variant.
      if (event.zone !== undefined || event.variant !== undefined) break;
      kept.pushedAtMs = atMs;
      if (push.kind !== 'unchanged') kept.wroteAtMs = atMs;
      kept.serial = push.serial;
      kept.epoch = push.epoch;
      kept.heldNames = kept.round.held;
      kept.pinnedSerial = kept.round.pinned;
      totals.pushes[push.kind]++;
      totals.changedNames += push.changes;
      break;
    }
    case 'role':
      if (event.role === 'writer' && kept.role !== 'writer') totals.terms++;
      kept.role = event.role;
      kept.roleWhy = event.why;
      if (event.epoch !== undefined) kept.epoch = event.epoch;
      break;
    case 'held':
      if (event.zone !== undefined || event.variant !== undefined) break;
      kept.round.held = event.names;
      kept.heldNames = event.names;
      break;
    case 'pinned':
      kept.round.pinned = event.serial;
      kept.pinnedSerial = event.serial;
      break;
    case 'released':
      totals.released[event.why] += event.names;
      break;
    case 'unusable':
      totals.unusable++;
      break;
    case 'republished':
      totals.republished++;
      break;
    case 'cut':
      totals.cuts++;
      break;
    case 'swept':
      totals.sweptKeys += event.keys;
      break;
    case 'clock':
      kept.clockOffsetSeconds = event.offsetMs / 1000;
      break;
    case 'quota':
      if (event.operation !== 'writes') break;
      kept.writesOfDay = Math.max(kept.writesOfDay, event.written);
      kept.writesPerDay = event.perDay;
      break;
    case 'failed':
      totals.failures++;
      break;
    case 'leader-lookup':
      kept.leaderProblem = event.problem;
      break;
    case 'mode':
    case 'stream-lost':
    case 'drift':
    case 'reconcile-failed':
    case 'marathon':
    case 'monitor':
    case 'server-sets':
    case 'consul':
    case 'key':
      break;
  }
}
