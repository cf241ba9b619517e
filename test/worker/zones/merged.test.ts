import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDoor, grant, tokenOf } from '../access/door.ts';
import { createMemoryKv } from '../access/memory-kv.ts';
import { createEdge, type Edge, getPath, readReply, type Reply, ttlsOf } from '../edge.ts';
import { encodeQuestion } from '../../message.ts';
import {
  addresses,
  cname,
  createSigningKey,
  publishToKv,
  services,
  type TestKey,
  type ToPublish,
} from '../publish-to-kv.ts';
import { said } from './said.ts';

const START_MS = Date.UTC(2026, 7, 1);
const VARIABLES = { ZONES: 'dc1.mesos,dc2.mesos', MERGED: 'mesos=dc1.mesos,dc2.mesos' };
const DC1 = [
  addresses('web.marathon.dc1.mesos', ['10.1.0.1'], 60),
  services('_web._tcp.marathon.dc1.mesos', ['web.marathon.dc1.mesos:80'], 60),
  addresses('one.dc1.mesos', ['10.1.0.2'], 60),
  addresses('v4.dc1.mesos', ['10.1.0.3'], 60),
];
const DC2 = [
  addresses('web.marathon.dc2.mesos', ['10.2.0.1'], 60),
  addresses('two.dc2.mesos', ['10.2.0.2'], 60),
  addresses('v4.dc2.mesos', ['10.2.0.3'], 60),
  addresses('v4.dc2.mesos', ['fd00::2'], 60),
  addresses('below.one.dc2.mesos', ['10.2.0.4'], 60),
  cname('www.dc2.mesos', 'two.dc2.mesos'),
  addresses('*.wild.dc2.mesos', ['10.2.0.5']),
];
const soa = (serial: number, member = 'dc1'): string => `authority mesos SOA ns1.${member}.mesos ${serial}`;
let key: TestKey;
let edge: Edge;

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  vi.spyOn(console, 'warn').mockReturnValue();
  edge = createEdge(VARIABLES);
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

const publish1 = (options: Partial<ToPublish> = {}, kv = env.SNAPSHOTS): Promise<unknown> =>
  publishToKv(kv, { origin: 'dc1.mesos', rrsets: DC1, key, serial: 5, createdAtMs: START_MS, ...options });
const publish2 = (options: Partial<ToPublish> = {}, kv = env.SNAPSHOTS): Promise<unknown> =>
  publishToKv(kv, { origin: 'dc2.mesos', rrsets: DC2, key, serial: 9, createdAtMs: START_MS, ...options });
const ask = (name: string, type = 1): Promise<Reply> => edge.get({ name, type, edns: 1232 });
const memberOf = ({ response }: Reply): string | undefined =>
  /zone=(.*)$/.exec(response.headers.get('snapshot') ?? '')?.[1];

