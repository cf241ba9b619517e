import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:https';
import { type Answer, decode, encode, type Packet, RECURSION_AVAILABLE } from 'dns-packet';
import {
  openCertificateAuthority,
  type ServerCertificate,
} from '../../sync-agent/local/certificate-authority.ts';

export type Response = Http2ServerResponse | ServerResponse;
/** What a DoH server does with a query. */
export type Behaviour = (query: Buffer, response: Response) => void;

/** A test's authority, and a certificate of its for `localhost` and loopback. */
export type Tls = { readonly ca: string; readonly certificate: ServerCertificate };

export async function makeTls(): Promise<Tls> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-fake-ca-'));
  try {
    const authority = await openCertificateAuthority(directory, Date.now);
    return { ca: await readFile(authority.certificateFile, 'utf8'), certificate: authority.issue() };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A DoH server on loopback over HTTP/2, HTTP/1.1 with TLS, or without. */
export type DohServer = {
  readonly port: number;
  readonly url: string;
  /** Queries it has seen, with what they came in; the last thousand. */
  readonly seen: readonly Seen[];
  readonly connections: () => number;
  /** HTTP/2 connections that are open now. */
  readonly sessions: () => number;
  /** GOAWAY frames that came while a stream was open: servers built on hyper-h2 send nothing on it after that. */
  readonly goAwaysTooSoon: () => number;
  readonly behave: (behaviour: Behaviour) => void;
  /** GOAWAY on every connection: what is under way is answered, nothing new is taken. */
  readonly goAway: () => void;
  /** Ends every connection at once. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
};

export type Seen = {
  readonly query: Buffer;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
};

const MOST_SEEN = 1_000;
const MOST_BODY = 70_000;

export async function startDohServer({
  tls,
  protocol = 'h2',
  behaviour = answering(),
  port = 0,
  streams,
}: {
  readonly tls: Tls;
  readonly protocol?: 'h2' | 'https' | 'http';
  readonly behaviour?: Behaviour;
  readonly port?: number;
  readonly streams?: number;
}): Promise<DohServer> {
  const seen: Seen[] = [];
  const sessions = new Set<ServerHttp2Session>();
  /** Their GOAWAY is answered with one. */
  const isLeaving = new WeakSet<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  let connections = 0;
  let goAwaysTooSoon = 0;
  let behave = behaviour;
  const handle = (request: Http2ServerRequest | IncomingMessage, response: Response): void => {
    const chunks: Buffer[] = [];
    let octets = 0;
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => {
      octets += chunk.length;
      if (octets < MOST_BODY) chunks.push(chunk);
    });
    request.on('end', () => {
      const query = Buffer.concat(chunks);
      if (seen.length < MOST_SEEN)
        seen.push({
          query,
          path: request.url ?? '',
          authorization: request.headers.authorization,
          contentType: request.headers['content-type'],
        });
      behave(query, response);
    });
  };
  const server =
    protocol === 'h2'
      ? createSecureServer({
          ...tls.certificate,
          ...(streams !== undefined && { settings: { maxConcurrentStreams: streams } }),
        })
      : protocol === 'https'
        ? createTlsServer(tls.certificate)
        : createServer();
  server.on('request', handle);
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
    let streams = 0;
    session.on('stream', (stream) => {
      streams++;
      stream.on('close', () => streams--);
    });
    session.on('goaway', () => {
      if (streams > 0 && !isLeaving.has(session)) goAwaysTooSoon++;
    });
  });
  server.on('tlsClientError', () => undefined);
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  const cut = (): void => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: bound,
    url: `${protocol === 'http' ? 'http' : 'https'}://127.0.0.1:${bound}/t/mdt_secret/dns-query`,
    seen,
    connections: () => connections,
    sessions: () => sessions.size,
    goAwaysTooSoon: () => goAwaysTooSoon,
    behave: (next) => {
      behave = next;
    },
    goAway: () => {
      for (const session of sessions) {
        isLeaving.add(session);
        session.close();
      }
    },
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function send(
  response: Response,
  body: Uint8Array | string,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Record<string, string> } = {},
): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries({ 'content-type': 'application/dns-message', ...headers }))
    response.setHeader(name, value);
  response.end(body);
}

/** The message that answers `query` with these records. */
export function answerTo(
  query: Buffer,
  {
    answers,
    rcode = 0,
    authorities = [],
  }: { readonly answers?: Answer[]; readonly rcode?: number; readonly authorities?: Answer[] } = {},
): Buffer {
  const { questions = [] }: Packet = decode(query);
  const name = questions[0]?.name ?? '';
  return encode({
    type: 'response',
    id: 0,
    flags: RECURSION_AVAILABLE | rcode,
    questions,
    answers: answers ?? [{ type: 'A', name, ttl: 60, data: '10.1.2.3' }],
    authorities,
  });
}

export function answering(options: Parameters<typeof answerTo>[1] = {}): Behaviour {
  return (query, response) => send(response, answerTo(query, options));
}

export function after(ms: number, behaviour: Behaviour): Behaviour {
  return (query, response) => void setTimeout(() => behaviour(query, response), ms).unref();
}

export function failing(status: number, headers: Record<string, string> = {}): Behaviour {
  return (_, response) =>
    send(response, 'no', { status, headers: { 'content-type': 'text/plain', ...headers } });
}

/** Begins an answer, and ends its connection in the middle of it. */
export const resetting: Behaviour = (query, response) => {
  response.setHeader('content-type', 'application/dns-message');
  begin(response, answerTo(query).subarray(0, 20), () => {
    if ('stream' in response) response.stream.session?.destroy();
    else response.socket?.destroy();
  });
};

/** Begins an answer, and ends the one stream in the middle of it. */
export const resettingStream: Behaviour = (query, response) => {
  response.setHeader('content-type', 'application/dns-message');
  begin(response, answerTo(query).subarray(0, 20), () => {
    if ('stream' in response) response.stream.close(2);
  });
};

/** The two kinds of response agree on this, but not their types. */
function begin(response: Response, octets: Uint8Array, then: () => void): void {
  if ('stream' in response) response.write(octets, 'utf8', then);
  else response.write(octets, 'utf8', then);
}

export const hanging: Behaviour = () => undefined;

/** First one, then the other. */
export function firstly(first: Behaviour, then: Behaviour): Behaviour {
  let isFirst = true;
  return (query, response) => {
    const play = isFirst ? first : then;
    isFirst = false;
    play(query, response);
  };
}
