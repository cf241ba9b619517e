import { FormatError } from '../zone/format-error.ts';
import { FLAG, type Message, type MessageRecord, readMessage } from '../zone/message.ts';
import { parseName } from '../zone/name.ts';
import { type Query, readQuery } from '../zone/query.ts';
import { encodeQuestion } from '../zone/question.ts';
import { rdataText } from '../zone/rdata-text.ts';
import { TYPE, typeCode } from '../zone/record.ts';
import { RCODE } from '../zone/wire.ts';
import { DNS_MESSAGE, messageResponse, preflightResponse, problemResponse } from './doh.ts';
import type { View } from './access/views.ts';
import type { PageRequest } from './page-request.ts';
import { resolve, type Resolved } from './resolve.ts';
import { snapshotAgeSeconds } from './snapshot/held.ts';

/**
 * `application/dns-json`: a question by URL parameters, the reply as JSON, in the shape that Google's
 * `/resolve` and Cloudflare's `/dns-query?name=` share. Names in it are absolute, with their final dot.
 */
const DNS_JSON = 'application/dns-json';
/** RFC 1035 §4.1.1 and RFC 6840 §5.7, §5.9, in the header's fourth octet; DO in the OPT record's TTL. */
const FLAG_AD = 0x20;
const FLAG_CD = 0x10;
const FLAG_DO = 0x80;

/** May a request without `dns` be one for JSON? Cloudflare's way: by `accept`, or by `ct`. */
export function asksForJson(request: Request, search: string): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  const parameters = new URLSearchParams(search);
  if (parameters.get('name') === null || parameters.get('dns') !== null) return false;
  const accept = `${request.headers.get('accept') ?? ''},${parameters.get('ct') ?? ''}`;
  return /application\/(?:dns-)?json/i.test(accept);
}

/** Answers a question in parameters (`search` is the URL from its `?` on); what can't be asked is a 400. */
export async function answerJson(
  request: Request,
  search: string,
  { view, waitUntil, log }: Pick<PageRequest, 'view' | 'waitUntil' | 'log'>,
): Promise<Response> {
  if (request.method === 'OPTIONS') return preflightResponse();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const refused = problemResponse({ status: 405, reason: 'Ask by GET with ?name= and &type=.' });
    refused.headers.set('allow', 'GET, HEAD, OPTIONS');
    return refused;
  }
  const parameters = new URLSearchParams(search);
  const query = queryFrom(parameters);
  if (typeof query === 'string') return problemResponse({ status: 400, reason: query });
  const resolved = await resolve(query, view.options, waitUntil);
  log?.(resolved.octets);
  const response = responseTo(resolved, view);
  if (parameters.get('ct')?.toLowerCase() === DNS_MESSAGE) return response;
  // What a message's response says of caching, of who may read it and of the snapshot holds for its JSON too.
  response.headers.set('content-type', DNS_JSON);
  return new Response(JSON.stringify(jsonOf(resolved.octets)), { headers: response.headers });
}

/** The question that parameters ask, or what is wrong with them, in a sentence. */
function queryFrom(parameters: URLSearchParams): Query | string {
  const name = parameters.get('name') ?? '';
  if (name === '') return 'The parameter name is missing: it says which name to look up.';
  const type = typeFrom(parameters.get('type') ?? '');
  if (type === undefined)
    return 'The parameter type is no record type: give a name such as AAAA, or 1 to 65535.';
  const flags = { cd: flagFrom(parameters.get('cd')), do: flagFrom(parameters.get('do')) };
  if (flags.cd === undefined || flags.do === undefined)
    return 'The parameters cd and do are 0, 1, false or true.';
  try {
    const octets = encodeQuestion({ name: parseName(name), type, edns: true });
    octets[3] = FLAG_AD | (flags.cd ? FLAG_CD : 0);
    if (flags.do) octets[octets.length - 4] = FLAG_DO;
    const query = readQuery(octets);
    return query?.kind === 'query' ? query : 'That can not be asked.';
  } catch (error) {
    if (error instanceof FormatError) return `The parameter name is no domain name: ${error.message}.`;
    throw error;
  }
}

function typeFrom(text: string): number | undefined {
  if (text === '') return TYPE.A;
  const type = /^\d{1,5}$/.test(text) ? Number(text) : typeCode(text);
  return type !== undefined && type > 0 && type <= 0xffff ? type : undefined;
}

function flagFrom(text: string | null): boolean | undefined {
  if (text === null || text === '0' || text.toLowerCase() === 'false') return false;
  return text === '' || text === '1' || text.toLowerCase() === 'true' ? true : undefined;
}

function responseTo({ octets, ttl, held }: Resolved, { options: { now }, shared }: View): Response {
  return messageResponse(octets, {
    ttl,
    shared,
    ...(held && {
      snapshot: {
        serial: held.root.serial,
        ageSeconds: snapshotAgeSeconds(held, now()),
        member: held.shown?.member,
      },
    }),
  });
}

/** A reply as JSON; one that can't be read is SERVFAIL, and says so. */
function jsonOf(octets: Uint8Array): Record<string, unknown> {
  try {
    return fieldsOf(octets, readMessage(octets));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { Status: RCODE.SERVFAIL, Comment: `The reply can not be read: ${error.message}` };
  }
}

function fieldsOf(octets: Uint8Array, message: Message): Record<string, unknown> {
  const { flags, questions, answers, authority, additional, extendedErrors } = message;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const section = (name: string, records: readonly MessageRecord[]): Record<string, unknown> =>
    records.length > 0 ? { [name]: records.map((record) => jsonRecord(octets, record)) } : {};
  return {
    Status: message.rcode,
    TC: has(FLAG.TC),
    RD: has(FLAG.RD),
    RA: has(FLAG.RA),
    AD: has(FLAG.AD),
    CD: has(FLAG.CD),
    Question: questions.map(({ name, type }) => ({ name: `${name}.`, type })),
    ...section('Answer', answers),
    ...section('Authority', authority),
    ...section('Additional', additional),
    ...(extendedErrors.length > 0 && {
      Comment: extendedErrors.map(({ code, text }) => `EDE(${code})${text && `: ${text}`}`).join('; '),
    }),
  };
}

function jsonRecord(octets: Uint8Array, record: MessageRecord): Record<string, unknown> {
  const { name, type, ttl } = record;
  return { name: `${name}.`, type, TTL: ttl, data: rdataText(octets, record) };
}
