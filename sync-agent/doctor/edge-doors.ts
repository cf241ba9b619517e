import { createHmac } from 'node:crypto';
import { parseName } from '../../zone/name.ts';
import { encodeQuestion } from '../../zone/question.ts';
import { TYPE } from '../../zone/record.ts';
import type { Attempt } from './edge-asking.ts';

/** The tables of what is tried at an edge. Each `what` is without a secret. */
const DNS_MESSAGE = 'application/dns-message';
const DNS_JSON = 'application/dns-json';
/** A name that every zone has, and one that none has. */
export const PRESENT = 'leader';
export const ABSENT = 'no-such-name-here';
/** Answered by the world's resolvers, and by nobody's zone here (RFC 2606). */
export const OUTSIDE = 'example.com';

/** A DoH GET for a name and type, below `before` (`/t/TOKEN` or nothing). */
export function dohPath(name: string, type: number = TYPE.A, before = ''): string {
  const query = encodeQuestion({ name: parseName(name), type });
  return `${before}/dns-query?dns=${Buffer.from(query).toString('base64url')}`;
}

/** Every route, by every way that it is asked. */
export function routes(zone: string): readonly Attempt[] {
  const leader = `${PRESENT}.${zone}`;
  const service = `_${PRESENT}._tcp.${zone}`;
  const query = encodeQuestion({ name: parseName(leader), type: TYPE.A });
  const get = (path: string, headers: Record<string, string> = {}): Attempt => ({
    what: `GET ${path.replace(/\?dns=.*/, '?dns=…')}`,
    path,
    headers,
  });
  return [
    get(dohPath(leader), { accept: DNS_MESSAGE }),
    {
      what: 'POST /dns-query',
      path: '/dns-query',
      method: 'POST',
      headers: { 'content-type': DNS_MESSAGE },
      body: query,
    },
    get('/dns-query'),
    get(`/dns-query?name=${leader}`, { accept: DNS_JSON }),
    get(`/resolve?name=${leader}`),
    get(`/v1/hosts/${leader}`),
    get(`/v1/services/${service}`),
    get('/v1/version'),
    get('/v1/config'),
    get('/v1/axfr'),
    get('/v1/enumerate'),
    { ...get('/health'), mayAnswer: true },
    get('/'),
    get(`/?name=${leader}`),
    get('/nothing-here'),
  ];
}

/** Credentials that are wrong, each in its own way. `token` has the form of one and is none. */
export function wrongCredentials(zone: string, token: string): readonly Attempt[] {
  const path = dohPath(`${PRESENT}.${zone}`);
  const bearer = (what: string, value: string): Attempt => ({
    what: `authorization: ${what}`,
    path,
    headers: { authorization: value },
  });
  return [
    { what: 'a wrong token in the path', path: `/t/${token}${path}` },
    bearer('Bearer with a wrong token', `Bearer ${token}`),
    { what: 'a token of no known form in the path', path: `/t/x${path}` },
    { what: 'an empty token in the path', path: `/t/${path}` },
    { what: 'an over-long token in the path', path: `/t/${'a'.repeat(2000)}${path}` },
    { what: '__proto__ as a token', path: `/t/__proto__${path}` },
    bearer('Bearer with nothing', 'Bearer '),
    bearer('Basic', `Basic ${Buffer.from(`team:${token}`).toString('base64')}`),
    { what: 'a wrong token at /health', path: `/t/${token}/health` },
    { what: 'a wrong token at /', path: `/t/${token}/` },
  ];
}

/**
 * Other spellings of a request with a token: none of them is one, whether the token is right or wrong. URL parsers
 * take dot segments out before a Worker sees them, so those are not tried.
 */
