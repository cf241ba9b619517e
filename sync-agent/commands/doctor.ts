import { access, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { jsonText } from '../client/json-text.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { consulOf } from '../config-consul.ts';
import { askAgent } from '../control/client.ts';
import { checkEdge } from '../doctor/edge.ts';
import { type Finding, isAllWell, renderFinding, renderSum } from '../doctor/finding.ts';
import { checkDirectory, checkFiles, checkNode, checkSigningKey } from '../doctor/machine.ts';
import { checkMasters, hasStream } from '../doctor/masters.ts';
import { checkState, checkStream } from '../doctor/rights.ts';
import { checkAgent, checkPeers } from '../doctor/running.ts';
import { checkStore, checkZone } from '../doctor/store.ts';
import { checkElectionPath, checkMasterList } from '../doctor/zookeeper.ts';
import { createHttp, type Http } from '../http.ts';
import { loadKeyRing, signingKeyPath } from '../keys.ts';
import { createCloudflareKvSink } from '../sinks/cloudflare-kv.ts';
import { createDirectorySink } from '../sinks/directory.ts';
import type { Sink } from '../sinks/sink.ts';
import { createMesosStateSource } from '../sources/mesos-state.ts';
import { openZooKeeper } from '../zookeeper.ts';
import { parseZooKeeperUrl } from '../zookeeper-url.ts';
import { type Masters, mastersFrom, sourceFrom } from './cluster-input.ts';
import { consulAlone } from './consul-input.ts';
import { examineSources, publishedSnapshots, sourceFiles } from './doctor-sources.ts';
import { addCaOption, httpFor, readCa, readServerAddress, tokenFrom } from './client-input.ts';
import { type ClientFlags, examineClient } from './doctor-client.ts';
import { addInputOptions, configFrom } from './inputs.ts';
import type { OutputFlags } from './office.ts';
import { print } from './print.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = OutputFlags &
  ClientFlags & { readonly json?: boolean; readonly edge?: string; readonly client?: boolean };
type Report = (...findings: readonly Finding[]) => Promise<void>;

const REQUEST_LIMIT_MS = 5_000;
const STATE_LIMIT_MS = 60_000;
const SESSION_MS = 10_000;
const FILES = { stat, access };

const EXAMPLES = `
Three kinds, by where something is wrong:
  doctor           the agent: masters, rights, store, key. On its machine, as its user, with its CLOUDFLARE_API_TOKEN
  doctor --edge    the Worker, from outside: is every door closed to strangers, and open to a token?
  doctor --client  this device: from the DoH URL to a task, and how its resolver and browsers are set up

Examples:
  mesos-doh doctor --config /etc/mesos-doh/config.json
  mesos-doh doctor --master http://10.0.0.1:5050 --sink-dir /srv/snapshots
  MESOS_DOH_TOKEN=mdt_… mesos-doh doctor --edge https://doh.example.com
  MESOS_DOH_TOKEN=mdt_… mesos-doh doctor --client --url https://doh.example.com/dns-query --name search.marathon.mesos

It changes nothing. MESOS_DOH_URL and MESOS_DOH_TOKEN keep URL and token out of the list of processes.
Exit codes: 0 all well, 1 something is wrong, 2 wrong usage or configuration. All lines: docs/doctor.md`;

export function addDoctorCommand(program: Command): void {
  addCaOption(addInputOptions(program.command('doctor')))
    .description('check agent, Worker or this device, and say how to mend what is wrong')
    .option('--sink-dir <dir>', 'the directory that is published to, instead of Workers KV')
    .option('--edge <url>', 'try the doors of the Worker at this URL instead, as a stranger and with a token')
    .option('--client', 'walk the way from this device to a task instead')
    .option('--url <url>', 'with --client: the DoH URL, also from MESOS_DOH_URL')
    .option('--name <name>', 'with --client: the name to follow (default: the leader, and some service)')
    .option('--zone <zone>', 'with --client and --edge: a zone it serves (default: mesos)')
    .option('--address <ip>', 'with --client: the address of the DoH host, instead of looking it up')
    .option(
      '--stub <server>',
      'with --client: where a stub listens (default: 127.0.0.1:5354)',
      readServerAddress,
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const findings: Finding[] = [];
      const report: Report = async (...found) => {
        findings.push(...found);
        if (flags.json !== true) for (const one of found) await print(`${renderFinding(one)}\n`);
      };
      await examineKind(flags, report);
      const isWell = isAllWell(findings);
      if (flags.json === true) await print(`${jsonText({ isWell, findings })}\n`);
      else await print(`${renderSum(findings)}\n`);
      if (!isWell) throw new Error('something is wrong: see above');
    });
}

