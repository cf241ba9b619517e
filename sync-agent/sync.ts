import type { ClusterState, ReportSkipped, SkipReason } from './cluster.ts';
import type { OnEvent, SkippedCount } from './events.ts';
import type { HostResolver } from './hosts.ts';
import type { Published, Publisher } from './publish.ts';
import { generateRecords, hostNamesOf } from './records/generate.ts';
import type { RecordSet } from './records/record-set.ts';
import { type RRsetSettings, toZoneContent } from './records/rrsets.ts';
import type { RecordSettings } from './records/settings.ts';
import type { Source } from './sources/source.ts';

/** Where a cluster is read and what is made of it. */
export type ReadOptions = {
  readonly source: Source<ClusterState>;
  readonly hosts: HostResolver;
  readonly settings: RecordSettings;
  readonly onEvent: OnEvent;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
};

export type SyncOptions = ReadOptions & {
  readonly publisher: Publisher;
  readonly rrsets: RRsetSettings;
  readonly sinkName: string;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** How many details of each reason an event carries. */
const EXAMPLES = 5;
const FIRST_RETRY_MS = 2_000;

/** Reads the cluster and makes its record set. Throws `SourceError`; then there is nothing to publish. */
export async function readRecords(
  options: ReadOptions,
  report: ReportSkipped,
  signal: AbortSignal,
): Promise<RecordSet> {
  const { source, hosts, settings, onEvent, monotonicMs } = options;
  const startedMs = monotonicMs();
  const state = await source.read(report, signal);
  const resolved = await hosts.resolve(hostNamesOf(state, settings.masters), signal);
  const records = generateRecords(state, settings, {
    addressesOfHost: (host) => resolved.get(host) ?? [],
    report,
  });
  onEvent({
    kind: 'read',
    source: source.name,
    agents: state.agents.length,
    frameworks: state.frameworks.length,
    tasks: state.frameworks.reduce((sum, { tasks }) => sum + tasks.length, 0),
    elapsedMs: monotonicMs() - startedMs,
  });
  return records;
}

/** Read, compute, apply: the cluster as it is now, published. Throws `SourceError` or `SinkError`. */
export async function syncOnce(options: SyncOptions, signal: AbortSignal): Promise<Published> {
  const { onEvent, publisher, rrsets, monotonicMs } = options;
  const skipped = countSkipped();
  const confirmedAtMs = options.now();
  const records = await readRecords(options, skipped.report, signal);
  const startedMs = monotonicMs();
  const push = await publisher.publish(toZoneContent(records, rrsets, skipped.report), confirmedAtMs, signal);
  const reasons = skipped.reasons();
  if (reasons.length > 0) onEvent({ kind: 'skipped', reasons });
  onEvent({ kind: 'pushed', sink: options.sinkName, elapsedMs: monotonicMs() - startedMs, push });
  return push;
}

/**
 * Repeats `syncOnce` until the signal aborts. A failure is told and changes nothing; it is tried again after
 * seconds, then ever later up to the interval.
 */
export async function syncForever(
  options: SyncOptions,
  { intervalMs, sleep }: { readonly intervalMs: number; readonly sleep: Sleep },
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    let waitMs = intervalMs;
    try {
      await syncOnce(options, signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Error)) throw error;
      waitMs = Math.min(intervalMs, FIRST_RETRY_MS * 2 ** failures++);
      options.onEvent({ kind: 'failed', error, retryInMs: waitMs });
    }
    await sleep(waitMs, signal).catch(() => undefined);
  }
}

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

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
