import { createServer, type RequestListener, type Server } from 'node:http';
import type { AgentFacts, AgentState } from './agent-state.ts';
import { ConfigError } from './config.ts';
import { renderMetrics } from './metrics.ts';

/** An agent's HTTP server for people, supervisors, Prometheus and the other agents. It changes nothing. */
export type Monitor = {
  /** `http://127.0.0.1:9153`, with the port it has got. */
  readonly url: string;
  readonly close: () => Promise<void>;
};

export type MonitorOptions = {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly state: Pick<AgentState, 'facts'>;
};

/** What `/healthz` says. Ages in seconds; null: not known, or not yet. */
export type Health = {
  readonly role: AgentFacts['role'];
  readonly why: string | null;
  readonly writerId: string;
  readonly election: string;
  readonly epoch: number | null;
  readonly serial: number | null;
  readonly lastReadAgeSeconds: number | null;
  readonly lastPushAgeSeconds: number | null;
  readonly heldNames: number;
  /** `pinned`: a rollback stands, the cluster is not published. */
  readonly mode: 'live' | 'pinned';
};

const MAX_CONNECTIONS = 64;
const REQUEST_LIMIT_MS = 10_000;

/** Starts listening. Throws `ConfigError` where it can't. */
export async function createMonitor({ host, port, state }: MonitorOptions): Promise<Monitor> {
  const server = createServer(
    { requestTimeout: REQUEST_LIMIT_MS, keepAliveTimeout: REQUEST_LIMIT_MS },
    answer(state),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, { host, port });
  const address = server.address();
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${typeof address === 'object' && address ? address.port : port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function healthOf(facts: AgentFacts): Health {
  return {
    role: facts.role,
    why: facts.roleWhy ?? null,
    writerId: facts.writerId,
    election: facts.election,
    epoch: facts.epoch ?? null,
    serial: facts.serial ?? null,
    lastReadAgeSeconds: rounded(facts.lastReadAgeSeconds),
    lastPushAgeSeconds: rounded(facts.lastPushAgeSeconds),
    heldNames: facts.heldNames,
    mode: facts.pinnedSerial === undefined ? 'live' : 'pinned',
  };
}

/** Has it come to what it is for: publishing, or standing by? */
function isReady({ role, lastPushAgeSeconds }: AgentFacts): boolean {
  return role === 'standby' || (role === 'writer' && lastPushAgeSeconds !== undefined);
}

function answer(state: MonitorOptions['state']): RequestListener {
  return (request, response) => {
    const send = (status: number, type: string, body: string, more: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...more });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const text = (status: number, body: string, more?: Record<string, string>): void =>
      send(status, 'text/plain; charset=utf-8', `${body}\n`, more);
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
    const facts = state.facts();
    switch (request.url?.replace(/\?.*$/, '')) {
      case '/healthz':
        return send(200, 'application/json', `${JSON.stringify(healthOf(facts))}\n`);
      case '/readyz':
        return isReady(facts) ? text(200, 'ready') : text(503, 'nothing has been published yet');
      case '/metrics':
        return send(200, 'text/plain; version=0.0.4; charset=utf-8', renderMetrics(facts));
      default:
        return text(404, 'there are /healthz, /readyz and /metrics');
    }
  };
}

function rounded(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Math.round(seconds * 10) / 10;
}

const BIND_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has that port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'that port needs rights this process does not have',
};

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new ConfigError(`metrics: can not listen on ${host} port ${port}: ${BIND_ERRORS[code] ?? code}`, {
      cause,
    });
  }
}
