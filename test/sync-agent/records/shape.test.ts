import { describe, expect, it } from 'vitest';
import type { DiscoveryPort, Labels, MesosTask } from '../../../sync-agent/cluster.ts';
import { type ConfigInput, parseConfig } from '../../../sync-agent/config.ts';
import { shapeRules } from '../../../sync-agent/config-shape.ts';
import { createShaper, shapeOf, type TaskShape } from '../../../sync-agent/records/shape.ts';
import { taskWith } from '../states.ts';

type Records = NonNullable<ConfigInput['records']>;

function shape(records: Records, task: Partial<MesosTask> = {}, part = 'marathon'): TaskShape {
  const rules = shapeRules(parseConfig({ records }, 'test'));
  if (!rules) throw new Error('these records ask for no rule');
  return shapeOf(taskWith(task), part, rules);
}
const port = (number: number, parts: Partial<DiscoveryPort> = {}): DiscoveryPort => ({
  number,
  name: '',
  protocol: 'tcp',
  ...parts,
});
const read = { labels: 'read' } as const;
const listOf = (count: number, each: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => each(i)).join(',');

/** Labels that count how often one is read. */
function counted(labels: Labels): { readonly labels: Labels; readonly reads: () => number } {
  let reads = 0;
  const get = (target: Labels, key: string | symbol): unknown => {
    reads++;
    return Reflect.get(target, key);
  };
  return { labels: new Proxy(labels, { get }), reads: () => reads };
}

describe('whether a task is published', () => {
  it.each<[Records, Partial<MesosTask>, TaskShape['hidden']]>([
    [{ include: ['web'] }, { name: 'my-web' }, undefined],
    [{ include: ['api', 'web'] }, { name: 'my-web' }, undefined],
    [
      { include: ['^web'] },
      { name: 'my-web' },
      {
        reason: 'not-included',
        what: 'its name "my-web" matches none of the patterns',
        by: 'records.include',
      },
    ],
    [
      { exclude: ['x', 'w.b'] },
      { name: 'my-web' },
      { reason: 'excluded', what: 'its name "my-web" matches "w.b"', by: 'records.exclude' },
    ],
    [
      { include: ['web'], exclude: ['my'] },
      { name: 'my-web' },
      { reason: 'excluded', what: 'its name "my-web" matches "my"', by: 'records.exclude' },
    ],
    // On the cleaned name, as mesos-consul has it.
    [{ include: ['^prodweb$'] }, { name: '/prod/Web' }, undefined],
    [{ include: ['^prod-web$'] }, { name: 'Prod.Web' }, undefined],
    [{ include: ['^myapp$'], groupSeparator: '' }, { name: 'My_App' }, undefined],
    [{ include: ['^my--app$'], groupSeparator: '--' }, { name: 'My_App' }, undefined],
    [{ include: ['^a-b$'], groupSeparator: '' }, { name: 'a:b' }, undefined],
    // By the name that it gets.
    [{ include: ['^kafka$'], groups: ['(Kafka)-.*'] }, { name: 'Kafka-1' }, undefined],
    [{ include: ['^shop$'], overrideTaskName: 'as' }, { labels: { as: 'Shop' } }, undefined],
    [
      { include: ['web'] },
      { discovery: { name: 'api', ports: [] } },
      { reason: 'not-included', what: 'its name "api" matches none of the patterns', by: 'records.include' },
    ],
    [{ includeFrameworks: ['^mara'] }, {}, undefined],
    [
      { includeFrameworks: ['aurora'] },
      {},
      {
        reason: 'not-included',
        what: 'its framework "marathon" matches none of the patterns',
        by: 'records.includeFrameworks',
      },
    ],
    [
      { excludeFrameworks: ['thon$'] },
      {},
      {
        reason: 'excluded',
        what: 'its framework "marathon" matches "thon$"',
        by: 'records.excludeFrameworks',
      },
    ],
    [{ publish: 'labelled' }, { labels: { 'mesos-doh.publish': 'true' } }, undefined],
    [
      { publish: 'labelled' },
      {},
      { reason: 'not-labelled', what: 'it has no label mesos-doh.publish', by: 'records.publish' },
    ],
    [
      { publish: 'labelled' },
      { labels: { 'mesos-doh.publish': 'treu' } },
      {
        reason: 'not-labelled',
        what: 'its label mesos-doh.publish is "treu", not true',
        by: 'records.publish',
      },
    ],
    [
      { publish: 'labelled', exclude: ['web'] },
      { labels: { 'mesos-doh.publish': 'true' } },
      { reason: 'excluded', what: 'its name "web" matches "web"', by: 'records.exclude' },
    ],
    [
      read,
      { labels: { 'mesos-doh.publish': 'False' } },
      { reason: 'label', what: 'it is not to be published', by: 'label mesos-doh.publish' },
    ],
    [{ exclude: ['x'] }, { labels: { 'mesos-doh.publish': 'false' } }, undefined],
    [{ publish: 'labelled', haproxy: {} }, { labels: { HAPROXY_0_ENABLED: 'true' } }, undefined],
    [
      { publish: 'labelled', haproxy: { groups: ['external'] } },
      { labels: { HAPROXY_GROUP: 'internal,external' } },
      undefined,
    ],
    [
      { publish: 'labelled', haproxy: {} },
      { labels: { HAPROXY_0_VHOST: 'www.mesos', HAPROXY_GROUP: 'external' } },
      { reason: 'not-labelled', what: 'it has no label mesos-doh.publish', by: 'records.publish' },
    ],
    [
      { publish: 'labelled', haproxy: { groups: ['external'] } },
      { labels: { HAPROXY_GROUP: 'internal' } },
      { reason: 'not-labelled', what: 'it has no label mesos-doh.publish', by: 'records.publish' },
    ],
  ])('by %j: %j', (records, task, hidden) => {
    expect(shape(records, task).hidden).toEqual(hidden);
  });
});

