import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDoor, grant, tokenOf } from '../access/door.ts';
import { createMemoryKv, type MemoryKv } from '../access/memory-kv.ts';
import { answersOf, createEdge, type Edge, getPath, readReply } from '../edge.ts';
import { encodeQuestion } from '../../message.ts';
import { addresses, cname, createSigningKey, publishToKv, services, type TestKey } from '../publish-to-kv.ts';
import { spelled } from '../upstream-asked.ts';
import { said } from './said.ts';

const ZONES = 'mesos,dc1.mesos';
const ALIASES = 'cluster1.example.com=mesos,apps.example.com=marathon.mesos,old.mesos=marathon.mesos';
const MESOS = [
  addresses('leader.mesos', ['10.0.0.1']),
  addresses('web.marathon.mesos', ['10.0.0.2'], 60),
  services('_web._tcp.marathon.mesos', ['web.marathon.mesos:80'], 60),
  cname('www.marathon.mesos', 'web.marathon.mesos'),
  addresses('*.wild.marathon.mesos', ['10.0.0.3']),
  addresses('marathon.mesos', ['10.0.0.4']),
];
const DC1 = [addresses('box.dc1.mesos', ['10.1.0.1'])];
const soa = (owner: string, serial = 1, mname = 'ns1.mesos'): string =>
  `authority ${owner} SOA ${mname} ${serial}`;
let key: TestKey;

beforeAll(async () => {
  key = await createSigningKey();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

async function publish(kv: KVNamespace): Promise<void> {
  await publishToKv(kv, { rrsets: MESOS, key });
  await publishToKv(kv, { origin: 'dc1.mesos', rrsets: DC1, key });
}

describe('an alias zone', () => {
  let edge: Edge;
  beforeEach(async () => {
    await publish(env.SNAPSHOTS);
    edge = createEdge({ ZONES, ALIASES });
  });

  it.each([
    ['a name', 'leader.cluster1.example.com', 1, ['NOERROR', 'leader.cluster1.example.com A 10.0.0.1']],
    ['a name of a part', 'web.apps.example.com', 1, ['NOERROR', 'web.apps.example.com A 10.0.0.2']],
    [
      'a service, whose targets keep their names',
      '_web._tcp.apps.example.com',
      33,
      [
        'NOERROR',
        '_web._tcp.apps.example.com SRV 80 web.marathon.mesos',
        'additional web.marathon.mesos A 10.0.0.2',
      ],
    ],
    [
      'a CNAME',
      'www.apps.example.com',
      1,
      ['NOERROR', 'web.marathon.mesos A 10.0.0.2', 'www.apps.example.com CNAME web.marathon.mesos'],
    ],
    ['a wildcard', 'x.wild.apps.example.com', 1, ['NOERROR', 'x.wild.apps.example.com A 10.0.0.3']],
    ['what the apex has', 'apps.example.com', 1, ['NOERROR', 'apps.example.com A 10.0.0.4']],
    ['nothing', 'none.cluster1.example.com', 1, ['NXDOMAIN', soa('cluster1.example.com')]],
    ['nothing of a part', 'leader.apps.example.com', 1, ['NXDOMAIN', soa('apps.example.com')]],
    ['no such type', 'leader.cluster1.example.com', 28, ['NOERROR', soa('cluster1.example.com')]],
    ['a name between names', '_tcp.apps.example.com', 1, ['NOERROR', soa('apps.example.com')]],
    ['SOA', 'cluster1.example.com', 6, ['NOERROR', 'cluster1.example.com SOA ns1.mesos 1']],
    ['SOA of a part', 'apps.example.com', 6, ['NOERROR', 'apps.example.com SOA ns1.mesos 1']],
    ['NS', 'apps.example.com', 2, ['NOERROR', 'apps.example.com NS ns1.mesos']],
    [
      'DNAME, which says what it stands for',
      'apps.example.com',
      39,
      ['NOERROR', 'apps.example.com DNAME marathon.mesos'],
    ],
    ['no DNAME below', 'web.apps.example.com', 39, ['NOERROR', soa('apps.example.com')]],
    [
      'a zone below',
      'box.dc1.cluster1.example.com',
      1,
      ['NOERROR', 'box.dc1.cluster1.example.com A 10.1.0.1'],
    ],
    [
      'nothing of a zone below',
      'x.dc1.cluster1.example.com',
      1,
      ['NXDOMAIN', soa('dc1.cluster1.example.com', 1, 'ns1.dc1.mesos')],
    ],
    ['an alias in a zone of ours', 'web.old.mesos', 1, ['NOERROR', 'web.old.mesos A 10.0.0.2']],
    ['the zone under its own name', 'leader.mesos', 1, ['NOERROR', 'leader.mesos A 10.0.0.1']],
    ['what is above it', 'example.com', 1, ['REFUSED']],
    ['what is beside it', 'xapps.example.com', 1, ['REFUSED']],
  ])('answers %s', async (_, name, type, expected) => {
    for (const ask of [edge.ask, edge.get, edge.get, edge.get]) {
      const reply = await ask({ name, type });
      expect(said(reply)).toEqual(expected);
      expect(reply.packet.flag_aa).toBe(!expected.includes('REFUSED'));
    }
  });

  it('echoes the asker’s case', async () => {
    const { packet } = await edge.ask(spelled('WEB.Apps.example.COM'));
    expect(packet.answers).toMatchObject([{ name: 'WEB.Apps.example.COM', data: '10.0.0.2' }]);
  });

  it('says what the next snapshot says, also to what was asked before', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const question = { name: 'leader.cluster1.example.com', type: 1 };
    for (let i = 0; i < 3; i++)
      expect(answersOf((await edge.get(question)).packet)).toEqual(['A "10.0.0.1"']);
    await publishToKv(env.SNAPSHOTS, { rrsets: [addresses('leader.mesos', ['10.0.0.9'])], key, serial: 2 });
    vi.setSystemTime(Date.now() + 31_000);
    await edge.get(question);
    const reply = await edge.get(question);
    expect(answersOf(reply.packet)).toEqual(['A "10.0.0.9"']);
    expect(reply.response.headers.get('snapshot')).toMatch(/^2;/);
    expect(said(await edge.get({ name: 'apps.example.com', type: 6 }))).toEqual([
      'NOERROR',
      'apps.example.com SOA ns1.mesos 2',
    ]);
  });

  it('is not ready where its zone is not', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    await reset();
    const reply = await createEdge({ ZONES, ALIASES }).ask({
      name: 'web.apps.example.com',
      type: 1,
      edns: 1232,
    });
    expect([reply.rcode, reply.errors.map(({ code }) => code)]).toEqual(['SERVFAIL', [14]]);
  });

  it('is told by /health, answered by /v1/hosts, and not listed by /v1/axfr', async () => {
    edge = createEdge({ ZONES, ALIASES, ENUMERATION: 'on' });
    const health = (await (await edge.fetch('/health')).json()) as {
      zones: { origin: string; standsFor?: string[] }[];
    };
    expect(health.zones.map(({ origin, standsFor }) => [origin, ...(standsFor ?? [])])).toEqual(
      expect.arrayContaining([
        ['mesos'],
        ['apps.example.com', 'marathon.mesos'],
        ['dc1.cluster1.example.com', 'dc1.mesos'],
      ]),
    );
    expect(await (await edge.fetch('/v1/hosts/web.apps.example.com')).json()).toEqual([
      { host: 'web.apps.example.com.', ip: '10.0.0.2' },
    ]);
    const none = await edge.fetch('/v1/axfr?zone=apps.example.com');
    expect([none.status, await none.text()]).toEqual([
      400,
      expect.stringContaining('none of dc1.mesos, mesos'),
    ]);
    expect((await edge.fetch('/v1/axfr?zone=mesos')).status).toBe(200);
    expect((await edge.fetch('/?name=web.apps.example.com&type=A')).status).toBe(200);
  });

  it('that can not be told from a zone is refused at the start', async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    expect((await createEdge({ ZONES, ALIASES: 'mesos=marathon.mesos' }).fetch('/health')).status).toBe(500);
  });
});

