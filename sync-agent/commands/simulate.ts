import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { Access } from '../../simulate/access.ts';
import { createCluster, DEFAULT_AGENTS, DEFAULT_TASKS } from '../../simulate/cluster.ts';
import { startChurn } from '../../simulate/churn-timer.ts';
import { startSimulatedMarathon } from '../../simulate/marathon.ts';
import { DEFAULT_VERSION, parseVersion } from '../../simulate/mesos-version.ts';
import {
  DEFAULT_HEARTBEAT_SECONDS,
  DEFAULT_PORT,
  type MastersOptions,
  startSimulatedMasters,
} from '../../simulate/server.ts';
import { DEFAULT_MAX_SUBSCRIBERS } from '../../simulate/subscribers.ts';
import { ConfigError } from '../config.ts';
import { type MishapFlags, startMishaps } from './simulate-mishaps.ts';
import { registerMasters } from './simulate-zookeeper.ts';
import { stopped, stopSignal } from './terminal.ts';

type Flags = MishapFlags & {
  readonly port: number;
  readonly masters: number;
  readonly agents: number;
  readonly tasks: number;
  readonly churnPerSecond: number;
  readonly seed: number;
  readonly mesosVersion: string;
  readonly heartbeatSeconds: number;
  readonly maxSubscribers: number;
  readonly authReadonly?: readonly Login[];
  readonly authReadwrite?: readonly Login[];
  readonly blind: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly marathonPort?: number;
  readonly zk?: string;
};
type Login = { readonly principal: string; readonly secret: string };

const EXAMPLES = `
Examples:
  mesos-doh simulate --agents 50 --tasks 2000 --churn-per-second 5
  mesos-doh simulate --masters 3        # the first leads, the others redirect to it
  mesos-doh simulate --masters 3 --failover-every 120 --agents-return-over 20
  mesos-doh simulate --vanish-percent 60 --vanish-after 30
  mesos-doh simulate --auth-readwrite ops:secret --silence-every 60
  curl -s http://127.0.0.1:5050/state
  curl -sN http://127.0.0.1:5050/api/v1 -H 'content-type: application/json' -d '{"type":"SUBSCRIBE"}'`;

export function addSimulateCommand(program: Command): void {
  program
    .command('simulate')
    .description('a Mesos master made of nothing, on loopback: /state, /api/v1, redirects, churn, faults')
    .option('--port <port>', 'of the first master; the others follow it', toPort, DEFAULT_PORT)
    .option('--masters <n>', 'how many masters; the first leads', toPositive, 1)
    .option('--agents <n>', 'how many agents', toPositive, DEFAULT_AGENTS)
    .option('--tasks <n>', 'how many tasks', toCount, DEFAULT_TASKS)
    .option('--churn-per-second <n>', 'tasks that start, end or move in a second', toNumber, 0)
    .option('--seed <n>', 'the same seed gives the same cluster', toCount, 1)
    .option(
      '--mesos-version <version>',
      'what this release can do, from 1.0 on; below, /state alone',
      toVersion,
      DEFAULT_VERSION,
    )
    .option(
      '--heartbeat-seconds <n>',
      'how often a stream says HEARTBEAT',
      toAboveZero,
      DEFAULT_HEARTBEAT_SECONDS,
    )
    .option(
      '--max-subscribers <n>',
      'streams at once; the oldest makes way',
      toPositive,
      DEFAULT_MAX_SUBSCRIBERS,
    )
    .option('--auth-readonly <principal:secret>', 'who may ask for /state; again for more', toLogins)
    .option('--auth-readwrite <principal:secret>', 'who may ask /api/v1; again for more', toLogins)
    .option('--blind <principal>', 'may ask, and sees no framework and no task', append, [])
    .option('--tls-cert <file>', 'HTTPS with this certificate (PEM) and no HTTP')
    .option('--tls-key <file>', 'its key')
    .option('--tls-client-ca <file>', 'clients must have a certificate of this authority')
    .option('--marathon-port <port>', 'a Marathon event stream there: /v2/events', toPort)
    .option('--zk <url>', 'register the masters there, such as zk://127.0.0.1:2181/mesos')
    .option('--failover-every <seconds>', 'another master leads, and agents come back to it', toPositive)
    .option('--agents-return-over <seconds>', 'how long all agents take for that', toCount, 20)
    .option('--recover-seconds <n>', 'how long a new leader answers 503 first', toCount, 0)
    .option('--silence-every <seconds>', 'the open streams fall silent for good', toPositive)
    .option('--cut-every <seconds>', 'the open streams are cut within a record', toPositive)
    .option('--pad-mib <n>', 'so much white space before each state', toCount, 0)
    .option(
      '--lose-agent-every <seconds>',
      'an agent is lost, its tasks unreachable; then it is back',
      toPositive,
    )
    .option('--draining-agents <n>', 'so many of the agents are draining', toCount, 0)
    .option('--deactivated-agents <n>', 'so many others are deactivated', toCount, 0)
    .option('--unhealthy-percent <n>', 'so many of the tasks with a health check are ill', toPercent, 0)
    .option('--killing-percent <n>', 'so many of the running tasks are in TASK_KILLING', toPercent, 0)
    .option('--vanish-percent <n>', 'so many of the tasks are gone at once, without a trace', toPercent)
    .option('--vanish-after <seconds>', 'when they are', toCount, 60)
    .addHelpText('after', EXAMPLES)
    .action(simulate);
}

