import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import { ageSeconds, messageIn } from './http-reply.ts';
import { UpstreamError } from './upstream-error.ts';

/** The octets of a reply, and how long caches on the way had it. Not looked at yet. */
export type RawReply = { readonly octets: Uint8Array; readonly ageSeconds: number };

/** Asks one server. */
export type Upstream = {
  /** Rejects with `UpstreamError`, at the latest after 3.5 s. */
  readonly ask: (message: Uint8Array) => Promise<RawReply>;
  /** Undefined unless it is known that there would be no answer now: then why. */
  readonly failsBecause: () => UpstreamError | undefined;
  /** Is there a connection? */
  readonly isUp: () => boolean;
};

export type UpstreamOptions = {
  readonly connection: Connection;
  readonly onAnswer: () => void;
  readonly onError: (error: UpstreamError) => void;
};

/** Stub resolvers give up after five seconds: all tries together stay well below. */
const TOTAL_MS = 3_500;
const MOST_TRIES = 3;
/** A connection silent for so long after a question may be dead: another is opened beside it. */
const SILENCE_MS = 1_200;

/**
 * The DoH server over one kept connection. A try that fails with its connection is made again on a new one; where
 * the connection is silent, a second try goes out on a new one and the first to be answered counts.
 */
export function createUpstream({ connection, onAnswer, onError }: UpstreamOptions): Upstream {
  let pause: { readonly until: number; readonly error: UpstreamError } | undefined;
  const failsBecause = (): UpstreamError | undefined =>
    pause && performance.now() < pause.until ? pause.error : connection.downBecause();
  const ask = (message: Uint8Array): Promise<RawReply> => {
    const known = failsBecause();
    if (known) {
      // Being asked is what brings a server back that was left alone.
      if (known !== pause?.error) connection.channel().catch(() => undefined);
      return Promise.reject(known);
    }
    return race(message, connection).then(
      (reply) => {
        onAnswer();
        return reply;
      },
      (error: unknown) => {
        if (error instanceof UpstreamError) {
          onError(error);
          if (error.pauseMs > 0) pause = { until: performance.now() + error.pauseMs, error };
        }
        throw error;
      },
    );
  };
  return { ask, failsBecause, isUp: connection.isUp };
}

function race(message: Uint8Array, connection: Connection): Promise<RawReply> {
  const startedAt = performance.now();
  const left = (): number => startedAt + TOTAL_MS - performance.now();
  return new Promise((resolve, reject) => {
    let tries = 0;
    let underWay = 0;
    let isSettled = false;
    let silence: NodeJS.Timeout | undefined;
    const settle = (act: () => void): void => {
      isSettled = true;
      clearTimeout(silence);
      clearTimeout(deadline);
      act();
    };
    const attempt = async (not?: Channel): Promise<void> => {
      underWay++;
      let used: Channel | undefined;
      try {
        used = await connection.channel(not);
        if (isSettled) return;
        tries++;
        watch(used, performance.now());
        const reply = await used.post(message, Math.max(1, left()));
        const octets = messageIn(reply, Date.now());
        if (!isSettled) settle(() => resolve({ octets, ageSeconds: ageSeconds(reply) }));
      } catch (error) {
        underWay--;
        if (isSettled) return;
        const isFinal = used ? !(error instanceof UpstreamError && error.isRepeatable) : isLost(error);
        if (isFinal) return settle(() => reject(error));
        if (tries < MOST_TRIES && left() > 0) await attempt(used);
        else if (underWay === 0) settle(() => reject(error));
      }
    };
    const watch = (channel: Channel, askedAt: number): void => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        if (channel.heardAt() >= askedAt || tries >= MOST_TRIES) return;
        channel.suspect();
        void attempt(channel);
      }, SILENCE_MS);
    };
    /** No connection was made. A certificate does not get better while somebody waits. */
    const isLost = (error: unknown): boolean =>
      connection.downBecause() !== undefined || (error instanceof UpstreamError && error.kind === 'tls');
    const deadline = setTimeout(() => {
      const late = new UpstreamError('timeout', 'the DoH server did not answer in time');
      settle(() => reject(connection.problem() ?? late));
    }, TOTAL_MS);
    void attempt();
  });
}
