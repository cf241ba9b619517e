import { describe, expect, it } from 'vitest';
import type { ClusterState, ServerSetEndpoint } from '../../sync-agent/cluster.ts';
import { joinServerSets } from '../../sync-agent/server-sets.ts';
import { memberAt, serverSet } from './server-sets.ts';
import { agentAt, frameworkWith, stateWith, taskWith } from './states.ts';

const agents = [
  { ...agentAt('x-S1', '10.0.0.1:5051'), hostname: 'H1.example' },
  { ...agentAt('x-S2', '10.0.0.2:5051'), hostname: '10.0.0.2' },
];
const http = { number: 31000, name: 'http', protocol: 'TCP' };
const discovery = { name: 'http_example.test.vagrant', ports: [http] };
const task = taskWith({ id: 't1', name: 'vagrant/test/http_example', agentId: 'x-S1', discovery });
const stateOf = (...tasks: ReturnType<typeof taskWith>[]): ClusterState =>
  stateWith({ agents, frameworks: [frameworkWith({ name: 'Aurora', tasks })] });
const primaryOf = (state: ClusterState, set = 0): ServerSetEndpoint | undefined =>
  state.serverSets?.[set]?.members[0]?.primary;
const joined = (host: string, port = 31000, state = stateOf(task)): ServerSetEndpoint | undefined =>
  primaryOf(joinServerSets(state, [serverSet([memberAt(0, host, { http: port })])]));

describe('a ServerSet among what Mesos knows', () => {
  it.each(['h1.example', 'H1.EXAMPLE.', '10.0.0.1'])(
    'has its host %s joined to the agent, and its port to the task',
    (host) => {
      expect(joined(host)).toMatchObject({ host, agentId: 'x-S1', taskId: 't1' });
    },
  );

  it('has a host joined to the agent alone where no task has the port', () => {
    expect(joined('h1.example', 8080)).toEqual({
      host: 'h1.example',
      port: 8080,
      addresses: [],
      agentId: 'x-S1',
    });
    expect(joined('10.0.0.2')).toMatchObject({ agentId: 'x-S2' });
    expect(joined('10.0.0.2')).not.toHaveProperty('taskId');
  });

  it('has hosts that are no agents left as they are', () => {
    expect(joined('h9.example')).toEqual({ host: 'h9.example', port: 31000, addresses: [] });
  });

  it.each<[string, Partial<typeof task>]>([
    ['does not run', { state: 'TASK_STAGING' }],
    ['has no DiscoveryInfo', { discovery: undefined }],
    ['has another name', { discovery: { ...discovery, name: 'http_example.prod.vagrant' } }],
    ['is on another agent', { agentId: 'x-S2' }],
    ['is on an agent that is not listed', { agentId: 'x-S9' }],
  ])('is not the task that %s', (_, parts) => {
    expect(joined('h1.example', 31000, stateOf({ ...task, ...parts }))).not.toHaveProperty('taskId');
  });

  it('is no task by a port that neither has', () => {
    const nameless = { ...task, discovery: { ...discovery, ports: [{ ...http, number: 0 }] } };
    expect(joined('h1.example', 0, stateOf(nameless))).not.toHaveProperty('taskId');
  });

  it('finds host ports of tasks, and the right one of two', () => {
    const other = taskWith({
      ...task,
      id: 't2',
      discovery: { ...discovery, ports: [] },
      ports: [{ begin: 32000, end: 32001 }],
    });
    expect(joined('h1.example', 32001, stateOf(task, other))).toMatchObject({ taskId: 't2' });
    expect(joined('h1.example', 31000, stateOf(task, other))).toMatchObject({ taskId: 't1' });
  });

  it('has the framework as Mesos writes it, and its own where there is none', () => {
    const named = (frameworkName: string): string | undefined =>
      joinServerSets(stateOf(task), [serverSet([], { frameworkName })]).serverSets?.[0]?.frameworkName;
    expect([named('aurora'), named('TwitterScheduler')]).toEqual(['Aurora', 'TwitterScheduler']);
  });

  it('that the scheduler tells is the very task, whatever its host is called', () => {
    const placed = { task: { taskId: 't1', agentId: 'x-S1' } };
    const set = serverSet([memberAt(0, 'alias.of.h1', { http: 31000 }, placed)]);
    expect(primaryOf(joinServerSets(stateOf(task), [set]))).toMatchObject({ agentId: 'x-S1', taskId: 't1' });
    const other = serverSet([
      memberAt(0, 'h1.example', { http: 31000 }, { task: { taskId: 't0', agentId: 'x-S1' } }),
    ]);
    expect(primaryOf(joinServerSets(stateOf(task), [other]))).not.toHaveProperty('taskId');
  });

  it('gives its weights to the ports of tasks, and leaves all other facts as they are', () => {
    const member = memberAt(0, 'h1.example', { http: 31000, admin: 8080 });
    const srv = { priority: 1, weight: 50 };
    const weighed = {
      ...member,
      primary: { ...member.primary, srv },
      additional: member.additional.map((each) => ({ ...each, srv })),
    };
    const state = stateOf(task, taskWith({ id: 'other' }));
    const after = joinServerSets(state, [serverSet([weighed])]);
    expect(after.frameworks[0]?.tasks[0]?.discovery?.ports).toEqual([{ ...http, srv }]);
    expect(after.frameworks[0]?.tasks[1]).toBe(state.frameworks[0]?.tasks[1]);
    expect(state.frameworks[0]?.tasks[0]).toBe(task);
    expect(joinServerSets(state, [serverSet([member])]).frameworks).toBe(state.frameworks);
  });
});
