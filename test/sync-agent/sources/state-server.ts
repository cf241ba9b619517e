import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import { createHttp, type Http } from '../../../sync-agent/http.ts';
import { createListFinder } from '../../../sync-agent/masters/list-finder.ts';
import { createMesosStateSource } from '../../../sync-agent/sources/mesos-state.ts';
import { type Source, SourceError } from '../../../sync-agent/sources/source.ts';
import { createCluster } from '../../../simulate/cluster.ts';
import { type SimulatedMasters, startSimulatedMasters } from '../../../simulate/server.ts';

const signal = new AbortController().signal;

/** What simulated masters tell of. */
export const cluster = createCluster({ seed: 7, agents: 4, tasks: 60 });

/** A server on loopback whose answers the test gives; `requests` has method and URL of each, in order. */
export async function startServer(answer: RequestListener): Promise<{
  readonly origin: string;
  readonly port: number;
  readonly requests: string[];
  readonly headers: IncomingMessage['headers'][];
  readonly close: () => Promise<void>;
}> {
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    headers.push(request.headers);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): Promise<void> => closeServer(server);
  onTestFinished(close);
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return { origin: `http://127.0.0.1:${address.port}`, port: address.port, requests, headers, close };
}

/** A port on loopback where nobody listens. */
export async function deadPort(): Promise<number> {
  const { port, close } = await startServer(() => undefined);
  await close();
  return port;
}

/** The agent's HTTP, closed with the test. */
export function openHttp(): Http {
  const http = createHttp({ connectTimeoutMs: 1000 });
  onTestFinished(() => http.close());
  return http;
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** Simulated masters, closed with the test; `asked` has index and path of each request. */
export async function startMasters(count: number): Promise<{ masters: SimulatedMasters; asked: string[] }> {
  const asked: string[] = [];
  const onRequest = ({ url }: IncomingMessage, master: number): void => void asked.push(`${master} ${url}`);
  const masters = await startSimulatedMasters({
    cluster,
    port: 0,
    masters: count,
    now: Date.now,
    onRequest,
    signal,
  });
  onTestFinished(() => masters.close());
  return { masters, asked };
}

/** The source of masters' states under test. */
export function sourceOf(
  masters: readonly string[],
  limits: { timeoutMs?: number; maxOctets?: number } = {},
): Source<ClusterState> {
  const urls = masters.map((url) => new URL(url));
  return createMesosStateSource({
    finder: createListFinder(urls),
    http: openHttp(),
    timeoutMs: 5000,
    maxOctets: 1024 * 1024,
    ...limits,
  });
}

/** A small state that master `self` gives, with `leader` as the leading one, both by port. */
export function stateOf(self: number | undefined, leader: number | undefined, more: object = {}): string {
  const pidOf = (port: number | undefined): object =>
    port === undefined ? {} : { pid: `master@127.0.0.1:${port}` };
  return JSON.stringify({
    ...pidOf(self),
    ...(leader !== undefined && { leader: `master@127.0.0.1:${leader}` }),
    frameworks: [{ name: `said by ${self}`, hostname: '', ...more }],
  });
}

/** A master that knows its state by one path alone. */
export function answerAt(path: string): RequestListener {
  return (request, response) => {
    const port = request.socket.localPort;
    if (request.url === path) response.end(stateOf(port, port));
    else response.writeHead(404).end();
  };
}

export function redirect(response: Parameters<RequestListener>[1], location: string | undefined): void {
  response.writeHead(307, location === undefined ? {} : { location }).end();
}

export async function failureOf(source: Source<unknown>): Promise<SourceError> {
  const error = await source
    .read(() => undefined, signal)
    .then(
      () => expect.unreachable('a state was given'),
      (caught: unknown) => caught,
    );
  if (error instanceof SourceError) return error;
  throw error;
}
