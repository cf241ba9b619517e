import type { SimulatedCluster } from '../../simulate/cluster.ts';
import type { SimulatedMasters } from '../../simulate/server.ts';
import type { MasterPlaces } from './simulate-zookeeper.ts';

/** What goes wrong in a simulated cluster, and when; seconds. */
export type MishapFlags = {
  readonly failoverEvery?: number;
  readonly agentsReturnOver: number;
  readonly recoverSeconds: number;
  readonly silenceEvery?: number;
  readonly cutEvery?: number;
  readonly padMib: number;
  readonly loseAgentEvery?: number;
  readonly drainingAgents: number;
  readonly deactivatedAgents: number;
  readonly unhealthyPercent: number;
  readonly killingPercent: number;
  readonly vanishPercent?: number;
  readonly vanishAfter: number;
};

type MishapOptions = {
  readonly running: SimulatedMasters;
  readonly cluster: SimulatedCluster;
  readonly places: MasterPlaces | undefined;
  readonly signal: AbortSignal;
};

/** Lets go wrong what the flags say, told on standard error when it does, until the signal aborts. */
export function startMishaps(flags: MishapFlags, options: MishapOptions): void {
  const { running, cluster, places, signal } = options;
  const { failoverEvery, agentsReturnOver, recoverSeconds, silenceEvery, cutEvery } = flags;
  const { vanishPercent, vanishAfter, padMib } = flags;
  standStill(flags, cluster);
  if (padMib > 0) running.fault({ kind: 'oversize', octets: padMib * 2 ** 20 });
  every(failoverEvery, signal, () => {
    const before = running.leader;
    running.failover({ agentsReturnOverSeconds: agentsReturnOver });
    if (recoverSeconds > 0) {
      running.recover(true);
      after(recoverSeconds, signal, () => running.recover(false));
    }
    // A master that stops leading ends: it stands last in ZooKeeper when it is back.
    if (before !== undefined) void places?.restart(before);
    tell(`${running.urls[running.leader ?? 0]} leads; agents come back over ${agentsReturnOver} s`);
  });
  every(silenceEvery, signal, () => {
    tell(`${running.streams.count()} streams fall silent`);
    running.streams.silence();
  });
  every(cutEvery, signal, () => {
    tell(`${running.streams.count()} streams are cut`);
    running.streams.cut();
  });
  startLosses(flags.loseAgentEvery, options);
  if (vanishPercent !== undefined) {
    after(vanishAfter, signal, () => tell(`${cluster.vanish(vanishPercent / 100).length} tasks vanished`));
  }
}

/** What is so from the beginning. */
function standStill(flags: MishapFlags, cluster: SimulatedCluster): void {
  const { drainingAgents, deactivatedAgents, unhealthyPercent, killingPercent } = flags;
  const at = { atSeconds: Date.now() / 1_000 };
  for (const [index, { id }] of cluster.agents.slice(0, drainingAgents + deactivatedAgents).entries()) {
    cluster.setAgent(id, index < drainingAgents ? 'draining' : 'deactivated');
  }
  const tasks = cluster.snapshot().frameworks.flatMap((each) => each.tasks);
  const running = tasks.filter((task) => task.state === 'TASK_RUNNING');
  const checked = running.filter((task) => task.app.healthCheckPath !== undefined);
  for (const { id } of share(checked, unhealthyPercent)) cluster.setHealth(id, { ...at, healthy: false });
  for (const { id } of share(running, killingPercent)) cluster.killTask(id, at);
}

/** So many of a hundred, spread over the list. */
function share<T>(list: readonly T[], percent: number): readonly T[] {
  return list.filter(
    (_, index) => Math.floor(((index + 1) * percent) / 100) > Math.floor((index * percent) / 100),
  );
}

/** One agent after the other is lost, and back the next time. */
function startLosses(seconds: number | undefined, { cluster, signal }: MishapOptions): void {
  let turn = 0;
  let lost: string | undefined;
  every(seconds, signal, () => {
    if (lost !== undefined) {
      tell(`agent ${lost} is back with ${cluster.returnAgent(lost).length} tasks`);
      lost = undefined;
      return;
    }
    lost = cluster.agents[turn++ % cluster.agents.length]?.id;
    if (lost === undefined) return;
    const tasks = cluster.loseAgent(lost, { atSeconds: Date.now() / 1_000 });
    tell(`agent ${lost} is lost with ${tasks.length} tasks`);
  });
}

function every(seconds: number | undefined, signal: AbortSignal, act: () => void): void {
  if (seconds === undefined || signal.aborted) return;
  const timer = setInterval(act, seconds * 1000);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

function after(seconds: number, signal: AbortSignal, act: () => void): void {
  if (signal.aborted) return;
  const timer = setTimeout(act, seconds * 1000);
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

function tell(what: string): void {
  process.stderr.write(`${new Date().toISOString()} ${what}\n`);
}
