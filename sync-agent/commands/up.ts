import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { createCluster, DEFAULT_AGENTS, DEFAULT_TASKS } from '../../simulate/cluster.ts';
import { startChurn } from '../../simulate/churn-timer.ts';
import { startSimulatedMasters } from '../../simulate/server.ts';
import type { AgentConfig } from '../config.ts';
import { createHttp } from '../http.ts';
import { lockDataDir } from '../local/data-dir.ts';
import { startLocalEdge } from '../local/miniflare.ts';
import { buildWorkerIfNeeded } from '../local/project.ts';
import { awaitAnswer, tryThese } from '../local/welcome.ts';
import { createConsole } from '../log.ts';
import { recordSettings } from '../record-settings.ts';
import { createCloudflareKvSink } from '../sinks/cloudflare-kv.ts';
import { syncForever, syncOnce, type SyncOptions } from '../sync.ts';
import {
  addInputOptions,
  collect,
  configFrom,
  forwardsByMesosDnsConfig,
  hostsFrom,
  type InputFlags,
  mesosHttpFrom,
  sourceFrom,
} from './inputs.ts';
import { publisherFrom, rrsetSettings, signingKeyFrom } from './outputs.ts';
import { toCount, toPort, toPositive } from './simulate.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = InputFlags & {
  readonly port: number;
  readonly dataDir?: string;
  readonly upstream: readonly string[] | false;
  readonly agents: number;
  readonly tasks: number;
};

/** Asked only for names outside our zones. */
const PUBLIC_RESOLVERS = ['https://cloudflare-dns.com/dns-query', 'https://dns.google/dns-query'];
const SIMULATED_CHURN_PER_SECOND = 0.2;
/** A simulated cluster or a file costs nobody anything to read; a person is waiting to see a change. */
const INTERVAL_MS = 1_000;

const EXAMPLES = `
Examples:
  mesos-doh up                                    # a simulated cluster
  mesos-doh up --master http://10.0.0.1:5050      # yours, read only
  mesos-doh up --state state.json --port 9000 --no-upstream
Through npm, flags follow --:  npm start -- --port 9000`;

export function addUpCommand(program: Command): void {
  addInputOptions(program.command('up'))
    .description('everything on this machine: cluster (simulated unless one is named), agent, Worker, KV')
    .option('--port <port>', 'of the DoH URL, on loopback; 0: any free one', toPort, 8787)
    .option('--data-dir <dir>', 'keys and KV, kept between runs (default: .mesos-doh)')
    .option(
      '--upstream <url>',
      `DoH URL for names outside the zone; repeatable (default: ${PUBLIC_RESOLVERS.join(', ')})`,
      collectUrl,
    )
    .option('--no-upstream', 'refuse names outside the zone')
    .option('--agents <n>', 'size of the simulated cluster', toPositive, DEFAULT_AGENTS)
    .option('--tasks <n>', 'size of the simulated cluster', toCount, DEFAULT_TASKS)
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const base = configFrom(flags, note);
      await up(flags, { ...base, dataDir: flags.dataDir ?? base.dataDir }, stopSignal());
    });
}

/** Everything from the Worker's build to the last close; what was opened is closed however it ends. */
async function up(flags: Flags, config: AgentConfig, signal: AbortSignal): Promise<void> {
  if (await buildWorkerIfNeeded(signal)) note('built the Worker');
  const closers: Closers = [await lockDataDir(config.dataDir)];
  try {
    const { key, edge } = await startEdge(config, flags);
    closers.push(edge.close);
    signal.throwIfAborted();
    const cluster = await openCluster(flags, config, closers);
    const options = syncOptions(cluster, { key, edge, closers });
    const push = await syncOnce(options, signal);
    await awaitAnswer(edge.url, config.domain, signal);
    const what = cluster.simulated
      ? `a simulated cluster of ${flags.agents} agents and ${flags.tasks} tasks`
      : options.source.name;
    const name = exampleName(cluster);
    process.stdout.write(tryThese({ url: edge.url, domain: config.domain, name, what, push }));
    // Somebody's real master is asked no more often than its operator wants.
    const real = !cluster.simulated && flags.state === undefined;
    const intervalMs = real ? config.mesos.pollSeconds * 1000 : INTERVAL_MS;
    await pause(intervalMs, signal).catch(() => undefined);
    await syncForever(options, { intervalMs, sleep: pause }, signal);
  } finally {
    await Promise.all(closers.map((close) => close()));
  }
}

