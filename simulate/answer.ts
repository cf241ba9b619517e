import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterFailover } from './failover.ts';
import type { Fault, Quorum } from './quorum.ts';
import { authority, MESOS_BUILD, stateChunks } from './state.ts';
import { JSON_TYPE, sendState } from './state-response.ts';

const STATE_PATHS: ReadonlySet<string> = new Set([
  '/state',
  '/state.json',
  '/master/state',
  '/master/state.json',
]);
const REDIRECT_PATHS: ReadonlySet<string> = new Set(['/redirect', '/master/redirect']);

/** An answer that fits in memory. */
type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};

/** What every master answers, whoever leads. */
const LOCAL_REPLIES: ReadonlyMap<string, Reply> = new Map([
  ['/health', { status: 200 }],
  ['/master/health', { status: 200 }],
  ['/version', { status: 200, headers: { 'content-type': JSON_TYPE }, body: JSON.stringify(MESOS_BUILD) }],
]);

/** A request to the master of this index, and the response to it. */
export type Exchange = {
  readonly index: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

/** Answers as that master would at this moment, faults included. */
export function answer(quorum: Quorum, { index, request, response }: Exchange): void {
  const fault = quorum.faults.get(index);
  if (fault?.kind === 'stall' && fault.afterLength === undefined) return;
  const reply = replyOf(quorum, { index, request, fault });
  if (reply === 'state') {
    const master = quorum.masters[index];
    if (master === undefined) throw new RangeError(`no master ${index}`);
    const { cluster, electedSeconds, failover, now } = quorum;
    const whole = cluster.snapshot();
    const known = failover === undefined ? whole : afterFailover(whole, failover, now());
    sendState(response, { chunks: stateChunks(known, { ...master, electedSeconds }), fault });
    return;
  }
  const { status, headers, body = '' } = reply;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

type Asked = {
  readonly index: number;
  readonly request: IncomingMessage;
  readonly fault: Fault | undefined;
};

/** Which answer a request gets; `state` stands for the state itself, which is too large for a reply. */
function replyOf(quorum: Quorum, { index, request, fault }: Asked): Reply | 'state' {
  const { url = '/', method = 'GET' } = request;
  const path = url.split('?', 1)[0] ?? '/';
  if (fault?.kind === 'status') return { status: fault.status, body: fault.body ?? '' };
  const localReply = LOCAL_REPLIES.get(path);
  const isRedirect = REDIRECT_PATHS.has(path);
  if (localReply === undefined && !isRedirect && !STATE_PATHS.has(path)) return { status: 404 };
  if (method !== 'GET' && method !== 'HEAD') {
    const body = `Expecting one of { 'GET', 'HEAD' }, but received '${method}'.`;
    return { status: 405, headers: { allow: 'GET, HEAD' }, body };
  }
  if (localReply !== undefined) return localReply;
  if (isRedirect) return redirectTo(quorum, '');
  if (quorum.leader !== index) return redirectTo(quorum, url);
  if (quorum.isRecovering) return { status: 503, body: 'Master has not finished recovery' };
  if (fault?.kind !== 'body') return 'state';
  return { status: 200, headers: { 'content-type': fault.contentType ?? JSON_TYPE }, body: fault.body };
}

/** To the leader, without a scheme: Mesos leaves that to the client (RFC 3986 §4.2). */
function redirectTo({ masters, leader }: Quorum, path: string): Reply {
  const master = leader === undefined ? undefined : masters[leader];
  if (master === undefined) return { status: 503, body: 'No leader elected' };
  return { status: 307, headers: { location: `//${authority(master.hostname, master.port)}${path}` } };
}
