import { describe, expect, it } from 'vitest';
import type { ClusterState, StaticRecord } from '../../sync-agent/cluster.ts';
import { asText } from '../../sync-agent/commands/explain-text.ts';
import { type ConfigInput, parseConfig } from '../../sync-agent/config.ts';
import { explainedZones, nearestOrigin } from '../../sync-agent/explained-zones.ts';
import { derivedZones } from '../../sync-agent/derived-zones.ts';
import { recordSettings } from '../../sync-agent/record-settings.ts';
import { type Explanation, explainName } from '../../sync-agent/records/explain.ts';
import { generateRecords } from '../../sync-agent/records/generate.ts';
import { parseName } from '../../zone/name.ts';
import { agentAt, endpoints, frameworkWith, stateWith, statusWith, taskWith } from './states.ts';

const at = (address: string) => [statusWith({ netinfo: [address] })];
const ports = [{ begin: 31000, end: 31000 }];
const STATIC: readonly StaticRecord[] = [{ name: '*.apps.mesos.', type: 'A', value: '10.9.9.9' }];
const STATE = stateWith({
  leader: endpoints('10.0.0.5:5050')[0],
  agents: [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', '10.0.0.2:5051')],
  staticRecords: STATIC,
  frameworks: [
    frameworkWith({
      id: 'F-1',
      name: 'marathon',
      roles: ['prod', 'web'],
      tasks: [
        taskWith({
          id: 'web.1',
          ports,
          running: at('9.0.0.1'),
          labels: { tags: 'blue', 'mesos-doh.alias': 'www.example.org' },
        }),
        taskWith({ id: 'web.2', running: at('9.0.0.2'), agentId: 'x-S1' }),
        taskWith({ id: 'db.1', name: 'db' }),
        taskWith({ id: 'cache.1', name: 'cache', running: at('9.0.0.7') }),
        taskWith({ id: 'late.1', name: 'late', state: 'TASK_STAGING' }),
        taskWith({
          id: 'sick.1',
          name: 'sick',
          running: [{ ...statusWith({ netinfo: ['9.0.0.8'] }), healthy: false }],
        }),
        taskWith({
          id: 'sick.2',
          name: 'sick',
          running: [{ ...statusWith({ netinfo: ['9.0.0.9'] }), healthy: true }],
        }),
      ],
    }),
    frameworkWith({
      id: 'F-2',
      name: 'aurora',
      tasks: [
        taskWith({ id: 'cache.9', name: 'cache', running: at('9.0.0.7') }),
        taskWith({ id: 'web.9', running: at('9.0.0.3') }),
      ],
    }),
  ],
});
const REVERSE = { zones: ['9.in-addr.arpa', '10.in-addr.arpa'] };

function explain(
  config: ConfigInput,
  name: string,
  { state = STATE, type }: { readonly state?: ClusterState; readonly type?: string } = {},
): Explanation {
  const parsed = parseConfig(config, 'a test');
  const zones = explainedZones(parsed);
  const origins = zones.map(({ zone }) => zone.origin);
  const found = zones.find(({ zone }) => zone.origin === nearestOrigin(name, origins)) ?? zones[0];
  if (!found) throw new Error('no zone');
  return explainName(state, name, {
    settings: recordSettings(parsed),
    rrsets: { origin: found.zone.origin, ttl: found.zone.soa.ttl, srvWeight: 1, sources: 1 },
    derivation: found.derivation,
    addressesOfHost: () => [],
    skipped: [],
    type,
    zones: origins,
  });
}

/** `TYPE value < value it follows from < rule of whom` of every value. */
const given = ({ rrsets }: Explanation): string[] =>
  rrsets.flatMap(({ type, values }) =>
    values.flatMap(({ value, from }) =>
      from.map(({ of, rule, taskId, by }) =>
        [`${type} ${value}`, of ?? '-', `${rule} ${taskId ?? by}`].join(' < '),
      ),
    ),
  );
const reasons = ({ missing }: Explanation): string[] =>
  missing.map(({ reason, detail }) => `${reason}: ${detail}`);

it('has all zones that follow from the cluster, each with its own numbers', () => {
  const configs: readonly ConfigInput[] = [
    { reverse: REVERSE },
    { records: { profile: 'consul' }, reverse: REVERSE },
    { records: { profile: 'dcos' }, dcos: { cryptoId: 'abc', ttl: 7 } },
    { records: { labels: 'read', aliases: { zones: ['example.org'] } } },
  ];
  for (const input of configs) {
    const config = parseConfig(input, 'a test');
    const [own, ...others] = explainedZones(config).map(({ zone }) => zone);
    expect(own?.origin).toBe('mesos');
    expect(others).toEqual(derivedZones(config).map(({ zone }) => zone));
  }
});

it.each([
  ['x.mesos', 'mesos'],
  ['MESOS.', 'mesos'],
  ['1.2.10.in-addr.arpa', '2.10.in-addr.arpa'],
  ['1.3.10.in-addr.arpa.', '10.in-addr.arpa'],
  ['xmesos', undefined],
  ['', undefined],
])('%j is in zone %s', (name, origin) => {
  const origins = ['mesos', '10.in-addr.arpa', '2.10.in-addr.arpa'].map((each) => parseName(each));
  expect(nearestOrigin(name, origins)).toBe(origin);
});

it('names the giver and the rule of every value of every zone', () => {
  const configs: readonly ConfigInput[] = [
    { reverse: { ...REVERSE, ambiguous: 'all' }, records: { agentNames: true } },
    { records: { profile: 'consul' } },
    { records: { profile: 'dcos' }, dcos: { cryptoId: 'abc' } },
    { records: { labels: 'read', aliases: { zones: ['example.org'], within: 'zone' } } },
  ];
  let values = 0;
  for (const input of configs) {
    const config = parseConfig(input, 'a test');
    const settings = recordSettings(config);
    const options = { addressesOfHost: () => [], report: () => undefined };
    const records = generateRecords(STATE, settings, options);
    for (const { zone, derive } of derivedZones(config)) {
      const made = derive(records);
      for (const name of new Set([...made.A.keys(), ...made.SRV.keys(), ...made.MORE.keys()])) {
        const told = explain(input, name);
        expect(told).toMatchObject({ zone: zone.origin, verdict: { kind: 'answered' } });
        for (const { type, values: all } of told.rrsets) {
          for (const { value, from, notAnswered } of all) {
            values++;
            expect(notAnswered).toBeUndefined();
            expect(from.length, `${name} ${type} ${value}`).toBeGreaterThan(0);
            for (const { rule } of from) expect(rule).toBeDefined();
          }
        }
      }
    }
  }
  expect(values).toBeGreaterThan(60);
});

describe('a PTR record', () => {
  const explained = (name: string, more: ConfigInput = {}): Explanation =>
    explain({ reverse: REVERSE, ...more }, name);

  it('says which address it follows from, and whose that is', () => {
    const told = explained('1.0.0.9.in-addr.arpa');
    expect(told).toMatchObject({
      zone: '9.in-addr.arpa',
      verdict: { kind: 'answered', text: 'answered: PTR' },
    });
    expect(given(told)).toEqual([
      'PTR web.marathon.mesos. < web.marathon.mesos. A 9.0.0.1 < task-shared-name web.1',
    ]);
    expect(reasons(told)).toEqual([]);
    expect(asText(told, undefined)).toContain(
      'of web.marathon.mesos. A 9.0.0.1, by task-shared-name: task web.1 of framework "marathon" on agent x-S0; framework id F-1; roles prod, web; address from netinfo',
    );
  });

  it('leads to the one task that is there, whatever else it is called, and of agents to none of its names', () => {
    const labels = { 'mesos-doh.alias': 'shop', HAPROXY_0_VHOST: 'vh.mesos' };
    const state = stateWith({
      agents: [agentAt('x-S0', '10.0.0.1:5051')],
      frameworks: [
        frameworkWith({
          name: 'f',
          tasks: [
            taskWith({ id: 'web.1', running: at('9.0.0.1'), labels }),
            taskWith({ id: 'db.1', name: 'db', labels: { 'mesos-doh.alias': 'data' } }),
          ],
        }),
      ],
    });
    const config = {
      reverse: REVERSE,
      records: { labels: 'read', aliases: { within: 'zone' }, haproxy: {} },
    } as const;
    const told = explain(config, '1.0.0.9.in-addr.arpa', { state });
    expect(given(told)).toEqual(['PTR web.f.mesos. < web.f.mesos. A 9.0.0.1 < task-shared-name web.1']);
    expect(reasons(told)).toEqual([]);
    const ofAgent = explain(config, '1.0.0.10.in-addr.arpa', { state });
    expect(given(ofAgent)).toEqual([]);
    expect(reasons(ofAgent)[0]).toBe(
      'ambiguous-address: 2 names have 10.0.0.1: data.f.mesos., db.f.mesos. (reverse.ambiguous is leave-out)',
    );
  });

  it('follows from a static record of the IPv4-mapped form too', () => {
    const staticRecords: readonly StaticRecord[] = [
      { name: 'printer.mesos.', type: 'AAAA', value: '::ffff:900:9' },
    ];
    const told = explain({ reverse: REVERSE }, '9.0.0.9.in-addr.arpa', {
      state: stateWith({ staticRecords }),
    });
    expect(given(told)[0]).toContain(
      'PTR printer.mesos. < printer.mesos. AAAA ::ffff:900:9 < static-record the zone file',
    );
  });

  it('says which names share an address', () => {
    const told = explained('7.0.0.9.in-addr.arpa');
    expect(told.verdict.kind).toBe('nxdomain');
    expect(reasons(told)).toEqual([
      'ambiguous-address: 2 names have 9.0.0.7: cache.aurora.mesos., cache.marathon.mesos. (reverse.ambiguous is leave-out)',
    ]);
    const all = explained('7.0.0.9.in-addr.arpa', { reverse: { ...REVERSE, ambiguous: 'all' } });
    expect(all.rrsets[0]?.values.map(({ value }) => value)).toEqual([
      'cache.aurora.mesos.',
      'cache.marathon.mesos.',
    ]);
    expect(reasons(all)).toEqual([]);
  });

  it.each([
    ['8.0.0.9', ['hidden-unhealthy: task sick.1 of framework "marathon" is hidden: unhealthy since']],
    [
      '9.9.9.10',
      ['name-not-counted: *.apps.mesos. has 10.9.9.9, and no PTR record leads there: names of the cluster'],
    ],
    [
      '2.0.0.10',
      [
        'name-not-counted: slave.mesos., web-',
        'agent-without-name: agent x-S1 has 10.0.0.2: agents have names of their own with records.agentNames alone',
      ],
    ],
    ['9.9.0.9', []],
  ])('of %s is not there, and why', (address, expected) => {
    const told = explained(`${address}.in-addr.arpa`);
    expect(told.verdict.kind).toBe('nxdomain');
    expect(reasons(told).map((text, i) => text.slice(0, expected[i]?.length))).toEqual(expected);
  });

  it.each([
    ['10.in-addr.arpa', 'answered', 'the zone 10.in-addr.arpa itself: SOA and NS'],
    ['0.0.9.in-addr.arpa', 'no-data', 'no data: nothing is at this name itself'],
    ['x.10.in-addr.arpa', 'nxdomain', 'no such name in zone 10.in-addr.arpa'],
    ['300.0.0.10.in-addr.arpa', 'nxdomain', 'no such name in zone 10.in-addr.arpa'],
    [
      '1.0.0.11.in-addr.arpa',
      'outside-zone',
      'not in any of the zones mesos, 9.in-addr.arpa, 10.in-addr.arpa',
    ],
  ])('%s: %s', (name, kind, text) => {
    const { verdict } = explained(name);
    expect(verdict.kind).toBe(kind);
    expect(verdict.text).toContain(text);
  });

  it('of an IPv6 address is read back nibble by nibble', () => {
    const state = stateWith({
      agents: [agentAt('x-S0', '10.0.0.1:5051')],
      frameworks: [frameworkWith({ name: 'f', tasks: [taskWith({ id: 'v6', running: at('fd00::1') })] })],
    });
    const name = `1.${'0.'.repeat(29)}d.f.ip6.arpa`;
    const told = explain({ reverse: { zones: ['d.f.ip6.arpa'] } }, name, { state });
    expect(given(told)).toEqual(['PTR web.f.mesos. < web.f.mesos. AAAA fd00::1 < task-shared-name v6']);
  });
});

describe("a task under Consul's name", () => {
  const explained = (name: string, type?: string): Explanation =>
    explain({ records: { profile: 'consul' } }, name, type === undefined ? {} : { type });

  it('says whose it is, whatever the framework', () => {
    expect(given(explained('web.service.consul')).slice(0, 3)).toEqual([
      'A 9.0.0.1 < web.marathon.mesos. A 9.0.0.1 < task-shared-name web.1',
      'A 9.0.0.2 < web.marathon.mesos. A 9.0.0.2 < task-shared-name web.2',
      'A 9.0.0.3 < web.aurora.mesos. A 9.0.0.3 < task-shared-name web.9',
    ]);
    expect(given(explained('blue.web.service.consul'))).toContain(
      'A 9.0.0.1 < blue.web.marathon.mesos. A 9.0.0.1 < task-tag web.1',
    );
    const [port = ''] = given(explained('_web._tcp.service.consul'));
    expect(port).toMatch(
      /^SRV web-\S+:31000 < _web\._tcp\.marathon\.mesos\. SRV \S+ < task-host-port web\.1$/,
    );
  });

  it.each([
    ['late.service.consul', 'task-not-running: task late.1 of framework "marathon" is TASK_STAGING'],
    ['_db._tcp.service.consul', 'no-port: task db.1 of framework "marathon" has no host ports'],
    ['_late._tcp.consul', 'task-not-running: task late.1 of framework "marathon" is TASK_STAGING'],
  ])('%s is not there, and why', (name, reason) => {
    const told = explained(name);
    expect(told).toMatchObject({ zone: 'consul', verdict: { kind: 'nxdomain' } });
    expect(reasons(told)).toContain(reason);
  });

  it('tells the nearest name', () => {
    const told = explained('wbe.service.consul');
    expect(told.above).toBe('service.consul.');
    expect(asText(told, undefined)).toContain('Did you mean web.service.consul.?');
  });
});

describe("DC/OS's names", () => {
  const config = { records: { profile: 'dcos' }, dcos: { cryptoId: 'abc', ttl: 7 } } as const;

  it.each([
    ['web.marathon.agentip.dcos.thisdcos.directory', 'A 10.0.0.1', 'dcos-agentip web.1'],
    ['web.marathon.agentip.dcos.abc.dcos.directory', 'A 10.0.0.1', 'dcos-agentip web.1'],
    ['web.marathon.mesos.abc.dcos.directory', 'A 10.0.0.1', 'task-shared-name web.1'],
    ['leader.mesos.thisdcos.directory', 'A 10.0.0.5', 'leader the leading master 10.0.0.5:5050'],
  ])('%s are explained in the zone they are asked in', (name, value, who) => {
    const told = explain(config, name);
    expect(told.name).toBe(`${name}.`);
    expect(name.endsWith(told.zone)).toBe(true);
    expect(told.rrsets[0]?.ttl).toBe(7);
    expect(given(told).find((each) => each.startsWith(value))).toMatch(new RegExp(`${who}$`));
  });

  it('have targets that moved with them', () => {
    const [srv = ''] = given(explain(config, '_web._tcp.marathon.mesos.abc.dcos.directory'));
    expect(srv).toMatch(
      /^SRV \S+\.mesos\.abc\.dcos\.directory\.:31000 < _web\._tcp\.marathon\.mesos\. SRV \S+\.mesos\.:31000 < /,
    );
  });

  it('say why they are not there', () => {
    expect(reasons(explain(config, 'late.marathon.mesos.abc.dcos.directory'))).toEqual([
      'task-not-running: task late.1 of framework "marathon" is TASK_STAGING',
    ]);
  });
});

describe('a zone for aliases', () => {
  const config: ConfigInput = {
    records: { labels: 'read', aliases: { zones: ['example.org'], within: 'zone' } },
  };

  it('says which task is called so', () => {
    const told = explain(config, 'www.example.org');
    expect(told).toMatchObject({ zone: 'example.org', verdict: { kind: 'answered' } });
    expect(given(told)).toEqual(['A 9.0.0.1 < - < task-alias web.1']);
    expect(explain(config, 'ftp.example.org').verdict.kind).toBe('nxdomain');
  });
});
