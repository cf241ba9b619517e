import { FormatError } from '../zone/format-error.ts';
import { isNameWithin, type OwnerName, parseName } from '../zone/name.ts';
import type { Serial } from '../zone/zone.ts';
import type { ReportSkipped, SkipReason } from './cluster.ts';
import type { HeldScope, OnEvent, SkippedCount } from './events.ts';
import { guard, guardChanges, type GuardInput, type GuardSettings, namesToJudge } from './guard/guard.ts';
import { decodeGuardMemory, EMPTY_MEMORY, encodeGuardMemory, type GuardMemory } from './guard/memory.ts';
import type { Holding } from './publish/held-memory.ts';
import type { Changed } from './publish/layout.ts';
import type { Publisher, Push, Standing } from './publish/publisher.ts';
import type { Published } from './publish/published.ts';
import type { RecordSource, RecordsRead } from './record-source.ts';
import { createFrameworksSeen } from './frameworks-seen.ts';
import { createLastPublished, type LastPublished } from './last-published.ts';
import {
  changedNames,
  hasValues,
  type NamesBefore,
  partOf,
  type RecordValue,
  recordValues,
  valuesAt,
  withBefore,
  withValues,
} from './records/difference.ts';
import { fromLevels } from './records/from-levels.ts';
import type { ZoneNumbers } from './records/published-name.ts';
import { emptyRecords, type RecordSet } from './records/record-set.ts';
import { type RRsetSettings, toZoneContent } from './records/rrsets.ts';
import type { RecordSettings } from './records/settings.ts';

/** Where a cluster's records are read. */
export type ReadOptions = {
  readonly source: RecordSource;
  readonly onEvent: OnEvent;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
};

