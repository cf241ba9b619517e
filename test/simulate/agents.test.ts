import { describe, expect, it } from 'vitest';
import type { ClusterEvent } from '../../simulate/cluster-event.ts';
import { createCluster, type SimulatedCluster } from '../../simulate/cluster.ts';
import { featuresOf, parseVersion } from '../../simulate/mesos-version.ts';

const AT = { atSeconds: 1_750_000_100 };

const tasksOn = (cluster: SimulatedCluster, agentId: string) =>
  cluster
    .snapshot()
    .frameworks.flatMap((each) => each.tasks)
    .filter((task) => task.agent.id === agentId);

function watched(cluster: SimulatedCluster) {
  const events: ClusterEvent[] = [];
  const stop = new AbortController();
  cluster.watch((event) => events.push(event), stop.signal);
  return { events, stop: () => stop.abort() };
}

describe('agents', () => {
  it.each(['draining', 'drained', 'deactivated', 'disconnected'] as const)(
    'that are %s keep what they have, get nothing new, and no event tells of it',
    (standing) => {
      const cluster = createCluster({ seed: 1, agents: 3, tasks: 90 });
      const { events, stop } = watched(cluster);
      const [id = '', other = ''] = cluster.agents.map((agent) => agent.id);
      const before = new Set(tasksOn(cluster, id).map((task) => task.id));
      cluster.setAgent(id, standing);
      expect(events).toEqual([]);
      expect(cluster.snapshot().standings).toEqual(new Map([[id, standing]]));
      expect(tasksOn(cluster, id)).toHaveLength(before.size);
      stop();
      cluster.churn(300, AT);
      expect(tasksOn(cluster, id).every((task) => before.has(task.id))).toBe(true);
      cluster.setAgent(id, undefined);
      cluster.setAgent(other, 'draining');
      cluster.churn(300, AT);
      expect(tasksOn(cluster, id).some((task) => !before.has(task.id))).toBe(true);
    },
  );

  it('leave with their tasks and come back with them as they were', () => {
    const cluster = createCluster({ seed: 1, agents: 4, tasks: 120 });
    const { events } = watched(cluster);
    const [, id = ''] = cluster.agents.map((agent) => agent.id);
    const tasks = tasksOn(cluster, id);
    expect(cluster.loseAgent(id, AT).map((task) => task.state)).toEqual(tasks.map(() => 'TASK_UNREACHABLE'));
    expect(events.map(({ kind }) => kind)).toEqual([...tasks.map(() => 'task-updated'), 'agent-removed']);
    const without = cluster.snapshot();
    expect(without.agents.map((agent) => agent.id)).not.toContain(id);
    expect(tasksOn(cluster, id)).toEqual([]);
    expect(without.frameworks.flatMap((each) => each.unreachableTasks)).toHaveLength(tasks.length);
    // What has left meanwhile does not come back.
    cluster.completeFramework('kafka', AT);
    events.length = 0;
    const back = tasks.filter((task) => task.app.framework.name !== 'kafka');
    expect(new Set(cluster.returnAgent(id))).toEqual(new Set(back));
    expect(new Set(tasksOn(cluster, id))).toEqual(new Set(back));
    expect(events.map(({ kind }) => kind)).toEqual([...back.map(() => 'task-added'), 'agent-added']);
    const after = cluster.snapshot();
    expect(after.frameworks.flatMap((each) => each.unreachableTasks)).toEqual([]);
    expect(after.agents).toEqual(cluster.agents);
  });

  it('unregister: their tasks have ended, and streams are told of the agent', () => {
    const cluster = createCluster({ seed: 1, agents: 4, tasks: 120 });
    const { events } = watched(cluster);
    const [id = ''] = cluster.agents.map((agent) => agent.id);
    const ended = cluster.loseAgent(id, { ...AT, as: 'unregistered' });
    expect(ended.length).toBeGreaterThan(10);
    expect(ended.every((task) => task.state === 'TASK_LOST')).toBe(true);
    expect(events.at(-1)).toMatchObject({ kind: 'agent-removed', isTold: true });
    const { frameworks } = cluster.snapshot();
    expect(frameworks.flatMap((each) => each.unreachableTasks)).toEqual([]);
    const completed = new Set(frameworks.flatMap((each) => each.completedTasks));
    expect(ended.every((task) => completed.has(task))).toBe(true);
    expect(cluster.returnAgent(id)).toEqual([]);
  });

  it('give their places up only to come back to them: no port is had twice', () => {
    const cluster = createCluster({ seed: 5, agents: 2, tasks: 150 });
    const [id = ''] = cluster.agents.map((agent) => agent.id);
    cluster.loseAgent(id, AT);
    cluster.churn(300, AT);
    cluster.returnAgent(id);
    cluster.churn(300, AT);
    const ports = tasksOn(cluster, id).flatMap((task) => task.hostPorts);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('are refused where there is no sense in it', () => {
    const cluster = createCluster({ seed: 1 });
    const [id = ''] = cluster.agents.map((agent) => agent.id);
    expect(() => cluster.setAgent('x', 'draining')).toThrow('no agent x');
    expect(() => cluster.loseAgent('x', AT)).toThrow('no agent x');
    expect(() => cluster.returnAgent(id)).toThrow('is not lost');
    cluster.loseAgent(id, AT);
    expect(() => cluster.loseAgent(id, AT)).toThrow('lost already');
  });
});

it('a task is told to stop once', () => {
  const cluster = createCluster({ seed: 1 });
  const [search] = cluster.apps;
  if (search === undefined) throw new Error('no app');
  const { task } = cluster.startTask(search, AT);
  expect(cluster.killTask(task.id, AT).task.state).toBe('TASK_KILLING');
  expect(() => cluster.killTask(task.id, AT)).toThrow('is not running');
});

it('a framework that is away is no longer connected, and its tasks run on', () => {
  const cluster = createCluster({ seed: 1 });
  const kafka = () => cluster.snapshot().frameworks.find((each) => each.framework.name === 'kafka');
  const before = kafka();
  cluster.connectFramework('kafka', false);
  expect(kafka()).toEqual({ ...before, connected: false });
  cluster.connectFramework('kafka', true);
  expect(kafka()).toEqual(before);
});

describe('a version', () => {
  it.each([
    ['0.28.2', []],
    ['1.0.4', ['operatorApi']],
    ['1.4.0', ['operatorApi', 'taskStatuses', 'agentEvents', 'recoveredAgents', 'frameworkEvents']],
    ['2.0', 'all'],
  ])('%s can do %j', (text, features) => {
    const has = featuresOf(parseVersion(text));
    const able = Object.entries(has).filter(([, can]) => can);
    expect(able.map(([name]) => name)).toEqual(features === 'all' ? Object.keys(has) : features);
  });

  it.each(['', '1', '1.x', 'v1.9.0', '1.9.0-rc1', '1.9.0.1'])('is not %j', (text) => {
    expect(() => parseVersion(text)).toThrow(RangeError);
  });
});
