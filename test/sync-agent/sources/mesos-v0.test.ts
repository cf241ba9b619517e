import { describe, expect, it } from 'vitest';
import type { MesosTask, SkipReason } from '../../../sync-agent/cluster.ts';
import { readAgent, readFramework, readTask } from '../../../sync-agent/sources/mesos-v0.ts';
import { keepReports } from '../reports.ts';

type Json = Record<string, unknown>;

const WRONG: Readonly<Record<string, unknown>> = {
  text: 'x',
  number: 7,
  boolean: true,
  list: ['x'],
  object: { x: 1 },
  'deep list': JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)),
  'object that is no text': { toString: 1, valueOf: 2 },
};

const AGENT = { id: 'm-S1', pid: 'slave(1)@10.0.0.1:5051', active: true };
const FRAMEWORK = {
  id: 'f-1',
  name: 'marathon',
  pid: 'scheduler-1@10.0.0.9:8080',
  hostname: 'host-9',
  active: true,
};
const TASK = {
  id: 't-1',
  name: 'web',
  slave_id: 'm-S1',
  state: 'TASK_RUNNING',
  resources: { cpus: 1, ports: '[31000-31001]' },
  statuses: [
    { state: 'TASK_STAGING', timestamp: 1 },
    {
      state: 'TASK_RUNNING',
      timestamp: 2.5,
      labels: [
        { key: 'Docker.NetworkSettings.IPAddress', value: '172.17.0.2' },
        { key: 'MesosContainerizer.NetworkSettings.IPAddress', value: '172.18.0.2' },
      ],
      container_status: { network_infos: [{ ip_addresses: [{ ip_address: '9.0.0.2', protocol: 'IPv4' }] }] },
    },
  ],
  discovery: {
    visibility: 'CLUSTER',
    name: 'web.prod',
    ports: {
      ports: [
        { number: 80, name: 'http', protocol: 'tcp' },
        { number: 53, name: 'dns', protocol: 'udp' },
      ],
    },
  },
};
const RUNNING = { timestamp: 2.5, netinfo: ['9.0.0.2'], docker: ['172.17.0.2'], mesos: ['172.18.0.2'] };
const READ: MesosTask = {
  id: 't-1',
  name: 'web',
  agentId: 'm-S1',
  state: 'TASK_RUNNING',
  ports: [{ begin: 31000, end: 31001 }],
  running: [RUNNING],
  discovery: {
    name: 'web.prod',
    visibility: 'CLUSTER',
    ports: [
      { number: 80, name: 'http', protocol: 'tcp' },
      { number: 53, name: 'dns', protocol: 'udp' },
    ],
  },
};

