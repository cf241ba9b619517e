import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterSnapshot, SimulatedTask } from '../../simulate/cluster-snapshot.ts';
import { createCluster } from '../../simulate/cluster.ts';
import { afterFailover } from '../../simulate/failover.ts';

const AT = 1_750_000_100;

function livingOf(snapshot: ClusterSnapshot): readonly SimulatedTask[] {
  return snapshot.frameworks.flatMap((each) => each.tasks);
}

function endedOf(snapshot: ClusterSnapshot): readonly SimulatedTask[] {
  return snapshot.frameworks.flatMap((each) => each.completedTasks);
}

function searchOf(snapshot: ClusterSnapshot): readonly SimulatedTask[] {
  return livingOf(snapshot).filter(
    (task) => task.app.framework.name === 'marathon' && task.app.name === 'search',
  );
}

function firstRunning(snapshot: ClusterSnapshot): SimulatedTask {
  const task = livingOf(snapshot).find((each) => each.state === 'TASK_RUNNING' && each.hostPorts.length > 0);
  if (task === undefined) throw new Error('nothing runs');
  return task;
}

/** What must hold for any cluster at any time. */
function expectSound(snapshot: ClusterSnapshot): void {
  const living = livingOf(snapshot);
  const ids = [...living, ...endedOf(snapshot)].map((task) => task.id);
  expect(new Set(ids).size).toBe(ids.length);
  const ports = living.flatMap((task) => task.hostPorts.map((port) => `${task.agent.id} ${port}`));
  expect(new Set(ports).size).toBe(ports.length);
  const containers = living
    .filter((task) => task.app.network === 'container')
    .flatMap((task) => task.addresses);
  expect(new Set(containers).size).toBe(containers.length);
  const agents = new Set(snapshot.agents);
  for (const task of living) {
    expect(agents.has(task.agent)).toBe(true);
    for (const port of task.hostPorts) {
      expect(task.agent.portRanges.some(([first, last]) => first <= port && port <= last)).toBe(true);
    }
  }
}

describe('createCluster', () => {
  it('gives the same cluster for the same seed and another for another', () => {
    const whole = (seed: number) => JSON.stringify(createCluster({ seed }).snapshot());
    expect(whole(7)).toBe(whole(7));
    expect(new Set([0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1].map(whole)).size).toBe(6);
  });

  it('has the size asked for', () => {
    for (const tasks of [0, 1, 2, 3, 5, 8, 41, 120, 1_000]) {
      const snapshot = createCluster({ seed: 1, agents: 7, tasks }).snapshot();
      expect(snapshot.agents).toHaveLength(7);
      expect(livingOf(snapshot)).toHaveLength(tasks);
    }
    expect(createCluster({ seed: 1 }).agents).toHaveLength(12);
    expect(createCluster({ seed: 1, tasks: 10_000 }).agents).toHaveLength(250);
  });

  it('refuses sizes that no cluster has', () => {
    expect(() => createCluster({ seed: 1, agents: 0 })).toThrow(RangeError);
    expect(() => createCluster({ seed: 1, tasks: -1 })).toThrow(RangeError);
    expect(() => createCluster({ seed: 1, tasks: 1.5 })).toThrow(RangeError);
    expect(() => createCluster({ seed: 1, agents: 1, tasks: 5_001 })).toThrow('at least 2 agents');
    expectSound(createCluster({ seed: 1, agents: 1, tasks: 5_000 }).snapshot());
  });

  it('writes ids as Mesos and its frameworks do', () => {
    const snapshot = createCluster({ seed: 3 }).snapshot();
    const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
    for (const agent of snapshot.agents) expect(agent.id).toMatch(new RegExp(`^${uuid}-S\\d+$`));
    for (const { framework } of snapshot.frameworks)
      expect(framework.id).toMatch(new RegExp(`^${uuid}-000\\d$`));
    const idOf = (name: string) => livingOf(snapshot).find((task) => task.app.name === name)?.id;
    expect(idOf('search')).toMatch(new RegExp(`^search\\.${uuid}$`));
    expect(idOf('web.prod')).toMatch(new RegExp(`^prod_web\\.${uuid}$`));
    expect(idOf('www-data/prod/hello')).toMatch(new RegExp(`^\\d{13}-www-data-prod-hello-0-${uuid}$`));
    expect(idOf('broker-0')).toMatch(new RegExp(`^broker-0__${uuid}$`));
  });

  it('has something of everything, whatever the seed', () => {
    for (let seed = 0; seed < 40; seed++) {
      const snapshot = createCluster({ seed }).snapshot();
      const living = livingOf(snapshot);
      expect(snapshot.frameworks.filter((each) => each.tasks.length > 0)).toHaveLength(9);
      expect(new Set(living.map((task) => task.app.network)).size).toBe(3);
      expect(new Set(living.map((task) => task.app.discovery?.visibility)).size).toBe(4);
      for (const state of ['TASK_RUNNING', 'TASK_STAGING', 'TASK_KILLING']) {
        expect(living.filter((task) => task.state === state)).not.toHaveLength(0);
      }
      expect(living.filter((task) => task.addresses.some((each) => each.includes(':')))).not.toHaveLength(0);
      expect(living.filter((task) => task.statuses.at(-1)?.healthy === false)).not.toHaveLength(0);
      expect(living.filter((task) => task.hostPorts.length > 1)).not.toHaveLength(0);
      expect(
        living.filter((task) => task.app.ports.some((port) => port.name !== undefined)),
      ).not.toHaveLength(0);
      expect(endedOf(snapshot)).not.toHaveLength(0);
    }
  });
});

