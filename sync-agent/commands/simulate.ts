import { type Command, InvalidArgumentError } from 'commander';
import { createCluster, DEFAULT_AGENTS, DEFAULT_TASKS } from '../../simulate/cluster.ts';
import { startChurn } from '../../simulate/churn-timer.ts';
import { DEFAULT_PORT, startSimulatedMasters } from '../../simulate/server.ts';
import { stopped, stopSignal } from './terminal.ts';

type Flags = {
  readonly port: number;
  readonly masters: number;
  readonly agents: number;
  readonly tasks: number;
  readonly churnPerSecond: number;
  readonly seed: number;
};

const EXAMPLES = `
Examples:
  mesos-doh simulate --agents 50 --tasks 2000 --churn-per-second 5
  mesos-doh simulate --masters 3        # the first leads, the others redirect to it
  curl -s http://127.0.0.1:5050/state`;

export function addSimulateCommand(program: Command): void {
  program
    .command('simulate')
    .description('a Mesos master made of nothing, on loopback: /state, redirects, churn')
    .option('--port <port>', 'of the first master; the others follow it', toPort, DEFAULT_PORT)
    .option('--masters <n>', 'how many masters; the first leads', toPositive, 1)
    .option('--agents <n>', 'how many agents', toPositive, DEFAULT_AGENTS)
    .option('--tasks <n>', 'how many tasks', toCount, DEFAULT_TASKS)
    .option('--churn-per-second <n>', 'tasks that start, end or move in a second', toNumber, 0)
    .option('--seed <n>', 'the same seed gives the same cluster', toCount, 1)
    .addHelpText('after', EXAMPLES)
    .action(async ({ port, masters, agents, tasks, churnPerSecond, seed }: Flags) => {
      const signal = stopSignal();
      const cluster = createCluster({ seed, agents, tasks });
      const running = await startSimulatedMasters({ cluster, port, masters, now: Date.now, signal });
      startChurn({ cluster, perSecond: churnPerSecond, now: Date.now, signal });
      for (const [i, url] of running.urls.entries()) {
        process.stdout.write(`${url}/state${i === running.leader ? ' (leader)' : ''}\n`);
      }
      process.stdout.write('ready\n');
      await stopped(signal);
      await running.close();
    });
}

/** A TCP port; 0 is any free one. */
export function toPort(text: string): number {
  const value = toCount(text);
  if (value > 65535) throw new InvalidArgumentError('It should be a port, 0 to 65535.');
  return value;
}

export function toPositive(text: string): number {
  const value = toCount(text);
  if (value === 0) throw new InvalidArgumentError('It should be at least 1.');
  return value;
}

export function toCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('It should be a whole number.');
  return value;
}

function toNumber(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && Number.isFinite(value))) throw new InvalidArgumentError('It should be a number.');
  return value;
}
