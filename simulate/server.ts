import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { constants, createGzip, gzipSync } from 'node:zlib';
import type { ClusterChange, SimulatedCluster } from './cluster.ts';
import { createRandom } from './random.ts';
import { authority, type MasterAddress, MESOS_BUILD, stateChunks } from './state.ts';

export const DEFAULT_PORT = 5050;
/** Churn comes in batches at this interval where there is more of it than timers can serve. */
const LEAST_CHURN_INTERVAL_MS = 50;
const STATE_PATHS: ReadonlySet<string> = new Set([
  '/state',
  '/state.json',
  '/master/state',
  '/master/state.json',
]);
const JSON_TYPE = 'application/json';
const REDIRECT_PATHS: ReadonlySet<string> = new Set(['/redirect', '/master/redirect']);

/** What every master answers, whoever leads. */
const LOCAL_REPLIES: ReadonlyMap<string, Reply> = new Map([
  ['/health', { status: 200 }],
  ['/master/health', { status: 200 }],
  ['/version', { status: 200, headers: { 'content-type': JSON_TYPE }, body: JSON.stringify(MESOS_BUILD) }],
]);

/** What a master does in place of answering as it should, for tests of those who ask it. */
export type Fault =
  /** Takes the request and never answers; with `afterLength`, stops within the body of a state. */
  | { readonly kind: 'stall'; readonly afterLength?: number }
  /** Closes the connection within the body of a state, after that many characters of JSON. */
  | { readonly kind: 'cut'; readonly afterLength: number }
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  /** Answers 200 with this in place of the state. */
  | { readonly kind: 'body'; readonly body: string | Uint8Array; readonly contentType?: string };

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
  /** A leader that is still recovering answers 503, until told otherwise. */
  readonly recover: (recovering: boolean) => void;
  /** Sets or clears (undefined) the fault of one master, or of all. */
  readonly fault: (fault: Fault | undefined, master?: number) => void;
  /** Closes all connections and ports at once. Also what `signal` does. */
  readonly close: () => Promise<void>;
};

/** What all masters know of each other, and what a test did to them. */
type Quorum = {
  readonly options: MastersOptions;
  readonly masters: MasterAddress[];
  readonly faults: Map<number, Fault | undefined>;
  leader: number | undefined;
  electedSeconds: number;
  isRecovering: boolean;
};

type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};

/**
 * Starts the masters of a simulated cluster, each on a port of its own; the first leads. They answer as Mesos
 * does (apache/mesos `src/master/http.cpp`): the leader its state, the others a redirect to it. Rejects with
 * an `Error` that names the port if one is taken, having closed what it had opened.
 */
