import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, DiscoveryPort, MesosTask } from '../../../sync-agent/cluster.ts';
import { type Explanation, explainName } from '../../../sync-agent/records/explain.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import { parsePrefix } from '../../../sync-agent/records/prefix.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { parseName } from '../../../zone/name.ts';
import { anyState } from '../any-state.ts';
import {
  agentAt,
  endpoints,
  frameworkWith,
  recordsOf,
  settingsWith,
  stateWith,
  statusWith,
  taskWith,
} from '../states.ts';

const AGENT = '10.0.0.7';
const ON = { dcosNames: 'published', ipSources: ['host', 'netinfo'] } as const;

/** DC/OS's names of one task on agent `x-S0`, without `thisdcos.directory.` in names and in targets. */
function namesOf(
  parts: Partial<MesosTask>,
  { framework = 'marathon', settings = {} }: { framework?: string; settings?: Partial<RecordSettings> } = {},
): Record<string, readonly string[]> {
  const task = taskWith({ id: 't.1', name: 'web', ...parts });
  const { set } = recordsOf(
    {
      agents: [agentAt('x-S0', `${AGENT}:5051`)],
      frameworks: [frameworkWith({ name: framework, tasks: [task] })],
    },
    { ...ON, ...settings },
  );
  const short = (name: string): string => name.replaceAll('thisdcos.directory.', '');
  const all = [...set.A, ...set.AAAA, ...set.SRV].filter(([name]) => name.endsWith('.thisdcos.directory.'));
  return Object.fromEntries(all.map(([name, values]) => [short(name), values.map(short)]));
}

const reports = (...addresses: string[]): Pick<MesosTask, 'running'> => ({
  running: [statusWith({ netinfo: addresses })],
});
const port = (number: number, labels?: Record<string, string>, parts = {}): DiscoveryPort => ({
  number,
  name: '',
  protocol: 'tcp',
  ...(labels && { labels }),
  ...parts,
});
const offers = (...ports: DiscoveryPort[]): Pick<MesosTask, 'discovery'> => ({
  discovery: { name: 'web', ports },
});
const range = (begin: number, end = begin): Pick<MesosTask, 'ports'> => ({ ports: [{ begin, end }] });
const HOST = { 'network-scope': 'host' };
const CONTAINER = { 'network-scope': 'container' };
/** Of `t.1` on `x-S0`. */
const OWN = 'web-fg7w9-s0.marathon';

