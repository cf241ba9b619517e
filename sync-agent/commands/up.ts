import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { createCluster, DEFAULT_AGENTS, DEFAULT_TASKS } from '../../simulate/cluster.ts';
import { startChurn } from '../../simulate/churn-timer.ts';
import { startSimulatedMasters } from '../../simulate/server.ts';
import { createJobs, type Office, runAgent } from '../agent.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { consulOf } from '../config-consul.ts';
import { derivedZones } from '../derived-zones.ts';
import { createSoleElection } from '../election/sole.ts';
import type { OnEvent } from '../events.ts';
import { createHttp } from '../http.ts';
import { signingKeyPath, trustedKeys } from '../keys.ts';
import { lockDataDir } from '../local/data-dir.ts';
import { startLocalEdge } from '../local/miniflare.ts';
import { type Mirror, openMirror } from '../local/mirror.ts';
import { buildWorkerIfNeeded } from '../local/project.ts';
import { type LocalTls, startLocalTls } from '../local/tls.ts';
import { awaitAnswer, tryThese } from '../local/welcome.ts';
import { createConsole, newsOnly } from '../log.ts';
import { createCloudflareKvSink } from '../sinks/cloudflare-kv.ts';
import { createDirectorySink } from '../sinks/directory.ts';
import { type Sink, SinkError } from '../sinks/sink.ts';
import { isClusterNamed } from './cluster-input.ts';
import { addInputOptions, collect, configFrom, forwardsByMesosDnsConfig, type InputFlags } from './inputs.ts';
import { type Opened, openOutlet } from './office.ts';
import { candidateFrom, signingKeyFrom } from './outputs.ts';
import { toCount, toPort, toPositive } from './simulate.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = InputFlags & {
  readonly port: number;
  readonly httpsPort?: number;
  readonly dataDir?: string;
  readonly upstream: readonly string[] | false;
  readonly alsoSinkDir?: readonly string[];
  readonly verifyKey?: readonly string[];
  readonly aliases?: string;
  readonly merged?: string;
  readonly mergedPrefer?: string;
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
  mesos-doh up --https-port 8443                  # for browsers, kdig, dig
  mesos-doh up --aliases cluster1.example.com=mesos
  mesos-doh up --config dc1.json --also-sink-dir /srv/dc2 --verify-key "$DC2_KEY" --merged mesos=dc1.mesos,dc2.mesos
