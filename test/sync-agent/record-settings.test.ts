import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../sync-agent/config.ts';
import { parsePrefix } from '../../sync-agent/records/prefix.ts';
import { recordSettings, recordTtl, zoneOf, zoneSettings } from '../../sync-agent/record-settings.ts';

const PROFILES = {
  full: {
    ttl: 30,
    minimum: 10,
    recursionAvailable: 'forwarding',
    settings: {
      rawDiscoveryNames: 'lower-case',
      reservedNames: 'kept-apart',
      maxPortsPerTask: 1000,
      tasks: {
        unhealthyTasks: 'leave-out',
        graceSeconds: 0,
        killingTasks: 'by-status',
        drainingAgents: 'leave-out',
        deactivatedAgents: 'keep',
        minVisibility: 'framework',
      },
      addresses: {
        prefer: [],
        exclude: ['127.0.0.0/8', '169.254.0.0/16', '172.17.0.0/16', '::1/128', 'fe80::/10'].map((text) =>
          parsePrefix(text),
        ),
        status: 'newest-with-address',
      },
      further: {
        masterServices: true,
        agentNames: false,
        numberedPorts: false,
        groupServices: false,
        serviceBindings: 'none',
        txt: [],
      },
    },
  },
  'mesos-dns': {
    ttl: 60,
    minimum: 60,
    recursionAvailable: 'always',
    settings: {
      rawDiscoveryNames: 'as-is',
      reservedNames: 'mixed',
      maxPortsPerTask: 65536,
      tasks: {
        unhealthyTasks: 'keep',
        graceSeconds: 0,
        killingTasks: 'by-state',
        drainingAgents: 'keep',
        deactivatedAgents: 'keep',
        minVisibility: 'framework',
      },
      addresses: { prefer: [], exclude: [], status: 'newest' },
    },
  },
} as const;

describe.each(Object.entries(PROFILES))(
  'profile %s',
  (profile, { ttl, minimum, recursionAvailable, settings }) => {
    it('sets what the configuration does not', () => {
      const config = parseConfig({ records: { profile } }, 'x');
      expect(recordSettings(config)).toEqual({
        domain: 'mesos',
        labelRules: 'rfc1123',
        ipSources: ['netinfo', 'mesos', 'host'],
        masters: [],
        nameServer: 'ns1.mesos.',
        nameServerAddresses: [],
        ...settings,
      });
      expect(recordTtl(config)).toBe(ttl);
      expect(zoneOf(config)).toEqual({
        origin: 'mesos',
        soa: {
          mname: 'ns1.mesos',
          rname: 'root.ns1.mesos',
          refresh: 60,
          retry: 600,
          expire: 86400,
          minimum,
          ttl,
        },
        nameServers: ['ns1.mesos'],
        nsTtl: ttl,
      });
      expect(zoneSettings(config)).toEqual({
        staleAfterSeconds: 900,
        expireAfterSeconds: 604800,
        recursionAvailable,
      });
    });

    it('gives way to the configuration, be it 0 or the other profile', () => {
      const records = {
        profile,
        ttl: 0,
        negativeTtl: 0,
        maxPortsPerTask: 0,
        rawDiscoveryNames: settings.rawDiscoveryNames === 'as-is' ? 'lower-case' : 'as-is',
        reservedNames: settings.reservedNames === 'mixed' ? 'kept-apart' : 'mixed',
        recursionAvailable: 'never',
      };
      const config = parseConfig({ records }, 'x');
      const { rawDiscoveryNames, reservedNames } = records;
      expect(recordSettings(config)).toMatchObject({ maxPortsPerTask: 0, rawDiscoveryNames, reservedNames });
      expect(recordTtl(config)).toBe(0);
      expect(zoneOf(config)).toMatchObject({ nsTtl: 0, soa: { minimum: 0, ttl: 0 } });
      expect(zoneSettings(config).recursionAvailable).toBe('never');
    });
  },
);

