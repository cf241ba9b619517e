import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeQuestion } from '../message.ts';
import { answersOf, createEdge, type Edge, getPath, postOf, type Variables } from './edge.ts';
import { addresses, createSigningKey, publishToKv, type TestKey } from './publish-to-kv.ts';

const question = encodeQuestion({ name: 'secret-project.mesos', type: 1 });
const rrsets = [addresses('secret-project.mesos', ['10.11.12.13'])];
let key: TestKey;

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(async () => {
  await publishToKv(env.SNAPSHOTS, { rrsets, key });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

/** Everything a stranger may try. */
const tries: readonly [string, string, RequestInit?][] = [
  ['a question by GET', getPath(question)],
  ['a question by POST', '/dns-query', postOf(question)],
  ['a question by HEAD', getPath(question), { method: 'HEAD' }],
  ['a question that is none', '/dns-query?dns=AAAA'],
  ['another method', '/dns-query', { method: 'DELETE' }],
  ['the page', '/'],
  ['a look-up on the page', '/?name=secret-project.mesos&type=A'],
  ['a path that is not there', '/zones'],
];

describe('who may ask', () => {
  it.each<[string, string | undefined]>([
    ['unset', undefined],
    ['empty', ''],
    ['blank', ' '],
    ['in capitals', 'OPEN'],
    ['unknown', 'token'],
    ['a list with open in it', 'open,token'],
    ['the word twice', 'openopen'],
  ])('nobody where ACCESS is %s', async (_, access) => {
    const edge = createEdge({ ACCESS: access, UPSTREAMS: 'https://never.example/' });
    for (const [what, path, init] of tries) {
      const response = await edge.fetch(path, init);
      const text = await response.text();
      expect(response.status, what).toBe(403);
      expect(Object.fromEntries(response.headers), what).toEqual({
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        'access-control-allow-origin': '*',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
      expect(text, what).not.toMatch(/mesos|secret|10\.11/);
      if (init?.method !== 'HEAD') expect(text, what).toMatch(/closed: ACCESS/);
    }
  });

  it('a preflight is answered even so, that pages may read why they may not ask', async () => {
    const edge = createEdge({ ACCESS: undefined });
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    const response = await edge.fetch('/dns-query', { method: 'OPTIONS', headers });
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(Object.fromEntries(response.headers)).toEqual({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'accept, content-type',
      'access-control-max-age': '86400',
    });
  });

  it('everybody where it is open, blanks aside', async () => {
    for (const access of ['open', ' open ']) {
      const { packet } = await createEdge({ ACCESS: access }).ask(question);
      expect(answersOf(packet)).toEqual(['A "10.11.12.13"']);
    }
  });

  it('/health is for everybody, and says no names', async () => {
    const response = await createEdge({ ACCESS: undefined }).fetch('/health');
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(/"access":"closed"/);
    expect(text).not.toMatch(/secret|10\.11/);
  });
});

describe('bindings that can not be used', () => {
  const faults: readonly [string, Variables, RegExp][] = [
    ['no VERIFY_KEYS', { VERIFY_KEYS: undefined }, /VERIFY_KEYS/],
    ['empty VERIFY_KEYS', { VERIFY_KEYS: ' , ' }, /VERIFY_KEYS/],
    ['a key that is not base64', { VERIFY_KEYS: '<key>' }, /verify key 1: is not base64/],
    ['a key that is too short', { VERIFY_KEYS: 'AAAA' }, /verify key 1: has 3 octets/],
    ['"none" before a key', { VERIFY_KEYS: `none,${'A'.repeat(43)}=` }, /VERIFY_KEYS|verify key/],
    ['"none" behind a key', { VERIFY_KEYS: `${'A'.repeat(43)}=,none` }, /VERIFY_KEYS|verify key/],
    ['no zone', { ZONES: ' , ' }, /ZONES/],
    ['a zone with an empty label', { ZONES: 'mesos,a..b' }, /empty label/],
    ['a zone with a long label', { ZONES: 'a'.repeat(64) }, /label of 64 octets/],
    ['an upstream that is no URL', { UPSTREAMS: '1.1.1.1' }, /UPSTREAMS/],
    ['an upstream of another protocol', { UPSTREAMS: 'tls://one.example' }, /UPSTREAMS/],
    ['a refresh in words', { HEAD_REFRESH_SECONDS: 'often' }, /HEAD_REFRESH_SECONDS/],
    ['a refresh of zero', { HEAD_REFRESH_SECONDS: '0' }, /HEAD_REFRESH_SECONDS/],
    ['a negative age', { HEAD_MAX_AGE_SECONDS: '-1' }, /HEAD_MAX_AGE_SECONDS/],
  ];

  it.each(faults)('%s: every request says so without a word about how, the log names it', async (...row) => {
    const [, variables, said] = row;
    const log = vi.spyOn(console, 'error').mockReturnValue();
    const edge = createEdge(variables);
    for (const [what, path, init] of [
      ...tries.slice(0, 2),
      ...tries.slice(5),
      ['health', '/health'] as const,
    ]) {
      const response = await edge.fetch(path, init);
      expect(response.status, what).toBe(500);
      const text = await response.text();
      expect(text, what).toBe('The resolver is not set up rightly; its log says what is wrong.\n');
    }
    expect(log.mock.calls.join('\n')).toMatch(said);
  });

  it.each([
    ['questions', (edge: Edge) => edge.fetch(getPath(question))],
    ['pages', (edge: Edge) => edge.fetch('/')],
  ])('are read again by the next request, after %s failed', async (_, ask) => {
    vi.spyOn(console, 'error').mockReturnValue();
    const edge = createEdge({ VERIFY_KEYS: '' });
    expect((await ask(edge)).status).toBe(500);
    expect((await ask(edge)).status).toBe(500);
    edge.rebind({ VERIFY_KEYS: key.publicKeyBase64 });
    expect(answersOf((await edge.ask(question)).packet)).toEqual(['A "10.11.12.13"']);
    expect((await edge.fetch('/')).status).toBe(200);
  });

  it('do not outlive their isolate', async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    expect((await createEdge({ ZONES: ',' }).fetch(getPath(question))).status).toBe(500);
    expect((await createEdge().ask(question)).rcode).toBe('NOERROR');
  });
});

describe('an isolate', () => {
  it('starts once for many requests at once', async () => {
    const edge = createEdge({ VERIFY_KEYS: key.publicKeyBase64 });
    const replies = await Promise.all(Array.from({ length: 50 }, () => edge.ask(question)));
    for (const { packet } of replies) expect(answersOf(packet)).toEqual(['A "10.11.12.13"']);
  });

  it('answers from memory what it read once', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const edge = createEdge();
    await edge.ask(question);
    await reset();
    expect(answersOf((await edge.ask(question)).packet)).toEqual(['A "10.11.12.13"']);
    expect((await createEdge().ask(question)).rcode).toBe('SERVFAIL');
  });

  it('takes snapshots of the trusted key alone', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const stranger = await createSigningKey();
    const trusting = (keys: string): Edge => createEdge({ VERIFY_KEYS: keys });
    expect((await trusting(key.publicKeyBase64).ask(question)).rcode).toBe('NOERROR');
    const both = ` ${stranger.publicKeyBase64} , ${key.publicKeyBase64} `;
    expect((await trusting(both).ask(question)).rcode).toBe('NOERROR');
    const reply = await trusting(stranger.publicKeyBase64).ask({ name: 'mesos', type: 6, edns: 1232 });
    expect(reply.rcode).toBe('SERVFAIL');
    expect(reply.errors).toMatchObject([{ code: 14 }]);
  });

  it('says SERVFAIL in DNS, not HTTP, where KV is broken', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const away = (): Promise<never> => Promise.reject(new Error('KV GET failed: 503'));
    const broken = { get: away, getWithMetadata: away } as unknown as KVNamespace;
    const reply = await createEdge({ SNAPSHOTS: broken }).ask(question);
    expect([reply.response.status, reply.rcode]).toEqual([200, 'SERVFAIL']);
    expect(reply.response.headers.get('cache-control')).toBe('no-store');
    expect((await createEdge({ SNAPSHOTS: broken }).fetch('/')).status).toBe(200);
  });
});

