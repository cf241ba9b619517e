import type { Sleep } from '../retry.ts';
import { openZooKeeper, type ZooKeeper, ZooKeeperError } from '../zookeeper.ts';
import type { ZooKeeperUrl } from '../zookeeper-url.ts';
import { type Candidate, type Election, ElectionError, type Term } from './election.ts';
import { shortId } from './silence.ts';
import { openTerm, type OpenTerm } from './term.ts';

export type ZooKeeperElectionOptions = {
  /** Its path is the election's alone: one for each zone. Made where it is not there. */
  readonly zk: ZooKeeperUrl;
  /** For people: who this agent is, beside its writer id. */
  readonly host: string;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  /** The bound of a takeover from a writer that died. The server may give another. Default 20 s. */
  readonly sessionTimeoutMs?: number;
};

const SESSION_TIMEOUT_MS = 20_000;
/** Of that, what a server has to give at least: with less, no write fits in what is left of a term. */
const LEAST_SHARE = 0.85;
/** Between attempts while ZooKeeper can't be reached. */
const AGAIN_MS = 2_000;
/** How often a standby looks although no watch told it to, and a writer makes sure that its node is there. */
const LOOK_AGAIN_MS = 5_000;
/** After this many digits a sequential node's name ends: ZooKeeper's `%010d`. */
const SEQUENCE = /^(?<writerId>[0-9a-f]+)-(?<sequence>\d{10})$/;

type Seat = { readonly name: string; readonly writerId: string; readonly sequence: number };

/**
 * Each agent has an ephemeral sequential node; the lowest writes, and each other one watches the node before its
 * own. The epoch is the transaction that made the node (czxid), so later writers have higher ones. A term ends
 * when the session could have expired on the server: a writer cut off stops before another is elected.
 */
export function createZooKeeperElection(options: ZooKeeperElectionOptions): Election {
  const { zk, sleep } = options;
  const closing = new AbortController();
  let office: Term | undefined;

  return {
    name: `zookeeper ${zk.name}`,
    stand: async (candidate, signal) => {
      await office?.resign();
      office = undefined;
      const stop = AbortSignal.any([signal, closing.signal]);
      let told = '';
      const tell = (why: string): void => {
        if (why !== told) candidate.onStandby(why);
        told = why;
      };
      for (;;) {
        stop.throwIfAborted();
        try {
          office = await campaign({ ...candidate, onStandby: tell }, options, stop);
          return office;
        } catch (error) {
          stop.throwIfAborted();
          if (!(error instanceof ZooKeeperError)) throw error;
          tell(error.message);
        }
        await sleep(AGAIN_MS, stop);
      }
    },
    close: async () => {
      closing.abort(new ElectionError(`zookeeper ${zk.name} was closed`));
      await office?.resign();
    },
  };
}