describe('address names of DC/OS', () => {
  it.each<[string, Partial<MesosTask>, Record<'agentip' | 'containerip' | 'autoip', string[]>]>([
    // The table of dcos-net's `dcos_dns_mesos_tests.erl`.
    ['that reports nothing', {}, { agentip: [AGENT], containerip: [], autoip: [AGENT] }],
    ['on the agent’s network', reports(AGENT), { agentip: [AGENT], containerip: [AGENT], autoip: [AGENT] }],
    [
      'on a network of its own',
      reports('9.0.2.5'),
      { agentip: [AGENT], containerip: ['9.0.2.5'], autoip: ['9.0.2.5'] },
    ],
    [
      'behind ports of the agent',
      { ...reports('172.18.0.2'), hasHostPorts: true },
      { agentip: [AGENT], containerip: ['172.18.0.2'], autoip: [AGENT] },
    ],
    [
      'behind ports of the agent that only its discovery info tells of',
      { ...reports('9.0.2.5'), ...offers(port(80, CONTAINER), port(31_000, HOST)) },
      { agentip: [AGENT], containerip: ['9.0.2.5'], autoip: [AGENT] },
    ],
    [
      'with addresses of both families',
      reports('9.0.2.5', 'fd01:b::5'),
      { agentip: [AGENT], containerip: ['9.0.2.5', 'fd01:b::5'], autoip: ['9.0.2.5', 'fd01:b::5'] },
    ],
  ])('of a task %s', (_, parts, expected) => {
    const task = taskWith({ id: 't.1', ...parts });
    const { set } = recordsOf(
      {
        agents: [agentAt('x-S0', `${AGENT}:5051`)],
        frameworks: [frameworkWith({ name: 'marathon', tasks: [task] })],
      },
      ON,
    );
    for (const [kind, addresses] of Object.entries(expected)) {
      const name = `web.marathon.${kind}.dcos.thisdcos.directory.`;
      expect([kind, ...(set.A.get(name) ?? []), ...(set.AAAA.get(name) ?? [])]).toEqual([kind, ...addresses]);
    }
  });

  it.each<[string, Partial<MesosTask>, string, string]>([
    ['the discovery name', offers(), 'marathon', 'web.marathon'],
    ['a task’s name', { name: 'db' }, 'marathon', 'db.marathon'],
    [
      'one label, of a name with dots',
      { discovery: { name: 'myapp.sub.outer', ports: [] } },
      'marathon',
      'myapp-sub-outer.marathon',
    ],
    ['no slashes', { name: '/path/to_svc' }, '/path/to/fw', 'pathto-svc.pathtofw'],
    ['one label, of a framework with dots', {}, 'Chronos-2.4.0', 'web.chronos-2-4-0'],
  ])('have %s', (_, parts, framework, expected) => {
    expect(namesOf(parts, { framework })).toHaveProperty([`${expected}.agentip.dcos.`], [AGENT]);
  });

  it('are none for what has no name, and do not fall to the masters’', () => {
    expect(namesOf({ name: '/' })).toEqual({});
    expect(namesOf({ name: 'leader' }, { framework: '' })).toEqual({});
  });

  it('give each task one of its own, cut to a label where it is long', () => {
    const long = 'a'.repeat(70);
    const names = Object.keys(namesOf({ name: long, ...reports('9.0.2.5') }));
    expect(names).toContain(`${'a'.repeat(54)}-fg7w9-s0.marathon.agentip.dcos.`);
    expect(names).toContain(`${'a'.repeat(54)}-fg7w9-s0.marathon.containerip.dcos.`);
    expect(names).toContain(`${'a'.repeat(63)}.marathon.autoip.dcos.`);
    const dashed = Object.keys(namesOf({ name: `${'a'.repeat(50)}----${'b'.repeat(9)}` }));
    expect(dashed).toContain(`${'a'.repeat(50)}-fg7w9-s0.marathon.agentip.dcos.`);
  });

  it('are not there unless they are asked for', () => {
    expect(namesOf(reports('9.0.2.5'), { settings: { dcosNames: undefined } })).toEqual({});
    expect(namesOf(reports('9.0.2.5'), { settings: { dcosNames: 'left-out' } })).toEqual({});
  });

  it('never have a container’s address where agents have another one outside', () => {
    const attributes = { public_ip: '192.0.2.1' };
    const state = {
      agents: [{ ...agentAt('x-S0', `${AGENT}:5051`), attributes }],
      frameworks: [
        frameworkWith({
          name: 'marathon',
          tasks: [taskWith({ id: 't.1', ...reports('9.0.2.5'), ...offers(port(8080), port(80, CONTAINER)) })],
        }),
      ],
    };
    const outside = { ...ON, agentAddressAttribute: 'public_ip' };
    const { records } = recordsOf(state, { ...outside, ipSources: ['host'] });
    expect(JSON.stringify(records)).not.toMatch(/9\.0\.2\.5|containerip/);
    expect(Object.keys(records.SRV).filter((name) => name.endsWith('directory.'))).toEqual([]);
    expect(records.A['web.marathon.autoip.dcos.thisdcos.directory.']).toEqual(['192.0.2.1']);
    // Unless they are asked for.
    expect(JSON.stringify(recordsOf(state, outside).records)).toContain('9.0.2.5');
  });

  it('leave out what is excluded, and no port of the container becomes one of the agent', () => {
    const exclude = { exclude: [parsePrefix('172.17.0.0/16')], prefer: [], status: 'newest' } as const;
    const bridged = { ...reports('172.17.0.4'), ...offers(port(80, { VIP_0: '/web:80' })) };
    const names = namesOf(bridged, { settings: { addresses: exclude } });
    expect(names).toEqual({
      'web.marathon.agentip.dcos.': [AGENT],
      [`${OWN}.agentip.dcos.`]: [AGENT],
      'web.marathon.autoip.dcos.': [AGENT],
    });
  });

  it('have leader and master', () => {
    const { records } = recordsOf(
      { leader: endpoints('10.9.0.1:5050')[0], masters: endpoints('10.9.0.2:5050', '10.9.0.1:5050') },
      ON,
    );
    expect(records.A['leader.dcos.thisdcos.directory.']).toEqual(['10.9.0.1']);
    expect(records.A['master.dcos.thisdcos.directory.']).toEqual(['10.9.0.1', '10.9.0.2']);
    const hidden = recordsOf(
      { leader: endpoints('10.9.0.1:5050')[0] },
      { ...ON, clusterNames: 'left-out' },
    ).records;
    expect(hidden.A).toEqual({});
  });
});

