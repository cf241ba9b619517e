import { expect } from 'vitest';
import { answers, each, expectAnswer, readDns, refused, type Wanted } from './check.ts';
import type { Reply, Row, Sent } from './row.ts';
import { base64url, byGet, byPost, DNS_MESSAGE, paddedTo, query, TYPE } from './send.ts';

/** HTTP: what may be sent, which status it gets, how long an answer may be kept. */

const WEB = query('web.mesos');
const TEXT = base64url(WEB);
const ADDRESSES = ['A web.mesos 10.0.0.1', 'A web.mesos 10.0.0.2'];
const answersWeb = answers({ rcode: 'NOERROR', authoritative: true, answers: ADDRESSES, kept: 'max-age=30' });

/** A GET with its search as it is. */
const search = (text: string, message?: Uint8Array): Sent => ({
  method: 'GET',
  path: `/dns-query${text}`,
  headers: { accept: DNS_MESSAGE },
  ...(message && { message }),
});
const asWeb = (text: string): Sent => search(text, WEB);
const accepting = (accept: string): Sent[] => [byGet(WEB, { accept }), byPost(WEB, { headers: { accept } })];
const typed = (type: string): Sent => byPost(WEB, { type });
const method = (name: string, path = `/dns-query?dns=${TEXT}`): Sent => ({
  method: name,
  path,
  headers: {},
});
const at = (path: string): Sent => ({ method: 'GET', path, headers: {} });
const post = (body: Uint8Array, headers: Sent['headers'] = {}): Sent => byPost(body, { headers });

const hasHeaders = (wanted: Readonly<Record<string, string | RegExp | undefined>>) =>
  each((reply) => {
    for (const [name, value] of Object.entries(wanted)) {
      if (value === undefined) expect(reply.header(name), name).toBeUndefined();
      else expect(reply.header(name) ?? '', name).toMatch(value);
    }
  });
const both =
  (...checks: ((replies: readonly Reply[]) => void)[]) =>
  (replies: readonly Reply[]): void => {
    for (const check of checks) check(replies);
  };