type Key = Awaited<ReturnType<typeof signingKeyFrom>>;
type Edge = Awaited<ReturnType<typeof startLocalEdge>>;

async function startEdge(config: AgentConfig, flags: Flags): Promise<{ key: Key; edge: Edge }> {
  const key = await signingKeyFrom(config, { absent: 'make' });
  const upstreams =
    flags.upstream === false
      ? []
      : (flags.upstream ?? (forwardsByMesosDnsConfig(flags) ? PUBLIC_RESOLVERS : []));
  const edge = await startLocalEdge({
    port: flags.port,
    dataDir: config.dataDir,
    vars: {
      ZONES: config.domain,
      ACCESS: 'open',
      UPSTREAMS: upstreams.join(','),
      VERIFY_KEYS: key.publicKeyBase64,
      HEAD_REFRESH_SECONDS: '1',
      HEAD_MAX_AGE_SECONDS: '2',
    },
  });
  return { key, edge };
}

type OpenCluster = { readonly flags: InputFlags; readonly config: AgentConfig; readonly simulated: boolean };
type Closers = (() => Promise<void>)[];

/** The named cluster, or a simulated one whose master then is the one that is read. */
async function openCluster(flags: Flags, config: AgentConfig, closers: Closers): Promise<OpenCluster> {
  const named = flags.state !== undefined || config.mesos.masters.length > 0;
  if (named) return { flags, config, simulated: false };
  const churning = new AbortController();
  const { signal } = churning;
  const cluster = createCluster({ seed: 1, agents: flags.agents, tasks: flags.tasks });
  const masters = await startSimulatedMasters({ cluster, port: 0, now: Date.now, signal });
  closers.push(masters.close, () => Promise.resolve(churning.abort()));
  startChurn({ cluster, perSecond: SIMULATED_CHURN_PER_SECOND, now: Date.now, signal });
  return {
    flags,
    config: { ...config, mesos: { ...config.mesos, masters: [...masters.urls] } },
    simulated: true,
  };
}

/** Every simulated cluster runs a search; every cluster has a leader. */
function exampleName({ config, simulated }: OpenCluster): string {
  return simulated ? `search.marathon.${config.domain}` : `leader.${config.domain}`;
}

function syncOptions(
  { flags, config }: OpenCluster,
  { key, edge, closers }: { key: Key; edge: Edge; closers: Closers },
): SyncOptions {
  const mesosHttp = mesosHttpFrom(config);
  const kvHttp = createHttp();
  closers.push(mesosHttp.close, kvHttp.close);
  const onEvent = createConsole(note);
  const sink = createCloudflareKvSink({ ...edge.kv, http: kvHttp });
  return {
    source: sourceFrom(flags, config, mesosHttp),
    hosts: hostsFrom(flags, config),
    settings: recordSettings(config),
    rrsets: rrsetSettings(config),
    publisher: publisherFrom(config, { sink, key, onEvent, dryRun: false }),
    sinkName: sink.name,
    onEvent: quietly(onEvent),
    now: Date.now,
    monotonicMs: () => performance.now(),
  };
}

/** Left-out elements are told when they change, not every second. */
function quietly(onEvent: SyncOptions['onEvent']): SyncOptions['onEvent'] {
  let last = '';
  return (event) => {
    if (event.kind !== 'skipped') return onEvent(event);
    const text = JSON.stringify(event.reasons);
    if (text !== last) onEvent(event);
    last = text;
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}

function collectUrl(text: string, earlier?: readonly string[]): string[] {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return collect(text, earlier);
  throw new InvalidArgumentError('It should be a DoH URL such as https://dns.google/dns-query.');
}