describe('a merged zone', () => {
  beforeEach(async () => {
    await publish1();
    await publish2();
  });

  it.each([
    [
      'what both have, as the first does',
      'web.marathon.mesos',
      1,
      ['NOERROR', 'web.marathon.mesos A 10.1.0.1'],
      'dc1.mesos',
    ],
    ['what only the first has', 'one.mesos', 1, ['NOERROR', 'one.mesos A 10.1.0.2'], 'dc1.mesos'],
    ['what only the second has', 'two.mesos', 1, ['NOERROR', 'two.mesos A 10.2.0.2'], 'dc2.mesos'],
    [
      'services, with targets in their own zone',
      '_web._tcp.marathon.mesos',
      33,
      [
        'NOERROR',
        '_web._tcp.marathon.mesos SRV 80 web.marathon.dc1.mesos',
        'additional web.marathon.dc1.mesos A 10.1.0.1',
      ],
      'dc1.mesos',
    ],
    ['NODATA where the first has the name', 'v4.mesos', 28, ['NOERROR', soa(9)], 'dc1.mesos'],
    ['NODATA of a name between names', 'marathon.mesos', 1, ['NOERROR', soa(9)], 'dc1.mesos'],
    [
      'a name below one of the other member',
      'below.one.mesos',
      1,
      ['NOERROR', 'below.one.mesos A 10.2.0.4'],
      'dc2.mesos',
    ],
    ['NXDOMAIN where nobody has it', 'none.mesos', 1, ['NXDOMAIN', soa(9)], 'dc1.mesos'],
    [
      'a CNAME',
      'www.mesos',
      1,
      ['NOERROR', 'two.dc2.mesos A 10.2.0.2', 'www.mesos CNAME two.dc2.mesos'],
      'dc2.mesos',
    ],
    ['a wildcard', 'x.wild.mesos', 1, ['NOERROR', 'x.wild.mesos A 10.2.0.5'], 'dc2.mesos'],
    ['SOA, with the newest serial', 'mesos', 6, ['NOERROR', 'mesos SOA ns1.dc1.mesos 9'], 'dc1.mesos'],
    ['NS', 'mesos', 2, ['NOERROR', 'mesos NS ns1.dc1.mesos'], 'dc1.mesos'],
    [
      'the members under their own names',
      'web.marathon.dc2.mesos',
      1,
      ['NOERROR', 'web.marathon.dc2.mesos A 10.2.0.1'],
      undefined,
    ],
    [
      'what a member has not',
      'two.dc1.mesos',
      1,
      ['NXDOMAIN', 'authority dc1.mesos SOA ns1.dc1.mesos 5'],
      undefined,
    ],
  ])('answers %s', async (_, name, type, expected, member) => {
    // The newest serial is that of the members that were read.
    await ask('mesos', 6);
    for (let i = 0; i < 3; i++) {
      const reply = await ask(name, type);
      expect(said(reply)).toEqual(expected);
      expect([memberOf(reply), reply.errors, reply.packet.flag_aa]).toEqual([member, [], true]);
    }
  });

  it('has the newest serial also where the first member has more at its apex', async () => {
    await publish1({ serial: 6, rrsets: [...DC1, addresses('dc1.mesos', ['10.1.0.7'])] });
    expect(said(await ask('mesos', 6))).toEqual(['NOERROR', 'mesos SOA ns1.dc1.mesos 9']);
    expect(said(await ask('mesos', 1))).toEqual(['NOERROR', 'mesos A 10.1.0.7']);
  });

  it('takes a change of any member into what it has said already', async () => {
    for (let i = 0; i < 3; i++) {
      expect((await ask('new.mesos')).rcode).toBe('NXDOMAIN');
      expect(said(await ask('two.mesos'))).toEqual(['NOERROR', 'two.mesos A 10.2.0.2']);
    }
    await publish2({ serial: 10, rrsets: [...DC2, addresses('new.dc2.mesos', ['10.2.0.9'])] });
    await publish1({ serial: 12, rrsets: [...DC1, addresses('two.dc1.mesos', ['10.1.0.9'])] });
    vi.setSystemTime(START_MS + 31_000);
    await ask('new.mesos');
    await ask('two.mesos');
    expect(said(await ask('new.mesos'))).toEqual(['NOERROR', 'new.mesos A 10.2.0.9']);
    expect(said(await ask('two.mesos'))).toEqual(['NOERROR', 'two.mesos A 10.1.0.9']);
    expect(said(await ask('mesos', 6))).toEqual(['NOERROR', 'mesos SOA ns1.dc1.mesos 12']);
  });

  it('is told by /health, answered by /v1/hosts, and may have an alias', async () => {
    edge = createEdge({ ...VARIABLES, ALIASES: 'any.example.com=mesos' });
    const health = (await (await edge.fetch('/health')).json()) as {
      status: string;
      zones: { origin: string }[];
    };
    expect(health.status).toBe('ok');
    expect(health.zones.find(({ origin }) => origin === 'mesos')).toMatchObject({
      standsFor: ['dc1.mesos', 'dc2.mesos'],
      status: 'ok',
    });
    expect(await (await edge.fetch('/v1/hosts/two.mesos')).json()).toEqual([
      { host: 'two.mesos.', ip: '10.2.0.2' },
    ]);
    for (let i = 0; i < 3; i++) {
      const reply = await ask('two.any.example.com');
      expect(said(reply)).toEqual(['NOERROR', 'two.any.example.com A 10.2.0.2']);
      expect(memberOf(reply)).toBe('dc2.mesos');
    }
    expect(said(await ask('two.dc2.any.example.com'))).toEqual([
      'NOERROR',
      'two.dc2.any.example.com A 10.2.0.2',
    ]);
    expect(said(await ask('any.example.com', 6))).toEqual(['NOERROR', 'any.example.com SOA ns1.dc1.mesos 9']);
  });
});

