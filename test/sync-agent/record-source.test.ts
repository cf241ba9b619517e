import { describe, expect, it } from 'vitest';
import { createTransferRecordSource } from '../../sync-agent/record-source.ts';
import type { Transfer } from '../../sync-agent/sources/mesos-dns-axfr.ts';

const signal = new AbortController().signal;
const none = new Map<string, string[]>();

function sourceOf(
  A: Record<string, string[]>,
  { AAAA = none, SRV = none } = {},
): ReturnType<typeof createTransferRecordSource> {
  const transfer: Transfer = {
    domain: 'mesos',
    ttl: 60,
    serial: 1,
    records: { A: new Map(Object.entries(A)), AAAA, SRV },
  };
  return createTransferRecordSource({ name: 'mesos-dns http://10.0.0.1:8123', read: async () => transfer });
}

const CLUSTER = {
  'leader.mesos.': ['10.0.0.1'],
  'slave.mesos.': ['10.0.1.1', '10.0.1.2'],
  'marathon.mesos.': ['10.0.0.2'],
};

describe("a mesos-dns's records", () => {
  it('are taken as they are', async () => {
    const SRV = new Map([['_web._tcp.marathon.mesos.', ['web-x.marathon.mesos.:80']]]);
    const source = sourceOf({ ...CLUSTER, 'web.marathon.mesos.': ['10.0.0.3'] }, { SRV });
    const read = await source.read(() => undefined, signal);
    expect(source.name).toBe('mesos-dns http://10.0.0.1:8123');
    expect(read.records.A.get('web.marathon.mesos.')).toEqual(['10.0.0.3']);
    expect(read.records.SRV).toBe(SRV);
    expect(read).toMatchObject({ agents: 2, frameworks: 1, tasks: 1, recoveringAgents: 0 });
    expect(read.ended).toEqual({ tasks: [], frameworks: [] });
  });

  it('count as a cluster without tasks where only its own names are left', async () => {
    const AAAA = new Map([['web.marathon.mesos.', ['2001:db8::1']]]);
    expect(await sourceOf(CLUSTER).read(() => undefined, signal)).toMatchObject({ frameworks: 0, tasks: 0 });
    const both = { ...CLUSTER, 'web.marathon.mesos.': ['10.0.0.3'], 'web.marathon.other.': ['10.0.0.4'] };
    expect(await sourceOf(both, { AAAA }).read(() => undefined, signal)).toMatchObject({ tasks: 1 });
  });
});
