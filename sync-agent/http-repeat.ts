import { errors } from 'undici';

/**
 * A server may close a kept connection in the moment it is used again (RFC 9112 §9.3.1): such a request is sent
 * once more. GET and HEAD alone: of a write that may have arrived, its caller has to find out.
 */
export async function onceMoreIfClosed<T>(method: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (cause) {
    if ((method !== 'GET' && method !== 'HEAD') || !mayBeOldConnection(cause)) throw cause;
    return attempt();
  }
}

/** A connection that was closed before it ever gave an octet is not one that was kept. */
function mayBeOldConnection(cause: unknown): boolean {
  if (cause instanceof errors.SocketError) return (cause.socket?.bytesRead ?? 0) > 0;
  return cause instanceof Error && 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE');
}
