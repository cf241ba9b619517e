import { createServer, type Socket } from 'node:net';
import type { Asker } from './asker.ts';
import { createFrameReader, frame } from './frame.ts';
import type { Counts } from './metrics.ts';
import type { Listener } from './udp.ts';

export type TcpPlace = { readonly address: string; readonly port: number } | { readonly fd: number };

export type TcpLimits = {
  readonly connections: number;
  /** From one whole message, or its reply, to the next. */
  readonly idleMs: number;
  /** Questions of one connection under way; more are not read. */
  readonly questions: number;
  /** Of replies that the peer does not take. */
  readonly unsentOctets: number;
};

const LIMITS: TcpLimits = { connections: 256, idleMs: 10_000, questions: 128, unsentOctets: 1 << 20 };

/** Resolves when it is bound. Rejects as `listen` does. Replies go out as they come, in any order (RFC 7766 §7). */
export function listenTcp(
  place: TcpPlace,
  {
    asker,
    counts,
    limits: given = {},
  }: { readonly asker: Asker; readonly counts: Counts; readonly limits?: Partial<TcpLimits> },
): Promise<Listener & { readonly connections: () => number }> {
  const limits = { ...LIMITS, ...given };
  /** By when they were last of use: the first is the longest idle. */
  const open = new Map<Socket, Conversation>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (open.size >= limits.connections) {
      counts.shed('tcp-connection');
      const idle = firstIdle(open);
      if (!idle) return void socket.destroy();
      idle.destroy();
    }
    const conversation = converse(socket, { asker, limits, onUse: () => touch(open, socket, conversation) });
    open.set(socket, conversation);
    socket.once('close', () => open.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      const bound = server.address();
      const { address, port } =
        typeof bound === 'object' && bound !== null ? bound : { address: String(bound), port: 0 };
      resolve({
        address,
        port,
        connections: () => open.size,
        stop: () => {
          server.close();
          for (const conversation of open.values()) conversation.stop();
        },
        close: () => {
          server.close();
          for (const socket of open.keys()) socket.destroy();
        },
      });
    });
    server.listen(
      'fd' in place ? { fd: place.fd } : { host: place.address, port: place.port, ipv6Only: true },
    );
  });
}

type Conversation = { readonly underWay: () => number; readonly stop: () => void };

function firstIdle(open: ReadonlyMap<Socket, Conversation>): Socket | undefined {
  for (const [socket, { underWay }] of open) if (underWay() === 0) return socket;
  return undefined;
}

function touch(open: Map<Socket, Conversation>, socket: Socket, conversation: Conversation): void {
  if (!open.delete(socket)) return;
  open.set(socket, conversation);
}

function converse(
  socket: Socket,
  { asker, limits, onUse }: { asker: Asker; limits: TcpLimits; onUse: () => void },
): Conversation {
  const frames = createFrameReader();
  let underWay = 0;
  let isEnded = false;
  let isTaking = false;
  /** Messages that came beyond the limit of questions: those of one chunk at most. */
  let waiting: Uint8Array[] = [];
  const idle = setTimeout(() => {
    // The answer that is waited for ends the wait, or the next turn does.
    if (underWay > 0) idle.refresh();
    else socket.destroy();
  }, limits.idleMs);
  const used = (): void => {
    idle.refresh();
    onUse();
  };
  const endIfDone = (): void => {
    if (isEnded && underWay === 0 && waiting.length === 0) socket.end();
  };
  const answered = (reply: Uint8Array | undefined): void => {
    underWay--;
    if (socket.destroyed) return;
    used();
    if (reply) socket.write(frame(reply));
    if (socket.writableLength > limits.unsentOctets) return void socket.destroy();
    next();
    endIfDone();
  };
  const next = (): void => {
    // An answer that is known comes back in here while its question is taken.
    if (isTaking) return;
    isTaking = true;
    while (underWay < limits.questions && !socket.destroyed) {
      const message = waiting.shift();
      if (!message) break;
      underWay++;
      asker(message, 'tcp', answered);
    }
    isTaking = false;
    if (waiting.length > 0) socket.pause();
    else if (socket.isPaused() && !isEnded) socket.resume();
  };
  socket.on('data', (chunk) => {
    const messages = frames.push(chunk);
    if (messages.length === 0) return;
    used();
    waiting = waiting.length === 0 ? messages : [...waiting, ...messages];
    next();
  });
  socket.on('end', () => {
    isEnded = true;
    endIfDone();
  });
  socket.on('error', () => socket.destroy());
  socket.once('close', () => clearTimeout(idle));
  return {
    underWay: () => underWay,
    stop: () => {
      isEnded = true;
      waiting = [];
      socket.pause();
      endIfDone();
    },
  };
}
