import { describe, expect, it } from 'vitest';
import type { ClusterState, MesosTask } from '../../../sync-agent/cluster.ts';
import { type ConfigInput, parseConfig } from '../../../sync-agent/config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { agentAt, frameworkWith, recordsOf, settingsWith, stateWith, taskWith } from '../states.ts';

type Records = NonNullable<ConfigInput['records']>;

const AGENTS = [agentAt('x-S0', '10.0.0.1:5051')];
const ZONE: Records = { labels: 'read', haproxy: {}, aliases: { within: 'zone' } };
const settingsOf = (records: Records = ZONE): Partial<RecordSettings> => ({
  ...settingsWith(),
  ...recordSettings(parseConfig({ records }, 'test')),
});
const called = (name: string, alias?: string, parts: Partial<MesosTask> = {}): MesosTask =>
  taskWith({
    id: `${name}.1`,
    name,
    ...(alias !== undefined && { labels: { 'mesos-doh.alias': alias } }),
    ...parts,
  });

/** Tasks of framework `marathon`, and of `aurora`. */
const stateOf = (
  marathon: readonly MesosTask[],
  aurora: readonly MesosTask[] = [],
  parts: Partial<ClusterState> = {},
): ClusterState =>
  stateWith({
    agents: AGENTS,
    frameworks: [
      frameworkWith({ id: 'f-1', name: 'marathon', tasks: marathon }),
      frameworkWith({ id: 'f-2', name: 'aurora', tasks: aurora }),
    ],
    ...parts,
  });
const told = (state: ClusterState, settings = settingsOf()): string[] =>
  recordsOf(state, settings)
    .skipped.filter(({ reason }) => reason === 'alias-conflict')
    .map(({ detail }) => detail);

