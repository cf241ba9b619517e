import type { MasterHttp } from '../auth/master-http.ts';
import type { ReportSkipped } from '../cluster.ts';
import type { Sleep } from '../retry.ts';
import type { ClusterTables } from './cluster-tables.ts';
import { asOperatorError, call, OperatorError } from './operator-api.ts';
import { createOperatorReader, type OperatorEvent } from './operator-reader.ts';
import { openScope, type Scope } from './scope.ts';

export type SubscriptionOptions = {
  /** The leader. */
  readonly url: URL;
  readonly http: MasterHttp;
  /** Take what the stream says; until its SUBSCRIBED is read whole they stay as they are. */
  readonly tables: ClusterTables;
  readonly report: ReportSkipped;
  /** For the state at the stream's beginning: how long it may take, and how large it may be. */
  readonly timeoutMs: number;
  readonly maxOctets: number;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  /** After each complete record. */
  readonly onEvent: (event: OperatorEvent) => void;
  /** After each piece that arrived, its events included. */
  readonly onArrival: () => void;
};

/** What Mesos beats at (`DEFAULT_HEARTBEAT_INTERVAL`); SUBSCRIBED may say otherwise. */
const HEARTBEAT_MS = 15_000;
const HEARTBEATS_UNTIL_DEAD = 3;
const LEAST_SILENCE_MS = 1_000;
const MOST_SILENCE_MS = 300_000;
/** So many octets of a SUBSCRIBED show that it is on its way, however long it is. Fewer may be a trickle. */
const PROGRESS_OCTETS = 1024 * 1024;
/** A timer that fires so late was held up by ourselves: what arrived meanwhile is looked at first. */
const HELD_UP_MS = 1_000;

/**
 * One subscription from its request to its end; it never returns but throws: the signal's reason, or
 * `OperatorError` saying why it ended. A stream without a complete record for three heartbeats is dead, and so is
 * one that does not begin with a state in that time, whatever octets it sends. When it has thrown, its
 * connection is gone.
 */
export async function subscribe(options: SubscriptionOptions, signal: AbortSignal): Promise<never> {
  const { url, http, maxOctets } = options;
  const connection = openScope(signal);
  const life = watchLife(options);
  const reader = createOperatorReader({
    tables: options.tables,
    report: options.report,
    onEvent: (event) => {
      life.record(event);
      options.onEvent(event);
    },
  });
  const watching = life.watch(connection.signal).then((dead) => dead && connection.end(dead));
  try {
    const response = await call('SUBSCRIBE', url, {
      http,
      signal: connection.signal,
      // Silence is watched here, where it is known what the stream says; this one only covers a watch that fails.
      timeoutMs: Number.POSITIVE_INFINITY,
      idleTimeoutMs: MOST_SILENCE_MS + HEARTBEAT_MS,
      maxOctets: Number.POSITIVE_INFINITY,
    });
    for await (const chunk of response.chunks()) {
      connection.signal.throwIfAborted();
      if (life.arrived(chunk.length) > maxOctets) throw tooLarge(url, maxOctets);
      reader.write(chunk);
      options.onArrival();
    }
    reader.end();
    throw new OperatorError('failed', `${url.origin} ended the stream`);
  } catch (error) {
    signal.throwIfAborted();
    const reason: unknown = connection.signal.aborted ? connection.signal.reason : error;
    throw asOperatorError(reason, url);
  } finally {
    connection.end();
    await watching;
  }
}

type Life = {
  /** Takes the octets of a piece; gives how many the state at the stream's beginning has by now, 0 once it is read. */
  readonly arrived: (octets: number) => number;
  readonly record: (event: OperatorEvent) => void;
  /** Gives why the stream is dead, or undefined once the signal aborts. */
  readonly watch: (signal: AbortSignal) => Promise<OperatorError | undefined>;
};

function watchLife({ url, timeoutMs, monotonicMs, sleep }: SubscriptionOptions): Life {
  const startedMs = monotonicMs();
  let lastMs = startedMs;
  let silenceMs = HEARTBEATS_UNTIL_DEAD * HEARTBEAT_MS;
  let isSubscribed = false;
  let octets = 0;
  let progress = 0;
  let waiting: Scope | undefined;

  const deadAtMs = (): number =>
    isSubscribed
      ? lastMs + silenceMs
      : Math.min(lastMs + silenceMs, startedMs + Math.max(timeoutMs, silenceMs));
  const dead = (): OperatorError => {
    const seconds = Math.round((monotonicMs() - (isSubscribed ? lastMs : startedMs)) / 100) / 10;
    const what = isSubscribed ? 'sent nothing on the stream' : 'sent no whole state on the stream';
    return new OperatorError('failed', `${url.origin} ${what} for ${seconds} s`);
  };
  return {
    arrived: (more) => {
      if (isSubscribed) return 0;
      octets += more;
      if (Math.floor(octets / PROGRESS_OCTETS) > progress) {
        progress = Math.floor(octets / PROGRESS_OCTETS);
        lastMs = monotonicMs();
      }
      return octets;
    },
    record: ({ effect, heartbeatSeconds }) => {
      if (effect === 'subscribed') {
        isSubscribed = true;
        silenceMs = silenceOf(heartbeatSeconds);
        // The wait that is under way may be longer than the master's word.
        waiting?.end();
      }
      if (isSubscribed) lastMs = monotonicMs();
    },
    watch: async (signal) => {
      let isHeldUp = false;
      while (!signal.aborted) {
        const nowMs = monotonicMs();
        const leftMs = deadAtMs() - nowMs;
        if (leftMs <= 0 && !isHeldUp) return dead();
        const waitMs: number = isHeldUp ? Math.max(leftMs, LEAST_SILENCE_MS) : leftMs;
        waiting = openScope(signal);
        await sleep(waitMs, waiting.signal).catch(() => undefined);
        waiting.end();
        isHeldUp = !isHeldUp && monotonicMs() - nowMs - waitMs > HELD_UP_MS;
      }
      return undefined;
    },
  };
}

function silenceOf(heartbeatSeconds: number | undefined): number {
  const stated =
    heartbeatSeconds !== undefined && heartbeatSeconds > 0 ? heartbeatSeconds * 1000 : HEARTBEAT_MS;
  return Math.min(MOST_SILENCE_MS, Math.max(LEAST_SILENCE_MS, HEARTBEATS_UNTIL_DEAD * stated));
}

function tooLarge(url: URL, maxOctets: number): OperatorError {
  return new OperatorError(
    'refused',
    `the state on the stream of ${url.origin} is larger than ${Math.round(maxOctets / (1024 * 1024))} MiB`,
  );
}
