import { afterEach, describe, expect, it, vi } from 'vitest';
import type { View } from '../../worker/access/views.ts';
import { createViews } from '../../worker/access/views.ts';
import type { Bindings } from '../../worker/env.ts';
import { type Isolate, startIsolate } from '../../worker/isolate.ts';
import {
  type Framework,
  servicesOf,
  type ServicesOfView,
  type ServicesOfZone,
} from '../../worker/services.ts';
import type { ViewSpec } from '../../zone/access-document.ts';
import { nameFromWire, nameToWire, parseName } from '../../zone/name.ts';
import type { RRset } from '../../zone/record.ts';
import { createMemoryKv, type MemoryKv } from './access/memory-kv.ts';
import {
  addresses,
  createSigningKey,
  publishToKv,
  services,
  type Snapshot,
  type ToPublish,
} from './publish-to-kv.ts';

const key = await createSigningKey();
afterEach(() => {
  vi.restoreAllMocks();
});

type World = {
  readonly isolate: Isolate;
  readonly shardReads: () => readonly string[];
  readonly list: (filter?: string, view?: View) => Promise<ServicesOfView>;
};

/** A Worker over zones, as `publish` then leaves them. */
async function worldOf(
  zones: readonly Partial<ToPublish>[],
  {
    bindings = {},
    publish = async () => undefined,
  }: {
    readonly bindings?: Partial<Bindings>;
    readonly publish?: (memory: MemoryKv, snapshots: readonly Snapshot[]) => Promise<unknown>;
  } = {},
): Promise<World> {
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(console, 'warn').mockReturnValue();
  const memory = createMemoryKv();
  const snapshots: Snapshot[] = [];
  for (const zone of zones) snapshots.push(await publishToKv(memory.kv, { key, rrsets: [], ...zone }));
  await publish(memory, snapshots);
  const isolate = await startIsolate({
    SNAPSHOTS: memory.kv,
    UPSTREAMS: '',
    VERIFY_KEYS: 'none',
    ACCESS: 'open',
    ENUMERATION: 'on',
    ZONES: zones.map(({ origin = 'mesos' }) => origin).join(','),
    ...bindings,
  });
  const { loadShard, listings, everybody } = isolate;
  return {
    isolate,
    shardReads: () => memory.reads.filter((read) => read.includes('/s/')),
    list: (filter, view = everybody) =>
      servicesOf(view, { filter, loadShard, listings, waitUntil: () => undefined }),
  };
}

/** The one zone of a list. */
function only(list: ServicesOfView): ServicesOfZone {
  if (list.kind !== 'listed' || list.zones.length !== 1) throw new Error(`a list: ${JSON.stringify(list)}`);
  const [zone] = list.zones;
  return zone ?? { origin: '', frameworks: [], isPart: false, more: false };
}

/** `framework: service×instances port/protocol=numbers …`, a line a service. */
function lines(frameworks: readonly Framework[]): string[] {
  return frameworks.flatMap((framework) =>
    framework.services.map(({ name, instances, ports }) =>
      [
        `${framework.name}: ${name}×${instances}`,
        ...ports.map((port) => `${port.name}/${port.protocol}=${port.ports.join(',')}`),
      ].join(' '),
    ),
  );
}

/** A service of `instances` tasks as mesos-dns names them: with or without ports that have names. */
function tasksOf(name: string, framework: string, instances: number, ports: readonly string[] = []): RRset[] {
  const one = Array.from(
    { length: instances },
    (_, i) => `${name}-abcd${'13456789'[i % 8]}-s${i}.${framework}`,
  );
  const target = (suffix: string, port: number): string[] => one.map((it, i) => `${it}${suffix}:${port + i}`);
  const ips = one.map((_, i) => `10.0.${i >> 8}.${i & 255}`);
  return [
    addresses(`${name}.${framework}.mesos`, ips),
    addresses(`${name}.${framework}.slave.mesos`, ips),
    ...one.flatMap((it, i) => [
      addresses(`${it}.mesos`, [ips[i] ?? '']),
      addresses(`${it}.slave.mesos`, [ips[i] ?? '']),
    ]),
    ...(ports.length === 0
      ? []
      : [services(`_${name}._tcp.${framework}.slave.mesos`, target('.slave.mesos', 31_000))]),
    ...ports.flatMap((port, i) => {
      const values = target('.mesos', 31_000 + 100 * i);
      const owner = `_${name}._tcp.${framework}.mesos`;
      return port === '' ? [services(owner, values)] : [services(`_${port}.${owner}`, values)];
    }),
  ];
}