describe('an alias', () => {
  it("that is another task's name is told with both ids, once", () => {
    const tasks = [
      called('web', 'api'),
      called('web', 'api', { id: 'web.2' }),
      called('api'),
      called('api', undefined, { id: 'api.2' }),
    ];
    expect(told(stateOf(tasks))).toEqual([
      'api.marathon.mesos is given by task web.1 of framework "marathon" (f-1) by label mesos-doh.alias, and by task api.1 of framework "marathon" (f-1): its answers are mixed',
    ]);
  });

  it.each<[string, ClusterState, RegExp]>([
    [
      "another framework's task's name",
      stateOf([called('web', 'api.aurora.mesos')], [called('api')]),
      /^api\.aurora\.mesos .* and by task api\.1 of framework "aurora"/,
    ],
    [
      "a task's name by agent",
      stateOf([called('web', 'api.aurora.slave.mesos')], [called('api')]),
      /^api\.aurora\.slave\.mesos .* by task api\.1/,
    ],
    ["a framework's name", stateOf([called('web', 'aurora.mesos')]), /and by framework "aurora" \(f-2\): /],
    [
      "another's alias, in another framework",
      stateOf([called('web', 'shop.mesos')], [called('job', 'shop.mesos')]),
      /^shop\.mesos is given by task web\.1 .*, and by task job\.1 of framework "aurora" \(f-2\) by label mesos-doh\.alias: /,
    ],
    [
      'a vhost of another too',
      stateOf([
        called('web', 'shop.mesos'),
        called('api', undefined, { labels: { HAPROXY_0_VHOST: 'shop.mesos' } }),
      ]),
      /by label HAPROXY_0_VHOST/,
    ],
    [
      'a static record',
      stateOf([called('web', 'shop.mesos')], [], {
        staticRecords: [{ name: 'shop.mesos.', type: 'A', value: '10.9.9.9' }],
      }),
      /and by a static record: /,
    ],
    [
      'the name by label of another',
      stateOf([called('web', 'shop'), called('api', undefined, { labels: { 'mesos-doh.name': 'shop' } })]),
      /^shop\.marathon\.mesos .* and by task api\.1/,
    ],
  ])('is told that is %s', (_, state, line) => {
    const lines = told(state);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(line);
  });

  it("is told though the task is called the same in the other's framework, or has it as another instance alone", () => {
    expect(told(stateOf([called('web', 'shop.mesos')], [called('web', 'shop.mesos')]))).toHaveLength(1);
    const instances = [called('web', 'x'), called('web', 'api', { id: 'web.2' })];
    expect(told(stateOf([...instances, called('api')]))[0]).toMatch(/ is given by task web\.2 /);
  });

  it.each<[string, ClusterState]>([
    [
      'of one task with its instances',
      stateOf([called('web', 'shop'), called('web', 'shop', { id: 'web.2' })]),
    ],
    ["that is its task's own name", stateOf([called('web', 'web'), called('web', 'web', { id: 'web.2' })])],
    ['of the same word in two frameworks', stateOf([called('web', 'shop')], [called('job', 'shop')])],
    [
      "of two tasks that is the cluster's own name, which they do not get",
      stateOf([called('web', 'leader.mesos')], [called('job', 'leader.mesos')]),
    ],
    ['of a name nobody else has', stateOf([called('web', 'shop.mesos'), called('api')], [called('shop')])],
    ['of a task that ended', stateOf([called('web', 'api', { state: 'TASK_LOST' }), called('api')])],
    [
      'that is the name of one that ended',
      stateOf([called('web', 'api'), called('api', undefined, { state: 'TASK_LOST' })]),
    ],
    [
      'of a task that is not published',
      stateOf([
        called('web', undefined, { labels: { 'mesos-doh.alias': 'api', 'mesos-doh.publish': 'false' } }),
        called('api'),
      ]),
    ],
  ])('%s is no conflict', (_, state) => {
    expect(told(state)).toEqual([]);
  });

  it('is none where labels are not read, or all is mixed as with mesos-dns', () => {
    const state = stateOf([called('web', 'api'), called('api')]);
    expect(told(state, settingsOf({}))).toEqual([]);
    expect(told(state, settingsOf({ ...ZONE, reservedNames: 'mixed' }))).toEqual([]);
  });

  it("counts under the framework's aliases too, and no static records where there are none", () => {
    const settings = { ...settingsOf(), frameworkAliases: new Map([['aurora', ['jobs']]]) };
    const state = stateOf([called('web', 'api.jobs.mesos')], [called('api')]);
    expect(told(state, settings)).toHaveLength(1);
    const shop = [{ name: 'shop.mesos.', type: 'A', value: '10.9.9.9' } as const];
    const leftOut = { ...settingsOf(), clusterNames: 'left-out' } as const;
    expect(told(stateOf([called('web', 'shop.mesos')], [], { staticRecords: shop }), leftOut)).toEqual([]);
  });

  it('that many give, or many that are given twice, take few words', () => {
    const all = Array.from({ length: 30 }, (_, i) => called(`web${i}`, 'shop'));
    expect(told(stateOf(all))[0]).toMatch(
      /^shop\.marathon\.mesos is given by task web0\.1 .* and many more: its/,
    );
    const many = Array.from({ length: 60 }, (_, i) => [called(`a${i}`, `b${i}`), called(`b${i}`)]).flat();
    const lines = told(stateOf(many));
    expect([lines.length, lines.at(-1)]).toEqual([51, 'and 10 more names are given by several']);
  });

  it('is told of as long as both are there', () => {
    const settings = settingsWith(settingsOf());
    const keeper = createRecordKeeper(settings);
    const skippedWith = (...tasks: MesosTask[]) => keeper.update(stateOf(tasks), () => []).skipped;
    const [alias, api] = [called('web', 'api'), called('api')];
    expect(skippedWith(alias)).toEqual([]);
    expect(skippedWith(alias, api)).toMatchObject([{ reason: 'alias-conflict' }]);
    expect(skippedWith(alias, called('api', 'x'))).toMatchObject([{ reason: 'alias-conflict' }]);
    expect(skippedWith(called('web', 'other'), api)).toEqual([]);
  });
});
