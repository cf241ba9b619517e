import type { Sleep } from '../retry.ts';
import type { Candidate, Election } from './election.ts';
import { createPolledElection, type Look, type Verdict } from './polled.ts';
import { type HeadVerdict, shortId, silentAfterMs, watchHead } from './silence.ts';

export type SinkElectionOptions = {
  readonly livenessSeconds: number;
  readonly sleep: Sleep;
  readonly monotonicMs: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
};

const LEAST_POLL_MS = 5_000;
/** Standbys that started together do not look together: up to this share is added to each wait. */
const JITTER = 0.2;

/**
 * The head itself is the lease. This agent may write when nobody has, when it wrote last itself, or when the
 * head was not renewed for 3 × `livenessSeconds`. A standby looks every `livenessSeconds` / 10, at least
 * 5 s apart, so it takes over at most that (and a fifth) after the limit.
 */
export function createSinkElection(options: SinkElectionOptions): Election {
  return createPolledElection({
    name: 'sink',
    sleep: options.sleep,
    startLooking: (candidate) => lookAtHead(candidate, options),
  });
}

/** The sink's rule as a look: what `none` falls back to, too. */
export function lookAtHead(candidate: Candidate, options: SinkElectionOptions): Look {
  const head = watchHead(candidate.writerId, options);
  return async (signal): Promise<Verdict> => {
    const againInMs = sinkPollMs(options.livenessSeconds) * (1 + JITTER * options.random());
    try {
      const verdict = head.see(await candidate.readRoot(signal));
      const why = describeHead(verdict, options.livenessSeconds);
      return verdict.kind === 'alive' ? { mayWrite: false, why, againInMs } : { mayWrite: true, why };
    } catch (error) {
      signal.throwIfAborted();
      return { mayWrite: false, why: unreadable(error), againInMs };
    }
  };
}

export function sinkPollMs(livenessSeconds: number): number {
  return Math.max(LEAST_POLL_MS, livenessSeconds * 100);
}

export function unreadable(error: unknown): string {
  return `who wrote last can not be read: ${error instanceof Error ? error.message : String(error)}`;
}

/** A verdict in words; the same words as long as the same writer is alive. */
export function describeHead(verdict: HeadVerdict, livenessSeconds: number): string {
  switch (verdict.kind) {
    case 'empty':
      return 'nobody has written yet';
    case 'own':
      return 'this agent wrote last';
    case 'silent':
      return `writer ${shortId(verdict.root.writerId)} has not renewed its head for ${Math.round(verdict.silentMs / 1000)} s`;
    case 'alive':
      return (
        `writer ${shortId(verdict.root.writerId)} renewed its head less than ` +
        `${silentAfterMs(livenessSeconds) / 1000} s ago`
      );
  }
}
