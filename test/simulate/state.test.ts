import { describe, expect, it } from 'vitest';
import { createCluster } from '../../simulate/cluster.ts';
import { stateChunks, stateOf } from '../../simulate/state.ts';

const MASTER = { id: 'a-master', ip: '127.0.0.1', port: 5050, hostname: 'localhost', electedSeconds: 1.5 };

function parseRanges(text: string): readonly number[] {
  expect(text).toMatch(/^\[\d+-\d+(?:, \d+-\d+)*\]$/);
  return text
    .slice(1, -1)
    .split(', ')
    .flatMap((range) => {
      const [first = NaN, last = NaN] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, step) => first + step);
    });
}

describe('stateChunks', () => {
  it('joins to the JSON of the whole object', () => {
    for (const tasks of [0, 1, 3, 120, 1_000]) {
      for (const seed of [1, 2, 3]) {
        const snapshot = createCluster({ seed, tasks }).snapshot();
        const text = [...stateChunks(snapshot, MASTER)].join('');
        expect(text === JSON.stringify(stateOf(snapshot, MASTER))).toBe(true);
      }
    }
  });

  it('is the same text for the same seed', () => {
    const text = () => [...stateChunks(createCluster({ seed: 8 }).snapshot(), MASTER)].join('');
    expect(text() === text()).toBe(true);
  });

  it('never holds much of a large state', () => {
    const chunks = [...stateChunks(createCluster({ seed: 1, tasks: 3_000 }).snapshot(), MASTER)];
    expect(chunks.length).toBeGreaterThan(20);
    for (const chunk of chunks) expect(chunk.length).toBeLessThan(100_000);
  });

  it('writes the instant it was asked for, whatever changes meanwhile', () => {
    const cluster = createCluster({ seed: 1, tasks: 300 });
    const before = [...stateChunks(cluster.snapshot(), MASTER)].join('');
    const chunks = stateChunks(cluster.snapshot(), MASTER);
    let text = '';
    for (const chunk of chunks) {
      text += chunk;
      cluster.churn(20, { atSeconds: 1_750_000_100 });
    }
    expect(text === before).toBe(true);
  });
});