describe('an alias zone and views', () => {
  let memory: MemoryKv;
  const VIEWS = {
    all: { zones: [{ origin: 'mesos' }, { origin: 'dc1.mesos' }], forwarding: false },
    web: {
      zones: [{ origin: 'mesos', names: ['web.marathon.mesos', '_tcp.marathon.mesos'] }],
      forwarding: false,
    },
    marathon: { zones: [{ origin: 'mesos', names: ['marathon.mesos'] }], forwarding: false },
    leader: { zones: [{ origin: 'mesos', names: ['leader.mesos'] }], forwarding: false },
    lower: { zones: [{ origin: 'dc1.mesos' }], forwarding: false },
  };
  beforeEach(async () => {
    vi.spyOn(console, 'log').mockReturnValue();
    memory = createMemoryKv();
    await publish(memory.kv);
    const names = Object.keys(VIEWS);
    const teams = Object.fromEntries(names.map((view) => [view, { view }]));
    await grant(
      memory,
      { views: VIEWS, teams, tokens: Object.fromEntries(names.map((team) => [team, { team }])) },
      key,
    );
  });

  it.each([
    ['all', 'web.apps.example.com', ['NOERROR', 'web.apps.example.com A 10.0.0.2']],
    ['all', 'box.dc1.cluster1.example.com', ['NOERROR', 'box.dc1.cluster1.example.com A 10.1.0.1']],
    ['web', 'web.apps.example.com', ['NOERROR', 'web.apps.example.com A 10.0.0.2']],
    ['web', 'web.marathon.cluster1.example.com', ['NOERROR', 'web.marathon.cluster1.example.com A 10.0.0.2']],
    ['web', 'www.apps.example.com', ['NXDOMAIN', soa('apps.example.com')]],
    ['web', 'apps.example.com', ['NOERROR', soa('apps.example.com')]],
    ['web', 'marathon.cluster1.example.com', ['NOERROR', soa('cluster1.example.com')]],
    ['web', 'leader.cluster1.example.com', ['NXDOMAIN', soa('cluster1.example.com')]],
    ['web', 'box.dc1.cluster1.example.com', ['NXDOMAIN', soa('cluster1.example.com')]],
    ['web', 'web.old.mesos', ['NOERROR', 'web.old.mesos A 10.0.0.2']],
    ['marathon', 'x.wild.apps.example.com', ['NOERROR', 'x.wild.apps.example.com A 10.0.0.3']],
    ['leader', 'leader.cluster1.example.com', ['NOERROR', 'leader.cluster1.example.com A 10.0.0.1']],
    ['leader', 'web.apps.example.com', ['REFUSED']],
    ['leader', 'web.old.mesos', ['NXDOMAIN', soa('mesos')]],
    ['lower', 'box.dc1.cluster1.example.com', ['NOERROR', 'box.dc1.cluster1.example.com A 10.1.0.1']],
    ['lower', 'leader.cluster1.example.com', ['REFUSED']],
  ])('%s asks for %s', async (view, name, expected) => {
    const door = createDoor(memory, { ZONES, ALIASES, ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64 });
    for (let i = 0; i < 3; i++) {
      const path = getPath(encodeQuestion({ name, type: 1 }));
      expect(said(await readReply(await door.fetch(`/t/${tokenOf(view)}${path}`)))).toEqual(expected);
    }
  });
});