describe('the search app', () => {
  it('runs three times at least on host ports, whatever the seed, the size and the churn', () => {
    const sizes = { agents: fc.integer({ min: 1, max: 30 }), tasks: fc.integer({ min: 0, max: 90 }) };
    fc.assert(
      fc.property(fc.record({ seed: fc.maxSafeInteger(), ...sizes }), (options) => {
        const cluster = createCluster(options);
        for (let step = 0; step < 40; step++) {
          const running = searchOf(cluster.snapshot()).filter((task) => task.state === 'TASK_RUNNING');
          expect(running.length).toBeGreaterThanOrEqual(Math.min(3, options.tasks));
          for (const task of running) {
            expect(task.app.discovery).toBeUndefined();
            expect(task.hostPorts).toHaveLength(1);
            expect(task.addresses).toEqual([task.agent.ip]);
          }
          // Three at a time, so that more than one change may fall on `search` between looks.
          cluster.churn(3, { atSeconds: AT + step });
        }
        expectSound(cluster.snapshot());
      }),
      { numRuns: 60 },
    );
  });

  it('is spread over agents where there are enough', () => {
    for (let seed = 0; seed < 20; seed++) {
      const search = searchOf(createCluster({ seed }).snapshot());
      expect(new Set(search.map((task) => task.agent)).size).toBe(search.length);
    }
  });
});

