import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { PlainReply, PlainServer } from './device.ts';
import { codeOf } from './doh.ts';

/** Asks a DNS server over UDP or TCP (RFC 1035 §4.2), once; over UDP again halfway. Throws the signal's reason alone. */
export function askPlain(
  server: PlainServer,
  query: Uint8Array,
  {
    over,
    timeoutMs,
    signal,
  }: { readonly over: 'udp' | 'tcp'; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<PlainReply> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      done();
      reject(signal.reason);
    };
    const finish = (reply: PlainReply): void => {
      done();
      resolve(reply);
    };
    const end = (over === 'udp' ? overUdp : overTcp)(server, query, { finish, againMs: timeoutMs / 2 });
    const timer = setTimeout(() => finish({ kind: 'failed', code: 'ETIMEDOUT' }), timeoutMs);
    let isDone = false;
    const done = (): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      end();
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

type Way = { readonly finish: (reply: PlainReply) => void; readonly againMs: number };

/** Gives what ends it. */
function overUdp({ address, port }: PlainServer, query: Uint8Array, { finish, againMs }: Way): () => void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', (error) => finish({ kind: 'failed', code: codeOf(error) }));
  socket.on('message', (octets) => {
    if (octets[0] === query[0] && octets[1] === query[1])
      finish({ kind: 'reply', octets: new Uint8Array(octets) });
  });
  // A connected socket is told when nobody listens there.
  socket.connect(port, address, () => socket.send(query));
  const again = setTimeout(() => socket.send(query), againMs);
  return () => {
    clearTimeout(again);
    socket.removeAllListeners('message');
    socket.close();
  };
}

function overTcp({ address, port }: PlainServer, query: Uint8Array, { finish }: Way): () => void {
  const socket = connect({ host: address, port });
  const parts: Buffer[] = [];
  socket.on('connect', () =>
    socket.write(Buffer.concat([Uint8Array.of(query.length >> 8, query.length & 0xff), query])),
  );
  socket.on('data', (part) => {
    parts.push(part);
    const all = Buffer.concat(parts);
    const length = all.length < 2 ? Infinity : all.readUInt16BE(0);
    if (all.length >= 2 + length)
      finish({ kind: 'reply', octets: new Uint8Array(all.subarray(2, 2 + length)) });
  });
  socket.on('error', (error) => finish({ kind: 'failed', code: codeOf(error) }));
  socket.on('close', () => finish({ kind: 'failed', code: 'ECONNRESET' }));
  return () => {
    socket.removeAllListeners('data').removeAllListeners('close').destroy();
  };
}
