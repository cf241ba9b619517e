import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Buffer } from 'node:buffer';
import { type Answer, decode } from 'dns-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { answering, createFakeUpstreams, type Play } from '../fakes/upstream.ts';
import { createEdge, type Variables } from './edge.ts';
import { addresses, createSigningKey, publishToKv, services } from './publish-to-kv.ts';

const UPSTREAM = 'https://one.example/dns-query';

/** Whatever a body holds. */
type Json = ReturnType<typeof JSON.parse>;

beforeAll(async () => {
  const key = await createSigningKey();
  const rrsets = [
    addresses('web.mesos', ['10.0.0.1', '10.0.0.2'], 42),
    addresses('web.mesos', ['2001:db8::1'], 30),
    services('_web._tcp.mesos', ['web.mesos:31080'], 42),
    addresses('ü x\\.y.mesos', ['10.0.0.4']),
  ];
  await publishToKv(env.SNAPSHOTS, { key, serial: 7, rrsets });
  const createdAtMs = Date.now() - 1_000_000;
  const old = { origin: 'old.example', createdAtMs, confirmedAtMs: createdAtMs };
  await publishToKv(env.SNAPSHOTS, {
    key,
    serial: 8,
    ...old,
    rrsets: [addresses('a.old.example', ['10.0.0.9'], 99)],
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});
afterAll(async () => {
  await reset();
});

async function look(
  query: string,
  { variables = {}, init }: { variables?: Variables; init?: RequestInit } = {},
): Promise<{ response: Response; json: Json }> {
  const response = await createEdge(variables).fetch(`/resolve?${query}`, init);
  return { response, json: await response.clone().json() };
}

/** Forwarded: what an upstream plays, and what it was asked. */
async function forward(
  query: string,
  play: Play,
): Promise<{ response: Response; json: Json; asked: Uint8Array }> {
  const upstreams = createFakeUpstreams({ [UPSTREAM]: play });
  vi.stubGlobal('fetch', upstreams.fetch);
  const looked = await look(query, { variables: { UPSTREAMS: UPSTREAM } });
  return { ...looked, asked: upstreams.asked[0]?.body ?? new Uint8Array() };
}

describe('/resolve in our zone', () => {
  it('answers as Google and Cloudflare do', async () => {
    const { response, json } = await look('name=web.mesos&type=AAAA');
    expect(response.status).toBe(200);
    expect(json).toEqual({
      Status: 0,
      TC: false,
      RD: true,
      RA: false,
      AD: false,
      CD: false,
      Question: [{ name: 'web.mesos.', type: 28 }],
      Answer: [{ name: 'web.mesos.', type: 28, TTL: 30, data: '2001:db8::1' }],
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/dns-json',
      'cache-control': 'max-age=30',
      'access-control-allow-origin': '*',
      snapshot: expect.stringMatching(/^7;age=\d+$/),
    });
  });

  it.each([
    ['name=web.mesos', ['10.0.0.1', '10.0.0.2'], 42],
    ['name=WEB.Mesos.&type=1', ['10.0.0.1', '10.0.0.2'], 42],
    ['name=web.mesos&type=a', ['10.0.0.1', '10.0.0.2'], 42],
    ['name=web.mesos&type=', ['10.0.0.1', '10.0.0.2'], 42],
    ['type=TYPE28&name=web%2Emesos&x=1', ['2001:db8::1'], 30],
    ['name=_web._tcp.mesos&type=SRV', ['0 1 31080 web.mesos.'], 42],
    ['name=mesos&type=NS', ['ns1.mesos.'], 60],
    ['name=mesos&type=SOA', ['ns1.mesos. root.ns1.mesos. 7 60 600 86400 10'], 60],
    ['name=%C3%BC%20x%5C.y.mesos', ['10.0.0.4'], 30],
    ['name=web.mesos&name=nothing.mesos', ['10.0.0.1', '10.0.0.2'], 42],
    [
      'name=web.mesos&edns_client_subnet=0.0.0.0/0&random_padding=XmkMw~o_mgP2pf&ct=application/x-javascript',
      ['10.0.0.1', '10.0.0.2'],
      42,
    ],
  ])('%s', async (query, data, ttl) => {
    const { json, response } = await look(query);
    expect(json['Answer'].map((answer: Json) => answer['data']).toSorted()).toEqual(data);
    expect(response.headers.get('cache-control')).toBe(`max-age=${ttl}`);
  });

  it('gives the addresses of SRV targets as additional records', async () => {
    const { json } = await look('name=_web._tcp.mesos&type=SRV');
    expect(json['Additional'].map(({ name, data }: Json) => `${name} ${data}`).toSorted()).toEqual([
      'web.mesos. 10.0.0.1',
      'web.mesos. 10.0.0.2',
      'web.mesos. 2001:db8::1',
    ]);
  });

  it.each([
    ['name=nothing.mesos', 3],
    ['name=web.mesos&type=HTTPS', 0],
    ['name=_tcp.mesos', 0],
  ])('%s: no answer, the SOA, and its negative TTL', async (query, status) => {
    const { json, response } = await look(query);
    expect(json['Status']).toBe(status);
    expect(json).not.toHaveProperty('Answer');
    expect(json['Authority']).toEqual([
      { name: 'mesos.', type: 6, TTL: 10, data: 'ns1.mesos. root.ns1.mesos. 7 60 600 86400 10' },
    ]);
    expect(response.headers.get('cache-control')).toBe('max-age=10');
  });

  it('comments on extended errors', async () => {
    const stale = await look('name=a.old.example', { variables: { ZONES: 'old.example' } });
    expect(stale.json).toMatchObject({ Status: 0, Comment: expect.stringMatching(/^EDE\(3\): .*\d+ s old/) });
    expect(stale.response.headers.get('cache-control')).toBe('max-age=30');
    vi.spyOn(console, 'warn').mockReturnValue();
    const none = await look('name=a.none.example', { variables: { ZONES: 'none.example' } });
    expect(none.json).toMatchObject({ Status: 2, Comment: expect.stringMatching(/^EDE\(14\): /) });
    expect(none.response.headers.get('cache-control')).toBe('no-store');
    const refused = await look('name=example.com');
    expect(refused.response.status).toBe(200);
    expect(refused.json).toMatchObject({ Status: 5, Question: [{ name: 'example.com.', type: 1 }] });
  });

  it.each([
    ['cd=1&do=1', true],
    ['cd=true', true],
    ['cd', true],
    ['cd=0&do=0', false],
    ['cd=False&do', false],
  ])('%s', async (flags, cd) => {
    expect((await look(`name=web.mesos&${flags}`)).json).toMatchObject({ Status: 0, CD: cd });
  });

  it('gives the message itself where it is wanted', async () => {
    const response = await createEdge().fetch('/resolve?name=web.mesos&type=AAAA&ct=application/dns-message');
    expect(response.headers.get('content-type')).toBe('application/dns-message');
    expect(decode(Buffer.from(await response.arrayBuffer())).answers).toMatchObject([
      { data: '2001:db8::1' },
    ]);
  });
});

describe('what /resolve refuses', () => {
  it.each([
    ['', /name is missing/],
    ['name=', /name is missing/],
    ['type=A', /name is missing/],
    ['name=a..mesos', /empty label/],
    ['name=.mesos', /empty label/],
    [`name=${'a'.repeat(64)}.mesos`, /64 octets/],
    [`name=${'a.'.repeat(130)}mesos`, /octets long/],
    ['name=a%5C', /bad escape/],
    ['name=%5C999.mesos', /bad escape/],
    ['name=web.mesos&type=nonsense', /no record type/],
    ['name=web.mesos&type=0', /no record type/],
    ['name=web.mesos&type=65536', /no record type/],
    ['name=web.mesos&type=-1', /no record type/],
    ['name=web.mesos&type=TYPE0', /no record type/],
    ['name=web.mesos&type=1e0', /no record type/],
    ['name=web.mesos&cd=2', /cd and do/],
    ['name=web.mesos&do=yes', /cd and do/],
  ])('%j: 400, saying why', async (query, reason) => {
    const response = await createEdge().fetch(`/resolve?${query}`);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await response.text()).toMatch(reason);
  });

  it('names that are text for a browser', async () => {
    const name = '<script>alert(1)</script>';
    const { response, json } = await look(`name=${encodeURIComponent(`${name}.mesos`)}`);
    expect(response.headers.get('content-type')).toBe('application/dns-json');
    expect(json).toMatchObject({ Status: 3, Question: [{ name: '<script>alert\\(1\\)</script>.mesos.' }] });
  });

  it('other methods', async () => {
    const { fetch } = createEdge();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const refused = await fetch('/resolve?name=web.mesos', { method });
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    }
    const preflight = await fetch('/resolve?name=web.mesos', { method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    const head = await fetch('/resolve?name=web.mesos', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'application/dns-json']);
  });

  it('everybody, where the resolver is closed', async () => {
    for (const path of ['/resolve?name=web.mesos', '/dns-query?name=web.mesos', '/v1/hosts/web.mesos']) {
      const refused = await createEdge({ ACCESS: undefined }).fetch(path, {
        headers: { accept: 'application/dns-json' },
      });
      expect([path, refused.status]).toEqual([path, 403]);
      expect(await refused.text()).not.toContain('10.0.0.1');
    }
  });
});

describe('/resolve elsewhere', () => {
  it('is forwarded, with CD and DO as asked, and asks for AD', async () => {
    const { json, asked, response } = await forward(
      'name=www.Example.com&type=TXT&cd=1&do=1',
      answering([
        { name: 'www.example.com', type: 'TXT', ttl: 5, data: ['v=spf1 "x"', Buffer.from([0xff])] },
      ]),
    );
    expect(json).toMatchObject({
      Status: 0,
      RA: true,
      Answer: [{ name: 'www.example.com.', type: 16, TTL: 5, data: '"v=spf1 \\"x\\"" "\\255"' }],
    });
    expect(response.headers.get('cache-control')).toBe('max-age=5');
    const query = decode(Buffer.from(asked));
    expect([query.flag_cd, query.flag_ad, query.flag_rd]).toEqual([true, true, true]);
    expect(query.additionals).toMatchObject([{ type: 'OPT', flag_do: true }]);
  });

  it('does not ask for DNSSEC records unasked', async () => {
    const { asked } = await forward('name=www.example.com', answering([]));
    const query = decode(Buffer.from(asked));
    expect([query.flag_cd, query.additionals]).toMatchObject([false, [{ type: 'OPT', flag_do: false }]]);
  });

  it('shows records of any type', async () => {
    const unknown = {
      ...{ name: 'www.example.com', type: 'UNKNOWN_65280', ttl: 7 },
      data: Buffer.from('abcd', 'hex'),
    };
    const { json } = await forward(
      'name=www.example.com&type=65280',
      answering([unknown as unknown as Answer]),
    );
    expect(json['Answer']).toEqual([{ name: 'www.example.com.', type: 65280, TTL: 7, data: '\\# 2 abcd' }]);
  });

  it('says that a reply can not be read', async () => {
    const { json, response } = await forward(
      'name=www.example.com',
      answering([{ name: 'www.example.com', type: 'A', ttl: 5, data: '192.0.2.1' }], {
        // The owner of the answer points to itself.
        spoil: (octets) => {
          const spoilt = Buffer.from(octets);
          const owner = spoilt.indexOf(Buffer.from('0001000100000005', 'hex')) - 2;
          spoilt.writeUInt16BE(0xc000 | owner, owner);
          return spoilt;
        },
      }),
    );
    expect([response.status, json['Status']]).toEqual([200, 2]);
    expect(json['Comment']).toBeTypeOf('string');
  });
});

describe('/dns-query in JSON', () => {
  it.each([
    ['name=web.mesos&type=AAAA', { accept: 'application/dns-json' }],
    ['type=AAAA&name=web.mesos', { accept: 'text/html, Application/DNS-JSON;q=0.9' }],
    ['name=web.mesos&type=28&ct=application/dns-json', {}],
  ])('%s %j', async (query, headers) => {
    const response = await createEdge().fetch(`/dns-query?${query}`, {
      headers: headers as Record<string, string>,
    });
    expect(response.headers.get('content-type')).toBe('application/dns-json');
    expect(await response.json()).toMatchObject({ Answer: [{ data: '2001:db8::1' }] });
  });

  it.each([
    ['/dns-query?name=web.mesos', {}, 400],
    ['/dns-query', { accept: 'application/dns-json' }, 400],
    ['/dns-query?name=a..b', { accept: 'application/dns-json' }, 400],
    ['/dns-query?name=web.mesos&dns=!', { accept: 'application/dns-json' }, 400],
  ])('%s %j: %i', async (path, headers, status) => {
    const response = await createEdge().fetch(path, { headers: headers as Record<string, string> });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      status,
      'text/plain; charset=utf-8',
    ]);
  });

  it('leaves messages as they are', async () => {
    const edge = createEdge();
    const query = Buffer.from(
      '000001000001000000000000037765620 56d65736f730000010001'.replaceAll(' ', ''),
      'hex',
    );
    const response = await edge.fetch(`/dns-query?name=x&dns=${query.toString('base64url')}`, {
      headers: { accept: 'application/dns-json, application/dns-message' },
    });
    expect(response.headers.get('content-type')).toBe('application/dns-message');
  });
});
