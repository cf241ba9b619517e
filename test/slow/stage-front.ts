import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';

/**
 * TLS of another name before an edge, run inside a stage's network. Arguments: the edge's port, and PEM files of the
 * key and the certificate. Says `frontPort N` when it listens on 127.0.0.1.
 */
const [, , edgePort = '', key = '', cert = ''] = process.argv;

const front = createServer(
  { key: readFileSync(key), cert: readFileSync(cert), ALPNProtocols: ['h2', 'http/1.1'] },
  (client) => {
    const protocol = typeof client.alpnProtocol === 'string' ? client.alpnProtocol : 'http/1.1';
    // What is tried is the way here; the edge's own certificate is tried elsewhere.
    const edge = connect({
      ...{ host: '127.0.0.1', port: Number(edgePort), servername: 'localhost' },
      ...{ rejectUnauthorized: false, ALPNProtocols: [protocol] },
    });
    client.pipe(edge).pipe(client);
    client.on('error', () => edge.destroy());
    edge.on('error', () => client.destroy());
  },
);
front.listen(0, '127.0.0.1', () => {
  const address = front.address();
  if (typeof address === 'object' && address !== null) process.stdout.write(`frontPort ${address.port}\n`);
});
