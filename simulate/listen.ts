import { once } from 'node:events';
import type { Server } from 'node:http';
import { authority } from './address.ts';

type ListenParts = { readonly host: string; readonly port: number; readonly signal: AbortSignal };

/**
 * Resolves with the port that was taken, which for port 0 is known only now. Rejects with an `Error` that names
 * the address if it is taken, with the server closed.
 */
export async function listen(server: Server, { host, port, signal }: ListenParts): Promise<number> {
  try {
    signal.throwIfAborted();
    server.listen({ host, port });
    await once(server, 'listening', { signal });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP port');
    return address.port;
  } catch (cause) {
    server.close();
    signal.throwIfAborted();
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const reason = isTaken ? 'the port is taken' : String(cause);
    throw new Error(`the simulator can't listen on ${authority(host, port)}: ${reason}`, { cause });
  }
}

/** At once, whatever clients hold open. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
