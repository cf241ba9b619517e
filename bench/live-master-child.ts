import { startChurn } from '../simulate/churn-timer.ts';
import { createCluster } from '../simulate/cluster.ts';
import { startSimulatedMasters } from '../simulate/server.ts';

/** A simulated master that tells, a JSON line each, when something changed and when it was asked. */
const tasks = Number(process.argv[2]);
const CHANGES_A_SECOND = 1;
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const { signal } = stop;
const cluster = createCluster({ seed: 1, agents: Math.max(12, Math.ceil(tasks / 40)), tasks });
const { urls } = await startSimulatedMasters({
  cluster,
  port: 0,
  now: Date.now,
  signal,
  // The state is taken at this moment.
  onRequest: () => tell({ askedAtMs: Date.now() }),
});
startChurn({
  cluster,
  perSecond: CHANGES_A_SECOND,
  now: Date.now,
  signal,
  onChange: (changes) => tell({ changes: changes.length, changedAtMs: Date.now() }),
});
tell({ url: urls[0] });
