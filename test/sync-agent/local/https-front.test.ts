import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { request as requestHttps } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type CertificateAuthority,
  openCertificateAuthority,
  type ServerCertificate,
} from '../../../sync-agent/local/certificate-authority.ts';
import { type FrontLimits, type HttpsFront, startHttpsFront } from '../../../sync-agent/local/https-front.ts';
import { type StandIn, startStandIn } from './worker-stand-in.ts';

type Reply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };
type Asked = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | string;
};
type Protocol = 'HTTP/1.1' | 'HTTP/2';

let directory: string;
let authority: CertificateAuthority;
let ca: string;
let worker: StandIn;
let front: HttpsFront;
const open = new Set<{ destroy: () => void }>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-front-'));
  authority = await openCertificateAuthority(directory, Date.now);
  ca = await readFile(authority.certificateFile, 'utf8');
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach(async () => {
  worker = await startStandIn();
});
afterEach(async () => {
  for (const client of open) client.destroy();
  open.clear();
  await front.close();
  await worker.close();
});

async function start(
  limits: Partial<FrontLimits> = {},
  { issue = authority.issue, now = Date.now }: { issue?: () => ServerCertificate; now?: () => number } = {},
): Promise<number> {
  front = await startHttpsFront({ port: 0, workerUrl: worker.url, issue, now, limits });
  return Number(new URL(front.url).port);
}

function session(): ClientHttp2Session {
  const client = connectHttp2(front.url, { ca });
  client.on('error', () => undefined);
  open.add(client);
  return client;
}

async function overHttp2(client: ClientHttp2Session, path: string, asked: Asked = {}): Promise<Reply> {
  const { method = 'GET', headers, body } = asked;
  const stream = client.request({ ':path': path, ':method': method, ...headers });
  stream.end(body);
  let received: IncomingHttpHeaders = {};
  stream.on('response', (names) => (received = names));
  const parts: Buffer[] = [];
  for await (const chunk of stream) parts.push(chunk);
  return { status: Number(received[':status']), headers: received, body: Buffer.concat(parts) };
}

async function overHttp1(path: string, { method = 'GET', headers, body }: Asked = {}): Promise<Reply> {
  const request = requestHttps(`${front.url}/`, { path, method, headers, ca, agent: false });
  request.on('error', () => undefined);
  request.end(body);
  const [response] = await once(request, 'response');
  const parts: Buffer[] = [];
  for await (const chunk of response) parts.push(chunk);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) };
}

function ask(protocol: Protocol, path: string, asked?: Asked): Promise<Reply> {
  return protocol === 'HTTP/2' ? overHttp2(session(), path, asked) : overHttp1(path, asked);
}

async function rawTls(port: number, protocols = ['http/1.1']): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, ALPNProtocols: protocols });
  socket.on('error', () => undefined);
  open.add(socket);
  await once(socket, 'secureConnect');
  return socket;
}

/** All that comes until the other side ends. */
async function untilEnd(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => parts.push(chunk));
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(parts).toString();
}

