import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, rootCertificates } from 'node:tls';
import type { Addresses } from './addresses.ts';
import type { Channel, Request } from './channel.ts';
import type { DohUrl } from './doh-url.ts';
import { openH1Channel } from './h1-channel.ts';
import { openH2Channel } from './h2-channel.ts';
import { UpstreamError } from './upstream-error.ts';

export type DialOptions = {
  readonly url: DohUrl;
  readonly addresses: Addresses;
  readonly authorization: string | undefined;
  /** PEM of authorities besides those Node brings. */
  readonly ca: string | undefined;
};

/** TCP and TLS together, all addresses tried. */
const CONNECT_MS = 3_000;
const H1_CONNECTIONS = 32;

/**
 * Connects to the DoH server: HTTP/2 where it agrees on that, else HTTP/1.1. Its certificate has to be for the
 * URL's host, whatever address it is at. Rejects with `UpstreamError`.
 */
export async function dial({ url, addresses, authorization, ca }: DialOptions): Promise<Channel> {
  const found = await addresses.get();
  const request: Request = { authority: url.authority, path: url.path, authorization };
  const lookup: LookupFunction = (_, { all }, done) => {
    const known = found.map((address) => ({ address, family: isIP(address) }));
    if (all) done(null, known);
    else done(null, known[0]?.address ?? '', known[0]?.family);
  };
  const { hostname, port } = url;
  const agentOptions = { keepAlive: true, maxSockets: H1_CONNECTIONS, scheduling: 'lifo' as const, lookup };
  const target = { host: hostname, port, lookup, autoSelectFamily: true };
  const doubtOnFailure = (error: unknown): never => {
    if (error instanceof UpstreamError && error.kind === 'connect') addresses.doubt();
    throw error;
  };
  if (!url.isTls) {
    (await opened(connectTcp(target), 'connect').catch(doubtOnFailure)).destroy();
    const agent = new HttpAgent(agentOptions);
    return openH1Channel(agent, { hostname, port, isTls: false, request });
  }
  const trust: ConnectionOptions = {
    ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
    ...(isIP(hostname) === 0 && { servername: hostname }),
    minVersion: 'TLSv1.2',
  };
  const tls = connectTls({ ...target, ...trust, ALPNProtocols: ['h2', 'http/1.1'] });
  const socket = await opened(tls, 'secureConnect').catch(doubtOnFailure);
  if (socket.alpnProtocol === 'h2') return openH2Channel(socket, request);
  socket.destroy();
  const agent = new HttpsAgent({ ...agentOptions, ...trust, ALPNProtocols: ['http/1.1'] });
  return openH1Channel(agent, { hostname, port, isTls: true, request });
}

/** Waits for the event after which a socket may be used. */
function opened<Opened extends Socket>(socket: Opened, event: 'connect' | 'secureConnect'): Promise<Opened> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const fail = (error: UpstreamError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      const kind = isConnected ? 'tls' : 'connect';
      fail(new UpstreamError(kind, 'the DoH server can not be reached (it does not answer)'));
    }, CONNECT_MS);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    socket.once('connect', () => {
      isConnected = true;
    });
    socket.on('error', (cause) => fail(errorFrom(cause, isConnected)));
    socket.once('close', () => fail(errorFrom(undefined, isConnected)));
    socket.once(event, () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/** OpenSSL's codes in words; others stand as they are. */
const TLS_PROBLEMS: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: "its certificate is not valid yet (is this machine's clock right?)",
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is from an unknown authority (--ca FILE)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is from an unknown authority (--ca FILE)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is from an unknown authority (--ca FILE)',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is from an unknown authority (--ca FILE)',
};

function errorFrom(cause: Error | undefined, isConnected: boolean): UpstreamError {
  const code = codeOf(cause);
  // A connection that ends in its handshake may do better the next time; a certificate does not.
  const isTls =
    isConnected && /^(CERT_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|SELF_SIGNED|DEPTH_ZERO|EPROTO)/.test(code);
  if (!isTls) return new UpstreamError('connect', `the DoH server can not be reached (${code})`, { cause });
  const why = TLS_PROBLEMS[code] ?? `no TLS with it (${code})`;
  return new UpstreamError('tls', `the DoH server can not be trusted: ${why}`, { cause });
}

/** Of several addresses' errors, the first one's. */
function codeOf(error: Error | undefined): string {
  if (error === undefined) return 'it ended the connection';
  const [first] = error instanceof AggregateError ? error.errors : [error];
  return first instanceof Error && 'code' in first ? String(first.code) : 'unknown reason';
}
