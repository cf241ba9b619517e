import { describe, expect, it } from 'vitest';
import type { ClusterState, MesosAgent, MesosTask, Skipped } from '../../../sync-agent/cluster.ts';
import { asText } from '../../../sync-agent/commands/explain-text.ts';
import { parseConfig } from '../../../sync-agent/config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { explainName, type Explanation } from '../../../sync-agent/records/explain.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import { comparePublished } from '../../../sync-agent/records/published-name.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { parseName } from '../../../zone/name.ts';
import { agentAt, endpoints, frameworkWith, settingsWith, statusWith, taskWith } from '../states.ts';

const RRSETS = { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 };
const HOSTS = new Map([['h9.example', ['10.0.0.9']]]);

type Asked = {
  readonly settings?: Partial<RecordSettings>;
  readonly type?: string;
  readonly skipped?: readonly Skipped[];
};

function explain(
  state: Partial<ClusterState>,
  name: string,
  { settings, type, skipped = [] }: Asked = {},
): Explanation {
  return explainName({ ...NOTHING, ...state }, name, {
    settings: settingsWith(settings),
    rrsets: RRSETS,
    addressesOfHost: (host) => HOSTS.get(host) ?? [],
    skipped,
    type,
  });
}

const NOTHING: ClusterState = {
  leader: undefined,
  agents: [],
  frameworks: [],
  ended: { tasks: [], frameworks: [] },
  recoveringAgents: 0,
};

const AGENTS = [
  agentAt('x-S0', '10.0.0.1:5051'),
  agentAt('x-S1', 'h9.example:5051'),
  agentAt('x-S2', undefined),
];
const PORTS = [{ begin: 31000, end: 31000 }];
const WEB = taskWith({
  id: 'web.1',
  ports: PORTS,
  running: [statusWith({ netinfo: ['9.0.0.1'], mesos: ['8.0.0.1'] })],
});
const ON_HOST = taskWith({ id: 'web.2', agentId: 'x-S1' });
const API = taskWith({
  id: 'api.1',
  name: 'ignored',
  discovery: { name: 'api', ports: [{ number: 80, name: 'http', protocol: 'tcp' }] },
});
const CLUSTER: Partial<ClusterState> = {
  leader: endpoints('10.0.0.5:5050')[0],
  agents: AGENTS,
  frameworks: [
    frameworkWith({ name: 'marathon', endpoint: endpoints('10.0.0.7:36000')[0], tasks: [WEB, ON_HOST, API] }),
  ],
};

/** `value rule who address` of every value. */
function given({ rrsets }: Explanation): string[] {
  return rrsets.flatMap(({ type, values }) =>
    values.flatMap(({ value, from }) =>
      from.map(({ rule, taskId, agentId, addressFrom }) =>
        [type, value, rule, taskId ?? agentId ?? '-', addressFrom ?? '-'].join(' '),
      ),
    ),
  );
}

