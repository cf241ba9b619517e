import { Buffer } from 'node:buffer';
import { env } from 'cloudflare:workers';
import { reset } from 'cloudflare:test';
import { type Answer, decode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createUpstream, type Forwarded } from '../../worker/upstream.ts';
import { type Query, readQuery } from '../../zone/query.ts';
import {
  answering,
  createFakeUpstreams,
  endless,
  type FakeUpstreams,
  hanging,
  message,
  type Play,
} from '../fakes/upstream.ts';
import { encodeQuestion, type QuestionOptions } from '../message.ts';
import { answersOf, createEdge } from './edge.ts';
import { addresses, createSigningKey, publishToKv } from './publish-to-kv.ts';

const FIRST = 'https://first.example/dns-query/secret-path';
const SECOND = 'https://second.example/dns-query';
const THIRD = 'https://third.example/dns-query';
const ANSWERS: Answer[] = [
  { name: 'www.example.com', type: 'CNAME', ttl: 300, data: 'web.example.com' },
  { name: 'web.example.com', type: 'A', ttl: 120, data: '192.0.2.1' },
];
const SOA: Answer = {
  name: 'example.com',
  type: 'SOA',
  ttl: 900,
  data: {
    ...{ mname: 'ns.example.com', rname: 'root.example.com', serial: 1 },
    ...{ refresh: 60, retry: 60, expire: 60, minimum: 77 },
  },
};
const good = answering(ANSWERS);

function queryOf(options: Partial<QuestionOptions> = {}): Query {
  const query = readQuery(encodeQuestion({ name: 'www.example.com', type: 1, ...options }));
  if (query?.kind !== 'query') throw new Error('no query');
  return query;
}

async function forward(
  plays: Readonly<Record<string, Play>>,
  query = queryOf(),
): Promise<{ outcome: Forwarded | { problem: string }; asked: FakeUpstreams['asked']; tookMs: number }> {
  const fake = createFakeUpstreams(plays);
  const started = Date.now();
  const upstream = createUpstream(Object.keys(plays), { fetch: fake.fetch, now: () => Date.now() });
  const outcome = await upstream.forward(query);
  return { outcome, asked: fake.asked, tookMs: Date.now() - started };
}

function octetsOf(outcome: Forwarded | { problem: string }): Buffer {
  if ('problem' in outcome) throw new Error(outcome.problem);
  return Buffer.from(outcome.octets);
}