const CLUSTER: readonly RRset[] = [
  addresses('leader.mesos', ['10.9.0.1']),
  addresses('master0.mesos', ['10.9.0.1']),
  addresses('ns1.mesos', ['10.9.0.2']),
  addresses('slave.mesos', ['10.9.0.3']),
  services('_leader._tcp.mesos', ['leader.mesos:5050']),
  services('_leader._udp.mesos', ['leader.mesos:5050']),
  services('_slave._tcp.mesos', ['slave.mesos:5051']),
  addresses('marathon.mesos', ['10.9.0.4']),
  services('_framework._tcp.marathon.mesos', ['marathon.mesos:8080']),
  addresses('prod.eu.mesos', ['10.9.0.5']),
  services('_framework._tcp.prod.eu.mesos', ['prod.eu.mesos:8081']),
];

const RUNNING = [
  ...tasksOf('web', 'marathon', 3, ['', 'http', 'admin']),
  ...tasksOf('batch', 'marathon', 2),
  ...tasksOf('my-proxy-app', 'marathon', 2, ['']),
  ...tasksOf('my', 'marathon', 1),
  ...tasksOf('db', 'prod.eu', 1, ['']),
  addresses('db.prod.eu.mesos', ['2001:db8::1', '2001:db8::2']),
  ...tasksOf('app.group', 'aurora', 1, ['http']),
];
const RUNNING_LINES = [
  'aurora: app.group×1 http/tcp=31000',
  'marathon: batch×2',
  'marathon: my×1',
  'marathon: my-proxy-app×2 /tcp=31000,31001',
  'marathon: web×3 /tcp=31000,31001,31002 admin/tcp=31200,31201,31202 http/tcp=31100,31101,31102',
  'prod.eu: db×1 /tcp=31000',
];
/** Everything in the shards. */
const SHARDS = { overlayOctets: 4096, runOctets: 1, shardOctets: 2000 };

