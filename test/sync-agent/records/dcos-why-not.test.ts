import { describe, expect, it } from 'vitest';
import type { ClusterState, DiscoveryPort, MesosTask } from '../../../sync-agent/cluster.ts';
import { dcosWhyNot } from '../../../sync-agent/records/dcos-why-not.ts';
import type { HiddenBy } from '../../../sync-agent/records/eligible.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import { parsePrefix } from '../../../sync-agent/records/prefix.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import {
  agentAt,
  frameworkWith,
  recordsOf,
  settingsWith,
  stateWith,
  statusWith,
  taskWith,
} from '../states.ts';

const ON = { dcosNames: 'published', ipSources: ['host', 'netinfo'] } as const;
const HOST = { 'network-scope': 'host' };
const CONTAINER = { 'network-scope': 'container' };
const WHO = 'task t.1 of framework "marathon"';
const AGENTS = [agentAt('x-S0', '10.0.0.7:5051')];

const port = (number: number, labels: Record<string, string> = {}, parts = {}): DiscoveryPort => ({
  number,
  name: '',
  protocol: 'tcp',
  labels,
  ...parts,
});
const offers = (...ports: DiscoveryPort[]): Pick<MesosTask, 'discovery'> => ({
  discovery: { name: 'web', ports },
});
const reports = (...addresses: string[]): Pick<MesosTask, 'running'> => ({
  running: [statusWith({ netinfo: addresses })],
});
const stateOf = (
  parts: Partial<MesosTask>,
  { agents = AGENTS, framework = 'marathon' }: { agents?: ClusterState['agents']; framework?: string } = {},
): ClusterState =>
  stateWith({
    agents,
    frameworks: [frameworkWith({ name: framework, tasks: [taskWith({ id: 't.1', name: 'web', ...parts })] })],
  });
const ask = (
  state: ClusterState,
  name: string,
  {
    settings = {},
    hidden = new Map(),
  }: { settings?: Partial<RecordSettings>; hidden?: ReadonlyMap<MesosTask, HiddenBy> } = {},
): string[] =>
  dcosWhyNot(state, `${name}.thisdcos.directory.`, {
    settings: settingsWith({ ...ON, ...settings }),
    addressesOfHost: () => [],
    hidden,
  }).map(({ reason, detail }) => `${reason}: ${detail}`);

describe('labels of VIPs that are wrong', () => {
  const told = (parts: Partial<MesosTask>): string[] =>
    recordsOf(stateOf(parts), ON).skipped.map(({ reason, detail }) => `${reason} ${detail}`);
  const ranges = {
    ports: [
      { begin: 31_000, end: 31_001 },
      { begin: 31_005, end: 31_005 },
    ],
  };

  it.each<[string, string, string]>([
    ['VIP_PORT1', 'nonsense', ', and should be tcp://name:port or udp://name:port'],
    ['VIP_PORT1', 'web:80', ', and should be tcp://name:port or udp://name:port'],
    ['vip_port1', 'tcp://web', ', and should be tcp://name:port or udp://name:port'],
    ['VIP_PORT1', 'tcp://web:0', ', and should be tcp://name:port or udp://name:port'],
    ['VIP_PORT1', 'tcp://', ', and should be tcp://name:port or udp://name:port'],
    ['VIP_PORT1', 'sctp://web:80', ', and should be tcp://name:port or udp://name:port'],
    ['VIP_PORT3', 'tcp://web:80', ", and the task's last host port is number 2"],
    ['VIP_PORTx', 'tcp://web:80', ', and its name should be VIP_PORT and a number, from 0'],
    ['VIP_PORT', 'udp://web:80', ', and its name should be VIP_PORT and a number, from 0'],
    ['VIP_0', '/web:80', ", and is the task's: it counts on one of its ports alone"],
    ['vip_1', '11.0.0.1:80', ", and is the task's: it counts on one of its ports alone"],
  ])('%s: %s of a task are told of, with the task and why', (key, text, why) => {
    expect(told({ ...ranges, labels: { [key]: text } })).toEqual([
      `task-label task t.1: label ${key} is ${JSON.stringify(text)}${why}`,
    ]);
  });

  it.each<[string, string]>([
    ['VIP_PORT0', 'tcp://web:80'],
    ['VIP_PORT0', 'tcp://11.0.0.1:80'],
    ['VIP_PORTAL', 'http://example.com'],
    ['VIP_LOUNGE', '/web:80'],
    ['VIP_0', 'yes'],
  ])('%s: %s of a task are none', (key, text) => {
    expect(told({ ...ranges, labels: { [key]: text } })).toEqual([]);
  });

  it('of one port take no other with them', () => {
    const task = offers(
      port(8080, { VIP_0: 'bad', VIP_1: '/good:80' }),
      port(8081, { VIP_0: '/sctp:80' }, { protocol: 'sctp' }),
    );
    const { records, details } = recordsOf(
      stateOf({ ...task, labels: { VIP_0: '/good:80', VIP_PORT9: 'tcp://x:1' } }),
      ON,
    );
    expect(details()).toEqual([
      'task t.1: label VIP_0 is "bad", and should be /name:port',
      'task t.1: label VIP_0 is "/sctp:80", and its port 8081 has protocol "sctp": a VIP has tcp or udp',
      'task t.1: label VIP_PORT9 is "tcp://x:1", and the task has no host port',
    ]);
    const names = Object.keys(records.A).filter((name) => name.includes('l4lb'));
    expect(names).toEqual(['good.marathon.l4lb.thisdcos.directory.']);
  });
});

