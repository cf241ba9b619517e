import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState, Skipped } from '../../../sync-agent/cluster.ts';
import { changedNames, withBefore } from '../../../sync-agent/records/difference.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { anyState } from '../any-state.ts';
import { agentAt, frameworkWith, settingsWith, stateWith, statusWith, taskWith } from '../states.ts';

const HOSTS = new Map([['h1.example', ['10.9.9.9']]]);
const addressesOfHost = (host: string): readonly string[] => HOSTS.get(host) ?? [];

const sorted = ({ A, AAAA, SRV, MORE }: RecordSet): unknown =>
  [A, AAAA, SRV, MORE].map((lists) =>
    Array.from(lists, ([name, values]) => `${name} ${values.toSorted().join(' ')}`).toSorted(),
  );
const copyOf = ({ A, AAAA, SRV, MORE }: RecordSet): RecordSet => {
  const copied = (lists: RecordSet['A']): Map<string, string[]> =>
    new Map(Array.from(lists, ([name, values]) => [name, [...values]]));
  return { A: copied(A), AAAA: copied(AAAA), SRV: copied(SRV), MORE: copied(MORE) };
};
const anew = (state: ClusterState, settings: RecordSettings): { records: RecordSet; skipped: Skipped[] } => {
  const skipped: Skipped[] = [];
  const report = (each: Skipped): void => void skipped.push(each);
  return { records: generateRecords(state, settings, { addressesOfHost, report }), skipped };
};
const reasons = (skipped: readonly Skipped[]): string[] =>
  [...new Set(skipped.map(({ reason, detail }) => `${reason} ${detail}`))].toSorted();

describe('a record keeper', () => {
  it.each<[string, Partial<RecordSettings>]>([
    ['as we make records', {}],
    ['as mesos-dns makes them', { rawDiscoveryNames: 'as-is', reservedNames: 'mixed' }],
    ['with masters of its own', { masters: [{ host: 'h1.example', port: '5050' }] }],
  ])('has after any states what the last one gives, and tells what changed: %s', (_, changes) => {
    const settings = settingsWith(changes);
    // States that come again leave out nothing of the one before.
    const sequence = fc
      .array(anyState(), { minLength: 2, maxLength: 5 })
      .map((all) => [...all, ...all.slice(0, 1)]);
    fc.assert(
      fc.property(sequence, (states) => {
        const keeper = createRecordKeeper(settings);
        let before: RecordSet | undefined;
        for (const state of states) {
          const kept = keeper.update(state, addressesOfHost);
          const { records, skipped } = anew(state, settings);
          expect(sorted(kept.records)).toEqual(sorted(records));
          expect(reasons(kept.skipped)).toEqual(reasons(skipped));
          if (before) {
            expect([...kept.before.keys()].toSorted()).toEqual([...changedNames(before, records)].toSorted());
            expect(sorted(withBefore(kept.records, kept.before))).toEqual(sorted(before));
          } else expect(kept.before.size).toBe(0);
          before = copyOf(records);
        }
      }),
      { numRuns: 150 },
    );
  });

  const task = (n: number, parts = {}): ReturnType<typeof taskWith> =>
    taskWith({ id: `web.${n}`, agentId: `x-S${n}`, ...parts });
  const agents = [1, 2, 3].map((n) => agentAt(`x-S${n}`, `10.0.0.${n}:5051`));
  const stateOf = (tasks: readonly ReturnType<typeof taskWith>[], parts = {}): ClusterState =>
    stateWith({ agents, frameworks: [frameworkWith({ name: 'marathon', tasks })], ...parts });

  it('makes no records anew for tasks that came as other objects and say the same', () => {
    const keeper = createRecordKeeper(settingsWith());
    keeper.update(stateOf([task(1), task(2)]), addressesOfHost);
    const again = keeper.update(structuredClone(stateOf([task(1), task(2)])), addressesOfHost);
    expect(again.before.size).toBe(0);
  });

  it('leaves what all agents share as it is where one task changed', () => {
    const keeper = createRecordKeeper(settingsWith());
    const { records } = keeper.update(stateOf([task(1), task(2)]), addressesOfHost);
    const shared = records.A.get('slave.mesos.');
    expect(shared).toHaveLength(3);
    keeper.update(stateOf([task(1), task(3)]), addressesOfHost);
    expect(records.A.get('slave.mesos.')).toBe(shared);
  });

  it('follows an agent that got another address to all its tasks', () => {
    const keeper = createRecordKeeper(settingsWith());
    keeper.update(stateOf([task(1), task(2)]), addressesOfHost);
    const moved = [agentAt('x-S1', '10.0.0.77:5051'), ...agents.slice(1)];
    const { before, records } = keeper.update(
      stateOf([task(1), task(2)], { agents: moved }),
      addressesOfHost,
    );
    expect(records.A.get('web.marathon.mesos.')?.toSorted()).toEqual(['10.0.0.2', '10.0.0.77']);
    expect(before.get('web.marathon.mesos.')).toEqual({ A: ['10.0.0.1', '10.0.0.2'] });
  });

  it('leaves out an unhealthy task when its grace is over, though nothing else changed', () => {
    const tasks = {
      unhealthyTasks: 'leave-out',
      graceSeconds: 30,
      killingTasks: 'by-state',
      drainingAgents: 'keep',
      deactivatedAgents: 'keep',
      minVisibility: 'framework',
    } as const;
    const keeper = createRecordKeeper(settingsWith({ tasks }));
    const sick = task(1, { running: [statusWith({ timestamp: 100, healthy: false })] });
    const at = (asOfSeconds: number): readonly string[] | undefined => {
      const { records, hidden } = keeper.update(stateOf([sick, task(2)], { asOfSeconds }), addressesOfHost);
      expect(hidden).toEqual(asOfSeconds < 130 ? {} : { unhealthy: 1 });
      return records.A.get('web.marathon.mesos.')?.toSorted();
    };
    expect([at(110), at(129), at(130)]).toEqual([
      ['10.0.0.1', '10.0.0.2'],
      ['10.0.0.1', '10.0.0.2'],
      ['10.0.0.2'],
    ]);
  });
});
