import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { onTestFinished } from 'vitest';
import { createHttp, type Http } from '../../../sync-agent/http.ts';

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