describe('mutations', () => {
  it('starts an instance of an app, running or staging', () => {
    const cluster = createCluster({ seed: 5 });
    const app = cluster.apps.find((each) => each.name === 'web.prod');
    if (app === undefined) throw new Error('no such app');
    const { task } = cluster.startTask(app, { atSeconds: AT });
    expect(task).toMatchObject({
      app,
      state: 'TASK_RUNNING',
      statuses: [{ state: 'TASK_STARTING' }, { state: 'TASK_RUNNING', timestampSeconds: AT }],
    });
    const staging = cluster.startTask(app, { atSeconds: AT, state: 'TASK_STAGING' }).task;
    expect(staging).toMatchObject({ state: 'TASK_STAGING', statuses: [] });
    expect(livingOf(cluster.snapshot())).toEqual(expect.arrayContaining([task, staging]));
    expectSound(cluster.snapshot());
  });

  it("ends a task into its framework's completed ones", () => {
    const cluster = createCluster({ seed: 5 });
    const task = firstRunning(cluster.snapshot());
    const change = cluster.endTask(task.id, { atSeconds: AT, state: 'TASK_FAILED' });
    expect(change).toMatchObject({ kind: 'ended', task: { id: task.id, state: 'TASK_FAILED' } });
    const after = cluster.snapshot();
    expect(livingOf(after).map((each) => each.id)).not.toContain(task.id);
    expect(livingOf(after)).toHaveLength(119);
    const own = after.frameworks.find((each) => each.framework === task.app.framework);
    expect(own?.completedTasks.at(-1)).toBe(change.task);
    expect(() => cluster.endTask(task.id, { atSeconds: AT })).toThrow(task.id);
  });

  it('keeps a thousand completed tasks a framework, as Mesos does', () => {
    const cluster = createCluster({ seed: 5, tasks: 3 });
    const [search] = cluster.apps;
    if (search === undefined) throw new Error('no app');
    for (let n = 0; n < 1_010; n++) {
      cluster.endTask(cluster.startTask(search, { atSeconds: AT + n }).task.id, { atSeconds: AT + n });
    }
    expect(cluster.snapshot().frameworks[0]?.completedTasks).toHaveLength(1_000);
  });

  it('moves a task elsewhere under a new id', () => {
    const cluster = createCluster({ seed: 5, agents: 2 });
    // Often enough for the same port of a thousand to come up by chance, if nothing kept it from that.
    for (let round = 0; round < 20; round++) {
      for (const before of livingOf(cluster.snapshot())) {
        const { from, to } = cluster.moveTask(before.id, { atSeconds: AT + round });
        expect(from).toMatchObject({ id: before.id, state: 'TASK_KILLED' });
        expect([to.app, to.instance, to.state]).toEqual([before.app, before.instance, 'TASK_RUNNING']);
        expect(to.id).not.toBe(before.id);
        expect(to.agent).not.toBe(before.agent);
        for (const port of to.hostPorts) expect(before.hostPorts).not.toContain(port);
      }
    }
    expectSound(cluster.snapshot());
  });

  it('moves on the spot, to other ports, where there is one agent', () => {
    const cluster = createCluster({ seed: 5, agents: 1 });
    for (const before of livingOf(cluster.snapshot())) {
      const { to } = cluster.moveTask(before.id, { atSeconds: AT });
      for (const port of to.hostPorts) expect(before.hostPorts).not.toContain(port);
    }
    expectSound(cluster.snapshot());
  });

  it('sets health in place of the last status of the same state', () => {
    const cluster = createCluster({ seed: 5 });
    const task = firstRunning(cluster.snapshot());
    const change = cluster.setHealth(task.id, { atSeconds: AT, healthy: false });
    expect(change.task.statuses.map((each) => each.state)).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    expect(change.task.statuses.at(-1)).toEqual({
      state: 'TASK_RUNNING',
      timestampSeconds: AT,
      healthy: false,
    });
    expect(livingOf(cluster.snapshot())).toContain(change.task);
    expect(() => cluster.setHealth('nobody', { atSeconds: AT, healthy: true })).toThrow('nobody');
    const staging = livingOf(cluster.snapshot()).find((each) => each.state === 'TASK_STAGING');
    expect(() => cluster.setHealth(staging?.id ?? '', { atSeconds: AT, healthy: true })).toThrow(
      'not running',
    );
  });

  it('leaves earlier snapshots as they were', () => {
    const cluster = createCluster({ seed: 5 });
    const snapshot = cluster.snapshot();
    const before = JSON.stringify(snapshot);
    cluster.churn(200, { atSeconds: AT });
    expect(JSON.stringify(snapshot)).toBe(before);
    expect(JSON.stringify(cluster.snapshot())).not.toBe(before);
  });
});

describe('churn', () => {
  it('is the same for the same seed and calls', () => {
    const run = () => {
      const cluster = createCluster({ seed: 11 });
      const changes = cluster.churn(300, { atSeconds: AT });
      return JSON.stringify([changes, cluster.snapshot()]);
    };
    expect(run()).toBe(run());
  });

  it('does everything that happens in a cluster, and keeps its size', () => {
    const cluster = createCluster({ seed: 12 });
    const changes = cluster.churn(3_000, { atSeconds: AT });
    expect(changes).toHaveLength(3_000);
    expect(new Set(changes.map((change) => change.kind))).toEqual(
      new Set(['started', 'updated', 'ended', 'moved']),
    );
    const snapshot = cluster.snapshot();
    expect(Math.abs(livingOf(snapshot).length - 120)).toBeLessThanOrEqual(2);
    expect(livingOf(snapshot).filter((task) => task.state === 'TASK_RUNNING').length).toBeGreaterThan(90);
    expectSound(snapshot);
  });

  it('says what changed: the changes, replayed, give the tasks there are', () => {
    const cluster = createCluster({ seed: 13 });
    const replayed = new Map(livingOf(cluster.snapshot()).map((task) => [task.id, task]));
    for (const change of cluster.churn(1_000, { atSeconds: AT })) {
      if (change.kind === 'moved') replayed.delete(change.from.id);
      if (change.kind === 'ended') replayed.delete(change.task.id);
      if (change.kind === 'moved') replayed.set(change.to.id, change.to);
      if (change.kind === 'started' || change.kind === 'updated') replayed.set(change.task.id, change.task);
    }
    const living = livingOf(cluster.snapshot());
    expect(replayed.size).toBe(living.length);
    for (const task of living) expect(replayed.get(task.id)).toBe(task);
  });

  it('gives back the ports of tasks that ended', () => {
    // One agent has 1,001 ports: without giving back they would be spent before the end.
    const cluster = createCluster({ seed: 15, agents: 1, tasks: 30 });
    cluster.churn(4_000, { atSeconds: AT });
    expectSound(cluster.snapshot());
  });

  it('fills an empty cluster without failing', () => {
    const cluster = createCluster({ seed: 14, tasks: 0 });
    expect(cluster.churn(50, { atSeconds: AT })).toHaveLength(50);
    expectSound(cluster.snapshot());
  });
});