describe('the name of a task', () => {
  const kafka = 'records.groups "(KafkaBroker)-.*"';
  it.each<[Records, Partial<MesosTask>, string | undefined, string | undefined]>([
    [{ groups: ['(KafkaBroker)-.*'] }, { name: 'KafkaBroker-0' }, 'kafkabroker', kafka],
    [{ groups: ['(KafkaBroker)-.*'] }, { name: 'kafkabroker-0' }, undefined, undefined],
    [
      { groups: ['(?i)(KafkaBroker)-.*'] },
      { name: 'kafkaBROKER-0' },
      'kafkabroker',
      'records.groups "(?i)(KafkaBroker)-.*"',
    ],
    [{ groups: ['(Zoo)', '(KafkaBroker)-.*'] }, { name: 'KafkaBroker-0' }, 'kafkabroker', kafka],
    // A group that takes part in no match, or holds nothing that a name can have, is none.
    [{ groups: ['(x)?Kafka', '(KafkaBroker)-.*'] }, { name: 'KafkaBroker-0' }, 'kafkabroker', kafka],
    [{ groups: ['Kafka(-|B)'] }, { name: 'Kafka-0' }, undefined, undefined],
    [
      { groups: ['(api).*'] },
      { name: 'web', discovery: { name: 'api.v2', ports: [] } },
      'api',
      'records.groups "(api).*"',
    ],
    [
      { overrideTaskName: 'overrideTaskName' },
      { labels: { overrideTaskName: 'My_Shop' } },
      'my-shop',
      'label overrideTaskName',
    ],
    [{ profile: 'consul' }, { labels: { overrideTaskName: 'My_Shop' } }, 'myshop', 'label overrideTaskName'],
    [{ overrideTaskName: 'as' }, { labels: { overrideTaskName: 'shop' } }, undefined, undefined],
    [
      { overrideTaskName: false, profile: 'consul' },
      { labels: { overrideTaskName: 'shop' } },
      undefined,
      undefined,
    ],
    [read, { labels: { 'mesos-doh.name': 'Shop' } }, 'shop', 'label mesos-doh.name'],
    [
      { ...read, overrideTaskName: 'as', groups: ['(w)'] },
      { labels: { 'mesos-doh.name': 'first', as: 'second' } },
      'first',
      'label mesos-doh.name',
    ],
    [{ overrideTaskName: 'as', groups: ['(w)'] }, { labels: { as: 'second' } }, 'second', 'label as'],
    [{ groupSeparator: '' }, { name: 'my_app' }, 'myapp', 'records.groupSeparator'],
    [{ groupSeparator: '' }, { name: 'chronos:job 1' }, 'chronos-job-1', 'records.groupSeparator'],
    [{ groupSeparator: '' }, { name: 'web.prod' }, undefined, undefined],
    [{ groupSeparator: '-' }, { name: 'my_app' }, undefined, undefined],
    [
      { tags: true },
      { name: 'my_app', labels: { 'mesos-doh.name': 'x', overrideTaskName: 'y' } },
      undefined,
      undefined,
    ],
  ])('%j: %j is %s by %s', (records, task, label, by) => {
    const { name } = shape(records, task);
    expect(name).toEqual(label === undefined ? undefined : { label, by });
  });
});