describe('ports in DC/OS’s names', () => {
  /** Where SRV records of a task with one discovery port of 8080 lead, by the name they are at. */
  it.each<[string, Partial<MesosTask>, 'agentip' | 'containerip' | undefined]>([
    [
      'that Marathon says is the agent’s',
      { ...reports('9.0.2.5'), ...offers(port(8080, HOST)), hasHostPorts: true },
      'agentip',
    ],
    [
      'that Marathon says is the container’s',
      { ...reports('9.0.2.5'), ...offers(port(8080, CONTAINER)) },
      'containerip',
    ],
    [
      'that the task has of its agent',
      { ...reports('9.0.2.5'), ...offers(port(8080)), ...range(8000, 8100) },
      'agentip',
    ],
    [
      'that Marathon says is the container’s, be it a number the task has of its agent',
      { ...reports('9.0.2.5'), ...offers(port(8080, CONTAINER)), ...range(8000, 8100) },
      'containerip',
    ],
    [
      'of a container with an address of its own',
      { ...reports('9.0.2.5'), ...offers(port(8080)) },
      'containerip',
    ],
    ['of a task on the agent’s network', { ...reports(AGENT), ...offers(port(8080)) }, 'agentip'],
    [
      'of a task on the agent’s network, said to be the container’s',
      { ...reports(AGENT), ...offers(port(8080, CONTAINER)) },
      'agentip',
    ],
    ['of a task that reports nothing', offers(port(8080)), 'agentip'],
    ['of a container whose address is not told', offers(port(8080, CONTAINER)), undefined],
    [
      'of a container behind other ports whose address is not told',
      { ...offers(port(8080)), hasHostPorts: true },
      undefined,
    ],
  ])('%s', (_, parts, site) => {
    const names = namesOf(parts);
    const services = Object.keys(names).filter((name) => name.startsWith('_'));
    if (!site) return expect(services).toEqual([]);
    expect(services.toSorted()).toEqual(
      ['_web._tcp.marathon.autoip.dcos.', `_web._tcp.marathon.${site}.dcos.`].toSorted(),
    );
    for (const service of services) expect(names[service]).toEqual([`${OWN}.${site}.dcos.:8080`]);
    expect(names[`${OWN}.${site}.dcos.`]).toEqual([
      site === 'agentip' ? AGENT : parts.running?.[0]?.netinfo[0],
    ]);
  });

  it.each([0, -1, 65_536])('never %d', (number) => {
    const names = namesOf({ ...reports('9.0.2.5'), ...offers(port(number, { VIP_0: '/web:80' })) });
    expect(Object.keys(names).filter((name) => name.startsWith('_') || name.includes('l4lb'))).toEqual([]);
  });

  it('have their names, protocols, and priority and weight', () => {
    const named = port(8080, CONTAINER, {
      name: 'Http_1',
      protocol: '',
      srv: { priority: 3, weight: 4 },
    });
    const names = namesOf({ ...reports('9.0.2.5'), ...offers(named) });
    for (const protocol of ['tcp', 'udp'])
      for (const owner of [`_web._${protocol}.marathon`, `_http-1._web._${protocol}.marathon`])
        expect(names[`${owner}.autoip.dcos.`]).toEqual([`${OWN}.containerip.dcos.:8080 3 4`]);
  });

  it('are the agent’s where a task has no discovery info, no more than a task may have', () => {
    const names = namesOf(
      { ...reports('9.0.2.5'), ...range(31_000, 31_005) },
      { settings: { maxPortsPerTask: 2 } },
    );
    const both = [`${OWN}.agentip.dcos.:31000`, `${OWN}.agentip.dcos.:31001`];
    expect(names['_web._tcp.marathon.agentip.dcos.']).toEqual(both);
    expect(names['_web._udp.marathon.autoip.dcos.']).toEqual(both);
  });

  it('are left out below the least visibility', () => {
    const hidden = port(80, { VIP_0: '/web:80' }, { visibility: 'CLUSTER' });
    const task = { discovery: { name: 'web', ports: [hidden], visibility: 'EXTERNAL' } };
    const tasks = {
      unhealthyTasks: 'keep',
      graceSeconds: 0,
      killingTasks: 'by-state',
      drainingAgents: 'keep',
      deactivatedAgents: 'keep',
      minVisibility: 'external',
    } as const;
    const names = Object.keys(namesOf(task, { settings: { tasks } }));
    expect(names).toContain('web.marathon.agentip.dcos.');
    expect(names.filter((name) => name.startsWith('_') || name.includes('l4lb'))).toEqual([]);
  });
});