describe('several zones', () => {
  const variables = { ZONES: 'mesos, Lab.Example.,dc1.mesos,b.dc1.mesos', HEAD_REFRESH_SECONDS: '1' };
  const addressOf = async (edge: Edge, name: string): Promise<string> => {
    const { packet, rcode, response } = await edge.ask({ name, type: 1 });
    return [rcode, ...answersOf(packet), response.headers.get('snapshot')?.split(';')[0]].join(' ');
  };

  beforeEach(async () => {
    const zones = ['mesos', 'lab.example', 'dc1.mesos'];
    for (const [i, origin] of zones.entries()) {
      await publishToKv(env.SNAPSHOTS, {
        ...{ origin, key, serial: 10 + i },
        rrsets: [addresses(`web.${origin}`, [`10.0.0.${i}`]), addresses(origin, [`10.0.1.${i}`])],
      });
    }
  });

  it('answer by the longest that matches, whole labels only', async () => {
    const edge = createEdge(variables);
    expect(await addressOf(edge, 'web.mesos')).toBe('NOERROR A "10.0.0.0" 10');
    expect(await addressOf(edge, 'web.lab.example')).toBe('NOERROR A "10.0.0.1" 11');
    expect(await addressOf(edge, 'WEB.DC1.mesos')).toBe('NOERROR A "10.0.0.2" 12');
    expect(await addressOf(edge, 'dc1.mesos')).toBe('NOERROR A "10.0.1.2" 12');
    expect(await addressOf(edge, 'mesos')).toBe('NOERROR A "10.0.1.0" 10');
    expect(await addressOf(edge, 'xdc1.mesos')).toBe('NXDOMAIN 10');
    expect(await addressOf(edge, 'xb.dc1.mesos')).toBe('NXDOMAIN 12');
  });

  it('fail one by one', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const edge = createEdge(variables);
    expect(await addressOf(edge, 'web.b.dc1.mesos')).toBe('SERVFAIL ');
    expect(await addressOf(edge, 'web.dc1.mesos')).toBe('NOERROR A "10.0.0.2" 12');
  });

  it('refuse what is in none of them, and say why', async () => {
    const edge = createEdge(variables);
    for (const name of ['example', 'notlab.example', 'xmesos', 'mesos.example', 'com', '']) {
      const reply = await edge.ask({ name, type: 1, edns: 1232 });
      expect([name, reply.rcode, reply.packet.flag_aa, reply.packet.flag_ra]).toEqual([
        ...[name, 'REFUSED', false, false],
      ]);
      expect(reply.errors).toEqual([{ code: 18, text: expect.stringMatching(/our own zones/) }]);
    }
  });
});