describe('a question forwarded', () => {
  it('goes out by POST under id 0, without following redirects, and else as it came', async () => {
    const query = queryOf({ id: 0xcafe, edns: 4096 });
    const { outcome, asked } = await forward({ [FIRST]: good }, query);
    expect(asked).toHaveLength(1);
    const [request] = asked;
    expect(request).toMatchObject({ url: FIRST, method: 'POST', redirect: 'manual' });
    expect(request?.headers.get('content-type')).toBe('application/dns-message');
    expect(request?.headers.get('accept')).toBe('application/dns-message');
    expect([...(request?.body ?? [])]).toEqual([0, 0, ...query.octets.subarray(2)]);
    expect(octetsOf(outcome).readUInt16BE(0)).toBe(0xcafe);
    expect(query.octets[0]).toBe(0xca);
  });

  it('comes back octet by octet, but for the id, with its least TTL', async () => {
    const { outcome } = await forward({ [FIRST]: good }, queryOf({ id: 0x0102 }));
    const packet = decode(octetsOf(outcome));
    expect(answersOf(packet)).toEqual(['A "192.0.2.1"', 'CNAME "web.example.com"']);
    expect(packet.flag_ra).toBe(true);
    expect(outcome).toMatchObject({ ttl: 120 });
  });

  it.each<[string, Play, number | undefined]>([
    ['the least of an SOA and its MINIMUM', answering([], { rcode: 3, authorities: [SOA] }), 77],
    ['the SOA TTL where that is less', answering([], { authorities: [{ ...SOA, ttl: 5 }] }), 5],
    ['nothing without an SOA', answering([], { rcode: 3 }), undefined],
    ['nothing for an error that is passed on', answering([], { rcode: 1 }), undefined],
  ])('is kept for %s', async (_, play, ttl) => {
    const { outcome, asked } = await forward({ [FIRST]: play, [SECOND]: good });
    expect(outcome).toMatchObject({ ttl });
    expect(asked).toHaveLength(1);
  });

  it('takes an answer under another id, in another case', async () => {
    const spoil = (octets: Buffer): Buffer => {
      octets.writeUInt16BE(0xbeef, 0);
      octets.write('WWW', 13);
      return octets;
    };
    const { outcome } = await forward({ [FIRST]: answering(ANSWERS, { spoil }) }, queryOf({ id: 7 }));
    expect(octetsOf(outcome).readUInt16BE(0)).toBe(7);
  });

  it.each<[string, Play, RegExp]>([
    ['SERVFAIL', answering([], { rcode: 2 }), /first.example answered with error 2/],
    ['REFUSED', answering([], { rcode: 5 }), /first.example answered with error 5/],
    ['HTTP 500', () => new Response('', { status: 500 }), /HTTP 500/],
    ['HTTP 429', () => new Response('', { status: 429 }), /HTTP 429/],
    ['HTTP 204', () => new Response(null, { status: 204 }), /HTTP 204/],
    ['a redirect', () => Response.redirect(SECOND, 302), /HTTP 302/],
    ['no connection', () => Promise.reject(new TypeError('Network connection lost.')), /connection lost/],
    ['a page', () => new Response('<h1>Log in to this network</h1>'), /something else/],
    ['nothing', () => message(new Uint8Array()), /something else/],
    [
      'a header alone',
      () => message(Uint8Array.from([0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
      /something else/,
    ],
    ['a message cut off', spoilt((octets) => octets.subarray(0, -1)), /something else/],
    [
      'a message with octets behind',
      spoilt((octets) => Buffer.concat([octets, Buffer.of(0)])),
      /something else/,
    ],
    ['the query itself', (query) => message(query), /something else/],
    ['another name', spoilt((octets) => octets.fill('x', 13, 14)), /something else/],
    ['another type', spoilt((octets) => octets.fill(28, 30, 31)), /something else/],
    ['another class', spoilt((octets) => octets.fill(3, 32, 33)), /something else/],
    ['two questions', spoilt((octets) => octets.fill(2, 5, 6)), /something else/],
    ['more records than there are', spoilt((octets) => octets.fill(9, 7, 8)), /something else/],
    ['65,536 octets', () => message(new Uint8Array(65_536)), /more than a DNS message/],
  ])('is asked of the second after %s', async (_, play, problem) => {
    const { outcome, asked } = await forward({ [FIRST]: play, [SECOND]: good });
    expect(answersOf(decode(octetsOf(outcome)))).toHaveLength(2);
    expect(asked.map(({ url }) => url)).toEqual([FIRST, SECOND]);
    const alone = await forward({ [FIRST]: play });
    expect(alone.outcome).toEqual({ problem: expect.stringMatching(problem) });
    expect(JSON.stringify(alone.outcome)).not.toContain('secret-path');
  });

  it('is answered by the first that can, in their order', async () => {
    const { outcome, asked } = await forward({ [FIRST]: answering([], { rcode: 3 }), [SECOND]: good });
    expect(octetsOf(outcome).readUInt16BE(2) & 0xf).toBe(3);
    expect(asked).toHaveLength(1);
  });

  it('says all that went wrong', async () => {
    const { outcome } = await forward({
      [FIRST]: answering([], { rcode: 2 }),
      [SECOND]: () => new Response('', { status: 503 }),
    });
    expect(outcome).toEqual({
      problem: 'first.example answered with error 2; second.example: answered HTTP 503',
    });
  });

  it('does not take in more than a message of a body without end', async () => {
    const flood = endless({ chunkOctets: 65_536, everyMs: 0 });
    const { outcome, tookMs } = await forward({ [FIRST]: flood.play, [SECOND]: good });
    expect(octetsOf(outcome).length).toBeGreaterThan(12);
    expect(flood.sent()).toBeLessThan(1_000_000);
    expect(tookMs).toBeLessThan(1_000);
  });

  it.concurrent.each<[string, () => Play]>([
    ['does not answer', () => hanging],
    ['sends its body drop by drop', () => endless({ chunkOctets: 1, everyMs: 50 }).play],
  ])('is asked of the second within 2 s where the first %s', async (_, play) => {
    const { outcome, tookMs } = await forward({ [FIRST]: play(), [SECOND]: good });
    expect(octetsOf(outcome).length).toBeGreaterThan(12);
    expect(tookMs).toBeGreaterThan(1_500);
    expect(tookMs).toBeLessThan(2_200);
  });

  it.concurrent('is given up within 4 s, whoever does not answer', async () => {
    const plays = { [FIRST]: hanging, [SECOND]: hanging, [THIRD]: hanging, 'https://fourth.example/': good };
    const { outcome, asked, tookMs } = await forward(plays);
    expect(outcome).toEqual({ problem: expect.stringMatching(/first.*second.*third/) });
    expect(asked).toHaveLength(3);
    expect(tookMs).toBeLessThan(4_200);
  });
});

describe('the Worker with upstreams', () => {
  const question = { name: 'www.example.com', type: 1, edns: 1232 };
  const variables = { UPSTREAMS: `${FIRST},${SECOND}` };

  beforeEach(async () => {
    await publishToKv(env.SNAPSHOTS, {
      rrsets: [addresses('web.mesos', ['10.0.0.1'])],
      key: await createSigningKey(),
    });
  });
  afterEach(async () => {
    vi.unstubAllGlobals();
    await reset();
  });

  function stubUpstreams(plays: Readonly<Record<string, Play>>): FakeUpstreams {
    const fake = createFakeUpstreams(plays);
    vi.stubGlobal('fetch', fake.fetch);
    return fake;
  }

  it('forwards names outside its zones, and no other', async () => {
    const { asked } = stubUpstreams({ [FIRST]: good });
    const edge = createEdge(variables);
    const reply = await edge.ask(question);
    expect(reply.rcode).toBe('NOERROR');
    expect(reply.packet.flag_aa).toBe(false);
    expect(reply.response.headers.get('cache-control')).toBe('max-age=120');
    expect(reply.response.headers.has('snapshot')).toBe(false);
    for (const name of ['web.mesos', 'mesos', 'nothing.mesos', 'WEB.Mesos'])
      await edge.ask({ name, type: 1 });
    expect(asked).toHaveLength(1);
    await edge.ask({ name: 'notmesos', type: 1 });
    expect(asked).toHaveLength(2);
  });

  it('says SERVFAIL with the reason, not to be kept, where none answers', async () => {
    stubUpstreams({
      [FIRST]: answering([], { rcode: 2 }),
      [SECOND]: () => new Response('', { status: 500 }),
    });
    const reply = await createEdge(variables).ask(question);
    expect(reply.response.status).toBe(200);
    expect(reply.rcode).toBe('SERVFAIL');
    expect(reply.packet.flag_ra).toBe(true);
    expect(reply.errors).toEqual([{ code: 23, text: expect.stringMatching(/first.*second/) }]);
    expect(reply.response.headers.get('cache-control')).toBe('no-store');
  });

  it('answers its own zone while upstreams are dead', async () => {
    const dead = Promise.withResolvers<Response>();
    const { asked } = stubUpstreams({ [FIRST]: () => dead.promise });
    const edge = createEdge({ UPSTREAMS: FIRST });
    const forwarded = Promise.all(Array.from({ length: 20 }, () => edge.ask(question)));
    await expect.poll(() => asked.length).toBe(20);
    expect(answersOf((await edge.ask({ name: 'web.mesos', type: 1 })).packet)).toEqual(['A "10.0.0.1"']);
    expect((await edge.fetch('/health')).status).toBe(200);
    dead.reject(new Error('at last'));
    expect(new Set((await forwarded).map(({ rcode }) => rcode))).toEqual(new Set(['SERVFAIL']));
  });
});

function spoilt(spoil: (octets: Buffer) => Buffer): Play {
  return answering(ANSWERS, { spoil });
}