Through npm, flags follow --:  npm start -- --port 9000`;

export function addUpCommand(program: Command): void {
  addInputOptions(program.command('up'))
    .description('everything on this machine: cluster (simulated unless one is named), agent, Worker, KV')
    .option('--port <port>', 'of the DoH URL, on loopback; 0: any free one', toPort, 8787)
    .option('--https-port <port>', 'HTTP/2 and TLS too, by a CA of this machine; 0: any free one', toPort)
    .option('--data-dir <dir>', 'keys and KV, kept between runs (default: .mesos-doh)')
    .option(
      '--upstream <url>',
      `DoH URL for names outside the zone; repeatable (default: ${PUBLIC_RESOLVERS.join(', ')})`,
      collectUrl,
    )
    .option('--no-upstream', 'refuse names outside the zone')
    .option(
      '--also-sink-dir <dir>',
      'serve the zones that another agent publishes to this directory, too; repeatable',
      collect,
    )
    .option(
      '--verify-key <base64>',
      'with --also-sink-dir: the public key of that agent; repeatable',
      collect,
    )
    .option('--aliases <list>', "the Worker's ALIASES, alias=name,… (docs/aliases.md)")
    .option('--merged <list>', "the Worker's MERGED, zone=member,member… (docs/clusters.md)")
    .option('--merged-prefer <list>', "the Worker's MERGED_PREFER, place=member,…")
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
  assertPairs(flags);
  if (await buildWorkerIfNeeded(signal)) note('built the Worker');
  const closers: Closers = [await lockDataDir(config.dataDir)];
  try {
    const mirror = await mirrorFrom(flags, config, signal);
    const edge = await startEdge(config, flags, mirror.zones);
    let tls: LocalTls | undefined;
    // The front first: its requests under way still have a Worker then.
    closers.push(async () => {
      await tls?.close();
      await edge.close();
    });
    if (flags.httpsPort !== undefined) {
      tls = await startLocalTls({ port: flags.httpsPort, dataDir: config.dataDir, workerUrl: edge.url });
      if (tls.caMade) note(`made a certificate authority: ${tls.caFile}`);
    }
    signal.throwIfAborted();
    const cluster = await openCluster(flags, config, closers);
    const { opened, onEvent } = await openLocal(cluster, edge);
    closers.push(opened.close);
    const office = opened.open();
    // What an earlier run published of another cluster is none of this one's.
    const isOther = cluster.simulated || flags.state !== undefined;
    const push = await office.sync.once(signal, { force: isOther });
    await mirror.copyTo(opened.outlet.sink, signal);
    await awaitAnswer(edge.url, config.domain, signal);
    const what = cluster.simulated
      ? `a simulated cluster of ${flags.agents} agents and ${flags.tasks} tasks`
      : (flags.state ??
        flags.axfr ??
        (config.mesos.masters.join(', ') || 'the masters that ZooKeeper names'));
    const name = exampleName(cluster);
    process.stdout.write(tryThese({ url: edge.url, tls, domain: config.domain, name, what, push }));
    // Somebody's real master is asked no more often than its operator wants.
    const real = !cluster.simulated && flags.state === undefined;
    const intervalMs = real ? config.mesos.pollSeconds * 1000 : INTERVAL_MS;
    await pause(intervalMs, signal).catch(() => undefined);
    const mirroring = keepMirrored(mirror, opened.outlet.sink, signal);
    await keepPublished(config, { opened, office, onEvent, intervalMs }, signal);
    await mirroring;
  } finally {
    await Promise.all(closers.map((close) => close()));
  }
}

/** The Worker reads these lists. One that begins without a name and `=` is said before anything starts. */
function assertPairs({ aliases, merged, mergedPrefer }: Flags): void {
  const lists = [
    ['--aliases', aliases, 'ALIAS=NAME'],
    ['--merged', merged, 'ZONE=MEMBER,MEMBER'],
    ['--merged-prefer', mergedPrefer, 'PLACE=MEMBER'],
  ] as const;
  for (const [flag, list, form] of lists) {
    const [first = ''] = list?.split(',') ?? [];
    if (list !== undefined && !first.includes('='))
      throw new ConfigError(`${flag} ${list}: its = is missing: give ${flag} ${form}`);
  }
}

type Edge = Awaited<ReturnType<typeof startLocalEdge>>;

/** The zones that this agent publishes. */
function ownZones(config: AgentConfig): string[] {
  const consul = consulOf(config);
  return [
    config.domain,
    ...derivedZones(config).map(({ zone }) => zone.origin),
    ...(consul ? [consul.domain] : []),
  ];
}

async function mirrorFrom(
  { alsoSinkDir = [], verifyKey }: Flags,
  config: AgentConfig,
  signal: AbortSignal,
): Promise<Mirror> {
  if (verifyKey && alsoSinkDir.length === 0)
    throw new ConfigError(
      '--verify-key is for --also-sink-dir: it is the key of the agent that publishes there',
    );
  const sinks = alsoSinkDir.map((path) => createDirectorySink(path));
  return openMirror(sinks, { taken: ownZones(config), signal, report: note });
}

async function startEdge(config: AgentConfig, flags: Flags, others: readonly string[]): Promise<Edge> {
  const { publicKeyBase64 } = await signingKeyFrom(config, { absent: 'make' });
  const verifyKeys = new Set([
    publicKeyBase64,
    ...(await trustedKeys(signingKeyPath(config))),
    ...(flags.verifyKey ?? []),
  ]);
  const upstreams =
    flags.upstream === false
      ? []
      : (flags.upstream ?? (forwardsByMesosDnsConfig(flags) ? PUBLIC_RESOLVERS : []));
  return startLocalEdge({
    port: flags.port,
    dataDir: config.dataDir,
    vars: {
      ZONES: [...ownZones(config), ...others].join(','),
      ACCESS: 'open',
      ENUMERATION: 'on',
      UPSTREAMS: upstreams.join(','),
      ...given('ALIASES', flags.aliases),
      ...given('MERGED', flags.merged),
      ...given('MERGED_PREFER', flags.mergedPrefer),
      VERIFY_KEYS: [...verifyKeys].join(','),
      HEAD_REFRESH_SECONDS: '1',
      HEAD_MAX_AGE_SECONDS: '2',
    },
  });
}

type OpenCluster = { readonly flags: InputFlags; readonly config: AgentConfig; readonly simulated: boolean };
type Closers = (() => Promise<void>)[];

/** The named cluster, or a simulated one whose master then is the one that is read. */
async function openCluster(flags: Flags, config: AgentConfig, closers: Closers): Promise<OpenCluster> {
  if (isClusterNamed(flags, config)) return { flags, config, simulated: false };
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

/** The agent's parts, publishing to the local edge's KV, where what is stored can be read at once. */
async function openLocal(
  { flags, config }: OpenCluster,
  edge: Edge,
): Promise<{ opened: Opened; onEvent: OnEvent }> {
  const onEvent = newsOnly(createConsole(note));
  const http = createHttp();
  const destination = {
    sink: createCloudflareKvSink({ ...edge.kv, http }),
    spreadMs: 0,
    close: () => http.close(),
  };
  return { opened: await openOutlet(flags, config, { onEvent, destination }), onEvent };
}

async function keepPublished(
  config: AgentConfig,
  {
    opened,
    office,
    onEvent,
    intervalMs,
  }: { opened: Opened; office: Office; onEvent: OnEvent; intervalMs: number },
  signal: AbortSignal,
): Promise<void> {
  const timing = { sleep: pause, monotonicMs: () => performance.now() };
  const { livenessSeconds } = config;
  const election = createSoleElection({ livenessSeconds, random: Math.random, ...timing });
  const candidate = candidateFrom(config, opened.outlet);
  const agent = {
    election,
    candidate,
    openOffice: () => office,
    follow: opened.consul && opened.source.follow,
    jobs: createJobs(),
    intervalMs,
    settleMs: config.guard.settleSeconds * 1000,
    minPushMs: intervalMs,
    onEvent,
    resignAfterMs: Infinity,
  };
  try {
    await runAgent({ ...agent, ...timing }, signal);
  } finally {
    await election.close();
  }
}

/** Until the signal. A directory that can't be read is told once, and tried again. */
async function keepMirrored(mirror: Mirror, to: Sink, signal: AbortSignal): Promise<void> {
  if (mirror.zones.length === 0) return;
  let told = '';
  while (!signal.aborted) {
    try {
      await pause(INTERVAL_MS, signal);
      await mirror.copyTo(to, signal);
      told = '';
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SinkError)) throw error;
      if (told !== error.message) note(`${error.message}; what was copied stays`);
      told = error.message;
    }
  }
}

function given(name: string, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: value };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}

function collectUrl(text: string, earlier?: readonly string[]): string[] {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return collect(text, earlier);
  throw new InvalidArgumentError('It should be a DoH URL such as https://dns.google/dns-query.');
}
