import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../sync-agent/config.ts';
import { dcosTwin, dcosZones, deriveDcosZone } from '../../sync-agent/dcos-zones.ts';
import { derivedSource, NO_GUARD } from '../../sync-agent/derived.ts';
import { derivedZones } from '../../sync-agent/derived-zones.ts';
import { makeSigningKey } from '../../sync-agent/keys.ts';
import { createPublisher } from '../../sync-agent/publish/publisher.ts';
import { readHead, readLevels } from '../../sync-agent/publish/stored-head.ts';
import { createStateRecordSource } from '../../sync-agent/record-source.ts';
import {
  recordSettings,
  recordTtl,
  variantSettings,
  zoneOf,
  zoneSettings,
} from '../../sync-agent/record-settings.ts';
import { fromLevels } from '../../sync-agent/records/from-levels.ts';
import { createMemorySink } from '../../sync-agent/sinks/memory.ts';
import { createSync } from '../../sync-agent/sync.ts';
import { leadOffices } from '../../sync-agent/variants.ts';
import { agentAt, endpoints, frameworkWith, recordsOf, stateWith, statusWith, taskWith } from './states.ts';

const ID = 'yor6tqhiag39y6cjkdd4w9uzo45qhku6ra8hl7hpr6d9ukjaz3jo';
const origins = (input: object): string[] =>
  derivedZones(parseConfig(input, 'x')).map(({ zone }) => zone.origin);

describe('the zones of DC/OS', () => {
  it.each<[string, object, string[]]>([
    ['are none by default', {}, []],
    ['are none with the profile mesos-dns', { records: { profile: 'mesos-dns' } }, []],
    ['come with the profile', { records: { profile: 'dcos' } }, ['thisdcos.directory']],
    ['come with their key', { dcos: {} }, ['thisdcos.directory']],
    [
      'have the one of the crypto id where that is known',
      { dcos: { cryptoId: ID.toUpperCase() } },
      ['thisdcos.directory', `${ID}.dcos.directory`],
    ],
    [
      'are those that are named',
      { dcos: { cryptoId: ID, zones: ['thisdcos.global', 'dcos.global'] } },
      ['thisdcos.global', `${ID}.dcos.global`],
    ],
    ['are none where none are named', { records: { profile: 'dcos' }, dcos: { zones: [] } }, []],
  ])('%s', (_, input, expected) => expect(origins(input)).toEqual(expected));

  it.each<[object, RegExp]>([
    [{ dcos: { zones: ['dcos.directory'] } }, /dcos\.cryptoId should give it/],
    [{ dcos: { cryptoId: 'not one' } }, /dcos\.cryptoId: should be the cluster’s id/],
    [{ dcos: { cryptoId: 'a'.repeat(64) } }, /dcos\.cryptoId: /],
    [{ dcos: { zones: ['thisdcos.directory', 'thisdcos.directory'] } }, /dcos\.zones: should name each/],
    [{ dcos: { zone: [] } }, /unknown key dcos\.zone \(did you mean zones\?\)/],
    [{ dcos: {}, domain: 'thisdcos.directory' }, /domain thisdcos\.directory should not be at/],
    [{ dcos: {}, domain: 'mesos.thisdcos.directory' }, /should not be at, in or above/],
    [{ dcos: {}, domain: 'directory' }, /domain directory should not be at/],
    [{ dcos: { zones: ['thisdcos.global'] }, domain: 'directory' }, /above thisdcos\.directory/],
    [{ dcos: { ttl: -1 } }, /dcos\.ttl: /],
  ])('refuse %j', (input, message) => {
    expect(() => parseConfig(input, 'x')).toThrow(ConfigError);
    expect(() => parseConfig(input, 'x')).toThrow(message);
  });

  it('live as long as DC/OS has it, and the rest is as the Mesos zone', () => {
    const config = parseConfig({ records: { profile: 'dcos', hostmaster: 'ops.example' } }, 'x');
    const [zone] = dcosZones(config).map((each) => each.zone);
    expect(zone?.soa).toMatchObject({ ttl: 5, minimum: 1, rname: 'ops.example', refresh: 60 });
    expect(zone?.nsTtl).toBe(5);
    expect(recordTtl(config)).toBe(60);
    const slower = parseConfig({ dcos: { ttl: 20, negativeTtl: 3 } }, 'x');
    expect(dcosZones(slower)[0]?.zone.soa).toMatchObject({ ttl: 20, minimum: 3 });
    expect(recordTtl(slower)).toBe(30);
  });
});

