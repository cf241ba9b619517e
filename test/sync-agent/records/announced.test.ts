import { describe, expect, it } from 'vitest';
import type {
  ClusterState,
  EndedTask,
  MesosTask,
  ServerSet,
  ServerSetMember,
} from '../../../sync-agent/cluster.ts';
import { guard } from '../../../sync-agent/guard/guard.ts';
import { EMPTY_MEMORY } from '../../../sync-agent/guard/memory.ts';
import { withBefore } from '../../../sync-agent/records/difference.ts';
import { createRecordKeeper } from '../../../sync-agent/records/keeper.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { joinServerSets } from '../../../sync-agent/server-sets.ts';
import { endpointAt, memberAt, serverSet } from '../server-sets.ts';
import { agentAt, frameworkWith, settingsWith, stateWith, taskWith } from '../states.ts';

const UUID = '0a1b2c3d-0000-4000-8000-00000000000';
const idOf = (shard: number, run = 0, job = 'http_example'): string =>
  `vagrant-test-${job}-${shard}-${UUID}${run}`;
const agents = [1, 2].map((n) => ({ ...agentAt(`x-S${n}`, `10.0.0.${n}:5051`), hostname: `h${n}` }));
const agentIdOf = (shard: number): string => `x-S${(shard % 2) + 1}`;
const member = (shard: number, parts: Partial<ServerSetMember> = {}): ServerSetMember => ({
  ...memberAt(shard, `h${(shard % 2) + 1}`, { http: 31000 + shard }),
  name: `member_${String(shard).padStart(10, '0')}`,
  ...parts,
});
const running = (id: string, shard: number): MesosTask =>
  taskWith({ id, name: 'vagrant/test/http_example', agentId: agentIdOf(shard) });
const ended = (id: string, shard: number): EndedTask => ({
  id,
  agentId: agentIdOf(shard),
  frameworkName: 'Aurora',
});

type Parts = {
  readonly members?: readonly ServerSetMember[];
  readonly sets?: readonly ServerSet[];
  readonly tasks?: readonly MesosTask[];
  readonly ended?: readonly EndedTask[];
  readonly recoveringAgents?: number;
};
const stateOf = ({
  members,
  sets,
  tasks = [],
  ended: done = [],
  recoveringAgents = 0,
}: Parts): ClusterState =>
  joinServerSets(
    stateWith({
      agents,
      frameworks: [frameworkWith({ name: 'Aurora', tasks })],
      ended: { tasks: done, frameworks: [] },
      recoveringAgents,
    }),
    sets ?? [serverSet(members ?? [])],
  );
const none = (): readonly string[] => [];
const ZERO = '0.http_example.test.vagrant.aurora.mesos.';
const SHARED = 'http_example.test.vagrant.aurora.mesos.';
/** What is known of a name after one state and then another. */
const known = (before: Parts, after: Parts, settings: Partial<RecordSettings> = {}) => {
  const keeper = createRecordKeeper(settingsWith(settings));
  keeper.update(stateOf(before), none);
  const { announced } = keeper.update(stateOf(after), none);
  return { zero: announced.get(ZERO), shared: announced.get(SHARED), announced };
};