describe('a name that answers', () => {
  it.each([
    [
      'web.marathon.mesos',
      ['A 10.0.0.9 task-shared-name web.2 host', 'A 9.0.0.1 task-shared-name web.1 netinfo'],
    ],
    [
      'web.marathon.slave.mesos',
      [
        "A 10.0.0.1 task-shared-name-on-agent web.1 the agent's own",
        "A 10.0.0.9 task-shared-name-on-agent web.2 the agent's own",
      ],
    ],
    ['_web._tcp.marathon.mesos', ['SRV web-e844k-s0.marathon.slave.mesos.:31000 task-host-port web.1 -']],
    [
      '_web._udp.marathon.slave.mesos',
      ['SRV web-e844k-s0.marathon.slave.mesos.:31000 task-host-port-on-agent web.1 -'],
    ],
    ['web-e844k-s0.marathon.mesos', ['A 9.0.0.1 task-instance-name web.1 netinfo']],
    ['web-e844k-s0.marathon.slave.mesos', ["A 10.0.0.1 task-instance-name-on-agent web.1 the agent's own"]],
    ['_api._tcp.marathon.mesos', ['SRV api-793n9-s0.marathon.mesos.:80 discovery-port api.1 -']],
    ['_http._api._tcp.marathon.mesos', ['SRV api-793n9-s0.marathon.mesos.:80 named-discovery-port api.1 -']],
    ['marathon.mesos', ['A 10.0.0.7 framework - its pid or URL']],
    ['_framework._tcp.marathon.mesos', ['SRV marathon.mesos.:36000 framework-port - -']],
    ['leader.mesos', ['A 10.0.0.5 leader - its pid or URL']],
    ['_leader._udp.mesos', ['SRV leader.mesos.:5050 leader-port - -']],
    ['master.mesos', ['A 10.0.0.5 master - its pid or URL']],
    ['master0.mesos', ['A 10.0.0.5 master-number - its pid or URL']],
    [
      'slave.mesos',
      ['A 10.0.0.1 agent x-S0 its pid or URL', 'A 10.0.0.9 agent x-S1 host name h9.example, resolved'],
    ],
    [
      '_slave._tcp.mesos',
      ['SRV slave.mesos.:5051 agent-port x-S0 -', 'SRV slave.mesos.:5051 agent-port x-S1 -'],
    ],
    ['ns1.mesos', ['A 10.0.0.2 name-server - records.nameServerAddresses']],
  ])('%s says by which rule, from whom, and from where', (name, expected) => {
    const told = explain(CLUSTER, name, { settings: { nameServerAddresses: ['10.0.0.2'] } });
    expect(given(told)).toEqual(expected);
    expect(told.verdict.kind).toBe('answered');
  });

  it('also says who does not give it, and could', () => {
    const reasons = (name: string): string[] => explain(CLUSTER, name).missing.map(({ detail }) => detail);
    expect(reasons('_web._tcp.marathon.mesos')).toEqual([
      'task web.2 of framework "marathon" has no host ports',
    ]);
    expect(reasons('slave.mesos')).toEqual([
      'agent x-S2 has no address: there is no pid or host name, or it could not be read',
    ]);
    expect(reasons('web.marathon.mesos')).toEqual([]);
  });

  it('names every rule, for every record a cluster has', () => {
    const state = { ...NOTHING, ...CLUSTER };
    const settings = settingsWith({ nameServerAddresses: ['10.0.0.2'], masters: endpoints('10.0.0.6:5050') });
    const records = generateRecords(state, settings, {
      addressesOfHost: (host) => HOSTS.get(host) ?? [],
      report: () => undefined,
    });
    for (const type of ['A', 'AAAA', 'SRV'] as const) {
      for (const [name, values] of records[type]) {
        const told = explain(CLUSTER, name, { settings });
        const rrset = told.rrsets.find((each) => each.type === type);
        expect(rrset?.values.map(({ value }) => value)).toEqual(values.toSorted());
        for (const { from } of rrset?.values ?? []) {
          expect(from.length).toBeGreaterThan(0);
          for (const source of from) expect(source.rule, name).toBeDefined();
        }
      }
    }
  });

  it('is found in any case, with or without its final dot', () => {
    for (const name of ['WEB.Marathon.mesos', 'web.marathon.mesos.', 'web.marathon.mesos'])
      expect(explain(CLUSTER, name).name).toBe('web.marathon.mesos.');
    expect(given(explain(CLUSTER, 'WEB.Marathon.mesos.'))).toHaveLength(2);
  });

  it('tells everyone who gives one value', () => {
    const tasks = [taskWith({ id: 'web.a' }), taskWith({ id: 'web.b' })];
    const told = explain(
      { agents: AGENTS, frameworks: [frameworkWith({ name: 'f', tasks })] },
      'web.f.mesos',
    );
    expect(told.rrsets[0]?.values).toHaveLength(1);
    expect(given(told)).toEqual([
      'A 10.0.0.1 task-shared-name web.a host',
      'A 10.0.0.1 task-shared-name web.b host',
    ]);
  });

  it('marks a value no answer can carry', () => {
    const task = taskWith({
      discovery: { name: 'api', ports: [{ number: 70_000, name: '', protocol: 'tcp' }] },
    });
    const state = { agents: AGENTS, frameworks: [frameworkWith({ name: 'f', tasks: [task] })] };
    const told = explain(state, '_api._tcp.f.mesos');
    expect(told.verdict.kind).toBe('no-data');
    expect(told.rrsets[0]?.values[0]?.notAnswered).toBe('port "70000" is none');
  });

  it('has no data of another type', () => {
    expect(explain(CLUSTER, 'web.marathon.mesos', { type: 'SRV' }).verdict).toEqual({
      kind: 'no-data',
      text: 'no data: it has A, and no SRV',
    });
    expect(explain(CLUSTER, 'web.marathon.mesos', { type: 'A' }).verdict.kind).toBe('answered');
    expect(explain(CLUSTER, 'web.marathon.mesos', { type: 'ANY' }).verdict.kind).toBe('answered');
  });

  it.each([
    [undefined, 'answered'],
    ['SOA', 'answered'],
    ['A', 'no-data'],
  ])('the zone itself, asked for %s: %s', (type, kind) => {
    expect(explain(CLUSTER, 'mesos', type === undefined ? {} : { type }).verdict.kind).toBe(kind);
  });
});

