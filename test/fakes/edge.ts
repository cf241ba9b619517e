import { createServer, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { TYPE } from '../../zone/record.ts';
import { readQuery } from '../../zone/query.ts';
import { nameFromWire } from '../../zone/name.ts';

/** A Worker's place on loopback that does all as it should, but for what a test plants. */
export type FakeEdge = {
  readonly url: string;
  readonly seen: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage['headers'];
  }[];
  /** Changes what is answered. */
  meddle: (asked: Asked, reply: FakeReply) => FakeReply | undefined;
  /** Does the token's view forward, may it list names, and how old is the snapshot? */
  view: { forwarding: boolean; enumeration: boolean; ageSeconds: number };
  readonly close: () => Promise<void>;
};

export type Asked = {
  readonly method: string;
  /** As it was sent. */
  readonly url: string;
  /** Behind a token that may stand before it, without its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly isKnown: boolean;
  /** What was asked by DNS, if anything. */
  readonly name: string | undefined;
};

export type FakeReply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
};

const PLAIN = {
  'cache-control': 'no-store',
  'content-type': 'text/plain',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const MESSAGE = { 'content-type': 'application/dns-message', vary: 'authorization' };
const ORIGIN = 'mesos';

export function dnsReply(rcode: number, answers = rcode === 0 ? 1 : 0): Uint8Array {
  return Uint8Array.of(0, 0, 0x84, rcode, 0, 0, 0, answers, 0, 0, 0, 0);
}

/** Starts one that knows one token. */
export async function startFakeEdge(token: string): Promise<FakeEdge> {
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const asked = read(request, body, token);
      edge.seen.push({ method: asked.method, url: asked.url, headers: request.headers });
      const reply = answer(asked, edge.view);
      const meddled = edge.meddle(asked, reply) ?? reply;
      response.writeHead(meddled.status, meddled.headers).end(meddled.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const edge: FakeEdge = {
    url: `http://127.0.0.1:${port}/dns-query`,
    seen: [],
    meddle: () => undefined,
    view: { forwarding: false, enumeration: false, ageSeconds: 20 },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return edge;
}

function read(request: IncomingMessage, body: Buffer, token: string): Asked {
  const { method = '', url = '', headers } = request;
  const [whole = '', search = ''] = url.split('?', 2);
  const [, inPath, rest] = /^\/t\/([^/]*)(\/.*)$/.exec(whole) ?? [];
  const bearer = /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1];
  const given = [inPath, bearer].filter((one) => one !== undefined);
  const octets =
    method === 'POST' ? body : Buffer.from(new URLSearchParams(search).get('dns') ?? '', 'base64url');
  const query = octets.length > 0 ? readQuery(new Uint8Array(octets)) : undefined;
  return {
    method,
    url,
    path: rest ?? whole,
    headers,
    isKnown: given.length > 0 && given.every((one) => one === token),
    name: query?.kind === 'query' ? nameFromWire(query.name) : undefined,
  };
}

function answer({ method, path, isKnown, name, url }: Asked, view: FakeEdge['view']): FakeReply {
  if (path === '/health' && !url.startsWith('/t/'))
    return { status: 200, headers: PLAIN, body: '{"status":"ok","access":"credentials","zones":[]}' };
  if (!isKnown)
    return {
      status: 401,
      headers: { ...PLAIN, 'www-authenticate': 'Bearer' },
      body: 'A credential is needed here.\n',
    };
  if (path === '/dns-query' && name !== undefined && (method === 'GET' || method === 'POST'))
    return answerName(name, view);
  if (path === '/v1/axfr') return { status: view.enumeration ? 200 : 403, headers: PLAIN, body: '' };
  if (path === '/')
    return {
      status: 200,
      headers: {
        ...PLAIN,
        'content-type': 'text/html',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      },
      body: '<!doctype html><a href="https://example.org/">more</a>',
    };
  return { status: 404, headers: PLAIN, body: 'There is nothing here.\n' };
}

function answerName(name: string, { forwarding, ageSeconds }: FakeEdge['view']): FakeReply {
  const isOurs = name === ORIGIN || name.endsWith(`.${ORIGIN}`);
  if (!isOurs)
    return {
      status: 200,
      headers: { ...MESSAGE, 'cache-control': forwarding ? 'private, max-age=60' : 'no-store' },
      body: dnsReply(forwarding ? 0 : 5),
    };
  return {
    status: 200,
    headers: { ...MESSAGE, 'cache-control': 'private, max-age=30', snapshot: `1795211959;age=${ageSeconds}` },
    body: dnsReply(name === ORIGIN || name === `leader.${ORIGIN}` ? 0 : 3, TYPE.A),
  };
}
