import { createServer as createPlain, type IncomingMessage } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { decode, encode, type Answer, type Packet } from 'dns-packet';

export type DohReply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
};

/** A DoH server on loopback that answers from a table, but for what a test plants. */
export type FakeDoh = {
  /** `https://127.0.0.1:1234/dns-query` */
  readonly url: string;
  readonly port: number;
  readonly seen: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage['headers'];
  }[];
  /** `leader.mesos A` → values. A name in none is NXDOMAIN. */
  table: Record<string, Answer[]>;
  extendedError: { readonly code: number; readonly text: string } | undefined;
  /** Instead of an answer. */
  meddle: (
    request: { readonly method: string; readonly path: string },
    reply: DohReply,
  ) => DohReply | undefined;
  readonly close: () => Promise<void>;
};

const SOA = {
  mname: 'ns1.mesos',
  rname: 'root.ns1.mesos',
  serial: 7,
  refresh: 60,
  retry: 600,
  expire: 86_400,
  minimum: 10,
};

/** With `tls` over HTTP/2 and HTTP/1.1, else plain. */
export async function startFakeDoh(tls?: { readonly key: string; readonly cert: string }): Promise<FakeDoh> {
  const server = tls ? createSecureServer({ ...tls, allowHTTP1: true }) : createPlain();
  const handle = async (request: IncomingMessage): Promise<DohReply> => {
    const { method = '', url = '', headers } = request;
    fake.seen.push({ method, url, headers });
    const [path = '', search = ''] = url.split('?', 2);
    const body = await buffer(request);
    const octets =
      method === 'POST' ? body : Buffer.from(new URLSearchParams(search).get('dns') ?? '', 'base64url');
    const reply: DohReply =
      octets.length >= 12 && path.endsWith('/dns-query') ? answer(octets, fake) : NOTHING;
    return fake.meddle({ method, path }, reply) ?? reply;
  };
  server.on('request', (request: IncomingMessage, response: import('node:http').ServerResponse) => {
    void handle(request).then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sockets = new Set<import('node:net').Socket>();
  server.on('connection', (socket: import('node:net').Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  const fake: FakeDoh = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/dns-query`,
    port,
    seen: [],
    table: { 'mesos SOA': [{ type: 'SOA', name: 'mesos', ttl: 30, data: SOA }] },
    extendedError: undefined,
    meddle: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return fake;
}

const NOTHING: DohReply = {
  status: 404,
  headers: { 'content-type': 'text/plain' },
  body: 'There is nothing here.\n',
};

function answer(octets: Buffer, { table, extendedError }: FakeDoh): DohReply {
  const query = decode(octets);
  const [question] = query.questions ?? [];
  const name = question?.name ?? '';
  const answers = table[`${name} ${question?.type ?? ''}`] ?? [];
  const isKnown = Object.keys(table).some((key) => key.split(' ')[0] === name);
  const isOurs = name === 'mesos' || name.endsWith('.mesos');
  const rcode = !isOurs ? 5 : isKnown ? 0 : 3;
  const reply: Packet = {
    type: 'response',
    id: query.id ?? 0,
    flags: 0x0400 | rcode,
    questions: query.questions ?? [],
    answers,
  };
  const data =
    extendedError && Buffer.concat([Uint8Array.of(0, extendedError.code), Buffer.from(extendedError.text)]);
  if (data)
    Object.assign(reply, {
      additionals: [
        { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [{ code: 15, data }] },
      ],
    });
  const headers: Record<string, string> = { 'content-type': 'application/dns-message' };
  if (isOurs) headers['snapshot'] = '7;age=5';
  return { status: 200, headers, body: encode(reply) };
}
