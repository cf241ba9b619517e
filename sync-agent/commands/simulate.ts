import { type Command, InvalidArgumentError } from 'commander';
import {
  createCluster,
  DEFAULT_AGENTS,
  DEFAULT_TASKS,
  type SimulatedCluster,
} from '../../simulate/cluster.ts';
import { startChurn } from '../../simulate/churn-timer.ts';
import { DEFAULT_PORT, type SimulatedMasters, startSimulatedMasters } from '../../simulate/server.ts';
import { stopped, stopSignal } from './terminal.ts';

type Flags = {
  readonly port: number;
  readonly masters: number;
  readonly agents: number;
  readonly tasks: number;
  readonly churnPerSecond: number;
  readonly seed: number;
  readonly failoverEvery?: number;
  readonly agentsReturnOver: number;
  readonly vanishPercent?: number;
  readonly vanishAfter: number;
};

const EXAMPLES = `
Examples:
  mesos-doh simulate --agents 50 --tasks 2000 --churn-per-second 5
  mesos-doh simulate --masters 3        # the first leads, the others redirect to it
  mesos-doh simulate --masters 3 --failover-every 120 --agents-return-over 20
  mesos-doh simulate --vanish-percent 60 --vanish-after 30
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
    .option('--failover-every <seconds>', 'another master leads, and agents come back to it', toPositive)
    .option('--agents-return-over <seconds>', 'how long all agents take for that', toCount, 20)
    .option('--vanish-percent <n>', 'so many of the tasks are gone at once, without a trace', toPercent)
    .option('--vanish-after <seconds>', 'when they are', toCount, 60)
    .option('--seed <n>', 'the same seed gives the same cluster', toCount, 1)
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const { port, masters, agents, tasks, churnPerSecond, seed } = flags;
      const signal = stopSignal();
      const cluster = createCluster({ seed, agents, tasks });
      const running = await startSimulatedMasters({ cluster, port, masters, now: Date.now, signal });
      startChurn({ cluster, perSecond: churnPerSecond, now: Date.now, signal });
      for (const [i, url] of running.urls.entries()) {
        process.stdout.write(`${url}/state${i === running.leader ? ' (leader)' : ''}\n`);
      }
      process.stdout.write('ready\n');
      startMishaps(flags, { running, cluster, signal });
      await stopped(signal);
      await running.close();
    });
}

type Mishap = {
  readonly running: SimulatedMasters;
  readonly cluster: SimulatedCluster;
  readonly signal: AbortSignal;
};

/** What the flags say goes wrong, told on standard error when it does. */
function startMishaps(flags: Flags, { running, cluster, signal }: Mishap): void {
  const tell = (what: string): void => void process.stderr.write(`${new Date().toISOString()} ${what}\n`);
  const { failoverEvery, agentsReturnOver, vanishPercent, vanishAfter } = flags;
  const timers: NodeJS.Timeout[] = [];
  if (failoverEvery !== undefined) {
    const failover = (): void => {
      running.failover({ agentsReturnOverSeconds: agentsReturnOver });
      tell(`${running.urls[running.leader ?? 0]} leads; agents come back over ${agentsReturnOver} s`);
    };
    timers.push(setInterval(failover, failoverEvery * 1000));
  }
  if (vanishPercent !== undefined) {
    const vanish = (): void => tell(`${cluster.vanish(vanishPercent / 100).length} tasks vanished`);
    timers.push(setTimeout(vanish, vanishAfter * 1000));
  }
  signal.addEventListener('abort', () => timers.forEach((timer) => clearTimeout(timer)), { once: true });
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

function toPercent(text: string): number {
  const value = toNumber(text);
  if (value > 100) throw new InvalidArgumentError('It should be 0 to 100.');
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