describe('paths', () => {
  it.each(['/dns-query/', '/DNS-QUERY', '//dns-query', '/dns-queries', '/x/dns-query', '/favicon.ico', '/%'])(
    '%s is not there',
    async (path) => {
      const response = await createEdge().fetch(`${path}?dns=AAAA`);
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(await response.text()).toContain('There is nothing at');
    },
  );
});

it('a zone whose blocks are stored packed is answered as any other', async () => {
  const names = Array.from({ length: 80 }, (_, i) => addresses(`task-${i}.mesos`, [`10.0.0.${i}`]));
  const packed = { fromOctets: 100, runOctets: 2000, shardOctets: 1000 };
  const limits = { overlayOctets: 100, runOctets: 900, shardOctets: 500, packed };
  const before = await publishToKv(env.SNAPSHOTS, { rrsets: names, key, limits });
  const more = Array.from({ length: 10 }, (_, i) => addresses(`more-${i}.mesos`, [`10.0.1.${i}`]));
  await publishToKv(env.SNAPSHOTS, { rrsets: [...names, ...more], key, limits, after: before, serial: 2 });
  const blocks = (await env.SNAPSHOTS.list({ prefix: 'z/mesos/main/' })).keys.filter(
    ({ name }) => !name.endsWith('head'),
  );
  expect(blocks.some(({ name }) => name.includes('/r/2-'))).toBe(true);
  for (const { name } of blocks.filter((block) => block.name.includes('/s/')))
    expect(await env.SNAPSHOTS.get(name)).toMatch(/^MDZ1/);
  const edge = createEdge({ ACCESS: 'open', VERIFY_KEYS: key.publicKeyBase64 });
  for (const [name, address] of [
    ['task-7.mesos', '10.0.0.7'],
    ['task-79.mesos', '10.0.0.79'],
    ['more-3.mesos', '10.0.1.3'],
  ] as const) {
    const { packet } = await edge.ask({ name, type: 1 });
    expect(answersOf(packet)).toEqual([`A "${address}"`]);
  }
});