describe('a name that is not there', () => {
  const framework = (tasks: readonly ReturnType<typeof taskWith>[]): Partial<ClusterState> => ({
    agents: AGENTS,
    frameworks: [frameworkWith({ name: 'f', tasks })],
  });
  const staging = taskWith({ id: 'web.9', state: 'TASK_STAGING' });
  const missing = (state: Partial<ClusterState>, name: string, settings = {}): string[] =>
    explain(state, name, { settings }).missing.map(({ reason, detail }) => `${reason}: ${detail}`);

  it.each<[string, Partial<ClusterState>, string, string[], Partial<RecordSettings>?]>([
    [
      'of a task that does not run yet',
      framework([staging]),
      'web.f.mesos',
      ['task-not-running: task web.9 of framework "f" is TASK_STAGING'],
    ],
    [
      'of the ports of a task that does not run yet',
      framework([staging]),
      '_web._tcp.f.mesos',
      ['task-not-running: task web.9 of framework "f" is TASK_STAGING'],
    ],
    [
      'of a task on an agent that is not listed',
      framework([taskWith({ id: 'web.1', agentId: 'x-S7' })]),
      'web.f.mesos',
      ['unknown-agent: task web.1 of framework "f" runs on agent x-S7, which is not listed'],
    ],
    [
      'of a task without an address where it should have one',
      framework([taskWith({ id: 'web.1' })]),
      'web.f.mesos',
      [
        'no-address: task web.1 of framework "f" has no address in any of netinfo, docker (records.ipSources)',
      ],
      { ipSources: ['netinfo', 'docker'] },
    ],
    [
      "of a task's agent without a pid",
      framework([taskWith({ id: 'web.1', agentId: 'x-S2' })]),
      'web.f.slave.mesos',
      [
        'no-address: agent x-S2, which runs task web.1 of framework "f", has no address: there is no pid or host name, or it could not be read',
      ],
    ],
    [
      'of ports a task does not have',
      framework([taskWith({ id: 'web.1' })]),
      '_web._tcp.f.mesos',
      ['no-port: task web.1 of framework "f" has no host ports'],
    ],
    [
      'of a protocol that discovery info does not have',
      framework([API]),
      '_api._udp.f.mesos',
      [
        'no-discovery-port: task api.1 of framework "f" has discovery info, whose ports alone count here, and none of them gives this name',
      ],
    ],
    [
      "of a framework that would take the leader's",
      {
        leader: endpoints('10.0.0.5:5050')[0],
        frameworks: [frameworkWith({ name: 'leader', endpoint: endpoints('6.6.6.6:1')[0] })],
      },
      'leader.mesos',
      ['reserved-name: framework "leader" (id of leader) may not add itself to leader.mesos.'],
    ],
    [
      "of a task that would take the agents'",
      {
        agents: AGENTS,
        frameworks: [frameworkWith({ name: '', tasks: [taskWith({ id: 't', name: 'slave' })] })],
      },
      'slave.mesos',
      ['no-address: agent x-S2 has no address: there is no pid or host name, or it could not be read'],
    ],
    [
      'of a framework without a pid',
      { frameworks: [frameworkWith({ name: 'f' })] },
      'f.mesos',
      [
        'no-address: framework "f" (id of f) has no address: there is no pid or host name, or it could not be read',
      ],
    ],
    [
      'of a framework whose host does not resolve',
      { frameworks: [frameworkWith({ name: 'f', endpoint: endpoints('gone.example:1')[0] })] },
      'f.mesos',
      ['no-address: framework "f" (id of f) has no address: its host gone.example does not resolve'],
    ],
    [
      'of a framework whose port is not known',
      { frameworks: [frameworkWith({ name: 'f', endpoint: { host: '10.0.0.7', port: '' } })] },
      '_framework._tcp.f.mesos',
      ['no-port: framework "f" (id of f) has no pid, so its port is not known'],
    ],
    [
      'of a framework that has completed',
      { ended: { tasks: [], frameworks: ['f'] } },
      'web.f.mesos',
      ['framework-completed: framework "f" has completed'],
    ],
    [
      'of a task that has ended',
      { ended: { tasks: [{ id: 'web.1', agentId: 'x-S0', frameworkName: 'f' }], frameworks: [] } },
      'web-e844k-s0.f.slave.mesos',
      ['task-ended: task web.1 of framework "f" has ended'],
    ],
    [
      'of the leader where there is none',
      {},
      'leader.mesos',
      ['no-leader: the state names no leading master'],
    ],
    [
      'of a master there is not',
      { leader: endpoints('10.0.0.5:5050')[0] },
      'master1.mesos',
      ['no-such-master: the last master is master0'],
    ],
    [
      'of a name server without addresses',
      {},
      'ns1.mesos',
      ['not-configured: records.nameServerAddresses gives the name server no address'],
    ],
    [
      'that has capitals, as mesos-dns makes them',
      framework([taskWith({ id: 'a', discovery: { name: 'Api.x', ports: [] } })]),
      'api.x.f.mesos',
      ['name-not-askable: task a of framework "f" makes Api.x.f.mesos., which no question can reach'],
      { rawDiscoveryNames: 'as-is' },
    ],
    [
      'that has capitals is no matter where its label form answers',
      framework([taskWith({ id: 'a', discovery: { name: 'Api', ports: [] } })]),
      'api.f.mesos',
      [],
      { rawDiscoveryNames: 'as-is' },
    ],
    [
      'of a framework whose name only ends like a completed one',
      { ended: { tasks: [], frameworks: ['f'] } },
      'web.of.mesos',
      [],
    ],
    [
      'of another type of a task whose agent has no pid, where its own address is enough',
      framework([taskWith({ agentId: 'x-S2', running: [statusWith({ netinfo: ['9.0.0.1'] })] })]),
      'web.f.mesos',
      [],
    ],
    ['that nothing would give', CLUSTER, 'nothing.marathon.mesos', []],
    ['of another framework', framework([staging]), 'web.g.mesos', []],
    ['that only ends like one', framework([staging]), 'web.of.mesos', []],
  ])('%s', (_, state, name, expected, settings = {}) => {
    expect(missing(state, name, settings)).toEqual(expected);
  });

  it('says which names are near and what exists above', () => {
    const told = explain(CLUSTER, 'wob.marathon.mesos');
    expect(told.verdict).toEqual({ kind: 'nxdomain', text: 'no such name in zone mesos (NXDOMAIN)' });
    expect(told.alike).toContain('web.marathon.mesos.');
    expect(told.above).toBe('marathon.mesos.');
    expect(explain(CLUSTER, 'a.b.c.mesos').above).toBe('mesos.');
    expect(explain(CLUSTER, 'web.maraton.mesos').alike).toContain('web.marathon.mesos.');
  });

  it('is told from one that has names below it', () => {
    const told = explain(CLUSTER, '_tcp.marathon.mesos');
    expect(told.verdict.kind).toBe('no-data');
    expect(told.verdict.text).toMatch(/only at names below it/);
    expect(told.below).toContain('_web._tcp.marathon.mesos.');
  });

  it('is told from one outside the zone', () => {
    expect(explain(CLUSTER, 'example.com').verdict.kind).toBe('outside-zone');
    expect(explain(CLUSTER, 'notmesos').verdict.kind).toBe('outside-zone');
  });

  it.each(['a..mesos', `${'a'.repeat(64)}.mesos`, '.mesos'])('because nobody can ask for %s', (name) => {
    const told = explain(CLUSTER, name);
    expect(told.verdict.kind).toBe('not-askable');
    expect(told.verdict.text).toMatch(/^no question can ask for this name: it (?:has|is) /);
  });

  it('shows what was left out and may have to do with it, and counts the rest', () => {
    const skipped: Skipped[] = [
      { reason: 'task-field', detail: 'task search.123: name: is number 5 instead of a text' },
      { reason: 'agent-pid', detail: 'agent x-S9 has no pid' },
    ];
    const told = explain(CLUSTER, '_search._tcp.marathon.mesos', { skipped });
    expect(told.skipped).toEqual([skipped[0]]);
    expect(told.otherSkipped).toBe(1);
    const instance = explain(CLUSTER, 'search-5eh48-s0.marathon.mesos', { skipped });
    expect(instance.skipped).toEqual([skipped[0]]);
  });
});

