import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import type { RecordSettings } from '../../../sync-agent/records/settings.ts';
import { agentAt, endpoints, frameworkWith, recordsOf, taskWith } from '../states.ts';

const AGENTS = [agentAt('x-S0', '10.0.0.1:5051')];
const [LEADER] = endpoints('10.0.0.5:5050');
const [EVIL] = endpoints('6.6.6.6:666');
const NAME_SERVER = { nameServer: 'ns.marathon.mesos.', nameServerAddresses: ['10.0.0.53'] };

describe("the cluster's own names", () => {
  it.each([
    ['leader', 'leader.mesos.'],
    ['Leader', 'leader.mesos.'],
    ['_leader_', 'leader.mesos.'],
    ['..leader..', 'leader.mesos.'],
    ['master', 'master.mesos.'],
    ['master0', 'master0.mesos.'],
    ['master3', 'master3.mesos.'],
    ['master007', 'master007.mesos.'],
    ['slave', 'slave.mesos.'],
    ['ns1', 'ns1.mesos.'],
  ])('are not for a framework called %s, which is told once', (name, owner) => {
    const cluster = made({ frameworks: [] });
    const { records, skipped } = made({
      frameworks: [frameworkWith({ name, endpoint: EVIL }), frameworkWith({ name, endpoint: EVIL })],
    });
    expect(records).toEqual(cluster.records);
    expect(skipped).toEqual([
      {
        reason: 'reserved-name',
        detail: `framework ${JSON.stringify(name)} (id of ${name}) would add itself to ${owner}`,
      },
    ]);
  });

  it.each([
    ['leader', ['10.0.0.5', '6.6.6.6']],
    ['master', ['10.0.0.5', '10.0.0.6', '6.6.6.6']],
    ['slave', ['10.0.0.1', '6.6.6.6']],
    ['master1', ['10.0.0.6', '6.6.6.6']],
    ['ns1', ['10.0.0.53', '6.6.6.6']],
    ['master3', ['6.6.6.6']],
  ])('are mixed with those of a framework called %s where that is wanted', (name, addresses) => {
    const { records, skipped } = made(
      { frameworks: [frameworkWith({ name, endpoint: EVIL })] },
      { reservedNames: 'mixed' },
    );
    expect(records.A[`${name}.mesos.`]).toEqual(addresses);
    expect(records.SRV[`_framework._tcp.${name}.mesos.`]).toEqual([`${name}.mesos.:666`]);
    expect(skipped).toEqual([]);
  });

  it.each([
    'leaders',
    'leader2',
    'masterx',
    'master-1',
    'slave1',
    'ns2',
    'a.leader',
    'leader.a',
    'master.mesos',
    'mesos',
  ])('leave %s to a framework', (name) => {
    const { records, skipped } = made({ frameworks: [frameworkWith({ name, endpoint: EVIL })] });
    expect(records.A[`${name}.mesos.`]).toEqual(['6.6.6.6']);
    expect(records.SRV[`_framework._tcp.${name}.mesos.`]).toEqual([`${name}.mesos.:666`]);
    expect(skipped).toEqual([]);
  });

  it('leave the tasks of such a framework their names', () => {
    const { records, reasons } = made({
      frameworks: [frameworkWith({ name: 'leader', endpoint: EVIL, tasks: [taskWith({})] })],
    });
    expect(records.A['web.leader.mesos.']).toEqual(['10.0.0.1']);
    expect(reasons()).toEqual(['reserved-name']);
  });

  it('are those of the domain alone', () => {
    const { records } = made(
      { frameworks: [frameworkWith({ name: 'leader.dc2', endpoint: EVIL })] },
      { domain: 'dc1.example' },
    );
    expect(records.A['leader.dc2.dc1.example.']).toEqual(['6.6.6.6']);
    const { skipped } = made(
      { frameworks: [frameworkWith({ name: 'leader', endpoint: EVIL })] },
      { domain: 'dc1.example' },
    );
    expect(skipped[0]?.detail).toMatch(/would add itself to leader\.dc1\.example\.$/);
  });

  it('are kept though the cluster has no leader, no agent and no name server address', () => {
    const frameworks = ['leader', 'master', 'master0', 'slave', 'ns1'].map((name) =>
      frameworkWith({ name, endpoint: EVIL }),
    );
    const { records, reasons } = recordsOf({ frameworks });
    expect(records).toEqual({ A: {}, AAAA: {}, SRV: {} });
    expect(reasons()).toEqual(Array.from({ length: 5 }, () => 'reserved-name'));
  });
});

describe("the name server's name", () => {
  it('is not for a task, which is told once a task', () => {
    const tasks = ['a', 'b'].map((id) => taskWith({ id, name: 'NS', ports: [{ begin: 53, end: 54 }] }));
    const { records, skipped } = made(
      { frameworks: [frameworkWith({ name: 'marathon', tasks: [...tasks, ...tasks] })] },
      NAME_SERVER,
    );
    expect(records.A['ns.marathon.mesos.']).toEqual(['10.0.0.53']);
    expect(records.A['ns.marathon.slave.mesos.']).toEqual(['10.0.0.1']);
    expect(skipped).toEqual(
      ['a', 'b'].map((id) => ({
        reason: 'reserved-name',
        detail: `task ${id} would add itself to ns.marathon.mesos.`,
      })),
    );
  });

  it('is shared with a task where that is wanted', () => {
    const frameworks = [frameworkWith({ name: 'marathon', tasks: [taskWith({ name: 'ns' })] })];
    const { records, skipped } = made({ frameworks }, { ...NAME_SERVER, reservedNames: 'mixed' });
    expect(records.A['ns.marathon.mesos.']).toEqual(['10.0.0.53', '10.0.0.1']);
    expect(skipped).toEqual([]);
  });

  it('is kept in whatever case it was configured, and for raw discovery names', () => {
    const tasks = [taskWith({ discovery: { name: 'n.s', ports: [] } })];
    const { records, reasons } = made(
      { frameworks: [frameworkWith({ name: 'marathon', tasks })] },
      { nameServer: 'N.S.Marathon.mesos.' },
    );
    expect(records.A['n.s.marathon.mesos.']).toBeUndefined();
    expect(reasons()).toContain('reserved-name');
  });

  it('on the side of agents is kept too', () => {
    const { records, reasons } = made(
      { frameworks: [frameworkWith({ name: 'marathon', tasks: [taskWith({ name: 'ns' })] })] },
      { nameServer: 'ns.marathon.slave.mesos.', nameServerAddresses: ['10.0.0.53'] },
    );
    expect(records.A['ns.marathon.slave.mesos.']).toEqual(['10.0.0.53']);
    expect(reasons()).toEqual(['reserved-name']);
  });
});

/** Records of a cluster with a leader, a master, an agent and a name server. */
function made(
  state: Partial<ClusterState>,
  settings: Partial<RecordSettings> = {},
): ReturnType<typeof recordsOf> {
  return recordsOf(
    { leader: LEADER, agents: AGENTS, ...state },
    { masters: endpoints('10.0.0.5:5050', '10.0.0.6:5050'), nameServerAddresses: ['10.0.0.53'], ...settings },
  );
}
