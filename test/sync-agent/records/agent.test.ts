import { describe, expect, it } from 'vitest';
import { agentAt, frameworkWith, recordsOf, taskWith } from '../states.ts';

describe("agents' records", () => {
  it('are all in slave.<domain>, each value once', () => {
    const agents = [
      agentAt('S0', '10.0.0.2:5051'),
      agentAt('S1', '10.0.0.1:5051'),
      agentAt('S2', '[2001:db8::2]:5051'),
      agentAt('S3', '10.0.0.1:5052'),
      agentAt('S4', 'two.example:5051'),
    ];
    const { records, skipped } = recordsOf(
      { agents },
      { domain: 'dc1' },
      { 'two.example': ['10.0.0.3', '2001:db8::3'] },
    );
    expect(records).toEqual({
      A: { 'slave.dc1.': ['10.0.0.2', '10.0.0.1', '10.0.0.3'] },
      AAAA: { 'slave.dc1.': ['2001:db8::2', '2001:db8::3'] },
      SRV: { '_slave._tcp.dc1.': ['slave.dc1.:5051', 'slave.dc1.:5052'] },
    });
    expect(skipped).toEqual([]);
  });

  it('keep an empty port and a service name as they stand', () => {
    const { records } = recordsOf({ agents: [agentAt('S0', '10.0.0.1:'), agentAt('S1', '10.0.0.2:http')] });
    expect(records.SRV).toEqual({ '_slave._tcp.mesos.': ['slave.mesos.:', 'slave.mesos.:http'] });
  });

  it('are none without an address', () => {
    const agents = [agentAt('S0', ':5051'), agentAt('S1', undefined), agentAt('S2', 'gone.example:5051')];
    const { records, details } = recordsOf({ agents });
    expect(records).toEqual({ A: {}, AAAA: {}, SRV: {} });
    expect(details()).toEqual(['agent S2: host gone.example does not resolve']);
  });

  it.each([
    ['an empty host', ':5051'],
    ['no readable pid', undefined],
    ['an unresolved host', 'gone.example:5051'],
  ])('with %s are known all the same: tasks on it have SRV records', (_, place) => {
    const task = taskWith({ id: 't', ports: [{ begin: 31000, end: 31000 }] });
    const { records, reasons } = recordsOf({
      agents: [agentAt('x-S0', place)],
      frameworks: [frameworkWith({ name: 'f', tasks: [task] })],
    });
    const owners = [
      '_web._tcp.f.mesos.',
      '_web._tcp.f.slave.mesos.',
      '_web._udp.f.mesos.',
      '_web._udp.f.slave.mesos.',
    ];
    expect(Object.keys(records.SRV).toSorted()).toEqual(owners);
    expect([records.A, records.AAAA]).toEqual([{}, {}]);
    expect(reasons().filter((reason) => reason !== 'host-unresolved')).toEqual([]);
  });

  it('of the same id are all in slave.<domain>, while tasks see the last one', () => {
    const agents = [agentAt('x-S0', '10.0.0.1:5051'), agentAt('x-S0', '10.0.0.2:5051')];
    const { records } = recordsOf({
      agents,
      frameworks: [frameworkWith({ name: 'f', tasks: [taskWith({})] })],
    });
    expect(records.A['slave.mesos.']).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(records.A['web.f.slave.mesos.']).toEqual(['10.0.0.2']);
  });
});
