import { FormatError } from '../../zone/format-error.ts';
import { backoffMs, type Sleep, sleepFor } from '../retry.ts';
import { SourceError } from '../sources/source.ts';
import { openZooKeeper, type ZooKeeper, ZooKeeperError } from '../zookeeper.ts';
import type { ZooKeeperUrl } from '../zookeeper-url.ts';
import type { MasterFinder } from './finder.ts';
import { type MasterInfo, masterNodes, readMasterInfo } from './master-info.ts';

export type ZooKeeperFinderOptions = {
  /** The path the masters are started with (`--zk`). */
  readonly url: ZooKeeperUrl;
  /** The masters' own, which ZooKeeper does not say. */
  readonly scheme: 'http:' | 'https:';
  /** Asked for; the server may give more or less. What is lost is known after it at the latest. */
  readonly sessionTimeoutMs: number;
  readonly monotonicMs: () => number;
  /** Called whenever `state().problem` becomes another; undefined when it is over. */
  readonly onProblem: (problem: string | undefined) => void;
  /** What stands in the masters' URLs. Default `address`; `hostname` where certificates have host names. */
  readonly hostBy?: 'address' | 'hostname';
  /** Masters to ask for as long as ZooKeeper has named none. Default: none, and `candidates` throws. */
  readonly untilFound?: readonly URL[];
  /** How long `candidates` waits for the first leader. Default: the session's timeout and 2 s. */
  readonly firstAnswerMs?: number;
  readonly sleep?: Sleep;
  /** From 0 to below 1. */
  readonly random?: () => number;
  readonly open?: typeof openZooKeeper;
};

/** How often ZooKeeper is asked although no watch told so. */
const LOOK_AGAIN_MS = 10_000;
/** Between attempts while it can't be asked. */
const BACKOFF = { firstDelayMs: 500, maxDelayMs: 10_000 };
/** Clusters have 3 to 7 masters. */
const MAX_MASTERS = 32;

type FoundMaster = MasterInfo & { readonly node: string; readonly url: URL };
/** What one look found: `problem` where there is no leader, or one that can't be read. */
type Look = { readonly masters: readonly FoundMaster[]; readonly problem: string | undefined };

/**
 * The masters that are registered in ZooKeeper, watched from the first time they are asked for. While it can't
 * be reached, or names no master, the last ones stay and `problem` says so.
 */
export function createZooKeeperFinder(options: ZooKeeperFinderOptions): MasterFinder {
  const { url, sessionTimeoutMs, sleep = sleepFor, untilFound = [] } = options;
  const { firstAnswerMs = sessionTimeoutMs + 2_000 } = options;
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  const waiting = new Set<() => void>();
  let masters: readonly FoundMaster[] = [];
  let problem: string | undefined;
  let following: Promise<void> | undefined;

  const meanwhile = (): string => {
    const leader = masters[0]?.url.origin;
    if (leader !== undefined) return `; ${leader}, found last, is asked until then`;
    return untilFound.length > 0 ? '; mesos.masters are asked until then' : '';
  };
  const setProblem = (found: string | undefined): void => {
    const next = found && `${found}${meanwhile()}`;
    if (next === problem) return;
    problem = next;
    options.onProblem(next);
    // With others to ask nobody has to wait for what may take long.
    if (next && untilFound.length > 0) for (const wake of waiting) wake();
  };
  const onLook = (look: Look): void => {
    const before = masters[0];
    if (look.masters.length > 0) masters = look.masters;
    setProblem(look.problem);
    const leader = masters[0];
    if (leader?.node === before?.node && leader?.url.href === before?.url.href) return;
    for (const wake of waiting) wake();
    for (const listener of listeners) listener();
  };
  const start = (): void => {
    following ??= follow(options, { onLook, onFailure: setProblem }, closing.signal);
  };

  return {
    name: url.name,
    candidates: async (signal) => {
      signal.throwIfAborted();
      start();
      const isWorthWaiting = masters.length === 0 && (problem === undefined || untilFound.length === 0);
      if (isWorthWaiting) await wakened(firstAnswerMs, { waiting, sleep, signals: [signal, closing.signal] });
      signal.throwIfAborted();
      if (closing.signal.aborted) throw new SourceError(`${url.name} was closed`);
      if (masters.length > 0) return masters.map((master) => master.url);
      if (untilFound.length > 0) return untilFound;
      throw new SourceError(
        `no Mesos master is known: ${problem ?? `${url.name} has not answered in ${firstAnswerMs / 1000} s`}; ` +
          "check mesos.zk: hosts and ports from this machine, the path (the masters' --zk), user and password",
      );
    },
    onChange: (listener) => {
      // Each time another function: given twice, it is called twice.
      const own = (): void => listener();
      listeners.add(own);
      start();
      return () => void listeners.delete(own);
    },
    state: () => ({
      by: 'zookeeper',
      leader: masters[0]?.url.origin,
      problem,
      masters: masters.map(({ endpoint }) => endpoint),
    }),
    close: async () => {
      listeners.clear();
      closing.abort(new SourceError(`${url.name} was closed`));
      await following;
    },
  };
}