describe('names of members that left', () => {
  const one = { members: [member(0)], tasks: [running(idOf(0), 0)] };
  it.each<[string, Parts, Parts, boolean]>([
    ['are known to be over with their task', one, { ended: [ended(idOf(0), 0)] }, true],
    ['of ids that begin with milliseconds too', one, { ended: [ended(`1700000000000-${idOf(0)}`, 0)] }, true],
    ['are not where nothing is said of the task', one, {}, false],
    ['are not where the task runs on', one, { tasks: one.tasks, ended: [ended(idOf(0, 1), 0)] }, false],
    ['are not by another instance', one, { ended: [ended(idOf(1), 0), ended(idOf(10), 0)] }, false],
    ['are not by another job', one, { ended: [ended(idOf(0, 0, 'my-http_example'), 0)] }, false],
    ['are not by one on another agent', one, { ended: [ended(idOf(0), 1)] }, false],
    [
      'are not by one of another framework',
      one,
      { ended: [{ ...ended(idOf(0), 0), frameworkName: 'marathon' }] },
      false,
    ],
    [
      'are not while agents are on their way to a new leader',
      one,
      { ended: [ended(idOf(0), 0)], recoveringAgents: 1 },
      false,
    ],
    ['are not while the member is there', one, { ...one, ended: [ended(idOf(0), 0)] }, false],
    [
      'are known by the task that the member names',
      { members: [member(0, { task: { taskId: 't', agentId: 'x-S1' } })] },
      { ended: [ended('t', 0)], recoveringAgents: 1 },
      true,
    ],
    [
      'are not known by a task of that id in another framework',
      { members: [member(0, { task: { taskId: 't', agentId: 'x-S1' } })] },
      { ended: [{ ...ended('t', 0), frameworkName: 'evil' }] },
      false,
    ],
    ['go with a set that is gone', one, { sets: [], ended: [ended(idOf(0), 0)] }, true],
    ['do not go with a set alone', one, { sets: [] }, false],
  ])('%s', (_, before, after, is) => {
    const { zero, shared } = known(before, after);
    expect([zero, shared]).toEqual([is, is]);
  });

  it('are not over where another member has them, or this one is only not found', () => {
    const moved = member(0, { name: 'member_0000000077' });
    expect(known(one, { members: [moved], ended: [ended(idOf(0), 0)] })).toMatchObject({ zero: false });
    const lost = { ...member(0), primary: endpointAt('gone:31000'), additional: [] };
    expect(known(one, { members: [lost] })).toMatchObject({ zero: false });
  });

  it('are over when Mesos says so later, bit by bit too, unless they are back by then', () => {
    const keeper = createRecordKeeper(settingsWith());
    const after = (parts: Parts): readonly (boolean | undefined)[] => {
      const { announced } = keeper.update(stateOf(parts), none);
      return [announced.get(ZERO), announced.get(SHARED)];
    };
    const two = { members: [member(0), member(2)] };
    after(two);
    expect(after({})).toEqual([false, false]);
    expect(after({ ended: [ended(idOf(0), 0)], recoveringAgents: 1 })).toEqual([false, false]);
    expect(after({ ended: [ended(idOf(0), 0)] })).toEqual([true, false]);
    // Its entry may be gone from the master's list by now.
    expect(after({ ended: [ended(idOf(2), 2)] })).toEqual([true, true]);
    expect(after(two)).toEqual([false, false]);
    expect(after({ members: [member(2)] })).toEqual([false, false]);
    expect(after({ ...two, ended: [ended(idOf(0), 0)] })).toEqual([false, false]);
  });

  it('are over once all that had them are', () => {
    const two = { members: [member(0), member(2)] };
    expect(known(two, { ended: [ended(idOf(0), 0)] })).toMatchObject({ zero: true, shared: false });
    expect(known(two, { ended: [ended(idOf(0), 0), ended(idOf(2), 2)] })).toMatchObject({ shared: true });
    expect(known(two, { members: [member(2)], ended: [ended(idOf(0), 0)] })).toMatchObject({
      zero: true,
      shared: false,
    });
  });

  it('are over where a rule hides the task', () => {
    const keeper = createRecordKeeper(settingsWith());
    keeper.update(stateOf(one), none);
    const task = {
      ...running(idOf(0), 0),
      discovery: { name: 'http_example.test.vagrant', ports: [{ number: 31000, name: '', protocol: 'tcp' }] },
    };
    const hiding = createRecordKeeper(
      settingsWith({ tasks: { minVisibility: 'cluster' } as RecordSettings['tasks'] }),
    );
    const at = (visibility: 'CLUSTER' | 'FRAMEWORK'): ClusterState =>
      stateOf({
        members: [member(0)],
        tasks: [{ ...task, discovery: { ...task.discovery, visibility } } as MesosTask],
      });
    hiding.update(at('CLUSTER'), none);
    expect(hiding.update(at('FRAMEWORK'), none).announced.get(ZERO)).toBe(true);
  });

  it('are forgotten once they are back, and those that are long gone', () => {
    const keeper = createRecordKeeper(settingsWith());
    keeper.update(stateOf(one), none);
    expect(keeper.update(stateOf({ ended: [ended(idOf(0), 0)] }), none).announced.get(ZERO)).toBe(true);
    expect(keeper.update(stateOf({ ...one, ended: [ended(idOf(0, 7), 0)] }), none).announced.get(ZERO)).toBe(
      false,
    );
    const many = Array.from({ length: 6000 }, (_, i) => member(i));
    keeper.update(stateOf({ members: many }), none);
    const { announced } = keeper.update(stateOf({}), none);
    expect(announced.size).toBeLessThanOrEqual(10_000);
    expect(announced.has('5999.http-example-test-vagrant.aurora.mesos.')).toBe(true);
  });
});

describe('many members that leave at once', () => {
  const shards = Array.from({ length: 40 }, (_, i) => i);
  const all = {
    members: shards.map((shard) => member(shard)),
    tasks: shards.map((shard) => running(idOf(shard), shard)),
  };
  const verdictOn = (after: Parts) => {
    const keeper = createRecordKeeper(settingsWith());
    keeper.update(stateOf({ members: [...all.members], tasks: after.tasks ?? [] }), none);
    const state = stateOf(after);
    const { records, before, announced } = keeper.update(state, none);
    return guard({
      sources: [
        {
          name: 'mesos',
          published: withBefore(records, before),
          next: records,
          ended: state.ended,
          recoveringAgents: 0,
          frameworks: 1,
          tasks: 1,
          isClusterRecord: () => false,
          announced,
        },
      ],
      memory: EMPTY_MEMORY,
      settings: {
        maxRemovedPercent: 30,
        minRemoved: 20,
        windowSeconds: 600,
        settleSeconds: 60,
        failoverSeconds: 600,
      },
      nowMs: 1_750_000_000_000,
      domain: 'mesos',
    });
  };

  it('are not held a second time where their tasks have ended', () => {
    const { heldNames, memory } = verdictOn({ ended: shards.map((shard) => ended(idOf(shard), shard)) });
    expect([heldNames, memory]).toEqual([0, EMPTY_MEMORY]);
  });
  it('are held where their tasks run on: somebody deleted the tree, or cut executors off', () => {
    expect(verdictOn({ tasks: all.tasks }).heldNames).toBe(82);
    expect(verdictOn({ tasks: all.tasks, sets: [] }).heldNames).toBe(82);
  });
});
