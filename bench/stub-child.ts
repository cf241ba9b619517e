import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { startStub } from '../stub/server.ts';
import { parseSettings } from '../stub/settings.ts';
import { openCertificateAuthority } from '../sync-agent/local/certificate-authority.ts';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One process of `bench/stub.ts`: `doh`, `echo`, or `stub URL CA-FILE CACHE-ENTRIES`. Says where it listens as JSON. */
const [kind = '', url = '', caFile = '', cache = ''] = process.argv.slice(2);
const say = (facts: object): void => void process.stdout.write(`${JSON.stringify(facts)}\n`);

if (kind === 'doh') await serveDoh();
else if (kind === 'echo') await serveEcho();
else await serveStub();

/** One A record with TTL 60 for whatever is asked, as cheaply as Node can. */
async function serveDoh(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-bench-ca-'));
  const authority = await openCertificateAuthority(directory, Date.now);
  const ca = await readFile(authority.certificateFile, 'utf8');
  await rm(directory, { recursive: true });
  const server = createSecureServer({ ...authority.issue(), settings: { maxConcurrentStreams: 256 } });
  const record = Buffer.from('c00c000100010000003c00040a010203', 'hex');
  server.on('stream', (stream) => {
    stream.on('data', (query: Buffer) => {
      let end = 12;
      while (query[end]) end += 1 + (query[end] ?? 0);
      const reply = Buffer.concat([query.subarray(0, end + 5), record]);
      reply.writeUInt16BE(0x8180, 2);
      reply.writeUInt16BE(1, 6);
      reply.writeUInt16BE(0, 10);
      stream.respond({ ':status': 200, 'content-type': 'application/dns-message' });
      stream.end(reply);
    });
    stream.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  say({ port: typeof address === 'object' && address !== null ? address.port : 0, ca });
}

async function serveEcho(): Promise<void> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: 1 << 20,
    lookup: (address, _, done) => done(null, address, 4),
  });
  socket.on('message', (octets, { address, port }) => socket.send(octets, port, address));
  // With a look-up that answers at once, it listens before `bind` returns.
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  say({ port: socket.address().port });
}

async function serveStub(): Promise<void> {
  const asked = parseSettings(['--url', url, '--listen', '127.0.0.1:0', '--cache', cache], {});
  if (asked.kind !== 'run') throw new Error('nothing to run');
  const ca = await readFile(caFile, 'utf8');
  const log = (level: string, message: string): void => {
    if (level !== 'info') process.stderr.write(`${message}\n`);
  };
  const stub = await startStub({ settings: asked.settings, token: undefined, ca, inherited: [], log });
  say({ port: stub.listeners[0]?.port });
}
