import type { Sleep } from '../retry.ts';
import { type Candidate, type Election, ElectionError, type Term } from './election.ts';
import { openTerm } from './term.ts';

/** May this agent write now? If not, when it is worth asking again. */
export type Verdict =
  | { readonly mayWrite: true; readonly why: string }
  | { readonly mayWrite: false; readonly why: string; readonly againInMs: number };

/** One look at the world. Failures of what it asks are verdicts; the signal's reason it throws. */
export type Look = (signal: AbortSignal) => Promise<Verdict>;

/** An election that looks at the world now and then until it says that this agent may write. */
export function createPolledElection({
  name,
  sleep,
  startLooking,
}: {
  readonly name: string;
  readonly sleep: Sleep;
  /** Called at each stand; what a stand remembers lives in the look it gives. */
  readonly startLooking: (candidate: Candidate) => Look;
}): Election {
  const closing = new AbortController();
  let current: Term | undefined;

  return {
    name,
    stand: async (candidate, signal) => {
      await current?.resign();
      current = undefined;
      const stop = AbortSignal.any([signal, closing.signal]);
      const look = startLooking(candidate);
      let told = '';
      for (;;) {
        stop.throwIfAborted();
        const verdict = await look(stop);
        stop.throwIfAborted();
        if (verdict.mayWrite) {
          current = openTerm({ epoch: undefined, why: verdict.why, leftMs: () => Infinity }).term;
          return current;
        }
        if (verdict.why !== told) candidate.onStandby(verdict.why);
        told = verdict.why;
        await sleep(verdict.againInMs, stop);
      }
    },
    close: async () => {
      closing.abort(new ElectionError(`${name} was closed`));
      await current?.resign();
    },
  };
}
