import { createServer } from 'node:http';
import { createCluster } from '../simulate/cluster.ts';
import { stateChunks } from '../simulate/state.ts';

/** Serves one rendered state again and again, so that only the reader works while it is timed. */
const tasks = Number(process.argv[2]);
const cluster = createCluster({ seed: 1, agents: Math.max(1, Math.round(tasks / 40)), tasks });
const master = { id: 'bench', ip: '127.0.0.1', port: 5050, hostname: 'localhost', electedSeconds: 0 };
const body = Buffer.from([...stateChunks(cluster.snapshot(), master)].join(''));
// A reader busy for longer than the usual 5 s would find its connection closed.
const server = createServer({ keepAliveTimeout: 60_000 }, (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}`, octets: body.length })}\n`);
});