export function oddPaths(zone: string, token: string): readonly Attempt[] {
  const path = dohPath(`${PRESENT}.${zone}`);
  const search = path.slice(path.indexOf('?'));
  const bare = '/dns-query';
  const odd: readonly (readonly [what: string, path: string])[] = [
    ['/T/ for /t/', `/T/${token}${path}`],
    ['//t/', `//t/${token}${path}`],
    ['an encoded slash before the route', `/t/${token}%2Fdns-query${search}`],
    ['an encoded slash before the token', `/t%2F${token}${path}`],
    ['an encoded letter in the token', `/t/%6d${token.slice(1)}${path}`],
    ['the token in capitals', `/t/${token.toUpperCase()}${path}`],
    ['the token and more', `/t/${token}a${path}`],
    ['the token without its end', `/t/${token.slice(0, -1)}${path}`],
    ['the token and a space', `/t/${token}%20${path}`],
    ['the token and a null', `/t/${token}%00${path}`],
    ['the token twice', `/t/${token}/t/${token}${path}`],
    ['a token behind another word', `/x/t/${token}${path}`],
    ['a token behind the route', `${bare}/t/${token}${search}`],
    ['a double slash before the route', `/t/${token}/${path}`],
    ['a backslash before the route', `/t/${token}%5Cdns-query${search}`],
    ['a parameter in the path', `/t/${token};a=b${path}`],
    ['a token as a parameter', `${path}&token=${token}`],
    ['the route in capitals', `/t/${token}/DNS-QUERY${search}`],
    ['a slash behind the route', `/t/${token}${bare}/${search}`],
  ];
  return odd.map(([what, oddPath]) => ({ what, path: oddPath }));
}

/** Methods that are not asked with, and one that looks and does not ask. */
export function oddMethods(zone: string): readonly Attempt[] {
  const path = dohPath(`${PRESENT}.${zone}`);
  return ['HEAD', 'PUT', 'DELETE', 'PATCH', 'PROPFIND'].map((method) => ({
    what: `${method} /dns-query`,
    path,
    method,
  }));
}

/** Assertions of Cloudflare Access that nobody signed, or not with its key. `nowMs` makes them fresh. */
export function forgedAssertions(zone: string, nowMs: number): readonly Attempt[] {
  const path = dohPath(`${PRESENT}.${zone}`);
  const seconds = Math.floor(nowMs / 1000);
  const claims = {
    iss: 'https://example.cloudflareaccess.com',
    aud: ['0'.repeat(64)],
    email: 'admin@example.com',
    iat: seconds,
    nbf: seconds,
    exp: seconds + 600,
  };
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = (header: object): string => `${part({ typ: 'JWT', ...header })}.${part(claims)}`;
  const hmac = (text: string): string =>
    `${text}.${createHmac('sha256', 'public key').update(text).digest('base64url')}`;
  const noise = Buffer.alloc(256, 0xa5).toString('base64url');
  const forged: readonly (readonly [what: string, assertion: string])[] = [
    ['alg none', `${unsigned({ alg: 'none' })}.`],
    ['alg None and a key id', `${unsigned({ alg: 'None', kid: 'a' })}.`],
    ['alg HS256', hmac(unsigned({ alg: 'HS256', kid: 'a' }))],
    ['alg RS256 with a made-up signature', `${unsigned({ alg: 'RS256', kid: '__proto__' })}.${noise}`],
    [
      'a key of its own in the header',
      `${unsigned({ alg: 'RS256', jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } })}.${noise}`,
    ],
    ['three dots', '...'],
    ['no JSON', 'bm90.anNvbg.c2ln'],
  ];
  return [
    ...forged.map(([what, assertion]) => ({
      what: `an assertion of Access with ${what}`,
      path,
      headers: { 'cf-access-jwt-assertion': assertion },
    })),
    {
      what: 'a cookie of Access with alg none',
      path,
      headers: { cookie: `CF_Authorization=${unsigned({ alg: 'none' })}.` },
    },
  ];
}

/** Headers by which proxies tell who asks: only Cloudflare's own word counts at a Worker. */
export function forgedHeaders(zone: string): readonly Attempt[] {
  const path = dohPath(`${PRESENT}.${zone}`);
  const forged: readonly Readonly<Record<string, string>>[] = [
    { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' },
    { 'x-ssl-client-verify': 'SUCCESS', 'ssl-client-verify': 'SUCCESS', 'cf-client-cert-verified': 'true' },
    { 'cf-access-authenticated-user-email': 'admin@example.com', 'x-remote-user': 'admin' },
    { 'x-original-url': '/health', 'x-rewrite-url': '/health', 'x-http-method-override': 'GET' },
  ];
  return forged.map((headers) => ({ what: `the header ${Object.keys(headers)[0] ?? ''}`, path, headers }));
}
