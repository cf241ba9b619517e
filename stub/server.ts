import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { nameFromWire, nameToWire, parseName } from '../zone/name.ts';
import type { InheritedSocket } from './activation.ts';
import { createAddresses } from './addresses.ts';
import { createAsker } from './asker.ts';
import { createReplyCache } from './cache.ts';
import { type ConnectionChange, createConnection } from './connection.ts';
import { dial } from './dial.ts';
import { isLoopback } from './doh-url.ts';
import { createFlights } from './flights.ts';
import type { Log } from './log.ts';
import { createCounts, type Gauges } from './metrics.ts';
import { startMetricsServer } from './metrics-server.ts';
import { askPlain, type PlainServer } from './other.ts';
import { createResolver } from './resolver.ts';
import type { Settings } from './settings.ts';
import { listenTcp } from './tcp.ts';
import { type Listener, listenUdp } from './udp.ts';
import { createUpstream } from './upstream.ts';

/** A stub that runs. */
export type Stub = {
  readonly listeners: readonly {
    readonly transport: 'udp' | 'tcp';
    readonly address: string;
    readonly port: number;
  }[];
  readonly metricsPort: number | undefined;
  /** Takes no more questions, answers those under way for up to a second, and is gone. */
  readonly close: () => Promise<void>;
};

export type StubOptions = {
  readonly settings: Settings;
  /** What the files named in the settings hold. */
  readonly token: string | undefined;
  readonly ca: string | undefined;
  readonly inherited: readonly InheritedSocket[];
  readonly log: Log;
};

const CACHE_OCTETS = 8 << 20;
/** Of one question many may wait for the one answer. */
const ASKERS_A_QUESTION = 4;
const CLOSE_MS = 1_000;