describe('a task that a rule hides', () => {
  const settings = recordSettings(
    parseConfig({ records: { minVisibility: 'cluster', deactivatedAgents: 'leave-out' } }, 'x'),
  );
  const sick = statusWith({ timestamp: 1458625191.95785, healthy: false });
  const PLACES: readonly MesosAgent[] = [
    ...AGENTS,
    { ...agentAt('x-D', '10.0.0.4:5051'), standing: 'draining' },
    { ...agentAt('x-O', '10.0.0.5:5051'), standing: 'deactivated' },
  ];
  const others = [taskWith({ id: 'web.ok' })];
  const told = (task: MesosTask, name = 'web.f.mesos', beside = others): Explanation =>
    explain({ agents: PLACES, frameworks: [frameworkWith({ name: 'f', tasks: [task, ...beside] })] }, name, {
      settings,
    });
  const reasons = ({ missing }: Explanation): string[] =>
    missing.map(({ reason, detail }) => `${reason}: ${detail.replace('task web.1 of framework "f" ', '')}`);

  it.each<[Partial<MesosTask> & { killing?: boolean }, string]>([
    [
      { running: [sick] },
      'hidden-unhealthy: is hidden: unhealthy since 2016-03-22T05:39:51Z (records.health.unhealthyTasks)',
    ],
    [{ killing: true }, 'hidden-killing: is hidden: being killed (records.killingTasks)'],
    [
      { agentId: 'x-D' },
      'hidden-agent-draining: is hidden: agent x-D, which runs it, is draining (records.drainingAgents)',
    ],
    [
      { agentId: 'x-O' },
      'hidden-agent-deactivated: is hidden: agent x-O, which runs it, is deactivated (records.deactivatedAgents)',
    ],
    [
      { discovery: { name: 'web', ports: [], visibility: 'FRAMEWORK' } },
      'hidden-visibility: is hidden: its visibility is FRAMEWORK (records.minVisibility)',
    ],
  ])('%j is told by that rule, at the names it shares and at its own', (parts, expected) => {
    const task = { ...taskWith({ id: 'web.1', ports: PORTS }), ...parts };
    expect(reasons(told(task))).toEqual([expected]);
    expect(given(told(task))).toEqual(['A 10.0.0.1 task-shared-name web.ok host']);
    const tail = `-e844k-${task.agentId.slice(2).toLowerCase()}`;
    for (const name of [`web${tail}.f.mesos`, `web${tail}.f.slave.mesos`, '_web._tcp.f.slave.mesos'])
      expect(reasons(told(task, name))[0], name).toBe(expected);
  });

  it('is told as shown all the same, where it is', () => {
    const task = taskWith({ id: 'web.1', running: [sick] });
    const shown = told(task, 'web.f.mesos', []);
    expect(shown.missing).toEqual([]);
    expect(shown.spared).toEqual([
      'task web.1: unhealthy since 2016-03-22T05:39:51Z (records.health.unhealthyTasks)',
    ]);
    expect(told(task, 'f.mesos', []).spared).toEqual([]);
    expect(told(task).spared).toEqual([]);
    expect(asText(shown, undefined)).toContain(
      'Shown all the same, as nothing else of its name would be left:\n  task web.1: unhealthy since 2016',
    );
  });

  it('is not told at names that are not its own', () => {
    expect(reasons(told(taskWith({ id: 'web.1', running: [sick] }), 'api.f.mesos'))).toEqual([]);
  });

  it('in part is told by the port or the address that is left out', () => {
    const port = { number: 80, name: 'admin', protocol: 'tcp', visibility: 'FRAMEWORK' };
    const task = taskWith({
      id: 'web.1',
      discovery: { name: 'web', ports: [port], visibility: 'EXTERNAL' },
      running: [statusWith({ netinfo: ['172.17.0.2'] })],
    });
    expect(reasons(told(task, '_admin._web._tcp.f.mesos', []))).toEqual([
      'port-hidden: has the port, whose visibility is below CLUSTER (records.minVisibility)',
    ]);
    const named = told(task, 'web.f.mesos', []);
    expect(given(named)).toEqual(['A 10.0.0.1 task-shared-name web.1 host']);
    expect(reasons(named)).toEqual([
      'address-excluded: reports 172.17.0.2 (netinfo), which is in 172.17.0.0/16 (records.addresses.exclude)',
    ]);
  });
});

