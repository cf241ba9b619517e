import type { ReportSkipped, ServerSet, Skipped } from '../cluster.ts';
import type { Sleep } from '../retry.ts';
import { sameFacts } from '../same-facts.ts';
import type { MemberKeep } from './aurora-keep.ts';
import { serverSetsOf, type ServerSetStatus } from './aurora-sets.ts';
import { type Announced, createStabilizer, type Seen, type Stabilizer } from './aurora-stabilizer.ts';

/** The members as they were seen last, calmed and kept: what a source of ServerSets gives of what it sees. */
export type MemberBook = {
  /** Reads what was kept, the first time. */
  readonly load: () => Promise<void>;
  /** Takes what is seen now. True where it gives something else than before. */
  readonly take: (seen: (report: ReportSkipped) => Seen) => boolean;
  /** All of it could be asked just now. */
  readonly good: () => void;
  /** Nobody announces anything there yet. What was known stays. */
  readonly takeNone: () => void;
  readonly fail: (error: unknown) => void;
  /** Has the time come for a member that was held to go? */
  readonly isDue: () => boolean;
  /** Until the next thing to do; Infinity where there is none. */
  readonly dueInMs: () => number;
  /** Undefined as long as nothing was ever known. What was left out goes to `report`, each time. */
  readonly sets: (report: ReportSkipped) => readonly ServerSet[] | undefined;
  /** Waits for the first look, so long at most. Throws the signal's reason. */
  readonly firstWithin: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Writes what changed to the file, now or at the least distance from the last time. Failures are problems. */
  readonly keepNow: () => Promise<void>;
  readonly keepSometimes: () => Promise<void>;
  readonly status: () => ServerSetStatus;
};

export type BookOptions = {
  readonly name: string;
  readonly frameworkName: string;
  readonly stabilizeMs: number;
  readonly keep?: MemberKeep | undefined;
  readonly onStatus?: ((status: ServerSetStatus) => void) | undefined;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
};

const KEEP_EVERY_MS = 10_000;

export function createMemberBook(options: BookOptions): MemberBook {
  const { name, frameworkName, stabilizeMs, keep, monotonicMs, sleep } = options;
  const first = new AbortController();
  let loading: Promise<void> | undefined;
  let stabilizer: Stabilizer = createStabilizer(stabilizeMs);
  let announced: readonly Announced[] | undefined;
  let sets: readonly ServerSet[] | undefined;
  let skipped: readonly Skipped[] = [];
  let isFromFile = false;
  let nextMs = Infinity;
  let goodMs: number | undefined;
  let problem: string | undefined;
  let keepProblem: string | undefined;
  let keptMs = -Infinity;
  let isKept = true;

  const status = (): ServerSetStatus => ({
    problem: problem ?? keepProblem,
    sets: sets?.length ?? 0,
    members: sets?.reduce((sum, { members }) => sum + members.length, 0) ?? 0,
    lastGoodAgeSeconds: goodMs === undefined ? undefined : (monotonicMs() - goodMs) / 1000,
  });
  const setProblem = (found: string | undefined): void => {
    const before = problem ?? keepProblem;
    problem = found;
    if (before !== (problem ?? keepProblem)) options.onStatus?.(status());
  };
  const good = (): void => {
    goodMs = monotonicMs();
    setProblem(undefined);
  };
  const keepNow = async (): Promise<void> => {
    if (!keep || isKept || !announced) return;
    isKept = true;
    keptMs = monotonicMs();
    try {
      await keep.save(announced);
      keepProblem = undefined;
    } catch (error) {
      isKept = false;
      keepProblem = `${name}: what was read can not be kept over a restart: ${messageOf(error)}`;
      if (problem === undefined) options.onStatus?.(status());
    }
  };

  return {
    load: () =>
      (loading ??= (async () => {
        const kept = await keep?.load();
        if (!kept || announced) return;
        isFromFile = true;
        announced = kept;
        stabilizer = createStabilizer(stabilizeMs, kept);
        sets = serverSetsOf(kept, frameworkName);
      })()),
    take: (seen) => {
      const left: Skipped[] = [];
      const calm = stabilizer.update(
        seen((each) => void left.push(each)),
        monotonicMs(),
      );
      const made = serverSetsOf(calm.announced, frameworkName);
      const isNew = isFromFile || !sets || !sameFacts(sets, made) || !sameFacts(skipped, left);
      isFromFile = false;
      nextMs = calm.nextMs ?? Infinity;
      skipped = left;
      first.abort();
      if (!isNew) return false;
      announced = calm.announced;
      sets = made;
      isKept = false;
      return true;
    },
    good,
    takeNone: () => {
      sets ??= [];
      first.abort();
    },
    fail: (error) => {
      const meanwhile = !sets
        ? ''
        : isFromFile
          ? '; those known when the agent ran last are used until then'
          : '; those read last are used until then';
      setProblem(`${messageOf(error)}${meanwhile}`);
    },
    isDue: () => nextMs <= monotonicMs(),
    dueInMs: () => {
      const keepMs = keep && !isKept ? keptMs + KEEP_EVERY_MS : Infinity;
      return Math.max(0, Math.min(nextMs, keepMs) - monotonicMs());
    },
    sets: (report) => {
      for (const each of skipped) report(each);
      return sets;
    },
    firstWithin: async (ms, signal) => {
      if (sets) return;
      await sleep(ms, AbortSignal.any([first.signal, signal])).catch(() => undefined);
      signal.throwIfAborted();
    },
    keepNow,
    keepSometimes: async () => {
      if (monotonicMs() - keptMs >= KEEP_EVERY_MS) await keepNow();
    },
    status,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
