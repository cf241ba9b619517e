import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createDirectorySink } from '../../sync-agent/sinks/directory.ts';
import { loadSigningKey, writeSigningKey } from '../../sync-agent/keys.ts';
import { readHead, writerText } from '../../sync-agent/publish/stored-head.ts';
import { createCluster } from '../../simulate/cluster.ts';
import { startChurn } from '../../simulate/churn-timer.ts';
import { startSimulatedMasters } from '../../simulate/server.ts';
import { parseName } from '../../zone/name.ts';
import type { Root } from '../../zone/root.ts';
import { type Running, startCli } from '../system/run-cli.ts';

/** Two agents in processes of their own, on one sink: one is stopped, the other takes over, the first goes on. */
describe.concurrent('an agent that is stopped and goes on', () => {
  it.each(['sink', 'peers'] as const)(
    'is replaced within its bound, and then waits (election by %s)',
    { timeout: 180_000 },
    async (by) => {
      const scene = await openScene(by);
      try {
        await scene.until(async () => (await scene.readRoot()) !== undefined, 30_000);
        const writer = await scene.writer();
        const standby = scene.agents.find((agent) => agent !== writer);
        const before = await scene.readRoot();

        writer.child.kill('SIGSTOP');
        await scene.until(async () => ((await scene.readRoot())?.epoch ?? 0) > (before?.epoch ?? 0), 50_000);
        const taken = await scene.readRoot();
        expect(taken?.writerId).not.toEqual(before?.writerId);

        writer.child.kill('SIGCONT');
        const seen: Root[] = [];
        for (let i = 0; i < 40; i++) {
          const root = await scene.readRoot();
          if (root) seen.push(root);
          await delay(500);
        }
        expect(new Set(seen.map(({ epoch }) => epoch))).toEqual(new Set([taken?.epoch]));
        expect(new Set(seen.map((root) => writerText(root)))).toEqual(new Set([taken && writerText(taken)]));
        expect(seen.at(-1)?.serial).toBeGreaterThan(taken?.serial ?? 0);
        expect(writer.stderr()).toContain('"role":"standby"');
        expect(standby?.stderr()).toContain('"role":"writer"');
      } finally {
        await scene.close();
      }
    },
  );
});

type Scene = {
  readonly agents: readonly Running[];
  readonly writer: () => Promise<Running>;
  readonly readRoot: () => Promise<Root | undefined>;
  readonly until: (holds: () => Promise<boolean>, withinMs: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** A cluster that changes all the time, a sink, and two agents that elect one of them. */
async function openScene(by: 'sink' | 'peers'): Promise<Scene> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-two-agents-'));
  const stop = new AbortController();
  const cluster = createCluster({ seed: 3, agents: 5, tasks: 40 });
  const masters = await startSimulatedMasters({ cluster, port: 0, now: Date.now, signal: stop.signal });
  startChurn({ cluster, perSecond: 2, now: Date.now, signal: stop.signal });
  const keyFile = join(directory, 'signing.pem');
  await writeSigningKey(keyFile);
  const { publicKeyBase64 } = await loadSigningKey(keyFile);
  const ports = [await freePort(), await freePort()];
  const peers = ports.map((port) => `http://127.0.0.1:${port}`);
  const start = async (port: number): Promise<Running> => {
    const config = join(directory, `${port}.json`);
    const settings = {
      mesos: { masters: masters.urls, pollSeconds: 1 },
      dataDir: join(directory, String(port)),
      signingKeyFile: keyFile,
      minPushSeconds: 1,
      livenessSeconds: 10,
      election: by === 'peers' ? { by, peers } : { by },
      metrics: { port },
    };
    await writeFile(config, JSON.stringify(settings));
    return startCli(['sync', '--config', config, '--sink-dir', join(directory, 'sink')]);
  };
  const agents = await Promise.all(ports.map((port) => start(port)));
  const sink = createDirectorySink(join(directory, 'sink'));
  const until: Scene['until'] = async (holds, withinMs) => {
    const deadline = Date.now() + withinMs;
    while (!(await holds())) {
      if (Date.now() > deadline) {
        const said = agents.map(({ stderr }) => stderr().slice(-1500)).join('\n--\n');
        throw new Error(`not within ${withinMs} ms; ${said}`);
      }
      await delay(200);
    }
  };
  return {
    agents,
    until,
    writer: async () => {
      // Both may have begun to write on an empty sink: one of them finds out and waits.
      const roles = (): (string | undefined)[] =>
        agents.map((agent) => /.*"role":"(\w+)"/s.exec(agent.stderr())?.[1]);
      await until(async () => roles().toSorted().join(' ') === 'standby writer', 60_000);
      return agents[roles().indexOf('writer')] ?? expect.unreachable();
    },
    readRoot: async () => {
      const place = { sink, origin: parseName('mesos'), variant: 'main' };
      const stored = await readHead(place, [publicKeyBase64], stop.signal);
      return stored.kind === 'head' ? stored.head.root : undefined;
    },
    close: async () => {
      for (const { child } of agents) child.kill('SIGKILL');
      stop.abort();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
