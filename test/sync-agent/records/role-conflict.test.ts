import { describe, expect, it } from 'vitest';
import type { MesosTask } from '../../../sync-agent/cluster.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { readTask } from '../../../sync-agent/sources/mesos-v0.ts';
import { readTaskV1 } from '../../../sync-agent/sources/mesos-v1.ts';
import { agentAt, frameworkWith, recordsOf, settingsWith, stateWith, taskWith } from '../states.ts';

const AGENTS = [agentAt('x-S0', '10.0.0.1:5051')];
const inRole = (id: string, role: string | undefined, parts: Partial<MesosTask> = {}): MesosTask =>
  taskWith({ id, ...(role !== undefined && { role }), ...parts });
const told = (tasks: readonly MesosTask[], settings: Partial<RecordSettings> = {}): string[] =>
  recordsOf({ agents: AGENTS, frameworks: [frameworkWith({ id: 'f-1', name: 'marathon', tasks })] }, settings)
    .skipped.filter(({ reason }) => reason === 'name-conflict')
    .map(({ detail }) => detail);

describe('tasks of several roles of one framework', () => {
  it('with one name are told once, by roles and ids', () => {
    const tasks = [
      inRole('w.3', 'prod'),
      inRole('w.1', 'dev'),
      inRole('w.2', 'dev'),
      inRole('w.4', undefined),
    ];
    const line =
      'web.marathon.mesos is the name of tasks of role * (w.4), role dev (w.1, w.2), role prod (w.3) of framework "marathon" (f-1): its answers hold all of them';
    expect(told(tasks)).toEqual([line]);
    expect(told(tasks.toReversed())).toEqual([line]);
  });

  it('are told by the name they have in DNS', () => {
    const discovery = { name: 'shop', ports: [] };
    expect(told([inRole('1', 'a', { name: 'W_eb' }), inRole('2', 'b', { name: 'w-eb' })])[0]).toMatch(
      /^w-eb\./,
    );
    expect(told([inRole('1', 'a', { discovery }), inRole('2', 'b', { name: 'shop' })])[0]).toMatch(/^shop\./);
    expect(told([inRole('1', 'a', { discovery }), inRole('2', 'b')])).toEqual([]);
  });

  it('are no conflict with names of their own, in one role, or ended', () => {
    expect(told([inRole('1', 'a'), inRole('2', 'b', { name: 'api' })])).toEqual([]);
    expect(told([inRole('1', 'a'), inRole('2', 'a')])).toEqual([]);
    expect(told([inRole('1', 'a'), inRole('2', 'a'), inRole('3', 'b', { name: 'api' })])).toEqual([]);
    expect(told([inRole('1', undefined), inRole('2', undefined)])).toEqual([]);
    expect(told([inRole('1', 'a'), inRole('2', 'b', { state: 'TASK_LOST' })])).toEqual([]);
  });

  it('are mixed without a word where mesos-dns would', () => {
    expect(told([inRole('1', 'a'), inRole('2', 'b')], { reservedNames: 'mixed' })).toEqual([]);
  });

  it('that are many take few lines, and few words', () => {
    const many = Array.from({ length: 60 }, (_, i) => [
      inRole(`a${i}`, 'a', { name: `n${i}` }),
      inRole(`b${i}`, 'b', { name: `n${i}` }),
    ]).flat();
    const lines = told(many);
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe('and 10 more names are given by several');
    const alike = Array.from({ length: 30 }, (_, i) => inRole(`t${i}`, `r${i % 10}`));
    expect(told(alike)[0]).toMatch(/role r0 \(t0, t10, t20\), .* and 5 more of framework/);
    expect(told(alike)[0]).not.toContain('role r5');
  });

  it('are told of as long as they run', () => {
    const keeper = createRecordKeeper(settingsWith());
    const skippedWith = (...tasks: MesosTask[]) =>
      keeper.update(
        stateWith({ agents: AGENTS, frameworks: [frameworkWith({ name: 'marathon', tasks })] }),
        () => [],
      ).skipped;
    expect(skippedWith(inRole('1', 'a'))).toEqual([]);
    expect(skippedWith(inRole('1', 'a'), inRole('2', 'b'))).toHaveLength(1);
    expect(skippedWith(inRole('2', 'b'))).toEqual([]);
  });
});

describe('several frameworks of one name', () => {
  it('are told with their roles', () => {
    const frameworks = [
      frameworkWith({ id: 'f-1', name: 'marathon', roles: ['prod', 'dev'] }),
      frameworkWith({ id: 'f-2', name: 'marathon', roles: ['team'] }),
      frameworkWith({ id: 'f-3', name: 'marathon' }),
    ];
    expect(recordsOf({ frameworks }).skipped[0]?.detail).toBe(
      'marathon is the name of framework "marathon" (f-1) of roles dev, prod, framework "marathon" (f-2) of role team, framework "marathon" (f-3): its answers hold the tasks of all',
    );
  });
});

describe("a task's role", () => {
  const never = (): never => expect.unreachable();
  const v0 = { id: 't', name: 'web', slave_id: 's', state: 'TASK_RUNNING' };
  const v1 = {
    name: 'web',
    state: 'TASK_RUNNING',
    task_id: { value: 't' },
    framework_id: { value: 'f' },
    agent_id: { value: 's' },
  };
  it('is read the same from state and operator API', () => {
    const resources = [
      { name: 'cpus', allocation_info: { role: 'prod' } },
      { name: 'mem', allocation_info: { role: 'prod' } },
    ];
    expect(readTask({ ...v0, role: 'prod' }, never)?.role).toBe('prod');
    expect(readTaskV1({ ...v1, resources }, never)?.task.role).toBe('prod');
  });

  it.each([undefined, '*', '', 5, null])('is none where it is %j', (role) => {
    expect(readTask({ ...v0, role }, never)).not.toHaveProperty('role');
    const resources = [{ name: 'cpus', allocation_info: { role } }];
    expect(readTaskV1({ ...v1, resources }, never)?.task).not.toHaveProperty('role');
  });

  it.each([[[]], [[{ name: 'cpus' }]], [[{ name: 'cpus', allocation_info: 5 }]]])(
    'is none where resources are %j',
    (resources) => {
      expect(readTaskV1({ ...v1, resources }, never)?.task).not.toHaveProperty('role');
    },
  );
});
