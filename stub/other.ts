import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { u16At } from '../zone/octets.ts';
import type { Query } from '../zone/query.ts';
import { readReply } from '../zone/reply.ts';
import { createFrameReader, frame } from './frame.ts';
import { plainQuery } from './question.ts';
import type { RawReply } from './upstream.ts';
import { UpstreamError } from './upstream-error.ts';

/** A server asked in plain DNS. */
export type PlainServer = { readonly address: string; readonly port: number };

/** A datagram may be lost: then the question is asked again. */
const AGAIN_MS = 1_000;
/** As long as the DoH server has. */
const TOTAL_MS = 3_500;
const LEAST_TCP_MS = 1_000;

/**
 * Asks over UDP from a port of the kernel's choice under an id of ours, and over TCP what was truncated (RFC 5452
 * §9, RFC 7766 §5). Replies to something else are ignored. Rejects with `UpstreamError`.
 */
export async function askPlain(server: PlainServer, query: Query): Promise<RawReply> {
  const until = performance.now() + TOTAL_MS;
  const octets = await overUdp(server, query);
  if (!isTruncated(octets)) return { octets, ageSeconds: 0 };
  const timeoutMs = Math.max(LEAST_TCP_MS, until - performance.now());
  return { octets: await overTcp(server, query, timeoutMs), ageSeconds: 0 };
}

/** The first answer to one of two datagrams, each from a socket of its own: the earlier one may only be slow. */
function overUdp(server: PlainServer, query: Query): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const sockets: Socket[] = [];
    const end = (settle: () => void): void => {
      clearTimeout(again);
      clearTimeout(limit);
      for (const socket of sockets.splice(0)) socket.close();
      settle();
    };
    const send = (): void => {
      const id = randomInt(0x10000);
      const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
      sockets.push(socket);
      socket.on('error', (cause) => end(() => reject(unreachable(cause))));
      socket.on('message', (octets) => {
        if (octets.length < 12 || u16At(octets, 0) !== id || !readReply(octets, query)) return;
        end(() => resolve(octets));
      });
      socket.once('connect', () => socket.send(plainQuery(query, id)));
      // A connected socket hears nobody else.
      socket.connect(server.port, server.address);
    };
    const again = setTimeout(send, AGAIN_MS);
    const limit = setTimeout(() => end(() => reject(late())), TOTAL_MS);
    send();
  });
}

function overTcp(server: PlainServer, query: Query, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const id = randomInt(0x10000);
    const socket = connect({ host: server.address, port: server.port });
    const frames = createFrameReader();
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(late())), timeoutMs);
    socket.on('error', (cause) => end(() => reject(unreachable(cause))));
    socket.on('close', () => end(() => reject(unreachable())));
    socket.on('data', (chunk) => {
      for (const octets of frames.push(chunk))
        if (u16At(octets, 0) === id && readReply(octets, query)) end(() => resolve(octets));
    });
    socket.end(frame(plainQuery(query, id)));
  });
}

function isTruncated(octets: Uint8Array): boolean {
  return (u16At(octets, 2) & 0x0200) !== 0;
}

function late(): UpstreamError {
  return new UpstreamError('timeout', 'the other server (--other) did not answer in time');
}

function unreachable(cause?: Error): UpstreamError {
  const code = cause && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new UpstreamError('connect', `the other server (--other) can not be asked${code}`, { cause });
}
