import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { answering, createFakeUpstreams, type FakeUpstreams, type Play } from '../../fakes/upstream.ts';
import { createDoor, grant, tokenOf } from '../access/door.ts';
import { createMemoryKv } from '../access/memory-kv.ts';
import { createEdge, type Edge, getPath, readReply, ttlsOf } from '../edge.ts';
import { encodeQuestion } from '../../message.ts';
import { addresses, cname, createSigningKey, publishToKv, services, type TestKey } from '../publish-to-kv.ts';
import { spelled } from '../upstream-asked.ts';
import { said } from './said.ts';

const UPSTREAM = 'https://one.example/dns-query';
const RRSETS = [
  addresses('web.mesos', ['10.0.0.1'], 60),
  services('_web._tcp.mesos', ['web.mesos:80'], 60),
  cname('www.mesos', 'web.mesos', 20),
  cname('far.mesos', 'www.mesos', 90),
  cname('srv.mesos', '_web._tcp.mesos'),
  cname('lab.mesos', 'box.lab.example'),
  cname('gone.mesos', 'nothing.mesos'),
  cname('gone-lab.mesos', 'nothing.lab.example'),
  cname('out.mesos', 'www.example.com', 50),
  cname('special.mesos', 'localhost'),
  cname('loop-a.mesos', 'loop-b.mesos'),
  cname('loop-b.mesos', 'loop-a.mesos'),
  cname('self.mesos', 'self.mesos'),
  ...Array.from({ length: 10 }, (_, i) => cname(`c${i}.mesos`, i === 0 ? 'web.mesos' : `c${i - 1}.mesos`)),
  cname('dark.mesos', 'x.dark.example'),
];
const LAB = [addresses('box.lab.example', ['10.2.0.1'])];
const ZONES = 'mesos,lab.example,dark.example';
const SOA = 'authority mesos SOA ns1.mesos 1';
let key: TestKey;
let edge: Edge;

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(async () => {
  await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key });
  await publishToKv(env.SNAPSHOTS, { origin: 'lab.example', rrsets: LAB, key });
  edge = createEdge({ ZONES });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await reset();
});

function stubUpstream(play: Play): FakeUpstreams {
  const fake = createFakeUpstreams({ [UPSTREAM]: play });
  vi.stubGlobal('fetch', fake.fetch);
  edge = createEdge({ ZONES, UPSTREAMS: UPSTREAM });
  return fake;
}

