import type { MasterHttp } from '../auth/master-http.ts';
import type { ClusterState } from '../cluster.ts';
import type { MasterFinder } from '../masters/finder.ts';
import type { Sleep } from '../retry.ts';
import { type ClusterTables, createClusterTables } from './cluster-tables.ts';
import { beginInterim, type Interim } from './interim.ts';
import type { LiveEvent, LiveMode, LiveSource } from './live.ts';
import { createLiveView, type LiveView } from './live-view.ts';
import { runLiveStream } from './live-stream.ts';
import { OperatorError } from './operator-api.ts';
import { openScope, type Scope, within } from './scope.ts';
import { type Source, SourceError } from './source.ts';

export type MesosLiveOptions = {
  readonly finder: MasterFinder;
  readonly http: MasterHttp;
  /** Reads the cluster where there is no stream. */
  readonly poll: Source<ClusterState>;
  /** `stream` never polls: without a stream reads fail. */
  readonly mode: LiveMode;
  /** How often `onChange` is called while there is no stream. */
  readonly pollMs: number;
  /** How often the stream's tables are compared with the master. */
  readonly reconcileMs: number;
  /** For a whole state, that at the beginning of a stream included. */
  readonly timeoutMs: number;
  readonly maxOctets: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly onEvent: (event: LiveEvent) => void;
};

const FIND_LIMIT_MS = 60_000;
/** dcos-net's: agents that lost their streams together do not come back together. */
const LEAST_RETRY_MS = 2_000;
const MOST_RETRY_MS = 30_000;
/** A stream that was refused is asked for again after this, less or more a fifth. */
const REFUSED_RETRY_MS = 300_000;
/** What ended a stream that lived so long was not how it began. */
const STEADY_MS = 15_000;
/** A master that is being elected or recovers is asked again this soon, less or more a half, so often. */
const SOON_MS = 1_000;
const MOST_SOON = 60;
/** From one attempt's beginning to the next one's, however often the leader is said to change. */
const LEAST_ATTEMPT_MS = 1_000;

/**
 * The cluster as the operator stream of the leading master tells it, and by polling where that can't be had. A
 * stream that is lost is begun anew after 2 to 30 s, or at once where another master leads; meanwhile the cluster is
 * polled. One that is refused (401, 403, 404, 405, 406, 415, a master before 1.5) is asked for again every 5
 * minutes. There are never two subscriptions, and no polling while there is one.
 */
export function createMesosLive(options: MesosLiveOptions): LiveSource<ClusterState> {
  const { finder, mode } = options;
  const tables = createClusterTables({ nowSeconds: () => Math.floor(options.now() / 1000) });
  const view = createLiveView({ ...options, tables, streamOnly: mode === 'stream' });
  return {
    name: `mesos-live ${finder.name}`,
    read: view.read,
    status: view.status,
    follow: async (onChange, signal) => {
      if (signal.aborted) return;
      if (mode === 'poll') await poll(options, { view, onChange, signal });
      else await followStream(options, { tables, view, onChange, signal });
    },
  };
}

type Following = {
  readonly view: LiveView;
  readonly onChange: () => void;
  readonly signal: AbortSignal;
};

async function poll(options: MesosLiveOptions, { view, onChange, signal }: Following): Promise<void> {
  const why = 'mesos.mode is poll';
  const onOverdue = (): void => view.giveUp(why);
  const interim = beginInterim({ ...options, onOverdue, onPoll: onChange }, signal);
  interim.hurry();
  await aborted(signal);
  await interim.end();
}

/** Why an attempt ended, and what is done about it. */
type Ending = { readonly error: OperatorError; readonly hasNewLeader: boolean };

