import { createServer } from 'node:http';

export type MetricsServer = { readonly port: number; readonly close: () => void };

/** `/metrics` (Prometheus text) and `/healthz` on loopback, for who asks by a loopback name. Rejects for a port that is taken. */
export function startMetricsServer({
  port,
  metrics,
  problem,
}: {
  readonly port: number;
  readonly metrics: () => string;
  /** Why nothing can be answered now, if so. */
  readonly problem: () => string | undefined;
}): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (!LOOPBACK_HOST.test(request.headers.host ?? '')) {
      response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' });
      return response.end('ask for 127.0.0.1, localhost or [::1]\n');
    }
    const path = request.url?.split('?', 1)[0];
    if (path === '/metrics') {
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      return response.end(metrics());
    }
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    if (path !== '/healthz') return response.writeHead(404).end('there are /metrics and /healthz\n');
    const why = problem();
    return response.writeHead(why === undefined ? 200 : 503).end(`${why ?? 'ok'}\n`);
  });
  server.maxConnections = MOST_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : port,
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

const MOST_CONNECTIONS = 16;
/** A page of another name that was made to point here (DNS rebinding) sends that name. */
const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1])(?::\d{1,5})?$/i;