describe('VIPs', () => {
  const vips = (names: Record<string, readonly string[]>): Record<string, readonly string[]> =>
    Object.fromEntries(Object.entries(names).filter(([name]) => name.endsWith('.l4lb.')));

  it('are answered with the agent and its port where that leads into the container', () => {
    const labels = { ...HOST, VIP_0: '/test:80' };
    const task = {
      ...reports('9.0.2.2'),
      ...offers(port(12_564, labels)),
      ...range(12_564),
      hasHostPorts: true,
    };
    const value = `${OWN}.agentip.dcos.:12564`;
    expect(vips(namesOf(task))).toEqual({
      'test.marathon.l4lb.': [AGENT],
      '_test._tcp.marathon.l4lb.': [value],
      '_80._test._tcp.marathon.l4lb.': [value],
    });
  });

  it('are answered with the container and its port else', () => {
    const task = { ...reports('9.0.2.2'), ...offers(port(8080, { ...CONTAINER, VIP_0: '/test:80' })) };
    const value = `${OWN}.containerip.dcos.:8080`;
    expect(vips(namesOf(task))).toEqual({
      'test.marathon.l4lb.': ['9.0.2.2'],
      '_test._tcp.marathon.l4lb.': [value],
      '_80._test._tcp.marathon.l4lb.': [value],
    });
  });

  it.each<[string, string, string, string | undefined]>([
    ['/mygroup/myapp:80', 'VIP_0', 'marathon', 'mygroupmyapp.marathon'],
    ['/o.oo/i.ii/a.aa:80', 'VIP_0', 'marathon', 'o.ooi.iia.aa.marathon'],
    ['broker:9092', 'VIP_d92dae85-6e61', 'confluent-kafka', 'broker.confluent-kafka'],
    ['/My_App:1', 'vip', 'Marathon.prod', 'my-app.marathon.prod'],
    ['1.2.3.4:8080', 'VIP_0', 'marathon', undefined],
    ['fd01:c::1:8080', 'VIP_0', 'marathon', undefined],
    ['[fd01:c::1]:8080', 'VIP_0', 'marathon', undefined],
    ['/web:80', 'Vip_0', 'marathon', undefined],
    ['/web:80', 'SERVICE', 'marathon', undefined],
  ])('%s in label %s of framework %s', (text, key, framework, expected) => {
    const names = namesOf({ ...offers(port(8080, { [key]: text })) }, { framework });
    const plain = Object.keys(vips(names)).filter((name) => !name.startsWith('_'));
    expect(plain).toEqual(expected === undefined ? [] : [`${expected}.l4lb.`]);
    if (expected !== undefined) {
      const vip = Number(text.slice(text.lastIndexOf(':') + 1));
      expect(Object.keys(names)).toContain(
        `_${vip}._${expected.slice(0, -framework.length - 1)}._tcp.${expected.slice(-framework.length)}.l4lb.`,
      );
    }
  });

  it.each(['/web', '/web:', '/web:0', '/web:70000', '/web:http', ':80', '/:80', ''])(
    'are told of where a label is %j, which names none',
    (text) => {
      const tasks = [taskWith({ id: 't.1', ...offers(port(8080, { VIP_3: text })) })];
      const told: string[] = [];
      const { A } = generateRecords(
        stateWith({
          agents: [agentAt('x-S0', `${AGENT}:5051`)],
          frameworks: [frameworkWith({ name: 'marathon', tasks })],
        }),
        settingsWith({ ...ON, frameworkAliases: new Map([['marathon', ['m']]]) }),
        { addressesOfHost: () => [], report: ({ reason, detail }) => told.push(`${reason} ${detail}`) },
      );
      expect([...A.keys()].filter((name) => name.includes('l4lb'))).toEqual([]);
      // Once, aliases or not.
      expect(told).toEqual([
        `discovery-port task t.1: label VIP_3 is ${JSON.stringify(text)}, and should be /name:port`,
      ]);
    },
  );

  it.each<[string, string[]]>([
    ['tcp', ['tcp']],
    ['UDP', ['udp']],
    ['udp,tcp', ['tcp', 'udp']],
    ['', ['tcp', 'udp']],
    ['sctp', []],
  ])('over protocol %j', (protocol, expected) => {
    const names = namesOf(offers(port(8080, { VIP_0: '/a:80' }, { protocol })));
    const services = Object.keys(vips(names)).filter((name) => name.startsWith('_80.'));
    expect(services).toEqual(expected.map((each) => `_80._a._${each}.marathon.l4lb.`));
  });

  it('on several ports have one name, and services apart by the port of the VIP', () => {
    const task = offers(port(8080, { VIP_0: '/a:80', VIP_1: '/b:81' }), port(8443, { VIP_0: '/a:443' }));
    const names = namesOf(task);
    expect(names['a.marathon.l4lb.']).toEqual([AGENT]);
    expect(names['_80._a._tcp.marathon.l4lb.']).toEqual([`${OWN}.agentip.dcos.:8080`]);
    expect(names['_443._a._tcp.marathon.l4lb.']).toEqual([`${OWN}.agentip.dcos.:8443`]);
    expect(names['_81._b._tcp.marathon.l4lb.']).toEqual([`${OWN}.agentip.dcos.:8080`]);
    expect(names['_a._tcp.marathon.l4lb.']).toHaveLength(2);
  });

  it.each<[string, string, number | undefined]>([
    ['VIP_PORT0', 'tcp://old:80', 31_000],
    ['vip_port2', 'udp://old:80', 31_005],
    ['VIP_PORT3', 'tcp://old:80', undefined],
    ['VIP_PORT0', 'old:80', undefined],
    ['VIP_PORTx', 'tcp://old:80', undefined],
    ['VIP_PORT0', 'tcp://1.2.3.4:80', undefined],
  ])('of task label %s: %s', (key, text, number) => {
    const ports = [
      { begin: 31_000, end: 31_001 },
      { begin: 31_005, end: 31_005 },
    ];
    const names = vips(namesOf({ ports, labels: { [key]: text }, ...reports('9.0.2.2') }));
    if (number === undefined) return expect(names).toEqual({});
    const protocol = text.slice(0, 3);
    expect(names[`_80._old._${protocol}.marathon.l4lb.`]).toEqual([`${OWN}.agentip.dcos.:${number}`]);
  });
});

