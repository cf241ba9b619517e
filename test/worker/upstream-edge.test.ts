import { env } from 'cloudflare:workers';
import { reset } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answering, createFakeUpstreams, type FakeUpstreams, type Play } from '../fakes/upstream.ts';
import { answersOf, createEdge } from './edge.ts';
import { addresses, createSigningKey, publishToKv } from './publish-to-kv.ts';
import { ANSWERS, FIRST, SECOND, spelled } from './upstream-asked.ts';

const good = answering(ANSWERS);
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

describe('the Worker with upstreams', () => {
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

  it('answers the next asker from memory, in that asker’s own words', async () => {
    const { asked } = stubUpstreams({ [FIRST]: good });
    const edge = createEdge(variables);
    await edge.ask(question);
    const { packet, errors } = await edge.get(spelled('WWW.eXample.com', { id: 0xabcd }));
    expect([packet.id, packet.questions?.[0]?.name, errors]).toEqual([0xabcd, 'WWW.eXample.com', []]);
    expect(asked).toHaveLength(1);
    await createEdge(variables).ask(question);
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

  it('answers its own zone while upstreams are dead, and reads nothing from KV for others', async () => {
    const dead = Promise.withResolvers<Response>();
    const { asked } = stubUpstreams({ [FIRST]: () => dead.promise });
    let reads = 0;
    const counted = new Proxy(env.SNAPSHOTS, {
      get: (target, name) => {
        if (name === 'get' || name === 'getWithMetadata') reads++;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const edge = createEdge({ UPSTREAMS: FIRST, SNAPSHOTS: counted });
    const forwarded = Promise.all(
      Array.from({ length: 20 }, (_, i) => edge.ask({ ...question, name: `n${i}.example.com` })),
    );
    await expect.poll(() => asked.length).toBe(20);
    expect(reads).toBe(0);
    expect(answersOf((await edge.ask({ name: 'web.mesos', type: 1 })).packet)).toEqual(['A "10.0.0.1"']);
    expect((await edge.fetch('/health')).status).toBe(200);
    dead.reject(new Error('at last'));
    expect(new Set((await forwarded).map(({ rcode }) => rcode))).toEqual(new Set(['SERVFAIL']));
  });

  it('sends on no special name, and not ANY', async () => {
    const { asked } = stubUpstreams({ [FIRST]: good });
    const edge = createEdge(variables);
    const rcodes = ['localhost', '_dns.resolver.arpa', '4.3.2.10.in-addr.arpa', 'printer.local'].map(
      async (name) => (await edge.ask({ name, type: 64 })).rcode,
    );
    expect(await Promise.all(rcodes)).toEqual(['NOERROR', 'NOERROR', 'NXDOMAIN', 'NXDOMAIN']);
    const any = await edge.ask({ name: 'www.example.com', type: 255 });
    expect(answersOf(any.packet)).toEqual([expect.stringMatching(/HINFO.*RFC8482/)]);
    expect(any.response.headers.get('cache-control')).toBe('max-age=10800');
    expect(asked).toEqual([]);
  });

  it('sends special names to upstreams of their own, and refuses zones that have none', async () => {
    const { asked } = stubUpstreams({ [FIRST]: good, [SECOND]: good });
    const edge = createEdge({
      UPSTREAMS: FIRST,
      UPSTREAMS_BY_ZONE: `10.in-addr.arpa=${SECOND},home.arpa=${SECOND},shut.example=`,
    });
    await edge.ask({ name: '4.3.2.10.in-addr.arpa', type: 12 });
    await edge.ask({ name: 'nas.home.arpa', type: 1 });
    await edge.ask({ name: 'nas.home.arpa', type: 255 });
    await edge.ask({ name: '4.3.2.11.in-addr.arpa', type: 12 });
    expect(asked.map(({ url }) => url)).toEqual([SECOND, SECOND, FIRST]);
    const shut = await edge.ask({ name: 'www.shut.example', type: 1, edns: 1232 });
    expect([shut.rcode, shut.errors]).toMatchObject(['REFUSED', [{ code: 18 }]]);
    expect(asked).toHaveLength(3);
  });

  it('with upstreams for one zone alone refuses the rest', async () => {
    const { asked } = stubUpstreams({ [FIRST]: good });
    const edge = createEdge({ UPSTREAMS: '', UPSTREAMS_BY_ZONE: `example.com=${FIRST}` });
    expect((await edge.ask(question)).rcode).toBe('NOERROR');
    for (const type of [1, 255, 252])
      expect((await edge.ask({ name: 'www.example.org', type })).rcode).toBe('REFUSED');
    expect(asked).toHaveLength(1);
  });

  it('without upstreams refuses special names like all others', async () => {
    const edge = createEdge({ UPSTREAMS: '' });
    for (const name of ['localhost', '1.0.0.10.in-addr.arpa', 'www.example.com'])
      expect((await edge.ask({ name, type: 255 })).rcode).toBe('REFUSED');
  });

  it.each([
    ['UPSTREAMS_BY_ZONE', 'corp.example'],
    ['REBIND_PROTECTION', 'maybe'],
    ['REBIND_ALLOW', 'a..b'],
  ])('does not start with a %s that can not be read', async (name, value) => {
    const log = vi.spyOn(console, 'error').mockReturnValue();
    expect((await createEdge({ ...variables, [name]: value }).fetch('/')).status).toBe(500);
    expect(log.mock.calls.join('\n')).toMatch(/UPSTREAMS_BY_ZONE|REBIND_PROTECTION|a\.\.b/);
    vi.restoreAllMocks();
  });
});
