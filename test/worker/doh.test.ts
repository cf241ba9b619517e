import { reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { Buffer } from 'node:buffer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeQuestion } from '../message.ts';
import { answersOf, createEdge, getPath, postOf, readReply, ttlsOf } from './edge.ts';
import { addresses, createSigningKey, publishToKv, services } from './publish-to-kv.ts';

/** RFC 8484 as a client sees it: what may be sent, and what every response says. */
const MEDIA_TYPE = 'application/dns-message';
const web = encodeQuestion({ name: 'web.mesos', type: 1, id: 0xcafe });
const webText = Buffer.from(web).toString('base64url');
const edge = createEdge();

beforeAll(async () => {
  await publishToKv(env.SNAPSHOTS, {
    serial: 7,
    minimum: 10,
    key: await createSigningKey(),
    rrsets: [
      addresses('web.mesos', ['10.0.0.1', '10.0.0.2'], 30),
      addresses('web.mesos', ['fd00::1'], 20),
      addresses('long.mesos', ['10.0.0.3'], 86_400),
      addresses('zero.mesos', ['10.0.0.4'], 0),
      services('_web._tcp.mesos', ['web.mesos:80'], 40),
    ],
  });
});
afterAll(async () => {
  await reset();
});

const get = (search: string, init?: RequestInit): Promise<Response> =>
  edge.fetch(`/dns-query${search}`, init);
const post = (body: BodyInit | null, type: string | null = MEDIA_TYPE): Promise<Response> =>
  edge.fetch('/dns-query', { method: 'POST', headers: type === null ? {} : { 'content-type': type }, body });

/** A refusal in HTTP: its status, and a reason for people. */
async function expectProblem(response: Response, status: number, reason: RegExp): Promise<void> {
  const text = await response.text();
  expect([response.status, text]).toEqual([status, expect.stringMatching(reason)]);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'access-control-allow-origin': '*',
  });
  expect(text).not.toMatch(/\bat .*:\d+:\d+|Error/);
}

async function expectAnswer(response: Response): Promise<void> {
  expect(response.status).toBe(200);
  const { packet, octets } = await readReply(response);
  expect(octets.readUInt16BE(0)).toBe(0xcafe);
  expect(answersOf(packet)).toEqual(['A "10.0.0.1"', 'A "10.0.0.2"']);
}

describe('GET', () => {
  it.each([
    ['alone', `?dns=${webText}`],
    ['padded', `?dns=${Buffer.from(web).toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`],
    ['before others', `?dns=${webText}&ct=application/dns-message`],
    ['behind others', `?ct&x=1&dns=${webText}`],
    [
      'percent-encoded',
      `?dns=${webText.replace(/./g, (char: string) => `%${char.charCodeAt(0).toString(16)}`)}`,
    ],
    ['percent-encoded by its key', `?%64ns=${webText}`],
    ['twice: the first counts', `?dns=${webText}&dns=AAAA`],
    ['behind a key that ends like it', `?xdns=AAAA&dns=${webText}`],
  ])('takes the parameter %s', async (_, search) => {
    await expectAnswer(await get(search));
  });

  it.each([
    ['no parameter at all', '', 400, /dns is missing/],
    ['an empty search', '?', 400, /dns is missing/],
    ['other parameters only', '?ct=application/dns-message&name=web.mesos', 400, /dns is missing/],
    ['a parameter in capitals', `?DNS=${webText}`, 400, /dns is missing/],
    ['an empty parameter', '?dns=', 400, /no DNS query/],
    ['an empty parameter among others', '?dns=&x=1', 400, /no DNS query/],
    ['a parameter without value', '?dns', 400, /no DNS query/],
    ['base64 proper', '?dns=AA+A', 400, /not base64url/],
    ['base64 proper, encoded', '?dns=AA%2BA', 400, /not base64url/],
    ['a slash', '?dns=AA/A', 400, /not base64url/],
    ['a space', `?dns=${webText}%20`, 400, /not base64url/],
    ['a length no octets give', `?dns=${webText}A`, 400, /not base64url/],
    ['bits left over', '?dns=AB', 400, /not base64url/],
    ['a broken percent-encoding', `?dns=${webText}%`, 400, /not base64url/],
    ['octets that are no text', '?dns=%ff%fe', 400, /not base64url/],
    ['less than a header', `?dns=${Buffer.alloc(11).toString('base64url')}`, 400, /no DNS query/],
    ['an answer', `?dns=${Buffer.from(web).fill(0x80, 2, 3).toString('base64url')}`, 400, /no DNS query/],
    ['characters without end', `?dns=${'A'.repeat(100_000)}`, 414, /longer than any/],
    ['characters without end, encoded', `?dns=${'%41'.repeat(100_000)}`, 414, /longer than any/],
  ])('refuses %s', async (_, search, status, reason) => {
    await expectProblem(await get(search), status, reason);
  });

  it('takes 65,535 octets and not one more', async () => {
    await expectAnswer(await get(getPath(paddedTo(65_535)).slice('/dns-query'.length)));
    await expectProblem(
      await get(getPath(paddedTo(65_536)).slice('/dns-query'.length)),
      414,
      /longer than any/,
    );
  });
});

