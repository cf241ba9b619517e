import { X509Certificate } from 'node:crypto';
import { type Readable, pipeline } from 'node:stream';
import { type SecureContext, createSecureContext } from 'node:tls';
import { createGunzip } from 'node:zlib';
import { Agent } from 'undici';
import { onceMoreIfClosed } from './http-repeat.ts';
import { hideTokens } from './hide-tokens.ts';
import { tidy } from './http-secrets.ts';
import { parseRetryAfter } from './retry.ts';

/** The agent's one door to HTTP. Keeps connections alive; HTTP/1.1, which all our servers speak. */
export type Http = {
  /**
   * Resolves when the headers are in, whatever the status; redirects are never followed. The response's body
   * must then be read to its end or discarded, or its connection is held until the timeout. Throws
   * `HttpError`, or the signal's reason when the caller aborted.
   */
  readonly request: (request: HttpRequest) => Promise<HttpResponse>;
  /** Ends all connections at once, those with a request under way included. */
  readonly close: () => Promise<void>;
};

export type HttpRequest = {
  readonly method?: string;
  /** Userinfo in it is never sent; credentials go into headers. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
  /** For everything up to the last octet of the body. Infinity for a stream without end. Default 30 s. */
  readonly timeoutMs?: number;
  /** The longest silence of the server, before its headers and within its body. Default: none. */
  readonly idleTimeoutMs?: number;
  /** The largest body, counted after decompression. Default 64 MiB. */
  readonly maxOctets?: number;
};

/** What came back. One of `chunks`, `bytes`, `text`, `json` and `discard` is called, once. */
export type HttpResponse = {
  readonly status: number;
  /** Names in lower case; repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it arrives, decompressed, without buffering; leaving the loop early ends the connection. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
  readonly bytes: () => Promise<Uint8Array>;
  readonly text: () => Promise<string>;
  readonly json: () => Promise<unknown>;
  readonly discard: () => Promise<void>;
  /** The error to throw for a status the caller does not take, with the beginning of the body. */
  readonly refusal: () => Promise<HttpError>;
  /** The same in the caller's words, who has read the body; `transient` overrides what the status says. */
  readonly error: (words: string, options?: { readonly transient?: boolean }) => HttpError;
};

/** PEM texts. `ca` replaces the system's authorities, it does not add to them. */
type TlsOptions = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name asked for and checked, where it is not the URL's host. */
  readonly servername?: string;
};

export type HttpOptions = {
  readonly tls?: TlsOptions;
  readonly connectTimeoutMs?: number;
  /** The clock a Retry-After date is compared with. */
  readonly now?: () => number;
};

type Facts = {
  readonly transient?: boolean;
  readonly status?: number | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
};

/**
 * A request that got no usable answer. The message has method, URL (no userinfo, no query) and what happened;
 * never a request header or request body.
 */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** May the same request succeed a moment later? Broken connections, timeouts, 429 and 5xx. */
  readonly transient: boolean;

  constructor(message: string, { transient = false, status, retryAfterSeconds, cause }: Facts = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
    this.transient = transient;
  }
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_OCTETS = 64 * 1024 * 1024;
/** Below what servers and NATs commonly allow, above the interval between our requests to one host. */
const KEEP_ALIVE_MS = 30_000;
const EXCERPT_CHARACTERS = 200;
/** A longer body is cheaper dropped with its connection than read. */
const BEGINNING_OCTETS = 128 * 1024;

/** Makes a door. Throws `HttpError` for TLS material that cannot be used. */
export function createHttp({ tls, connectTimeoutMs = 10_000, now = Date.now }: HttpOptions = {}): Http {
  const agent = new Agent({
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: {
      timeout: connectTimeoutMs,
      ...(tls && { secureContext: secureContextFrom(tls) }),
      ...(tls?.servername !== undefined && { servername: tls.servername }),
    },
  });
  return {
    request: (request) => send(request, { agent, now }),
    close: () => agent.destroy(),
  };
}

function secureContextFrom({ ca, cert, key }: TlsOptions): SecureContext {
  try {
    // OpenSSL passes over a CA it can't read, and then trusts nobody.
    if (ca !== undefined) void new X509Certificate(ca);
    return createSecureContext({ ca, cert, key });
  } catch (cause) {
    throw new HttpError(
      'the CA certificate, client certificate or client key is no usable PEM, or they do not belong together',
      { cause },
    );
  }
}

