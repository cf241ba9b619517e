import type { Candidate, Election, Term } from './election/election.ts';
import type { OnEvent } from './events.ts';
import type { Publisher } from './publish/publisher.ts';
import { DeposedError } from './publish/sight.ts';
import type { Sleep } from './retry.ts';
import type { Sync } from './sync.ts';

/** A sync and the publisher under it, for one term. */
export type Office = { readonly sync: Sync; readonly publisher: Publisher };

export type AgentOptions = {
  readonly election: Election;
  readonly candidate: Candidate;
  readonly openOffice: (term: Term) => Office;
  readonly jobs: Jobs;
  /** Follows the cluster while this agent may write; calls back when reading again may give something else. */
  readonly follow?: ((onChange: () => void, signal: AbortSignal) => Promise<void>) | undefined;
  /** Between two reads of the cluster, if nothing is heard of it. */
  readonly intervalMs: number;
  /** What is held back is looked at again after this, where that is sooner: then it may have been missing for long enough. */
  readonly settleMs: number;
  /** From a read that led to a push to the next, however much is heard. */
  readonly minPushMs: number;
  /** An agent that could publish nothing for so long gives its office up: another may have better luck. */
  readonly resignAfterMs: number;
  readonly onEvent: OnEvent;
  readonly sleep: Sleep;
  readonly monotonicMs: () => number;
};

const FIRST_RETRY_MS = 2_000;
/** What changes at once is read together: a deployment's tasks start within moments. */
const SETTLE_MS = 200;
/** Reads that lead to no push may follow each other sooner than pushes. */
const READ_APART_MS = 1_000;
/** KV takes one write a second to a key, and the head is the last of a push. */
const KV_WRITES_APART_MS = 1_000;
/** A head is looked at again so long after it was written, and then so often. */
const CHECK_AFTER_PUSH_MS = 5_000;
const CHECK_EVERY_MS = 60_000;
const SWEEP_AFTER_MS = 60_000;
const SWEEP_EVERY_MS = 3_600_000;
/** A term that could not be had, or that another agent ended, is stood for again after this. */
const STAND_AGAIN_MS = 5_000;