describe('failover', () => {
  const OLD_MS = START_MS - 1_000_000;
  const EXPIRED_MS = START_MS - 8 * 86_400_000;

  it('a stale member is asked behind fresh ones, and the reply says so', async () => {
    await publish1({ createdAtMs: OLD_MS });
    await publish2();
    for (let i = 0; i < 3; i++) {
      const reply = await ask('web.marathon.mesos');
      expect(said(reply)).toEqual(['NOERROR', 'web.marathon.mesos A 10.2.0.1']);
      expect(reply.errors).toEqual([{ code: 0, text: 'answered by dc2.mesos, since dc1.mesos is stale' }]);
      expect([memberOf(reply), ttlsOf(reply.packet.answers)]).toEqual(['dc2.mesos', [60]]);
    }
    const only = await ask('one.mesos');
    expect(said(only)).toEqual(['NOERROR', soa(9, 'dc2')]);
  });

  it('what only a stale member has is answered, stale', async () => {
    await publish1({ createdAtMs: OLD_MS });
    await publish2();
    const reply = await ask('_web._tcp.marathon.mesos', 33);
    expect(reply.rcode).toBe('NOERROR');
    expect([memberOf(reply), ttlsOf(reply.packet.answers)]).toEqual(['dc1.mesos', [30]]);
    expect(reply.errors).toMatchObject([{ code: 3 }]);
    expect(said(await ask('none.mesos'))).toEqual(['NXDOMAIN', soa(9, 'dc2')]);
  });

  it('where all are stale the first answers, and says so', async () => {
    await publish1({ createdAtMs: OLD_MS });
    await publish2({ createdAtMs: OLD_MS });
    const reply = await ask('web.marathon.mesos');
    expect(said(reply)).toEqual(['NOERROR', 'web.marathon.mesos A 10.1.0.1']);
    expect(reply.errors).toMatchObject([{ code: 3 }]);
  });

  it.each([
    ['expired', (): Promise<unknown> => publish1({ createdAtMs: EXPIRED_MS })],
    ['not there', (): Promise<unknown> => Promise.resolve()],
  ])('a member that is %s is passed over; what nobody else has may be its', async (_, publishFirst) => {
    await publishFirst();
    await publish2();
    for (let i = 0; i < 3; i++) {
      const reply = await ask('web.marathon.mesos');
      expect(said(reply)).toEqual(['NOERROR', 'web.marathon.mesos A 10.2.0.1']);
      expect(reply.errors).toEqual([
        { code: 0, text: 'answered by dc2.mesos, since dc1.mesos can not be read' },
      ]);
    }
    const none = await ask('none.mesos');
    expect(said(none)).toEqual(['SERVFAIL']);
    expect(none.errors).toEqual([
      { code: 14, text: 'dc1.mesos can not be read, and no other member has the name' },
    ]);
    expect(none.response.headers.get('cache-control')).toBe('no-store');
    expect(said(await ask('mesos', 6))).toEqual([
      'NOERROR',
      expect.stringMatching(/^mesos SOA ns1.dc2.mesos 9/),
    ]);
    expect((await edge.fetch('/health')).status).toBe(_ === 'expired' ? 200 : 503);
  });

  it('a second that can not be read does not keep the first from answering, but NXDOMAIN does not come', async () => {
    await publish1();
    const reply = await ask('one.mesos');
    expect([said(reply), reply.errors]).toEqual([['NOERROR', 'one.mesos A 10.1.0.2'], []]);
    expect((await ask('none.mesos')).rcode).toBe('SERVFAIL');
  });

  it('all bad: SERVFAIL, as one zone would say', async () => {
    const missing = await ask('web.marathon.mesos');
    expect([missing.rcode, missing.errors.map(({ code }) => code)]).toEqual(['SERVFAIL', [14]]);
    await publish1({ createdAtMs: EXPIRED_MS });
    await publish2({ createdAtMs: EXPIRED_MS });
    edge = createEdge(VARIABLES);
    const expired = await ask('web.marathon.mesos');
    expect([expired.rcode, expired.errors]).toEqual([
      'SERVFAIL',
      [{ code: 3, text: expect.stringMatching(/has expired/) }],
    ]);
  });

  it('as time passes and back again, also for what is asked again and again', async () => {
    await publish1();
    await publish2();
    const seen: (string | undefined)[] = [];
    const step = async (): Promise<unknown> => {
      for (let i = 0; i < 3; i++) await ask('web.marathon.mesos');
      return seen.push(memberOf(await ask('web.marathon.mesos')));
    };
    await step();
    await publish2({ serial: 10, createdAtMs: START_MS + 600_000 });
    vi.setSystemTime(START_MS + 901_000);
    await step();
    await publish1({ serial: 6, createdAtMs: START_MS + 905_000 });
    vi.setSystemTime(START_MS + 940_000);
    await step();
    expect(seen).toEqual(['dc1.mesos', 'dc2.mesos', 'dc1.mesos']);
  });
});

