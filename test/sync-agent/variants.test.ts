import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../sync-agent/cluster.ts';
import { parseConfig } from '../../sync-agent/config.ts';
import type { SyncEvent } from '../../sync-agent/events.ts';
import { createStateRecordSource } from '../../sync-agent/record-source.ts';
import { recordSettings, variantSettings } from '../../sync-agent/record-settings.ts';
import { createSync, type Outcome, type SyncOptions } from '../../sync-agent/sync.ts';
import { makeSigningKey } from '../../sync-agent/keys.ts';
import {
  filteredSource,
  joinOffices,
  shareReads,
  tellsOf,
  tellsOfFollower,
} from '../../sync-agent/variants.ts';
import { createMemorySink } from '../../sync-agent/sinks/memory.ts';
import { readHead, readLevels } from '../../sync-agent/publish/stored-head.ts';
import { createPublisher } from '../../sync-agent/publish/publisher.ts';
import { zoneOf, zoneSettings, recordTtl } from '../../sync-agent/record-settings.ts';
import { fromLevels } from '../../sync-agent/records/from-levels.ts';
import { readAgent } from '../../sync-agent/sources/mesos-v0.ts';
import type { Sink } from '../../sync-agent/sinks/sink.ts';
import { tellsOfZone } from '../../sync-agent/beside.ts';
import { agentAt, endpoints, frameworkWith, stateWith, statusWith, taskWith } from './states.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const CONFIG = parseConfig(
  {
    variants: {
      outside: { minVisibility: 'external', agentAddressAttribute: 'public_ip', clusterNames: 'left-out' },
      payments: { frameworks: ['payments'], tasks: ['pay-*', 'ledger'] },
    },
  },
  'a test',
);

const open = (name: string, visibility?: string) => ({
  name,
  ports: [{ number: 443, name: '', protocol: 'tcp' }],
  visibility,
});
const STATE = stateWith({
  leader: endpoints('10.9.0.1:5050')[0],
  agents: [
    { ...agentAt('x-S0', '10.0.0.1:5051'), attributes: { public_ip: '192.0.2.1', rack: 'a' } },
    agentAt('x-S1', '10.0.0.2:5051'),
  ],
  frameworks: [
    frameworkWith({ name: 'blackops', endpoint: endpoints('10.66.6.6:99')[0], tasks: [] }),
    frameworkWith({
      name: 'marathon',
      endpoint: endpoints('10.66.6.7:98')[0],
      tasks: [
        taskWith({
          id: 'shop.1',
          name: 'shop',
          discovery: open('shop', 'EXTERNAL'),
          running: [statusWith({ netinfo: ['9.0.0.1'] })],
        }),
        taskWith({ id: 'shop.2', name: 'shop', agentId: 'x-S1', discovery: open('shop', 'EXTERNAL') }),
        // Of the same name, and not for outsiders.
        taskWith({ id: 'shop.3', name: 'shop', discovery: open('shop', 'CLUSTER') }),
        taskWith({ id: 'db.1', name: 'db' }),
      ],
    }),
    frameworkWith({
      name: 'payments',
      tasks: [
        taskWith({ id: 'pay-in.1', name: 'pay-in' }),
        taskWith({ id: 'ledger.1', name: 'ledger' }),
        taskWith({ id: 'xledger.1', name: 'xledger' }),
        taskWith({ id: 'pay.in.1', name: 'pay' }),
      ],
    }),
  ],
});

