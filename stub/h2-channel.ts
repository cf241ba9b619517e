import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { createWriter } from '../zone/octets.ts';
import { type Channel, type Request, RETIRE_MS } from './channel.ts';
import { BODY_OCTETS, DNS_MESSAGE, type HttpReply, MOST_BODY_OCTETS } from './http-reply.ts';
import { UpstreamError } from './upstream-error.ts';

/** Silence after which a PING asks whether anybody is there: below the idle limits of NATs and proxies. */
const PING_AFTER_MS = 20_000;
/** How long the answer to a PING may take. */
const PONG_MS = 2_500;
/** The same where a request has waited already. */
const SUSPECT_PONG_MS = 1_000;
/** Settings are the first thing a server says (RFC 9113 §3.4). */
const SETTINGS_MS = 3_000;

const CANCEL = 8;

/** HTTP/2 over a TLS connection that agreed on it. Rejects with `UpstreamError` when the server does not speak it. */
export function openH2Channel(socket: TLSSocket, request: Request): Promise<Channel> {
  const session = connect(`https://${request.authority}`, {
    createConnection: () => socket,
    settings: { enablePush: false },
  });
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      session.destroy();
      reject(new UpstreamError('closed', 'the DoH server does not speak the HTTP/2 it agreed on'));
    };
    const timer = setTimeout(fail, SETTINGS_MS);
    session.once('close', fail);
    session.once('error', fail);
    session.once('remoteSettings', () => {
      clearTimeout(timer);
      session.off('close', fail);
      resolve(channelOn(session, request));
    });
    session.once('close', () => clearTimeout(timer));
  });
}

function channelOn(session: ClientHttp2Session, request: Request): Channel {
  let heardAt = performance.now();
  let isRetired = false;
  /** Streams that have not ended. */
  let underWay = 0;
  /** Undefined: no PING is under way. */
  let pong: NodeJS.Timeout | undefined;
  const heard = (): void => {
    heardAt = performance.now();
  };
  /** Closing says GOAWAY, and some servers send nothing on open streams after they were told that. */
  const closeIfDone = (): void => {
    if (isRetired && underWay === 0) session.close();
  };
  const retire = (): void => {
    if (isRetired || session.destroyed) return;
    isRetired = true;
    // A server that allows no streams has us wait with those that we gave up, too.
    const limit = setTimeout(() => session.destroy(), RETIRE_MS).unref();
    session.once('close', () => clearTimeout(limit));
    closeIfDone();
  };
  const ping = (limitMs: number): void => {
    if (pong || session.destroyed || session.closed) return;
    pong = setTimeout(() => (underWay === 0 ? session.destroy() : retire()), limitMs);
    const sent = session.ping((error) => {
      clearTimeout(pong);
      pong = undefined;
      if (!error) heard();
    });
    // Too many are under way: nobody answers them.
    if (!sent) session.destroy();
  };
  const watch = setInterval(() => {
    if (performance.now() - heardAt >= PING_AFTER_MS) ping(PONG_MS);
  }, PING_AFTER_MS / 4);
  watch.unref();
  session.once('close', () => {
    clearInterval(watch);
    clearTimeout(pong);
  });
  session.on('error', () => undefined);
  session.on('goaway', retire);
  const headers = headersOf(request);
  return {
    protocol: 'h2',
    post: (body, timeoutMs) => {
      let stream: ClientHttp2Stream;
      try {
        stream = session.request({ ...headers, 'content-length': body.length });
      } catch (cause) {
        retire();
        return Promise.reject(new UpstreamError('closed', CLOSED, { isRepeatable: true, cause }));
      }
      underWay++;
      stream.end(body);
      const reply = replyOn(stream, { timeoutMs, heard });
      stream.once('close', () => {
        underWay--;
        closeIfDone();
      });
      return reply;
    },
    isOpen: () => !isRetired && !session.closed && !session.destroyed,
    heardAt: () => heardAt,
    suspect: () => ping(SUSPECT_PONG_MS),
    retire,
    destroy: () => session.destroy(),
  };
}

const CLOSED = 'the connection to the DoH server ended';

function headersOf({ authority, path, authorization }: Request): Record<string, string> {
  return {
    ':method': 'POST',
    ':scheme': 'https',
    ':authority': authority,
    ':path': path,
    accept: DNS_MESSAGE,
    'content-type': DNS_MESSAGE,
    ...(authorization !== undefined && { authorization }),
  };
}

function replyOn(
  stream: ClientHttp2Stream,
  { timeoutMs, heard }: { readonly timeoutMs: number; readonly heard: () => void },
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    let headers: (IncomingHttpHeaders & IncomingHttpStatusHeader) | undefined;
    const body = createWriter(BODY_OCTETS);
    const fail = (error: UpstreamError): void => {
      clearTimeout(timer);
      reject(error);
      if (!stream.closed) stream.close(CANCEL);
    };
    const timer = setTimeout(
      () => fail(new UpstreamError('timeout', 'the DoH server did not answer in time')),
      timeoutMs,
    );
    stream.on('response', (received) => {
      heard();
      headers = received;
    });
    stream.on('data', (chunk: Uint8Array) => {
      if (body.offset() + chunk.length <= MOST_BODY_OCTETS) body.octets(chunk);
      else fail(new UpstreamError('body', 'the DoH server answered more than a DNS message'));
    });
    stream.on('error', (cause) => fail(new UpstreamError('closed', CLOSED, { isRepeatable: true, cause })));
    stream.on('end', () => {
      // An answer that was cut off ends as well, with a code; so it is the close that tells.
      heard();
    });
    stream.on('close', () => {
      if (stream.rstCode !== 0 || headers === undefined)
        return fail(new UpstreamError('closed', CLOSED, { isRepeatable: true }));
      clearTimeout(timer);
      resolve({
        status: headers[':status'] ?? 0,
        contentType: headers['content-type'],
        retryAfter: headers['retry-after'],
        age: typeof headers['age'] === 'string' ? headers['age'] : undefined,
        body: body.written(),
      });
    });
  });
}