describe('preference by place', () => {
  const PREFER = { ...VARIABLES, MERGED_PREFER: 'EU=dc2.mesos, FR=dc1.mesos, NA=dc1.mesos' };
  const from = async (cf: object | undefined, name = 'web.marathon.mesos', at = edge): Promise<string> => {
    const path = getPath(encodeQuestion({ name, type: 1 }));
    const reply = await readReply(await at.fetch(path, (cf && { cf }) as RequestInit));
    expect(reply.response.headers.get('cache-control')).toMatch(/^private, /);
    return said(reply).at(-1) ?? '';
  };
  beforeEach(async () => {
    await publish1();
    await publish2();
    edge = createEdge(PREFER);
  });

  it.each([
    [{ country: 'DE', continent: 'EU' }, '10.2.0.1'],
    [{ country: 'FR', continent: 'EU' }, '10.1.0.1'],
    [{ country: 'US', continent: 'NA' }, '10.1.0.1'],
    [{ country: 'JP', continent: 'AS' }, '10.1.0.1'],
    [undefined, '10.1.0.1'],
  ])('%j', async (cf, address) => {
    expect(await from(cf)).toBe(`web.marathon.mesos A ${address}`);
  });

  it('never mixes askers, however often and in whatever order they ask', async () => {
    const places = [{ continent: 'EU' }, { continent: 'NA' }, undefined, { continent: 'EU', country: 'FR' }];
    const seen = new Map<string, Set<string>>();
    for (let i = 0; i < 40; i++) {
      const place = places[(i * 7 + (i >> 2)) % places.length];
      const id = JSON.stringify(place ?? {});
      seen.set(id, (seen.get(id) ?? new Set()).add(await from(place)));
    }
    expect([...seen].map(([id, answers]) => [id, ...answers]).toSorted()).toEqual([
      ['{"continent":"EU","country":"FR"}', 'web.marathon.mesos A 10.1.0.1'],
      ['{"continent":"EU"}', 'web.marathon.mesos A 10.2.0.1'],
      ['{"continent":"NA"}', 'web.marathon.mesos A 10.1.0.1'],
      ['{}', 'web.marathon.mesos A 10.1.0.1'],
    ]);
  });

  it('goes to another member for what the near one has not, or while it is stale', async () => {
    // It has a name below that one.
    expect(await from({ continent: 'EU' }, 'one.mesos')).toBe('authority mesos SOA ns1.dc2.mesos 9');
    expect(await from({ continent: 'EU' }, '_web._tcp.marathon.mesos')).toContain('SOA');
    expect(await from({ continent: 'NA' }, 'two.mesos')).toBe('two.mesos A 10.2.0.2');
    await publish1({ serial: 6, createdAtMs: START_MS + 890_000 });
    vi.setSystemTime(START_MS + 920_000);
    expect(await from({ continent: 'EU' })).toBe('web.marathon.mesos A 10.1.0.1');
  });

  it('reaches /resolve too', async () => {
    const response = await edge.fetch('/resolve?name=web.marathon.mesos', {
      cf: { continent: 'EU' },
    } as RequestInit);
    expect(await response.json()).toMatchObject({ Answer: [{ data: '10.2.0.1' }] });
  });
});

