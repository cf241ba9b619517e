import type { ConsulDatacenter, ReportSkipped, Skipped } from '../cluster.ts';
import { sameFacts } from '../same-facts.ts';
import { backoffMs, type Sleep } from '../retry.ts';
import type { ConsulAnswer, ConsulApi } from './consul-api.ts';
import { checksByService } from './consul-checks.ts';
import { type ConsulRead, createConsulReader } from './consul-reader.ts';
import { asSourceError, keepWaiting } from './consul-wait.ts';
import { SourceError } from './source.ts';

/** One datacentre, as it was last seen: kept up by blocking queries while it is followed. */
export type ConsulView = {
  /** As it is now if that can be had, else as it was last. Throws `SourceError` where it never was. */
  readonly read: (report: ReportSkipped, signal: AbortSignal) => Promise<ConsulFacts>;
  /** Until the signal aborts; never throws. One call at a time. */
  readonly follow: (onChange: () => void, signal: AbortSignal) => Promise<void>;
  readonly status: () => ConsulStatus;
};

export type ConsulFacts = {
  readonly facts: ConsulDatacenter;
  /** When it was so, Unix milliseconds. */
  readonly asOfMs: number;
};

export type ConsulStatus = {
  /** As configured, or as it says itself. */
  readonly datacenter: string;
  /** Why it can't be asked; what it told last is given meanwhile. */
  readonly problem: string | undefined;
  /** Since what is given was known to be so; undefined before anything was. */
  readonly ageSeconds: number | undefined;
  readonly services: number;
  readonly instances: number;
  readonly nodes: number;
  /** Its ACL token does not see everything. */
  readonly isFiltered: boolean;
  /** Since the start: reads of the whole or a part, and requests that failed. */
  readonly reads: number;
  readonly failures: number;
  /** Elements left out, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
};

export type ConsulViewOptions = {
  readonly api: ConsulApi;
  /** Undefined: the one of the agent that is asked. */
  readonly datacenter: string | undefined;
  readonly concurrency: number;
  /** How long Consul is to hold a blocking query. */
  readonly waitMs: number;
  /** What an earlier run knew. */
  readonly kept: () => Promise<ConsulFacts | undefined>;
  readonly onFacts: (facts: ConsulFacts) => void;
  /** Told when trouble comes, is another one, or ends. */
  readonly onProblem: (datacenter: string, problem: string | undefined) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
};

/** Of these, each kept waiting for: the first tells of registrations, the last of health. */
const WAITED_FOR = ['/v1/catalog/services', '/v1/catalog/nodes', '/v1/health/state/any'] as const;
const LEAST_GAP_MS = 1_000;
/** After a read that took long, so many times as long nothing is asked. */
const REST = 4;
/** Changes come in groups. */
const SETTLE_MS = 200;
const RETRY = { firstDelayMs: 2_000, maxDelayMs: 60_000 };
/** Elements left out of a datacentre; more than this are not told. */
const MOST_SKIPPED = 1_000;

/** Which part has to be read anew. */
type Dirty = 'nothing' | 'all' | ReadonlySet<string>;