describe('mishaps', () => {
  it('empty a framework, with a trace or without', () => {
    for (const evidence of [true, false]) {
      const cluster = createCluster({ seed: 21 });
      const before = cluster.snapshot();
      const frameworkIn = (snapshot: ClusterSnapshot) =>
        snapshot.frameworks.find(({ framework }) => framework.name === 'marathon');
      const tasks = frameworkIn(before)?.tasks ?? [];
      const changes = cluster.emptyFramework('marathon', { atSeconds: AT, evidence });
      expect(changes.map(({ kind }) => kind)).toEqual(tasks.map(() => (evidence ? 'ended' : 'vanished')));
      const after = cluster.snapshot();
      expect(frameworkIn(after)?.tasks).toEqual([]);
      const traces =
        (frameworkIn(after)?.completedTasks.length ?? 0) - (frameworkIn(before)?.completedTasks.length ?? 0);
      expect(traces).toBe(evidence ? tasks.length : 0);
      expect(livingOf(after)).toHaveLength(livingOf(before).length - tasks.length);
      expectSound(after);
    }
  });

  it('take a share of tasks away without a trace, and give back their ports', () => {
    const cluster = createCluster({ seed: 22, agents: 1, tasks: 900 });
    const ended = endedOf(cluster.snapshot());
    expect(cluster.vanish(0.6)).toHaveLength(540);
    expect(livingOf(cluster.snapshot())).toHaveLength(360);
    expect(endedOf(cluster.snapshot())).toEqual(ended);
    cluster.churn(3_000, { atSeconds: AT });
    expectSound(cluster.snapshot());
    expect(cluster.vanish(0)).toEqual([]);
    expect(() => cluster.vanish(2)).toThrow(RangeError);
  });

  it('complete a framework, which never runs anything again', () => {
    const cluster = createCluster({ seed: 23, tasks: 300 });
    const count = livingOf(cluster.snapshot()).filter((task) => task.app.framework.name === 'Aurora').length;
    cluster.completeFramework('Aurora', { atSeconds: AT });
    expect(() => cluster.completeFramework('Aurora', { atSeconds: AT })).toThrow('Aurora');
    expect(() => cluster.emptyFramework('nobody', { atSeconds: AT, evidence: true })).toThrow('nobody');
    cluster.churn(2_000, { atSeconds: AT + 1 });
    const { frameworks, completedFrameworks } = cluster.snapshot();
    expect(frameworks.map(({ framework }) => framework.name)).not.toContain('Aurora');
    const left = completedFrameworks.find(({ framework }) => framework.name === 'Aurora');
    expect(left).toMatchObject({ tasks: [], unregisteredSeconds: AT });
    expect(left?.completedTasks.length).toBeGreaterThanOrEqual(count);
    expectSound(cluster.snapshot());
  });
});

describe('a failover', () => {
  const cluster = createCluster({ seed: 24 });
  const whole = cluster.snapshot();
  const at = (seconds: number) =>
    afterFailover(whole, { atMs: AT * 1_000, agentsReturnOverSeconds: 24 }, (AT + seconds) * 1_000);

  it('brings back agents by and by, each with its tasks', () => {
    const known = Array.from({ length: 25 }, (_, seconds) => at(seconds));
    expect(known.map(({ agents }) => agents.length)).toEqual(
      known.map((_, seconds) => Math.floor(seconds / 2)),
    );
    for (const snapshot of known) {
      expect(snapshot.agents.length + snapshot.recoveredAgents.length).toBe(12);
      const here = new Set(snapshot.agents);
      expect(livingOf(snapshot)).toEqual(livingOf(whole).filter(({ agent }) => here.has(agent)));
    }
    expect(known[0]?.frameworks).toEqual([]);
    expect(known[5]?.frameworks).toHaveLength(9);
  });

  it('leaves a leader that knows nothing of what ended before it', () => {
    expect(endedOf(at(24))).toEqual([]);
    expect(at(24).completedFrameworks).toEqual([]);
    const task = firstRunning(cluster.snapshot());
    cluster.endTask(task.id, { atSeconds: AT + 5 });
    const after = afterFailover(
      cluster.snapshot(),
      { atMs: AT * 1_000, agentsReturnOverSeconds: 0 },
      AT * 1_000,
    );
    expect(endedOf(after).map(({ id }) => id)).toEqual([task.id]);
  });
});