async function followStream(
  options: MesosLiveOptions,
  { tables, view, onChange, signal }: Following & { readonly tables: ClusterTables },
): Promise<void> {
  const { finder, monotonicMs, random, onEvent, mode } = options;
  let why = 'there is no stream yet: it is being connected to';
  let interim: Interim | undefined;
  let failures = 0;
  /** How often running a leader was being elected, or recovering. */
  let elections = 0;
  let doing: 'finding' | 'streaming' | 'waiting' = 'finding';
  /** Who is asked for a stream, or gives it. */
  let followed: string | undefined;
  let lostOrigin: string | undefined;
  /** What is under way, and ends early when another master leads. */
  let current: Scope | undefined;

  const bridge = (): void => {
    const onOverdue = (): void => view.giveUp(why);
    interim ??= beginInterim({ ...options, onOverdue, onPoll: onChange }, signal);
  };
  const stopListening = finder.onChange(() => {
    const { leader } = finder.state();
    if (leader === undefined || doing === 'finding') return;
    if (doing === 'streaming' && leader === followed) return;
    current?.end(new NewLeader(`${leader} leads now`));
  });

  /** One stream to its end. */
  const attempt = async (scope: Scope): Promise<Ending> => {
    try {
      doing = 'finding';
      const late = (): Error => new SourceError(`${finder.name} took too long to tell who leads`);
      const within60 = { signal: scope.signal, sleep: options.sleep, late };
      const candidates = await within(FIND_LIMIT_MS, (signal) => finder.candidates(signal), within60);
      followed = candidates[0]?.origin;
      doing = 'streaming';
      const order = finder.state().by === 'list' ? lastOf(candidates, lostOrigin) : candidates;
      return await runLiveStream(
        order,
        {
          ...options,
          tables,
          report: view.report,
          onLeader: ({ url }) => {
            followed = url.origin;
          },
          onArrival: () => interim?.arrived(),
          onEvent: view.recordCame,
          onReady: ({ url, version }, lacking) => {
            void interim?.end();
            interim = undefined;
            lostOrigin = url.origin;
            const without = lacking === undefined ? '' : `, without schedulers' endpoints: ${lacking}`;
            view.streamUp(url.origin, `subscribed to ${url.origin}, Mesos ${version}${without}`);
            onChange();
          },
          onChange: () => {
            if (!interim) onChange();
          },
          onReconciled: view.reconciled,
          onUnreconciled: (error, retryInMs) => {
            view.unreconciled();
            onEvent({ kind: 'reconcile-failed', why: error.message, retryInMs });
          },
        },
        scope.signal,
      );
    } catch (error) {
      if (error instanceof NewLeader) return { error, hasNewLeader: true };
      if (error instanceof OperatorError) return { error, hasNewLeader: false };
      const message = error instanceof Error ? error.message : String(error);
      return { error: new OperatorError('failed', message, { cause: error }), hasNewLeader: false };
    } finally {
      doing = 'waiting';
      scope.end();
    }
  };

  /** How long until the next attempt. */
  const afterwards = ({ error, hasNewLeader }: Ending, lastedMs: number): number => {
    const isRefused = error.verdict === 'refused' && mode !== 'stream';
    why = `${isRefused ? 'the stream is refused' : 'there is no stream'}: ${error.message}`;
    const wasUp = view.streamLost(why);
    bridge();
    if (hasNewLeader || (wasUp && lastedMs >= STEADY_MS)) failures = 0;
    if (hasNewLeader || wasUp) elections = 0;
    if (hasNewLeader) {
      onEvent({ kind: 'stream-lost', why: error.message, retryInMs: 0 });
      return 0;
    }
    if (isRefused) {
      failures = 0;
      interim?.hurry();
      view.giveUp(why);
      return REFUSED_RETRY_MS * (0.8 + 0.4 * random());
    }
    view.explain(why);
    elections = error.isElecting ? elections + 1 : 0;
    const isSoon = elections > 0 && elections <= MOST_SOON;
    if (!isSoon) failures++;
    const retryInMs = isSoon ? SOON_MS * (0.5 + random()) : retryMs(failures, random);
    onEvent({ kind: 'stream-lost', why: error.message, retryInMs });
    return retryInMs;
  };

  view.expectStream();
  bridge();
  try {
    while (!signal.aborted) {
      const startedMs = monotonicMs();
      current = openScope(signal);
      const ending = await attempt(current);
      if (signal.aborted) break;
      const waitMs = afterwards(ending, monotonicMs() - startedMs);
      current = openScope(signal);
      await options.sleep(waitMs, current.signal).catch(() => undefined);
      current.end();
      const leastMs = startedMs + LEAST_ATTEMPT_MS - monotonicMs();
      if (leastMs > 0) await options.sleep(leastMs, signal).catch(() => undefined);
    }
  } finally {
    stopListening();
    view.stopExpecting();
    await interim?.end();
  }
}

/** Another master leads than the one that is followed. */
class NewLeader extends OperatorError {
  constructor(message: string) {
    super('failed', message);
  }
}

/** From 2 s up to a limit that doubles with each failure, at random over the whole of it. */
function retryMs(failures: number, random: () => number): number {
  const mostMs = Math.min(MOST_RETRY_MS, LEAST_RETRY_MS * 2 ** Math.min(failures, 10));
  return Math.round(LEAST_RETRY_MS + random() * (mostMs - LEAST_RETRY_MS));
}

/** Masters of a list, the one that was lost at the end: if it is back, the others say so. */
function lastOf(candidates: readonly URL[], lost: string | undefined): readonly URL[] {
  const isLost = (url: URL): boolean => url.origin === lost;
  return [...candidates.filter((url) => !isLost(url)), ...candidates.filter(isLost)];
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
