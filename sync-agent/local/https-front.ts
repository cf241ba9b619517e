import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import { Pool } from 'undici';
import type { ServerCertificate } from './certificate-authority.ts';
import { createPassOn } from './pass-on.ts';

/** TLS with HTTP/2 and HTTP/1.1 before the local Worker, which speaks plain HTTP/1.1. */
export type HttpsFront = {
  /** Base URL, by address: what asks DoH servers should not need DNS to find one. */
  readonly url: string;
  /** Lets what is under way end for a moment, then closes everything. */
  readonly close: () => Promise<void>;
};

/** What clients may take, so that slow or greedy ones can't keep others out. */
export type FrontLimits = {
  /** From a connection to the end of its TLS handshake; and, with HTTP/1.1, of its next request's headers. */
  readonly handshakeMs: number;
  /** From a request's headers to the end of its answer. */
  readonly requestMs: number;
  /** A connection on which nothing moves. */
  readonly idleMs: number;
  readonly connections: number;
  /** Requests at a time on one HTTP/2 connection. */
  readonly streams: number;
  /** Of one request body: a DNS message is at most 65,535; the Worker says what is too long up to here. */
  readonly bodyOctets: number;
  /** Of all bodies that are being received. */
  readonly heldOctets: number;
  /** Of one request: a DNS message of 65,535 octets is a GET of 87,380, and what is longer is the Worker's to refuse. */
  readonly headerOctets: number;
  /** How long requests under way may take to end when the front closes. */
  readonly closeMs: number;
  /** How often the certificate's age is looked at. */
  readonly renewalCheckMs: number;
};

const LIMITS: FrontLimits = {
  handshakeMs: 10_000,
  requestMs: 30_000,
  idleMs: 60_000,
  connections: 512,
  streams: 128,
  bodyOctets: 80 * 1024,
  heldOctets: 32 * 1024 * 1024,
  headerOctets: 192 * 1024,
  closeMs: 500,
  renewalCheckMs: 3_600_000,
};

const HOST = '127.0.0.1';
/** The Worker answers in about a millisecond: more at a time would only wait in another place. */
const WORKER_CONNECTIONS = 64;
/** workerd closes a connection that was idle for five seconds. */
const WORKER_IDLE_MS = 4_000;

/**
 * Starts on loopback. `issue` gives the certificate, again whenever one is due. Throws for a port that is taken,
 * saying so.
 */
export async function startHttpsFront({
  port,
  workerUrl,
  issue,
  now,
  limits: given,
}: {
  readonly port: number;
  /** Base URL of the Worker. */
  readonly workerUrl: string;
  readonly issue: () => ServerCertificate;
  readonly now: () => number;
  readonly limits?: Partial<FrontLimits>;
}): Promise<HttpsFront> {
  const limits = { ...LIMITS, ...given };
  let certificate = issue();
  const server = createSecureServer({
    ...certificate,
    ...http1Options(limits),
    allowHTTP1: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.handshakeMs,
    settings: {
      maxConcurrentStreams: limits.streams,
      maxHeaderListSize: limits.headerOctets,
      enablePush: false,
    },
  });
  server.maxConnections = limits.connections;
  server.setTimeout(limits.idleMs);
  const sockets = trackSockets(server);
  await listen(server, port);

  const worker = new Pool(workerUrl, {
    connections: WORKER_CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: WORKER_IDLE_MS,
    headersTimeout: limits.requestMs,
    bodyTimeout: limits.requestMs,
  });
  server.on('request', createPassOn(worker, limits));
  const renewing = setInterval(() => {
    if (now() < certificate.renewAtMs) return;
    certificate = issue();
    server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' });
  }, limits.renewalCheckMs);
  renewing.unref();

  const address = server.address();
  const taken = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `https://${HOST}:${taken}`,
    close: async () => {
      clearInterval(renewing);
      const closed = once(server, 'close');
      server.close();
      const ending = setTimeout(() => sockets.forEach((socket) => socket.destroy()), limits.closeMs);
      await closed;
      clearTimeout(ending);
      await worker.destroy();
    },
  };
}

/** What Node takes for its HTTP/1.1 side; the published types do not know it. */
function http1Options(limits: FrontLimits): Record<string, number> {
  return {
    maxHeaderSize: limits.headerOctets,
    headersTimeout: Math.min(limits.handshakeMs, limits.requestMs),
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(limits.handshakeMs, 1_000),
  };
}

/** The connections that are open, in handshake too. What clients do to them is nobody's error here. */
function trackSockets(server: Http2SecureServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => undefined);
  return sockets;
}

async function listen(server: Http2SecureServer, port: number): Promise<void> {
  try {
    server.listen({ port, host: HOST });
    await once(server, 'listening');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    const reason =
      code === 'EADDRINUSE'
        ? 'is taken: stop what uses it, or choose another with --https-port'
        : `can not be used (${code})`;
    throw new Error(`port ${port} ${reason}`, { cause });
  }
}