describe('an agent', () => {
  it('is its id and the endpoint of its pid', () => {
    expect(agent(AGENT)).toEqual({
      read: { id: 'm-S1', endpoint: { host: '10.0.0.1', port: '5051' } },
      reasons: [],
    });
  });

  it.each<[string, unknown]>([
    ['without a pid', without(AGENT, 'pid')],
    ['with null as pid', { ...AGENT, pid: null }],
    ['with an empty pid', { ...AGENT, pid: '' }],
    ['with a pid of two @', { ...AGENT, pid: 'a@b@10.0.0.1:5051' }],
    ['with a pid without a port', { ...AGENT, pid: 'slave(1)@10.0.0.1' }],
    ['with a port past 65535', { ...AGENT, pid: 'slave(1)@10.0.0.1:99999' }],
    ['with IPv6 without brackets', { ...AGENT, pid: 'slave(1)@2001:db8::1:5051' }],
    ...wrongExcept('text').map(([kind, value]): [string, unknown] => [
      `with a pid that is a ${kind}`,
      { ...AGENT, pid: value },
    ]),
  ])('%s is known without its address', (_, json) => {
    const { read, reasons, details } = agentWithDetails(json);
    expect(read).toEqual({ id: 'm-S1', endpoint: undefined });
    expect(reasons).toEqual(['agent-pid']);
    expect(details[0]).toContain('agent m-S1');
    expect(details[0]).toMatch(
      / has no pid$|^agent m-S1: pid (".*": |is null |is a list |is an object |is \w+ \w+ instead of )/,
    );
  });

  it.each(wrongExcept('text'))('with an id that is a %s is left out', (_, id) => {
    expect(agent({ ...AGENT, id })).toEqual({ read: undefined, reasons: ['agent-field'] });
  });

  it.each(wrongExcept('object', 'object that is no text'))('that is a %s is left out', (_, json) => {
    expect(agent(json)).toEqual({ read: undefined, reasons: ['agent-field'] });
  });

  it.each<[Json, string | undefined]>([
    [{ active: true, deactivated: false }, undefined],
    [{}, undefined],
    [{ active: false }, 'disconnected'],
    [{ active: false, deactivated: false }, 'disconnected'],
    [{ active: false, deactivated: true }, 'deactivated'],
    [{ active: false, deactivated: true, drain_info: { state: 'DRAINING', config: {} } }, 'draining'],
    [
      { active: false, deactivated: true, drain_info: { state: 'DRAINED', config: { mark_gone: false } } },
      'draining',
    ],
    [{ active: true, drain_info: null }, undefined],
    [{ active: 'false', deactivated: 'true', drain_info: 'DRAINING' }, undefined],
  ])('that says %j is %s', (said, standing) => {
    const { active: _, ...rest } = AGENT;
    const { read, reasons } = agent({ ...rest, ...said });
    expect(read?.standing).toBe(standing);
    expect(reasons).toEqual([]);
  });

  it('that is null or empty is one without id and pid', () => {
    for (const json of [null, {}])
      expect(agent(json)).toEqual({ read: { id: '', endpoint: undefined }, reasons: ['agent-pid'] });
  });
});

describe('a framework', () => {
  const facts = { id: 'f-1', name: 'marathon', endpoint: { host: '10.0.0.9', port: '8080' } };

  it('is its name and the endpoint of its pid', () => {
    expect(framework(FRAMEWORK)).toEqual({ read: facts, reasons: [] });
  });

  it('without a pid is at its hostname, without a port', () => {
    expect(framework(without(FRAMEWORK, 'pid'))).toEqual({
      read: { ...facts, endpoint: { host: 'host-9', port: '' } },
      reasons: [],
    });
  });

  it.each([
    ['null', null],
    ['empty', ''],
    ['without a port', 'scheduler-1@10.0.0.9'],
    ...wrongExcept('text'),
  ])('with a pid that is %s keeps its tasks and loses its address', (_, pid) => {
    expect(framework({ ...FRAMEWORK, pid })).toEqual({
      read: { ...facts, endpoint: undefined },
      reasons: ['framework-pid'],
    });
  });

  it.each(wrongExcept('text'))('with a hostname that is a %s keeps its tasks, and its pid', (_, hostname) => {
    expect(framework({ ...FRAMEWORK, hostname })).toEqual({ read: facts, reasons: [] });
    const { read, reasons } = framework({ ...without(FRAMEWORK, 'pid'), hostname });
    expect({ read, reasons }).toEqual({
      read: { ...facts, endpoint: undefined },
      reasons: ['framework-field'],
    });
  });

  it.each(wrongExcept('text'))('with a name that is a %s is left out', (_, name) => {
    expect(framework({ ...FRAMEWORK, name })).toEqual({ read: undefined, reasons: ['framework-field'] });
  });

  it.each(wrongExcept('text'))('with an id that is a %s is still read: no record has it', (_, id) => {
    expect(framework({ ...FRAMEWORK, id })).toEqual({ read: { ...facts, id: '' }, reasons: [] });
  });
});

