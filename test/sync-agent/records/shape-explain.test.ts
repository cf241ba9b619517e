import { describe, expect, it } from 'vitest';
import type { MesosTask } from '../../../sync-agent/cluster.ts';
import { asText } from '../../../sync-agent/commands/explain-text.ts';
import { type ConfigInput, parseConfig } from '../../../sync-agent/config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { explainName, type Explanation } from '../../../sync-agent/records/explain.ts';
import { parseName } from '../../../zone/name.ts';
import { agentAt, frameworkWith, stateWith, statusWith, taskWith } from '../states.ts';

type Records = NonNullable<ConfigInput['records']>;

const running = [statusWith({ netinfo: ['9.0.0.1'] })];
const ports = [{ begin: 31000, end: 31001 }];

const ZONE = { within: 'zone' } as const;
const ASKS = 'alias-not-given: task t0 of framework "marathon" asks for it';
const VHOSTS = { HAPROXY_0_VHOST: 'first.mesos, WWW.mesos.,api.apps.example' };

type Case = [Records, string, Partial<MesosTask>, string[]];

/** A task with vhosts and further labels, and why it has not the name. */
function asked(...cases: [Records, string, Record<string, string>, string][]): Case[] {
  return cases.map(([records, name, labels, why]) => [
    records,
    name,
    { labels: { ...VHOSTS, ...labels } },
    [`${ASKS} by label HAPROXY_0_VHOST: ${why}`],
  ]);
}

function explain(records: Records, name: string, ...tasks: Partial<MesosTask>[]): Explanation {
  const all = tasks.map((task, i) => taskWith({ id: `t${i}`, running, ports, ...task }));
  const state = stateWith({
    agents: [agentAt('x-S0', '10.0.0.1:5051')],
    frameworks: [frameworkWith({ name: 'marathon', tasks: all })],
  });
  return explainName(state, name, {
    settings: recordSettings(parseConfig({ records }, 'test')),
    rrsets: { origin: parseName('mesos'), ttl: 30, srvWeight: 1, sources: 1 },
    addressesOfHost: () => [],
    skipped: [],
  });
}
const sources = ({ rrsets, ttls }: Explanation): string[] =>
  [...rrsets.flatMap(({ values }) => values), ...ttls].flatMap(({ from }) =>
    from.map(({ rule, by }) => `${rule}: ${by}`),
  );
const who = 'task t0 of framework "marathon" on agent x-S0';