/** HEAD's replies say what GET's do, with nothing behind it. */
const sameButEmpty = ([get, head]: readonly Reply[]): void => {
  expect([head?.status, head?.octets.length]).toEqual([get?.status, 0]);
  for (const name of ['content-type', 'cache-control', 'access-control-allow-origin'])
    expect(head?.header(name), name).toBe(get?.header(name));
};
const preflight: Sent = {
  ...method('OPTIONS', '/dns-query'),
  headers: {
    origin: 'https://app.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  },
};
const mayAsk = both(
  each(({ status, octets }) => expect([status, octets.length]).toEqual([204, 0])),
  hasHeaders({
    'access-control-allow-origin': /^\*$/,
    'access-control-allow-methods': /GET.*POST/,
    'access-control-allow-headers': /content-type/i,
    'access-control-max-age': /^\d+$/,
  }),
);
const keeps = (owner: string, type: number, wanted: Wanted): Pick<Row, 'send' | 'holds'> => ({
  send: [byGet(query(owner, type)), byPost(query(owner, type))],
  // What may be kept is never kept longer than the record that dies first.
  holds: each((reply) => {
    const judged = expectAnswer(reply, wanted);
    const ttls = [...judged.answers, ...judged.authority].map(({ ttl }) => ttl);
    const kept = /^max-age=(\d+)$/.exec(judged.ttl)?.[1];
    if (kept !== undefined) expect(Number(kept)).toBe(Math.min(...ttls));
  }),
});
const MISSING = /dns is missing/;
const NOT_BASE64 = /not base64url/;
const NO_QUERY = /no DNS query/;

// prettier-ignore
export const HTTP_ROWS: readonly Row[] = [
  { id: 'http-get', source: 'RFC 8484 §4.1', level: 'MUST', says: 'GET with ?dns= is answered', send: [byGet(WEB)], holds: answersWeb },
  { id: 'http-post', source: 'RFC 8484 §4.1', level: 'MUST', says: 'POST is answered', send: [byPost(WEB)], holds: answersWeb },
  { id: 'http-get-long', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'a query of 8,000 characters fits a URL', send: [byGet(paddedTo(6000))], holds: answersWeb },
  { id: 'http-post-limit', source: 'RFC 8484 §6', level: 'MUST', says: 'a message of 65,535 octets is taken', send: [byPost(paddedTo(65_535))], holds: answersWeb },
  { id: 'http-no-accept', source: 'RFC 8484 §4.1', level: 'MUST', says: 'Accept may be missing', send: [byGet(WEB, { accept: '' })], holds: answersWeb },
  { id: 'http-post-url', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'POST takes its message from the body, whatever the URL says', send: [{ ...byPost(WEB), path: '/dns-query?dns=AAAA' }], holds: answersWeb },
  { id: 'http-example', source: 'RFC 8484 §4.1.1', level: 'MUST', says: "the RFC's own example is read", send: [search('?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB', query('www.example.com', TYPE.A, { id: 0 }))], holds: answers({ rcode: 'REFUSED' }) },

  { id: 'type-case', source: 'RFC 9110 §8.3.1', level: 'MUST', says: 'media types are compared in any case', send: [typed('Application/DNS-Message'), typed('APPLICATION/DNS-MESSAGE')], holds: answersWeb },
  { id: 'type-parameters', source: 'RFC 9110 §8.3.1', level: 'SHOULD', says: 'parameters behind the media type do not matter', send: [typed(`${DNS_MESSAGE}; charset=utf-8`), typed(`${DNS_MESSAGE};x="a;b"`)], holds: answersWeb },
  { id: 'type-other', source: 'RFC 8484 §6, RFC 9110 §15.5.16', level: 'SHOULD', says: 'other media types are 415', send: [typed('application/dns-json'), typed('text/plain'), typed('application/octet-stream'), typed(`text/plain; ${DNS_MESSAGE}`)], holds: refused(415, /application\/dns-message/) },
  { id: 'type-missing', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'a body without media type is 415', send: [typed('')], holds: refused(415, /application\/dns-message/) },
  { id: 'type-longer', source: 'RFC 9110 §8.3.1', level: 'SHOULD', says: 'a media type that begins like ours is another', send: [typed('application/dns-messages'), typed('application/dns-message-x')], holds: refused(415, /application\/dns-message/) },
  { id: 'type-reply', source: 'RFC 8484 §4.2.1, RFC 9110 §8.3', level: 'MUST', says: 'replies have one Content-Type, without parameters', send: [byGet(WEB), byPost(WEB)], holds: hasHeaders({ 'content-type': /^application\/dns-message$/ }) },
  { id: 'type-length', source: 'RFC 8484 §4.2.1', level: 'SHOULD', says: 'Content-Length, where it is said, is right', send: [byGet(WEB), byPost(WEB)], holds: each((reply) => expect(Number(reply.header('content-length') ?? reply.octets.length)).toBe(reply.octets.length)) },

  { id: 'base64-unpadded', source: 'RFC 8484 §6', level: 'MUST', says: 'base64url without padding is read, whatever is left over of three octets', send: ['a.mesos', 'aa.mesos', 'aaa.mesos'].map((owner) => byGet(query(owner))), holds: answers({ rcode: 'NXDOMAIN' }) },
  { id: 'base64-padded', source: 'RFC 4648 §3.2', level: 'EXTRA', says: 'padding may stand behind it', send: ['a.mesos', 'aa.mesos', 'aaa.mesos'].map((owner) => { const message = query(owner); const text = base64url(message); return search(`?dns=${text.padEnd(Math.ceil(text.length / 4) * 4, '=')}`, message); }), holds: answers({ rcode: 'NXDOMAIN' }) },
  { id: 'base64-padding-encoded', source: 'RFC 4648 §3.2', level: 'EXTRA', says: 'padding may be percent-encoded', send: [(() => { const message = query('aa.mesos'); const text = base64url(message); return search(`?dns=${text}${'%3D'.repeat((4 - (text.length % 4)) % 4)}`, message); })()], holds: answers({ rcode: 'NXDOMAIN' }) },
  { id: 'base64-all', source: 'RFC 4648 §5', level: 'MUST', says: '- and _ are read', send: [byGet(query(Buffer.from([3, 0xfb, 0xff, 0xbf, 5, 109, 101, 115, 111, 115, 0])))], holds: answers({ rcode: 'NXDOMAIN' }) },
  { id: 'base64-plus', source: 'RFC 4648 §3.3', level: 'SHOULD', says: 'plus and slash are not of this alphabet: 400', send: [asWeb(`?dns=${TEXT.slice(0, -2)}+A`), asWeb(`?dns=${TEXT.slice(0, -2)}/A`), asWeb(`?dns=${TEXT.slice(0, -2)}%2BA`)], holds: refused(400, NOT_BASE64) },
  { id: 'base64-space', source: 'RFC 4648 §3.3', level: 'SHOULD', says: 'white space is 400', send: [asWeb(`?dns=${TEXT}%20`), asWeb(`?dns=${TEXT}%0A`), asWeb(`?dns=%20${TEXT}`)], holds: refused(400, NOT_BASE64) },
  { id: 'base64-length', source: 'RFC 4648 §4', level: 'SHOULD', says: 'a length that no octets give is 400', send: [asWeb(`?dns=${base64url(new Uint8Array(33))}A`)], holds: refused(400, NOT_BASE64) },
  { id: 'base64-bits', source: 'RFC 4648 §3.5', level: 'SHOULD', says: 'bits left over that are not zero are 400', send: [asWeb('?dns=AB')], holds: refused(400, NOT_BASE64) },
  { id: 'base64-padding-wrong', source: 'RFC 4648 §3.2', level: 'SHOULD', says: 'padding in the middle, or too much of it, is 400', send: [asWeb(`?dns=AA==AA`), asWeb('?dns=AAAA==='), asWeb('?dns=AAA==')], holds: refused(400, NOT_BASE64) },
  { id: 'base64-other', source: 'RFC 4648 §3.3', level: 'SHOULD', says: 'other characters are 400', send: [asWeb('?dns=%FF%FE'), asWeb('?dns=AA.A'), asWeb('?dns=%00AAA'), asWeb(`?dns=${TEXT}%`), asWeb('?dns=%E2%84%AA')], holds: refused(400, NOT_BASE64) },

  { id: 'get-missing', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'GET without dns is 400', send: [asWeb(''), asWeb('?'), asWeb('?ct=application/dns-message')], holds: refused(400, MISSING) },
  { id: 'get-empty', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'an empty dns is 400', send: [asWeb('?dns='), asWeb('?dns'), asWeb('?dns=&x=1')], holds: refused(400, NO_QUERY) },
  { id: 'get-case', source: 'RFC 3986 §6.2.2.1', level: 'SHOULD', says: 'parameter names have their case', send: [asWeb(`?DNS=${TEXT}`), asWeb(`?Dns=${TEXT}`)], holds: refused(400, MISSING) },
  { id: 'get-order', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'parameters may stand in any order, others are passed over', send: [asWeb(`?x=1&dns=${TEXT}`), asWeb(`?dns=${TEXT}&x=1`), asWeb(`?ct&dns=${TEXT}&name=`), asWeb(`?&&dns=${TEXT}&`)], holds: answersWeb },
  { id: 'get-ct', source: 'doh.md row 7', level: 'EXTRA', says: 'ct= of old clients is passed over', send: [asWeb(`?ct=application/dns-message&dns=${TEXT}`), asWeb(`?ct=application/dns-udpwireformat&dns=${TEXT}`)], holds: answersWeb },
  { id: 'get-encoded', source: 'RFC 3986 §2.1', level: 'MUST', says: 'percent-encoded characters are the characters', send: [asWeb(`?dns=${TEXT.replaceAll(/./g, (char) => `%${char.charCodeAt(0).toString(16)}`)}`), asWeb(`?%64ns=${TEXT}`)], holds: answersWeb },
  { id: 'get-twice', source: 'RFC 8484 §4.1', level: 'EXTRA', says: 'of two dns the first counts', send: [asWeb(`?dns=${TEXT}&dns=AAAA`)], holds: answersWeb },
  { id: 'get-suffix', source: 'RFC 3986 §3.4', level: 'SHOULD', says: 'xdns is another parameter', send: [asWeb(`?xdns=AAAA&dns=${TEXT}`), asWeb(`?edns=AAAA&dns=${TEXT}`)], holds: answersWeb },

  { id: 'short', source: 'RFC 8484 §4.2.1', level: 'SHOULD', says: 'less than a header is 400', send: [byGet(new Uint8Array(11)), byPost(new Uint8Array(11)), byGet(new Uint8Array(1)), byPost(new Uint8Array())], holds: refused(400, NO_QUERY) },
  { id: 'response', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'a message that is a response is 400', send: [byGet(query('web.mesos', 1, { flags: 0x8180 })), byPost(query('web.mesos', 1, { flags: 0x8180 }))], holds: refused(400, NO_QUERY) },
  { id: 'post-long', source: 'RFC 9110 §15.5.14', level: 'SHOULD', says: '65,536 octets are 413', send: [post(paddedTo(65_536)), post(new Uint8Array(70_000))], holds: refused(413, /65535 octets/) },
  { id: 'post-very-long', source: 'RFC 9110 §15.5.14', level: 'SHOULD', says: 'a megabyte is 413', send: [post(new Uint8Array(1024 * 1024))], holds: refused(413, /65535 octets/) },
  { id: 'post-streamed', source: 'RFC 9112 §7.1', level: 'MUST', says: 'a body may come in chunks, its length unsaid', send: [{ ...byPost(WEB), streamed: true }, { ...byPost(paddedTo(65_535)), streamed: true }], holds: answersWeb },
  { id: 'post-streamed-long', source: 'RFC 9110 §15.5.14', level: 'SHOULD', says: 'and is 413 where it grows too long', send: [{ ...post(paddedTo(65_536)), streamed: true }, { ...post(new Uint8Array(300_000)), streamed: true }], holds: refused(413, /65535 octets/) },
  { id: 'after-error', source: 'RFC 9112 §9.3, doh.md section 4', level: 'MUST', says: 'an error is no reason to fail the next request', send: [post(new Uint8Array(70_000)), asWeb('?dns=AB'), method('PUT'), byPost(WEB), byGet(WEB)], holds: (replies) => { expect(replies.map(({ status }) => status)).toEqual([413, 400, 405, 200, 200]); answersWeb(replies.slice(3)); } },
  { id: 'get-too-long', source: 'RFC 9110 §15.5.15', level: 'SHOULD', says: 'a parameter longer than any message is 414', send: [asWeb(`?dns=${'A'.repeat(88_000)}`), asWeb(`?dns=${'A'.repeat(200_000)}`)], holds: each(({ status }) => expect(status).toBe(414)) },

  { id: 'path-other', source: 'RFC 9110 §15.5.5', level: 'SHOULD', says: 'other paths are 404', send: ['/dns-query/', '/DNS-QUERY', '/dns-queries', '/x/dns-query', '/favicon.ico', '/.well-known/x'].map((path) => at(`${path}?dns=${TEXT}`)), holds: refused(404, /nothing at/) },
  { id: 'method-other', source: 'RFC 9110 §15.5.6', level: 'MUST', says: 'other methods are 405, and Allow names those that work', send: ['PUT', 'DELETE', 'PATCH'].map((name) => method(name)), holds: both(refused(405, /GET.*POST/), hasHeaders({ allow: /^GET, HEAD, POST, OPTIONS$/ })) },
  { id: 'method-head', source: 'RFC 9110 §9.3.2', level: 'SHOULD', says: 'HEAD is GET without a body', send: [byGet(WEB), byGet(WEB, { method: 'HEAD' })], holds: sameButEmpty },
  { id: 'method-head-error', source: 'RFC 9110 §9.3.2', level: 'SHOULD', says: 'HEAD is GET also where GET fails', send: [asWeb('?dns=AB'), { ...asWeb('?dns=AB'), method: 'HEAD' }], holds: sameButEmpty },
  { id: 'method-allow-only', source: 'RFC 9110 §10.2.1', level: 'SHOULD', says: 'Allow stands in 405 alone', send: [asWeb('?dns='), byGet(WEB)], holds: hasHeaders({ allow: undefined }) },

  { id: 'accept-ours', source: 'RFC 9110 §12.5.1', level: 'MUST', says: 'ranges that hold our type are fine', send: [DNS_MESSAGE, '*/*', 'application/*', 'Application/DNS-Message', `text/html, ${DNS_MESSAGE}`, 'text/html,application/xml;q=0.9,*/*;q=0.8', `${DNS_MESSAGE};q=0.1`, `${DNS_MESSAGE}; q=0.001`].flatMap((accept) => accepting(accept)), holds: answersWeb },
  { id: 'accept-none', source: 'RFC 9110 §15.5.7', level: 'SHOULD', says: 'an Accept that rules our type out is 406', send: ['text/html', 'application/json', 'image/*', 'application/dns-json, text/plain;q=0.5'].flatMap((accept) => accepting(accept)), holds: refused(406, /Accept/) },
  { id: 'accept-zero', source: 'RFC 9110 §12.4.2', level: 'SHOULD', says: 'a weight of 0 rules out', send: [`${DNS_MESSAGE};q=0`, '*/*;q=0', 'application/*; q=0.000', `${DNS_MESSAGE}; Q=0.0`].flatMap((accept) => accepting(accept)), holds: refused(406, /Accept/) },
  { id: 'accept-narrow', source: 'RFC 9110 §12.5.1', level: 'SHOULD', says: 'the narrowest range decides', send: [`*/*, ${DNS_MESSAGE};q=0`, `${DNS_MESSAGE};q=0, application/*;q=1`, `application/*;q=0, */*`].flatMap((accept) => accepting(accept)), holds: refused(406, /Accept/) },
  { id: 'accept-narrow-yes', source: 'RFC 9110 §12.5.1', level: 'SHOULD', says: 'the narrowest range decides, for us too', send: [`*/*;q=0, ${DNS_MESSAGE}`, `application/*;q=0, ${DNS_MESSAGE};q=0.3`].flatMap((accept) => accepting(accept)), holds: answersWeb },

  { id: 'cors-answer', source: 'Fetch §3.3', level: 'SHOULD', says: 'pages may read answers', send: [byGet(WEB), byPost(WEB, { headers: { origin: 'https://app.example' } })], holds: hasHeaders({ 'access-control-allow-origin': /^\*$/ }) },
  { id: 'cors-error', source: 'Fetch §3.3', level: 'SHOULD', says: 'and errors', send: [asWeb('?dns=AB'), typed('text/plain'), method('PUT')], holds: hasHeaders({ 'access-control-allow-origin': /^\*$/ }) },
  { id: 'cors-preflight', source: 'Fetch §4.8', level: 'SHOULD', says: 'a preflight gets 204 and what may be sent', send: [preflight, { ...preflight, path: `/dns-query?dns=${TEXT}` }], holds: mayAsk },
  { id: 'cors-options', source: 'RFC 9110 §9.3.7', level: 'SHOULD', says: 'OPTIONS without an origin is fine too', send: [method('OPTIONS')], holds: mayAsk },
  { id: 'cors-no-credentials', source: 'Fetch §3.3.5', level: 'SHOULD', says: 'credentials are not asked for', send: [byGet(WEB), preflight], holds: hasHeaders({ 'access-control-allow-credentials': undefined, 'set-cookie': undefined }) },

  { id: 'kept-ttl', source: 'RFC 8484 §5.1', level: 'SHOULD', says: 'Cache-Control is the TTL', ...keeps('long.mesos', TYPE.A, { kept: 'max-age=86400' }) },
  { id: 'kept-least', source: 'RFC 8484 §5.1', level: 'MUST', says: 'of several TTLs the least', ...keeps('web.mesos', TYPE.ANY, { kept: 'max-age=20' }) },
  { id: 'kept-zero', source: 'RFC 8484 §5.1', level: 'MUST', says: 'a TTL of 0 is not kept', ...keeps('zero.mesos', TYPE.A, { kept: 'max-age=0' }) },
  { id: 'kept-soa', source: 'RFC 8484 §5.1', level: 'SHOULD', says: 'an SOA asked for has its own TTL', ...keeps('mesos', TYPE.SOA, { kept: 'max-age=60' }) },
  { id: 'kept-nxdomain', source: 'RFC 8484 §5.1, RFC 2308 §5', level: 'MUST', says: 'NXDOMAIN is kept for min(SOA TTL, MINIMUM)', ...keeps('nothing.mesos', TYPE.A, { rcode: 'NXDOMAIN', kept: 'max-age=10' }) },
  { id: 'kept-nodata', source: 'RFC 8484 §5.1, RFC 2308 §5', level: 'MUST', says: 'NODATA too', ...keeps('web.mesos', TYPE.TXT, { rcode: 'NOERROR', kept: 'max-age=10' }) },
  { id: 'kept-error', source: 'RFC 2308 §7', level: 'SHOULD', says: 'REFUSED is not kept', ...keeps('www.example.com', TYPE.A, { rcode: 'REFUSED', kept: 'no-store' }) },
  { id: 'kept-age', source: 'RFC 8484 §5.1, doh.md row 11', level: 'SHOULD', says: 'no Age of our own: the TTL is the freshness', send: [byGet(WEB), byPost(WEB)], holds: hasHeaders({ age: undefined, expires: undefined }) },
  { id: 'kept-alike', source: 'RFC 8484 §5.1', level: 'SHOULD', says: 'GET and POST are kept alike', send: [byGet(WEB), byPost(WEB)], holds: ([get, put]) => expect(put?.header('cache-control')).toBe(get?.header('cache-control')) },

  { id: 'status-dns', source: 'RFC 8484 §4.2.1', level: 'MUST', says: 'what DNS can say is status 200', send: [query('nothing.mesos'), query('www.example.com'), query('web.mesos', 1, { flags: 0x2000 }), query('web.mesos', 1, { edns: { version: 9 } }), query('web.mesos', 1, { behind: Buffer.of(0) })].flatMap((octets) => [byGet(octets), byPost(octets)]), holds: each((reply) => void readDns(reply)) },
  { id: 'same-octets', source: 'RFC 8484 §4.1', level: 'SHOULD', says: 'GET and POST answer with the same octets', send: [byGet(query('v4.mesos')), byPost(query('v4.mesos'))], holds: ([get, put]) => expect(Buffer.from(put?.octets ?? [])).toEqual(Buffer.from(get?.octets ?? [1])) },
  { id: 'same-again', source: 'RFC 8484 §5.1', level: 'SHOULD', says: 'a query that comes back gets its own id, not another', send: [1, 2, 0, 0xffff].map((id) => byGet(query('v4.mesos', 1, { id }))), holds: answersV4() },
];

function answersV4(): Row['holds'] {
  return answers({ rcode: 'NOERROR', answers: ['A v4.mesos 10.0.0.3'] });
}