/** Agent, Worker or device. */
async function examineKind(flags: Flags, report: Report): Promise<void> {
  const { edge, client } = flags;
  if (edge !== undefined && client === true) throw new ConfigError('give one of --edge and --client');
  if (edge === undefined && client !== true && flags.ca !== undefined)
    throw new ConfigError("--ca is for --edge and --client; the masters' authority is mesos.caCertFile");
  if (client !== true && (flags.url ?? flags.name ?? flags.address ?? flags.stub) !== undefined)
    throw new ConfigError('--url, --name, --address and --stub are for --client: say it too');
  if (client === true) return examineClient(flags, report);
  const config = configFrom(flags, note);
  if (edge === undefined) return examine(flags, config, report);
  const zone = flags.zone ?? config.domain;
  return examineEdge({ ...config, url: edge, domain: zone, ca: readCa(flags.ca) }, report);
}

type EdgeInput = Pick<AgentConfig, 'domain' | 'staleAfterSeconds'> & {
  readonly url: string;
  readonly ca: string | undefined;
};

/** A deployed Worker from outside. The token in its URL, or from the environment, where `ps` does not show it. */
async function examineEdge({ url, ca, ...config }: EdgeInput, report: Report): Promise<void> {
  const http = httpFor({ ca, connectTimeoutMs: REQUEST_LIMIT_MS });
  const token = tokenFrom();
  try {
    await checkEdge(
      {
        url,
        ...(token !== undefined && { token }),
        zone: config.domain,
        staleAfterSeconds: config.staleAfterSeconds,
        http,
        onFinding: report,
      },
      stopSignal(),
    );
  } finally {
    await http.close();
  }
}

/** All checks, those first whose failure explains others. */
async function examine(flags: Flags, config: AgentConfig, report: Report): Promise<void> {
  const place = [flags.config, flags.mesosDnsConfig].filter((path) => path !== undefined).join(' and ');
  const files = await checkFiles(namedFiles(config), FILES);
  await report(
    checkNode(process.versions.node),
    { about: 'configuration', verdict: 'well', says: `${place || 'flags'}: ${zonesText(flags, config)}` },
    ...files,
    await checkDirectory({ about: 'data directory', path: config.dataDir, setting: 'dataDir' }, FILES),
  );
  if (files.length === 0) await examineCluster(flags, config, report);
  else await report({ about: 'masters', verdict: 'skipped', says: 'the files named above come first' });
  const path = signingKeyPath(config);
  const isNamed = config.signingKeyFile !== undefined;
  const key = await checkSigningKey({ path, isNamed, load: loadKeyRing, files: FILES });
  await report(...key.findings);
  const http = createHttp({ connectTimeoutMs: REQUEST_LIMIT_MS });
  try {
    if (files.length === 0) {
      const timeoutMs = Math.min(config.mesos.timeoutSeconds * 1000, STATE_LIMIT_MS);
      await report(...(await examineSources(config, { http, timeoutMs })));
    }
    await examineStore(flags, config, { ring: key.ring, http, report });
    await examineAgents(config, { http, report });
  } finally {
    await http.close();
  }
}

/** Files that only have to be readable; the signing key is looked at by itself. */
function namedFiles(config: AgentConfig): string[] {
  const { mesos, marathon } = config;
  const { caCertFile, certFile, keyFile, credentialsFile, dcosServiceAccountFile, zkCredentialsFile } = mesos;
  const all = [caCertFile, certFile, keyFile, credentialsFile, dcosServiceAccountFile, zkCredentialsFile];
  return [...all, marathon?.credentialsFile, ...sourceFiles(config)].filter((path) => path !== undefined);
}

/** Which zones are published from what is named. */
function zonesText(flags: Flags, config: AgentConfig): string {
  const alone = consulAlone(flags, config);
  if (alone) return `zone ${alone.domain}, Consul's alone`;
  const beside = consulOf(config);
  return beside ? `zones ${config.domain} and ${beside.domain}` : `zone ${config.domain}`;
}

async function examineCluster(flags: Flags, config: AgentConfig, report: Report): Promise<void> {
  if (flags.axfr !== undefined) {
    const says = `records come from ${flags.axfr}, not from masters`;
    return report({ about: 'masters', verdict: 'skipped', says });
  }
  if (consulAlone(flags, config)) {
    const says = 'no Mesos cluster is named: the agent reads Consul alone';
    return report({ about: 'masters', verdict: 'skipped', says });
  }
  let masters: Masters;
  try {
    masters = mastersFrom(config, () => undefined);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return report({ about: 'configuration', verdict: 'wrong', says: error.message });
  }
  try {
    if (flags.state === undefined) await examineMasters(config, masters, report);
    else await report(...(await checkState(sourceFrom(flags, config, masters), config.mesos, stopSignal())));
  } finally {
    await masters.close();
  }
}