describe('the services of a view', () => {
  it('are listed by framework, without the cluster’s own names, agents’ and instances’', async () => {
    const { list } = await worldOf([{ rrsets: [...CLUSTER, ...RUNNING] }]);
    const { origin, frameworks, ...rest } = only(await list());
    expect(lines(frameworks)).toEqual(RUNNING_LINES);
    expect(rest).toEqual({ isPart: false, more: false });
    expect([origin, ...frameworks.map(({ seen }) => seen)]).toEqual(['mesos', 1, 4, 1]);
  });

  it('of a framework named slave are no names on agents', async () => {
    const rrsets = [...tasksOf('web', 'slave', 1, ['']), addresses('alone.slave.mesos', ['10.0.0.1'])];
    const { list } = await worldOf([{ rrsets }]);
    expect(lines(only(await list()).frameworks)).toEqual(['slave: alone×1', 'slave: web×1 /tcp=31000']);
  });

  it('say what to look up', async () => {
    const { list } = await worldOf([{ rrsets: RUNNING }]);
    const web = only(await list('web')).frameworks[0]?.services[0];
    expect([web?.owner, ...(web?.ports ?? []).map(({ owner }) => owner)]).toEqual([
      'web.marathon.mesos',
      '_web._tcp.marathon.mesos',
      '_admin._web._tcp.marathon.mesos',
      '_http._web._tcp.marathon.mesos',
    ]);
  });

  it('come from overlay, run and shards, edits applied', async () => {
    const many = (instances: number): RRset[] => tasksOf('many', 'marathon', instances, ['']);
    const limits = { ...SHARDS, shardOctets: 8000 };
    const { list, shardReads } = await worldOf([{ rrsets: [...CLUSTER, ...many(80)], limits }], {
      publish: async ({ kv }, [first]) => {
        const rrsets = [...CLUSTER, ...many(82), ...RUNNING];
        const second = { ...limits, overlayOctets: 1, runOctets: 1e6 };
        const after = await publishToKv(kv, {
          key,
          rrsets,
          ...(first && { after: first }),
          serial: 2,
          limits: second,
        });
        const third = { ...limits, overlayOctets: 60_000 };
        const last = {
          key,
          rrsets: [...rrsets, ...tasksOf('late', 'marathon', 1)],
          after,
          serial: 3,
          limits: third,
        };
        expect((await publishToKv(kv, last)).body.overlay.length).toBeGreaterThan(0);
      },
    });
    const { frameworks, isPart } = only(await list());
    expect(shardReads().length).toBeGreaterThan(1);
    expect(isPart).toBe(false);
    const expected = [
      ...RUNNING_LINES,
      'marathon: late×1',
      'marathon: many×82 /tcp=31000,31001,31002,31003,31004,31005,31006,31007',
    ];
    expect(lines(frameworks).toSorted()).toEqual(expected.toSorted());
    const found = frameworks.flatMap((framework) => framework.services).find(({ name }) => name === 'many');
    expect(found?.ports[0]?.distinctPorts).toBe(82);
  });

  it('of a large zone are those of the newest changes and 16 shards, and no instance is taken for a service', async () => {
    const rrsets = [
      ...CLUSTER,
      ...Array.from({ length: 60 }, (_, i) => tasksOf(`s${i}`, 'marathon', 3, i % 2 ? [''] : [])).flat(),
    ];
    const { list, shardReads } = await worldOf([{ rrsets, limits: { ...SHARDS, shardOctets: 1000 } }], {
      publish: async ({ kv }, [first]) => {
        expect(first?.body.levels.shards?.hashes.length).toBeGreaterThan(32);
        const late = [...rrsets, ...tasksOf('late', 'marathon', 1, ['http'])];
        const limits = { ...SHARDS, overlayOctets: 60_000 };
        await publishToKv(kv, { key, rrsets: late, ...(first && { after: first }), serial: 2, limits });
      },
    });
    const { frameworks, ...rest } = only(await list());
    expect(rest).toMatchObject({ isPart: true, more: true });
    expect(shardReads()).toHaveLength(16);
    const [marathon] = frameworks;
    const found = (marathon?.services ?? []).map(({ name }) => name);
    expect(found.length).toBeGreaterThan(5);
    expect(found.length).toBeLessThan(60);
    expect(found).toContain('late');
    for (const name of found) expect(name).toMatch(/^(?:s\d+|late)$/);
    for (const { instances } of marathon?.services ?? []) expect(instances).toBeLessThanOrEqual(3);
    const filtered = only(await list('no such'));
    expect(filtered).toMatchObject({ frameworks: [], isPart: true, more: true });
  });

  it('are read once for all who ask, until there is a newer snapshot', async () => {
    const rrsets = Array.from({ length: 30 }, (_, i) => tasksOf(`s${i}`, 'marathon', 2)).flat();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 7, 1) });
    let store: MemoryKv | undefined;
    const { list, shardReads } = await worldOf([{ rrsets, limits: SHARDS }], {
      publish: async (memory) => (store = memory),
    });
    const [first, second] = await Promise.all([list(), list('s1')]);
    const { length } = shardReads();
    expect([length, new Set(shardReads()).size]).toEqual([length, length]);
    expect(length).toBeGreaterThan(4);
    expect(await list()).toEqual(first);
    expect(only(second).frameworks[0]?.seen).toBe(11);
    expect(only(await list('S2')).frameworks[0]?.seen).toBe(11);
    expect(shardReads()).toHaveLength(length);
    if (store) await publishToKv(store.kv, { key, serial: 2, rrsets: tasksOf('new', 'marathon', 1) });
    vi.setSystemTime(Date.UTC(2026, 7, 1) + 100_000);
    expect(lines(only(await list()).frameworks)).toEqual(['marathon: new×1']);
    vi.useRealTimers();
  });

  it('are listed of zones alone, not again of those that stand for them', async () => {
    const zone = { origin: 'dc1.mesos', rrsets: [addresses('web.marathon.dc1.mesos', ['10.0.0.1'])] };
    const bindings = { MERGED: 'mesos=dc1.mesos', ALIASES: 'apps.example=mesos' };
    const { list } = await worldOf([zone], { bindings });
    const { origin, frameworks } = only(await list());
    expect([origin, lines(frameworks)]).toEqual(['dc1.mesos', ['marathon: web×1']]);
  });

  it('are not kept where a part could not be read', async () => {
    let isBroken = true;
    const rrsets = Array.from({ length: 30 }, (_, i) => tasksOf(`s${i}`, 'marathon', 2)).flat();
    const { list } = await worldOf([{ rrsets, limits: SHARDS }], {
      publish: async (memory) => {
        memory.before = async (read) => {
          if (isBroken && read.includes('/s/')) throw new Error('KV is broken');
        };
      },
    });
    expect(only(await list()).problem).toMatch(/can not be read/);
    isBroken = false;
    expect(only(await list())).not.toHaveProperty('problem');
  });

  it('may be a part wherever the view has some names alone, so that nobody learns how large the rest is', async () => {
    const { isolate, list } = await worldOf([{ rrsets: RUNNING }]);
    const { everybody } = isolate;
    const zones = everybody.options.zones.map((zone) => ({
      ...zone,
      subtrees: [nameToWire(parseName('aurora.mesos'))],
    }));
    const isHidden = (name: Uint8Array): boolean => !nameFromWire(name).endsWith('aurora.mesos');
    const view = { ...everybody, options: { ...everybody.options, zones, isHidden } };
    const { frameworks, isPart } = only(await list('', view));
    expect([lines(frameworks), isPart]).toEqual([['aurora: app.group×1 http/tcp=31000'], true]);
  });

  it('end where there are too many values to look at', async () => {
    const values = Array.from({ length: 40_000 }, (_, i) => `web.a.mesos:${i + 1}`);
    const limits = { overlayOctets: 4096, runOctets: 1e9, shardOctets: 1e9 };
    const rrsets = [services('_huge._tcp.a.mesos', values), ...tasksOf('web', 'a', 200)];
    const { list } = await worldOf([{ rrsets, limits }]);
    expect(only(await list())).toMatchObject({ isPart: true, more: true });
  });

  it('are at most 300, of each framework a fair share', async () => {
    const running = (framework: string, from: number, to: number): RRset[] =>
      Array.from({ length: to - from }, (_, i) => addresses(`t${from + i}.${framework}.mesos`, ['10.0.0.1']));
    const rrsets = [
      ...running('a', 1000, 1500),
      ...running('b', 100, 120),
      ...running('c', 1000, 1200),
      ...running('d', 100, 150),
    ];
    const { list } = await worldOf([{ rrsets }]);
    const { frameworks, ...rest } = only(await list());
    expect(frameworks.map((each) => [each.name, each.services.length, each.seen])).toEqual([
      ['a', 115, 500],
      ['b', 20, 20],
      ['c', 115, 200],
      ['d', 50, 50],
    ]);
    expect(rest).toMatchObject({ isPart: false, more: true });
    expect(frameworks[0]?.services.map(({ name }) => name)).toEqual(
      Array.from({ length: 115 }, (_, i) => `t${1000 + i}`),
    );
    const few = only(await list('t10'));
    expect([few.more, few.frameworks.map(({ seen }) => seen)]).toEqual([false, [100, 10, 100, 10]]);
  });

  it('of a name with dots are listed once, where it has been made a label too', async () => {
    const both = ['app.group', 'app-group'].flatMap((name) => tasksOf(name, 'aurora', 2, ['', 'http']));
    const { list } = await worldOf([{ rrsets: [...both, ...tasksOf('only.dots', 'aurora', 1)] }]);
    for (const filter of ['', 'app.g', 'app-g']) {
      const [aurora] = only(await list(filter)).frameworks;
      expect([aurora?.seen, aurora?.services.map(({ name, otherNames }) => [name, ...otherNames])]).toEqual(
        filter === '' ? [2, [['app-group', 'app.group'], ['only.dots']]] : [1, [['app-group', 'app.group']]],
      );
      const [{ owner, instances, ports } = { owner: '', instances: 0, ports: [] }] = aurora?.services ?? [];
      expect([owner, instances, ...ports.map((port) => port.owner)]).toEqual([
        'app-group.aurora.mesos',
        2,
        '_app-group._tcp.aurora.mesos',
        '_http._app-group._tcp.aurora.mesos',
      ]);
    }
  });

  it.each([
    ['web', ['marathon: web']],
    [' PROXY', ['marathon: my-proxy-app']],
    ['eu', ['prod.eu: db']],
    [
      'a',
      ['aurora: app.group', 'marathon: batch', 'marathon: my', 'marathon: my-proxy-app', 'marathon: web'],
    ],
    ['s0', []],
    ['mesos', []],
    ['.*', []],
    ['', RUNNING_LINES],
  ])('with %j in their name or their framework’s', async (filter, expected) => {
    const { list } = await worldOf([{ rrsets: [...CLUSTER, ...RUNNING] }]);
    const found = lines(only(await list(filter)).frameworks);
    expect(filter === '' ? found : found.map((line) => line.replace(/×.*/, ''))).toEqual(expected);
  });

  it('are those that it may see', async () => {
    const { isolate, list } = await worldOf([
      {
        rrsets: [
          ...CLUSTER,
          ...RUNNING,
          services('_away._tcp.marathon.mesos', ['db-abcd1-s0.prod.eu.mesos:1']),
        ],
      },
      { origin: 'lab.example', rrsets: [addresses('box.lab.lab.example', ['10.3.0.1'])] },
    ]);
    const { settings, everybody } = isolate;
    const viewOf = (spec: ViewSpec): View =>
      createViews({
        settings,
        readerOf: ({ origin }) => {
          const zone = everybody.options.zones.find((each) => each.origin === origin);
          if (!zone) throw new Error(origin);
          return zone.reader;
        },
        upstream: undefined,
        now: () => Date.now(),
        random: Math.random,
        onProblem: () => undefined,
      }).of('some', spec);
    const marathon = { origin: parseName('mesos'), variant: 'main', frameworks: ['marathon'] };
    const view = viewOf({ zones: [marathon], forwarding: false, enumeration: true });
    expect(lines(only(await list('', view)).frameworks)).toEqual(
      RUNNING_LINES.filter((line) => line.startsWith('marathon')),
    );
    const silent = viewOf({ zones: [marathon], forwarding: false });
    expect(await list('', silent)).toEqual({
      kind: 'not-allowed',
      switch: '`enumeration` in the view of your team',
    });
    expect(await list('', viewOf({ zones: [], forwarding: false, enumeration: true }))).toEqual({
      kind: 'listed',
      zones: [],
    });
    const all = await list();
    expect(
      all.kind === 'listed' && all.zones.map(({ origin, frameworks }) => [origin, lines(frameworks).length]),
    ).toEqual([
      ['lab.example', 1],
      ['mesos', RUNNING_LINES.length + 1],
    ]);
  });

  it('are not listed where names are not', async () => {
    const { list } = await worldOf([{ rrsets: RUNNING }], { bindings: { ENUMERATION: 'off' } });
    expect(await list()).toEqual({ kind: 'not-allowed', switch: 'the variable ENUMERATION=on' });
  });

  it.each([
    ['missing', 'is missing or damaged'],
    ['damaged', 'is missing or damaged'],
    ['unreadable', 'the snapshot store: can not be read'],
  ] as const)('are listed as far as they can be where a shard is %s', async (what, problem) => {
    const late = tasksOf('late', 'marathon', 1);
    const { list } = await worldOf([{ rrsets: RUNNING, limits: { ...SHARDS, shardOctets: 8000 } }], {
      publish: async (memory, [first]) => {
        const limits = { ...SHARDS, overlayOctets: 60_000 };
        await publishToKv(memory.kv, {
          key,
          rrsets: [...RUNNING, ...late],
          ...(first && { after: first }),
          serial: 2,
          limits,
        });
        const shard = [...memory.values.keys()].filter((each) => each.includes('/s/')).toSorted()[1] ?? '';
        if (what === 'missing') memory.values.delete(shard);
        if (what === 'damaged') memory.values.set(shard, { value: new Uint8Array(9), metadata: undefined });
        if (what === 'unreadable')
          memory.before = async (read) => {
            if (read === shard) throw new Error('KV GET failed: 500 (account 1234)');
          };
      },
    });
    const { frameworks, ...rest } = only(await list());
    expect(rest).toEqual({
      origin: 'mesos',
      isPart: true,
      more: true,
      problem: expect.stringContaining(problem),
    });
    const found = lines(frameworks).map((line) => line.replace(/×.*/, ''));
    expect(found).toContain('marathon: late');
    expect(found.length).toBeLessThan(RUNNING_LINES.length + 1);
  });

  it('are listed of a zone whose shards are packed', async () => {
    const packed = { fromOctets: 1, runOctets: 1e6, shardOctets: 8000 };
    const { list, shardReads } = await worldOf([
      { rrsets: [...CLUSTER, ...RUNNING], limits: { ...SHARDS, packed } },
    ]);
    const { frameworks, problem } = only(await list());
    expect([problem, lines(frameworks)]).toEqual([undefined, RUNNING_LINES]);
    expect(shardReads().length).toBeGreaterThan(1);
  });

  it('of a snapshot that is none, or has expired, are none, and why', async () => {
    const old = { createdAtMs: Date.now() - 10_000_000, settings: { expireAfterSeconds: 100 } };
    const expired = await worldOf([{ rrsets: RUNNING, ...old }]);
    expect(only(await expired.list())).toMatchObject({
      frameworks: [],
      more: false,
      problem: 'the snapshot has expired',
    });
    const empty = await worldOf([], { bindings: { ZONES: 'mesos' } });
    expect(only(await empty.list())).toMatchObject({
      frameworks: [],
      problem: 'no snapshot can be read yet',
    });
    const nothing = await worldOf([{ rrsets: [] }]);
    expect(only(await nothing.list())).toEqual({
      origin: 'mesos',
      frameworks: [],
      isPart: false,
      more: false,
    });
  });
});

