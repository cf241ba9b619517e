import type { IncomingMessage } from 'node:http';
import { seenBy } from './access.ts';
import type { Fault } from './fault.ts';
import { padded } from './json-pieces.ts';
import type { Quorum } from './quorum.ts';
import { type Exchange, notLeading, type Reply, sendReply, wrongMethod } from './reply.ts';
import { firstText, JSON_TYPE, sendState } from './state-response.ts';
import { isMasterCall, isStateCall, masterResponse, responseChunks, subscribedChunks } from './state-v1.ts';

/** More than any call needs that is answered here. */
const MAX_CALL_OCTETS = 65_536;

type CallParts = {
  readonly exchange: Exchange;
  readonly isBlind: boolean;
  readonly fault: Fault | undefined;
};

/**
 * Answers a call of the operator API (apache/mesos `src/master/http.cpp`, `Master::Http::api`), in JSON alone: a
 * client that admits nothing but protobuf is told so with 406.
 */
export function answerCall(quorum: Quorum, parts: CallParts): void {
  const { request, response } = parts.exchange;
  // A client that goes away within its call ends it; nobody else waits for it.
  readCall(request).then(
    (text) => answerText(quorum, text, parts),
    () => response.destroy(),
  );
}

async function readCall(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_CALL_OCTETS) throw new RangeError(`a call of more than ${MAX_CALL_OCTETS} octets`);
  }
  return Buffer.concat(chunks).toString();
}

function answerText(quorum: Quorum, text: string, { exchange, isBlind, fault }: CallParts): void {
  const { index, response } = exchange;
  const { masters, electedSeconds, version, features, heartbeatSeconds, view, subscribers, faults } = quorum;
  const call = callOf(quorum, text, exchange);
  if (typeof call !== 'string') {
    sendReply(response, call);
    return;
  }
  const master = masters[index];
  if (master === undefined) throw new RangeError(`no master ${index}`);
  const options = { master: { ...master, electedSeconds }, version, features, heartbeatSeconds };
  const headers = { 'content-type': JSON_TYPE };
  if (isMasterCall(call)) {
    sendReply(response, { status: 200, headers, body: JSON.stringify(masterResponse(call, options)) });
    return;
  }
  if (call !== 'SUBSCRIBE' && !isStateCall(call)) {
    sendReply(response, { status: 501, body: `The simulated master does not answer ${call}` });
    return;
  }
  if (fault?.kind === 'body') {
    const type = { 'content-type': fault.contentType ?? JSON_TYPE };
    sendReply(response, { status: 200, headers: type, body: fault.body });
    return;
  }
  view.advance();
  const seen = seenBy(view.snapshot(), { features, isBlind });
  if (isStateCall(call)) {
    sendState(response, { chunks: responseChunks(call, seen, options), fault });
    return;
  }
  const chunks = subscribedChunks(seen, options);
  if (fault?.kind === 'cut' || fault?.kind === 'stall') {
    const length = fault.afterLength ?? 0;
    response.writeHead(200, headers);
    // Longer than what comes: how long it would have been, nobody will know.
    response.write(`999999\n${firstText(chunks, length)}`, () =>
      fault.kind === 'cut' ? response.destroy() : undefined,
    );
    return;
  }
  const first = fault?.kind === 'oversize' ? padded(chunks, fault.octets) : chunks;
  subscribers.add(response, { first, isBlind, fault: () => faults.get(index) });
}

/** The type of call that is asked for, or what is wrong with the asking, in the order in which Mesos looks. */
function callOf(quorum: Quorum, text: string, exchange: Exchange): string | Reply {
  const { method, headers } = exchange.request;
  const elsewhere = notLeading(quorum, exchange);
  if (elsewhere !== undefined) return elsewhere;
  if (method !== 'POST') return wrongMethod(['POST'], method);
  const type = headers['content-type'];
  if (type === undefined) return { status: 400, body: "Expecting 'Content-Type' to be present" };
  if (type !== JSON_TYPE) {
    const body = "Expecting 'Content-Type' of application/json or application/x-protobuf";
    return { status: 415, body };
  }
  const call = typeIn(text);
  if (call === undefined) {
    return { status: 400, body: "Failed to validate master::Call: Expecting 'type' to be present" };
  }
  if (!accepts(headers.accept, JSON_TYPE)) {
    const body = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
    return { status: 406, body };
  }
  return call;
}

function typeIn(text: string): string | undefined {
  try {
    const call: unknown = JSON.parse(text);
    if (typeof call !== 'object' || call === null || !('type' in call)) return undefined;
    return typeof call.type === 'string' ? call.type : undefined;
  } catch {
    return undefined;
  }
}

/** Does `Accept` admit a media type? As in libprocess: silence does, and weights are not looked at. */
function accepts(header: string | undefined, mediaType: string): boolean {
  if (header === undefined) return true;
  const [kind] = mediaType.split('/');
  const ranges = new Set(header.split(',').map((range) => range.split(';')[0]?.trim().toLowerCase()));
  return [mediaType, `${kind}/*`, '*/*'].some((range) => ranges.has(range));
}