describe('a CNAME in our zone', () => {
  it.each([
    ['one', 'www.mesos', 1, ['NOERROR', 'web.mesos A 10.0.0.1', 'www.mesos CNAME web.mesos']],
    [
      'two',
      'far.mesos',
      1,
      ['NOERROR', 'far.mesos CNAME www.mesos', 'web.mesos A 10.0.0.1', 'www.mesos CNAME web.mesos'],
    ],
    [
      'to another zone of ours',
      'lab.mesos',
      1,
      ['NOERROR', 'box.lab.example A 10.2.0.1', 'lab.mesos CNAME box.lab.example'],
    ],
    [
      'to a service',
      'srv.mesos',
      33,
      [
        'NOERROR',
        '_web._tcp.mesos SRV 80 web.mesos',
        'srv.mesos CNAME _web._tcp.mesos',
        'additional web.mesos A 10.0.0.1',
      ],
    ],
    ['to what has not the type', 'www.mesos', 28, ['NOERROR', 'www.mesos CNAME web.mesos', SOA]],
    ['to nothing', 'gone.mesos', 1, ['NXDOMAIN', 'gone.mesos CNAME nothing.mesos', SOA]],
    [
      'to nothing in another zone',
      'gone-lab.mesos',
      1,
      ['NXDOMAIN', 'gone-lab.mesos CNAME nothing.lab.example', 'authority lab.example SOA ns1.lab.example 1'],
    ],
    ['itself', 'www.mesos', 5, ['NOERROR', 'www.mesos CNAME web.mesos']],
    [
      'by ANY',
      'www.mesos',
      255,
      ['NOERROR', 'www.mesos CNAME web.mesos', 'authority mesos NS ns1.mesos', SOA],
    ],
  ])('is followed: %s', async (_, name, type, expected) => {
    for (const ask of [edge.ask, edge.get, edge.get]) {
      const reply = await ask({ name, type, edns: 1232 });
      expect(said(reply)).toEqual(expected);
      expect(reply.packet.flag_aa).toBe(true);
      expect(reply.errors).toEqual([]);
    }
  });

  it('gives the CNAMEs in the order they are followed, before what they lead to', async () => {
    const { packet, response } = await edge.ask({ name: 'far.mesos', type: 1 });
    expect(packet.answers?.map(({ name }) => name)).toEqual(['far.mesos', 'www.mesos', 'web.mesos']);
    expect(ttlsOf(packet.answers)).toEqual([90, 20, 60]);
    expect(response.headers.get('cache-control')).toBe('max-age=20');
    expect(response.headers.get('snapshot')).toMatch(/^1;age=\d+$/);
  });

  it('keeps what a negative reply says: no longer than its SOA', async () => {
    const reply = await edge.ask({ name: 'gone.mesos', type: 1 });
    expect(reply.response.headers.get('cache-control')).toBe('max-age=10');
  });

  it('is followed eight times and no further', async () => {
    const eight = await edge.ask({ name: 'c7.mesos', type: 1 });
    expect(eight.rcode).toBe('NOERROR');
    expect(eight.packet.answers).toHaveLength(9);
    const nine = await edge.ask({ name: 'c8.mesos', type: 1, edns: 1232 });
    expect(said(nine)).toEqual(['SERVFAIL']);
    expect(nine.errors).toEqual([{ code: 0, text: 'its chain has more than 8 CNAMEs' }]);
    expect(nine.response.headers.get('cache-control')).toBe('no-store');
  });

  it.each(['loop-a.mesos', 'loop-b.mesos', 'self.mesos'])('that leads back is an error: %s', async (name) => {
    const reply = await edge.ask({ name, type: 1, edns: 1232 });
    expect(said(reply)).toEqual(['SERVFAIL']);
    expect(reply.errors).toEqual([{ code: 0, text: 'its CNAMEs lead back to themselves' }]);
  });

  it('to a zone that can not be read fails, and says why', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const reply = await edge.ask({ name: 'dark.mesos', type: 1, edns: 1232 });
    expect(said(reply)).toEqual(['SERVFAIL']);
    expect(reply.errors).toEqual([{ code: 14, text: expect.stringMatching(/no snapshot/) }]);
  });

  it('of a stale snapshot has stale TTLs, and says so once', async () => {
    const createdAtMs = Date.now() - 1_000_000;
    await reset();
    await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key, createdAtMs });
    edge = createEdge({ ZONES });
    const reply = await edge.ask({ name: 'far.mesos', type: 1, edns: 1232 });
    expect(ttlsOf(reply.packet.answers)).toEqual([30, 20, 30]);
    expect(reply.errors).toEqual([{ code: 3, text: expect.stringMatching(/s old/) }]);
  });
});

