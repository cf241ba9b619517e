import { createWriter } from '../zone/octets.ts';
import { decodeBase64Url } from './base64url.ts';

/** RFC 8484 between HTTP and DNS messages: a request's query octets, and a reply's response. */
export const DNS_MESSAGE = 'application/dns-message';
/** The longest DNS message (RFC 1035 §4.2.2), and the longest `dns` parameter that holds one. */
const MAX_MESSAGE_OCTETS = 65_535;
const MAX_PARAMETER_CHARACTERS = 87_380;

/** Why a request holds no query, in a plain sentence, with the status that says so. */
export type HttpProblem = { readonly status: 400 | 405 | 406 | 413 | 414 | 415; readonly reason: string };

/** The query's octets, or what is wrong with the request. `search` is the URL from its `?` on. Rejects if a body breaks off. */
export function queryOctets(
  request: Request,
  search: string,
): Uint8Array | HttpProblem | Promise<Uint8Array | HttpProblem> {
  if (request.method === 'GET' || request.method === 'HEAD') {
    const octets = fromParameter(search);
    return octets instanceof Uint8Array && !acceptsMessages(request) ? NOT_ACCEPTABLE : octets;
  }
  if (request.method === 'POST') return fromBody(request);
  return { status: 405, reason: 'Ask by GET with ?dns=, or by POST.' };
}

function fromParameter(search: string): Uint8Array | HttpProblem {
  // The usual search is the parameter alone and needs no parsing.
  const plain = search.startsWith('?dns=') && !/[&%+]/.test(search);
  const text = plain ? search.slice(5) : new URLSearchParams(search).get('dns');
  if (text === null)
    return { status: 400, reason: 'The parameter dns is missing: it holds the query in base64url.' };
  if (text.length > MAX_PARAMETER_CHARACTERS)
    return { status: 414, reason: 'The parameter dns is longer than any DNS message.' };
  const octets = decodeBase64Url(text);
  return octets ?? { status: 400, reason: 'The parameter dns is not base64url (A-Z a-z 0-9 - _).' };
}

/** Media ranges that hold ours, the widest first. */
const RANGES = ['*/*', 'application/*', DNS_MESSAGE];
const NOT_ACCEPTABLE: HttpProblem = {
  status: 406,
  reason: `The reply would be ${DNS_MESSAGE}, which the header Accept rules out.`,
};

/** RFC 9110 §12.5.1: of the ranges in `Accept` that hold our media type, the narrowest decides. */
export function acceptsMessages(request: Request): boolean {
  const accept = request.headers.get('accept');
  // What nearly all send needs no parsing.
  if (!accept || accept === DNS_MESSAGE || accept === '*/*') return true;
  let narrowest = 0;
  let accepted = false;
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const width = RANGES.indexOf(type);
    if (width < narrowest) continue;
    narrowest = width;
    accepted = !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  }
  return accepted;
}

const TOO_LONG: HttpProblem = {
  status: 413,
  reason: `The body is longer than ${MAX_MESSAGE_OCTETS} octets.`,
};
/** What is wrong where reading a body throws. */
export const BROKEN_OFF: HttpProblem = { status: 400, reason: 'The body broke off.' };

function fromBody(request: Request): HttpProblem | Promise<Uint8Array | HttpProblem> {
  if (!hasMessage(request)) return { status: 415, reason: `The body should be ${DNS_MESSAGE}.` };
  if (!acceptsMessages(request)) return NOT_ACCEPTABLE;
  const stated = request.headers.get('content-length');
  if (Number(stated ?? 0) > MAX_MESSAGE_OCTETS) return TOO_LONG;
  return stated === null ? messageFrom(request.body).then((message) => message ?? TOO_LONG) : request.bytes();
}

function hasMessage(request: Request): boolean {
  const type = request.headers.get('content-type') ?? '';
  return type === DNS_MESSAGE || type.split(';', 1)[0]?.trim().toLowerCase() === DNS_MESSAGE;
}

/** The octets of a body; undefined if they are more than a message, of which no more is taken in than shows it. */
export async function messageFrom(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array | undefined> {
  const octets = createWriter(512);
  for await (const chunk of body ?? []) {
    // Leaving the loop cancels the stream.
    if (octets.offset() + chunk.length > MAX_MESSAGE_OCTETS) return undefined;
    octets.octets(chunk);
  }
  return octets.written();
}

/** What a response says besides the message. */
export type ResponseFacts = {
  /** Seconds it may be kept (RFC 8484 §5.1); undefined: not at all. */
  readonly ttl: number | undefined;
  /** May caches shared by several askers keep it? */
  readonly shared: boolean;
  /** Which snapshot it is from: its serial, how old it is in seconds, and whose, of those of a merged zone. */
  readonly snapshot?:
    | { readonly serial: number; readonly ageSeconds: number; readonly member?: string | undefined }
    | undefined;
};

/**
 * Responses without a body made lately, by TTL, of which new ones take their headers: in a second nearly all are
 * alike, and writing headers out anew is a quarter of what an answer takes here (1.7 of 7.3 µs in workerd).
 */
const heads = new Map<number | undefined, { readonly facts: ResponseFacts; readonly head: Response }>();
const MOST_HEADS = 64;

export function messageResponse(octets: Uint8Array, facts: ResponseFacts): Response {
  const known = heads.get(facts.ttl);
  if (known && hasSameHead(known.facts, facts)) return new Response(octets, known.head);
  if (heads.size >= MOST_HEADS) heads.clear();
  const head = headOf(facts);
  heads.set(facts.ttl, { facts, head });
  return new Response(octets, head);
}

function hasSameHead(a: ResponseFacts, b: ResponseFacts): boolean {
  return (
    a.ttl === b.ttl &&
    a.shared === b.shared &&
    a.snapshot?.serial === b.snapshot?.serial &&
    a.snapshot?.ageSeconds === b.snapshot?.ageSeconds &&
    a.snapshot?.member === b.snapshot?.member
  );
}

function headOf({ ttl, shared, snapshot }: ResponseFacts): Response {
  const headers: Record<string, string> = {
    'content-type': DNS_MESSAGE,
    'cache-control': ttl === undefined ? 'no-store' : `${shared ? '' : 'private, '}max-age=${ttl}`,
    'access-control-allow-origin': '*',
  };
  // What one asker may see another may not: their credential makes it another answer.
  if (!shared && ttl !== undefined) headers['vary'] = 'authorization, cookie';
  if (snapshot) {
    const { serial, ageSeconds, member } = snapshot;
    headers['snapshot'] = `${serial};age=${ageSeconds}${member === undefined ? '' : `;zone=${member}`}`;
  }
  return new Response(null, { headers });
}

export function problemResponse({
  status,
  reason,
}: {
  readonly status: number;
  readonly reason: string;
}): Response {
  const headers: Record<string, string> = {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'access-control-allow-origin': '*',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  if (status === 405) headers['allow'] = 'GET, HEAD, POST, OPTIONS';
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return new Response(`${reason}\n`, { status, headers });
}

/** The answer to a browser's preflight: pages may ask, by GET or POST; `credentials`: with `authorization`. */
export function preflightResponse({ credentials = false } = {}): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': `accept, ${credentials ? 'authorization, ' : ''}content-type`,
      'access-control-max-age': '86400',
    },
  });
}
