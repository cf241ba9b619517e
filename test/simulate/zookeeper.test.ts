import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCluster } from '../../simulate/cluster.ts';
import { startSimulatedMasters } from '../../simulate/server.ts';
import { registerMasters } from '../../sync-agent/commands/simulate-zookeeper.ts';
import { openZooKeeper, type ZooKeeper } from '../../sync-agent/zookeeper.ts';
import { parseZooKeeperUrl } from '../../sync-agent/zookeeper-url.ts';
import { type RunningZooKeeper, startZooKeeper, zooKeeperMissing } from '../fakes/zookeeper.ts';

const missing = zooKeeperMissing();

describe.skipIf(missing !== undefined)(`simulated masters in a real ZooKeeper ${missing ?? ''}`, () => {
  let server: RunningZooKeeper;
  beforeAll(async () => {
    server = await startZooKeeper({ tickMs: 500 });
  }, 60_000);
  afterAll(() => server.stop());

  it('stand there as Mesos has it: the leader first, until it ends', { timeout: 30_000 }, async () => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const { signal } = stop;
    const cluster = createCluster({ seed: 1 });
    const running = await startSimulatedMasters({ cluster, port: 0, masters: 3, now: Date.now, signal });
    const url = `zk://${server.servers}/deep/mesos`;
    const places = await registerMasters(url, { running, mesosVersion: '1.9.0', signal });
    const client = await openZooKeeper(
      parseZooKeeperUrl(url),
      { sessionTimeoutMs: 5_000, monotonicMs: () => performance.now() },
      signal,
    );
    onTestFinished(() => client.close());
    expect((await portsIn(client, signal)).ports).toEqual(running.ports);
    const { names, infos } = await portsIn(client, signal);
    expect(names.every((name) => /^json\.info_\d{10}$/.test(name))).toBe(true);
    expect(infos[1]).toMatchObject({
      address: { hostname: '127.0.0.1', ip: '127.0.0.1', port: running.ports[1] },
      ip: 16_777_343,
      pid: `master@127.0.0.1:${running.ports[1]}`,
    });
    await places.restart(0);
    const [first, second, third] = running.ports;
    expect((await portsIn(client, signal)).ports).toEqual([second, third, first]);
    await places.close();
    await vi.waitFor(async () => expect((await portsIn(client, signal)).ports).toEqual([]));
  });
});

/** Who stands there, the lowest number first. */
async function portsIn(client: ZooKeeper, signal: AbortSignal) {
  const names = (await client.children('/deep/mesos', signal)).toSorted();
  const infos = await Promise.all(
    names.map(async (name) => {
      const octets = await client.read(`/deep/mesos/${name}`, signal);
      return JSON.parse(new TextDecoder().decode(octets)) as { readonly port: number };
    }),
  );
  return { names, infos, ports: infos.map(({ port }) => port) };
}