async function examineMasters(
  { mesos }: AgentConfig,
  { http, finder }: Masters,
  report: Report,
): Promise<void> {
  const signal = stopSignal();
  const listed = await checkMasterList(finder, signal);
  await report(...listed.findings);
  for (const master of listed.masters) http.trust(master);
  const quick = { http, timeoutMs: REQUEST_LIMIT_MS };
  const { findings, leader, version } = await checkMasters(listed.masters, quick, signal);
  await report(...findings);
  if (findings.every(({ about, verdict }) => about === 'masters' && verdict === 'wrong'))
    return report({ about: 'state', verdict: 'skipped', says: 'no master can be reached' });
  const timeoutMs = Math.min(mesos.timeoutSeconds * 1000, STATE_LIMIT_MS);
  const maxOctets = mesos.maxStateMebibytes * 1024 * 1024;
  const source = createMesosStateSource({ finder, http, timeoutMs, maxOctets });
  await report(...(await checkState(source, mesos, signal)));
  if (mesos.mode === 'poll' || !leader || version === undefined || !hasStream(version)) return;
  const { allowEmpty, mode } = mesos;
  await report(
    await checkStream(leader, { http, timeoutMs, allowEmpty, isWanted: mode === 'stream' }, signal),
  );
}

async function examineStore(
  flags: Flags,
  config: AgentConfig,
  {
    ring,
    http,
    report,
  }: {
    readonly ring: Parameters<typeof checkStore>[0]['ring'];
    readonly http: Http;
    readonly report: Report;
  },
): Promise<void> {
  const { kv, staleAfterSeconds } = config;
  const [first, ...others] = publishedSnapshots(flags, config);
  const check = async (sink: Sink, isProbed: boolean): Promise<void> => {
    const about = { sink, ring, staleAfterSeconds, now: Date.now };
    const found = await checkStore({ ...about, ...first, isProbed }, stopSignal());
    await report(...found);
    // A store that can't be read has nothing to say of them.
    if (!found.some((one) => one.about === 'zone')) return;
    for (const other of others) await report(await checkZone({ ...about, ...other }, stopSignal()));
  };
  const { sinkDir } = flags;
  if (sinkDir !== undefined) {
    await report(await checkDirectory({ about: 'store', path: sinkDir, setting: '--sink-dir' }, FILES));
    return check(createDirectorySink(sinkDir), false);
  }
  if (!kv)
    throw new ConfigError(
      'nowhere to publish is named: give --sink-dir DIR, or kv.url and kv.namespace in --config',
    );
  const token = process.env['CLOUDFLARE_API_TOKEN'];
  // A local API asks for none.
  if (!token && !/^(localhost|127\.|\[::1\])/.test(new URL(kv.url).hostname)) {
    const mend = 'Set CLOUDFLARE_API_TOKEN, as the agent has it (docs/deploy-agent.md says which scope)';
    await report({
      about: 'store',
      verdict: 'wrong',
      says: 'there is no API token in the environment',
      mend,
    });
    return;
  }
  const sink = createCloudflareKvSink({
    ...kv,
    http,
    token,
    timeoutMs: REQUEST_LIMIT_MS,
    backoff: { tries: 1 },
  });
  await check(sink, true);
}

async function examineAgents(
  { dataDir, metrics, election, staleAfterSeconds }: AgentConfig,
  { http, report }: { readonly http: Http; readonly report: Report },
): Promise<void> {
  const options = { http, timeoutMs: REQUEST_LIMIT_MS };
  if (election.zk !== undefined && election.by === 'zookeeper') {
    const url = parseZooKeeperUrl(election.zk);
    const ask = async (signal: AbortSignal): Promise<string[]> => {
      const session = await openZooKeeper(
        url,
        { sessionTimeoutMs: SESSION_MS, monotonicMs: () => performance.now() },
        signal,
      );
      return session.children(url.path, signal).finally(() => session.close());
    };
    await report(await checkElectionPath({ name: url.name, ask }, stopSignal()));
  }
  const agent = {
    ...options,
    askAgent: (signal: AbortSignal) => askAgent(dataDir, { path: '/status' }, signal),
    dataDir,
    monitor: metrics && metrics.port > 0 ? monitorUrl(metrics) : undefined,
    staleAfterSeconds,
  };
  await report(...(await checkAgent(agent, stopSignal())));
  if (election.by === 'peers') await report(...(await checkPeers(election.peers, options, stopSignal())));
}

/** Where this machine reaches its own monitor. */
function monitorUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  const reached = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}
