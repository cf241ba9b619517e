import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Access } from './access.ts';
import { authority } from './address.ts';
import { answer } from './answer.ts';
import type { ClusterEvent } from './cluster-event.ts';
import type { SimulatedCluster } from './cluster.ts';
import { eventV1, toRecord } from './event-records.ts';
import type { Failover } from './failover.ts';
import type { Fault } from './fault.ts';
import { createLeaderView } from './leader-view.ts';
import { closeServer, listen } from './listen.ts';
import { DEFAULT_VERSION, featuresOf, parseVersion } from './mesos-version.ts';
import type { Quorum } from './quorum.ts';
import { createRandom } from './random.ts';
import type { MasterAddress } from './state.ts';
import { createSubscribers, DEFAULT_MAX_SUBSCRIBERS, type Subscribers } from './subscribers.ts';

/** Mesos's own. */
export const DEFAULT_PORT = 5050;
/** Mesos's own (apache/mesos `src/master/constants.hpp`). */
export const DEFAULT_HEARTBEAT_SECONDS = 15;
/** How often a leader looks for agents that came back to it. */
const RETURN_INTERVAL_MS = 250;

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
  /** How often a stream says HEARTBEAT; 15 unless told otherwise. */
  readonly heartbeatSeconds?: number;
  /** So many streams at once; the oldest makes way for one more. */
  readonly maxSubscribers?: number;
  /** Such as `1.4.0`, for what that release can't do. Throws `RangeError` for what is no version. */
  readonly mesosVersion?: string;
  /** Who may ask; anybody unless told otherwise. */
  readonly access?: Access;
  /** PEM texts: HTTPS and nothing else. */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    /** Whose certificates clients must have; without it they need none. */
    readonly clientCa?: string;
  };
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
  /** The leader's streams: how many are open, and what can be done to them. */
  readonly streams: Pick<Subscribers, 'count' | 'silence' | 'cut'>;
  /** What the leader says of itself and of the others; also what stands in ZooKeeper for each. */
  readonly addresses: readonly MasterAddress[];
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
  const stop = new AbortController();
  const quorum = createQuorum(options, stop.signal);
  const { view, subscribers } = quorum;
  // The same numbers as the cluster's: the first master is the one in the ids of its agents and frameworks.
  const random = createRandom(cluster.seed);
  const servers: Server[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    signal.removeEventListener('abort', close);
    stop.abort();
    closing ??= Promise.all(servers.map(closeServer)).then(() => undefined);
    return closing;
  };

  try {
    for (let index = 0; index < count; index++) {
      const server = createMasterServer(options, (request, response) => {
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
  const scheme = options.tls === undefined ? 'http' : 'https';
  const elect = (master: number | undefined, failover: Failover | undefined) => {
    // A master that stops leading ends (apache/mesos `Master::detected`), and its streams with it.
    subscribers.drop();
    quorum.leader = master;
    quorum.electedSeconds = now() / 1_000;
    if (failover !== undefined) view.restart(failover);
  };
  const timer = setInterval(() => view.isReturning() && view.advance(), RETURN_INTERVAL_MS);
  stop.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return {
    urls: quorum.masters.map((master) => `${scheme}://${authority(host, master.port)}`),
    ports: quorum.masters.map((master) => master.port),
    get leader() {
      return quorum.leader;
    },
    streams: subscribers,
    addresses: quorum.masters,
    lead: (master) => elect(checkIndex(quorum, master), undefined),
    failover: ({ to = ((quorum.leader ?? -1) + 1) % count, agentsReturnOverSeconds }) =>
      elect(checkIndex(quorum, to), { atMs: now(), agentsReturnOverSeconds }),
    recover: (isRecovering) => {
      // It has only just started: nobody listens to it yet.
      if (isRecovering) subscribers.drop();
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

/** What the masters share: the first leads, all its agents with it. */
function createQuorum(options: MastersOptions, signal: AbortSignal): Quorum {
  const { cluster, now, access = {}, mesosVersion: version = DEFAULT_VERSION } = options;
  const { heartbeatSeconds = DEFAULT_HEARTBEAT_SECONDS, maxSubscribers = DEFAULT_MAX_SUBSCRIBERS } = options;
  const features = featuresOf(parseVersion(version));
  const subscribers = createSubscribers({
    most: features.subscriberCap ? maxSubscribers : undefined,
    heartbeatMs: features.heartbeats ? heartbeatSeconds * 1_000 : undefined,
  });
  const { isConnected } = cluster;
  const onEvent = (event: ClusterEvent): void => {
    if (subscribers.count() === 0) return;
    const fields = eventV1(event, { version, features, isConnected });
    const isOfAgent = event.kind === 'agent-added' || event.kind === 'agent-removed';
    if (fields !== undefined)
      subscribers.send(toRecord(JSON.stringify(fields)), isOfAgent ? 'all' : 'seeing');
  };
  return {
    view: createLeaderView({ cluster, now, onEvent, signal }),
    subscribers,
    masters: [],
    faults: new Map(),
    access,
    version,
    features,
    heartbeatSeconds,
    leader: 0,
    electedSeconds: now() / 1_000,
    isRecovering: false,
  };
}

function createMasterServer({ tls }: MastersOptions, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  const { cert, key, clientCa: ca } = tls;
  const asksClients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return createTlsServer({ cert, key, ...asksClients }, listener);
}

function checkIndex(quorum: Quorum, master: number | undefined): number | undefined {
  if (master === undefined || quorum.masters[master] !== undefined) return master;
  throw new RangeError(`no master ${master} among ${quorum.masters.length}`);
}
