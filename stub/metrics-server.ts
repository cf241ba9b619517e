import { createServer } from 'node:http';

export type MetricsServer = { readonly port: number; readonly close: () => void };

/** `/metrics` (Prometheus text) and `/healthz` on loopback. Rejects for a port that is taken. */
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
