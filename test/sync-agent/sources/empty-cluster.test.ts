import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import { NoFrameworksError, refuseEmptyCluster } from '../../../sync-agent/sources/empty-cluster.ts';
import { SourceError } from '../../../sync-agent/sources/source.ts';

const EMPTY: ClusterState = {
  leader: { host: '10.0.0.1', port: '5050' },
  agents: [{ id: 's0', endpoint: undefined }],
  frameworks: [],
  ended: { tasks: [], frameworks: [] },
  recoveringAgents: 0,
};
const FRAMEWORK = { id: 'f', name: 'marathon', endpoint: undefined, tasks: [] };
const place = 'http://10.0.0.1:5050';

describe('a cluster that shows no framework', () => {
  it.each([
    ['', EMPTY],
    [' and no agent', { ...EMPTY, agents: [] }],
  ])('%s is refused, with what to do', (_, state) => {
    const run = (): unknown => refuseEmptyCluster(state, { allowEmpty: false, place });
    expect(run).toThrow(NoFrameworksError);
    expect(run).toThrow(SourceError);
    expect(run).toThrow(
      `${place} shows ${state.agents.length} agents and not one framework: the principal has probably no right to ` +
        'view them (view_frameworks and view_tasks in the ACLs of the masters); if the cluster is really empty, set ' +
        'mesos.allowEmpty',
    );
  });

  it('is taken where that is allowed', () => {
    expect(refuseEmptyCluster(EMPTY, { allowEmpty: true, place })).toBe(EMPTY);
  });

  it.each<[string, Partial<ClusterState>]>([
    ['a framework without tasks', { frameworks: [FRAMEWORK] }],
    ['agents on their way to a new leader', { recoveringAgents: 1 }],
    ['a completed framework', { ended: { tasks: [], frameworks: ['old'] } }],
    ['the id of one', { ended: { tasks: [], frameworks: [], frameworkIds: new Map([['old', ['f0']]]) } }],
    [
      'a task that ended',
      { ended: { tasks: [{ id: 't', agentId: 's', frameworkName: 'f' }], frameworks: [] } },
    ],
  ])('is taken with %s', (_, part) => {
    const state = { ...EMPTY, ...part };
    expect(refuseEmptyCluster(state, { allowEmpty: false, place })).toBe(state);
  });
});