async function simulate(flags: Flags): Promise<void> {
  const { port, masters, agents, tasks, churnPerSecond, seed, marathonPort, zk } = flags;
  const signal = stopSignal();
  const cluster = createCluster({ seed, agents, tasks });
  const { mesosVersion, heartbeatSeconds, maxSubscribers } = flags;
  const tls = tlsOf(flags);
  const running = await startSimulatedMasters({
    cluster,
    port,
    masters,
    mesosVersion,
    heartbeatSeconds,
    maxSubscribers,
    access: accessOf(flags),
    ...(tls === undefined ? {} : { tls }),
    now: Date.now,
    signal,
  });
  const places = zk === undefined ? undefined : await registerMasters(zk, { running, mesosVersion, signal });
  startChurn({ cluster, perSecond: churnPerSecond, now: Date.now, signal });
  for (const [i, url] of running.urls.entries()) {
    process.stdout.write(`${url}/state${i === running.leader ? ' (leader)' : ''}\n`);
  }
  if (marathonPort !== undefined) {
    const { url } = await startSimulatedMarathon({ cluster, port: marathonPort, now: Date.now, signal });
    process.stdout.write(`${url}/v2/events\n`);
  }
  process.stdout.write('ready\n');
  startMishaps(flags, { running, cluster, places, signal });
  await stopped(signal);
  await places?.close();
  await running.close();
}

function accessOf({ authReadonly, authReadwrite, blind }: Flags): Access {
  const accounts = (logins: readonly Login[]) =>
    logins.map((login) => ({ ...login, isBlind: blind.includes(login.principal) }));
  return {
    ...(authReadonly === undefined ? {} : { readonly: accounts(authReadonly) }),
    ...(authReadwrite === undefined ? {} : { readwrite: accounts(authReadwrite) }),
  };
}

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: Flags): MastersOptions['tls'] {
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new ConfigError('--tls-cert and --tls-key go together: give both');
  }
  return {
    cert: readPem('--tls-cert', tlsCert),
    key: readPem('--tls-key', tlsKey),
    ...(tlsClientCa === undefined ? {} : { clientCa: readPem('--tls-client-ca', tlsClientCa) }),
  };
}

function readPem(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${flag}: can't read ${file}: ${String(cause)}`, { cause });
  }
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

function toAboveZero(text: string): number {
  const value = toNumber(text);
  if (value === 0) throw new InvalidArgumentError('It should be more than 0.');
  return value;
}

function toVersion(text: string): string {
  try {
    return parseVersion(text).text;
  } catch {
    throw new InvalidArgumentError('It should be a Mesos version, such as 1.9.0.');
  }
}

function toLogins(text: string, before: readonly Login[] = []): readonly Login[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('It should be principal:secret.');
  return [...before, { principal: text.slice(0, colon), secret: text.slice(colon + 1) }];
}

function append(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
