import { describe, expect, it } from 'vitest';
import type { MesosFramework } from '../../../sync-agent/cluster.ts';
import { partsOf } from '../../../sync-agent/records/framework-alias.ts';
import { agentAt, frameworkWith, recordsOf, taskWith } from '../states.ts';

const AGENTS = [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S1', '10.0.0.2:5051')];
const AURORA = frameworkWith({ id: 'f-1', name: 'Aurora', tasks: [taskWith({ id: 'a' })] });
const OTHER = frameworkWith({ id: 'f-2', name: 'ts', tasks: [taskWith({ id: 'b', agentId: 'x-S1' })] });

const made = (frameworks: readonly MesosFramework[], aliases: Readonly<Record<string, readonly string[]>>) =>
  recordsOf({ agents: AGENTS, frameworks }, { frameworkAliases: new Map(Object.entries(aliases)) });

describe('an alias of a framework', () => {
  it('leads one step: a chain does not go on, and a circle does not go round', () => {
    const chain = {
      frameworkAliases: new Map([
        ['a', ['b']],
        ['b', ['c']],
      ]),
    };
    expect([partsOf('a', chain), partsOf('b', chain), partsOf('c', chain)]).toEqual([
      ['a', 'b'],
      ['b', 'c'],
      ['c'],
    ]);
    const circle = {
      frameworkAliases: new Map([
        ['a', ['b']],
        ['b', ['a']],
      ]),
    };
    expect([partsOf('a', circle), partsOf('b', circle)]).toEqual([
      ['a', 'b'],
      ['b', 'a'],
    ]);
    expect(partsOf('a', {})).toEqual(['a']);
  });

  it('is a name while its framework is there, and no other time', () => {
    expect(made([AURORA], { aurora: ['ts'] }).records.A).toMatchObject({
      'web.aurora.mesos.': ['10.0.0.1'],
      'web.ts.mesos.': ['10.0.0.1'],
    });
    expect(
      Object.keys(made([], { aurora: ['ts'] }).records.A).filter((name) => name.includes('.ts.')),
    ).toEqual([]);
  });

  it('that another live framework has for a name mixes both there, and that is told with both ids', () => {
    const { records, skipped } = made([AURORA, OTHER], { aurora: ['ts'] });
    expect(records.A['web.ts.mesos.']?.toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(records.A['web.aurora.mesos.']).toEqual(['10.0.0.1']);
    const [told, ...more] = skipped.filter(({ reason }) => reason === 'name-conflict');
    expect(more).toEqual([]);
    expect(told?.detail).toMatch(/^ts is .*\(f-1\).*\(f-2\)/);
    expect(made([AURORA], { aurora: ['ts'] }).reasons()).toEqual([]);
  });

  it('never takes the cluster’s own names', () => {
    const aurora = { ...AURORA, endpoint: { host: '10.0.0.9', port: '8081' } };
    const { records, reasons } = made([aurora], { aurora: ['leader', 'slave', 'master0'] });
    expect([records.A['leader.mesos.'], records.A['slave.mesos.'], records.A['master0.mesos.']]).toEqual([
      undefined,
      ['10.0.0.1', '10.0.0.2'],
      undefined,
    ]);
    expect(new Set(reasons())).toEqual(new Set(['reserved-name']));
  });
});