export type SyncOptions = ReadOptions & {
  /** Which names are the cluster's own. */
  readonly settings: Pick<RecordSettings, 'domain' | 'nameServer'>;
  readonly publisher: Publisher;
  readonly rrsets: RRsetSettings;
  readonly guard: GuardSettings;
  readonly sinkName: string;
  /** In what the guard tells: `mesos` where nothing else is said. */
  readonly sourceName?: string;
  /** What is published of names outside the zone, by the names they are made by; asked where a sync begins anew. */
  readonly beyond?: (signal: AbortSignal) => Promise<RecordSet>;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** What a person may order for one sync. */
export type Orders = {
  /** Publish what is read, whatever the guard holds back. */
  readonly force?: boolean;
  /** Go on from a rollback: publish the cluster again. */
  readonly unpin?: boolean;
};

export type Outcome = Published & {
  /** Names that are missing from the cluster and published all the same. */
  readonly heldNames: number;
  /** The serial a rollback brought back: the cluster is not published until it is released. */
  readonly pinned?: Serial;
};

/** One zone kept as the cluster has it, for the length of a term. One call at a time. */
export type Sync = {
  /** Read, compute, guard, apply: the cluster as it is now, published. Throws `SourceError` or `SinkError`. */
  readonly once: (signal: AbortSignal, orders?: Orders) => Promise<Outcome>;
  /** What the last sync held back. */
  readonly held: () => HeldNow;
  /** What the last sync published, what is held included; undefined before the first. */
  readonly content: () => PublishedContent | undefined;
  /** Publishes what a kept head says, under a new serial, and pins it. Throws `FormatError` where it is not kept. */
  readonly rollback: (serial: Serial, signal: AbortSignal) => Promise<Outcome>;
};

/** A zone's records, and what they were read from. */
export type PublishedContent = {
  readonly records: RecordSet;
  readonly read: RecordsRead;
  /** Rises by one whenever the records are others, be it outside the zone alone. */
  readonly revision: number;
  /** The names in which they differ from those of the revision before; `all` where that is not known. */
  readonly changed: ReadonlySet<string> | 'all';
  /** The serial they are of, where a rollback brought it back. */
  readonly pinned?: Serial;
};

/** What is held back, for people. */
export type HeldNow = { readonly scopes: readonly HeldScope[]; readonly values: readonly RecordValue[] };

/** How many details of each reason an event carries. */
const EXAMPLES = 5;
const NO_RECORDS: RecordSet = emptyRecords();

/** Reads the cluster's records. Throws `SourceError`; then there is nothing to publish. */
export async function readRecords(
  { source, onEvent, monotonicMs }: ReadOptions,
  report: ReportSkipped,
  signal: AbortSignal,
): Promise<RecordsRead> {
  const startedMs = monotonicMs();
  const read = await source.read(report, signal);
  const { agents, frameworks, tasks, records, hidden = {}, spared = {} } = read;
  const elapsedMs = monotonicMs() - startedMs;
  const names = {
    A: records.A.size,
    AAAA: records.AAAA.size,
    SRV: records.SRV.size,
    MORE: records.MORE.size,
  };
  onEvent({ kind: 'read', source: source.name, agents, frameworks, tasks, names, hidden, spared, elapsedMs });
  return read;
}

export function createSync(options: SyncOptions): Sync {
  const { onEvent, publisher, rrsets, monotonicMs, settings } = options;
  const last = createLastPublished();
  let heldNow: HeldNow = { scopes: [], values: [] };
  let contentNow: PublishedContent | undefined;
  let revision = 0;
  const frameworksSeen = createFrameworksSeen();

  const apply = async (push: Push, signal: AbortSignal): Promise<Published> => {
    const startedMs = monotonicMs();
    last.isUnknown();
    const published = await publisher.publish(push, signal);
    onEvent({
      kind: 'pushed',
      sink: options.sinkName,
      elapsedMs: monotonicMs() - startedMs,
      push: published,
    });
    return published;
  };

  /** A push that changes nothing but times: what is published stays. */
  const stay = async (standing: Standing, confirmedAtMs: number, signal: AbortSignal): Promise<Outcome> => {
    const wanted = { kind: 'entries', changes: [] } as const;
    const { pin } = standing;
    const published = await apply({ wanted, confirmedAtMs, pin, held: undefined }, signal);
    return { ...published, heldNames: 0, ...(pin !== undefined && { pinned: pin }) };
  };

  /** What follows the zone follows what is pinned, too. */
  const followPin = async (standing: Standing, read: RecordsRead, signal: AbortSignal): Promise<void> => {
    if (contentNow?.pinned === standing.serial) return;
    const before = await withBeyond(beforeOf(standing, last, rrsets), options.beyond, signal);
    const records = before.records();
    contentNow = { records, read, revision: ++revision, changed: 'all', pinned: standing.serial };
  };

  /** What is to be published of what was read, and what is held back of what is gone. */
  const judge = (
    read: RecordsRead,
    { before, memory, orders }: { before: Before; memory: GuardMemory; orders: Orders },
  ): { readonly content: RecordSet; readonly held: Holding | undefined } => {
    const { domain } = settings;
    const { records, ended, recoveringAgents, frameworks, frameworkIds, tasks } = read;
    const input = (published: RecordSet, next: RecordSet): GuardInput => ({
      sources: [
        {
          name: options.sourceName ?? 'mesos',
          published,
          next,
          ended: frameworksSeen.withNamesakes(ended),
          recoveringAgents,
          frameworks,
          tasks,
          hasFurtherNames: read.hasFurtherNames,
          announced: read.announced,
          isClusterRecord: (name) => isClusterRecord(name, settings),
        },
      ],
      memory,
      settings: options.guard,
      nowMs: options.now(),
      domain,
      ...(orders.force === true && { release: 'forced' }),
    });
    const names = before.changed && namesToJudge(before.changed.keys(), domain);
    const part = names && partOf(records, names);
    const verdict =
      (before.changed && part && guardChanges(input(withBefore(part, before.changed), part))) ??
      guard(input(before.records(), records));
    if (verdict.heldNames > 0) onEvent({ kind: 'held', names: verdict.heldNames, scopes: verdict.held });
    if (verdict.released > 0)
      onEvent({
        kind: 'released',
        names: verdict.released,
        why: orders.force === true ? 'forced' : 'settled',
      });
    frameworksSeen.add(frameworkIds);
    heldNow = { scopes: verdict.held, values: verdict.kept };
    const octets = encodeGuardMemory(verdict.memory);
    const sinceSeconds = Math.floor((verdict.heldSinceMs ?? 0) / 1000);
    return {
      content: withValues(records, verdict.kept),
      held: octets.length > 0 ? { names: verdict.heldNames, sinceSeconds, memory: octets } : undefined,
    };
  };

  const once = async (signal: AbortSignal, orders: Orders = {}): Promise<Outcome> => {
    const skipped = countSkipped();
    const askedAtMs = options.now();
    try {
      const read = await readRecords(options, skipped.report, signal);
      last.hasRead(read);
      const confirmedAtMs = Math.min(askedAtMs, (read.asOfSeconds ?? Number.POSITIVE_INFINITY) * 1000);
      const standing = await publisher.standing(signal);
      if (standing?.pin !== undefined && orders.unpin !== true) {
        onEvent({ kind: 'pinned', serial: standing.pin });
        await followPin(standing, read, signal);
        return await stay(standing, confirmedAtMs, signal);
      }
      const before = await withBeyond(beforeOf(standing, last, rrsets), options.beyond, signal);
      const memory = memoryOf(standing);
      const { content, held } = judge(read, { before, memory, orders });
      const names = namesChanged(before, { read, content });
      const changed = ownersChanged(before, names, { read, content, origin: rrsets.origin });
      const zoneContent = toZoneContent(content, rrsets, skipped.report);
      const wanted = { kind: 'content', content: zoneContent, changed } as const;
      const startsHold = (held?.names ?? 0) > 0 && memory.held.length === 0;
      const keepBefore = startsHold || orders.force === true || orders.unpin === true;
      const push = await apply({ wanted, confirmedAtMs, held, keepBefore }, signal);
      last.isNow(content, push.serial, read);
      const wasPinned = contentNow?.pinned !== undefined;
      const isOther = !contentNow || wasPinned || names === 'all' || names.size > 0;
      contentNow = {
        records: content,
        read,
        revision: isOther ? ++revision : revision,
        changed: wasPinned ? 'all' : isOther ? names : (contentNow?.changed ?? 'all'),
      };
      return { ...push, heldNames: held?.names ?? 0 };
    } finally {
      const reasons = skipped.reasons();
      if (reasons.length > 0) onEvent({ kind: 'skipped', reasons });
    }
  };

  return {
    once,
    held: () => heldNow,
    content: () => contentNow,
    rollback: async (serial, signal) => {
      const changes = await publisher.changesBackTo(serial, signal);
      const push = {
        wanted: { kind: 'entries', changes },
        confirmedAtMs: options.now(),
        pin: serial,
        keepBefore: true,
      } as const;
      return { ...(await apply(push, signal)), heldNames: 0, pinned: serial };
    },
  };
}

/** What is published: known from the last push, else what the sink has, or from where no sink has anything. */
type Before = {
  readonly records: () => RecordSet;
  readonly changed: NamesBefore | undefined;
  readonly isKnown: boolean;
};

function beforeOf(standing: Standing | undefined, last: LastPublished, numbers: ZoneNumbers): Before {
  const known = standing && last.at(standing.serial);
  if (known) return { ...known, isKnown: true };
  const records = standing ? fromLevels(standing.levels, numbers) : (last.records() ?? NO_RECORDS);
  return { records: () => records, changed: undefined, isKnown: false };
}

/** A sink's zone alone is what it answers: names outside of it that are held are known elsewhere. */
async function withBeyond(
  before: Before,
  beyond: SyncOptions['beyond'],
  signal: AbortSignal,
): Promise<Before> {
  if (before.isKnown || !beyond) return before;
  const records = withValues(before.records(), [...recordValues(await beyond(signal))]);
  return { ...before, records: () => records };
}

/** The names that differ from what is published, those outside the zone included; `all` where that is not known. */
function namesChanged(
  before: Before,
  { read, content }: { readonly read: RecordsRead; readonly content: RecordSet },
): ReadonlySet<string> | 'all' {
  if (!before.isKnown) return 'all';
  if (before.changed && content === read.records) return new Set(before.changed.keys());
  return changedNames(before.records(), content);
}

/** The owners that a push has to write, and which of them are there already. */
function ownersChanged(
  before: Before,
  names: ReadonlySet<string> | 'all',
  { read, content, origin }: { read: RecordsRead; content: RecordSet; origin: OwnerName },
): Changed | 'all' {
  if (names === 'all') return 'all';
  const owners = namesToOwners(names, origin);
  if (before.changed && content === read.records) {
    const { changed } = before;
    const existed = (owner: OwnerName): boolean =>
      hasValues(changed.get(`${owner}.`) ?? valuesAt(content, `${owner}.`));
    return { owners, existed };
  }
  const published = before.records();
  return { owners, existed: (owner) => hasValues(valuesAt(published, `${owner}.`)) };
}

/** A memory that can't be read is none: clocks of what is missing start again. */
function memoryOf(standing: Standing | undefined): GuardMemory {
  if (!standing) return EMPTY_MEMORY;
  try {
    return decodeGuardMemory(standing.memory);
  } catch (error) {
    if (error instanceof FormatError) return EMPTY_MEMORY;
    throw error;
  }
}

/** Names that are the cluster's own: they follow it at once, whatever is held. */
function isClusterRecord(name: string, { domain, nameServer }: SyncOptions['settings']): boolean {
  if (name === nameServer) return true;
  const label = name.endsWith(`.${domain}.`) ? name.slice(0, -domain.length - 2) : '';
  return /^(?:leader|master\d*|_(?:leader|master)\._(?:tcp|udp))$/.test(label);
}

function namesToOwners(names: Iterable<string>, origin: OwnerName): OwnerName[] {
  return Array.from(names, (name) => parseName(name)).filter((owner) => isNameWithin(owner, origin));
}

/** Counts skipped elements by reason and keeps the first details of each. */
export function countSkipped(): {
  readonly report: ReportSkipped;
  readonly reasons: () => readonly SkippedCount[];
} {
  const counts = new Map<SkipReason, { count: number; examples: string[] }>();
  return {
    report: ({ reason, detail }) => {
      const known = counts.get(reason);
      if (!known) counts.set(reason, { count: 1, examples: [detail] });
      else {
        known.count++;
        if (known.examples.length < EXAMPLES) known.examples.push(detail);
      }
    },
    reasons: () => [...counts].map(([reason, { count, examples }]) => ({ reason, count, examples })),
  };
}
