import { describe, expect, it } from 'vitest';
import type { MesosFramework } from '../../../sync-agent/cluster.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import { agentAt, frameworkWith, recordsOf, settingsWith, stateWith, taskWith } from '../states.ts';

const AGENTS = [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', '10.0.0.2:5051')];
const ONE = frameworkWith({ id: 'f-1', name: 'marathon', tasks: [taskWith({ id: 'a' })] });
const TWO = frameworkWith({ id: 'f-2', name: 'Marathon', tasks: [taskWith({ id: 'b', agentId: 'x-S1' })] });
const CONFLICT = {
  reason: 'name-conflict',
  detail:
    'marathon is the name of framework "Marathon" (f-2), framework "marathon" (f-1): its answers hold the tasks of all',
};

const made = (frameworks: readonly MesosFramework[], settings: Parameters<typeof recordsOf>[1] = {}) =>
  recordsOf({ agents: AGENTS, frameworks }, settings);

describe('frameworks of one name', () => {
  it('are told by their ids, in any order, and lose nothing', () => {
    for (const frameworks of [
      [ONE, TWO],
      [TWO, ONE],
    ]) {
      const { records, skipped } = made(frameworks);
      expect(skipped).toEqual([CONFLICT]);
      expect(records.A['web.marathon.mesos.']?.toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
    }
  });

  it('are those whose names are one in DNS alone', () => {
    expect(made([ONE, { ...ONE, name: 'marathon.eu', id: 'f-3' }]).skipped).toEqual([]);
    expect(made([ONE, ONE]).skipped).toEqual([]);
    expect(made([ONE]).skipped).toEqual([]);
  });

  it('are told of where an alias is the name of another', () => {
    const frameworkAliases = new Map([['aurora', ['marathon']]]);
    const { skipped } = made([ONE, frameworkWith({ id: 'f-9', name: 'Aurora' })], { frameworkAliases });
    expect(skipped).toEqual([
      {
        reason: 'name-conflict',
        detail:
          'marathon is the name of framework "Aurora" (f-9), framework "marathon" (f-1): its answers hold the tasks of all',
      },
    ]);
  });

  it('are told of in variants without schedulers too', () => {
    expect(made([ONE, TWO], { clusterNames: 'left-out' }).skipped).toEqual([CONFLICT]);
  });

  it('are mixed without a word where mesos-dns would', () => {
    expect(made([ONE, TWO], { reservedNames: 'mixed' }).skipped).toEqual([]);
  });

  it('that are many are told of in one line', () => {
    const many = Array.from({ length: 12 }, (_, i) => ({ ...ONE, id: `f-${i}`, tasks: [] }));
    const { skipped } = made(many);
    expect(skipped).toHaveLength(1);
    expect(skipped[0]?.detail).toMatch(/\(f-0\), .*\(f-11\), .* and 7 more: /);
  });

  it('are told of as long as they are there', () => {
    const keeper = createRecordKeeper(settingsWith());
    const told = (...frameworks: MesosFramework[]) =>
      keeper.update(stateWith({ agents: AGENTS, frameworks }), () => []).skipped;
    expect(told(ONE)).toEqual([]);
    expect(told(ONE, TWO)).toEqual([CONFLICT]);
    expect(told(ONE, { ...TWO, tasks: [] })).toEqual([CONFLICT]);
    expect(told(TWO)).toEqual([]);
  });
});