describe('a record keeper with DC/OS’s names', () => {
  it('has after any states what the last one gives', () => {
    const labels = fc.constantFrom<Record<string, string> | undefined>(
      undefined,
      HOST,
      CONTAINER,
      { VIP_0: '/web:80' },
      { ...HOST, VIP_0: '/web:80', VIP_1: 'a.b:81' },
      { VIP_0: 'bad' },
    );
    const state: fc.Arbitrary<ClusterState> = fc
      .tuple(anyState(), fc.infiniteStream(labels), fc.infiniteStream(fc.boolean()))
      .map(([plain, ofPorts, mapped]) => ({
        ...plain,
        frameworks: plain.frameworks.map((framework) => ({
          ...framework,
          tasks: framework.tasks.map((task) => ({
            ...task,
            hasHostPorts: mapped.next().value,
            discovery: task.discovery && {
              ...task.discovery,
              ports: task.discovery.ports.map((each) => ({ ...each, labels: ofPorts.next().value })),
            },
          })),
        })),
      }));
    const sorted = ({ A, AAAA, SRV, MORE }: RecordSet): unknown =>
      [A, AAAA, SRV, MORE].map((lists) =>
        Array.from(lists, ([name, values]) => `${name} ${values.toSorted().join(' ')}`).toSorted(),
      );
    let names = 0;
    fc.assert(
      fc.property(fc.array(state, { minLength: 2, maxLength: 4 }), (states) => {
        const settings = settingsWith(ON);
        const keeper = createRecordKeeper(settings);
        for (const each of states) {
          const { records } = keeper.update(each, () => []);
          const anew = generateRecords(each, settings, {
            addressesOfHost: () => [],
            report: () => undefined,
          });
          expect(sorted(records)).toEqual(sorted(anew));
          for (const name of records.A.keys()) if (name.endsWith('.l4lb.thisdcos.directory.')) names++;
        }
      }),
      { numRuns: 100 },
    );
    expect(names).toBeGreaterThan(10);
  });

  it('tells of names outside the zone as of others, and leaves the zone’s own as they were', () => {
    const state = (address: string): ClusterState =>
      stateWith({
        agents: [agentAt('x-S0', `${AGENT}:5051`)],
        frameworks: [
          frameworkWith({ name: 'marathon', tasks: [taskWith({ id: 't.1', ...reports(address) })] }),
        ],
      });
    const keeper = createRecordKeeper(settingsWith(ON));
    keeper.update(state('9.0.2.5'), () => []);
    const { before } = keeper.update(state('9.0.2.6'), () => []);
    expect([...before.keys()].toSorted()).toEqual([
      `${OWN}.containerip.dcos.thisdcos.directory.`,
      'web.marathon.autoip.dcos.thisdcos.directory.',
      'web.marathon.containerip.dcos.thisdcos.directory.',
    ]);
  });
});