type Told = { readonly onLook: (look: Look) => void; readonly onFailure: (problem: string) => void };

/** One session after the other, until the signal aborts. Never throws. */
async function follow(options: ZooKeeperFinderOptions, told: Told, signal: AbortSignal): Promise<void> {
  const { url, sleep = sleepFor, random = Math.random, open = openZooKeeper } = options;
  let failures = 0;
  const nextMs = (): number => (failures === 0 ? LOOK_AGAIN_MS : backoffMs(failures, BACKOFF, { random }));
  const counted: Told = {
    onLook: (look) => {
      failures = 0;
      told.onLook(look);
    },
    onFailure: (problem) => {
      failures++;
      told.onFailure(problem);
    },
  };
  while (!signal.aborted) {
    try {
      const session = await open(url, options, signal);
      try {
        await followSession(session, { ...options, sleep, nextMs, told: counted }, signal);
      } finally {
        await session.close();
      }
    } catch (error) {
      if (signal.aborted) return;
      counted.onFailure(error instanceof Error ? error.message : `${url.name}: ${String(error)}`);
    }
    await sleep(nextMs(), signal).catch(() => undefined);
  }
}

/** Looks whenever a watch tells so, and now and then. Throws the reason of the session's end, or the signal's. */
async function followSession(
  session: ZooKeeper,
  {
    sleep,
    nextMs,
    told,
    ...options
  }: ZooKeeperFinderOptions & { sleep: Sleep; nextMs: () => number; told: Told },
  signal: AbortSignal,
): Promise<never> {
  let round = new AbortController();
  const wake = (): void => round.abort();
  const stop = AbortSignal.any([signal, session.over]);
  stop.addEventListener('abort', wake, { once: true });
  for (;;) {
    round = new AbortController();
    stop.throwIfAborted();
    try {
      told.onLook(await look(session, { ...options, onChange: wake }, stop));
    } catch (error) {
      stop.throwIfAborted();
      if (!(error instanceof ZooKeeperError)) throw error;
      told.onFailure(error.message);
    }
    await sleep(nextMs(), round.signal).catch(() => undefined);
  }
}

async function look(
  session: ZooKeeper,
  {
    url: { name, path },
    onChange,
    ...options
  }: Pick<ZooKeeperFinderOptions, 'url' | 'scheme' | 'hostBy'> & { onChange: () => void },
  signal: AbortSignal,
): Promise<Look> {
  // The children of a path that is not there can't be watched; its coming can.
  if (!(await session.stat(path, signal, onChange)))
    return { masters: [], problem: `${name}: there is no ${path}, and so no leading master` };
  const nodes = masterNodes(await session.children(path, signal, onChange)).slice(0, MAX_MASTERS);
  const masters: FoundMaster[] = [];
  const unreadable: string[] = [];
  const below = path === '/' ? '' : path;
  const read = await Promise.all(nodes.map((node) => session.read(`${below}/${node.name}`, signal)));
  for (const [i, node] of nodes.entries()) {
    const data = read[i];
    // Gone meanwhile; the watch has told so already.
    if (!data) continue;
    try {
      const info = readMasterInfo(node, data);
      masters.push({ ...info, node: node.name, url: urlOf(info, options) });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      unreadable.push(error.message);
    }
  }
  if (unreadable.length > 0) return { masters, problem: `${name}: passed over ${unreadable.join('; ')}` };
  return { masters, problem: masters.length > 0 ? undefined : `${name}: no master is registered there` };
}

function urlOf(
  { endpoint, hostname }: MasterInfo,
  { scheme, hostBy }: Pick<ZooKeeperFinderOptions, 'scheme' | 'hostBy'>,
): URL {
  const host = hostBy === 'hostname' && hostname !== undefined ? hostname : endpoint.host;
  return new URL(`${scheme}//${host.includes(':') ? `[${host}]` : host}:${endpoint.port}/`);
}

/** Waits until woken through `waiting`, the time is up, or one of the signals aborts. */
async function wakened(
  ms: number,
  { waiting, sleep, signals }: { waiting: Set<() => void>; sleep: Sleep; signals: readonly AbortSignal[] },
): Promise<void> {
  const wait = new AbortController();
  const wake = (): void => wait.abort();
  if (signals.some((signal) => signal.aborted)) return;
  waiting.add(wake);
  for (const signal of signals) signal.addEventListener('abort', wake);
  await sleep(ms, wait.signal).catch(() => undefined);
  waiting.delete(wake);
  for (const signal of signals) signal.removeEventListener('abort', wake);
}
