import { FormatError } from '../../zone/format-error.ts';
import { type Message, readMessage } from '../../zone/message.ts';
import type { OwnerName } from '../../zone/name.ts';
import { encodeQuestion } from '../../zone/question.ts';
import { RCODE } from '../../zone/wire.ts';

/** One name and type to ask for, and the ID that the reply has to bear. */
export type Question = { readonly name: OwnerName; readonly type: number; readonly id: number };

/** What came back over HTTP. Header names in lower case. */
export type HttpReply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly octets: Uint8Array;
};

/** A message that answers the question; or what came instead, and what helps. No secret is in the words. */
export type Answered =
  | {
      readonly kind: 'message';
      readonly message: Message;
      readonly octets: Uint8Array;
      /** As the resolver says it of names in its zones. */
      readonly snapshot?: { readonly serial: number; readonly ageSeconds: number };
      /** The server's clock, in milliseconds since 1970. */
      readonly dateMs?: number;
    }
  | {
      /** `credential`: 401. `forbidden`: 403. `too-many`: 429. `page`: something made for people. */
      readonly kind: 'credential' | 'forbidden' | 'too-many' | 'page' | 'status' | 'malformed' | 'failed';
      readonly says: string;
      readonly mend: string;
    };

type Instead = Exclude<Answered, { kind: 'message' }>;

const QR = 0x8000;
const MAX_SHOWN = 120;

/** The question as a message with EDNS, with its ID. */
export function queryFor({ name, type, id }: Question): Uint8Array {
  const query = encodeQuestion({ name, type, edns: true });
  query.set([id >> 8, id & 0xff]);
  return query;
}

/** What an HTTP reply is to a DoH client (RFC 8484 §4.2). */
export function judgeReply(reply: HttpReply, question: Question, hasToken: boolean): Answered {
  const { status, headers, octets } = reply;
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (status >= 300 && status < 400) return redirected(headers['location'] ?? '', status);
  if (status === 401) return unauthorized(hasToken);
  if (status === 403) return FORBIDDEN;
  if (status === 429) return tooMany(headers['retry-after']);
  if (type === 'text/html') return page(status);
  if (status !== 200) return otherStatus(reply, hasToken);
  if (type !== 'application/dns-message')
    return malformed(
      `the reply is ${type === '' ? 'of no stated type' : excerpt(type)}, not application/dns-message`,
    );
  const read = readReply(octets, question);
  if (typeof read === 'string') return malformed(read);
  const snapshot = readSnapshot(reply);
  const dateMs = Date.parse(headers['date'] ?? '');
  return {
    kind: 'message',
    message: read,
    octets,
    ...(snapshot && { snapshot }),
    ...(Number.isFinite(dateMs) && { dateMs }),
  };
}

/** The snapshot that an answer is from, of `snapshot: 1795211959;age=12`, with or without `;zone=mesos`. */
export function readSnapshot({
  headers,
}: Pick<HttpReply, 'headers'>): { readonly serial: number; readonly ageSeconds: number } | undefined {
  const [, serial, age] = /^(\d+);age=(\d+)(?:;zone=.*)?$/.exec(headers['snapshot'] ?? '') ?? [];
  return serial === undefined ? undefined : { serial: Number(serial), ageSeconds: Number(age) };
}

/** A message, if it answers the question; else what is wrong with it, in words. */
export function readReply(octets: Uint8Array, { name, type, id }: Question): Message | string {
  let message: Message;
  try {
    message = readMessage(octets);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return `the reply can not be read: ${error.message}`;
  }
  const came = ((octets[0] ?? 0) << 8) | (octets[1] ?? 0);
  if ((message.flags & QR) === 0) return 'the reply is a query, not a response';
  if (came !== id) return `the reply has the ID ${came}, not that of the query, ${id}`;
  const [asked, ...more] = message.questions;
  // FORMERR and NOTIMP may come as a header alone.
  if (!asked && (message.rcode === RCODE.FORMERR || message.rcode === RCODE.NOTIMP)) return message;
  if (!asked || more.length > 0 || asked.name !== name || asked.type !== type)
    return 'the reply is to another question';
  return message;
}

function redirected(location: string, status: number): Instead {
  if (/^https:\/\/[a-z0-9-]+\.cloudflareaccess\.com\//.test(location))
    return {
      kind: 'page',
      says: `${status}: the sign-in page of Cloudflare Access stands before the resolver`,
      mend: 'DoH clients can not sign in: whoever runs it lets /dns-query and /t/ by (docs/access.md)',
    };
  const host = URL.canParse(location) ? ` to ${new URL(location).host}` : '';
  return {
    kind: 'page',
    says: `${status}: sent on${host} instead of answered; redirects are not followed`,
    mend: "Is it this network's sign-in page? Open a web page and sign in. Else check the URL",
  };
}

function page(status: number): Instead {
  return {
    kind: 'page',
    says: `${status}: a web page came instead of an answer`,
    mend: "Is it this network's sign-in page? Open a web page and sign in. Else check the URL's path: /dns-query, or /t/TOKEN/dns-query",
  };
}

function unauthorized(hasToken: boolean): Instead {
  if (!hasToken)
    return {
      kind: 'credential',
      says: '401: the resolver wants a token, and none was given',
      mend: 'Set MESOS_DOH_TOKEN, or put it in the URL: /t/TOKEN/dns-query',
    };
  return {
    kind: 'credential',
    says: '401: the token is not taken',
    mend: 'Is it whole, not ended, not revoked, and older than 3 minutes? Whoever runs the resolver sees it in mesos-doh token list',
  };
}

const FORBIDDEN: Instead = {
  kind: 'forbidden',
  says: '403: turned away, whatever the token',
  mend: "Something before the resolver forbids it (a firewall rule, a country, a proxy), or the Worker's ACCESS is not set (docs/access.md)",
};

function tooMany(retryAfter: string | undefined): Instead {
  const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? `${retryAfter} s` : 'a minute';
  return {
    kind: 'too-many',
    says: '429: too many requests from here',
    mend: `Try again in ${seconds}. If it comes back, something asks without pause, or many share one token: docs/access.md`,
  };
}

function otherStatus({ status, octets }: HttpReply, hasToken: boolean): Instead {
  const said = excerpt(new TextDecoder().decode(octets.subarray(0, 4 * MAX_SHOWN)));
  const says = `the reply is ${status}${said === '' ? '' : `: ${said}`}`;
  const mend =
    status === 404
      ? `Check the path: it is /dns-query, or /t/TOKEN/dns-query${hasToken ? '; and does the resolver want tokens at all?' : ''}`
      : status >= 500
        ? 'The resolver, or what stands before it, is broken: see its log'
        : 'Check the URL, and what stands between here and the resolver';
  return { kind: 'status', says, mend };
}

function malformed(says: string): Instead {
  return { kind: 'malformed', says, mend: 'Is it a DoH server? Check the URL, and what stands between' };
}

function excerpt(text: string): string {
  const line = text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .replace(/\.$/, '');
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}…`;
}