describe('explain says which label or rule', () => {
  it.each<[Records, string, Partial<MesosTask>, string[]]>([
    [
      { groups: ['(KafkaBroker)-.*'] },
      'kafkabroker.marathon.mesos',
      { name: 'KafkaBroker-0' },
      [`task-shared-name: ${who}, called kafkabroker by records.groups "(KafkaBroker)-.*"`],
    ],
    [
      { overrideTaskName: 'overrideTaskName' },
      'shop.marathon.mesos',
      { labels: { overrideTaskName: 'shop' } },
      [`task-shared-name: ${who}, called shop by label overrideTaskName`],
    ],
    [
      { haproxy: {}, aliases: { within: 'zone' } },
      'www.mesos',
      { labels: { HAPROXY_0_VHOST: 'www.mesos' } },
      [`task-alias: ${who}, named so by label HAPROXY_0_VHOST`],
    ],
    [
      { labels: 'read' },
      'shop.marathon.mesos',
      { labels: { 'mesos-doh.alias': 'shop' } },
      [`task-alias: ${who}, named so by label mesos-doh.alias`],
    ],
    [
      { tags: true, taskTags: { web: ['front'] } },
      'front.web.marathon.mesos',
      {},
      [`task-tag: ${who}, tagged by records.taskTags "web"`],
    ],
    [
      { tags: true },
      '_blue._web._tcp.marathon.mesos',
      { labels: { tags: 'blue' }, ports: [{ begin: 1, end: 1 }] },
      [`task-tag-port: ${who}, tagged by label tags`],
    ],
    [
      { labels: 'read' },
      '_web._tcp.marathon.mesos',
      { labels: { 'mesos-doh.weight': '7', 'mesos-doh.ttl': '5' }, ports: [{ begin: 1, end: 1 }] },
      [
        `task-host-port: ${who}, priority 0 and weight 7 by label`,
        `task-ttl: ${who}, by label mesos-doh.ttl`,
      ],
    ],
    [{ tags: true }, 'web.marathon.mesos', {}, [`task-shared-name: ${who}`]],
  ])('gives by %j the name %s its values', (records, name, task, expected) => {
    expect(sources(explain(records, name, task))).toEqual(expected);
  });

  it.each<[Records, string, Partial<MesosTask>, string[]]>([
    [
      { exclude: ['^w'] },
      'web.marathon.mesos',
      {},
      [
        'hidden-excluded: task t0 of framework "marathon" is hidden: its name "web" matches "^w" (records.exclude)',
      ],
    ],
    [
      { includeFrameworks: ['aurora'] },
      '_web._tcp.marathon.mesos',
      {},
      [
        'hidden-not-included: task t0 of framework "marathon" is hidden: its framework "marathon" matches none of the patterns (records.includeFrameworks)',
      ],
    ],
    [
      { publish: 'labelled' },
      'web.marathon.mesos',
      { labels: { 'mesos-doh.publish': 'treu' } },
      [
        'hidden-not-labelled: task t0 of framework "marathon" is hidden: its label mesos-doh.publish is "treu", not true (records.publish)',
      ],
    ],
    [
      { labels: 'read' },
      'shop.marathon.mesos',
      { labels: { 'mesos-doh.alias': 'shop', 'mesos-doh.publish': 'false' } },
      [
        'hidden-label: task t0 of framework "marathon" is hidden: it is not to be published (label mesos-doh.publish)',
      ],
    ],
    [
      { groups: ['(KafkaBroker)-.*'] },
      'kafkabroker-0.marathon.mesos',
      { name: 'KafkaBroker-0' },
      [
        'other-name: task t0 of framework "marathon" is called kafkabroker by records.groups "(KafkaBroker)-.*"',
      ],
    ],
    [
      { portLabel: 'p' },
      '_web._tcp.marathon.mesos',
      { labels: { p: 'none' } },
      ['port-left-out: task t0 of framework "marathon" has ports that are left out by label p'],
    ],
    [
      { haproxy: {}, aliases: { within: 'zone' } },
      'www.mesos',
      { state: 'TASK_STAGING', labels: { HAPROXY_0_VHOST: 'www.mesos' } },
      ['task-not-running: task t0 of framework "marathon" is TASK_STAGING'],
    ],
    [
      { labels: 'read', ipSources: ['netinfo'] },
      'shop.marathon.mesos',
      { running: [], labels: { 'mesos-doh.alias': 'shop' } },
      ['no-address: task t0 of framework "marathon" has no address in any of netinfo (records.ipSources)'],
    ],
    [{ exclude: ['^w'] }, 'api.marathon.mesos', {}, []],
    ...asked(
      [{}, 'www.mesos', {}, "Marathon-LB's labels are not read (records.haproxy)"],
      [
        { labels: 'read', aliases: ZONE },
        'www.mesos',
        {},
        "Marathon-LB's labels are not read (records.haproxy)",
      ],
      [{ haproxy: {}, aliases: ZONE }, 'www.mesos', { HAPROXY_0_ENABLED: 'No' }, 'HAPROXY_0_ENABLED is "No"'],
      [
        { haproxy: { strict: true }, aliases: ZONE },
        'www.mesos',
        {},
        'HAPROXY_0_ENABLED is not set, and has to be true (records.haproxy.strict)',
      ],
      [
        { haproxy: { strict: true }, aliases: ZONE },
        'www.mesos',
        { HAPROXY_0_ENABLED: 'maybe' },
        'HAPROXY_0_ENABLED is "maybe", and has to be true (records.haproxy.strict)',
      ],
      [
        { haproxy: { groups: ['external'] }, aliases: ZONE },
        'www.mesos',
        {},
        'there is no HAPROXY_GROUP and no HAPROXY_0_GROUP, and only these groups count: external (records.haproxy.groups)',
      ],
      [
        { haproxy: { groups: ['external', 'edge'] }, aliases: ZONE },
        'www.mesos',
        { HAPROXY_GROUP: 'internal' },
        'none of its groups "internal" is among those that count: external, edge (records.haproxy.groups)',
      ],
      [
        { haproxy: {} },
        'www.mesos',
        {},
        '"WWW.mesos." is not below marathon.mesos (records.aliases.within: "zone" lets it be)',
      ],
      [
        { haproxy: {}, aliases: ZONE },
        'api.apps.example',
        {},
        '"api.apps.example" is outside zone mesos (records.aliases.zones may name a zone for it)',
      ],
    ),
    [
      {},
      'shop.marathon.mesos',
      { labels: { 'mesos-doh.alias': 'shop' } },
      [`${ASKS} by label mesos-doh.alias: labels are not read (records.labels)`],
    ],
    [
      { labels: 'read' },
      'a32.marathon.mesos',
      { labels: { 'mesos-doh.alias': Array.from({ length: 33 }, (_, i) => `a${i}`).join(',') } },
      [`${ASKS} by label mesos-doh.alias: the task has more names by labels than count`],
    ],
    // Another's label, and one that gives the name.
    [{ haproxy: {}, aliases: ZONE }, 'other.mesos', { labels: VHOSTS }, []],
    [{ haproxy: {}, aliases: ZONE }, 'www.mesos', { labels: VHOSTS }, []],
  ])('keeps by %j the name %s from its values', (records, name, task, expected) => {
    const { missing } = explain(records, name, task);
    expect(missing.map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual(expected);
  });

  it('can not be used, and how long answers live', () => {
    const wrong = { 'mesos-doh.ttl': 'abc', 'mesos-doh.weight': '70000' };
    const text = asText(explain({ labels: 'read' }, 'web.marathon.mesos', { labels: wrong }), undefined);
    expect(text).toContain('A, TTL 30 s, 1 value');
    expect(text).toContain(
      'task-label: task "web" of framework "marathon": label mesos-doh.ttl: "abc" is no number',
    );
    expect(text).toContain('label mesos-doh.weight: "70000" is no number from 0 to 65535');
    const own = { labels: { 'mesos-doh.ttl': '5' } };
    const other = { labels: { 'mesos-doh.ttl': '9' } };
    expect(asText(explain({ labels: 'read' }, 'web.marathon.mesos', other, own), undefined)).toContain(
      'A, TTL 5 s',
    );
  });
});