describe('why a VIP has no answer', () => {
  const VIP = { VIP_0: '/web:80' };
  const LABEL = 'label VIP_0 (/web:80)';

  it.each<[string, Partial<MesosTask>, string]>([
    [
      'is on port 0',
      offers(port(0, VIP)),
      `no-port: ${WHO}: ${LABEL} is at port 0, which is none that anybody reaches`,
    ],
    [
      'is on a port of a container whose address is not told',
      offers(port(8080, { ...VIP, ...CONTAINER })),
      `no-address: ${WHO}: ${LABEL} is at port 8080 of its container, whose address is not told (network infos)`,
    ],
    [
      'is of a task that does not run',
      { ...offers(port(8080, VIP)), state: 'TASK_STAGING' },
      `task-not-running: ${WHO} is TASK_STAGING`,
    ],
    [
      'is of a task on an agent that is not listed',
      { ...offers(port(8080, VIP)), agentId: 'x-S9' },
      `unknown-agent: ${WHO} runs on agent x-S9, which is not listed`,
    ],
    [
      'has a label that is wrong',
      offers(port(8080, { VIP_0: '/web:http' })),
      `no-port: ${WHO}: label VIP_0 is "/web:http", and should be /name:port`,
    ],
    [
      'has a label of the task that leads to no port',
      { labels: { VIP_PORT1: 'tcp://web:80' }, ports: [{ begin: 31_000, end: 31_000 }] },
      `no-port: ${WHO}: label VIP_PORT1 is "tcp://web:80", and the task's last host port is number 0`,
    ],
    [
      'has a port of SCTP',
      offers(port(8080, VIP, { protocol: 'sctp' })),
      `no-port: ${WHO}: label VIP_0 is "/web:80", and its port 8080 has protocol "sctp": a VIP has tcp or udp`,
    ],
  ])('that %s', (_, task, why) => {
    for (const name of ['web', '_web._tcp', '_80._web._tcp'])
      expect([name, ...ask(stateOf(task), `${name}.marathon.l4lb`)]).toEqual([name, why]);
    expect(ask(stateOf(task), 'other.marathon.l4lb')).toEqual([]);
    expect(ask(stateOf(task), 'web.chronos.l4lb')).toEqual([]);
  });

  it('whose task’s agent has no address', () => {
    const state = stateOf(offers(port(8080, VIP)), { agents: [agentAt('x-S0', undefined)] });
    expect(ask(state, 'web.marathon.l4lb')).toEqual([
      `no-address: ${WHO}: ${LABEL} is at port 8080 of agent x-S0, which has no address that is published`,
    ]);
  });

  it('whose container’s addresses are all left out', () => {
    const addresses = { exclude: [parsePrefix('172.17.0.0/16')], prefer: [], status: 'newest' } as const;
    const state = stateOf({ ...reports('172.17.0.4'), ...offers(port(80, VIP)) });
    expect(ask(state, 'web.marathon.l4lb', { settings: { addresses } })).toEqual([
      `no-address: ${WHO}: ${LABEL} is at port 80 of its container, which has no address that is published`,
    ]);
  });

  it('whose task is hidden, or whose port is', () => {
    const state = stateOf(offers(port(8080, VIP, { visibility: 'CLUSTER' })));
    const [task] = state.frameworks[0]?.tasks ?? [];
    const why: HiddenBy = { reason: 'killing' };
    const hidden = new Map(task ? [[task, why]] : []);
    expect(ask(state, 'web.marathon.l4lb', { hidden })[0]).toMatch(/^hidden-killing: .*t\.1 .* is hidden/);
    const tasks = {
      unhealthyTasks: 'keep',
      graceSeconds: 0,
      killingTasks: 'by-state',
      drainingAgents: 'keep',
      deactivatedAgents: 'keep',
      minVisibility: 'external',
    } as const;
    expect(ask(state, 'web.marathon.l4lb', { settings: { tasks } })).toEqual([
      `port-hidden: ${WHO}: ${LABEL} is at port 8080, whose visibility is CLUSTER and too low (records.minVisibility)`,
    ]);
  });

  it('at a port or protocol that it has not, unless another label has it', () => {
    const one = stateOf(offers(port(8080, VIP)));
    const alone = `no-port: ${WHO} offers it by ${LABEL} on port 80, over tcp alone`;
    expect(ask(one, '_81._web._tcp.marathon.l4lb')).toEqual([alone]);
    expect(ask(one, '_web._udp.marathon.l4lb')).toEqual([alone]);
    const two = stateOf(offers(port(8080, VIP), port(8081, { VIP_0: '/web:81' })));
    expect(ask(two, '_81._web._tcp.marathon.l4lb')).toEqual([]);
  });

  it('under an alias of its framework, and of a framework with dots', () => {
    const zero = stateOf(offers(port(0, VIP)), { framework: 'Marathon.prod' });
    const settings = { frameworkAliases: new Map([['marathon.prod', ['m']]]) };
    for (const part of ['marathon.prod', 'm'])
      expect(ask(zero, `web.${part}.l4lb`, { settings })).toHaveLength(1);
  });

  it('is nothing for any name that has one', () => {
    const task = {
      ...reports('9.0.2.5'),
      ...offers(
        port(8080, { VIP_0: '/web:80' }),
        port(31_000, { ...HOST, VIP_0: '/web:81', VIP_1: 'a.b:1' }),
      ),
      labels: { VIP_PORT0: 'udp://old:9' },
      ports: [{ begin: 31_000, end: 31_000 }],
    };
    const { A, SRV } = generateRecords(stateOf(task), settingsWith(ON), {
      addressesOfHost: () => [],
      report: () => undefined,
    });
    const names = [...A.keys(), ...SRV.keys()].filter((name) => name.includes('.l4lb.'));
    expect(names).toHaveLength(10);
    for (const name of names) {
      const found = ask(stateOf(task), name.replace('.thisdcos.directory.', ''));
      expect([name, ...found]).toEqual([name]);
    }
  });
});