/** One session's attempt. Throws `ZooKeeperError` when it is lost; then nothing of it is left behind. */
async function campaign(
  candidate: Candidate,
  options: ZooKeeperElectionOptions,
  signal: AbortSignal,
): Promise<Term> {
  const { zk, host, monotonicMs, sessionTimeoutMs = SESSION_TIMEOUT_MS } = options;
  const session = await openZooKeeper(zk, { sessionTimeoutMs, monotonicMs }, signal);
  try {
    if (session.timeoutMs() < LEAST_SHARE * sessionTimeoutMs)
      throw new ZooKeeperError(
        `${zk.name} gives sessions of ${session.timeoutMs() / 1000} s, and ${sessionTimeoutMs / 1000} s are needed: ` +
          'raise maxSessionTimeout in its configuration (by default 20 × tickTime)',
      );
    await session.makePath(zk.path, signal);
    await clearOwnSeats(session, { path: zk.path, writerId: candidate.writerId }, signal);
    const about = JSON.stringify({ writerId: candidate.writerId, host, pid: process.pid });
    const own = await session.createEphemeralSequential(
      `${at(zk.path)}${candidate.writerId}-`,
      new TextEncoder().encode(about),
      signal,
    );
    await reachFront(session, { path: zk.path, own, onStandby: candidate.onStandby }, signal);
    const node = await session.stat(own, signal);
    if (!node) throw new ZooKeeperError(`${zk.name}: ${own} is gone`);
    return takeOffice(session, { own, epoch: epochOf(node.czxid, zk) });
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Waits until no node is before ours. */
async function reachFront(
  session: ZooKeeper,
  { path, own, onStandby }: { path: string; own: string; onStandby: (why: string) => void },
  signal: AbortSignal,
): Promise<void> {
  let wake = (): void => undefined;
  const onChange = (): void => wake();
  for (;;) {
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const seats = seatsOf(await session.children(path, signal));
    const mine = seats.findIndex(({ name }) => own === `${at(path)}${name}`);
    if (mine === -1) throw new ZooKeeperError(`${session.name}: ${own} is gone`);
    const [writer, before] = [seats[0], seats[mine - 1]];
    if (!writer || !before) return;
    if (!(await session.stat(`${at(path)}${before.name}`, signal, onChange))) continue;
    onStandby(await describeWriter(session, `${at(path)}${writer.name}`, { writer, signal }));
    await wakened(changed, { signal, over: session.over });
  }
}

/** The office, from now until the session may be over on the server or the node is gone. */
function takeOffice(session: ZooKeeper, { own, epoch }: { own: string; epoch: number }): Term {
  const office: OpenTerm = openTerm(
    { epoch, why: `first in line at ${session.name}`, leftMs: session.leftMs },
    async () => {
      clearInterval(timer);
      await session.close();
    },
  );
  const check = (): void => {
    const look = async (): Promise<void> => {
      if (!(await session.stat(own, session.over, check)))
        office.end(new ElectionError(`${session.name}: ${own} was removed`));
    };
    // A check that fails says nothing; the session's end does.
    if (!office.term.signal.aborted) look().catch(() => undefined);
  };
  const timer = setInterval(check, LOOK_AGAIN_MS);
  session.over.addEventListener('abort', () => office.end(session.over.reason), { once: true });
  if (session.over.aborted) office.end(session.over.reason);
  office.term.signal.addEventListener('abort', () => void office.term.resign(), { once: true });
  check();
  return office.term;
}

/** Removes what a run of this agent before left: its session ended with it, and may last a while on the server. */
async function clearOwnSeats(
  session: ZooKeeper,
  { path, writerId }: { path: string; writerId: string },
  signal: AbortSignal,
): Promise<void> {
  for (const seat of seatsOf(await session.children(path, signal))) {
    if (seat.writerId === writerId) await session.remove(`${at(path)}${seat.name}`, signal);
  }
}

async function describeWriter(
  session: ZooKeeper,
  path: string,
  { writer, signal }: { writer: Seat; signal: AbortSignal },
): Promise<string> {
  const about = new TextDecoder().decode(await session.read(path, signal));
  const host = /"host":"([^"\\]{1,255})"/.exec(about)?.[1];
  return `writer ${shortId(writer.writerId)}${host === undefined ? '' : ` on ${host}`} is first in line at ${session.name}`;
}

/** By sequence, the lowest first; children that are no agent's are left out. */
function seatsOf(children: readonly string[]): Seat[] {
  return children
    .flatMap((name): Seat[] => {
      const { writerId, sequence } = SEQUENCE.exec(name)?.groups ?? {};
      return writerId === undefined ? [] : [{ name, writerId, sequence: Number(sequence) }];
    })
    .toSorted((a, b) => a.sequence - b.sequence);
}

function epochOf(czxid: bigint, zk: ZooKeeperUrl): number {
  if (czxid <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(czxid);
  throw new ElectionError(
    `${zk.name} has elected its own leader too often (zxid ${czxid}): make a new ensemble`,
  );
}

/** The beginning of a child's path. */
function at(path: string): string {
  return path === '/' ? '/' : `${path}/`;
}

/** Resolves at a change, and after a while; throws the reason of the signal or of the session's end. */
async function wakened(
  changed: Promise<void>,
  { signal, over }: { signal: AbortSignal; over: AbortSignal },
): Promise<void> {
  const stop = AbortSignal.any([signal, over]);
  stop.throwIfAborted();
  let cleanUp = (): void => undefined;
  const either = new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(stop.reason);
    const timer = setTimeout(resolve, LOOK_AGAIN_MS);
    stop.addEventListener('abort', fail);
    cleanUp = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', fail);
    };
  });
  await Promise.race([changed, either]).finally(cleanUp);
}
