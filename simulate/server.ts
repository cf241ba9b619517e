import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { answer } from './answer.ts';
import type { SimulatedCluster } from './cluster.ts';
import type { Fault, Quorum } from './quorum.ts';
import { createRandom } from './random.ts';
import { authority } from './state.ts';

/** Mesos's own. */
export const DEFAULT_PORT = 5050;

export type MastersOptions = {
  readonly cluster: SimulatedCluster;
  /** Of the first master, the others follow it; 0 for any free ports. */
  readonly port?: number;
  readonly masters?: number;
  readonly host?: string;
  /** The name in redirects and `leader_info`, if it isn't `host`: in real clusters often unknown outside. */
  readonly hostname?: string;
  /** Milliseconds since 1970, as `Date.now`. */
  readonly now: () => number;
  readonly onRequest?: (request: IncomingMessage, master: number) => void;
  readonly signal: AbortSignal;
};

export type SimulatedMasters = {
  /** Base URLs without a final slash, in order. */
  readonly urls: readonly string[];
  readonly ports: readonly number[];
  /** Which master leads, by index; undefined while none does. */
  readonly leader: number | undefined;
  /** Elects another leader, or none. */
  readonly lead: (master: number | undefined) => void;
  /**
   * Elects another leader (the next master unless told which), which answers at once and knows what has come back
   * to it: see `afterFailover`.
   */
  readonly failover: (options: FailoverOptions) => void;
  /** A leader that is still recovering answers 503, until told otherwise. */
  readonly recover: (recovering: boolean) => void;
  /** Sets or clears (undefined) the fault of one master, or of all. */
  readonly fault: (fault: Fault | undefined, master?: number) => void;
  /** Closes all connections and ports at once. Also what `signal` does. */
  readonly close: () => Promise<void>;
};

type FailoverOptions = { readonly to?: number; readonly agentsReturnOverSeconds: number };

/**
 * Starts the masters of a simulated cluster, each on a port of its own; the first leads. They answer as Mesos
 * does (apache/mesos `src/master/http.cpp`): the leader its state, the others a redirect to it. Rejects with
 * an `Error` that names the port if one is taken, having closed what it had opened.
 */
export async function startSimulatedMasters(options: MastersOptions): Promise<SimulatedMasters> {
  const { cluster, port = DEFAULT_PORT, masters: count = 1, host = '127.0.0.1' } = options;
  const { hostname = host, now, onRequest, signal } = options;
  const quorum: Quorum = {
    cluster,
    masters: [],
    faults: new Map(),
    leader: 0,
    electedSeconds: now() / 1_000,
    isRecovering: false,
    failover: undefined,
    now,
  };
  // The same numbers as the cluster's: the first master is the one in the ids of its agents and frameworks.
  const random = createRandom(cluster.seed);
  const servers: Server[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    signal.removeEventListener('abort', close);
    closing ??= Promise.all(servers.map(closeServer)).then(() => undefined);
    return closing;
  };

  try {
    for (let index = 0; index < count; index++) {
      const server = createServer((request, response) => {
        onRequest?.(request, index);
        answer(quorum, { index, request, response });
      });
      const taken = await listen(server, { host, port: port === 0 ? 0 : port + index, signal });
      servers.push(server);
      quorum.masters.push({ id: random.uuid(), ip: host, port: taken, hostname });
    }
    signal.throwIfAborted();
  } catch (error) {
    await close();
    throw error;
  }
  signal.addEventListener('abort', close, { once: true });
  return {
    urls: quorum.masters.map((master) => `http://${authority(host, master.port)}`),
    ports: quorum.masters.map((master) => master.port),
    get leader() {
      return quorum.leader;
    },
    lead: (master) => {
      quorum.leader = checkIndex(quorum, master);
      quorum.electedSeconds = now() / 1_000;
    },
    failover: ({ to = ((quorum.leader ?? -1) + 1) % count, agentsReturnOverSeconds }) => {
      quorum.leader = checkIndex(quorum, to);
      quorum.failover = { atMs: now(), agentsReturnOverSeconds };
      quorum.electedSeconds = now() / 1_000;
    },
    recover: (isRecovering) => {
      quorum.isRecovering = isRecovering;
    },
    fault: (fault, master) => {
      checkIndex(quorum, master);
      for (const index of quorum.masters.keys()) {
        if (master === undefined || master === index) quorum.faults.set(index, fault);
      }
    },
    close,
  };
}

function checkIndex(quorum: Quorum, master: number | undefined): number | undefined {
  if (master === undefined || quorum.masters[master] !== undefined) return master;
  throw new RangeError(`no master ${master} among ${quorum.masters.length}`);
}

type ListenParts = { readonly host: string; readonly port: number; readonly signal: AbortSignal };

/** Resolves with the port that was taken, which for port 0 is known only now. */
async function listen(server: Server, { host, port, signal }: ListenParts): Promise<number> {
  try {
    signal.throwIfAborted();
    server.listen({ host, port });
    await once(server, 'listening', { signal });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP port');
    return address.port;
  } catch (cause) {
    server.close();
    signal.throwIfAborted();
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const reason = isTaken ? 'the port is taken' : String(cause);
    throw new Error(`a simulated master can't listen on ${authority(host, port)}: ${reason}`, { cause });
  }
}

/** At once, whatever clients hold open. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