describe('why a service has no answer', () => {
  const dcos = (name: string): string => `${name}.dcos`;

  it.each<[string, Partial<MesosTask>, string, string]>([
    [
      'port 0',
      offers(port(0)),
      '_web._tcp.marathon.agentip',
      `no-port: ${WHO}: what it offers is at port 0, which is none that anybody reaches`,
    ],
    [
      'a container whose address is not told',
      offers(port(8080, CONTAINER, { name: 'http' })),
      '_http._web._tcp.marathon.autoip',
      `no-address: ${WHO}: port http is at port 8080 of its container, whose address is not told (network infos)`,
    ],
    [
      'a port that is the container’s',
      { ...reports('9.0.2.5'), ...offers(port(8080, CONTAINER)) },
      '_web._tcp.marathon.agentip',
      `no-port: ${WHO}: port 8080 is one of its container: ask for the name with containerip or autoip`,
    ],
    [
      'a port that is the agent’s',
      { ...reports('9.0.2.5'), ...offers(port(8080, HOST)) },
      '_web._tcp.marathon.containerip',
      `no-port: ${WHO}: port 8080 is one of its agent: ask for the name with agentip or autoip`,
    ],
    [
      'another state',
      { ...offers(port(8080)), state: 'TASK_LOST' },
      '_web._tcp.marathon.autoip',
      `task-not-running: ${WHO} is TASK_LOST`,
    ],
  ])('%s', (_, task, name, why) => {
    expect(ask(stateOf(task), dcos(name))).toEqual([why]);
  });

  it('is nothing for one that has it', () => {
    const task = { ...reports('9.0.2.5'), ...offers(port(8080, CONTAINER), port(31_000, HOST)) };
    for (const kind of ['agentip', 'containerip', 'autoip'])
      expect(ask(stateOf(task), dcos(`_web._tcp.marathon.${kind}`))).toEqual([]);
  });

  it('is told of frameworks with dots too, which are one label here', () => {
    const state = stateOf({ state: 'TASK_LOST' }, { framework: 'chronos-2.4.0' });
    for (const kind of ['agentip', 'containerip', 'autoip'])
      expect(ask(state, dcos(`web.chronos-2-4-0.${kind}`))).toEqual([
        'task-not-running: task t.1 of framework "chronos-2.4.0" is TASK_LOST',
      ]);
  });

  it('is told of a container all of whose addresses are left out', () => {
    const addresses = { exclude: [parsePrefix('172.17.0.0/16')], prefer: [], status: 'newest' } as const;
    const state = stateOf(reports('172.17.0.4'));
    const found = ask(state, dcos('web.marathon.containerip'), {
      settings: { addresses, ipSources: ['host'] },
    });
    expect(found).toEqual([
      `no-address: ${WHO} reports 172.17.0.4, none of which is published (records.addresses.exclude, the variant's ipSources)`,
    ]);
  });
});
