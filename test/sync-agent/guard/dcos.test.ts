import { describe, expect, it } from 'vitest';
import { guard, type GuardInput, type Verdict } from '../../../sync-agent/guard/guard.ts';
import { EMPTY_MEMORY } from '../../../sync-agent/guard/memory.ts';
import { countedNames } from '../../../sync-agent/guard/scopes.ts';
import { withValues } from '../../../sync-agent/records/difference.ts';
import { emptyRecords, type RecordSet } from '../../../sync-agent/records/record-set.ts';
import { recordsOf } from '../states.ts';
import { isClusterRecord, type Job, jobs, SETTINGS, START_MS, stateOf, type Town } from './town.ts';

/** Names outside the zone: DC/OS's, which the zones that follow publish. */
const isOutside = (name: string): boolean => name.endsWith('.thisdcos.directory.');
const recordsIn = (town: Town, withVips = true): RecordSet => {
  const state = stateOf(town);
  const frameworks = state.frameworks.map((framework) => ({
    ...framework,
    tasks: framework.tasks.map((task) => ({ ...task, labels: { VIP_PORT0: `tcp:///${task.name}.x:80` } })),
  }));
  return recordsOf(withVips ? { ...state, frameworks } : state, {
    dcosNames: 'published',
    ipSources: ['host', 'netinfo'],
  }).set;
};
/** As a snapshot gives the zone's own names back. */
const inZone = (records: RecordSet): RecordSet => {
  const part = emptyRecords();
  for (const type of ['A', 'AAAA', 'SRV'] as const)
    for (const [name, values] of records[type]) if (!isOutside(name)) part[type].set(name, [...values]);
  return part;
};
const judge = (
  published: RecordSet,
  next: Town,
  parts: { atSeconds?: number; memory?: GuardInput['memory'] } = {},
): Verdict => {
  const { ended, recoveringAgents, frameworks } = stateOf(next);
  return guard({
    sources: [
      {
        name: 'mesos',
        published,
        next: recordsIn(next),
        ended,
        recoveringAgents,
        frameworks: frameworks.length,
        tasks: next.jobs.length,
        isClusterRecord,
      },
    ],
    memory: parts.memory ?? EMPTY_MEMORY,
    settings: SETTINGS,
    nowMs: START_MS + (parts.atSeconds ?? 0) * 1000,
    domain: 'mesos',
  });
};

const address = (job: Job, i: number): Job => ({
  ...job,
  address: `9.0.${job.agent}.${i + 1}`,
  discoveryPort: 8000 + i,
});
const ALL: Town = {
  jobs: [...jobs('f', 40, { on: 4 }).map(address), ...jobs('marathon.eu', 40, { on: 4, from: 100 })],
};
const HALF: Town = { jobs: ALL.jobs.filter((_, i) => Math.floor(i / 4) % 2 === 0) };

describe('names outside the zone', () => {
  it('are not counted', () => {
    const next = recordsIn(ALL);
    const names = [...countedNames({ next, isClusterRecord }, { domain: 'mesos' })];
    expect([...next.A.keys()].filter((name) => isOutside(name)).length).toBeGreaterThan(100);
    expect(names.filter((name) => isOutside(name))).toEqual([]);
    const added = [...countedNames({ next, isClusterRecord }, { domain: 'mesos', unless: inZone(next) })];
    expect(added).toEqual([]);
  });

  it('change no verdict: after a restart, when the snapshot has none of them, or before', () => {
    const without = judge(inZone(recordsIn(ALL)), HALF);
    const beside = judge(recordsIn(ALL), HALF);
    const { kept: _, ...verdict } = beside;
    const { kept: __, ...restarted } = without;
    expect(restarted).toEqual(verdict);
    expect(verdict.heldNames).toBeGreaterThan(40);
    // Of the few that are missing without them, none is held for those that are missing with them.
    const few: Town = { jobs: ALL.jobs.slice(0, -5) };
    expect(judge(recordsIn(ALL), few)).toEqual(judge(inZone(recordsIn(ALL)), few));
    expect(judge(recordsIn(ALL), few).heldNames).toBe(0);
  });

  it('are kept with the tasks that are held: addresses, shared names, ports, VIPs', () => {
    const before = recordsIn(ALL);
    const verdict = judge(before, HALF);
    const after = withValues(recordsIn(HALF), verdict.kept);
    for (const type of ['A', 'AAAA', 'SRV'] as const)
      for (const [name, values] of before[type])
        expect([name, after[type].get(name)?.toSorted()]).toEqual([name, values.toSorted()]);
    expect(after.A.size).toBe(before.A.size);
    const next = recordsIn(HALF);
    const read = verdict.kept.filter(({ type, name, value }) => next[type].get(name)?.includes(value));
    expect(read).toEqual([]);
  });

  it('go with the tasks that have ended, while others are held', () => {
    const gone = HALF.jobs.length;
    const ended = ALL.jobs.slice(4, 5);
    const verdict = judge(recordsIn(ALL), { ...HALF, ended });
    expect(verdict.heldNames).toBeGreaterThan(gone);
    const after = withValues(recordsIn({ ...HALF, ended }), verdict.kept);
    expect(after.A.get('web.f.containerip.dcos.thisdcos.directory.')).not.toContain(ended[0]?.address);
    expect(after.A.get('web.f.autoip.dcos.thisdcos.directory.')).not.toContain(ended[0]?.address);
    expect(JSON.stringify([...after.SRV])).toContain('containerip');
    expect(after.A.get('web.f.containerip.dcos.thisdcos.directory.')).toHaveLength(39);
  });

  it('go with those that are let go, and are not missing for themselves', () => {
    const first = judge(recordsIn(ALL), HALF);
    const published = withValues(recordsIn(HALF), first.kept);
    const settled = judge(published, HALF, { atSeconds: 120, memory: first.memory });
    expect(settled.heldNames).toBe(0);
    expect(settled.kept).toEqual([]);
    expect(settled.released).toBe(first.heldNames);
    // VIPs that a task gave up, and runs on: nothing holds them.
    const kept = judge(recordsIn(ALL), ALL);
    expect(kept.kept).toEqual([]);
    const stripped = guard({
      sources: [
        {
          name: 'mesos',
          published: recordsIn(ALL),
          next: recordsIn(ALL, false),
          ended: { tasks: [], frameworks: [] },
          recoveringAgents: 0,
          frameworks: 2,
          tasks: 80,
          isClusterRecord,
        },
      ],
      memory: EMPTY_MEMORY,
      settings: { ...SETTINGS, minRemoved: 1 },
      nowMs: START_MS,
      domain: 'mesos',
    });
    expect([stripped.heldNames, stripped.kept]).toEqual([0, []]);
  });
});