describe('the profile dcos', () => {
  it('sets what DC/OS sets, and is overruled by what is set', () => {
    const settings = recordSettings(parseConfig({ records: { profile: 'dcos' } }, 'x'));
    expect(settings).toMatchObject({ ipSources: ['host', 'netinfo'], dcosNames: 'published' });
    expect(settings.addresses?.exclude).toEqual([]);
    expect(settings.tasks).toMatchObject({ unhealthyTasks: 'leave-out' });
    const own = parseConfig({ records: { profile: 'dcos', ipSources: ['netinfo'], ttl: 7 } }, 'x');
    expect(recordSettings(own).ipSources).toEqual(['netinfo']);
    expect(recordTtl(own)).toBe(7);
  });

  it('leaves the others as they are', () => {
    for (const profile of ['full', 'mesos-dns'] as const) {
      const settings = recordSettings(parseConfig({ records: { profile } }, 'x'));
      expect(settings.ipSources).toEqual(['netinfo', 'mesos', 'host']);
      expect(settings).not.toHaveProperty('dcosNames');
    }
  });

  it('is that of variants too', () => {
    const config = parseConfig({ records: { profile: 'dcos' }, variants: { inside: {} } }, 'x');
    const settings = variantSettings(config, config.variants['inside'] ?? { clusterNames: 'published' });
    expect(settings.dcosNames).toBe('published');
  });
});

const STATE = stateWith({
  leader: endpoints('10.9.0.1:5050')[0],
  agents: [agentAt('x-S0', '10.0.0.7:5051')],
  frameworks: [
    frameworkWith({
      name: 'marathon',
      tasks: [
        taskWith({
          id: 't.1',
          running: [statusWith({ netinfo: ['9.0.2.5'] })],
          discovery: {
            name: 'web',
            ports: [{ number: 8080, name: 'http', protocol: 'tcp', labels: { VIP_0: '/web:80' } }],
          },
        }),
      ],
    }),
  ],
});
const ON = { dcosNames: 'published', ipSources: ['host', 'netinfo'] } as const;

describe('a derived zone', () => {
  const { set } = recordsOf(STATE, ON);

  it('has DC/OS’s names, and Mesos’s below mesos, targets and all', () => {
    const derived = deriveDcosZone(set, { domain: 'mesos', origin: `${ID}.dcos.directory` });
    const suffix = `${ID}.dcos.directory.`;
    expect(derived.A.get(`web.marathon.autoip.dcos.${suffix}`)).toEqual(['9.0.2.5']);
    expect(derived.A.get(`web.marathon.l4lb.${suffix}`)).toEqual(['9.0.2.5']);
    expect(derived.A.get(`leader.dcos.${suffix}`)).toEqual(['10.9.0.1']);
    expect(derived.A.get(`leader.mesos.${suffix}`)).toEqual(['10.9.0.1']);
    expect(derived.A.get(`web.marathon.mesos.${suffix}`)).toEqual(['10.0.0.7']);
    expect(derived.SRV.get(`_web._tcp.marathon.mesos.${suffix}`)).toEqual([
      `web-fg7w9-s0.marathon.mesos.${suffix}:8080`,
    ]);
    expect(derived.SRV.get(`_80._web._tcp.marathon.l4lb.${suffix}`)).toEqual([
      `web-fg7w9-s0.marathon.containerip.dcos.${suffix}:8080`,
    ]);
    // Nothing of the zones that it is made from, and all of them.
    for (const type of ['A', 'AAAA', 'SRV'] as const) {
      expect(derived[type].size).toBe(set[type].size);
      for (const name of derived[type].keys()) expect(name.endsWith(`.${suffix}`)).toBe(true);
    }
  });

  it('takes other domains for mesos, and leaves what is of neither', () => {
    const records = {
      A: new Map([
        ['a.dc1.example.', ['10.0.0.1']],
        ['ns1.elsewhere.', ['10.0.0.2']],
        [
          `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(50)}.dc1.example.`,
          ['10.0.0.3'],
        ],
      ]),
      AAAA: new Map(),
      SRV: new Map([['_a._tcp.dc1.example.', ['a.dc1.example.:80 1 2', 'b.elsewhere.:81']]]),
      MORE: new Map([['a.dc1.example.', ['TXT "x"', 'TTL 7']]]),
    };
    const derived = deriveDcosZone(records, { domain: 'dc1.example', origin: 'thisdcos.directory' });
    expect([...derived.A]).toEqual([['a.mesos.thisdcos.directory.', ['10.0.0.1']]]);
    expect([...derived.SRV]).toEqual([
      ['_a._tcp.mesos.thisdcos.directory.', ['a.mesos.thisdcos.directory.:80 1 2', 'b.elsewhere.:81']],
    ]);
    expect([...derived.MORE]).toEqual([['a.mesos.thisdcos.directory.', ['TXT "x"', 'TTL 7']]]);
  });

  it('shares no list with what it is made from, which changes in place', () => {
    const derived = deriveDcosZone(set, { domain: 'mesos', origin: 'thisdcos.directory' });
    for (const type of ['A', 'SRV'] as const) {
      const given = new Set<unknown>(set[type].values());
      for (const values of derived[type].values()) expect(given.has(values)).toBe(false);
    }
  });
});

