import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Account, isAdmitted } from './access.ts';
import { authority } from './address.ts';
import type { ClusterEvent } from './cluster-event.ts';
import type { SimulatedCluster } from './cluster.ts';
import { closeServer, listen } from './listen.ts';

/** How often Marathon's stream sends an empty line (Jetty's EventSourceServlet, `heartBeatPeriod`). */
const HEARTBEAT_MS = 10_000;
/** A stream with so many octets that nobody reads is given up. */
const MAX_UNREAD = 16_777_216;

type MarathonOptions = {
  readonly cluster: SimulatedCluster;
  /** 0 for any free port. */
  readonly port: number;
  readonly host?: string;
  /** Milliseconds since 1970, as `Date.now`. */
  readonly now: () => number;
  /** Who may listen; anybody unless told otherwise. */
  readonly accounts?: readonly Account[];
  readonly signal: AbortSignal;
};

export type SimulatedMarathon = {
  /** Base URL without a final slash. */
  readonly url: string;
  readonly subscribers: () => number;
  /** The open streams stay open and never say anything again; new ones do. */
  readonly silence: () => void;
  /** Closes all streams. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
};

type Listener = {
  readonly response: ServerResponse;
  /** Empty for all. */
  readonly types: ReadonlySet<string>;
  isSilent: boolean;
};

/**
 * Starts a Marathon that knows one thing: `GET /v2/events`, the event stream (mesosphere/marathon
 * `docs/docs/event-bus.md`), with what happens to the tasks of this cluster's Marathons. Rejects as
 * `startSimulatedMasters` does where the port is taken.
 */
export async function startSimulatedMarathon(options: MarathonOptions): Promise<SimulatedMarathon> {
  const { cluster, now, accounts, signal, host = '127.0.0.1' } = options;
  const listeners = new Set<Listener>();
  const stop = new AbortController();

  const write = (listener: Listener, text: string): void => {
    if (listener.isSilent || listener.response.destroyed) return;
    listener.response.write(text);
    if (listener.response.writableLength > MAX_UNREAD) listener.response.destroy();
  };
  const open = (request: IncomingMessage, response: ServerResponse): void => {
    const query = new URL(request.url ?? '/', 'http://marathon').searchParams;
    const listener: Listener = { response, types: new Set(query.getAll('event_type')), isSilent: false };
    response.writeHead(200, {
      'content-type': 'text/event-stream;charset=utf-8',
      'cache-control': 'no-cache',
    });
    response.flushHeaders();
    const { remoteAddress } = request.socket;
    write(listener, toEvent({ remoteAddress, eventType: 'event_stream_attached' }, now()));
    const timer = setInterval(() => write(listener, '\r\n'), HEARTBEAT_MS);
    listeners.add(listener);
    response.once('close', () => {
      clearInterval(timer);
      listeners.delete(listener);
    });
  };
  const server = createServer((request, response) => {
    const status = statusOf(request, accounts);
    if (status === 200) open(request, response);
    else response.writeHead(status, status === 401 ? CHALLENGE : {}).end();
  });
  const port = await listen(server, { host, port: options.port, signal });
  cluster.watch((event) => {
    if (listeners.size === 0) return;
    const fields = marathonEvent(event);
    if (fields === undefined) return;
    const text = toEvent(fields, now());
    for (const each of listeners) {
      if (each.types.size === 0 || each.types.has(fields.eventType)) write(each, text);
    }
  }, stop.signal);
  let closing: Promise<void> | undefined;
  const close = () => {
    signal.removeEventListener('abort', close);
    stop.abort();
    closing ??= closeServer(server);
    return closing;
  };
  signal.addEventListener('abort', close, { once: true });
  return {
    url: `http://${authority(host, port)}`,
    subscribers: () => listeners.size,
    silence: () => {
      for (const each of listeners) each.isSilent = true;
    },
    cut: () => {
      for (const { response } of listeners) response.destroy();
    },
    close,
  };
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="Mesosphere"' };

function statusOf({ url = '/', method, headers }: IncomingMessage, accounts: readonly Account[] | undefined) {
  if (accounts !== undefined && !isAdmitted(accounts, headers.authorization)) return 401;
  if (url.split('?', 1)[0] !== '/v2/events') return 404;
  if (method !== 'GET') return 405;
  return headers.accept?.includes('text/event-stream') ? 200 : 406;
}

type MarathonEvent = { readonly eventType: string } & Readonly<Record<string, unknown>>;

/** What Marathon makes of an event; undefined where no task of a Marathon is concerned. */
function marathonEvent(event: ClusterEvent): MarathonEvent | undefined {
  if (event.kind !== 'task-added' && event.kind !== 'task-updated') return undefined;
  const { task } = event;
  if (task.app.framework.kind !== 'marathon') return undefined;
  const ids = { appId: task.app.id, taskId: task.id, version: '2020-01-01T00:00:00.000Z' };
  if (event.kind === 'task-updated' && event.repeats) {
    return { ...ids, alive: event.status.healthy !== false, eventType: 'health_status_changed_event' };
  }
  return {
    ...ids,
    slaveId: task.agent.id,
    taskStatus: task.state,
    message: '',
    host: task.agent.hostname,
    ipAddresses: task.addresses.map((ipAddress) => ({
      ipAddress,
      protocol: ipAddress.includes(':') ? 'IPv6' : 'IPv4',
    })),
    ports: task.hostPorts,
    eventType: 'status_update_event',
  };
}

/** An event on the wire (HTML standard, server-sent events). */
function toEvent(fields: MarathonEvent, nowMs: number): string {
  const timestamp = new Date(nowMs).toISOString();
  return `event: ${fields.eventType}\ndata: ${JSON.stringify({ ...fields, timestamp })}\n\n`;
}
