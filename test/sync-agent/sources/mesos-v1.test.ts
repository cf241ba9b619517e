import { describe, expect, it } from 'vitest';
import { readAgentV1, readFrameworkV1, readTaskV1 } from '../../../sync-agent/sources/mesos-v1.ts';
import { keepReports } from '../reports.ts';

const TASK = {
  task_id: { value: 't' },
  framework_id: { value: 'f' },
  agent_id: { value: 'S0' },
  name: 'web',
  state: 'TASK_RUNNING',
};

describe('the ports of a task', () => {
  const portsOf = (resources: unknown) => {
    const { report, reasons, details } = keepReports();
    const task = readTaskV1({ ...TASK, resources }, report);
    return {
      ports: task?.task.ports.map(({ begin, end }) => `${begin}-${end}`),
      reasons: reasons(),
      details: details(),
    };
  };
  const ports = (...range: readonly unknown[]) => ({ name: 'ports', type: 'RANGES', ranges: { range } });

  it.each([
    ['none', [], []],
    ['of a list that is not there', undefined, []],
    ['of one resource, as they stand', [ports({ begin: 5, end: 5 }, { begin: 4, end: 4 })], ['5-5', '4-4']],
    ['one range', [ports({ begin: 31000, end: 31002 })], ['31000-31002']],
    [
      'of several roles, in order and joined',
      [ports({ begin: 5, end: 6 }), { name: 'cpus' }, ports({ begin: 9, end: 9 }, { begin: 3, end: 4 })],
      ['3-6', '9-9'],
    ],
    [
      'without those that can be taken back',
      [{ ...ports({ begin: 1, end: 1 }), revocable: {} }, ports({ begin: 2, end: 2 })],
      ['2-2'],
    ],
    ['without a range that ends before it begins', [ports({ begin: 5, end: 4 })], []],
  ])('are added up: %s', (_, resources, expected) => {
    expect(portsOf(resources)).toEqual({ ports: expected, reasons: [], details: [] });
  });

  it.each([{ begin: '1', end: 2 }, { begin: 1 }, { begin: 1.5, end: 2 }, {}])(
    'but %j, which is told',
    (range) => {
      const outcome = portsOf([ports(range, { begin: 7, end: 7 })]);
      expect(outcome).toMatchObject({ ports: ['7-7'], reasons: ['task-ports'] });
    },
  );

  it('are not shown while it does not run', () => {
    const entry = readTaskV1(
      { ...TASK, state: 'TASK_STAGING', resources: [ports({ begin: 7, end: 7 })] },
      () => {},
    );
    expect([entry?.task.ports, entry?.ports]).toEqual([[], [{ begin: 7, end: 7 }]]);
  });
});

describe('the statuses of a task', () => {
  const KEY = 'Docker.NetworkSettings.IPAddress';
  it.each([
    ['as protobuf has them', { labels: [{ key: KEY, value: '10.0.0.1' }] }, ['10.0.0.1']],
    ['as a plain list', [{ key: KEY, value: '10.0.0.1' }], ['10.0.0.1']],
    ['empty', {}, []],
    ['of null', null, []],
  ])('have labels %s', (_, labels, docker) => {
    const { report, skipped } = keepReports();
    const entry = readTaskV1(
      { ...TASK, statuses: [{ state: 'TASK_RUNNING', timestamp: 1.5, labels, healthy: true }] },
      report,
    );
    expect(entry?.task.running).toEqual([{ timestamp: 1.5, netinfo: [], docker, mesos: [], healthy: true }]);
    expect(skipped).toEqual([]);
  });

  it('that can not be read cost themselves alone', () => {
    const { report, reasons } = keepReports();
    const statuses = [
      7,
      { state: 7 },
      { state: 'TASK_RUNNING', labels: 7 },
      { state: 'TASK_RUNNING', timestamp: 3 },
    ];
    const entry = readTaskV1({ ...TASK, statuses }, report);
    expect(entry?.task.running.map(({ timestamp }) => timestamp)).toEqual([3]);
    expect(reasons()).toEqual(['status-field', 'status-field', 'status-field']);
  });
});

describe('an element that can not be read', () => {
  it.each([
    [
      'agent',
      readAgentV1,
      { agent_info: { id: 'S0' } },
      'agent (no id): id: is string "S0" instead of an object',
    ],
    ['framework', readFrameworkV1, { framework_info: { name: 'f' } }, 'framework (no id): id: is missing'],
    [
      'framework',
      readFrameworkV1,
      { framework_info: { id: { value: 'f' }, name: 7 } },
      'framework f: name: is number 7 instead of a text',
    ],
    ['task', readTaskV1, { task_id: { value: 't' }, agent_id: {} }, 'task t: framework_id: is missing'],
    ['task', readTaskV1, 7, 'task (no id): task: is number 7 instead of an object'],
  ])('is told with its id: %s', (_, read, json, detail) => {
    const { report, details } = keepReports();
    expect(read(json, report)).toBeUndefined();
    expect(details()).toEqual([detail]);
  });
});

it('an agent without a readable pid is there, without an address', () => {
  const { report, reasons } = keepReports();
  const agent = { agent_info: { id: { value: 'S0' }, hostname: 'h', port: 5051 }, active: false };
  expect(readAgentV1(agent, report)).toEqual({
    id: 'S0',
    endpoint: undefined,
    standing: 'disconnected',
    hostname: 'h',
  });
  expect(reasons()).toEqual(['agent-pid']);
});
