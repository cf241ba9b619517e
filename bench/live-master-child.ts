import { startChurn } from '../simulate/churn-timer.ts';
import { createCluster } from '../simulate/cluster.ts';
import { startSimulatedMasters } from '../simulate/server.ts';

/** A simulated master that tells, a JSON line each, when something changed and what it was asked. */
const [tasks = 0, changesPerSecond = 0] = process.argv.slice(2).map(Number);
const TASKS_PER_AGENT = 10;
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const { signal } = stop;
const cluster = createCluster({ seed: 1, agents: Math.max(12, Math.ceil(tasks / TASKS_PER_AGENT)), tasks });
const { urls } = await startSimulatedMasters({
  cluster,
  port: 0,
  now: Date.now,
  signal,
  onRequest: ({ method, url }) => tell({ request: `${method} ${url}` }),
});
startChurn({
  cluster,
  perSecond: changesPerSecond,
  now: Date.now,
  signal,
  onChange: (changes) => tell({ changes: changes.length, changedAtMs: Date.now() }),
});
tell({ url: urls[0] });