describe('labels that can not be used', () => {
  const start = 'task "web" of framework "marathon": label';
  it.each<[Records, Labels, string[]]>([
    [read, { 'mesos-doh.ttl': 'abc' }, ['mesos-doh.ttl: "abc" is no number from 0 to 2147483647']],
    [read, { 'mesos-doh.ttl': '-1' }, ['mesos-doh.ttl: "-1" is no number from 0 to 2147483647']],
    [read, { 'mesos-doh.weight': '70000' }, ['mesos-doh.weight: "70000" is no number from 0 to 65535']],
    [read, { 'mesos-doh.priority': '1.5' }, ['mesos-doh.priority: "1.5" is no number from 0 to 65535']],
    [read, { 'mesos-doh.health': 'ignore' }, ['mesos-doh.health: "ignore" is none of leave-out, keep']],
    [read, { 'mesos-doh.publish': 'maybe' }, ['mesos-doh.publish: "maybe" is neither true nor false']],
    [read, { 'mesos-doh.name': '日' }, ['mesos-doh.name: "日" holds nothing that a name can have']],
    [read, { 'mesos-doh.alias': 'a_b, ok' }, ['mesos-doh.alias: "a_b" is no host name']],
    [
      read,
      { 'mesos-doh.alias': 'shop.mesos' },
      [
        'mesos-doh.alias: "shop.mesos" is not below marathon.mesos (records.aliases.within: "zone" lets it be)',
      ],
    ],
    [read, { 'mesos-doh.alias': 'mesos' }, ['mesos-doh.alias: "mesos" is the zone itself']],
    [
      { haproxy: {} },
      { HAPROXY_0_VHOST: 'www.example.com' },
      [
        'HAPROXY_0_VHOST: "www.example.com" is outside zone mesos (records.aliases.zones may name a zone for it)',
      ],
    ],
    [{ haproxy: {} }, { HAPROXY_0_ENABLED: 'on' }, ['HAPROXY_0_ENABLED: "on" is neither true nor false']],
    [{ tags: true }, { tags: 'a,:,b' }, ['tags: ":" holds nothing that a name can have']],
    [
      { portLabel: 'p' },
      { p: '0,2,x' },
      [
        'p: "2" is no index of its 2 ports, which begin at 0',
        'p: "x" is no index of its 2 ports, which begin at 0',
      ],
    ],
    [{ tags: true }, { 'mesos-doh.ttl': 'abc', HAPROXY_0_VHOST: 'x.y', 'mesos-doh.alias': 'mesos' }, []],
    [read, { 'mesos-doh.ttl': ' ', 'mesos-doh.alias': ' , ' }, []],
  ])('%j: %j', (records, labels, problems) => {
    const { problems: told } = shape(records, { labels, ports: [{ begin: 1, end: 2 }] });
    expect(told.map(({ detail }) => detail)).toEqual(problems.map((each) => `${start} ${each}`));
  });

  it('are told of as what they are: wrong, or names of another zone', () => {
    const { problems } = shape(
      { ...read, haproxy: {} },
      { labels: { 'mesos-doh.ttl': 'x', HAPROXY_0_VHOST: 'www.example.com' } },
    );
    expect(problems.map(({ reason }) => reason)).toEqual(['alias-outside-zone', 'task-label']);
  });

  it('have a limit, and so has what is told of them', () => {
    const many = Array.from({ length: 40 }, (_, i) => `n${i}`).join(',');
    const { aliases, tags, problems } = shape(
      { ...read, tags: true },
      { labels: { tags: many, 'mesos-doh.alias': many, 'mesos-doh.health': 'x'.repeat(5000) } },
    );
    expect([aliases.length, tags.length]).toEqual([32, 32]);
    expect(problems.map(({ detail }) => detail.slice(start.length + 1))).toEqual([
      'tags: only the first 32 tags of a task count',
      'mesos-doh.alias: only the first 32 names of a task count',
      `mesos-doh.health: "${'x'.repeat(80)}…" is none of leave-out, keep`,
    ]);
  });

  it.each<[string, Records, (count: number) => Labels, number]>([
    ['names', read, (count) => ({ 'mesos-doh.alias': listOf(count, (i) => `bad_${i}`) }), 20_000],
    [
      'vhosts',
      { haproxy: {} },
      (count) =>
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`HAPROXY_${i}_VHOST`, `b_${i}.x`])),
      257,
    ],
    ['port numbers', { portLabel: 'p' }, (count) => ({ p: listOf(count, (i) => `x${i}`) }), 20_000],
  ])('are told of up to 16, and how many more there are: %s', (_, records, labelsOf, all) => {
    const { labels, reads } = counted(labelsOf(20_000));
    const { problems } = shape(records, { labels });
    expect(problems).toHaveLength(17);
    expect(problems[16]).toEqual({
      reason: 'task-label',
      detail: `task "web" of framework "marathon": ${all - 16} more problems with its labels`,
    });
    // Few looks at many labels: one at those of 256 ports.
    expect(reads()).toBeLessThanOrEqual(256);
  });

  it('are told of and counted once', () => {
    const labels = { 'mesos-doh.alias': `${listOf(16, (i) => `bad_${i}`)},bad_0,bad_15` };
    expect(shape(read, { labels }).problems).toHaveLength(16);
  });

  it('are read of 256 ports alone', () => {
    const labels = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`HAPROXY_${i}_ENABLED`, 'false']),
    );
    const { problems, leftOutPorts } = shape({ haproxy: {} }, { labels, ports: [{ begin: 1, end: 300 }] });
    expect(problems.map(({ detail }) => detail)).toEqual([
      `${start} HAPROXY_256: only the first 256 ports that have such labels count`,
    ]);
    expect(leftOutPorts?.hostPorts).toEqual([{ begin: 257, end: 300 }]);
    expect(leftOutPorts?.by).toMatch(/^label HAPROXY_0_ENABLED, .*, label HAPROXY_7_ENABLED and more$/);
  });

  it('are not read from what every object has', () => {
    expect(shape({ overrideTaskName: 'constructor' }, { labels: {} }).name).toBeUndefined();
  });
});