describe('a task', () => {
  it('is read whole', () => {
    expect(task(TASK)).toEqual({ read: READ, reasons: [] });
  });

  it('that has nothing is empty', () => {
    const empty = { id: '', name: '', agentId: '', state: '', ports: [], running: [], discovery: undefined };
    for (const json of [null, {}]) expect(task(json)).toEqual({ read: empty, reasons: [] });
  });

  it.each(members(TASK))('without %s, or with null there, is read as with an empty one', (path) => {
    const gone = task(changed(TASK, path, undefined));
    const nulled = task(changed(TASK, path, null));
    expect(gone.reasons).toEqual([]);
    expect(nulled).toEqual(gone);
    expect(gone.read?.id).toBe(path === 'id' ? '' : 't-1');
  });

  describe.each(wrongTypes(TASK))('with $path that is a $kind', ({ path, value }) => {
    it('loses the smallest part, which is reported once', () => {
      const { read, reasons, details } = taskWithDetails(changed(TASK, path, value));
      const { reason, left } = consequence(path);
      expect(reasons).toEqual([reason]);
      expect(details[0]).toMatch(path === 'id' ? /^task \(no id\): / : /^task t-1: /);
      expect(details[0]?.length).toBeLessThan(300);
      expect(read).toEqual(left);
    });
  });

  it.each(wrongExcept('object', 'object that is no text'))('that is a %s is left out', (_, json) => {
    expect(task(json)).toEqual({ read: undefined, reasons: ['task-field'] });
  });

  it.each([80.5, 1e300, -1.5])('with %d as a discovery port loses that port', (number) => {
    const { read, reasons } = task(changed(TASK, 'discovery.ports.ports.0.number', number));
    expect(read?.discovery?.ports).toEqual([{ number: 53, name: 'dns', protocol: 'udp' }]);
    expect(reasons).toEqual(['discovery-port']);
  });

  it.each(['timestamp', 'labels', 'container_status'])(
    'with a wrong %s in a status that does not run is read whole',
    (member) => {
      expect(task(changed(TASK, `statuses.0.${member}`, 'x'))).toEqual({ read: READ, reasons: [] });
    },
  );

  it('with ports in words keeps the good ones', () => {
    const { read, reasons } = task(changed(TASK, 'resources.ports', '[http, 31000, 31005-31005]'));
    expect(read?.ports).toEqual([{ begin: 31005, end: 31005 }]);
    expect(reasons).toEqual(['task-ports', 'task-ports']);
  });

  it('with a bad port list is told, unless it does not run', () => {
    const bad = changed(TASK, 'resources.ports', '31000');
    expect(task(bad)).toEqual({ read: { ...READ, ports: [] }, reasons: ['task-ports'] });
    expect(task({ ...bad, state: 'TASK_KILLED' })).toEqual({
      read: { ...READ, ports: [], state: 'TASK_KILLED' },
      reasons: [],
    });
  });

  it.each([
    ['an empty discovery', {}],
    ['a discovery without a name', { ports: TASK.discovery.ports, visibility: 'EXTERNAL' }],
    ['a discovery with an empty name', { ...TASK.discovery, name: '' }],
    ['null', null],
  ])('with %s has none', (_, discovery) => {
    expect(task({ ...TASK, discovery })).toEqual({ read: { ...READ, discovery: undefined }, reasons: [] });
  });

  it.each([{}, { ports: [] }, { ports: null }, null])(
    'with %j as discovery ports has a name all the same',
    (ports) => {
      expect(task(changed(TASK, 'discovery.ports', ports)).read?.discovery).toEqual({
        name: 'web.prod',
        visibility: 'CLUSTER',
        ports: [],
      });
    },
  );

  it.each<[unknown, string | undefined]>([
    ['FRAMEWORK', 'FRAMEWORK'],
    ['CLUSTER', 'CLUSTER'],
    ['EXTERNAL', 'EXTERNAL'],
    ['external', undefined],
    [2, undefined],
    [null, undefined],
    [{ x: 1 }, undefined],
  ])('with visibility %j, its own or of a port, has %j', (visibility, read) => {
    const own = task(changed(TASK, 'discovery.visibility', visibility));
    expect(own.read?.discovery?.visibility).toBe(read);
    const port = task(changed(TASK, 'discovery.ports.ports.1.visibility', visibility));
    expect(port.read?.discovery?.ports.map((each) => each.visibility)).toEqual([undefined, read]);
    expect([...own.reasons, ...port.reasons]).toEqual([]);
  });

  it.each<[unknown, boolean | undefined]>([
    [true, true],
    [false, false],
    ['false', undefined],
    [0, undefined],
    [null, undefined],
  ])('with a running status that says healthy: %j has %j', (healthy, read) => {
    const made = task(changed(TASK, 'statuses.1.healthy', healthy));
    expect(made.read?.running.map((status) => status.healthy)).toEqual([read]);
    expect(made.reasons).toEqual([]);
  });

  it.each<[string, unknown[], true | undefined]>([
    [
      'is the newest',
      [
        { state: 'TASK_RUNNING', timestamp: 1 },
        { state: 'TASK_KILLING', timestamp: 2 },
      ],
      true,
    ],
    [
      'is the newest, first',
      [
        { state: 'TASK_KILLING', timestamp: 2 },
        { state: 'TASK_RUNNING', timestamp: 1 },
      ],
      true,
    ],
    [
      'is the last of two as new',
      [
        { state: 'TASK_RUNNING', timestamp: 2 },
        { state: 'TASK_KILLING', timestamp: 2 },
      ],
      true,
    ],
    ['has no time, and is alone', [{ state: 'TASK_KILLING' }], true],
    [
      'is older',
      [
        { state: 'TASK_KILLING', timestamp: 1 },
        { state: 'TASK_RUNNING', timestamp: 2 },
      ],
      undefined,
    ],
    ['is not there', [{ state: 'TASK_RUNNING', timestamp: 1 }], undefined],
    ['can not be read', [{ state: 'TASK_RUNNING', timestamp: 1 }, 'TASK_KILLING'], undefined],
  ])('whose TASK_KILLING status %s is being killed: %s', (_, statuses, killing) => {
    expect(task({ ...TASK, statuses }).read?.killing).toBe(killing);
    expect(task({ ...TASK, statuses }).read?.state).toBe('TASK_RUNNING');
    expect(task({ ...TASK, statuses, state: 'TASK_KILLING' }).read?.killing).toBeUndefined();
  });
});