describe('POST', () => {
  it.each([
    MEDIA_TYPE,
    'Application/DNS-Message',
    `${MEDIA_TYPE}; charset=utf-8`,
    `${MEDIA_TYPE};x=y`,
    ` ${MEDIA_TYPE} ; x="a;b"`,
  ])('takes %j', async (type) => {
    await expectAnswer(await post(web, type));
  });

  it.each([
    null,
    '',
    'application/dns-json',
    'application/dns-messages',
    'text/plain',
    'application/octet-stream',
    `text/plain; ${MEDIA_TYPE}`,
    `${MEDIA_TYPE}, text/plain`,
  ])('refuses %j', async (type) => {
    await expectProblem(await post(web, type), 415, /application\/dns-message/);
  });

  it.each<[string, Uint8Array | null, number, RegExp]>([
    ['no body', null, 400, /no DNS query/],
    ['an empty body', new Uint8Array(), 400, /no DNS query/],
    ['less than a header', new Uint8Array(11), 400, /no DNS query/],
    ['an answer', Buffer.from(web).fill(0x80, 2, 3), 400, /no DNS query/],
    ['65,536 octets', paddedTo(65_536), 413, /longer than 65535/],
  ])('refuses %s', async (_, body, status, reason) => {
    await expectProblem(await post(body), status, reason);
    // Without Content-Length, as HTTP/2 and chunked bodies may come.
    const streamed = body && new Blob([body as Uint8Array<ArrayBuffer>]).stream();
    await expectProblem(await post(streamed), status, reason);
  });

  it('takes 65,535 octets, however they come', async () => {
    await expectAnswer(await post(paddedTo(65_535)));
    await expectAnswer(await post(new Blob([paddedTo(65_535) as Uint8Array<ArrayBuffer>]).stream()));
    await expectAnswer(await post(chunks(web, 1)));
  });

  it('reads no more of a body without end than shows that it is too long', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 16_384;
        controller.enqueue(new Uint8Array(16_384));
        if (sent > 4_000_000) controller.close();
      },
    });
    await expectProblem(await post(body), 413, /longer than 65535/);
    expect(sent).toBeLessThan(200_000);
  });

  it('goes by Content-Length before it reads', async () => {
    const init = { method: 'POST', headers: { 'content-type': MEDIA_TYPE, 'content-length': '65536' } };
    const unread = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
    await expectProblem(await get('', { ...init, body: unread }), 413, /longer than 65535/);
  });

  it('survives a body that breaks off', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('the client went away')),
    });
    await expectProblem(await post(broken), 400, /broke off/);
  });

  it('takes its question from the body, whatever the URL says', async () => {
    await expectAnswer(await get('?dns=AAAA', postOf(web)));
  });
});

describe('other methods', () => {
  it.each(['PUT', 'DELETE', 'PATCH', 'PROPFIND'])('%s is refused, with those that work', async (method) => {
    const response = await get(`?dns=${webText}`, { method });
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
    await expectProblem(response, 405, /GET .* POST/);
  });

  it('HEAD is GET without a body', async () => {
    const url = `https://doh.example/dns-query?dns=${webText}`;
    const head = await exports.default.fetch(url, { method: 'HEAD' });
    const full = await exports.default.fetch(url);
    expect(head.status).toBe(200);
    expect(await head.bytes()).toHaveLength(0);
    expect(headersOf(head)).toEqual(headersOf(full));
    await expectAnswer(full);
    const problem = await exports.default.fetch('https://doh.example/dns-query', { method: 'HEAD' });
    expect([problem.status, await problem.text()]).toEqual([400, '']);
  });

  it('OPTIONS lets pages ask', async () => {
    const headers = { origin: 'https://a.example', 'access-control-request-method': 'POST' };
    const response = await get('', { method: 'OPTIONS', headers });
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': expect.stringContaining('content-type'),
    });
  });
});

