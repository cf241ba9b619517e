import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Limits } from '../../../zone/plan.ts';
import { createDoor, grant, tokenOf } from '../access/door.ts';
import { createMemoryKv } from '../access/memory-kv.ts';
import { createEdge, getPath, readReply } from '../edge.ts';
import { encodeQuestion } from '../../message.ts';
import { addresses, cname, createSigningKey, publishToKv, services, type TestKey } from '../publish-to-kv.ts';
import { spelled } from '../upstream-asked.ts';
import { said } from './said.ts';

/** RFC 4592 §2.2.1, with a service and a CNAME more. */
const RRSETS = [
  addresses('*.mesos', ['10.0.0.1']),
  services('_ssh._tcp.host1.mesos', ['host1.mesos:22']),
  addresses('sub.*.mesos', ['10.0.0.2']),
  addresses('host1.mesos', ['10.0.0.3']),
  cname('*.apps.mesos', 'host1.mesos'),
  services('*._tcp.mesos', ['host1.mesos:80']),
  ...Array.from({ length: 60 }, (_, i) => addresses(`t${i}.other.mesos`, [`10.1.0.${i}`])),
];
const SOA = 'authority mesos SOA ns1.mesos 1';
const SHARDED: Limits = { overlayOctets: 500, runOctets: 600, shardOctets: 600 };
let key: TestKey;

beforeAll(async () => {
  key = await createSigningKey();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

const CASES: readonly (readonly [string, string, number, readonly string[]])[] = [
  ['for a name that is not there', 'host3.mesos', 1, ['NOERROR', 'host3.mesos A 10.0.0.1']],
  ['far below too', 'foo.bar.mesos', 1, ['NOERROR', 'foo.bar.mesos A 10.0.0.1']],
  ['no type that it has not', 'host3.mesos', 28, ['NOERROR', SOA]],
  ['not for a name that is there', 'host1.mesos', 28, ['NOERROR', SOA]],
  ['not for a name between names', '_tcp.host1.mesos', 1, ['NOERROR', SOA]],
  ['not below a name that is there', '_telnet._tcp.host1.mesos', 33, ['NXDOMAIN', SOA]],
  ['not below a name between names', 'none.other.mesos', 1, ['NXDOMAIN', SOA]],
  ['not below an asterisk', 'ghost.*.mesos', 1, ['NXDOMAIN', SOA]],
  ['for its own name', '*.mesos', 1, ['NOERROR', '*.mesos A 10.0.0.1']],
  ['a name below an asterisk is a name', 'sub.*.mesos', 1, ['NOERROR', 'sub.*.mesos A 10.0.0.2']],
  [
    'the deepest alone',
    'x.apps.mesos',
    1,
    ['NOERROR', 'host1.mesos A 10.0.0.3', 'x.apps.mesos CNAME host1.mesos'],
  ],
  ['not for the parent itself', 'apps.mesos', 1, ['NOERROR', SOA]],
  [
    'a service',
    '_web._tcp.mesos',
    33,
    ['NOERROR', '_web._tcp.mesos SRV 80 host1.mesos', 'additional host1.mesos A 10.0.0.3'],
  ],
  ['by ANY', 'host3.mesos', 255, ['NOERROR', 'host3.mesos A 10.0.0.1', 'authority mesos NS ns1.mesos', SOA]],
  ['not for the apex', 'mesos', 1, ['NOERROR', SOA]],
];

/** More of them than a head lists. */
const MANY = Array.from({ length: 150 }, (_, i) => addresses(`*.w${i}.other.mesos`, ['10.2.0.1']));

describe.each([
  ['a run', RRSETS, undefined],
  ['shards', RRSETS, SHARDED],
  ['a run, among many', [...RRSETS, ...MANY], undefined],
  ['shards, among many', [...RRSETS, ...MANY], SHARDED],
])('a wildcard in a zone of %s answers', (_, rrsets, limits) => {
  it.each(CASES)('%s: %s', async (_says, name, type, expected) => {
    const { body } = await publishToKv(env.SNAPSHOTS, { rrsets, key, ...(limits && { limits }) });
    expect(body.wildcards === 'unlisted').toBe(rrsets !== RRSETS);
    const edge = createEdge();
    for (const ask of [edge.ask, edge.get, edge.get])
      expect(said(await ask({ name, type }))).toEqual(expected);
  });
});

describe('wildcards', () => {
  it('echo the asker’s case', async () => {
    await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key });
    const { packet } = await createEdge().ask(spelled('HOST3.Mesos'));
    expect(packet.answers).toMatchObject([{ name: 'HOST3.Mesos', data: '10.0.0.1' }]);
  });

  it('are gone with the push that takes them, and so are their answers', async () => {
    await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key });
    const before = createEdge();
    for (let i = 0; i < 3; i++)
      expect((await before.get({ name: 'host3.mesos', type: 1 })).rcode).toBe('NOERROR');
    await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS.slice(3), key, serial: 2 });
    expect((await createEdge().ask({ name: 'host3.mesos', type: 1 })).rcode).toBe('NXDOMAIN');
  });

  it('answer by the HTTP interface as well', async () => {
    await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key });
    const edge = createEdge();
    expect(await (await edge.fetch('/v1/hosts/any.mesos')).json()).toEqual([
      { host: 'any.mesos.', ip: '10.0.0.1' },
    ]);
  });

  it('do not show a view what it has not', async () => {
    vi.spyOn(console, 'log').mockReturnValue();
    const memory = createMemoryKv();
    await publishToKv(memory.kv, { rrsets: RRSETS, key });
    const views = {
      some: { zones: [{ origin: 'mesos', names: ['apps.mesos', 'host1.mesos'] }], forwarding: false },
    };
    await grant(
      memory,
      { views, teams: { some: { view: 'some' } }, tokens: { some: { team: 'some' } } },
      key,
    );
    const door = createDoor(memory, { ZONES: 'mesos', ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64 });
    const ask = async (name: string): Promise<string[]> =>
      said(
        await readReply(
          await door.fetch(`/t/${tokenOf('some')}${getPath(encodeQuestion({ name, type: 1 }))}`),
        ),
      );
    expect(await ask('x.apps.mesos')).toEqual([
      'NOERROR',
      'host1.mesos A 10.0.0.3',
      'x.apps.mesos CNAME host1.mesos',
    ]);
    expect(await ask('host3.mesos')).toEqual(['NXDOMAIN', SOA]);
    expect(await ask('*.mesos')).toEqual(['NXDOMAIN', SOA]);
  });

  it('take few reads however deep a name is, in a zone that has too many to list', async () => {
    const memory = createMemoryKv();
    const deep = `${'a.'.repeat(110)}deep.mesos`;
    const many = Array.from({ length: 3_000 }, (_, i) => addresses(`n${i}.other.mesos`, ['10.1.0.1']));
    const rrsets = [...MANY, ...many, addresses(deep, ['10.6.6.6']), addresses(`*.${deep}`, ['10.6.6.7'])];
    const { body } = await publishToKv(memory.kv, { rrsets, key, limits: SHARDED });
    expect(body.wildcards).toBe('unlisted');
    expect(body.levels.shards?.hashes.length).toBeGreaterThan(200);
    const ask = async (name: string): Promise<[string[], number]> => {
      const door = createDoor(memory, { ZONES: 'mesos', ACCESS: 'open', VERIFY_KEYS: key.publicKeyBase64 });
      await door.fetch('/health');
      memory.reads.length = 0;
      const reply = await readReply(await door.fetch(getPath(encodeQuestion({ name, type: 1 }))));
      return [said(reply), memory.reads.length];
    };
    const below = `b.${deep}`;
    for (const [name, answered] of [
      [below, ['NOERROR', `${below} A 10.6.6.7`]],
      [`b.${deep.slice(2)}`, ['NXDOMAIN', SOA]],
      [`b.${deep.slice(110)}`, ['NXDOMAIN', SOA]],
      [`b.${'c.'.repeat(100)}mesos`, ['NXDOMAIN', SOA]],
    ] as const) {
      const [seen, reads] = await ask(name);
      expect(seen).toEqual(answered);
      // The name, 7 on the way to its closest encloser, the wildcard; the head beside them.
      expect(reads).toBeLessThanOrEqual(10);
    }
  });
});