export async function startSimulatedMasters(options: MastersOptions): Promise<SimulatedMasters> {
  const { cluster, port = DEFAULT_PORT, masters: count = 1, host = '127.0.0.1', now, signal } = options;
  const { hostname = host } = options;
  const quorum: Quorum = {
    options,
    masters: [],
    faults: new Map(),
    leader: 0,
    electedSeconds: now() / 1_000,
    isRecovering: false,
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
      const server = createServer((request, response) => answer(quorum, { index, request, response }));
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

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

type Exchange = {
  readonly index: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

function answer(quorum: Quorum, { index, request, response }: Exchange): void {
  quorum.options.onRequest?.(request, index);
  const fault = quorum.faults.get(index);
  if (fault?.kind === 'stall' && fault.afterLength === undefined) return;
  const reply = replyOf(quorum, { index, request, response });
  if (reply !== 'state') {
    sendReply(response, reply);
    return;
  }
  const master = quorum.masters[index];
  if (master === undefined) throw new RangeError(`no master ${index}`);
  const electedSeconds = quorum.electedSeconds;
  const chunks = stateChunks(quorum.options.cluster.snapshot(), { ...master, electedSeconds });
  sendState(response, { chunks, isGzip: admitsGzip(request.headers['accept-encoding']), fault });
}

/** Which answer a request gets; `state` stands for the state itself, which is too large for a reply. */
function replyOf(quorum: Quorum, { index, request }: Exchange): Reply | 'state' {
  const { url = '/', method = 'GET' } = request;
  const path = url.split('?', 1)[0] ?? '/';
  const fault = quorum.faults.get(index);
  if (fault?.kind === 'status') return { status: fault.status, body: fault.body ?? '' };
  const isState = STATE_PATHS.has(path);
  const isRedirect = REDIRECT_PATHS.has(path);
  if (!isState && !isRedirect && !LOCAL_REPLIES.has(path)) return { status: 404 };
  if (method !== 'GET' && method !== 'HEAD') {
    const body = `Expecting one of { 'GET', 'HEAD' }, but received '${method}'.`;
    return { status: 405, headers: { allow: 'GET, HEAD' }, body };
  }
  if (isRedirect) return redirectTo(quorum, '');
  if (!isState) return LOCAL_REPLIES.get(path) ?? { status: 404 };
  if (quorum.leader !== index) return redirectTo(quorum, url);
  if (quorum.isRecovering) return { status: 503, body: 'Master has not finished recovery' };
  if (fault?.kind !== 'body') return 'state';
  return { status: 200, headers: { 'content-type': fault.contentType ?? JSON_TYPE }, body: fault.body };
}

/** To the leader, without a scheme: Mesos leaves that to the client (RFC 3986 §4.2). */
function redirectTo({ masters, leader }: Quorum, path: string): Reply {
  const master = leader === undefined ? undefined : masters[leader];
  if (master === undefined) return { status: 503, body: 'No leader elected' };
  return { status: 307, headers: { location: `//${authority(master.hostname, master.port)}${path}` } };
}

function sendReply(response: ServerResponse, { status, headers, body = '' }: Reply): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

type StateParts = {
  readonly chunks: Iterable<string>;
  readonly isGzip: boolean;
  readonly fault: Fault | undefined;
};

function sendState(response: ServerResponse, { chunks, isGzip, fault }: StateParts): void {
  response.writeHead(200, { 'content-type': JSON_TYPE, ...(isGzip ? { 'content-encoding': 'gzip' } : {}) });
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  if (fault?.kind === 'cut' || fault?.kind === 'stall') {
    const bytes = firstBytes(chunks, { length: fault.afterLength ?? 0, isGzip });
    // Cut only once the bytes are on their way, or the client would see no body at all.
    response.write(bytes, () => (fault.kind === 'cut' ? response.destroy() : undefined));
    return;
  }
  const source = Readable.from(chunks, { objectMode: false });
  // A client that goes away ends its answer; nobody else waits for it.
  const done = () => undefined;
  if (isGzip) pipeline(source, createGzip({ level: constants.Z_BEST_SPEED }), response, done);
  else pipeline(source, response, done);
}

/** The beginning of a state, as it would be on the wire if it went on. */
function firstBytes(
  chunks: Iterable<string>,
  { length, isGzip }: { length: number; isGzip: boolean },
): Uint8Array {
  let text = '';
  for (const chunk of chunks) {
    text += chunk;
    if (text.length >= length) break;
  }
  const bytes = Buffer.from(text.slice(0, length));
  return isGzip ? gzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : bytes;
}

/** Does `Accept-Encoding` (RFC 9110 §12.5.3) admit gzip? As in libprocess, silence does not. */
function admitsGzip(header: string | string[] | undefined): boolean {
  const weights = new Map<string, number>();
  for (const part of String(header ?? '').split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase());
    const weight = parameters.find((each) => each.startsWith('q='))?.slice(2);
    weights.set(coding, weight === undefined ? 1 : Number(weight));
  }
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}

export type ChurnOptions = {
  readonly cluster: SimulatedCluster;
  readonly perSecond: number;
  /** Milliseconds since 1970, as `Date.now`. */
  readonly now: () => number;
  readonly onChange?: (changes: readonly ClusterChange[]) => void;
  readonly signal: AbortSignal;
};

/** Changes a cluster at random, so often on average, until `signal` aborts. */
export function startChurn({ cluster, perSecond, now, onChange, signal }: ChurnOptions): void {
  if (!Number.isFinite(perSecond) || perSecond < 0) throw new RangeError(`no churn of ${perSecond} a second`);
  if (signal.aborted || perSecond === 0) return;
  let owed = 0;
  let lastMs = now();
  const tick = () => {
    const nowMs = now();
    const elapsedSeconds = Math.max(0, nowMs - lastMs) / 1_000;
    lastMs = nowMs;
    // A machine that slept has no hours of churn to make up for: one second of it at most.
    owed = Math.min(owed + elapsedSeconds * perSecond, Math.max(1, perSecond));
    const due = Math.floor(owed);
    owed -= due;
    if (due > 0) onChange?.(cluster.churn(due, { atSeconds: nowMs / 1_000 }));
  };
  const timer = setInterval(tick, Math.min(Math.max(250 / perSecond, LEAST_CHURN_INTERVAL_MS), 1_000));
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
