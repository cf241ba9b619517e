import type { IncomingHttpHeaders } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Dispatcher } from 'undici';
import { createWriter } from '../../zone/octets.ts';

export type PassOnLimits = {
  /** From a request's headers to the end of its answer. */
  readonly requestMs: number;
  /** Of one request body. */
  readonly bodyOctets: number;
  /** Of all bodies together that are here. */
  readonly heldOctets: number;
};

/** HTTP/1.1's messages have the same shape as far as it is used here (Node's HTTP/2 compatibility API). */
type PassOn = (request: Http2ServerRequest, response: Http2ServerResponse) => void;
/** What a client is told in place of the Worker's answer. */
type Problem = { readonly status: number; readonly reason: string };
type Headers = Record<string, string | string[]>;

/** They belong to a connection and not to the message (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const STATED_ANEW = new Set(['content-length', 'expect', 'host', 'x-forwarded-proto']);
/** Miniflare obeys `mf-` headers, and has doors below this path of which one writes to KV: not for clients. */
const MINIFLARE_HEADER = /^mf-/;
const MINIFLARE_PATH = /^\/cdn-cgi(?:\/|$)/;

/**
 * Gives what passes a request on to the Worker, and its answer back. Bodies, which are DNS messages, are received
 * whole first, so that a slow sender holds none of the Worker's connections. A client that goes takes its request
 * along.
 */
export function createPassOn(worker: Dispatcher, limits: PassOnLimits): PassOn {
  const receive = createReceiver(limits);
  return (request, response) => {
    const path = pathOf(request.url);
    if (path === undefined)
      return refuse(response, {
        status: 400,
        reason: 'The request should be for a path that begins with /.',
      });
    if (MINIFLARE_PATH.test(path)) return refuse(response, { status: 404, reason: 'There is nothing here.' });

    let passed = false;
    const deadline = setTimeout(() => {
      if (passed) refuse(response, { status: 504, reason: 'The Worker took too long.' });
      else refuse(response, { status: 408, reason: 'The request took too long.' });
    }, limits.requestMs);
    response.on('close', () => clearTimeout(deadline));
    // A client that breaks off is nobody's error; what is under way ends by `close`.
    request.on('error', () => undefined);
    response.on('error', () => undefined);

    const { method } = request;
    const pass = (body: Uint8Array | null): void => {
      passed = true;
      worker.dispatch({ path, method, headers: headersToWorker(request), body }, answerTo(response));
    };
    if (method === 'GET' || method === 'HEAD') pass(null);
    else receive(request, response, pass);
  };
}

/** Takes in bodies, all of them together within bounds, and refuses what passes them. */
function createReceiver({
  bodyOctets,
  heldOctets,
}: PassOnLimits): (
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  done: (body: Uint8Array) => void,
) => void {
  let heldByAll = 0;
  return (request, response, done) => {
    const body = createWriter(512);
    let held = 0;
    let open = true;
    const release = (): void => {
      open = false;
      heldByAll -= held;
      held = 0;
    };
    response.on('close', release);
    request.on('data', (chunk: Buffer) => {
      // The rest of what was refused is let pass: a connection cut now could take the refusal with it.
      if (!open) return;
      const tooLong = body.offset() + chunk.length > bodyOctets;
      if (tooLong || heldByAll + chunk.length > heldOctets) {
        release();
        refuse(
          response,
          tooLong
            ? { status: 413, reason: 'The body is longer than any DNS message.' }
            : { status: 503, reason: 'Too much is under way; try again in a second.' },
        );
        return;
      }
      held += chunk.length;
      heldByAll += chunk.length;
      body.octets(chunk);
    });
    request.on('end', () => {
      if (open) done(body.written());
    });
  };
}

/** Writes what the Worker answers, at the client's pace, and stops the Worker's work when the client is gone. */
function answerTo(response: Http2ServerResponse): Dispatcher.DispatchHandler {
  let running: Dispatcher.DispatchController | undefined;
  let gone = false;
  response.on('close', () => {
    gone = true;
    running?.abort(new Error('the client is gone'));
  });
  response.on('drain', () => running?.resume());
  return {
    onRequestStart: (controller) => {
      running = controller;
      if (gone) controller.abort(new Error('the client is gone'));
    },
    onResponseStart: (_, status, headers) => {
      if (status >= 200 && !response.headersSent) response.writeHead(status, endToEnd(headers));
    },
    onResponseData: (controller, chunk) => {
      if (!response.write(chunk)) controller.pause();
    },
    onResponseEnd: () => void response.end(),
    onResponseError: (_, error) => {
      if (gone) return;
      const invalid = 'code' in error && error.code === 'UND_ERR_INVALID_ARG';
      refuse(
        response,
        invalid
          ? { status: 400, reason: 'The request is not one that can be passed on.' }
          : { status: 502, reason: 'The Worker gave no answer.' },
      );
    },
  };
}

/** Says what is wrong; where an answer has begun, breaks it off. */
function refuse(response: Http2ServerResponse, { status, reason }: Problem): void {
  // Over HTTP/1.1 there is no stream.
  const stream: Http2ServerResponse['stream'] | undefined = response.stream;
  if (response.headersSent) {
    if (stream) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else response.destroy();
    return;
  }
  const headers: Headers = {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'access-control-allow-origin': '*',
  };
  if (status === 503) headers['retry-after'] = '1';
  response.writeHead(status, headers);
  response.end(`${reason}\n`);
  // RFC 9113 §8.1: the rest of the request is not needed. HTTP/1.1 has to read past it.
  if (stream) response.on('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
}

/** Path and search as the Worker will read them, so that no spelling of a path is checked as another. */
function pathOf(target: string | undefined): string | undefined {
  const url = `http://worker${target}`;
  if (target?.startsWith('/') !== true || !URL.canParse(url)) return undefined;
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function headersToWorker(request: Http2ServerRequest): Headers {
  const headers: Headers = { 'x-forwarded-proto': 'https' };
  const { host, ':authority': authority = host } = request.headers;
  if (authority !== undefined) headers['host'] = authority;
  for (const [name, value] of Object.entries(endToEnd(request.headers))) {
    if (!name.startsWith(':') && !STATED_ANEW.has(name) && !MINIFLARE_HEADER.test(name))
      headers[name] = value;
  }
  return headers;
}

function endToEnd(headers: IncomingHttpHeaders): Headers {
  const named = headers.connection?.toLowerCase().split(/[\s,]+/) ?? [];
  const kept: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name) && !named.includes(name)) kept[name] = value;
  }
  return kept;
}