/** Whatever a vector holds. */
type Json = ReturnType<typeof JSON.parse>;

describe('the services of the golden vectors', () => {
  const vectors: [string, Json][] = Object.entries(
    import.meta.glob('../fixtures/golden/*.json', { eager: true, import: 'default' }),
  )
    .map(([path, vector]): [string, Json] => [path.replace(/^.*\//, ''), vector])
    .filter(([, { records, config }]) => records !== undefined && config['domain'] === 'mesos');

  it('are there', () => {
    expect(vectors.length).toBeGreaterThan(30);
  });

  it.each(vectors)('%s', async (_, { records }) => {
    const sets = [
      ...setsOf(records['SRV'], services),
      ...setsOf(records['A'], addresses),
      ...setsOf(records['AAAA'], addresses),
    ];
    const { list } = await worldOf([{ rrsets: sets }]);
    const { frameworks, more } = only(await list());
    const listed = frameworks.flatMap((framework) => framework.services);
    // Every service name that is not the cluster's, a framework's or an agent's stands in exactly one place.
    const owned = sets
      .map(({ owner }) => owner)
      .filter(
        (owner) =>
          owner.startsWith('_') &&
          !/^_(?:leader|slave)\._[^.]*\.mesos$|^_framework\._tcp\.|\._[^.]*\.[^.]+\..*slave\.mesos$/.test(
            owner,
          ),
      );
    const given = listed.flatMap(({ ports }) => ports.map(({ owner }) => owner));
    expect(new Set(given).size).toBe(given.length);
    const [have, want] = [given, owned].map((owners) => new Set(owners.map(inLabels)));
    if (!more) expect(have).toEqual(want);
    const names = new Set(sets.map(({ owner }) => owner));
    for (const { owner, ports } of listed) expect(ports.length > 0 || names.has(parseName(owner))).toBe(true);
  });
});

/** A service's name, the task in it as a label. */
function inLabels(owner: string): string {
  const [, port = '', task = '', rest = ''] = /^(_[^.]+\.(?=_))?(_.*)(\._[^.]+\..*)$/.exec(owner) ?? [];
  return `${port}${task.replaceAll(/[._]/g, '-')}${rest}`;
}

/** The RRsets that a zone can have: names and values that can be asked and answered. */
function setsOf(all: Json, setOf: (owner: string, values: readonly string[]) => RRset): RRset[] {
  return Object.entries<string[]>(all).flatMap(([owner, values]) => {
    try {
      const name = parseName(owner);
      if (!name.endsWith('.mesos') || /[^-\w.]/.test(name)) return [];
      const good = values.filter((value) => setOf !== services || /^[-\w.]+:\d{1,5}$/.test(value));
      const set = setOf(name, good);
      return set.rdata.length > 0 && set.rdata.every(({ length }) => length > 0) ? [set] : [];
    } catch {
      return [];
    }
  });
}
