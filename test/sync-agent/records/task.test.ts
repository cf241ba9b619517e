import { describe, expect, it } from 'vitest';
import type { Discovery, MesosTask } from '../../../sync-agent/cluster.ts';
import { taskHash } from '../../../sync-agent/records/label.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { agentAt, frameworkWith, recordsOf, statusWith, taskWith } from '../states.ts';

const AGENTS = [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', '10.0.0.2:5051')];
const OWN = [statusWith({ netinfo: ['9.0.0.1', 'fd01::1'] })];
/** Of the empty task id. */
const H = '5eh48';

describe('a task without discovery', () => {
  it('has its own and its agent address, and SRV for its ports that lead to the agent', () => {
    const { records, skipped } = of([
      taskWith({ name: 'Web.App', running: OWN, ports: [{ begin: 31000, end: 31001 }] }),
    ]);
    const onAgent = `web-app-${H}-s0.marathon.slave.mesos.`;
    expect(records.A).toEqual({
      'web-app.marathon.mesos.': ['9.0.0.1'],
      [`web-app-${H}-s0.marathon.mesos.`]: ['9.0.0.1'],
      'web-app.marathon.slave.mesos.': ['10.0.0.1'],
      [onAgent]: ['10.0.0.1'],
    });
    expect(records.AAAA).toEqual({
      'web-app.marathon.mesos.': ['fd01::1'],
      [`web-app-${H}-s0.marathon.mesos.`]: ['fd01::1'],
    });
    const values = [`${onAgent}:31000`, `${onAgent}:31001`];
    expect(records.SRV).toEqual({
      '_web-app._tcp.marathon.slave.mesos.': values,
      '_web-app._udp.marathon.slave.mesos.': values,
      '_web-app._tcp.marathon.mesos.': values,
      '_web-app._udp.marathon.mesos.': values,
    });
    expect(skipped).toEqual([]);
  });

  it('has no name of its own without an address, but those of its agent and its SRV records', () => {
    const { records } = of([taskWith({ ports: [{ begin: 31000, end: 31000 }] })], { ipSources: ['netinfo'] });
    expect(new Set(Object.keys(records.A))).toEqual(
      new Set(['web.marathon.slave.mesos.', `web-${H}-s0.marathon.slave.mesos.`]),
    );
    expect(Object.keys(records.SRV)).toHaveLength(4);
  });

  it('shares its name with its other instances, each value once', () => {
    const ports = [{ begin: 31000, end: 31000 }];
    const tasks = [
      taskWith({ id: 'a', ports }),
      taskWith({ id: 'b', ports, agentId: 'x-S1' }),
      taskWith({ id: 'b', ports, agentId: 'x-S1' }),
    ];
    const { records } = of(tasks);
    expect(records.A['web.marathon.mesos.']).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(records.SRV['_web._tcp.marathon.mesos.']).toEqual([
      `web-${taskHash('a')}-s0.marathon.slave.mesos.:31000`,
      `web-${taskHash('b')}-s1.marathon.slave.mesos.:31000`,
    ]);
  });
});

describe('a task with discovery', () => {
  it('has all its records twice: by the name as it stands and by its label', () => {
    const discovery = { name: 'app.group.prod', ports: [{ number: 80, name: 'http', protocol: 'tcp' }] };
    const { records } = of([
      taskWith({
        name: 'not used',
        running: [statusWith({ netinfo: ['9.0.0.1'] })],
        ports: [{ begin: 31000, end: 31000 }],
        discovery,
      }),
    ]);
    expect(new Set(Object.keys(records.A))).toEqual(
      new Set([
        'app.group.prod.marathon.mesos.',
        `app.group.prod-${H}-s0.marathon.mesos.`,
        'app.group.prod.marathon.slave.mesos.',
        `app.group.prod-${H}-s0.marathon.slave.mesos.`,
        'app-group-prod.marathon.mesos.',
        `app-group-prod-${H}-s0.marathon.mesos.`,
        'app-group-prod.marathon.slave.mesos.',
        `app-group-prod-${H}-s0.marathon.slave.mesos.`,
      ]),
    );
    expect(records.SRV).toEqual({
      '_app.group.prod._tcp.marathon.slave.mesos.': [`app.group.prod-${H}-s0.marathon.slave.mesos.:31000`],
      '_app.group.prod._udp.marathon.slave.mesos.': [`app.group.prod-${H}-s0.marathon.slave.mesos.:31000`],
      '_app.group.prod._tcp.marathon.mesos.': [`app.group.prod-${H}-s0.marathon.mesos.:80`],
      '_http._app.group.prod._tcp.marathon.mesos.': [`app.group.prod-${H}-s0.marathon.mesos.:80`],
      '_app-group-prod._tcp.marathon.slave.mesos.': [`app-group-prod-${H}-s0.marathon.slave.mesos.:31000`],
      '_app-group-prod._udp.marathon.slave.mesos.': [`app-group-prod-${H}-s0.marathon.slave.mesos.:31000`],
      '_app-group-prod._tcp.marathon.mesos.': [`app-group-prod-${H}-s0.marathon.mesos.:80`],
      '_http._app-group-prod._tcp.marathon.mesos.': [`app-group-prod-${H}-s0.marathon.mesos.:80`],
    });
  });

  it('has them once where both are the same', () => {
    const { records } = of([taskWith({ discovery: { name: 'web', ports: [] } })]);
    expect(Object.keys(records.A)).toHaveLength(4);
  });

  it.each<[protocol: string, name: string, owners: string[]]>([
    ['tcp', '', ['_web._tcp']],
    ['TCP', 'http', ['_web._tcp', '_http._web._tcp']],
    ['udp,tcp', '', ['_web._udptcp']],
    ['sctp', '', ['_web._sctp']],
    ['client', '', ['_web._client']],
    ['', '', ['_web._tcp', '_web._udp']],
    ['', 'dns', ['_web._tcp', '_dns._web._tcp', '_web._udp', '_dns._web._udp']],
    ['!!', '', ['_web._tcp', '_web._udp']],
    ['tcp', '!!', ['_web._tcp']],
    ['tcp', 'Admin_UI', ['_web._tcp', '_admin-ui._web._tcp']],
    ['6tcp', '8http', ['_web._6tcp', '_8http._web._6tcp']],
  ])('and a port of protocol %j and name %j', (protocol, name, owners) => {
    const { records } = of([
      taskWith({ discovery: { name: 'web', ports: [{ number: 80, name, protocol }] } }),
    ]);
    expect(Object.keys(records.SRV).toSorted()).toEqual(
      owners.map((owner) => `${owner}.marathon.mesos.`).toSorted(),
    );
  });

  it('and RFC 952 rules has labels without digits in front', () => {
    const discovery = { name: '1web', ports: [{ number: 80, name: '8http', protocol: '6tcp' }] };
    const { records } = of([taskWith({ discovery })], { labelRules: 'rfc952' });
    const owners = ['_1web._tcp', '_http._1web._tcp', '_http._web._tcp', '_web._tcp'];
    expect(Object.keys(records.SRV).toSorted()).toEqual(owners.map((owner) => `${owner}.marathon.mesos.`));
  });

  it.each([0, 70000, -1])('and port %d has it as a value as it is', (number) => {
    const { records } = of([
      taskWith({ discovery: { name: 'web', ports: [{ number, name: '', protocol: 'tcp' }] } }),
    ]);
    expect(records.SRV['_web._tcp.marathon.mesos.']).toEqual([`web-${H}-s0.marathon.mesos.:${number}`]);
  });
});

describe('a raw discovery name', () => {
  const named = (name: string, settings: Partial<RecordSettings> = {}): ReturnType<typeof recordsOf> =>
    of([taskWith({ discovery: { name, ports: [{ number: 80, name: '', protocol: 'tcp' }] } })], settings);
  const asIs = { rawDiscoveryNames: 'as-is' } as const;

  it('with capitals is lower-cased, and can be asked', () => {
    const { records, skipped } = named('My_App.Prod');
    expect(records.A['my_app.prod.marathon.mesos.']).toEqual(['10.0.0.1']);
    expect(records.A['my-app-prod.marathon.mesos.']).toEqual(['10.0.0.1']);
    expect(records.SRV['_my_app.prod._tcp.marathon.mesos.']).toEqual([
      `my_app.prod-${H}-s0.marathon.mesos.:80`,
    ]);
    expect(skipped).toEqual([]);
  });

  it('as it is and with capitals can not be asked: told, each name once', () => {
    const tasks = ['a', 'b'].map((id) =>
      taskWith({ id, agentId: 'x-S0', discovery: { name: 'MyApp', ports: [] } }),
    );
    const { records, reasons, details } = of([...tasks, ...tasks], asIs);
    expect(Object.keys(records.A).filter((name) => /[A-Z]/.test(name))).toEqual([]);
    expect(records.A['myapp.marathon.mesos.']).toEqual(['10.0.0.1']);
    expect(new Set(reasons())).toEqual(new Set(['name-not-askable']));
    expect(details().filter((detail) => detail.startsWith('"MyApp.marathon.mesos."'))).toHaveLength(1);
    expect(new Set(details()).size).toBe(details().length);
  });

  it.each([
    '.web',
    'web.',
    'a..b',
    'a b',
    'a"b',
    'a;b',
    'a@b',
    '(a)',
    'a\\b',
    'é',
    'a\u0000',
    `${'a'.repeat(64)}.b`,
    '.*',
    'a.*b',
  ])('%j can not be asked: its label alone is there', (name) => {
    for (const settings of [{}, asIs]) {
      const { records, reasons } = named(name, settings);
      // In front of the hash a name with a dot at its end is one that can be asked.
      const raw = Object.keys(records.A).filter((owner) => owner.startsWith(`${name}.`));
      expect(raw).toEqual([]);
      expect(reasons()).toContain('name-not-askable');
      expect(Object.values(records.A).flat()).toContain('10.0.0.1');
    }
  });

  it('may hold what names hold but labels do not', () => {
    const { records, skipped } = named("it's_#1/api~v2!");
    expect(records.A["it's_#1/api~v2!.marathon.mesos."]).toEqual(['10.0.0.1']);
    expect(skipped).toEqual([]);
  });
});

describe('ports', () => {
  it('above the limit are left out, which is told once', () => {
    const ports = [
      { begin: 31000, end: 31001 },
      { begin: 40000, end: 60000 },
    ];
    const { records, skipped } = of([taskWith({ id: 't', ports })], { maxPortsPerTask: 4 });
    const numbers = records.SRV['_web._udp.marathon.mesos.']?.map((value) => Number(value.split(':')[1]));
    expect(numbers).toEqual([31000, 31001, 40000, 40001]);
    expect(skipped).toEqual([
      {
        reason: 'too-many-ports',
        detail: 'task t has ports 31000-31001, 40000-60000: all after the first 4 are left out',
      },
    ]);
  });

  it.each([
    [4, [], 4],
    [3, ['too-many-ports'], 3],
    [0, ['too-many-ports'], 0],
  ])('with a limit of %i', (maxPortsPerTask, told, count) => {
    const { records, reasons } = of([taskWith({ ports: [{ begin: 1, end: 4 }] })], { maxPortsPerTask });
    expect(records.SRV['_web._tcp.marathon.mesos.'] ?? []).toHaveLength(count);
    expect(reasons()).toEqual(told);
  });

  it('in a range without end do not take for ever', () => {
    const { records } = of([taskWith({ ports: [{ begin: 0, end: Number.MAX_SAFE_INTEGER }] })], {
      maxPortsPerTask: 10,
    });
    expect(records.SRV['_web._tcp.marathon.mesos.']).toHaveLength(10);
  });

  it('of discovery are not counted', () => {
    const discovery: Discovery = {
      name: 'web',
      ports: [1, 2, 3].map((number) => ({ number, name: '', protocol: 'tcp' })),
    };
    const { records, skipped } = of([taskWith({ discovery })], { maxPortsPerTask: 1 });
    expect(records.SRV['_web._tcp.marathon.mesos.']).toHaveLength(3);
    expect(skipped).toEqual([]);
  });
});

describe('discovery ports with a visibility of their own', () => {
  const port = (name: string, visibility?: string): Discovery['ports'][number] => ({
    number: 80,
    name,
    protocol: 'tcp',
    visibility,
  });
  const task = taskWith({
    discovery: {
      name: 'web',
      visibility: 'EXTERNAL',
      ports: [port('http'), port('admin', 'FRAMEWORK'), port('peer', 'CLUSTER'), port('api', 'EXTERNAL')],
    },
  });
  const rules = {
    unhealthyTasks: 'keep',
    graceSeconds: 0,
    killingTasks: 'by-state',
    drainingAgents: 'keep',
    deactivatedAgents: 'keep',
  } as const;

  it.each([
    ['framework', 'http admin peer api'],
    ['cluster', 'http peer api'],
    ['external', 'http api'],
  ] as const)('are left out alone where %s is asked for', (minVisibility, left) => {
    const { records } = of([task], { tasks: { ...rules, minVisibility } });
    const named = Object.keys(records.SRV).map(
      (name) => /^_(\w+)\._web\._tcp\.marathon\.mesos\.$/.exec(name)?.[1],
    );
    expect(named.filter((name) => name !== undefined).join(' ')).toBe(left);
    expect(records.A['web.marathon.mesos.']).toEqual(['10.0.0.1']);
  });

  it('all count with mesos-dns', () => {
    expect(Object.keys(of([task]).records.SRV)).toHaveLength(5);
  });
});

describe('tasks that make no records', () => {
  it.each([
    'TASK_STAGING',
    'TASK_STARTING',
    'TASK_KILLING',
    'TASK_KILLED',
    'TASK_LOST',
    'TASK_UNREACHABLE',
    '',
    'task_running',
    'TASK_RUNNING ',
  ])('are those in state %j', (state) => {
    const { records, skipped } = of([taskWith({ state })]);
    expect(records.A).toEqual({});
    expect(skipped).toEqual([]);
  });

  it.each(['x-S9', 'X-S0', ''])(
    'are those on agent %j, which is not listed, even with an address of their own',
    (agentId) => {
      const { records, skipped } = of([taskWith({ id: 't', agentId, running: OWN })]);
      expect(records.A).toEqual({});
      expect(skipped).toEqual([
        { reason: 'unknown-agent', detail: `task t runs on agent ${agentId}, which is not listed` },
      ]);
    },
  );

  it.each([{ name: '日本' }, { name: '' }, { discovery: { name: '日本', ports: [] } }])(
    'are those of which no name is left: %j',
    (parts) => {
      const { records, reasons } = of([taskWith(parts)]);
      expect(Object.keys(records.A).filter((name) => !name.startsWith(`-${H}`))).toEqual([]);
      expect(reasons()).toContain('name-not-askable');
    },
  );

  it('are those of a framework of which no name is left', () => {
    const { records, reasons } = recordsOf({
      agents: AGENTS,
      frameworks: [frameworkWith({ name: '', tasks: [taskWith({})] })],
    });
    expect(Object.keys(records.A)).toEqual(['slave.mesos.']);
    expect(new Set(reasons())).toEqual(new Set(['name-not-askable']));
  });
});

describe('long names', () => {
  it.each([
    [54, 63, true],
    [55, 64, false],
  ])('of %i characters have instance labels of %i', (length, label, isAskable) => {
    const name = 'a'.repeat(length);
    const instance = `${name}-${H}-s0`;
    expect(instance).toHaveLength(label);
    const { records, reasons } = of([taskWith({ name, ports: [{ begin: 31000, end: 31000 }] })]);
    expect(records.A[`${name}.marathon.mesos.`]).toEqual(['10.0.0.1']);
    expect(records.A[`${instance}.marathon.mesos.`]).toEqual(isAskable ? ['10.0.0.1'] : undefined);
    // The value stays in the set, as mesos-dns has it; rrsets.ts judges whether an answer can carry it.
    expect(records.SRV[`_${name}._tcp.marathon.mesos.`]).toEqual([`${instance}.marathon.slave.mesos.:31000`]);
    expect(reasons()).toEqual(isAskable ? [] : ['name-not-askable', 'name-not-askable']);
  });

  it('of more than 255 octets with their framework can not be asked', () => {
    const framework = Array.from({ length: 4 }, () => 'f'.repeat(50)).join('.');
    const tasks = [taskWith({ name: 'a'.repeat(43) }), taskWith({ name: 'b'.repeat(44) })];
    const { records } = recordsOf({
      agents: AGENTS,
      frameworks: [frameworkWith({ name: framework, tasks })],
    });
    const own = Object.keys(records.A).filter((name) => /^[ab]+\./.test(name) && !name.includes('.slave.'));
    expect(own).toEqual([`${'a'.repeat(43)}.${framework}.mesos.`]);
    expect(own[0]).toHaveLength(254);
  });
});

/** The records of tasks in marathon, without those of the cluster itself. */
function of(
  tasks: readonly MesosTask[],
  settings: Partial<RecordSettings> = {},
): ReturnType<typeof recordsOf> {
  const made = recordsOf(
    { agents: AGENTS, frameworks: [frameworkWith({ name: 'marathon', tasks })] },
    settings,
  );
  const own = <Value>(map: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(map).filter(([name]) => name !== 'slave.mesos.' && name !== '_slave._tcp.mesos.'),
    );
  const { A, AAAA, SRV } = made.records;
  return { ...made, records: { A: own(A), AAAA: own(AAAA), SRV: own(SRV) } };
}