describe('aliases', () => {
  const zone = {
    ...read,
    haproxy: {},
    aliases: { within: 'zone', zones: ['Apps.example'] },
  } satisfies Records;
  it.each<[Records, Labels, string[]]>([
    [read, { 'mesos-doh.alias': 'Shop, store' }, ['shop', 'store']],
    [read, { 'mesos-doh.alias': 'shop.marathon.mesos.' }, ['shop.marathon.mesos.']],
    [zone, { 'mesos-doh.alias': 'shop.mesos' }, ['shop.mesos.']],
    [zone, { HAPROXY_0_VHOST: 'a.mesos,b.mesos', HAPROXY_10_VHOST: 'A.mesos' }, ['a.mesos.', 'b.mesos.']],
    [zone, { HAPROXY_0_VHOST: 'www.apps.example,apps.example' }, ['www.apps.example.', 'apps.example.']],
    [zone, { HAPROXY_0_VHOST: 'apps.example.org,xapps.example,mesos.example' }, []],
    [zone, { HAPROXY_0_VHOST: 'a.mesos', HAPROXY_0_ENABLED: 'false' }, []],
    [{ ...zone, haproxy: { strict: true } }, { HAPROXY_0_VHOST: 'a.mesos' }, []],
    [
      { ...zone, haproxy: { strict: true } },
      { HAPROXY_0_VHOST: 'a.mesos', HAPROXY_1_VHOST: 'b.mesos', HAPROXY_1_ENABLED: 'true' },
      ['b.mesos.'],
    ],
    [{ ...zone, haproxy: { groups: ['e'] } }, { HAPROXY_0_VHOST: 'a.mesos' }, []],
    [{ ...zone, haproxy: { groups: ['*'] } }, { HAPROXY_0_VHOST: 'a.mesos' }, ['a.mesos.']],
    [
      { ...zone, haproxy: { groups: ['e'] } },
      { HAPROXY_0_VHOST: 'a.mesos', HAPROXY_GROUP: 'i,e' },
      ['a.mesos.'],
    ],
    [
      { ...zone, haproxy: { groups: ['e'] } },
      { HAPROXY_0_VHOST: 'a.mesos', HAPROXY_GROUP: 'e', HAPROXY_0_GROUP: 'i' },
      [],
    ],
    [{ haproxy: {} }, { 'mesos-doh.alias': 'shop' }, []],
  ])('%j: %j', (records, labels, names) => {
    expect(shape(records, { labels }).aliases.map(({ name }) => name)).toEqual(names);
  });

  it.each<[Records, string, number]>([
    [read, 'marathon.mesos', 15],
    [zone, 'mesos', 16],
    [zone, 'apps.example', 16],
  ])('%j: below %s have at most 16 labels below their zone', (records, below, most) => {
    const labelled = (count: number): Partial<MesosTask> => ({
      labels: { 'mesos-doh.alias': `${'a.'.repeat(count)}${below}` },
    });
    expect(shape(records, labelled(most)).aliases).toHaveLength(1);
    const { aliases, problems } = shape(records, labelled(most + 1));
    expect(aliases).toEqual([]);
    expect(problems[0]?.detail).toContain('has more than 16 labels below its zone');
  });

  it.each<[string, string]>([
    ['slave', 'web.marathon.slave.mesos'],
    ['slave', 'web'],
    ['marathon.slave', 'web.marathon.slave.mesos'],
    ['marathon.slave', 'web'],
  ])("of framework %s are not other frameworks' names by agent, as %s", (part, alias) => {
    const task = { labels: { 'mesos-doh.alias': alias } };
    const { aliases, problems } = shape(read, task, part);
    expect(aliases).toEqual([]);
    expect(problems.map(({ reason, detail }) => `${reason} ${detail}`)).toEqual([
      expect.stringMatching(
        /^task-label .* is below .*slave\.mesos, where other frameworks' tasks have names/,
      ),
    ]);
    expect(shape({ ...read, aliases: { within: 'zone' } }, task, part).aliases).toHaveLength(1);
    const elsewhere = { labels: { 'mesos-doh.alias': 'www.apps.example' } };
    expect(shape({ ...read, aliases: { zones: ['apps.example'] } }, elsewhere, part).aliases).toHaveLength(1);
    expect(shape(read, { labels: { 'mesos-doh.alias': 'web' } }, `${part}s`).aliases).toHaveLength(1);
  });
});