describe('a response', () => {
  it.each([
    ['GET', getPath(web), undefined],
    ['POST', '/dns-query', postOf(web)],
  ])('by %s says what it is, once, and lets pages read it', async (_, path, init) => {
    const response = await edge.fetch(path, init);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': MEDIA_TYPE,
      'cache-control': 'max-age=30',
      'access-control-allow-origin': '*',
      snapshot: expect.stringMatching(/^7;age=\d$/),
    });
    await expectAnswer(response);
  });

  it.each<[string, { name: string; type: number; class?: number; opcode?: number }, string, string]>([
    ['a TTL', { name: 'long.mesos', type: 1 }, 'NOERROR', 'max-age=86400'],
    ['a TTL of 0', { name: 'zero.mesos', type: 1 }, 'NOERROR', 'max-age=0'],
    ['the least of several TTLs', { name: 'web.mesos', type: 255 }, 'NOERROR', 'max-age=20'],
    ['the TTL of SRV', { name: '_web._tcp.mesos', type: 33 }, 'NOERROR', 'max-age=40'],
    ['the TTL of an SOA asked for', { name: 'mesos', type: 6 }, 'NOERROR', 'max-age=60'],
    ['the negative TTL for no such name', { name: 'nothing.mesos', type: 1 }, 'NXDOMAIN', 'max-age=10'],
    ['the negative TTL for no such type', { name: 'web.mesos', type: 16 }, 'NOERROR', 'max-age=10'],
    ['the negative TTL for a name in between', { name: '_tcp.mesos', type: 1 }, 'NOERROR', 'max-age=10'],
    ['no time at all for REFUSED', { name: 'example.com', type: 1 }, 'REFUSED', 'no-store'],
    ['no time at all for another class', { name: 'web.mesos', type: 1, class: 3 }, 'REFUSED', 'no-store'],
    ['no time at all for NOTIMP', { name: 'web.mesos', type: 6, opcode: 4 }, 'NOTIMP', 'no-store'],
  ])('may be kept for %s', async (_, question, rcode, cacheControl) => {
    for (const reply of [await edge.get(question), await edge.ask(question)]) {
      expect(reply.rcode).toBe(rcode);
      expect(reply.response.headers.get('cache-control')).toBe(cacheControl);
      const ttls = ttlsOf([...(reply.packet.answers ?? []), ...(reply.packet.authorities ?? [])]);
      if (ttls.length > 0) expect(cacheControl).toBe(`max-age=${Math.min(...ttls)}`);
    }
  });

  it.each([0, 1, 0xffff])("has the asker's id %i and case", async (id) => {
    const query = encodeQuestion({ name: 'web.mesos', type: 1, id });
    Buffer.from(query.buffer, query.byteOffset).write('wEb', 13);
    const { octets, packet } = await edge.ask(query);
    expect(octets.readUInt16BE(0)).toBe(id);
    expect(packet.questions?.[0]?.name).toBe('wEb.mesos');
    expect(packet.answers?.[0]?.name).toBe('wEb.mesos');
  });
});

describe('a message that is no proper query', () => {
  const question = web.subarray(12);
  const header = (flags: number, ...counts: number[]): Buffer => {
    const octets = Buffer.alloc(12);
    octets.writeUInt16BE(0xcafe, 0);
    octets.writeUInt16BE(flags, 2);
    counts.forEach((count, i) => octets.writeUInt16BE(count, 4 + 2 * i));
    return octets;
  };
  const opt = (...rdata: number[]): Buffer =>
    Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, rdata.length, ...rdata]);
  const join = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);

  it.each<[string, Uint8Array]>([
    ['a header alone', header(0x100, 1)],
    ['no question', header(0x100)],
    ['two questions', join(header(0x100, 2), question, question)],
    ['a name cut off', join(header(0x100, 1), question.subarray(0, 5))],
    ['no type', join(header(0x100, 1), question.subarray(0, -4))],
    ['half a class', join(header(0x100, 1), question.subarray(0, -1))],
    ['a compressed name', join(header(0x100, 1), Buffer.from([0xc0, 12, 0, 1, 0, 1]))],
    ['a label of another kind', join(header(0x100, 1), Buffer.from([0x41, 1, 0, 0, 1, 0, 1]))],
    [
      'a name over 255 octets',
      join(header(0x100, 1), ...Array.from({ length: 4 }, () => Buffer.alloc(64, 63)), Buffer.alloc(5)),
    ],
    ['octets behind', join(header(0x100, 1), question, Buffer.alloc(1))],
    ['a record that is not there', join(header(0x100, 1, 0, 0, 1), question)],
    ['two OPT records', join(header(0x100, 1, 0, 0, 2), question, opt(), opt())],
    ['an OPT record among answers', join(header(0x100, 1, 1), question, opt())],
    ['an option cut off', join(header(0x100, 1, 0, 0, 1), question, opt(0, 10, 0, 9, 1))],
  ])('(%s) is answered FORMERR under its id, and not kept', async (_, message) => {
    for (const response of [
      await get(`?dns=${Buffer.from(message).toString('base64url')}`),
      await post(message),
    ]) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(MEDIA_TYPE);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      const reply = await readReply(response);
      expect(reply.rcode).toBe('FORMERR');
      expect(reply.octets.readUInt16BE(0)).toBe(0xcafe);
      expect(reply.octets.readUInt16BE(2) & 0x7900).toBe(Buffer.from(message).readUInt16BE(2) & 0x7900);
      expect(reply.octets).toHaveLength(12);
    }
  });
});

