import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
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

/** How long each datagram's answer may take. */
const TRIES_MS = [1_000, 1_500];
const TCP_MS = 2_000;

/**
 * Asks over UDP from a port of the kernel's choice under an id of ours, and over TCP what was truncated (RFC 5452
 * §9, RFC 7766 §5). Replies to something else are ignored. Rejects with `UpstreamError`.
 */
export async function askPlain(server: PlainServer, query: Query): Promise<RawReply> {
  for (const timeoutMs of TRIES_MS) {
    const octets = await overUdp(server, query, timeoutMs);
    if (octets) return { octets: isTruncated(octets) ? await overTcp(server, query) : octets, ageSeconds: 0 };
  }
  throw new UpstreamError('timeout', 'the other server (--other) did not answer in time');
}

/** Undefined where nothing came in time. */
function overUdp(server: PlainServer, query: Query, timeoutMs: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const id = randomInt(0x10000);
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.removeAllListeners('message');
      socket.close();
      settle();
    };
    const timer = setTimeout(() => end(() => resolve(undefined)), timeoutMs);
    let isEnded = false;
    socket.on('error', (cause) => {
      if (isEnded) return;
      isEnded = true;
      end(() => reject(unreachable(cause)));
    });
    socket.on('message', (octets) => {
      if (octets.length < 12 || u16At(octets, 0) !== id || !readReply(octets, query)) return;
      end(() => resolve(octets));
    });
    // A connected socket hears nobody else.
    socket.connect(server.port, server.address, () => {
      try {
        socket.send(plainQuery(query, id));
      } catch {
        // Closed meanwhile: the time was over.
      }
    });
  });
}

function overTcp(server: PlainServer, query: Query): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const id = randomInt(0x10000);
    const socket = connect({ host: server.address, port: server.port });
    const frames = createFrameReader();
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(
      () =>
        end(() => reject(new UpstreamError('timeout', 'the other server (--other) did not answer in time'))),
      TCP_MS,
    );
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

function unreachable(cause?: Error): UpstreamError {
  const code = cause && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new UpstreamError('connect', `the other server (--other) can not be asked${code}`, { cause });
}