describe('ports', () => {
  const three = {
    discovery: { name: 'web', ports: [port(80), port(0), port(443)] },
    ports: [{ begin: 5, end: 7 }],
  };
  it.each<[Records, Partial<MesosTask>, string]>([
    [{ portLabel: 'p' }, { ...three, labels: { p: '2,0' } }, '80 443; 5-5 7-7; label p'],
    [{ portLabel: 'p' }, { ...three, labels: {} }, ''],
    [{ portLabel: 'p' }, { ...three, labels: { p: '9' } }, '; ; label p'],
    [
      { portLabel: 'p', haproxy: {} },
      { ...three, labels: { p: '0,1', HAPROXY_1_ENABLED: 'false' } },
      '80; 5-5; label p, label HAPROXY_1_ENABLED',
    ],
    [
      { haproxy: {} },
      { ...three, labels: { HAPROXY_1_ENABLED: 'false' } },
      '80 443; 5-5 7-7; label HAPROXY_1_ENABLED',
    ],
    [
      { haproxy: {} },
      { ...three, labels: { HAPROXY_0_ENABLED: 'false' } },
      '0 443; 6-7; label HAPROXY_0_ENABLED',
    ],
    [{ haproxy: {} }, { ...three, labels: { HAPROXY_0_ENABLED: 'true' } }, ''],
    [{ zeroPorts: 'left-out' }, three, '80 443; 5-7; its number, which is 0'],
    [{ zeroPorts: 'left-out' }, {}, ''],
    [
      { haproxy: {} },
      {
        ports: [
          { begin: 5, end: 6 },
          { begin: 8, end: 9_000_000 },
        ],
        labels: { HAPROXY_2_ENABLED: 'false' },
      },
      '; 5-6 9-9000000; label HAPROXY_2_ENABLED',
    ],
    [
      { portLabel: 'p' },
      {
        ports: [
          { begin: 9, end: 5 },
          { begin: 8, end: 9 },
        ],
        labels: { p: '1' },
      },
      '; 9-9; label p',
    ],
  ])('%j: %j leaves %s', (records, task, left) => {
    const { leftOutPorts } = shape(records, task);
    const said = leftOutPorts && [
      leftOutPorts.discoveryPorts.map(({ number }) => number).join(' '),
      leftOutPorts.hostPorts.map(({ begin, end }) => `${begin}-${end}`).join(' '),
      leftOutPorts.by,
    ];
    expect(said?.join('; ') ?? '').toBe(left);
  });
});