describe.each<Protocol>(['HTTP/2', 'HTTP/1.1'])('a request over %s', (protocol) => {
  it('reaches the Worker with method, path, headers and body, and its answer comes back', async () => {
    await start();
    const answer = Buffer.from(Array.from({ length: 600 }, (_, i) => i & 0xff));
    worker.answerWith((_, response) => {
      response.writeHead(200, { 'content-type': 'application/dns-message', 'cache-control': 'max-age=30' });
      response.end(answer);
    });
    const reply = await ask(protocol, '/t/x/dns-query?a=%2F&b', {
      method: 'POST',
      headers: { 'content-type': 'application/dns-message', authorization: 'Bearer x' },
      body: Uint8Array.of(0, 1, 255),
    });
    expect(reply).toMatchObject({ status: 200, body: answer });
    expect(reply.headers).toMatchObject({
      'content-type': 'application/dns-message',
      'cache-control': 'max-age=30',
    });
    const [seen] = worker.seen;
    expect(seen).toMatchObject({ method: 'POST', path: '/t/x/dns-query?a=%2F&b' });
    expect(seen?.body).toEqual(Buffer.of(0, 1, 255));
    expect(seen?.headers).toMatchObject({
      host: new URL(front.url).host,
      'x-forwarded-proto': 'https',
      'content-type': 'application/dns-message',
      'content-length': '3',
      authorization: 'Bearer x',
    });
  });

  it('leaves behind what belongs to the connection, and orders for Miniflare', async () => {
    await start();
    worker.answerWith((_, response) => {
      response.writeHead(200, { connection: 'keep-alive, x-mine', 'x-mine': '1', 'x-theirs': '2' });
      response.end();
    });
    const hopByHop =
      protocol === 'HTTP/1.1'
        ? { connection: 'x-hop', 'x-hop': '1', 'keep-alive': 'timeout=9', 'proxy-connection': 'x' }
        : {};
    const reply = await ask(protocol, '/', {
      headers: {
        ...hopByHop,
        te: 'trailers',
        'proxy-authorization': 'secret',
        'mf-original-url': 'http://127.0.0.1/cdn-cgi/local/explorer/api',
        'x-forwarded-proto': 'http',
        'x-kept': 'yes',
      },
    });
    const names = Object.keys(worker.seen[0]?.headers ?? {});
    expect(names.toSorted()).toEqual(['connection', 'host', 'x-forwarded-proto', 'x-kept']);
    expect(worker.seen[0]?.headers['x-forwarded-proto']).toBe('https');
    expect(reply.headers['x-mine']).toBe(undefined);
    expect(reply.headers['x-theirs']).toBe('2');
  });

  it.each([
    [204, ''],
    [304, ''],
    [404, 'There is nothing.\n'],
    [503, 'later'],
  ])('gives status %i as it is', async (status, body) => {
    await start();
    worker.answerWith((_, response) => void response.writeHead(status).end(body));
    const reply = await ask(protocol, '/dns-query');
    expect([reply.status, reply.body.toString()]).toEqual([status, body]);
  });

  it('is HEAD without a body and with its length', async () => {
    await start();
    worker.answerWith((_, response) => void response.writeHead(200, { 'content-length': '512' }).end());
    const reply = await ask(protocol, '/', { method: 'HEAD' });
    expect(reply.headers['content-length']).toBe('512');
    expect(reply.body.length).toBe(0);
    expect(worker.seen[0]?.method).toBe('HEAD');
  });

  it('brings back a large answer whole', async () => {
    await start();
    const page = Buffer.alloc(5 * 1024 * 1024, 'abcdefg');
    worker.answerWith((_, response) => void response.end(page));
    expect((await ask(protocol, '/v1/axfr')).body.equals(page)).toBe(true);
  });

  it.each([
    '/cdn-cgi/',
    '/cdn-cgi/local/explorer/api/storage/kv/namespaces/snapshots/values/x',
    '/x/../cdn-cgi/local/explorer/api',
    '/x/%2e%2e/cdn-cgi/local/explorer/api',
    '/x/.%2E/cdn-cgi/mf/x',
    '/\\..\\cdn-cgi\\local/explorer/api',
    '/./cdn-cgi/local/explorer/api',
    '/cdn-cgi',
  ])('finds no way to Miniflare’s own doors: %s', async (path) => {
    await start();
    expect((await ask(protocol, path, { method: 'PUT', body: 'x' })).status).toBe(404);
    expect(worker.seen).toEqual([]);
  });

  it('reads paths that only look alike as what they are', async () => {
    await start();
    for (const path of ['/cdn-cgix', '//cdn-cgi/x', '/x?/../cdn-cgi/', '//other.example/dns-query']) {
      expect((await ask(protocol, path)).status).toBe(200);
    }
    expect(worker.seen.map((seen) => seen.path)).toEqual([
      '/cdn-cgix',
      '//cdn-cgi/x',
      '/x?/../cdn-cgi/',
      '//other.example/dns-query',
    ]);
  });

  it('may hold a message of 65,535 octets, as a body and in the URL', async () => {
    await start();
    const message = Buffer.alloc(65_535, 7);
    await ask(protocol, '/dns-query', { method: 'POST', body: message });
    expect(worker.seen[0]?.body.equals(message)).toBe(true);
    if (protocol === 'HTTP/2') return;
    const path = `/dns-query?dns=${message.toString('base64url')}`;
    expect((await ask(protocol, path)).status).toBe(200);
    expect(worker.seen[1]?.path).toBe(path);
  });

  it.each([0, 1_000_000])('is refused with a body past the bound, %i octets on', async (more) => {
    await start({ bodyOctets: 1000 });
    const reply = await ask(protocol, '/dns-query', { method: 'POST', body: Buffer.alloc(1001 + more) });
    expect([reply.status, reply.body.toString()]).toEqual([
      413,
      'The body is longer than any DNS message.\n',
    ]);
    expect(worker.seen).toEqual([]);
    expect((await ask(protocol, '/', { method: 'POST', body: Buffer.alloc(1000) })).status).toBe(200);
  });

  it('is told when the Worker is not there, or takes too long', async () => {
    await start({ requestMs: 100 });
    worker.answerWith(() => undefined);
    const late = await ask(protocol, '/dns-query');
    expect([late.status, late.body.toString()]).toEqual([504, 'The Worker took too long.\n']);
    await worker.seen[0]?.cancelled;
    worker.answerWith((_, response) => void response.destroy());
    expect((await ask(protocol, '/dns-query')).status).toBe(502);
    await worker.close();
    const gone = await ask(protocol, '/dns-query', { method: 'POST', body: 'x' });
    expect([gone.status, gone.body.toString()]).toEqual([502, 'The Worker gave no answer.\n']);
    worker = await startStandIn();
  });

  it('is broken off, not ended, when the answer breaks off', async () => {
    await start();
    worker.answerWith((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    await expect(ask(protocol, '/dns-query')).rejects.toThrow();
  });
});

describe('a client that goes', () => {
  it('takes its requests with it, over both protocols', async () => {
    const port = await start();
    worker.answerWith(() => undefined);
    const stream = session().request({ ':path': '/one' });
    stream.on('error', () => undefined);
    await expect.poll(() => worker.seen.length).toBe(1);
    stream.close(8);
    await worker.seen[0]?.cancelled;

    const socket = await rawTls(port);
    socket.write('GET /two HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => worker.seen.length).toBe(2);
    socket.destroy();
    await worker.seen[1]?.cancelled;
  });

  it('takes along what waits for the Worker too', async () => {
    await start();
    const held: (() => void)[] = [];
    worker.answerWith((_, response) => void held.push(() => response.end('fine')));
    const client = session();
    const replies = Array.from({ length: 64 }, () => overHttp2(client, '/held'));
    await expect.poll(() => worker.seen.length).toBe(64);
    const waiting = client.request({ ':path': '/waiting' });
    waiting.on('error', () => undefined);
    await expect(overHttp1('/cdn-cgi/')).resolves.toMatchObject({ status: 404 });
    waiting.close(8);
    await once(waiting, 'close');
    worker.answerWith((_, response) => void response.end('fine'));
    for (const release of held) release();
    await Promise.all(replies);
    expect((await overHttp2(client, '/last')).status).toBe(200);
    expect(worker.seen.map((seen) => seen.path)).not.toContain('/waiting');
  });

  it('and one that reads nothing, holds neither memory nor the Worker for long', async () => {
    await start({ requestMs: 200 });
    const page = Buffer.alloc(32 * 1024 * 1024);
    worker.answerWith((_, response) => void response.end(page));
    const stream = session().request({ ':path': '/v1/axfr' });
    stream.on('error', () => undefined);
    stream.pause();
    await worker.seen[0]?.cancelled;
    await expect.poll(() => worker.seen.length).toBe(1);
    await worker.seen[0]?.cancelled;
    if (!stream.closed) await once(stream, 'close');
  });
});

describe('slow and greedy clients', () => {
  it('have so long for a handshake', async () => {
    const port = await start({ handshakeMs: 80 });
    const socket = connectTcp(port, '127.0.0.1');
    open.add(socket);
    await untilEnd(socket);
  });

  it('have so long for the headers of HTTP/1.1, however they drip', async () => {
    const port = await start({ handshakeMs: 80 });
    const socket = await rawTls(port);
    socket.write('GET / HTTP/1.1\r\n');
    const dripping = setInterval(() => socket.write('X: y\r\n'), 10);
    const said = await untilEnd(socket);
    clearInterval(dripping);
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.each<Protocol>(['HTTP/2', 'HTTP/1.1'])('have so long for a body over %s', async (protocol) => {
    const port = await start({ requestMs: 100, handshakeMs: 100 });
    if (protocol === 'HTTP/2') {
      const stream = session().request({ ':path': '/', ':method': 'POST' }, { endStream: false });
      stream.on('error', () => undefined);
      const dripping = setInterval(() => stream.closed || stream.write('x'), 10);
      const [headers] = await once(stream, 'response');
      clearInterval(dripping);
      expect(headers[':status']).toBe(408);
    } else {
      const socket = await rawTls(port);
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n');
      const dripping = setInterval(() => socket.write('x'), 10);
      const said = await untilEnd(socket);
      clearInterval(dripping);
      expect(said).toMatch(/^HTTP\/1\.1 408 /);
    }
    expect(worker.seen).toEqual([]);
  });

  it('lose a connection on which nothing moves', async () => {
    const port = await start({ idleMs: 80 });
    const client = session();
    await once(client, 'connect');
    await once(client, 'close');
    const socket = await rawTls(port);
    await untilEnd(socket);
    // A frame that never ends is nothing that moves.
    const half = await rawTls(port, ['h2']);
    half.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    half.write(Buffer.from('000000040000000000', 'hex'));
    half.write(Buffer.from('004000010400000001', 'hex'));
    const dripping = setInterval(() => half.write(Buffer.of(0)), 10);
    await untilEnd(half);
    clearInterval(dripping);
  });

  it('have so many requests at a time on one connection; further ones wait or are refused', async () => {
    await start({ streams: 3 });
    worker.answerWith(() => undefined);
    const client = session();
    const [settings] = await once(client, 'remoteSettings');
    expect(settings).toMatchObject({ maxConcurrentStreams: 3 });
    const streams = Array.from({ length: 10 }, () => client.request({ ':path': '/' }));
    for (const stream of streams) stream.on('error', () => undefined);
    await expect.poll(() => worker.seen.length).toBe(3);
    await overHttp1('/cdn-cgi/');
    expect(worker.seen.length).toBe(3);
  });

  it('have so many connections; the others go on', async () => {
    const port = await start({ connections: 2, handshakeMs: 60_000 });
    const client = session();
    await once(client, 'connect');
    await rawTls(port);
    const third = connectTcp(port, '127.0.0.1');
    open.add(third);
    third.on('error', () => undefined);
    await untilEnd(third);
    expect((await overHttp2(client, '/')).status).toBe(200);
  });

  it('have so much room for bodies together, which comes free again', async () => {
    await start({ heldOctets: 10_000, bodyOctets: 8_000 });
    const client = session();
    const slow = client.request({ ':path': '/', ':method': 'POST' }, { endStream: false });
    slow.on('error', () => undefined);
    slow.write(Buffer.alloc(7_000));
    const post = (): Promise<Reply> => overHttp2(client, '/', { method: 'POST', body: Buffer.alloc(4_000) });
    await expect.poll(async () => (await post()).status).toBe(503);
    const refused = await post();
    expect(refused.headers['retry-after']).toBe('1');
    slow.close(8);
    await expect.poll(async () => (await post()).status).toBe(200);
  });

  it('that speak no TLS, no HTTP or no path are shown out, and others are served', async () => {
    const port = await start();
    const plain = connectTcp(port, '127.0.0.1');
    open.add(plain);
    plain.on('error', () => undefined);
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await untilEnd(plain);
    const garbage = await rawTls(port);
    garbage.write('\0\0\0\r\n\r\n');
    expect(await untilEnd(garbage)).toMatch(/^(?:HTTP\/1\.1 400 |$)/);
    const frames = await rawTls(port, ['h2']);
    frames.write('no preface at all, and long enough to be seen as none');
    await untilEnd(frames);
    for (const target of ['*', 'http://other.example/cdn-cgi/x', 'x']) {
      const socket = await rawTls(port);
      socket.write(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(await untilEnd(socket)).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(worker.seen).toEqual([]);
    expect((await overHttp1('/')).status).toBe(200);
  });
});

describe('the certificate', () => {
  it('is trusted by the CA alone, for localhost and the loopback addresses', async () => {
    const port = await start();
    for (const host of ['127.0.0.1', 'localhost']) expect((await rawTls(port)).authorized && host).toBe(host);
    const stranger = connectTls({ port, host: '127.0.0.1' });
    await expect(once(stranger, 'secureConnect')).rejects.toThrow(/certificate/);
    const misnamed = connectTls({ port, host: '127.0.0.1', ca, servername: 'example.com' });
    await expect(once(misnamed, 'secureConnect')).rejects.toThrow(/does not match/);
  });

  it('is renewed when it is due, and connections that are open stay', async () => {
    let nowMs = Date.now();
    const issued: string[] = [];
    const port = await start(
      { renewalCheckMs: 5 },
      {
        now: () => nowMs,
        issue: () => {
          const certificate = { ...authority.issue(), renewAtMs: nowMs + 1_000 };
          issued.push(new X509Certificate(certificate.cert).serialNumber);
          return certificate;
        },
      },
    );
    const shown = async (): Promise<string> => (await rawTls(port)).getPeerCertificate().serialNumber;
    const client = session();
    expect((await overHttp2(client, '/')).status).toBe(200);
    expect(await shown()).toBe(issued[0]);
    nowMs += 1_000;
    await expect.poll(() => issued.length).toBe(2);
    expect(await shown()).toBe(issued[1]);
    expect((await overHttp2(client, '/')).status).toBe(200);
    expect((await rawTls(port, ['h2', 'http/1.1'])).alpnProtocol).toBe('h2');
    expect(issued.length).toBe(2);
  });
});

describe('the end', () => {
  it('lets what is under way end, refuses what is new, and frees the port', async () => {
    const port = await start({ closeMs: 2_000 });
    worker.answerWith((_, response) => void setTimeout(() => response.end('late'), 100));
    const client = session();
    const underWay = overHttp2(client, '/');
    await expect.poll(() => worker.seen.length).toBe(1);
    const started = performance.now();
    await Promise.all([
      front.close(),
      expect(underWay).resolves.toMatchObject({ status: 200, body: Buffer.from('late') }),
    ]);
    expect(performance.now() - started).toBeLessThan(1_000);
    const late = connectTcp(port, '127.0.0.1');
    await expect(once(late, 'connect')).rejects.toThrow(/ECONNREFUSED/);
    await start();
  });

  it('waits for nobody longer than it should', async () => {
    const port = await start({ closeMs: 100 });
    worker.answerWith(() => undefined);
    const stream = session().request({ ':path': '/' });
    stream.on('error', () => undefined);
    await expect.poll(() => worker.seen.length).toBe(1);
    await rawTls(port);
    const silent = connectTcp(port, '127.0.0.1');
    open.add(silent);
    silent.on('error', () => undefined);
    await once(silent, 'connect');
    const started = performance.now();
    await front.close();
    expect(performance.now() - started).toBeLessThan(700);
    await start();
  });

  it('is at once where connections are kept for later requests', async () => {
    const port = await start({ closeMs: 5_000 });
    await overHttp2(session(), '/');
    const socket = await rawTls(port);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    const started = performance.now();
    await front.close();
    expect(performance.now() - started).toBeLessThan(1_000);
    await start();
  });
});

it('a port that is taken is one clear line', async () => {
  const port = await start();
  await expect(
    startHttpsFront({ port, workerUrl: worker.url, issue: authority.issue, now: Date.now }),
  ).rejects.toThrow(`port ${port} is taken: stop what uses it, or choose another with --https-port`);
});
