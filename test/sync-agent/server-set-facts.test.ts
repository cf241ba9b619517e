import { describe, expect, it } from 'vitest';
import type { ClusterState, ReportSkipped } from '../../sync-agent/cluster.ts';
import { createStateRecordSource } from '../../sync-agent/record-source.ts';
import { withServerSets } from '../../sync-agent/server-set-facts.ts';
import type { ServerSetSource } from '../../sync-agent/sources/aurora-sets.ts';
import { SourceError } from '../../sync-agent/sources/source.ts';
import { keepReports } from './reports.ts';
import { memberAt, serverSet } from './server-sets.ts';
import { agentAt, frameworkWith, settingsWith, stateWith } from './states.ts';

const never = new AbortController().signal;
const agents = [{ ...agentAt('x-S1', '10.0.0.1:5051'), hostname: 'h1' }];
const state = stateWith({
  agents,
  frameworks: [frameworkWith({ name: 'Aurora' })],
  ended: { tasks: [{ id: 't', agentId: 'x-S1', frameworkName: 'Aurora' }], frameworks: [] },
});

const setsThat = (parts: Partial<ServerSetSource> = {}): ServerSetSource => ({
  name: 'sets',
  read: async (report: ReportSkipped) => {
    report({ reason: 'server-set-member', detail: 'one' });
    return [serverSet([memberAt(0, 'h1', { http: 31000 })])];
  },
  follow: async (onChange, signal) => {
    onChange();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  },
  status: () => ({ problem: undefined, sets: 1, members: 1, lastGoodAgeSeconds: 0 }),
  ...parts,
});
const facts = { name: 'mesos', read: (): Promise<ClusterState> => Promise.resolve(state) };

describe('facts with ServerSets', () => {
  it('are joined at each read, what is left out is told', async () => {
    const { report, reasons } = keepReports();
    const { serverSets } = await withServerSets(facts, setsThat()).read(report, never);
    expect(serverSets?.[0]?.members[0]?.primary).toMatchObject({ host: 'h1', agentId: 'x-S1' });
    expect(reasons()).toEqual(['server-set-member']);
  });

  it('are none while ServerSets were never known: nothing is published then', async () => {
    const sets = setsThat({ read: () => Promise.reject(new SourceError('no ZooKeeper')) });
    await expect(withServerSets(facts, sets).read(() => undefined, never)).rejects.toThrow('no ZooKeeper');
  });

  it('are followed, both, whether the cluster can be or not', async () => {
    const bells: string[] = [];
    const stop = new AbortController();
    const live = {
      ...facts,
      follow: async (onChange: () => void): Promise<void> => {
        bells.push('cluster');
        onChange();
      },
    };
    const following = [live, facts].map((each) =>
      withServerSets(each, setsThat()).follow?.(() => void bells.push('change'), stop.signal),
    );
    stop.abort();
    await Promise.all(following);
    expect(bells).toEqual(['cluster', 'change', 'change', 'change']);
  });

  it('become records, and evidence under the aliases too', async () => {
    const settings = settingsWith({ frameworkAliases: new Map([['aurora', ['ts']]]) });
    const source = createStateRecordSource(withServerSets(facts, setsThat()), {
      hosts: { resolve: () => Promise.resolve(new Map()) },
      settings,
    });
    const { records, ended } = await source.read(() => undefined, never);
    expect(records.A.get('0.http_example.test.vagrant.ts.mesos.')).toEqual(['10.0.0.1']);
    expect(ended.tasks.map(({ frameworkName }) => frameworkName)).toEqual(['Aurora', 'ts']);
  });
});
