import { describe, expect, it } from 'vitest';
import type { DiscoveryPort, MesosTask, Skipped } from '../../../sync-agent/cluster.ts';
import { type ConfigInput, parseConfig } from '../../../sync-agent/config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import type { ChosenTasks } from '../../../sync-agent/records/eligible.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { agentAt, frameworkWith, stateWith, statusWith, taskWith } from '../states.ts';

type Records = NonNullable<ConfigInput['records']>;
type Given = {
  /** `A name value`, without what every task gives whatever the rules. */
  readonly lines: string[];
  readonly set: RecordSet;
  readonly skipped: Skipped[];
  readonly chosen: ChosenTasks[];
};

const AGENTS = [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', '10.0.0.2:5051')];
const at = (address: string, parts = {}): MesosTask['running'] => [
  statusWith({ netinfo: [address], ...parts }),
];
const port = (number: number, parts: Partial<DiscoveryPort> = {}): DiscoveryPort => ({
  number,
  name: '',
  protocol: 'tcp',
  ...parts,
});

function recordsBy(records: Records, tasks: readonly Partial<MesosTask>[]): Given {
  const settings = recordSettings(parseConfig({ records }, 'test'));
  const skipped: Skipped[] = [];
  const chosen: ChosenTasks[] = [];
  const all = tasks.map((task, i) => taskWith({ id: `t${i}`, running: at(`9.0.0.${i + 1}`), ...task }));
  const state = stateWith({ agents: AGENTS, frameworks: [frameworkWith({ name: 'marathon', tasks: all })] });
  const set = generateRecords(state, settings, {
    addressesOfHost: () => [],
    report: (each) => void skipped.push(each),
    onChosen: (each) => void chosen.push(each),
  });
  const lines = (['A', 'SRV', 'MORE'] as const).flatMap((type) =>
    Array.from(set[type], ([name, values]) => `${type} ${name} ${values.toSorted().join(', ')}`),
  );
  return { lines: lines.filter((line) => !/ _?slave\./.test(line)).toSorted(), set, skipped, chosen };
}

/** What rules add to the records there are without them. */
function added(records: Records, ...tasks: Partial<MesosTask>[]): string[] {
  const without = new Set(recordsBy({}, tasks).lines);
  return recordsBy(records, tasks).lines.filter((line) => !without.has(line));
}

describe('tags', () => {
  it('are names before the task\u2019s, and in the place of a port\u2019s', () => {
    const task = { labels: { tags: 'Blue, v1.2' }, ports: [{ begin: 31000, end: 31000 }] };
    const target = recordsBy({}, [task]).set.SRV.get('_web._tcp.marathon.mesos.')?.[0];
    expect(target).toMatch(/^web-.{5}-s0\.marathon\.slave\.mesos\.:31000$/);
    expect(added({ tags: true }, task)).toEqual([
      'A blue.web.marathon.mesos. 9.0.0.1',
      'A v1-2.web.marathon.mesos. 9.0.0.1',
      `SRV _blue._web._tcp.marathon.mesos. ${target}`,
      `SRV _blue._web._udp.marathon.mesos. ${target}`,
      `SRV _v1-2._web._tcp.marathon.mesos. ${target}`,
      `SRV _v1-2._web._udp.marathon.mesos. ${target}`,
    ]);
  });

  it('are shared by those that have them alone', () => {
    const lines = added({ tags: true }, { labels: { tags: 'blue' } }, { labels: { tags: 'blue,green' } }, {});
    expect(lines).toEqual([
      'A blue.web.marathon.mesos. 9.0.0.1, 9.0.0.2',
      'A green.web.marathon.mesos. 9.0.0.2',
    ]);
  });

  it('are given by part of the name', () => {
    const taskTags = { KAFKA: ['queue', 'log'], web: ['front'] };
    expect(added({ taskTags }, { name: 'my-kafka' }, { name: 'db' })).toEqual([
      'A log.my-kafka.marathon.mesos. 9.0.0.1',
      'A queue.my-kafka.marathon.mesos. 9.0.0.1',
    ]);
  });

  it('of a port, and its name, lead to that port alone', () => {
    const discovery = {
      name: 'web',
      ports: [port(80, { name: 'http', labels: { tags: 'public' } }), port(81, { name: 'admin' })],
    };
    const lines = added({ tags: true }, { discovery, labels: { tags: 'all' } });
    const target = recordsBy({}, [{ discovery }]).set.SRV.get('_http._web._tcp.marathon.mesos.')?.[0];
    const admin = target?.replace(/80$/, '81');
    expect(lines).toEqual([
      'A admin.web.marathon.mesos. 9.0.0.1',
      'A all.web.marathon.mesos. 9.0.0.1',
      'A http.web.marathon.mesos. 9.0.0.1',
      'A public.web.marathon.mesos. 9.0.0.1',
      `SRV _all._web._tcp.marathon.mesos. ${target}, ${admin}`,
      `SRV _public._web._tcp.marathon.mesos. ${target}`,
    ]);
  });
});

describe('numbered ports', () => {
  const discovery = { name: 'web', ports: [port(443), port(80), port(8080)] };
  const numbers = (records: Records): string[] =>
    added(records, { discovery }).map((line) =>
      line.replace(/ web-.*:/, ' :').replace('.marathon.mesos.', ''),
    );
  it('are in the order of definition, or of numbers', () => {
    expect(numbers({ taskPortNames: 'definition' })).toEqual([
      'A web-port1 9.0.0.1',
      'A web-port2 9.0.0.1',
      'A web-port3 9.0.0.1',
      'SRV _web-port1._tcp :443',
      'SRV _web-port2._tcp :80',
      'SRV _web-port3._tcp :8080',
    ]);
    expect(numbers({ taskPortNames: 'number' }).slice(3)).toEqual([
      'SRV _web-port1._tcp :80',
      'SRV _web-port2._tcp :443',
      'SRV _web-port3._tcp :8080',
    ]);
  });

  it('are those of the host without discovery info', () => {
    const lines = added({ taskPortNames: 'definition' }, { ports: [{ begin: 31000, end: 31001 }] });
    expect(lines.map((line) => line.replace(/ web-.{5}-s0\.marathon\.slave\.mesos\./, ' '))).toEqual([
      'A web-port1.marathon.mesos. 9.0.0.1',
      'A web-port2.marathon.mesos. 9.0.0.1',
      'SRV _web-port1._tcp.marathon.mesos. :31000',
      'SRV _web-port1._udp.marathon.mesos. :31000',
      'SRV _web-port2._tcp.marathon.mesos. :31001',
      'SRV _web-port2._udp.marathon.mesos. :31001',
    ]);
  });
});

describe('ports of a task\u2019s own names', () => {
  const ports = (records: Records, name: string, task: Partial<MesosTask>): string[] =>
    (recordsBy(records, [task]).set.SRV.get(name) ?? []).map((value) => value.replace(/^.*:/, ''));
  it('are none with the number 0', () => {
    const task = { ports: [{ begin: 0, end: 1 }] };
    expect(ports({ taskPortNames: 'definition' }, '_web-port1._tcp.marathon.mesos.', task)).toEqual(['1']);
  });

  it('keep numbers of their own, where the source has some', () => {
    const discovery = { name: 'web', ports: [port(80, { srv: { priority: 5, weight: 6 } }), port(81)] };
    const labels = { 'mesos-doh.weight': '9' };
    expect(ports({ labels: 'read' }, '_web._tcp.marathon.mesos.', { discovery, labels })).toEqual([
      '80 5 6',
      '81 0 9',
    ]);
  });

  it('that are named twice have the tags of both', () => {
    const discovery = {
      name: 'web',
      ports: [port(80, { labels: { tags: 'b' } }), port(80, { labels: { tags: 'c' } })],
    };
    for (const tag of ['b', 'c'])
      expect(ports({ tags: true }, `_${tag}._web._tcp.marathon.mesos.`, { discovery })).toEqual(['80']);
  });
});

describe('aliases', () => {
  const labels = { 'mesos-doh.alias': 'shop', HAPROXY_0_VHOST: 'www.mesos,www.apps.example,apps.example' };
  const aliases: Records['aliases'] = { within: 'zone', zones: ['apps.example'] };
  const records: Records = { labels: 'read', haproxy: {}, aliases };
  it('have the addresses of all tasks that have them', () => {
    expect(added(records, { labels }, { labels }, {})).toEqual(
      ['apps.example.', 'shop.marathon.mesos.', 'www.apps.example.', 'www.mesos.'].map(
        (name) => `A ${name} 9.0.0.1, 9.0.0.2`,
      ),
    );
  });

  it('or lead to the name that the task shares, but for the top of a zone', () => {
    expect(added({ ...records, aliases: { ...aliases, as: 'cname' } }, { labels }, { labels })).toEqual([
      'A apps.example. 9.0.0.1, 9.0.0.2',
      ...['shop.marathon.mesos.', 'www.apps.example.', 'www.mesos.'].map(
        (name) => `MORE ${name} CNAME web.marathon.mesos.`,
      ),
    ]);
  });

  it('that are the task\u2019s own name add nothing, and those of the cluster are kept apart', () => {
    const own = { 'mesos-doh.alias': 'web, web.marathon.mesos, leader.mesos' };
    for (const as of ['addresses', 'cname'] as const) {
      const { lines, skipped } = recordsBy({ ...records, aliases: { ...aliases, as } }, [{ labels: own }]);
      expect(lines).toEqual(recordsBy({}, [{}]).lines);
      expect(skipped).toEqual([
        { reason: 'reserved-name', detail: 'task t0 would add itself to leader.mesos.' },
      ]);
    }
  });

  it('of a task without an address lead nowhere', () => {
    const lost = { agentId: 'x-S0', running: [], labels };
    const { set } = recordsBy({ ...records, ipSources: ['netinfo'], aliases: { ...aliases, as: 'cname' } }, [
      lost,
    ]);
    expect([set.MORE.size, set.A.has('www.mesos.')]).toEqual([0, false]);
  });

  it('outside all zones are told of once, whatever the number of instances', () => {
    const outside = { labels: { HAPROXY_0_VHOST: 'www.example.com' } };
    const { skipped } = recordsBy({ haproxy: {} }, [outside, outside, outside]);
    expect(skipped).toEqual([
      {
        reason: 'alias-outside-zone',
        detail:
          'task "web" of framework "marathon": label HAPROXY_0_VHOST: "www.example.com" is outside zone mesos ' +
          '(records.aliases.zones may name a zone for it)',
      },
    ]);
  });
});

describe('numbers of a task\u2019s own', () => {
  const ports = [{ begin: 31000, end: 31000 }];
  it('are on all its SRV records, and its TTL on all its names', () => {
    const labels = {
      'mesos-doh.ttl': '5',
      'mesos-doh.priority': '2',
      'mesos-doh.weight': '30',
      tags: 'blue',
    };
    const { set } = recordsBy({ labels: 'read', tags: true }, [{ ports, labels }, { ports }]);
    const values = set.SRV.get('_web._tcp.marathon.mesos.') ?? [];
    expect(values.map((value) => value.replace(/^.*:/, ''))).toEqual(['31000 2 30', '31000']);
    const own = [...set.MORE].filter(([, given]) => given.includes('TTL 5')).map(([name]) => name);
    const isOf = (name: string): boolean => /(?:^|\.)_?(?:blue|web)\b/.test(name);
    const names = [...set.A.keys(), ...set.SRV.keys()].filter((name) => isOf(name));
    const alone = recordsBy({}, [{ id: 't1', running: at('9.0.0.2') }]).set.A.keys();
    const others = new Set([...alone].filter((name) => name.startsWith('web-')));
    expect(own.toSorted()).toEqual(names.filter((name) => !others.has(name)).toSorted());
    expect(own).toContain('_blue._web._udp.marathon.mesos.');
  });

  it('of several tasks: the least TTL counts, as each gives its own', () => {
    const ttl = (seconds: number): Partial<MesosTask> => ({ labels: { 'mesos-doh.ttl': String(seconds) } });
    const { set } = recordsBy({ labels: 'read' }, [ttl(5), ttl(60), ttl(5)]);
    expect(set.MORE.get('web.marathon.mesos.')).toEqual(['TTL 5', 'TTL 60']);
  });
});

describe('health by label', () => {
  const sick = (label?: string): Partial<MesosTask> => ({
    running: at('9.0.0.9', { healthy: false }),
    ...(label !== undefined && { labels: { 'mesos-doh.health': label } }),
  });
  it.each<[Records, Partial<MesosTask>, boolean]>([
    [{ labels: 'read' }, sick(), false],
    [{ labels: 'read' }, sick('keep'), true],
    [{ labels: 'read', health: { unhealthyTasks: 'keep' } }, sick(), true],
    [{ labels: 'read', health: { unhealthyTasks: 'keep' } }, sick('leave-out'), false],
    [{ labels: 'read' }, sick('wrong'), false],
    [{ tags: true }, sick('keep'), false],
  ])('%j: %j is kept: %s', (records, task, isKept) => {
    const { set } = recordsBy(records, [{}, task]);
    expect(set.A.get('web.marathon.mesos.')?.includes('9.0.0.9')).toBe(isKept);
  });
});

describe('names by rule', () => {
  it('put tasks of several names under one, which health looks at as one', () => {
    const { set, chosen } = recordsBy({ groups: ['(KafkaBroker)-.*'] }, [
      { name: 'KafkaBroker-0' },
      { name: 'KafkaBroker-1', running: at('9.0.0.2', { healthy: false }) },
    ]);
    expect(set.A.get('kafkabroker.marathon.mesos.')).toEqual(['9.0.0.1']);
    expect([...set.A.keys()].filter((name) => name.includes('kafkabroker-0.'))).toEqual([]);
    expect(chosen.flatMap(({ hidden }) => hidden.map(({ task }) => task.name))).toEqual(['KafkaBroker-1']);
  });

  it('put tasks of several discovery names under one as well', () => {
    const discovery = (name: string): MesosTask['discovery'] => ({ name, ports: [] });
    const { set } = recordsBy({ groups: ['^(api)'] }, [
      { discovery: discovery('api.v1') },
      { discovery: discovery('api.v2'), running: at('9.0.0.2', { healthy: false }) },
    ]);
    expect(set.A.get('api.marathon.mesos.')).toEqual(['9.0.0.1']);
  });

  it('hide tasks in the exact profile too, where they are asked for', () => {
    const { set } = recordsBy({ profile: 'mesos-dns', exclude: ['web'] }, [{}, { name: 'api' }]);
    expect([set.A.has('web.marathon.mesos.'), set.A.has('api.marathon.mesos.')]).toEqual([false, true]);
  });

  it('take the place of both forms of a discovery name', () => {
    const discovery = { name: 'app.prod', ports: [port(80, { name: 'http' })] };
    const { set } = recordsBy({ overrideTaskName: 'as' }, [{ discovery, labels: { as: 'Shop' } }]);
    const names = [...set.A.keys(), ...set.SRV.keys()].filter((name) => name.includes('marathon'));
    expect(names.map((name) => name.replace(/-.{5}-s0/, '-X'))).toEqual([
      'shop.marathon.mesos.',
      'shop-X.marathon.mesos.',
      'shop.marathon.slave.mesos.',
      'shop-X.marathon.slave.mesos.',
      '_shop._tcp.marathon.mesos.',
      '_http._shop._tcp.marathon.mesos.',
    ]);
  });

  it('hide a task from all names, and say which', () => {
    const { set, chosen } = recordsBy({ exclude: ['^secret'], labels: 'read' }, [
      {},
      { name: 'secret-db', labels: { 'mesos-doh.alias': 'db' }, ports: [{ begin: 1, end: 2 }] },
      { labels: { 'mesos-doh.publish': 'false' } },
    ]);
    expect(JSON.stringify([...set.A, ...set.SRV, ...set.MORE])).not.toMatch(/secret|db|9\.0\.0\.[23]/);
    expect(
      chosen.flatMap(({ hidden }) => hidden.map(({ task, why }) => `${task.id} ${why.reason}`)).toSorted(),
    ).toEqual(['t1 excluded', 't2 label']);
  });
});

describe('mesos-consul\u2019s issues', () => {
  const consul = { profile: 'consul' } as const;
  const srv = (set: RecordSet, name: string): string[] =>
    (set.SRV.get(name) ?? []).map((value) => value.replace(/^.*:/, '')).toSorted();

  it('5: several ports can be told apart, by name and by number', () => {
    const discovery = { name: 'web', ports: [port(443, { name: 'https' }), port(80, { name: 'http' })] };
    const { set } = recordsBy(consul, [{ discovery }]);
    expect(srv(set, '_https._web._tcp.marathon.mesos.')).toEqual(['443']);
    expect(srv(set, '_web-port2._tcp.marathon.mesos.')).toEqual(['80']);
    expect(set.A.get('https.web.marathon.mesos.')).toEqual(['9.0.0.1']);
  });

  it('58: -portN is by definition, not by number', () => {
    const discovery = { name: 'web', ports: [port(9000), port(80)] };
    const { set } = recordsBy(consul, [{ discovery }]);
    expect([1, 2].map((n) => srv(set, `_web-port${n}._tcp.marathon.mesos.`))).toEqual([['9000'], ['80']]);
  });

  it('68: a task whose ports are named in discovery info too is there once', () => {
    const discovery = {
      name: 'web',
      ports: [port(31001, { name: 'a' }), port(31000, { name: 'b' }), port(31001)],
    };
    const { set } = recordsBy(consul, [{ discovery, ports: [{ begin: 31000, end: 31001 }] }]);
    expect(srv(set, '_web._tcp.marathon.mesos.')).toEqual(['31000', '31001']);
    expect(set.A.get('web.marathon.mesos.')).toEqual(['9.0.0.1']);
    expect([1, 2, 3].map((n) => srv(set, `_web-port${n}._tcp.marathon.mesos.`))).toEqual([
      ['31001'],
      ['31000'],
      [],
    ]);
  });

  it('77, 15: tasks of agents that are gone, and tasks that ended, are not there', () => {
    const { set } = recordsBy(consul, [
      {},
      { agentId: 'gone-S7', labels: { tags: 'blue' } },
      { state: 'TASK_LOST', labels: { tags: 'blue' } },
    ]);
    expect(set.A.get('web.marathon.mesos.')).toEqual(['9.0.0.1']);
    expect(set.A.has('blue.web.marathon.mesos.')).toBe(false);
  });

  it('87: two instances on one agent are two, and no port is 0', () => {
    const discovery = { name: 'web', ports: [port(0, { name: 'http' }), port(80)] };
    const task = (begin: number): Partial<MesosTask> => ({ discovery, ports: [{ begin, end: begin }] });
    const { set } = recordsBy({ ...consul, ipSources: ['host'] }, [task(31000), task(31001)]);
    expect(srv(set, '_web._tcp.marathon.slave.mesos.')).toEqual(['31000', '31001']);
    expect(set.SRV.get('_web._tcp.marathon.mesos.')).toHaveLength(2);
    expect([...set.SRV.values()].flat().filter((value) => value.endsWith(':0'))).toEqual([]);
    expect(set.A.has('http.web.marathon.mesos.')).toBe(false);
  });

  it('105: a label chooses the ports to publish, by index', () => {
    const { set } = recordsBy({ ...consul, portLabel: 'consul-ports' }, [
      { ports: [{ begin: 31000, end: 31003 }], labels: { 'consul-ports': '0,2' } },
    ]);
    expect(srv(set, '_web._tcp.marathon.mesos.')).toEqual(['31000', '31002']);
    expect(srv(set, '_web-port2._tcp.marathon.mesos.')).toEqual(['31002']);
    expect(set.SRV.has('_web-port3._tcp.marathon.mesos.')).toBe(false);
  });

  it('65: health comes from Mesos, and a label may say otherwise', () => {
    const sick = { running: at('9.0.0.9', { healthy: false }) };
    expect(recordsBy(consul, [{}, sick]).set.A.get('web.marathon.mesos.')).toEqual(['9.0.0.1']);
  });

  it('115: instances numbered in their names are one service', () => {
    const brokers = [0, 1, 2].map((n) => ({ name: `KafkaBroker-${n}` }));
    const { set } = recordsBy({ ...consul, groups: ['(KafkaBroker)-.*'] }, brokers);
    expect(set.A.get('kafkabroker.marathon.mesos.')).toEqual(['9.0.0.1', '9.0.0.2', '9.0.0.3']);
  });

  it('underscores vanish, unless a separator is named', () => {
    const names = (records: Records): string[] => [...recordsBy(records, [{ name: 'my_app' }]).set.A.keys()];
    expect(names(consul)).toContain('myapp.marathon.mesos.');
    expect(names({ ...consul, groupSeparator: '-' })).toContain('my-app.marathon.mesos.');
    expect(names({})).toContain('my-app.marathon.mesos.');
  });
});

it('labels change nothing where no rule is configured, in any of the exact profiles', () => {
  const labels = {
    tags: 'blue',
    overrideTaskName: 'shop',
    'mesos-doh.ttl': '5',
    'mesos-doh.publish': 'false',
    HAPROXY_0_VHOST: 'www.mesos',
  };
  for (const profile of ['full', 'mesos-dns'] as const) {
    const [plain, labelled] = [{}, { labels }].map((task) => recordsBy({ profile }, [task]));
    expect(labelled?.lines).toEqual(plain?.lines);
    expect(labelled?.skipped).toEqual([]);
  }
});