it('numbers are those that differ from the zone\u2019s', () => {
  const of = (labels: Labels, srvWeight = 1): Partial<TaskShape> => {
    const { ttl, srv, health } = shape({ ...read, srvWeight }, { labels });
    return { ttl, srv, health };
  };
  const none = { ttl: undefined, srv: undefined, health: undefined };
  expect(of({})).toEqual(none);
  expect(of({ 'mesos-doh.ttl': '0' })).toEqual({ ...none, ttl: 0 });
  expect(of({ 'mesos-doh.weight': '0' })).toEqual({ ...none, srv: { priority: 0, weight: 0 } });
  expect(of({ 'mesos-doh.weight': '5' }, 5)).toEqual(none);
  expect(of({ 'mesos-doh.priority': '3' }, 5)).toEqual({ ...none, srv: { priority: 3, weight: 5 } });
  expect(of({ 'mesos-doh.health': 'keep' })).toEqual({ ...none, health: 'keep' });
});

it('a shaper looks at a task once, unless its framework is called otherwise', () => {
  const rules = shapeRules(parseConfig({ records: { includeFrameworks: ['marathon'] } }, 'test'));
  if (!rules) throw new Error('no rules');
  const shaper = createShaper(rules);
  const task = taskWith({});
  expect(shaper(task, 'marathon')).toBe(shaper(task, 'marathon'));
  expect(shaper(task, 'aurora').hidden?.reason).toBe('not-included');
});
