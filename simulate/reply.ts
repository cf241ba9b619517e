import type { IncomingMessage, ServerResponse } from 'node:http';
import { authority } from './address.ts';
import type { Quorum } from './quorum.ts';

/** An answer that fits in memory. */
export type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};

/** A request to the master of this index, and the response to it. */
export type Exchange = {
  readonly index: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

export function sendReply(response: ServerResponse, { status, headers, body = '' }: Reply): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** To the leader, without a scheme: Mesos leaves that to the client (RFC 3986 §4.2). */
export function redirectTo({ masters, leader }: Quorum, path: string): Reply {
  const master = leader === undefined ? undefined : masters[leader];
  if (master === undefined) return { status: 503, body: 'No leader elected' };
  return { status: 307, headers: { location: `//${authority(master.hostname, master.port)}${path}` } };
}

/** What a master answers that is not the leader, or not yet; undefined for one that can answer for itself. */
export function notLeading(quorum: Quorum, { index, request }: Exchange): Reply | undefined {
  if (quorum.leader !== index) return redirectTo(quorum, request.url ?? '/');
  return quorum.isRecovering ? { status: 503, body: 'Master has not finished recovery' } : undefined;
}

/** For a method that a path does not have, in libprocess's words. */
export function wrongMethod(allowed: readonly string[], method: string | undefined): Reply {
  const list = allowed.map((each) => `'${each}'`).join(', ');
  return {
    status: 405,
    headers: { allow: allowed.join(', ') },
    body: `Expecting one of { ${list} }, but received '${method}'.`,
  };
}