describe('a merged zone and views', () => {
  it('has only the members, and of them the names, that the view has', async () => {
    vi.spyOn(console, 'log').mockReturnValue();
    const memory = createMemoryKv();
    await publish1({}, memory.kv);
    await publish2({}, memory.kv);
    const views = {
      both: { zones: [{ origin: 'dc1.mesos' }, { origin: 'dc2.mesos' }], forwarding: false },
      second: { zones: [{ origin: 'dc2.mesos' }], forwarding: false },
      part: {
        zones: [
          { origin: 'dc1.mesos', names: ['one.dc1.mesos'] },
          { origin: 'dc2.mesos', names: ['marathon.dc2.mesos'] },
        ],
        forwarding: false,
      },
      none: { zones: [], forwarding: false },
    };
    const names = Object.keys(views);
    const teams = Object.fromEntries(names.map((view) => [view, { view }]));
    await grant(
      memory,
      { views, teams, tokens: Object.fromEntries(names.map((team) => [team, { team }])) },
      key,
    );
    const door = createDoor(memory, {
      ...VARIABLES,
      ACCESS: 'tokens',
      VERIFY_KEYS: key.publicKeyBase64,
      MERGED_PREFER: 'EU=dc2.mesos',
    });
    const asked = async (view: string, name: string, cf = {}): Promise<string> => {
      const path = `/t/${tokenOf(view)}${getPath(encodeQuestion({ name, type: 1 }))}`;
      const reply = said(await readReply(await door.fetch(path, { cf } as RequestInit)));
      return `${reply[0]} ${reply[1] ?? ''}`;
    };
    for (let i = 0; i < 3; i++) {
      expect(await asked('both', 'web.marathon.mesos')).toBe('NOERROR web.marathon.mesos A 10.1.0.1');
      expect(await asked('both', 'web.marathon.mesos', { continent: 'EU' })).toBe(
        'NOERROR web.marathon.mesos A 10.2.0.1',
      );
      expect(await asked('second', 'web.marathon.mesos')).toBe('NOERROR web.marathon.mesos A 10.2.0.1');
      expect(await asked('second', 'v4.mesos')).toBe('NOERROR v4.mesos A 10.2.0.3');
      expect(await asked('second', 'web.marathon.dc1.mesos')).toMatch(
        /^NXDOMAIN authority mesos SOA ns1.dc2.mesos/,
      );
      expect(await asked('part', 'one.mesos')).toBe('NOERROR one.mesos A 10.1.0.2');
      expect(await asked('part', 'web.marathon.mesos')).toBe('NOERROR web.marathon.mesos A 10.2.0.1');
      expect(await asked('part', 'v4.mesos')).toMatch(/^NXDOMAIN authority mesos SOA/);
      expect(await asked('part', 'two.mesos')).toMatch(/^NXDOMAIN authority mesos SOA/);
      expect(await asked('none', 'web.marathon.mesos')).toBe('REFUSED ');
    }
  });
});