describe('Accept', () => {
  it.each([
    '*/*',
    'application/*',
    MEDIA_TYPE,
    'APPLICATION/dns-Message',
    `text/html, ${MEDIA_TYPE};q=0.1`,
    `*/*;q=0, ${MEDIA_TYPE}`,
    ' , */* , ',
    `${MEDIA_TYPE};q=0.001`,
    `${MEDIA_TYPE};v="q=0"`,
  ])('%j lets the reply through', async (accept) => {
    await expectAnswer(await get(`?dns=${webText}`, { headers: { accept } }));
    await expectAnswer(await get('', { ...postOf(web), headers: { accept, 'content-type': MEDIA_TYPE } }));
  });

  it.each([
    'text/html',
    'application/json',
    'application/dns',
    'application/dns-messages',
    `${MEDIA_TYPE};q=0`,
    `${MEDIA_TYPE} ; Q=0.00`,
    '*/*;q=0',
    `*/*, ${MEDIA_TYPE};q=0`,
    `${MEDIA_TYPE};q=0, application/*`,
    'application/*;q=0, */*',
  ])('%j does not', async (accept) => {
    await expectProblem(await get(`?dns=${webText}`, { headers: { accept } }), 406, /Accept rules out/);
    const headers = { accept, 'content-type': MEDIA_TYPE };
    await expectProblem(await get('', { ...postOf(web), headers }), 406, /Accept rules out/);
  });

  it('is looked at once the rest is right', async () => {
    const headers = { accept: 'text/html' };
    await expectProblem(await get('', { headers }), 400, /dns is missing/);
    await expectProblem(await get('?dns=A+A', { headers }), 400, /not base64url/);
    await expectProblem(await get('', { method: 'POST', body: web, headers }), 415, /body should be/);
    await expectProblem(await get('', { method: 'PUT', headers }), 405, /GET/);
  });
});

describe('an opcode that is not QUERY', () => {
  it.each([
    ['without question', 0x7800, [0, 0, 0, 0]],
    ['without question, RD set', 0x3100, [0, 0, 0, 0]],
    ['with more than is there', 0x2800, [1, 0, 1, 0]],
  ])('is NOTIMP %s', async (_, flags, counts) => {
    const message = Buffer.alloc(12);
    [0xcafe, flags, ...counts].forEach((word, i) => message.writeUInt16BE(word, 2 * i));
    const { octets, response } = await edge.ask(message);
    expect(octets.toString('hex')).toBe(`cafe${(0x8004 | flags).toString(16)}${'0'.repeat(16)}`);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

function headersOf(response: Response): Record<string, string> {
  return { ...Object.fromEntries(response.headers), snapshot: '' };
}

/** The query for `web.mesos` made so long with EDNS padding (RFC 7830). */
function paddedTo(octets: number): Uint8Array {
  const query = Buffer.alloc(octets);
  query.set(web);
  query.writeUInt16BE(1, 10);
  const opt = web.length;
  query.writeUInt16BE(41, opt + 1);
  query.writeUInt16BE(1232, opt + 3);
  query.writeUInt16BE(octets - opt - 11, opt + 9);
  query.writeUInt16BE(12, opt + 11);
  query.writeUInt16BE(octets - opt - 15, opt + 13);
  return new Uint8Array(query);
}

function chunks(octets: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= octets.length) return controller.close();
      controller.enqueue(octets.slice(at, at + size));
      at += size;
    },
  });
}