export function createConsulView(options: ConsulViewOptions): ConsulView {
  const { api, datacenter, now, monotonicMs, onProblem } = options;
  const reader = createConsulReader(options);
  let known: ConsulFacts | undefined;
  let skipped: readonly Skipped[] = [];
  let problem: string | undefined;
  let isFiltered = false;
  let isFollowed = false;
  let hasReadKept = false;
  let dirty: Dirty = 'all';
  /** Was the whole read in this run? What was kept may be of long ago. */
  let hasWhole = false;
  let lastReadMs = 0;
  /** When each of the three answered last, Unix milliseconds, and how its checks stood. */
  const heardMs = new Map<string, number>();
  let checks: ReadonlyMap<string, string> | undefined;
  /** The answer they are from: which services a node's checks count for is known after the next read. */
  let checksBody: unknown;
  const totals = { reads: 0, failures: 0 };
  const label = (): string => datacenter ?? known?.facts.name ?? 'the agent’s own datacentre';

  const setProblem = (next: string | undefined): void => {
    // The same trouble on each of its paths is told once.
    const isNews = reasonOf(next) !== reasonOf(problem);
    problem = next;
    if (isNews) onProblem(label(), problem);
  };
  const recall = async (): Promise<void> => {
    if (hasReadKept) return;
    hasReadKept = true;
    known ??= await options.kept();
  };
  const take = ({ facts, ageMs, isFiltered: filtered }: ConsulRead, startedMs: number): void => {
    const asOfMs = startedMs - ageMs;
    const same = known && sameFacts(known.facts, facts);
    known = { facts: known && same ? known.facts : facts, asOfMs };
    isFiltered = filtered;
    totals.reads++;
    setProblem(undefined);
    options.onFacts(known);
  };
  /** Reads what is dirty; that may become more meanwhile. */
  const refreshNow = async (signal: AbortSignal): Promise<void> => {
    const part = known && hasWhole ? dirty : 'all';
    if (part === 'nothing') return;
    dirty = 'nothing';
    const startedMs = now();
    const beganMs = monotonicMs();
    const found: Skipped[] = [];
    const report = (each: Skipped): void => {
      if (found.length < MOST_SKIPPED) found.push(each);
    };
    try {
      if (part === 'all' || !known) {
        take(await reader.whole(report, signal), startedMs);
        skipped = found;
        hasWhole = true;
        checks = checksByService(checksBody, known?.facts.services ?? []);
      } else {
        take(await reader.services([...part], known.facts, { report, signal }), startedMs);
        const isAnew = ({ reason, detail }: Skipped): boolean =>
          reason === 'consul-instance' && part.has(detail.slice(0, detail.indexOf(': ')));
        skipped = [...skipped.filter((each) => !isAnew(each)), ...found].slice(0, MOST_SKIPPED);
      }
    } catch (error) {
      dirty = 'all';
      throw error;
    } finally {
      lastReadMs = monotonicMs() - beganMs;
    }
  };
  /** One at a time: readers and the one that follows may come together. */
  let turn: Promise<void> = Promise.resolve();
  const refresh = (signal: AbortSignal): Promise<void> => {
    const mine = turn.then(() => refreshNow(signal));
    turn = mine.catch(() => undefined);
    return mine;
  };
  const fail = (error: SourceError): void => {
    totals.failures++;
    setProblem(error.message);
  };

  const mark = (path: string, answer: ConsulAnswer, isNews: boolean): boolean => {
    // What happened while it could not be asked is not known.
    if (path !== '/v1/health/state/any' || problem !== undefined) {
      if (path === '/v1/health/state/any') checksBody = answer.body;
      if (isNews) dirty = 'all';
      return isNews;
    }
    if (!isNews) return false;
    checksBody = answer.body;
    const next = checksByService(answer.body, known?.facts.services ?? []);
    const changed = checks && next ? changedKeys(checks, next) : undefined;
    checks = next;
    if (!changed) dirty = 'all';
    else if (changed.length === 0) return false;
    else if (dirty !== 'all') dirty = new Set([...(dirty === 'nothing' ? [] : dirty), ...changed]);
    return true;
  };

  const follow: ConsulView['follow'] = async (onChange, signal) => {
    const { sleep, random } = options;
    await recall();
    isFollowed = true;
    let bell = Promise.withResolvers<void>();
    const ring = (): void => bell.resolve();
    signal.addEventListener('abort', ring, { once: true });
    const waiting = WAITED_FOR.map((path) =>
      keepWaiting(
        {
          api,
          path,
          datacenter,
          waitMs: options.waitMs,
          monotonicMs,
          sleep,
          random,
          leastGapMs: () => Math.max(LEAST_GAP_MS, lastReadMs * REST),
          onAnswer: (answer, isNews) => {
            heardMs.set(path, now() - answer.ageMs);
            if (mark(path, answer, isNews)) ring();
          },
          onFailure: (error) => {
            heardMs.delete(path);
            fail(error);
          },
        },
        signal,
      ),
    );
    let failures = 0;
    while (!signal.aborted) {
      await bell.promise;
      await sleep(failures > 0 ? backoffMs(failures, RETRY, { random }) : SETTLE_MS, signal).catch(() => {});
      if (signal.aborted) break;
      bell = Promise.withResolvers();
      const before = known?.facts;
      try {
        await refresh(signal);
        failures = 0;
        if (known?.facts !== before) onChange();
        await sleep(Math.max(LEAST_GAP_MS, lastReadMs * REST), signal).catch(() => {});
      } catch (error) {
        if (signal.aborted) break;
        failures++;
        fail(asSourceError(error, api.name));
        ring();
      }
    }
    await Promise.all(waiting);
    signal.removeEventListener('abort', ring);
    isFollowed = false;
    dirty = 'all';
    checks = undefined;
    checksBody = undefined;
    heardMs.clear();
  };

  return {
    read: async (report, signal) => {
      await recall();
      // The first of a run is waited for; later ones are at hand, or being made.
      if (!isFollowed || !hasWhole) {
        try {
          dirty = 'all';
          await refresh(signal);
        } catch (error) {
          signal.throwIfAborted();
          fail(asSourceError(error, api.name));
        }
      }
      if (!known) throw new SourceError(problem ?? `${api.name}: nothing was read of it yet`);
      for (const each of skipped) report(each);
      return { facts: known.facts, asOfMs: goodAtMs(known) };
    },
    follow,
    status: () => ({
      datacenter: label(),
      problem,
      ageSeconds: known && Math.max(0, now() - goodAtMs(known)) / 1000,
      services: known?.facts.services.length ?? 0,
      instances: known?.facts.services.reduce((sum, { instances }) => sum + instances.length, 0) ?? 0,
      nodes: known?.facts.nodes.length ?? 0,
      isFiltered,
      ...totals,
      skipped: countByReason(skipped),
    }),
  };

  /** The last read; while nothing has changed since, when all three were last heard of. */
  function goodAtMs({ asOfMs }: ConsulFacts): number {
    if (!isFollowed || !hasWhole || dirty !== 'nothing' || heardMs.size < WAITED_FOR.length) return asOfMs;
    return Math.max(asOfMs, Math.min(...heardMs.values()));
  }
}

function reasonOf(problem: string | undefined): string | undefined {
  return problem?.replaceAll(/\/v1\/\S*/g, '');
}

function changedKeys(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys].filter((key) => a.get(key) !== b.get(key));
}

function countByReason(skipped: readonly Skipped[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of skipped) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