describe('why a name of DC/OS has no answer', () => {
  const state = stateWith({
    agents: [agentAt('x-S0', `${AGENT}:5051`)],
    frameworks: [
      frameworkWith({
        name: 'marathon',
        tasks: [
          taskWith({ id: 't.1', name: 'web' }),
          taskWith({ id: 't.2', name: 'gone', state: 'TASK_LOST' }),
        ],
      }),
    ],
  });
  const explain = (name: string): Explanation =>
    explainName(state, `${name}.dcos.thisdcos.directory`, {
      settings: settingsWith(ON),
      rrsets: { origin: parseName('thisdcos.directory'), ttl: 5, srvWeight: 1, sources: 1 },
      addressesOfHost: () => [],
      skipped: [],
    });

  it('is that a task is in another state, or reports no address', () => {
    expect(explain('gone.marathon.agentip').missing.map(({ reason }) => reason)).toEqual([
      'task-not-running',
    ]);
    expect(explain('gone.marathon.autoip').verdict.kind).toBe('nxdomain');
    expect(explain('web.marathon.containerip').missing).toEqual([
      {
        reason: 'no-address',
        detail: 'task t.1 of framework "marathon" reports no address of its own (network infos)',
      },
    ]);
    expect(explain('nothing.marathon.containerip').missing).toEqual([]);
  });

  it('tells of what has one where the address is from', () => {
    const [rrset] = explain('web.marathon.autoip').rrsets;
    expect(rrset?.ttl).toBe(5);
    expect(rrset?.values[0]?.from[0]).toMatchObject({ rule: 'dcos-autoip', addressFrom: "the agent's own" });
  });
});