describe.each(['full', 'mesos-dns'])('which tasks and addresses count with profile %s', (profile) => {
  it.each([
    [
      { health: { unhealthyTasks: 'leave-out' } },
      { tasks: { unhealthyTasks: 'leave-out', graceSeconds: 0 } },
    ],
    [
      { health: { unhealthyTasks: 'keep', graceSeconds: 5 } },
      { tasks: { unhealthyTasks: 'keep', graceSeconds: 5 } },
    ],
    [{ killingTasks: 'by-status' }, { tasks: { killingTasks: 'by-status' } }],
    [{ killingTasks: 'by-state' }, { tasks: { killingTasks: 'by-state' } }],
    [{ drainingAgents: 'leave-out' }, { tasks: { drainingAgents: 'leave-out' } }],
    [{ drainingAgents: 'keep' }, { tasks: { drainingAgents: 'keep' } }],
    [{ deactivatedAgents: 'leave-out' }, { tasks: { deactivatedAgents: 'leave-out' } }],
    [{ minVisibility: 'external' }, { tasks: { minVisibility: 'external' } }],
    [{ addressStatus: 'newest' }, { addresses: { status: 'newest' } }],
    [{ addressStatus: 'newest-with-address' }, { addresses: { status: 'newest-with-address' } }],
    [{ addresses: { exclude: [] } }, { addresses: { exclude: [], prefer: [] } }],
    [
      { addresses: { prefer: ['10.0.0.0/8'], exclude: ['172.18.0.1/16', 'fd00::/8'] } },
      {
        addresses: {
          prefer: [parsePrefix('10.0.0.0/8')],
          exclude: [parsePrefix('172.18.0.0/16'), parsePrefix('fd00::/8')],
        },
      },
    ],
  ])('is said by %j', (records, expected) => {
    expect(recordSettings(parseConfig({ records: { profile, ...records } }, 'x'))).toMatchObject(expected);
  });

  it.each([
    [{ health: { unhealthyTasks: true } }, 'records.health.unhealthyTasks'],
    [{ health: { graceSeconds: -1 } }, 'records.health.graceSeconds'],
    [{ health: { grace: 1 } }, 'records.health.grace'],
    [{ killingTasks: 'keep' }, 'records.killingTasks'],
    [{ drainingAgents: false }, 'records.drainingAgents'],
    [{ deactivatedAgents: '' }, 'records.deactivatedAgents'],
    [{ minVisibility: 'EXTERNAL' }, 'records.minVisibility'],
    [{ addressStatus: 'oldest' }, 'records.addressStatus'],
    [{ addresses: { exclude: ['docker0'] } }, 'records.addresses.exclude.0'],
    [{ addresses: { prefer: ['10.0.0.0/8', '10.0.0.0/33'] } }, 'records.addresses.prefer.1'],
    [{ addresses: { exlude: [] } }, 'records.addresses.exlude (did you mean exclude?)'],
  ])('can not be said by %j', (records, key) => {
    expect(() => parseConfig({ records: { profile, ...records } }, 'x')).toThrow(key);
  });
});

describe('the zone', () => {
  it('has its name server below its domain', () => {
    const config = parseConfig({ domain: 'DC1.Example' }, 'x');
    expect(zoneOf(config)).toMatchObject({
      origin: 'dc1.example',
      nameServers: ['ns1.dc1.example'],
      soa: { mname: 'ns1.dc1.example', rname: 'root.ns1.dc1.example' },
    });
    expect(recordSettings(config)).toMatchObject({ domain: 'dc1.example', nameServer: 'ns1.dc1.example.' });
  });

  it.each([
    ['NS.Example', 'NS.Example.', 'ns.example'],
    ['NS.Example.', 'NS.Example.', 'ns.example'],
  ])('has the name server %s', (nameServer, asWritten, asName) => {
    const config = parseConfig({ records: { nameServer } }, 'x');
    expect(recordSettings(config).nameServer).toBe(`${asName}.`);
    const exact = parseConfig({ records: { nameServer, profile: 'mesos-dns' } }, 'x');
    expect(recordSettings(exact).nameServer).toBe(asWritten);
    expect(zoneOf(config).soa.mname).toBe(asName);
    expect(zoneOf(config).nameServers).toEqual([asName]);
  });

  it('has what it is told of times', () => {
    const config = parseConfig(
      {
        livenessSeconds: 10,
        mesos: { pollSeconds: 5 },
        staleAfterSeconds: 11,
        expireAfterSeconds: 0,
        records: { refresh: 1, retry: 2, expire: 3, ttl: 4, negativeTtl: 5 },
      },
      'x',
    );
    expect(zoneOf(config).soa).toMatchObject({ refresh: 1, retry: 2, expire: 3, ttl: 4, minimum: 5 });
    expect(zoneSettings(config)).toMatchObject({ staleAfterSeconds: 11, expireAfterSeconds: 0 });
  });
});

it('masters are endpoints as they are written, in order', () => {
  const masters = [
    'http://10.0.0.1:5050',
    '10.0.0.2:5050',
    'https://m3.example',
    'http://[2001:DB8::1]:5050/',
  ];
  expect(recordSettings(parseConfig({ mesos: { masters } }, 'x')).masters).toEqual([
    { host: '10.0.0.1', port: '5050' },
    { host: '10.0.0.2', port: '5050' },
    { host: 'm3.example', port: '443' },
    { host: '2001:DB8::1', port: '5050' },
  ]);
});
