import { describe, expect, it } from 'vitest';
import type { Discovery, DiscoveryPort, MesosTask } from '../../../sync-agent/cluster.ts';
import type { FurtherRecords, TaskFact } from '../../../sync-agent/records/further.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { parseName } from '../../../zone/name.ts';
import { toZoneContent } from '../../../sync-agent/records/rrsets.ts';
import { agentAt, frameworkWith, recordsOf, statusWith, taskWith } from '../states.ts';

const NONE: FurtherRecords = {
  masterServices: false,
  agentNames: false,
  numberedPorts: false,
  groupServices: false,
  serviceBindings: 'none',
  txt: [],
};
const port = (number: number, parts: Partial<DiscoveryPort> = {}): DiscoveryPort => ({
  number,
  name: '',
  protocol: 'tcp',
  ...parts,
});
const discovery = (ports: readonly DiscoveryPort[], name = 'web'): Discovery => ({ name, ports });
/** In a container with an address of its own. */
const inContainer = (parts: Partial<MesosTask> = {}): MesosTask =>
  taskWith({ id: 'web.1', running: [statusWith({ netinfo: ['9.0.0.1'] })], ...parts });

type Made = ReturnType<typeof recordsOf>;
/** What the switches add to the records of one task on an agent at 10.0.0.1. */
function added(
  tasks: MesosTask | readonly MesosTask[],
  switches: Partial<FurtherRecords>,
  changes: Partial<RecordSettings> = {},
): { readonly values: Record<string, readonly string[]>; readonly made: Made } {
  const all = Array.isArray(tasks) ? (tasks as readonly MesosTask[]) : [tasks as MesosTask];
  const state = {
    agents: [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', '10.0.0.2:5051')],
    frameworks: [frameworkWith({ name: 'marathon', tasks: all })],
  };
  const before = recordsOf(state, changes).set;
  const made = recordsOf(state, { ...changes, further: { ...NONE, ...switches } });
  const values: Record<string, readonly string[]> = {};
  for (const type of ['A', 'AAAA', 'SRV', 'MORE'] as const) {
    for (const [name, list] of made.set[type]) {
      const news = list.filter((value) => before[type].get(name)?.includes(value) !== true);
      if (news.length > 0) values[name] = [...(values[name] ?? []), ...news];
    }
    for (const name of before[type].keys()) expect(made.set[type].has(name)).toBe(true);
  }
  return { values, made };
}

describe('numbered ports', () => {
  it('have a name each, by their place among host ports', () => {
    const task = taskWith({
      id: 'web.1',
      ports: [
        { begin: 31_005, end: 31_006 },
        { begin: 31_000, end: 31_000 },
      ],
    });
    const target = 'web-e844k-s0.marathon.slave.mesos.';
    expect(added(task, { numberedPorts: true }).values).toEqual({
      '_port0._web._tcp.marathon.mesos.': [`${target}:31005`],
      '_port0._web._udp.marathon.mesos.': [`${target}:31005`],
      '_port1._web._tcp.marathon.mesos.': [`${target}:31006`],
      '_port1._web._udp.marathon.mesos.': [`${target}:31006`],
      '_port2._web._tcp.marathon.mesos.': [`${target}:31000`],
      '_port2._web._udp.marathon.mesos.': [`${target}:31000`],
    });
  });

  it('keep their numbers where one before them is not visible', () => {
    const tasks = {
      unhealthyTasks: 'keep',
      graceSeconds: 0,
      killingTasks: 'by-state',
      drainingAgents: 'keep',
      deactivatedAgents: 'keep',
      minVisibility: 'cluster',
    } as const;
    const task = inContainer({
      discovery: discovery([port(80, { visibility: 'FRAMEWORK' }), port(81, { protocol: '' }), port(82)]),
    });
    const { values } = added(task, { numberedPorts: true }, { tasks });
    expect(Object.keys(values)).toEqual([
      '_port1._web._tcp.marathon.mesos.',
      '_port1._web._udp.marathon.mesos.',
      '_port2._web._tcp.marathon.mesos.',
    ]);
  });
});

describe('services of groups', () => {
  const of = (name: string, ports = [port(8080, { name: 'http' })]): Record<string, readonly string[]> =>
    added(inContainer({ discovery: discovery(ports, name) }), { groupServices: true }).values;

  it.each<[string, string[]]>([
    ['web', []],
    ['web.shop', ['_web._tcp.shop.marathon.mesos.', '_http._web._tcp.shop.marathon.mesos.']],
    ['Web.db.PROD', ['_web._tcp.db.prod.marathon.mesos.', '_http._web._tcp.db.prod.marathon.mesos.']],
    ['web_1.a_b', ['_web-1._tcp.a-b.marathon.mesos.', '_http._web-1._tcp.a-b.marathon.mesos.']],
    ['.shop', []],
    ['web..shop', []],
    ['web.日', []],
  ])('of %s: %j', (name, names) => expect(Object.keys(of(name))).toEqual(names));

  it('lead to the own name of the task, in label form', () => {
    expect(of('web.shop')['_web._tcp.shop.marathon.mesos.']).toEqual([
      'web-shop-e844k-s0.marathon.mesos.:8080',
    ]);
  });

  it('are not tried where nothing is left of a group', () => {
    const task = taskWith({ id: 'web.1', name: 'web.日', ports: [{ begin: 31_000, end: 31_000 }] });
    expect(added(task, { groupServices: true }).made.reasons()).toEqual([]);
  });

  it('are there without discovery info too', () => {
    const task = taskWith({ id: 'web.1', name: 'web.shop', ports: [{ begin: 31_000, end: 31_000 }] });
    expect(added(task, { groupServices: true }).values).toEqual({
      '_web._tcp.shop.marathon.mesos.': ['web-shop-e844k-s0.marathon.slave.mesos.:31000'],
      '_web._udp.shop.marathon.mesos.': ['web-shop-e844k-s0.marathon.slave.mesos.:31000'],
    });
  });
});

describe('HTTPS records', () => {
  const named = { serviceBindings: 'named-ports' } as const;
  const labelled = { serviceBindings: 'labels' } as const;
  const atPlainName = (ports: readonly DiscoveryPort[], parts: Partial<MesosTask> = {}): unknown =>
    added(inContainer({ discovery: discovery(ports), ...parts }), named).values['web.marathon.mesos.'];

  it('are at the plain names, and for browsers that ask for the port', () => {
    const task = inContainer({ discovery: discovery([port(8443, { name: 'https' })]) });
    expect(added(task, named).values).toEqual({
      'web.marathon.mesos.': ['HTTPS 1 . alpn=h2,http/1.1 port=8443'],
      '_8443._https.web.marathon.mesos.': ['HTTPS 1 web.marathon.mesos. alpn=h2,http/1.1'],
      'web-e844k-s0.marathon.mesos.': ['HTTPS 1 . alpn=h2,http/1.1 port=8443'],
      '_8443._https.web-e844k-s0.marathon.mesos.': ['HTTPS 1 web-e844k-s0.marathon.mesos. alpn=h2,http/1.1'],
    });
  });

  it.each<[string, DiscoveryPort, string | undefined]>([
    ['https', port(443, { name: 'HTTPS' }), 'alpn=h2,http/1.1 port=443'],
    ['https-admin', port(9443, { name: 'https-admin' }), 'alpn=h2,http/1.1 port=9443'],
    ['h2', port(8443, { name: 'h2' }), 'alpn=h2 no-default-alpn port=8443'],
    ['grpcs', port(8443, { name: 'grpcs' }), 'alpn=h2 no-default-alpn port=8443'],
    ['h3 over UDP', port(8443, { name: 'h3', protocol: 'udp' }), 'alpn=h3 no-default-alpn port=8443'],
    ['h3 over TCP', port(8443, { name: 'h3' }), undefined],
    ['https over UDP', port(8443, { name: 'https', protocol: 'udp' }), undefined],
    ['plain http', port(8080, { name: 'http' }), undefined],
    ['h2c', port(8080, { name: 'h2c' }), undefined],
    ['grpc', port(8080, { name: 'grpc' }), undefined],
    ['no name', port(8443), undefined],
    ['a name that objects have', port(8443, { name: 'constructor' }), undefined],
  ])("by a port's name: %s", (_, each, params) =>
    expect(atPlainName([each])).toEqual(params === undefined ? undefined : [`HTTPS 1 . ${params}`]),
  );

  it('make one of HTTP/3 beside HTTP/2 on one number', () => {
    const ports = [port(8443, { name: 'https' }), port(8443, { name: 'h3', protocol: 'udp' })];
    expect(atPlainName(ports)).toEqual(['HTTPS 1 . alpn=h3,h2,http/1.1 port=8443']);
  });

  it('are not at the plain name where two ports serve it, and for each of them in front', () => {
    const task = inContainer({
      discovery: discovery([port(8443, { name: 'https' }), port(9443, { name: 'https-admin' })]),
    });
    const { values } = added(task, named);
    expect(values['web.marathon.mesos.']).toBeUndefined();
    expect(Object.keys(values).filter((name) => name.endsWith('._https.web.marathon.mesos.'))).toEqual([
      '_8443._https.web.marathon.mesos.',
      '_9443._https.web.marathon.mesos.',
    ]);
  });

  it('lead to the instance where the port is one that it was given of its agent', () => {
    const instance = (n: number): MesosTask =>
      taskWith({
        id: `web.${n}`,
        agentId: `x-S${n}`,
        ports: [{ begin: 31_000 + n, end: 31_000 + n }],
        discovery: discovery([port(31_000 + n, { name: 'https' })]),
      });
    const { values } = added([instance(0), instance(1)], named);
    expect(values['web.marathon.mesos.']).toEqual([
      'HTTPS 1 web-q9rt1-s0.marathon.mesos. alpn=h2,http/1.1 port=31000',
      'HTTPS 1 web-e844k-s1.marathon.mesos. alpn=h2,http/1.1 port=31001',
    ]);
    expect(values['_31001._https.web.marathon.mesos.']).toEqual([
      'HTTPS 1 web-e844k-s1.marathon.mesos. alpn=h2,http/1.1',
    ]);
  });

  it('follow labels of ports: what is spoken, or none', () => {
    const labels = (text: string): Partial<DiscoveryPort> => ({ labels: { 'mesos-doh.alpn': text } });
    expect(atPlainName([port(8080, { name: 'http', ...labels('http/1.1') })])).toEqual([
      'HTTPS 1 . alpn=http/1.1 port=8080',
    ]);
    for (const none of ['none', 'NONE', ' None '])
      expect(atPlainName([port(8443, { name: 'https', ...labels(none) })])).toBeUndefined();
    expect(atPlainName([port(8443, { name: 'https', ...labels('http/1.1, h2') })])).toEqual([
      'HTTPS 1 . alpn=h2,http/1.1 port=8443',
    ]);
  });

  it('follow labels of the task by the place of the port, for host ports too', () => {
    const task = taskWith({
      id: 'web.1',
      ports: [{ begin: 31_000, end: 31_001 }],
      labels: { 'mesos-doh.alpn.1': 'h2' },
    });
    expect(added(task, labelled).values).toEqual({
      'web.marathon.mesos.': [
        'HTTPS 1 web-e844k-s0.marathon.slave.mesos. alpn=h2 no-default-alpn port=31001',
      ],
      'web-e844k-s0.marathon.mesos.': [
        'HTTPS 1 web-e844k-s0.marathon.slave.mesos. alpn=h2 no-default-alpn port=31001',
      ],
      '_31001._https.web.marathon.mesos.': [
        'HTTPS 1 web-e844k-s0.marathon.slave.mesos. alpn=h2 no-default-alpn',
      ],
      '_31001._https.web-e844k-s0.marathon.mesos.': [
        'HTTPS 1 web-e844k-s0.marathon.slave.mesos. alpn=h2 no-default-alpn',
      ],
    });
  });

  it.each([
    ['mesos-doh.alpn', 'h2 http/1.1'],
    ['mesos-doh.alpn', ''],
    ['mesos-doh.alpn', 'h2,"'],
    ['mesos-doh.svcb', 'Mqtt'],
    ['mesos-doh.svcb', 'a.b'],
  ])('a label that can not be used is reported, and changes nothing else: %s=%j', (key, value) => {
    const ports = [port(8443, { name: 'https', labels: { [key]: value } })];
    const { made, values } = added(inContainer({ discovery: discovery(ports) }), named);
    expect(made.reasons()).toEqual(['task-label']);
    expect(made.details()[0]).toContain(key);
    expect(values['web.marathon.mesos.']).toEqual(['HTTPS 1 . alpn=h2,http/1.1 port=8443']);
  });

  it.each<[string, string, string | undefined]>([
    ['https', 'h2', 'alpn=h2 no-default-alpn port=8443'],
    ['https', 'none', undefined],
    ['mqtt', 'mqtt', undefined],
  ])('by its name goes a port whose scheme can not be used: %s, alpn %s', (name, alpn, params) => {
    const labels = { 'mesos-doh.svcb': 'Mqtt', 'mesos-doh.alpn': alpn };
    expect(atPlainName([port(8443, { name, labels })])).toEqual(
      params === undefined ? undefined : [`HTTPS 1 . ${params}`],
    );
  });

  it('and nothing else are there for port 0, which counts in its place all the same', () => {
    const labels = { 'mesos-doh.svcb': 'mqtt' };
    const ports = [port(0, { name: 'https' }), port(0, { labels }), port(8443, { name: 'https' })];
    const all = { ...named, numberedPorts: true, groupServices: true };
    const { made, values } = added(inContainer({ discovery: discovery(ports, 'web.shop') }), all);
    const none = added(inContainer({ discovery: discovery(ports.slice(0, 2), 'web.shop') }), all);
    expect(none.values).toEqual({});
    // Without our switches it is as mesos-dns has it.
    expect(none.made.set.SRV.get('_web-shop._tcp.marathon.mesos.')).toEqual([
      'web-shop-e844k-s0.marathon.mesos.:0',
    ]);
    expect(values['_port2._web-shop._tcp.marathon.mesos.']).toEqual([
      'web-shop-e844k-s0.marathon.mesos.:8443',
    ]);
    expect(values['web-shop.marathon.mesos.']).toEqual(['HTTPS 1 . alpn=h2,http/1.1 port=8443']);
    expect(made.reasons()).toEqual([]);
  });

  it('are not there for names with "labels", nor without an address to lead to', () => {
    const ports = [port(8443, { name: 'https' })];
    expect(added(inContainer({ discovery: discovery(ports) }), labelled).values).toEqual({});
    const nowhere = taskWith({ id: 'web.1', agentId: 'x-S0', discovery: discovery(ports) });
    expect(added(nowhere, named, { ipSources: ['netinfo'] }).values).toEqual({});
  });

  it('SVCB is for labels alone, under the scheme that they name', () => {
    const labels = { 'mesos-doh.svcb': 'mqtt', 'mesos-doh.alpn': 'mqtt' };
    const task = inContainer({ discovery: discovery([port(8883, { name: 'https', labels }), port(1883)]) });
    const { values, made } = added(task, labelled);
    expect(values['_mqtt.web.marathon.mesos.']).toEqual(['SVCB 1 web.marathon.mesos. alpn=mqtt port=8883']);
    expect(values['_8883._mqtt.web.marathon.mesos.']).toEqual([
      'SVCB 1 web.marathon.mesos. alpn=mqtt port=8883',
    ]);
    expect(values['web.marathon.mesos.']).toBeUndefined();
    expect(made.reasons()).toEqual([]);
  });
});

describe('TXT records', () => {
  const texts = (
    txt: readonly TaskFact[],
    parts: Partial<MesosTask> = {},
  ): Record<string, readonly string[]> => added(inContainer(parts), { txt }).values;

  it('tell all facts at the own name of a task, and what its likes share at the shared one', () => {
    const txt = ['framework', 'name', 'task-id', 'agent', 'label:team', 'label:none'] as const;
    expect(texts(txt, { labels: { team: 'shop', other: 'x' } })).toEqual({
      'web.marathon.mesos.': ['TXT "framework=marathon"', 'TXT "name=web"', 'TXT "team=shop"'],
      'web-e844k-s0.marathon.mesos.': [
        'TXT "framework=marathon"',
        'TXT "name=web"',
        'TXT "task-id=web.1"',
        'TXT "agent=x-S0"',
        'TXT "team=shop"',
      ],
    });
  });

  it.each<[string, string, string]>([
    ['a=b', 'c', String.raw`TXT "a${'`'}=b=c"`],
    ['a`b', 'c', 'TXT "a``b=c"'],
    [' a ', ' b ', 'TXT "` a` = b "'],
    ['quote', 'say "x" \\', String.raw`TXT "quote=say \"x\" \\"`],
    ['é', '日', String.raw`TXT "\195\169=\230\151\165"`],
    ['empty', '', 'TXT "empty="'],
  ])('are attributes as RFC 1464 has them: %j=%j', (key, value, text) => {
    expect(texts([`label:${key}`], { labels: { [key]: value } })['web.marathon.mesos.']).toEqual([text]);
  });

  it('go on in a further string after 255 octets, and end at 2048', () => {
    const long = (octets: number): Record<string, readonly string[]> =>
      texts(['label:k'], { labels: { k: 'x'.repeat(octets - 2) } });
    expect(long(255)['web.marathon.mesos.']).toEqual([`TXT "k=${'x'.repeat(253)}"`]);
    expect(long(256)['web.marathon.mesos.']).toEqual([`TXT "k=${'x'.repeat(253)}" "x"`]);
    expect(long(2048)['web.marathon.mesos.']).toHaveLength(1);
    const labels = { k: 'x'.repeat(2047) };
    const { made, values } = added(inContainer({ labels }), { txt: ['label:k'] });
    expect(values).toEqual({});
    expect(made.reasons()).toEqual(['value-not-answerable']);
  });
});

it('all that is made can be answered, and comes back as it was given', () => {
  const task = inContainer({
    labels: { team: 'a "b" \\ é', 'mesos-doh.svcb.1': 'mqtt' },
    discovery: discovery([port(8443, { name: 'https' }), port(1883, { name: 'mqtt' })], 'web.shop'),
  });
  const { made } = added(task, {
    numberedPorts: true,
    groupServices: true,
    serviceBindings: 'named-ports',
    txt: ['framework', 'task-id', 'label:team'],
  });
  const refused: unknown[] = [];
  const content = toZoneContent(
    made.set,
    { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 },
    (each) => refused.push(each),
  );
  for (const owner of content.owners()) expect(content.rrsetsAt(owner).length).toBeGreaterThan(0);
  expect(refused).toEqual([]);
});
