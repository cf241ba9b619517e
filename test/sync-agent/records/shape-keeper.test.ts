import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, MesosTask, Skipped } from '../../../sync-agent/cluster.ts';
import { type ConfigInput, parseConfig } from '../../../sync-agent/config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { changedNames } from '../../../sync-agent/records/difference.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { anyState } from '../any-state.ts';
import { agentAt, frameworkWith, stateWith, statusWith, taskWith } from '../states.ts';

type Records = NonNullable<ConfigInput['records']>;

const HOSTS = new Map([['h1.example', ['10.9.9.9']]]);
const addressesOfHost = (host: string): readonly string[] => HOSTS.get(host) ?? [];
const settingsOf = (records: Records): RecordSettings => recordSettings(parseConfig({ records }, 'test'));
const sorted = ({ A, AAAA, SRV, MORE }: RecordSet): unknown =>
  [A, AAAA, SRV, MORE].map((lists) =>
    Array.from(lists, ([name, values]) => `${name} ${values.toSorted().join(' ')}`).toSorted(),
  );
const copyOf = ({ A, AAAA, SRV, MORE }: RecordSet): RecordSet => {
  const copied = (lists: RecordSet['A']): Map<string, string[]> =>
    new Map(Array.from(lists, ([name, values]) => [name, [...values]]));
  return { A: copied(A), AAAA: copied(AAAA), SRV: copied(SRV), MORE: copied(MORE) };
};
const told = (skipped: readonly Skipped[]): string[] =>
  [...new Set(skipped.map(({ reason, detail }) => `${reason} ${detail}`))].toSorted();

describe('a record keeper with rules', () => {
  const aliases: Records['aliases'] = { within: 'zone', zones: ['apps.example'] };
  it.each<[string, Records]>([
    [
      'filters',
      { include: ['[wax]'], exclude: ['^x'], includeFrameworks: ['m', 'y'], excludeFrameworks: ['3'] },
    ],
    ['names', { groups: ['^(a).b', '(?i)(we).*'], overrideTaskName: 'overrideTaskName', groupSeparator: '' }],
    ['our labels', { labels: 'read', aliases }],
    [
      'our labels, reserved names mixed',
      { labels: 'read', aliases: { ...aliases, as: 'cname' }, reservedNames: 'mixed' },
    ],
    ['only what is labelled', { publish: 'labelled', haproxy: { groups: ['external'] } }],
    ['as mesos-consul', { profile: 'consul', portLabel: 'ports', taskTags: { w: ['front'] } }],
    ['vhosts as names', { haproxy: { strict: true }, aliases, taskPortNames: 'number' }],
    [
      'all of it',
      { profile: 'consul', labels: 'read', haproxy: {}, aliases, portLabel: 'ports', groups: ['(we).*'] },
    ],
  ])('has after any states what the last one gives: %s', (_, records) => {
    const settings = settingsOf(records);
    const sequence = fc
      .array(anyState(), { minLength: 2, maxLength: 4 })
      .map((all) => [...all, ...all.slice(0, 1)]);
    fc.assert(
      fc.property(sequence, (states) => {
        const keeper = createRecordKeeper(settings);
        let before: RecordSet | undefined;
        for (const state of states) {
          const kept = keeper.update(state, addressesOfHost);
          const skipped: Skipped[] = [];
          const report = (each: Skipped): void => void skipped.push(each);
          const anew = generateRecords(state, settings, { addressesOfHost, report });
          expect(sorted(kept.records)).toEqual(sorted(anew));
          expect(told(kept.skipped)).toEqual(told(skipped));
          if (before)
            expect([...kept.before.keys()].toSorted()).toEqual([...changedNames(before, anew)].toSorted());
          before = copyOf(anew);
        }
      }),
      { numRuns: 60 },
    );
  });

  const agents = [1, 2].map((n) => agentAt(`x-S${n}`, `10.0.0.${n}:5051`));
  const task = (n: number, parts: Partial<MesosTask> = {}): MesosTask =>
    taskWith({
      id: `web.${n}`,
      agentId: `x-S${n}`,
      running: [statusWith({ netinfo: [`9.0.0.${n}`] })],
      ...parts,
    });
  const stateOf = (...tasks: MesosTask[]): ClusterState =>
    stateWith({ agents, frameworks: [frameworkWith({ name: 'marathon', tasks })] });

  it('follows a label that changes, and leaves nothing behind', () => {
    const keeper = createRecordKeeper(settingsOf({ labels: 'read', tags: true }));
    const names = (labels: Record<string, string>): string[] => {
      const { records } = keeper.update(stateOf(task(1, { labels }), task(2)), addressesOfHost);
      return [...records.A.keys(), ...records.MORE.keys()].filter((name) =>
        /^[a-z.]+\.marathon\.mesos/.test(name),
      );
    };
    const plain = names({});
    expect(plain).toEqual(['web.marathon.mesos.']);
    expect(names({ 'mesos-doh.alias': 'shop', tags: 'blue', 'mesos-doh.ttl': '5' }).toSorted()).toEqual(
      ['blue.web', 'shop', 'web'].flatMap((name) => [`${name}.marathon.mesos.`, `${name}.marathon.mesos.`]),
    );
    expect(names({ 'mesos-doh.name': 'shop' })).toEqual(['web.marathon.mesos.', 'shop.marathon.mesos.']);
    expect(names({})).toEqual(plain);
  });

  it('makes nothing anew for tasks that say the same', () => {
    const keeper = createRecordKeeper(settingsOf({ profile: 'consul', labels: 'read' }));
    const labels = { tags: 'blue', 'mesos-doh.ttl': 'abc' };
    const state = stateOf(task(1, { labels }), task(2, { labels }));
    keeper.update(state, addressesOfHost);
    const again = keeper.update(structuredClone(state), addressesOfHost);
    expect(again.before.size).toBe(0);
    expect(again.skipped.map(({ reason }) => reason)).toEqual(['task-label']);
  });

  it('looks at the health of all that a rule gives one name', () => {
    const keeper = createRecordKeeper(settingsOf({ groups: ['(Kafka)-.*'] }));
    const sick = [statusWith({ netinfo: ['9.0.0.2'], healthy: false })];
    const state = stateOf(task(1, { name: 'Kafka-1' }), task(2, { name: 'Kafka-2', running: sick }));
    const { records, hidden } = keeper.update(state, addressesOfHost);
    expect(records.A.get('kafka.marathon.mesos.')).toEqual(['9.0.0.1']);
    expect(hidden).toEqual({ unhealthy: 1 });
  });

  it('counts what it hides by reason, and what it hides is to go', () => {
    const keeper = createRecordKeeper(settingsOf({ exclude: ['secret'], labels: 'read' }));
    const state = stateOf(
      task(1, { name: 'secret-1' }),
      task(2, { name: 'secret-2' }),
      taskWith({ id: 'web.3', agentId: 'x-S1', labels: { 'mesos-doh.publish': 'false' } }),
    );
    const { hidden, hiddenTasks } = keeper.update(state, addressesOfHost);
    expect(hidden).toEqual({ excluded: 2, label: 1 });
    expect(hiddenTasks.map(({ id }) => id)).toEqual(['web.1', 'web.2', 'web.3']);
  });
});