/** All variants of a zone, published by one office. */
function officeOf(sink: Sink, read: () => ClusterState) {
  let reads = 0;
  const events: SyncEvent[] = [];
  const shared = shareReads({
    name: 'a test',
    read: async () => {
      reads++;
      return read();
    },
  });
  const one = (variant: string | undefined) => {
    const publisher = createPublisher({
      sink,
      ...(variant !== undefined && { variant }),
      zone: zoneOf(CONFIG),
      settings: zoneSettings(CONFIG),
      key,
      livenessSeconds: 300,
      now: Date.now,
      monotonicMs: () => performance.now(),
      writerId: new Uint8Array(16),
      randomOctets: (length) => new Uint8Array(length).fill(7),
    });
    const settings =
      variant === undefined
        ? recordSettings(CONFIG)
        : variantSettings(CONFIG, CONFIG.variants[variant] ?? { clusterNames: 'published' });
    const source = variant === undefined ? shared : filteredSource(shared, CONFIG.variants[variant] ?? {});
    const onEvent = (event: SyncEvent): void => void events.push(event);
    const sync = createSync({
      source: createStateRecordSource(source, { hosts: { resolve: async () => new Map() }, settings }),
      settings,
      guard: CONFIG.guard,
      rrsets: { origin: zoneOf(CONFIG).origin, ttl: recordTtl(CONFIG), srvWeight: 1, sources: 1 },
      publisher,
      sinkName: 'memory',
      onEvent: variant === undefined ? onEvent : tellsOf(variant, onEvent),
      now: Date.now,
      monotonicMs: () => performance.now(),
    } satisfies SyncOptions);
    return { sync, publisher };
  };
  const office = joinOffices(one(undefined), [one('outside'), one('payments')], shared.beginRound);
  return { office, events, reads: () => reads };
}

async function published(sink: Sink, variant: string): Promise<Record<string, readonly string[]>> {
  const place = { sink, origin: zoneOf(CONFIG).origin, variant };
  const stored = await readHead(place, [key.publicKeyBase64], signal);
  if (stored.kind !== 'head') throw new Error(`${variant}: ${stored.kind}`);
  const { A, SRV } = fromLevels(await readLevels(place, stored.head.body, signal));
  return Object.fromEntries([...A, ...SRV].map(([name, values]) => [name, values.toSorted()]));
}

describe('attributes of an agent', () => {
  it.each<[string, unknown]>([
    ['/state', { public_ip: '192.0.2.1', cores: 4 }],
    [
      'the operator API',
      [
        { name: 'public_ip', type: 'TEXT', text: { value: '192.0.2.1' } },
        { name: 'cores', type: 'SCALAR', scalar: { value: 4 } },
        null,
        { name: 5 },
      ],
    ],
  ])('are its texts, as %s has them', (_, attributes) => {
    const agent = readAgent({ id: 'S0', pid: 'slave(1)@10.0.0.1:5051', attributes }, () => undefined);
    expect(agent?.attributes).toEqual({ public_ip: '192.0.2.1' });
  });

  it.each([[undefined], [null], ['x'], [{}], [[]], [5]])('are none where it has %j', (attributes) => {
    const agent = readAgent({ id: 'S0', pid: 'slave(1)@10.0.0.1:5051', attributes }, () => undefined);
    expect(agent?.attributes).toBeUndefined();
  });
});