describe('the addresses of a status', () => {
  const networks = (network_infos: unknown): unknown =>
    changed(TASK, 'statuses.1.container_status.network_infos', network_infos);

  it.each([
    [
      'every address of every network',
      [{ ip_addresses: [ip('9.0.0.1'), ip('9.0.0.2')] }, { ip_addresses: [ip('fd01::2')] }],
      ['9.0.0.1', '9.0.0.2', 'fd01::2'],
    ],
    ['the old form where the list is missing', [{ ip_address: '9.0.0.3' }], ['9.0.0.3']],
    ['the old form where the list is empty', [{ ip_addresses: [], ip_address: '9.0.0.3' }], ['9.0.0.3']],
    [
      'not the old form beside a list, even of bad addresses',
      [{ ip_addresses: [{ protocol: 'IPv4' }], ip_address: '9.0.0.3' }],
      [''],
    ],
    [
      'the old form a network',
      [{ ip_address: '9.0.0.3' }, { ip_addresses: [ip('9.0.0.4')] }],
      ['9.0.0.3', '9.0.0.4'],
    ],
    ['empty texts as they are', [{ ip_addresses: [ip('')] }], ['']],
    ['none of no network', [], []],
    ['none of empty networks', [{}, null, { name: 'overlay' }], []],
  ])('are %s', (_, network_infos, addresses) => {
    const { read, reasons } = task(networks(network_infos));
    expect(read?.running[0]?.netinfo).toEqual(addresses);
    expect(reasons).toEqual([]);
  });

  it('by label are those with the very key, all of them', () => {
    const docker = 'Docker.NetworkSettings.IPAddress';
    const labels = [
      { key: docker, value: '172.17.0.1' },
      { key: docker.toLowerCase(), value: '172.17.0.2' },
      { key: `Calico${docker}`, value: '172.17.0.3' },
      { key: docker, value: '172.17.0.4' },
      { key: docker },
      {},
      null,
    ];
    const { read } = task(changed(TASK, 'statuses.1.labels', labels));
    expect(read?.running[0]).toMatchObject({ docker: ['172.17.0.1', '172.17.0.4', ''], mesos: [] });
  });

  it('are never those that a container asked for', () => {
    const container = { network_infos: [{ ip_addresses: [ip('9.9.9.9')] }] };
    const { read } = task(networks([]));
    expect(task({ ...(networks([]) as Json), container }).read).toEqual(read);
  });

  it('are kept of every status that runs, in order, with its time', () => {
    const statuses = [
      { state: 'TASK_RUNNING', timestamp: 3 },
      { state: 'TASK_KILLING', timestamp: 5 },
      { state: 'TASK_RUNNING' },
    ];
    expect(task({ ...TASK, statuses }).read?.running.map(({ timestamp }) => timestamp)).toEqual([3, 0]);
  });
});