/** Throws an `Error` that says what to do where a place to listen is taken or not ours. */
export async function startStub({ settings, token, ca, inherited, log }: StubOptions): Promise<Stub> {
  const { url, zones, other } = settings;
  const counts = createCounts();
  const addresses = await createAddresses({
    hostname: url.hostname,
    pinned: settings.bootstrap,
    lookup: async (hostname) =>
      (await lookup(hostname, { all: true, order: 'verbatim' })).map(({ address }) => address),
    stateDir: settings.stateDir,
    now: () => performance.now(),
    warn: (message) => log('warn', message),
  });
  const authorization = token === undefined ? undefined : `Bearer ${token}`;
  const connection = createConnection({
    dial: () => dial({ url, addresses, authorization, ca }),
    onChange: (change) => tellChange(change, url.origin, log),
    random: Math.random,
  });
  /** A wrong token is told once, until there is an answer again. */
  let isDeniedTold = false;
  const upstream = createUpstream({
    connection,
    onAnswer: () => {
      isDeniedTold = false;
    },
    onError: (error) => {
      counts.upstreamError(error.kind);
      if (error.kind !== 'denied' || isDeniedTold) return;
      isDeniedTold = true;
      log('error', error.message, { server: url.origin });
    },
  });
  const cache = createReplyCache({ entries: settings.cacheEntries, octets: CACHE_OCTETS }, Date.now);
  const flights = createFlights<import('./cache.ts').KeptReply>({
    questions: settings.questions,
    askers: settings.questions * ASKERS_A_QUESTION,
  });
  const resolver = createResolver({
    upstream,
    dohHost: isIP(url.hostname) === 0 ? nameToWire(parseName(url.hostname)) : undefined,
    zones: zones.map(({ wire }) => wire),
    other: other && { ask: (query) => askPlain(other, query) },
    cache,
    flights,
    now: Date.now,
    onMismatch: () => counts.upstreamError('mismatch'),
  });
  const asker = createAsker({
    resolver,
    counts,
    onAnswered: settings.logQueries
      ? (query, { outcome, reply }, elapsedMs) =>
          log('info', 'answered', {
            name: nameFromWire(query.name),
            type: query.type,
            rcode: reply.rcode,
            outcome,
            elapsedMs: Math.round(elapsedMs * 10) / 10,
          })
      : undefined,
  });

  const udp: Listener[] = [];
  const tcp: TcpListener[] = [];
  const closeAll = (): void => {
    for (const listener of [...udp, ...tcp]) listener.close();
    connection.close();
  };
  try {
    for (const socket of inherited) {
      if (socket.transport === 'udp') udp.push(await listenUdp(socket, { asker, counts }));
      else tcp.push(await listenTcp(socket, { asker, counts }));
    }
    for (const place of inherited.length > 0 && !settings.isListenSaid ? [] : settings.listen) {
      const bound = await listenBoth(place, { asker, counts }).catch(unbound(place));
      udp.push(bound.udp);
      tcp.push(bound.tcp);
    }
    refuseRemote([...udp, ...tcp], settings.allowRemote, log);
    const gauges = (): Gauges => ({
      isUp: connection.isUp(),
      isDown: upstream.failsBecause() !== undefined,
      connections: connection.opened(),
      questionsUnderWay: flights.running(),
      cacheEntries: cache.entries(),
      cacheOctets: cache.octets(),
      tcpConnections: tcp.reduce((sum, { connections }) => sum + connections(), 0),
    });
    const metrics =
      settings.metricsPort === undefined
        ? undefined
        : await startMetricsServer({
            port: settings.metricsPort,
            metrics: () => counts.text(gauges()),
            problem: () => upstream.failsBecause()?.message,
          }).catch(unbound({ address: '127.0.0.1', port: settings.metricsPort }, '--metrics'));
    // The first question finds the connection there, and what is wrong is said before it.
    connection.channel().catch(() => undefined);
    return {
      listeners: [
        ...udp.map((each) => ({ ...each, transport: 'udp' as const })),
        ...tcp.map((each) => ({ ...each, transport: 'tcp' as const })),
      ].map(({ transport, address, port }) => ({ transport, address, port })),
      metricsPort: metrics?.port,
      close: async () => {
        for (const listener of [...udp, ...tcp]) listener.stop();
        const until = performance.now() + CLOSE_MS;
        while (flights.waiting() > 0 && performance.now() < until)
          await new Promise((resolve) => setTimeout(resolve, 10));
        // What was answered last leaves with this turn of the loop.
        await new Promise((resolve) => setImmediate(resolve));
        metrics?.close();
        closeAll();
      },
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}

type TcpListener = Awaited<ReturnType<typeof listenTcp>>;

/** At one port. With port 0 that is one which UDP was given and which TCP has free, too: not always the first. */
async function listenBoth(
  place: PlainServer,
  side: Parameters<typeof listenUdp>[1],
): Promise<{ readonly udp: Listener; readonly tcp: TcpListener }> {
  for (let tries = 1; ; tries++) {
    const udp = await listenUdp(place, side);
    try {
      return { udp, tcp: await listenTcp({ ...place, port: udp.port }, side) };
    } catch (error) {
      udp.close();
      if (place.port !== 0 || tries === MOST_PORTS) throw error;
    }
  }
}

const MOST_PORTS = 8;

function tellChange(change: ConnectionChange, server: string, log: Log): void {
  if (change.kind === 'up') {
    const downSeconds = change.downMs > 0 ? Math.round(change.downMs / 1000) : undefined;
    return log('info', 'connected to the DoH server', { server, protocol: change.protocol, downSeconds });
  }
  log('warn', change.error.message, { server, cause: change.error.kind });
}

function unbound(place: { readonly address: string; readonly port: number }, flag = '--listen') {
  return (cause: unknown): never => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    const where = `${place.address} port ${place.port}`;
    if (code === 'EADDRINUSE')
      throw new Error(`${where} is taken by another program: choose another with ${flag}`, { cause });
    if (code === 'EACCES')
      throw new Error(
        `${where} is not allowed: ports below 1024 take CAP_NET_BIND_SERVICE or sockets from systemd`,
        { cause },
      );
    throw new Error(`can not listen at ${where} (${code}): choose another with ${flag}`, { cause });
  };
}

function refuseRemote(listeners: readonly Listener[], allowRemote: boolean, log: Log): void {
  const remote = listeners.find(({ address }) => !isLoopback(address));
  if (!remote) return;
  const what = `${remote.address} can be reached from other machines`;
  if (!allowRemote) throw new Error(`${what}: say --allow-remote if they shall ask with your token`);
  log('warn', `${what}: whoever reaches it asks with your token, and is an open resolver's user`, {
    port: remote.port,
  });
}