async function send(
  request: HttpRequest,
  { agent, now }: { agent: Agent; now: () => number },
): Promise<HttpResponse> {
  const {
    method = 'GET',
    signal,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    idleTimeoutMs = 0,
    maxOctets = DEFAULT_MAX_OCTETS,
  } = request;
  signal.throwIfAborted();
  const url = parseUrl(request.url);
  const exchange = startExchange(request, { method, url, timeoutMs });
  try {
    const answer = await onceMoreIfClosed(method, () =>
      agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { 'user-agent': 'mesos-doh', ...request.headers, 'accept-encoding': 'gzip' },
        body: request.body ?? null,
        signal: exchange.signal,
        headersTimeout: idleTimeoutMs,
        bodyTimeout: idleTimeoutMs,
      }),
    );
    const headers = flatten(answer.headers);
    const error: HttpResponse['error'] = (words, { transient = isTransientStatus(answer.statusCode) } = {}) =>
      exchange.error(
        `answered ${answer.statusCode} ${answer.statusText}${words && `: ${excerpt(tidy(words, request.headers))}`}`,
        {
          transient,
          status: answer.statusCode,
          retryAfterSeconds: parseRetryAfter(headers['retry-after'], now()),
        },
      );
    const empty = method === 'HEAD' || answer.statusCode === 204 || answer.statusCode === 304;
    const body = empty ? answer.body : openBody(answer.body, headers, { exchange, maxOctets });
    const chunks = (): AsyncGenerator<Uint8Array> => readChunks(body, { exchange, maxOctets });
    return { status: answer.statusCode, headers, error, chunks, ...readers(chunks, error) };
  } catch (cause) {
    exchange.end();
    throw exchange.explain(cause);
  }
}

/** One request from start to end: its deadline, and how its failures are put into words. */
type Exchange = {
  readonly signal: AbortSignal;
  /** Stops the clock. */
  readonly end: () => void;
  readonly error: (happened: string, facts?: Facts) => HttpError;
  /** What to throw for whatever was caught. */
  readonly explain: (cause: unknown) => unknown;
};

function startExchange(
  request: HttpRequest,
  { method, url, timeoutMs }: { method: string; url: URL; timeoutMs: number },
): Exchange {
  // Not AbortSignal.any and AbortSignal.timeout: their timers and links outlive the request they were made for.
  const controller = new AbortController();
  let expired = false;
  const stop = (): void => controller.abort(request.signal.reason);
  const expire = (): void => {
    expired = true;
    end();
    controller.abort();
  };
  const end = (): void => {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', stop);
  };
  request.signal.addEventListener('abort', stop, { once: true });
  const timer = Number.isFinite(timeoutMs) ? setTimeout(expire, timeoutMs) : undefined;
  const error: Exchange['error'] = (happened, facts) =>
    new HttpError(
      `${method} ${url.origin}${hideTokens(url.pathname)} ${tidy(happened, request.headers)}`,
      facts,
    );
  return {
    signal: controller.signal,
    error,
    end,
    explain: (cause) => {
      if (request.signal.aborted) return request.signal.reason;
      if (expired) return error(`timed out after ${duration(timeoutMs)}`, { transient: true, cause });
      if (cause instanceof HttpError) return cause;
      return error(...describe(cause));
    },
  };
}

/** The body without its gzip. Another encoding was not asked for (RFC 9110 §12.5.3) and can't be read. */
function openBody(
  body: Readable,
  headers: HttpResponse['headers'],
  { exchange, maxOctets }: { exchange: Exchange; maxOctets: number },
): Readable {
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  const refuse = (happened: string): HttpError => {
    body.on('error', () => {}).destroy();
    return exchange.error(happened);
  };
  if (Number(headers['content-length']) > maxOctets) throw refuse(`is larger than ${size(maxOctets)}`);
  if (encoding === 'identity' || headers['content-length'] === '0') return body;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') throw refuse(`came in the encoding ${encoding}, unasked`);
  // The callback has nothing to do: an error of either stream comes out of the gunzip, which is read to its end.
  return pipeline(body, createGunzip(), () => {});
}

async function* readChunks(
  body: Readable,
  { exchange, maxOctets }: { exchange: Exchange; maxOctets: number },
): AsyncGenerator<Uint8Array> {
  let octets = 0;
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) continue;
      octets += chunk.length;
      if (octets > maxOctets) throw exchange.error(`is larger than ${size(maxOctets)}`);
      yield chunk;
    }
  } catch (cause) {
    throw exchange.explain(cause);
  } finally {
    exchange.end();
  }
}