/**
 * The agent, until the signal aborts: stands for election, keeps the zone as the cluster has it while it may
 * write, and stands again once deposed. A failure is told and changes nothing; it is tried again.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { election, onEvent } = options;
  while (!signal.aborted) {
    try {
      const term = await election.stand(options.candidate, signal);
      onEvent({
        kind: 'role',
        role: 'writer',
        why: term.why,
        ...(term.epoch !== undefined && { epoch: term.epoch }),
      });
      try {
        await serve(options, term, signal);
      } finally {
        await term.resign();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Error)) throw error;
      if (error instanceof DeposedError) onEvent({ kind: 'role', role: 'standby', why: error.message });
      else onEvent({ kind: 'failed', error, retryInMs: STAND_AGAIN_MS });
      await options.sleep(STAND_AGAIN_MS, signal).catch(() => undefined);
    }
  }
}

/** One term: syncs, checks and sweeps, each when it is due, and what people order in between. */
async function serve(options: AgentOptions, term: Term, signal: AbortSignal): Promise<void> {
  const { jobs, monotonicMs, onEvent } = options;
  const office = options.openOffice(term);
  const over = new AbortController();
  const live = AbortSignal.any([signal, term.signal, over.signal]);
  let failures = 0;
  let goodAtMs = monotonicMs();
  let readAtMs = Number.NEGATIVE_INFINITY;
  let pushed = { begunMs: Number.NEGATIVE_INFINITY, doneMs: Number.NEGATIVE_INFINITY };
  const news = createBell();
  const due = { sync: monotonicMs(), check: Number.POSITIVE_INFINITY, sweep: monotonicMs() + SWEEP_AFTER_MS };

  /** Runs what may fail without ending the term; gives whether it did. */
  const attempt = async (act: () => Promise<void>, retryInMs: () => number): Promise<boolean> => {
    try {
      await act();
      return true;
    } catch (error) {
      if (live.aborted || error instanceof DeposedError || !(error instanceof Error)) throw error;
      onEvent({ kind: 'failed', error, retryInMs: retryInMs() });
      return false;
    }
  };
  const syncNow = async (): Promise<void> => {
    readAtMs = monotonicMs();
    const { writes, heldNames } = await office.sync.once(live);
    if (heldNames > 0)
      due.sync = Math.min(due.sync, monotonicMs() + Math.max(options.settleMs, options.minPushMs));
    if (writes > 0) pushed = { begunMs: readAtMs, doneMs: monotonicMs() };
    // Not later than it was due already, or an agent that pushes all the time would never look.
    if (writes > 0) due.check = Math.min(due.check, monotonicMs() + CHECK_AFTER_PUSH_MS);
  };
  const sweepNow = async (): Promise<void> => {
    const keys = await office.publisher.sweep(live);
    if (keys > 0) onEvent({ kind: 'swept', keys });
  };

  const following = options.follow?.(news.ring, live);
  try {
    while (!live.aborted) {
      const job = jobs.take();
      // What failed is tried again when that is due, whatever is heard meanwhile.
      if (news.answer() && failures === 0) {
        const apartMs = Math.max(
          readAtMs + READ_APART_MS,
          pushed.begunMs + options.minPushMs,
          pushed.doneMs + KV_WRITES_APART_MS,
        );
        due.sync = Math.min(due.sync, Math.max(monotonicMs() + SETTLE_MS, apartMs));
      }
      if (job) await job(office);
      else if (monotonicMs() >= due.sync) {
        const waitMs = (): number => Math.min(options.intervalMs, FIRST_RETRY_MS * 2 ** failures);
        due.sync = monotonicMs() + options.intervalMs;
        if (await attempt(syncNow, waitMs)) {
          failures = 0;
          goodAtMs = monotonicMs();
        } else {
          due.sync = monotonicMs() + waitMs();
          failures++;
        }
        if (monotonicMs() - goodAtMs > options.resignAfterMs)
          throw new DeposedError('nothing could be published for too long: another agent may try');
      } else if (monotonicMs() >= due.check) {
        due.check = monotonicMs() + CHECK_EVERY_MS;
        await attempt(
          async () => void (await office.publisher.check(live)),
          () => CHECK_EVERY_MS,
        );
      } else if (monotonicMs() >= due.sweep) {
        due.sweep = monotonicMs() + SWEEP_EVERY_MS;
        await attempt(sweepNow, () => SWEEP_EVERY_MS);
      } else {
        const nextMs = Math.max(0, Math.min(due.sync, due.check, due.sweep) - monotonicMs());
        await options
          .sleep(nextMs, AbortSignal.any([live, jobs.arrival(), news.rings()]))
          .catch(() => undefined);
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    throw term.signal.aborted ? new DeposedError('the term has ended', { cause: error }) : error;
  } finally {
    over.abort();
    await following;
  }
  if (!signal.aborted) throw new DeposedError('the term has ended');
}

/** Rung from outside, answered by the loop at its next turn; many rings are one. */
function createBell(): { ring: () => void; answer: () => boolean; rings: () => AbortSignal } {
  let rung = new AbortController();
  return {
    ring: () => rung.abort(),
    answer: () => {
      const { aborted } = rung.signal;
      if (aborted) rung = new AbortController();
      return aborted;
    },
    rings: () => rung.signal,
  };
}

/** What is done in between by order of people, one at a time, while this agent may write. */
export type Jobs = {
  /** Runs `job` at the next turn. Rejects as it does, or with the signal's reason if its turn does not come. */
  readonly run: <Result>(job: (office: Office) => Promise<Result>, signal: AbortSignal) => Promise<Result>;
  readonly take: () => ((office: Office) => Promise<void>) | undefined;
  /** Aborts when a job has come. */
  readonly arrival: () => AbortSignal;
};

export function createJobs(): Jobs {
  const waiting: ((office: Office) => Promise<void>)[] = [];
  let arrival = new AbortController();
  return {
    run: (job, signal) =>
      new Promise((resolve, reject) => {
        const turn = async (office: Office): Promise<void> => job(office).then(resolve, reject);
        waiting.push(turn);
        signal.addEventListener('abort', () => {
          const at = waiting.indexOf(turn);
          if (at >= 0) waiting.splice(at, 1);
          reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
        });
        arrival.abort();
      }),
    take: () => {
      if (waiting.length === 0 && arrival.signal.aborted) arrival = new AbortController();
      return waiting.shift();
    },
    arrival: () => arrival.signal,
  };
}
