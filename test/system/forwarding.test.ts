import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, decode, type DecodedPacket, encode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalEdge, startLocalEdge } from '../../sync-agent/local/miniflare.ts';
import { encodeQuestion } from '../message.ts';

/** The built Worker in workerd, and DoH resolvers on loopback that answer, stall, lie and break off. */

type Play = (response: ServerResponse, body: Buffer, request: IncomingMessage) => void;

const GOOD_ADDRESS = '192.0.2.1';
const good: Play = (response, body) => send(response, answerTo(body));

/** By the path they are asked under. */
const PLAYS: Readonly<Record<string, Play>> = {
  good,
  inside: (response, body) => send(response, answerTo(body, { data: '10.9.8.7' })),
  reset: (_, __, request) => void request.socket.destroy(),
  half: (response, body) => {
    response.writeHead(200, { 'content-type': 'application/dns-message', 'content-length': '500' });
    response.write(answerTo(body).subarray(0, 20));
    setTimeout(() => response.socket?.destroy(), 20);
  },
  silent: () => undefined,
  slow: (response, body) => void setTimeout(() => good(response, body, response.req), 600),
  garbage: (response) => send(response, Buffer.from('never a message, whoever reads it')),
  page: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>'),
  moved: (response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
  busy: (response) => void response.writeHead(429, { 'retry-after': '60' }).end(),
  large: (response) => send(response, Buffer.alloc(70_000)),
  lying: (response, body) => send(response, answerTo(body, { spoil: (octets) => octets.fill('x', 13, 14) })),
  cut: (response, body) => send(response, answerTo(body, { spoil: (octets) => octets.fill(0x83, 2, 3) })),
  servfail: (response, body) =>
    send(response, answerTo(body, { spoil: (octets) => octets.fill(0x82, 3, 4) })),
  refused: (response, body) => send(response, answerTo(body, { spoil: (octets) => octets.fill(0x85, 3, 4) })),
  otherid: (response, body) => send(response, answerTo(body, { spoil: (octets) => octets.fill(0x77, 0, 2) })),
};
const FAULTS = Object.keys(PLAYS).filter((name) => !['good', 'inside', 'slow', 'otherid'].includes(name));

/** `path name`, as they come. */
const asked: string[] = [];
let server: Server;
let edge: LocalEdge;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mesos-doh-forwarding-'));
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const path = (request.url ?? '').slice(1);
      asked.push(`${path} ${decode(body).questions?.[0]?.name ?? ''}`);
      (PLAYS[path] ?? good)(response, body, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const url = typeof bound === 'object' && bound ? `http://127.0.0.1:${bound.port}` : expect.fail('no port');
  // A zone for each resolver alone, and one for each in front of a good one.
  const alone = Object.keys(PLAYS).map((name) => `${name}.alone=${url}/${name}`);
  const before = Object.keys(PLAYS).map((name) => `${name}.first=${url}/${name}|${url}/good`);
  edge = await startLocalEdge({
    port: 0,
    dataDir,
    vars: {
      ZONES: 'mesos',
      ACCESS: 'open',
      VERIFY_KEYS: 'none',
      UPSTREAMS: `${url}/inside`,
      UPSTREAMS_BY_ZONE: [...alone, ...before].join(','),
    },
  });
});
afterAll(async () => {
  await edge.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dataDir, { recursive: true });
});

function answerTo(
  body: Buffer,
  { data = GOOD_ADDRESS, spoil = (octets: Buffer): Buffer => octets } = {},
): Buffer {
  const { questions = [] } = decode(body);
  const answers: Answer[] = [{ type: 'A', name: questions[0]?.name ?? '', ttl: 60, data }];
  return spoil(encode({ type: 'response', id: 0, flags: 0x0180, questions, answers }));
}

function send(response: ServerResponse, octets: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/dns-message' }).end(octets);
}

type Reply = { readonly packet: DecodedPacket; readonly outcome: string; readonly tookMs: number };

async function ask(name: string, signal?: AbortSignal): Promise<Reply> {
  const started = Date.now();
  const response = await fetch(`${edge.url}/dns-query`, {
    method: 'POST',
    headers: { 'content-type': 'application/dns-message' },
    body: new Uint8Array(encodeQuestion({ name, type: 1, edns: 1232 })),
    ...(signal && { signal }),
  });
  expect(response.status).toBe(200);
  const packet = decode(Buffer.from(await response.arrayBuffer()));
  const addresses = (packet.answers ?? []).map((answer) => String('data' in answer ? answer.data : ''));
  const outcome = ['rcode' in packet ? packet.rcode : '', ...addresses].join(' ');
  return { packet, outcome, tookMs: Date.now() - started };
}

function timesAsked(line: string): number {
  return asked.filter((other) => other === line).length;
}

describe('the built Worker and resolvers on loopback', () => {
  it.each(FAULTS)('one that is %s: the next answers; alone: SERVFAIL in time', async (fault) => {
    const { outcome, tookMs } = await ask(`www.${fault}.first`);
    expect(outcome).toBe(`NOERROR ${GOOD_ADDRESS}`);
    expect(tookMs).toBeLessThan(2_000);
    expect(timesAsked(`${fault} www.${fault}.first`)).toBe(1);
    const alone = await ask(`www.${fault}.alone`);
    expect(alone.outcome).toBe('SERVFAIL');
    expect(alone.tookMs).toBeLessThan(4_000);
    expect(asked.join()).not.toContain('elsewhere');
    const tries = fault === 'reset' || fault === 'half' ? 2 : 1;
    expect(timesAsked(`${fault} www.${fault}.alone`)).toBe(tries);
  });

  it.each(['slow', 'otherid'])('one that is %s, alone, is good enough', async (name) => {
    expect((await ask(`www.${name}.alone`)).outcome).toBe(`NOERROR ${GOOD_ADDRESS}`);
  });

  it('one that says private addresses is believed where it was put for a zone', async () => {
    expect((await ask('www.inside.alone')).outcome).toBe('NOERROR 10.9.8.7');
    expect((await ask('www.example.com')).outcome).toBe('NOERROR');
  });

  it('many requests at once, the first of them aborted, are few to the resolver', async () => {
    const name = 'many.slow.alone';
    const aborted = new AbortController();
    const gone = ask(name, aborted.signal).catch((error: unknown) => error);
    await expect.poll(() => timesAsked(`slow ${name}`), { interval: 10 }).toBe(1);
    const others = Promise.all(Array.from({ length: 20 }, () => ask(name)));
    setTimeout(() => aborted.abort(), 50);
    for (const { outcome, tookMs } of await others) {
      expect(outcome).toBe(`NOERROR ${GOOD_ADDRESS}`);
      expect(tookMs).toBeLessThan(3_000);
    }
    expect(await gone).toBeInstanceOf(Error);
    expect(timesAsked(`slow ${name}`)).toBe(1);
    expect((await ask(name)).outcome).toBe(`NOERROR ${GOOD_ADDRESS}`);
    expect(timesAsked(`slow ${name}`)).toBe(1);
  });
});
