import { type ExtendedError, RCODE } from '../../zone/wire.ts';
import { UpstreamError, type UpstreamReply } from './ask.ts';
import type { Standing } from './standing.ts';

/** Why there is no answer: in words, and in the upstreams' own. */
export type NoAnswer = { readonly problem: string; readonly extendedErrors: readonly ExtendedError[] };

/** The next upstream is asked when the last one has not answered for so long. */
const HEDGE_MS = 300;
/** Stub resolvers give up after five seconds: all tries together stay below that. */
export const TOTAL_MS = 3_500;
const TRY_MS = 2_500;
/** These are answers (YXDOMAIN: RFC 6672 §2.2); with any other code the next may do better. */
const ANSWERS: ReadonlySet<number> = new Set([RCODE.NOERROR, RCODE.NXDOMAIN, 6]);

export type RaceOptions = {
  readonly ask: (url: string, signal: AbortSignal) => Promise<UpstreamReply>;
  readonly standing: Standing;
  readonly now: () => number;
  /** No try goes on beyond this time. */
  readonly deadline: number;
};

/**
 * Asks upstreams one after the other, the next at once when one fails and soon when it is slow, and takes what
 * is answered first. One alone is asked again where the connection failed. Never throws.
 */
export function askInTurn(urls: readonly string[], options: RaceOptions): Promise<UpstreamReply | NoAnswer> {
  const { ask, standing, now, deadline } = options;
  const waiting = [...standing.inOrder(urls)];
  const { promise, resolve } = Promise.withResolvers<UpstreamReply | NoAnswer>();
  const done = new AbortController();
  const problems: string[] = [];
  const extendedErrors: ExtendedError[] = [];
  let mayRepeat = urls.length === 1;
  let underway = 0;
  let stopHedge = (): void => undefined;

  const settle = (outcome: UpstreamReply | NoAnswer): void => {
    stopHedge();
    resolve(outcome);
    done.abort();
  };
  const next = (): void => {
    stopHedge();
    const left = Math.min(TRY_MS, deadline - now());
    const url = left > 0 ? waiting.shift() : undefined;
    if (url !== undefined) {
      underway++;
      void attempt(url, left);
      if (waiting.length > 0) {
        const hedge = setTimeout(() => {
          standing.slow(url);
          next();
        }, HEDGE_MS);
        stopHedge = () => clearTimeout(hedge);
      }
    } else if (underway === 0)
      settle({ problem: problems.join('; ') || 'there was no time left', extendedErrors });
  };
  const attempt = async (url: string, timeoutMs: number): Promise<void> => {
    const host = new URL(url).host;
    const signal = AbortSignal.any([done.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const answer = await ask(url, signal);
      if (done.signal.aborted) return;
      standing.answered(url);
      if (ANSWERS.has(answer.reply.rcode)) return settle(answer);
      problems.push(`${host} answered with error ${answer.reply.rcode}`);
      extendedErrors.push(...answer.reply.extendedErrors);
    } catch (error) {
      if (done.signal.aborted) return;
      standing.failed(url);
      problems.push(`${host} ${reasonOf(error)}`);
      // A kept connection that the other side has closed is found out by using it.
      if (mayRepeat && reasonOf(error) === UNREACHED) waiting.push(url);
      mayRepeat = false;
    }
    underway--;
    next();
  };
  next();
  return promise;
}

const UNREACHED = 'could not be reached';

/** What `fetch` says may hold the URL, and that a secret. */
function reasonOf(error: unknown): string {
  if (error instanceof UpstreamError) return error.message;
  return error instanceof Error && error.name === 'TimeoutError' ? 'did not answer in time' : UNREACHED;
}