describe('where a name is made', () => {
  const config = parseConfig({ domain: 'dc1.example', dcos: { cryptoId: ID } }, 'x');
  it.each<[string, string | undefined]>([
    [`web.marathon.agentip.dcos.${ID}.dcos.directory`, 'web.marathon.agentip.dcos.thisdcos.directory.'],
    ['Web.marathon.l4lb.thisdcos.directory.', 'web.marathon.l4lb.thisdcos.directory.'],
    [`web.marathon.mesos.${ID}.dcos.directory.`, 'web.marathon.dc1.example.'],
    ['mesos.thisdcos.directory', 'dc1.example.'],
    ['web.marathon.dc1.example', undefined],
    ['web.marathon.l4lb.thisdcos.global', undefined],
    ['thisdcos.directory', undefined],
  ])('%s', (asked, expected) => expect(dcosTwin(asked, config)?.name).toBe(expected));
});

describe('publishing', () => {
  it('keeps the zones apart, follows changes, and starts again as it was', async () => {
    const key = await makeSigningKey();
    const sink = createMemorySink();
    const config = parseConfig({ records: { profile: 'dcos' }, dcos: { cryptoId: ID } }, 'x');
    const signal = new AbortController().signal;
    let state = { ...STATE };
    const officeOf = () => {
      const one = (zone: ReturnType<typeof zoneOf>, source: Parameters<typeof createSync>[0]['source']) => {
        const publisher = createPublisher({
          sink,
          zone,
          settings: zoneSettings(config),
          key,
          livenessSeconds: 300,
          now: Date.now,
          monotonicMs: () => performance.now(),
          writerId: new Uint8Array(16),
          randomOctets: (length) => new Uint8Array(length).fill(7),
        });
        const sync = createSync({
          source,
          settings: { ...recordSettings(config), domain: zone.origin },
          guard: zone.origin === 'mesos' ? config.guard : NO_GUARD,
          rrsets: { origin: zone.origin, ttl: zone.soa.ttl, srvWeight: 1, sources: 1 },
          publisher,
          sinkName: 'memory',
          onEvent: () => undefined,
          now: Date.now,
          monotonicMs: () => performance.now(),
        });
        return { sync, publisher };
      };
      const main = one(
        zoneOf(config),
        createStateRecordSource(
          { name: 'a test', read: async () => state },
          { hosts: { resolve: async () => new Map() }, settings: recordSettings(config) },
        ),
      );
      const followers = derivedZones(config).map((each) => one(each.zone, derivedSource(each, main.sync)));
      return leadOffices(main, followers);
    };
    const published = async (origin: string) => {
      const place = { sink, origin: zoneOf({ ...config, domain: origin }).origin, variant: 'main' };
      const stored = await readHead(place, [key.publicKeyBase64], signal);
      if (stored.kind !== 'head') throw new Error(`${origin}: ${stored.kind}`);
      return fromLevels(await readLevels(place, stored.head.body, signal), { srvWeight: 1, ttl: 5 });
    };

    const office = officeOf();
    await office.sync.once(signal);
    expect([...(await published('mesos')).A.keys()].filter((name) => !name.endsWith('.mesos.'))).toEqual([]);
    expect(
      (await published('thisdcos.directory')).A.get('web.marathon.autoip.dcos.thisdcos.directory.'),
    ).toEqual(['9.0.2.5']);
    // What all hold has the zone's own TTL.
    expect((await published('thisdcos.directory')).MORE.size).toBe(0);
    const cluster = `web.marathon.containerip.dcos.${ID}.dcos.directory.`;
    expect((await published(`${ID}.dcos.directory`)).A.get(cluster)).toEqual(['9.0.2.5']);
    const bare = await office.sync.once(signal);
    expect(bare.kind).toBe('unchanged');

    const [framework] = STATE.frameworks;
    const moved = framework?.tasks.map((task) => ({
      ...task,
      running: [statusWith({ netinfo: ['9.0.2.6'] })],
    }));
    state = { ...STATE, frameworks: [{ ...frameworkWith({ name: 'marathon' }), tasks: moved ?? [] }] };
    // Mesos's own zone has agents' addresses alone: only the others change.
    expect((await office.sync.once(signal)).kind).toBe('unchanged');
    expect((await published(`${ID}.dcos.directory`)).A.get(cluster)).toEqual(['9.0.2.6']);

    const again = officeOf();
    const first = await again.sync.once(signal);
    expect([first.kind, first.heldNames]).toEqual(['unchanged', 0]);
    expect((await published(`${ID}.dcos.directory`)).A.get(cluster)).toEqual(['9.0.2.6']);
  });
});
