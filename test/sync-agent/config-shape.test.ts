import { describe, expect, it } from 'vitest';
import { aliasZones } from '../../sync-agent/alias-zones.ts';
import { type ConfigInput, parseConfig } from '../../sync-agent/config.ts';
import { shapeRules } from '../../sync-agent/config-shape.ts';
import { recordSettings, variantSettings } from '../../sync-agent/record-settings.ts';
import { emptyRecords } from '../../sync-agent/records/record-set.ts';

type Records = NonNullable<ConfigInput['records']>;
const rulesOf = (records: Records): ReturnType<typeof shapeRules> =>
  shapeRules(parseConfig({ records }, 'x'));

describe('rules on tasks', () => {
  it.each<Records>([
    {},
    { profile: 'mesos-dns' },
    { profile: 'full' },
    { profile: 'dcos' },
    { labels: 'ignored', publish: 'all', tags: false, overrideTaskName: false, taskPortNames: 'off' },
    { include: [], exclude: [], groups: [] },
  ])('are none with %j', (records) => {
    expect(rulesOf(records)).toBeUndefined();
    expect(recordSettings(parseConfig({ records }, 'x'))).not.toHaveProperty('shape');
  });

  it.each<Records>([
    { profile: 'consul' },
    { include: ['a'] },
    { exclude: ['a'] },
    { includeFrameworks: ['a'] },
    { excludeFrameworks: ['a'] },
    { groups: ['(a)'] },
    { groupSeparator: '' },
    { overrideTaskName: 'x' },
    { labels: 'read' },
    { publish: 'labelled' },
    { tags: true },
    { taskTags: { a: ['b'] } },
    { portLabel: 'x' },
    { taskPortNames: 'number' },
    { zeroPorts: 'left-out' },
    { haproxy: {} },
  ])('are there with %j, in whatever profile', (records) => {
    expect(rulesOf(records)).toBeDefined();
    if (records.profile === undefined) expect(rulesOf({ profile: 'mesos-dns', ...records })).toBeDefined();
  });

  it('of profile consul are those that mesos-consul has unasked', () => {
    const asked = { nameLabel: undefined, tags: false, numberedPorts: 'off', zeroPorts: 'published' };
    expect(rulesOf({ profile: 'consul' })).toMatchObject({
      nameLabel: 'overrideTaskName',
      tags: true,
      numberedPorts: 'definition',
      zeroPorts: 'left-out',
      groupSeparator: '',
      ownLabels: false,
      publish: 'all',
    });
    const off = {
      overrideTaskName: false,
      tags: false,
      taskPortNames: 'off',
      zeroPorts: 'published',
    } as const;
    expect(rulesOf({ profile: 'consul', ...off, groupSeparator: '-' })).toMatchObject({
      ...asked,
      groupSeparator: '-',
    });
  });

  it('hold for variants too', () => {
    const config = parseConfig({ records: { exclude: ['x'] }, variants: { out: {} } }, 'x');
    expect(variantSettings(config, { clusterNames: 'published' }).shape).toEqual(
      recordSettings(config).shape,
    );
  });

  it.each<[unknown, string]>([
    [{ include: ['web', '('] }, 'c.json: records.include.1: pattern "(": missing closing ), at character 1'],
    [
      { excludeFrameworks: ['a**'] },
      'c.json: records.excludeFrameworks.0: pattern "a**": invalid nested repetition operator **, at character 2',
    ],
    [
      { groups: ['Kafka-.*'] },
      'c.json: records.groups.0: pattern "Kafka-.*": has no group whose text could become the name',
    ],
    [{ include: 'web' }, 'c.json: records.include: '],
    [{ include: Array.from({ length: 101 }, () => 'a') }, 'c.json: records.include: '],
    [
      { groupSeparator: '.' },
      'c.json: records.groupSeparator: should be letters, digits and dashes, or empty',
    ],
    [{ overrideTaskName: true }, 'c.json: records.overrideTaskName: should be the name of a label, or false'],
    [{ overrideTaskName: '' }, 'c.json: records.overrideTaskName: '],
    [{ publish: 'labeled' }, 'c.json: records.publish: '],
    [{ taskTags: { web: [] } }, 'c.json: records.taskTags.web: '],
    [{ taskTags: { '': ['a'] } }, 'c.json: records.taskTags'],
    [{ haproxy: { group: ['a'] } }, 'c.json: unknown key records.haproxy.group (did you mean groups?)'],
    [
      { haproxy: {}, aliases: { zone: [] } },
      'c.json: unknown key records.aliases.zone (did you mean zones?)',
    ],
    [{ exlude: ['a'] }, 'c.json: unknown key records.exlude (did you mean exclude?)'],
    [{ aliases: { as: 'cname' } }, 'c.json: records.aliases is of no use unless records.labels is "read"'],
    [{ haproxy: {}, aliases: { zones: ['a..b'] } }, 'c.json: records.aliases.zones.0: '],
    [
      { haproxy: {}, aliases: { zones: ['apps.mesos'] } },
      'records.aliases.zones: apps.mesos is in the domain mesos',
    ],
    [
      { haproxy: {}, aliases: { zones: ['a.example', 'x.A.example'] } },
      'records.aliases.zones: x.a.example is in another',
    ],
    [
      { haproxy: {}, aliases: { zones: ['a.example', 'a.example'] } },
      'records.aliases.zones: a.example is in another',
    ],
  ])('%j is refused, with the key', (records, message) => {
    expect(() => parseConfig({ records }, 'c.json')).toThrow(message);
  });
});

it('zones of aliases have the names that are in them, and nothing else', () => {
  const aliases = { zones: ['Apps.example', 'shop.example.'] };
  const config = parseConfig({ records: { haproxy: {}, aliases } }, 'x');
  const zones = aliasZones(config);
  expect(zones.map(({ zone }) => zone.origin)).toEqual(['apps.example', 'shop.example']);
  const records = emptyRecords();
  for (const name of ['www.apps.example.', 'apps.example.', 'xapps.example.', 'web.marathon.mesos.'])
    records.A.set(name, ['9.0.0.1']);
  records.MORE.set('www.apps.example.', ['TTL 5']);
  const derived = zones[0]?.derive(records);
  expect([...(derived?.A.keys() ?? [])]).toEqual(['www.apps.example.', 'apps.example.']);
  expect(derived?.MORE.get('www.apps.example.')).toEqual(['TTL 5']);
  expect(derived?.A.get('apps.example.')).not.toBe(records.A.get('apps.example.'));
  expect(zones[1]?.derive(records).A.size).toBe(0);
});