describe('beside what is published', () => {
  const { rrsets } = explain(CLUSTER, 'web.marathon.mesos');

  it('nothing differs where both have the same', () => {
    expect(comparePublished({ rrsets }, [{ type: 'A', values: ['9.0.0.1', '10.0.0.9'] }])).toEqual([]);
  });

  it('what only one has is told', () => {
    const published = [{ type: 'A', values: ['9.0.0.1', '9.9.9.9'] }] as const;
    expect(comparePublished({ rrsets }, published)).toEqual([
      'published, and not in the cluster now: A 9.9.9.9 (not read yet, or held by the guard)',
      'in the cluster now, and not published yet: A 10.0.0.9',
    ]);
  });

  it('another TTL is told, of what both have', () => {
    const published = [{ type: 'A', ttl: 60, values: ['9.0.0.1', '10.0.0.9'] }];
    expect(comparePublished({ rrsets }, published)).toEqual([
      'published with another TTL: A 60 s, and 30 s in the cluster now',
    ]);
    expect(comparePublished({ rrsets }, [{ type: 'A', ttl: 30, values: ['9.0.0.1', '10.0.0.9'] }])).toEqual(
      [],
    );
  });

  it('a value is the same however it is written, and one no answer carries is not missed', () => {
    const value = (text: string, notAnswered?: string) => ({ value: text, notAnswered, from: [] });
    const now = [
      { type: 'AAAA', ttl: 30, values: [value('2001:DB8:0::1')] },
      { type: 'SRV', ttl: 30, values: [value('a.mesos.:0080'), value('a.mesos.:70000', 'port is none')] },
    ] as const;
    const published = [
      { type: 'AAAA', values: ['2001:db8::1'] },
      { type: 'SRV', values: ['a.mesos.:80'] },
    ] as const;
    expect(comparePublished({ rrsets: now }, published)).toEqual([]);
  });
});