describe('owners with an asterisk, in a zone whose head has no section of wildcards', () => {
  const owners = ['*.web.mesos', 'x.*.web.mesos', '*.mesos'];
  const rrsets = owners.map((owner) => addresses(owner, ['10.5.0.1']));
  const asterisks: readonly (readonly [string, readonly string[]])[] = [
    ...owners.map((owner) => [owner, ['NOERROR', `${owner} A 10.5.0.1`]] as const),
    ['web.mesos', ['NOERROR', SOA]],
    ['x.web.mesos', ['NXDOMAIN', SOA]],
    ['y.x.web.mesos', ['NXDOMAIN', SOA]],
    ['y.*.web.mesos', ['NXDOMAIN', SOA]],
    ['any.mesos', ['NXDOMAIN', SOA]],
    ['*.any.mesos', ['NXDOMAIN', SOA]],
  ];

  it.each([
    ['a run', undefined],
    ['shards', SHARDED],
  ])('answer for themselves alone: %s', async (_, limits) => {
    const more = limits ? RRSETS.slice(6) : [];
    const published = { rrsets: [...rrsets, ...more], key, isLiteral: true, ...(limits && { limits }) };
    const { body } = await publishToKv(env.SNAPSHOTS, published);
    expect(body).not.toHaveProperty('wildcards');
    const edge = createEdge();
    for (const [name, expected] of asterisks)
      for (const ask of [edge.ask, edge.get]) expect(said(await ask({ name, type: 1 }))).toEqual(expected);
  });

  it('nor for a view', async () => {
    vi.spyOn(console, 'log').mockReturnValue();
    const memory = createMemoryKv();
    await publishToKv(memory.kv, { rrsets, key, isLiteral: true });
    const names = ['*.mesos', 'any.mesos', 'web.mesos'];
    const views = { some: { zones: [{ origin: 'mesos', names }], forwarding: false } };
    const teams = { some: { view: 'some' } };
    await grant(memory, { views, teams, tokens: { some: { team: 'some' } } }, key);
    const door = createDoor(memory, { ZONES: 'mesos', ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64 });
    for (const [name, expected] of asterisks) {
      const path = getPath(encodeQuestion({ name, type: 1 }));
      expect(said(await readReply(await door.fetch(`/t/${tokenOf('some')}${path}`)))).toEqual(expected);
    }
  });
});