describe('stateOf', () => {
  const snapshot = createCluster({ seed: 21, tasks: 400 }).snapshot();
  const state = stateOf(snapshot, MASTER);
  const tasks = state.frameworks.flatMap((framework) => framework.tasks);
  const json = JSON.stringify(state);

  it('names its leader by address and by name', () => {
    expect(state.leader).toBe('master@127.0.0.1:5050');
    expect(state.pid).toBe(state.leader);
    expect(state.leader_info).toEqual({
      id: 'a-master',
      pid: state.leader,
      port: 5050,
      hostname: 'localhost',
    });
    expect(stateOf(snapshot, { ...MASTER, ip: '::1' }).leader).toBe('master@[::1]:5050');
    expect(state.elected_time).toBe(1.5);
  });

  it('has the agent of every task', () => {
    const ids = new Set(state.slaves.map((slave) => slave.id));
    expect(state.activated_slaves).toBe(ids.size);
    for (const task of tasks) expect(ids.has(task.slave_id)).toBe(true);
    for (const slave of state.slaves) expect(slave.pid).toMatch(/^slave\(1\)@10\.\d+\.\d+\.\d+:5051$/);
  });

  it('leaves out the PID of a scheduler on the HTTP API, and of no other', () => {
    const aurora = state.frameworks.find((framework) => framework.name === 'Aurora');
    expect(JSON.parse(JSON.stringify(aurora))).not.toHaveProperty('pid');
    for (const framework of state.frameworks) {
      if (framework !== aurora) expect(framework.pid).toMatch(/^scheduler-[0-9a-f-]{36}@10\.0\.0\.\d+:\d+$/);
    }
  });

  it('writes ports as ranges that read back to the very ports', () => {
    const living = snapshot.frameworks.flatMap((each) => each.tasks);
    let joined = 0;
    tasks.forEach((task, index) => {
      const ports = living[index]?.hostPorts ?? [];
      if (ports.length === 0) expect(task.resources.ports).toBeUndefined();
      else expect(parseRanges(task.resources.ports ?? '')).toEqual(ports.toSorted((a, b) => a - b));
    });
    for (const slave of state.slaves) {
      expect(parseRanges(slave.resources.ports)).toHaveLength(1_001);
      const own = living.filter((task) => task.agent.id === slave.id).flatMap((task) => task.hostPorts);
      const text = slave.used_resources.ports ?? '';
      expect(parseRanges(text)).toEqual(own.toSorted((a, b) => a - b));
      joined += text
        .split(', ')
        .filter((range) => new Set(range.replace(/[[\]]/g, '').split('-')).size === 2).length;
    }
    // Neighbours are one range: without them this test would prove less.
    expect(joined).toBeGreaterThan(0);
  });

  it('counts what a framework uses', () => {
    const [marathon] = state.frameworks;
    const cpus = marathon?.tasks.reduce((sum, task) => sum + task.resources.cpus, 0);
    expect(marathon?.used_resources.cpus).toBeCloseTo(cpus ?? NaN, 3);
    expect(marathon?.used_resources.gpus).toBe(0);
  });

  it('writes labels as a list on tasks, as an object in discovery', () => {
    const labelled = tasks.find((task) => task.name === 'search');
    expect(labelled?.labels).toEqual([{ key: 'team', value: 'search' }]);
    const broker = tasks.find((task) => task.name === 'broker-0');
    expect(broker?.discovery).toEqual({
      visibility: 'EXTERNAL',
      name: 'broker-0',
      ports: {
        ports: [
          { number: broker?.statuses.length === 0 ? 0 : expect.any(Number), name: 'broker', protocol: 'tcp' },
        ],
      },
      labels: { labels: [{ key: 'VIP_0', value: 'broker:9092' }] },
    });
    // A discovery without ports still has the key, with nothing in it.
    expect(json).toContain('"ports":{}');
  });

  it('keeps statuses in order of time, the last one saying the state', () => {
    const ended = state.frameworks.flatMap((framework) => framework.completed_tasks);
    expect(ended.length).toBeGreaterThan(5);
    for (const task of [...tasks, ...ended]) {
      const times = task.statuses.map((status) => status.timestamp);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      if (task.state !== 'TASK_STAGING') expect(task.statuses.at(-1)?.state).toBe(task.state);
    }
  });

  it('gives addresses in statuses, and only a request for them under container', () => {
    const inContainers = tasks.filter(
      (task) => task.container?.type === 'MESOS' && task.state === 'TASK_RUNNING',
    );
    expect(inContainers.length).toBeGreaterThan(5);
    for (const task of inContainers) {
      expect(task.statuses.at(-1)?.container_status?.network_infos[0]?.ip_addresses[0]?.ip_address).toMatch(
        /^10\./,
      );
      expect(JSON.stringify(task.container)).not.toContain('ip_address"');
    }
    const bridged = tasks.find(
      (task) => JSON.stringify(task.container)?.includes('BRIDGE') && task.state === 'TASK_RUNNING',
    );
    const [label] = bridged?.statuses.at(-1)?.labels ?? [];
    expect(label?.key).toBe('Docker.NetworkSettings.IPAddress');
    expect(label?.value).toMatch(/^172\.17\./);
  });

  it('has a framework that left, with completed tasks only', () => {
    const [gone] = state.completed_frameworks;
    expect(gone).toMatchObject({ name: 'spark', active: false, connected: false, tasks: [] });
    expect(gone?.unregistered_time).toBeGreaterThan(0);
    expect(gone?.completed_tasks).toHaveLength(1);
    expect(state.frameworks.map((framework) => framework.id)).not.toContain(gone?.id);
  });

  it('weighs about 900 bytes a task', () => {
    const size = [...stateChunks(createCluster({ seed: 2, tasks: 2_000 }).snapshot(), MASTER)].join(
      '',
    ).length;
    expect(size / 2_000).toBeGreaterThan(750);
    expect(size / 2_000).toBeLessThan(1_050);
  });
});