describe('variants of a zone', () => {
  it('are published from one read, each with the values it may have and no others', async () => {
    const sink = createMemorySink();
    const { office, reads, events } = officeOf(sink, () => STATE);
    const outcome = await office.sync.once(signal);
    expect(reads()).toBe(1);
    expect(outcome.writes).toBe(6);

    const main = await published(sink, 'main');
    expect(main['shop.marathon.mesos.']).toEqual(['10.0.0.1', '10.0.0.2', '9.0.0.1']);
    expect(main['leader.mesos.']).toEqual(['10.9.0.1']);

    const outside = await published(sink, 'outside');
    expect(outside['shop.marathon.mesos.']).toEqual(['192.0.2.1']);
    const words = JSON.stringify(outside);
    for (const inside of [
      '10.0.0.',
      '9.0.0.1',
      '10.9.0.1',
      '10.66.6.6',
      'db',
      'leader',
      'pay',
      'blackops',
      '-s1.',
    ])
      expect(words, inside).not.toContain(inside);
    expect(outside['marathon.mesos.']).toBeUndefined();
    expect(
      Object.keys(outside).filter((name) =>
        /^(?:leader|master\d*|slave|_leader\._tcp|_slave\._tcp)\.mesos\.$/.test(name),
      ),
    ).toEqual([]);

    const payments = await published(sink, 'payments');
    expect(payments['pay-in.payments.mesos.']).toEqual(['10.0.0.1']);
    expect(payments['ledger.payments.mesos.']).toEqual(['10.0.0.1']);
    expect(Object.keys(payments).filter((name) => /shop|db|xledger|^pay\./.test(name))).toEqual([]);
    expect(
      events
        .filter((event) => event.kind === 'pushed')
        .map((event) => ('variant' in event ? event.variant : undefined)),
    ).toEqual([undefined, 'outside', 'payments']);
    expect(events.filter(({ kind }) => kind === 'read')).toHaveLength(1);
  });

  it('that have nothing new are not written, and a failure of one leaves the others published', async () => {
    const sink = createMemorySink();
    const failing: Sink = {
      ...sink,
      put: async (pairs, stopping) => {
        if (pairs.some(({ key: at }) => at.includes('/outside/'))) throw new Error('no room for outside');
        return sink.put(pairs, stopping);
      },
    };
    const { office } = officeOf(failing, () => STATE);
    await expect(office.sync.once(signal)).rejects.toThrow('no room for outside');
    expect((await published(sink, 'payments'))['ledger.payments.mesos.']).toEqual(['10.0.0.1']);
    const { office: again } = officeOf(sink, () => STATE);
    const outcome: Outcome = await again.sync.once(signal);
    expect(outcome.writes).toBe(2);
  });

  it('follow the cluster: what is no longer for outsiders is gone for them', async () => {
    const sink = createMemorySink();
    let state = STATE;
    const { office } = officeOf(sink, () => state);
    await office.sync.once(signal);
    const [blackops, marathon, ...others] = STATE.frameworks;
    if (!blackops || !marathon) throw new Error('no framework');
    const tasks = marathon.tasks.map((task) =>
      task.discovery ? { ...task, discovery: open('shop', 'FRAMEWORK') } : task,
    );
    state = { ...STATE, frameworks: [blackops, { ...marathon, tasks }, ...others] };
    await office.sync.once(signal);
    expect(await published(sink, 'outside')).toEqual({});
    expect((await published(sink, 'main'))['shop.marathon.mesos.']).toHaveLength(3);
  });

  it.each([
    [{ main: {} }, 'variants.main'],
    [{ Up: {} }, 'variants.Up'],
    [{ ok: { minVisibility: 'public' } }, 'variants.ok.minVisibility'],
    [{ ok: { frameworks: [] } }, 'variants.ok.frameworks'],
    [{ ok: { record: 1 } }, 'variants.ok.record'],
  ])('that can not be used are refused with their place: %j', (variants, place) => {
    expect(() => parseConfig({ variants }, 'x.json')).toThrow(place);
  });
});

describe('what is told', () => {
  const push = { kind: 'changed', serial: 7, epoch: 1, changes: 3, writes: 2, octets: 9 } as const;
  const pushed = { kind: 'pushed', sink: 'memory', elapsedMs: 1, push } as const;
  const unusable = { kind: 'unusable', reason: 'block x: is missing' } as const;
  const read = { kind: 'pinned', serial: 7 } as const;
  const tell = (wrap: (onEvent: (event: SyncEvent) => void) => (event: SyncEvent) => void): SyncEvent[] => {
    const told: SyncEvent[] = [];
    for (const event of [pushed, unusable, read]) wrap((each) => void told.push(each))(event);
    return told;
  };

  it('of a variant has its name, of a zone its name, and of a zone in a variant both', () => {
    const [variant, zone] = ['outside', '10.in-addr.arpa'];
    const both = (of: object): object[] => [
      { ...pushed, ...of },
      { ...unusable, ...of },
    ];
    expect(tell((onEvent) => tellsOf(variant, onEvent))).toEqual(both({ variant }));
    expect(tell((onEvent) => tellsOfFollower(zone, onEvent))).toEqual(both({ zone }));
    expect(tell((onEvent) => tellsOfFollower(zone, tellsOf(variant, onEvent)))).toEqual(
      both({ zone, variant }),
    );
    expect(tell((onEvent) => tellsOf(variant, tellsOfZone('consul', onEvent)))).toEqual(
      both({ zone: 'consul', variant }),
    );
  });
});