/** What is left of TASK when the member at `path` has the wrong type. */
function consequence(path: string): { reason: SkipReason; left: MesosTask | undefined } {
  const [, index] = /^discovery\.ports\.ports\.(\d)/.exec(path) ?? [];
  if (index !== undefined) {
    const ports = READ.discovery?.ports.filter((_, i) => i !== Number(index)) ?? [];
    return {
      reason: 'discovery-port',
      left: { ...READ, discovery: { name: 'web.prod', visibility: 'CLUSTER', ports } },
    };
  }
  if (path.startsWith('statuses.1')) return { reason: 'status-field', left: { ...READ, running: [] } };
  if (path.startsWith('statuses.0')) return { reason: 'status-field', left: READ };
  return { reason: 'task-field', left: undefined };
}

type WrongType = { readonly path: string; readonly kind: string; readonly value: unknown };

/** Every member that is read, with every value of another type than its own. */
function wrongTypes(json: unknown): WrongType[] {
  return members(json).flatMap((path) =>
    wrongExcept(...kindsLike(memberAt(json, path.split('.')))).map(([kind, value]) => ({
      path,
      kind,
      value,
    })),
  );
}

function memberAt(json: unknown, path: readonly string[]): unknown {
  return path.reduce(
    (inner: unknown, key) => Object.entries(inner ?? {}).find(([name]) => name === key)?.[1],
    json,
  );
}

function kindsLike(value: unknown): string[] {
  if (Array.isArray(value)) return ['list', 'deep list'];
  if (typeof value === 'object') return ['object', 'object that is no text'];
  return [typeof value === 'string' ? 'text' : typeof value];
}

/** Paths of all members and items that make a task, outermost first. */
function members(json: unknown, path: readonly string[] = []): string[] {
  const unread = /^(labels|resources\.cpus|discovery\.visibility|statuses\.0\.timestamp)|\.protocol$/;
  if (typeof json !== 'object' || json === null) return [path.join('.')];
  const inner = Object.entries(json).flatMap(([key, value]) => members(value, [...path, key]));
  return [...(path.length > 0 ? [path.join('.')] : []), ...inner].filter(
    (each) => !unread.test(each) || /ports\.\d\.protocol$/.test(each),
  );
}

function changed(json: unknown, path: string, value: unknown): Json {
  const copy = JSON.parse(JSON.stringify(json));
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce((inner, key) => inner[key], copy);
  if (value !== undefined) parent[last] = value;
  else if (Array.isArray(parent)) parent[Number(last)] = {};
  else delete parent[last];
  return copy;
}

function without<Key extends string>(json: Json, key: Key): Json {
  return Object.fromEntries(Object.entries(json).filter(([name]) => name !== key));
}

function wrongExcept(...kinds: readonly string[]): [kind: string, value: unknown][] {
  return Object.entries(WRONG).filter(([kind]) => !kinds.includes(kind));
}

function ip(ip_address: string): Json {
  return { protocol: 'IPv4', ip_address };
}

function agentWithDetails(json: unknown) {
  const { report, reasons, details } = keepReports();
  return { read: readAgent(json, report), reasons: reasons(), details: details() };
}

function agent(json: unknown) {
  const { read, reasons } = agentWithDetails(json);
  return { read, reasons };
}

function framework(json: unknown) {
  const { report, reasons } = keepReports();
  return { read: readFramework(json, report), reasons: reasons() };
}

function taskWithDetails(json: unknown) {
  const { report, reasons, details } = keepReports();
  return { read: readTask(json, report), reasons: reasons(), details: details() };
}

function task(json: unknown) {
  const { read, reasons } = taskWithDetails(json);
  return { read, reasons };
}