type Readers = Pick<HttpResponse, 'bytes' | 'text' | 'json' | 'discard' | 'refusal'>;

function readers(chunks: HttpResponse['chunks'], error: HttpResponse['error']): Readers {
  const bytes = (): Promise<Uint8Array> => collect(chunks());
  const text = async (): Promise<string> => new TextDecoder().decode(await bytes());
  return {
    bytes,
    text,
    json: async () => {
      const body = await text();
      try {
        const value: unknown = JSON.parse(body);
        return value;
      } catch {
        throw error(`not JSON but ${body === '' ? 'nothing' : body}`);
      }
    },
    discard: async () => {
      await beginning(chunks());
    },
    refusal: async () => error(new TextDecoder().decode(await beginning(chunks()))),
  };
}

/** Of a body nobody wants: enough for an excerpt, or all, so that its connection stays. May break off. */
async function beginning(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let octets = 0;
  try {
    for await (const chunk of chunks) {
      parts.push(chunk);
      octets += chunk.length;
      if (octets > BEGINNING_OCTETS) break;
    }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
  }
  return concatenate(parts);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return concatenate(parts);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function isTransientStatus(status: number): boolean {
  return status === 429 || status >= 500;
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed;
  throw new HttpError('a request was to go to something that is no http:// or https:// URL');
}

/** What Node and undici say by code, in words; `true` where trying again may help. */
const WORDS: Readonly<Record<string, readonly [words: string, transient: boolean]>> = {
  ECONNREFUSED: ['connection refused', true],
  ECONNRESET: ['connection reset', true],
  EPIPE: ['connection reset', true],
  ETIMEDOUT: ['connection timed out', true],
  EHOSTUNREACH: ['host unreachable', true],
  ENETUNREACH: ['network unreachable', true],
  ENOTFOUND: ['host name not found', true],
  EAI_AGAIN: ['host name look-up failed for now', true],
  ERR_STREAM_PREMATURE_CLOSE: ['connection closed before the answer was complete', true],
  UND_ERR_SOCKET: ['connection closed before the answer was complete', true],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['answer shorter or longer than announced', true],
  UND_ERR_CONNECT_TIMEOUT: ['could not connect in time', true],
  UND_ERR_HEADERS_TIMEOUT: ['no answer for too long', true],
  UND_ERR_BODY_TIMEOUT: ['answer stopped for too long', true],
  UND_ERR_HEADERS_OVERFLOW: ['headers too large', false],
  UND_ERR_DESTROYED: ['not sent, HTTP was closed', false],
  UND_ERR_CLOSED: ['not sent, HTTP was closed', false],
  Z_BUF_ERROR: ['gzip cut off', true],
  Z_DATA_ERROR: ['answer is not the gzip it says it is', false],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['certificate is self-signed and not among the trusted ones', false],
  SELF_SIGNED_CERT_IN_CHAIN: ['certificate comes from an unknown authority', false],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['certificate comes from an unknown authority', false],
  UNABLE_TO_GET_ISSUER_CERT: ['certificate comes from an unknown authority', false],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['certificate comes from an unknown authority', false],
  CERT_HAS_EXPIRED: ['certificate has expired', false],
  CERT_NOT_YET_VALID: ['certificate is not valid yet', false],
  ERR_TLS_CERT_ALTNAME_INVALID: ['certificate is for another host name', false],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ['a client certificate is required', false],
  ERR_SSL_WRONG_VERSION_NUMBER: ['no TLS on that port', false],
};

function describe(cause: unknown): [happened: string, facts: Facts] {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const known = WORDS[code];
  if (known) return [`failed: ${known[0]}`, { transient: known[1], cause }];
  if (code.startsWith('HPE_') || (cause instanceof Error && cause.name === 'HTTPParserError')) {
    return ['failed: the answer is not HTTP', { cause }];
  }
  const message = cause instanceof Error ? cause.message : 'for an unknown reason';
  return [`failed: ${message}${code && ` (${code})`}`, { cause }];
}

function excerpt(line: string): string {
  return line.length <= EXCERPT_CHARACTERS ? line : `${line.slice(0, EXCERPT_CHARACTERS)}…`;
}

function duration(durationMs: number): string {
  return durationMs < 1000 ? `${durationMs} ms` : `${durationMs / 1000} s`;
}

function size(octets: number): string {
  const mebibytes = octets / (1024 * 1024);
  return Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${octets} octets`;
}