describe('a CNAME out of our zones', () => {
  it('stands alone where nothing is forwarded', async () => {
    for (const name of ['out.mesos', 'special.mesos']) {
      const reply = await edge.ask({ name, type: 1, edns: 1232 });
      expect(reply.rcode).toBe('NOERROR');
      expect(reply.packet.answers?.map(({ type }) => type)).toEqual(['CNAME']);
    }
    const kept = await edge.ask({ name: 'out.mesos', type: 1 });
    expect(kept.response.headers.get('cache-control')).toBe('max-age=50');
  });

  it('has the upstream’s answers behind it', async () => {
    const { asked } = stubUpstream(
      answering([
        { name: 'www.example.com', type: 'CNAME', ttl: 9, data: 'edge.example.net' },
        { name: 'edge.example.net', type: 'A', ttl: 300, data: '192.0.2.9' },
      ]),
    );
    const reply = await edge.ask(spelled('Out.mesos'));
    expect(reply.packet.answers?.map((record) => `${record.name} ${record.type}`)).toEqual([
      'Out.mesos CNAME',
      'www.example.com CNAME',
      'edge.example.net A',
    ]);
    expect(reply.response.headers.get('cache-control')).toBe('max-age=9');
    expect([reply.packet.flag_aa, reply.packet.flag_ra, reply.packet.flag_ad]).toEqual([true, true, false]);
    expect(asked).toHaveLength(1);
    await edge.ask({ name: 'out.mesos', type: 1 });
    expect(asked).toHaveLength(1);
  });

  it('is NXDOMAIN where the upstream says so', async () => {
    stubUpstream(answering([], { rcode: 3 }));
    const reply = await edge.ask({ name: 'out.mesos', type: 1 });
    expect(said(reply)).toEqual(['NXDOMAIN', 'out.mesos CNAME www.example.com']);
  });

  it('fails where no upstream answers', async () => {
    stubUpstream(() => new Response('', { status: 500 }));
    const reply = await edge.ask({ name: 'out.mesos', type: 1, edns: 1232 });
    expect(said(reply)).toEqual(['SERVFAIL']);
    expect(reply.errors).toMatchObject([{ code: 23 }]);
  });

  it('may not lead to a private address by somebody else’s word', async () => {
    stubUpstream(answering([{ name: 'www.example.com', type: 'A', ttl: 9, data: '10.0.0.9' }]));
    const reply = await edge.ask({ name: 'out.mesos', type: 1, edns: 1232 });
    expect(said(reply)).toEqual(['NOERROR', 'out.mesos CNAME www.example.com']);
    expect(reply.errors).toMatchObject([{ code: 15 }]);
  });

  it('to a special name is answered here', async () => {
    const { asked } = stubUpstream(answering([]));
    const reply = await edge.ask({ name: 'special.mesos', type: 1 });
    expect(said(reply)).toEqual(['NOERROR', 'localhost A 127.0.0.1', 'special.mesos CNAME localhost']);
    expect(asked).toEqual([]);
  });
});

describe('a CNAME and views', () => {
  it('to what the view has not leads nowhere, and does not say where it would', async () => {
    vi.spyOn(console, 'log').mockReturnValue();
    const memory = createMemoryKv();
    await publishToKv(memory.kv, { rrsets: RRSETS, key });
    await publishToKv(memory.kv, { origin: 'lab.example', rrsets: LAB, key });
    const view = (names: readonly string[]): object => ({
      zones: [{ origin: 'mesos', names }],
      forwarding: false,
    });
    const views = { alias: view(['www.mesos', 'lab.mesos']), both: view(['www.mesos', 'web.mesos']) };
    const teams = { alias: { view: 'alias' }, both: { view: 'both' } };
    await grant(memory, { views, teams, tokens: { alias: { team: 'alias' }, both: { team: 'both' } } }, key);
    const door = createDoor(memory, { ZONES, ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64 });
    const ask = async (token: string, name: string): Promise<string[]> =>
      said(
        await readReply(
          await door.fetch(`/t/${tokenOf(token)}${getPath(encodeQuestion({ name, type: 1 }))}`),
        ),
      );
    expect(await ask('both', 'www.mesos')).toEqual([
      'NOERROR',
      'web.mesos A 10.0.0.1',
      'www.mesos CNAME web.mesos',
    ]);
    expect(await ask('alias', 'www.mesos')).toEqual(['NOERROR', SOA]);
    expect(await ask('alias', 'lab.mesos')).toEqual(['NOERROR', SOA]);
    expect(await ask('both', 'far.mesos')).toEqual(['NXDOMAIN', SOA]);
  });
});
