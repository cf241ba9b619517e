import { masterHttpFrom } from '../auth/from-config.ts';
import type { MasterHttp } from '../auth/master-http.ts';
import type { ClusterState } from '../cluster.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import type { OnEvent } from '../events.ts';
import { createHostResolver, createHostsFileResolver, type HostResolver } from '../hosts.ts';
import { createHttp, type Http } from '../http.ts';
import type { MasterFinder } from '../masters/finder.ts';
import { finderFrom } from '../masters/from-config.ts';
import { recordSettings, recordTtl, variantSettings, zoneOf } from '../record-settings.ts';
import { createStateRecordSource, createTransferRecordSource, type RecordSource } from '../record-source.ts';
import { sleepFor } from '../retry.ts';
import { withServerSets } from '../server-set-facts.ts';
import type { ServerSetSource } from '../sources/aurora-sets.ts';
import { refuseEmptyCluster } from '../sources/empty-cluster.ts';
import type { LiveSource } from '../sources/live.ts';
import { createMesosDnsAxfrSource } from '../sources/mesos-dns-axfr.ts';
import { createMesosLive } from '../sources/mesos-live.ts';
import { createMesosStateSource } from '../sources/mesos-state.ts';
import type { Source } from '../sources/source.ts';
import { openStaticRecords, withStaticRecords } from '../static-records.ts';
import { createStateFileSource, createStateUrlSource } from '../sources/state-file.ts';
import { filteredSource, shareReads } from '../variants.ts';
import { serverSetsFrom } from './aurora-input.ts';
import type { InputFlags } from './inputs.ts';

/** How the masters are found and spoken to. Connects nowhere before it is used. */
export type Masters = {
  readonly http: MasterHttp;
  readonly finder: MasterFinder;
  /** For what is no master, and never gets their credentials. */
  readonly plainHttp: Http;
  readonly close: () => Promise<void>;
};

/** Throws `ConfigError` for files and credentials that can't be used. */
export function mastersFrom({ mesos }: AgentConfig, onEvent: OnEvent): Masters {
  const http = masterHttpFrom(mesos, { env: process.env, now: Date.now });
  const finder: MasterFinder = finderFrom(mesos, {
    env: process.env,
    monotonicMs: () => performance.now(),
    onProblem: (problem) => onEvent({ kind: 'leader-lookup', by: finder.name, problem }),
  });
  const plainHttp = createHttp();
  return {
    http,
    finder,
    plainHttp,
    close: async () => {
      await Promise.all([finder.close(), http.close(), plainHttp.close()]);
    },
  };
}

/** A cluster to be followed, or one that is only asked. */
type Facts = Source<ClusterState> & Partial<Pick<LiveSource<ClusterState>, 'follow' | 'status'>>;

/** The facts of masters and of all else that the configuration names, asked at each read. Throws as `sourceFrom`. */
export function factsFrom(
  flags: InputFlags,
  config: AgentConfig,
  masters: Masters,
  options: RecordOptions,
): Facts & WithSets {
  const { onEvent, follow } = options;
  const cluster = follow
    ? liveSourceFrom(flags, config, masters, onEvent)
    : sourceFrom(flags, config, masters);
  const facts = withZoneFile(cluster, config);
  const { aurora } = config;
  if (!aurora) return facts;
  const limits = limitsOf(config);
  const keeps = options.keeps === true;
  const { plainHttp: http } = masters;
  const serverSets = serverSetsFrom(aurora, config, { env: process.env, onEvent, keeps, http, ...limits });
  return { ...withServerSets(facts, serverSets), serverSets };
}

function withZoneFile(facts: Facts, config: AgentConfig): Facts {
  const { staticRecords: path, records } = config;
  if (path === undefined) return facts;
  const place = { path, domain: zoneOf(config).origin, ttl: recordTtl(config), srvWeight: records.srvWeight };
  return withStaticRecords(facts, openStaticRecords(place));
}

type WithSets = { readonly serverSets?: ServerSetSource };

/** Do flags or configuration name a Mesos cluster? */
export function isClusterNamed(flags: InputFlags, { mesos }: AgentConfig): boolean {
  const isGiven = flags.state !== undefined || flags.axfr !== undefined;
  return isGiven || mesos.masters.length > 0 || mesos.zk !== undefined;
}

/** The source of facts that flags and configuration name, asked at each read. Throws `ConfigError` where they name none. */
export function sourceFrom(
  flags: InputFlags,
  config: AgentConfig,
  { http, finder }: Masters,
): Source<ClusterState> {
  if (flags.axfr !== undefined)
    throw new ConfigError("--axfr gives records, and this takes a cluster's state");
  const limits = limitsOf(config);
  if (flags.state !== undefined) {
    const isUrl = /^https?:\/\//.test(flags.state);
    if (isUrl && !URL.canParse(flags.state)) throw new ConfigError(`--state: ${flags.state} is no URL`);
    return isUrl
      ? createStateUrlSource(flags.state, { http, ...limits })
      : createStateFileSource(flags.state);
  }
  if (config.mesos.masters.length === 0 && config.mesos.zk === undefined) {
    throw new ConfigError(
      'no cluster is named: give --master http://host:5050, --zk zk://host:2181/mesos, --state FILE, or mesos.masters or mesos.zk in --config',
    );
  }
  return asOfNow(refusingEmpty(createMesosStateSource({ finder, http, ...limits }), config), finder);
}

/** The same, kept up to date by the masters' operator stream where there are masters. */
function liveSourceFrom(flags: InputFlags, config: AgentConfig, masters: Masters, onEvent: OnEvent): Facts {
  const poll = sourceFrom(flags, config, masters);
  if (flags.state !== undefined) return poll;
  const { mesos } = config;
  const live = createMesosLive({
    ...masters,
    ...limitsOf(config),
    poll,
    mode: mesos.mode,
    pollMs: mesos.pollSeconds * 1000,
    reconcileMs: mesos.reconcileSeconds * 1000,
    now: Date.now,
    monotonicMs: () => performance.now(),
    sleep: sleepFor,
    random: Math.random,
    onEvent,
  });
  return { ...live, ...asOfNow(refusingEmpty(live, config), masters.finder) };
}

type RecordOptions = {
  readonly onEvent: OnEvent;
  readonly follow: boolean;
  /** What sources keep for the next start goes to the data directory. */
  readonly keeps?: boolean;
};

/** A zone's records for each variant, the main one under the name `main`; all from one read of the cluster a round. */
export type RecordSources = {
  readonly main: RecordSource;
  readonly variants: ReadonlyMap<string, RecordSource>;
  readonly beginRound: () => void;
  readonly serverSets?: ServerSetSource | undefined;
};

/** The records that flags and configuration name, variants included. Throws `ConfigError` where they name none. */
export function recordSourcesFrom(
  flags: InputFlags,
  config: AgentConfig,
  masters: Masters,
  options: RecordOptions,
): RecordSources {
  const variants = Object.entries(config.variants);
  if (variants.length === 0 || flags.axfr !== undefined) {
    if (variants.length > 0) throw new ConfigError('--axfr gives records as they are: it has no variants');
    const main = recordSourceFrom(flags, config, masters, options);
    return { main, variants: new Map(), beginRound: () => undefined, serverSets: main.serverSets };
  }
  const facts = factsFrom(flags, config, masters, options);
  const shared = shareReads(facts);
  const hosts = hostsFrom(flags, config);
  return {
    main: createStateRecordSource(shared, { hosts, settings: recordSettings(config) }),
    variants: new Map(
      variants.map(([name, variant]) => [
        name,
        createStateRecordSource(filteredSource(shared, variant), {
          hosts,
          settings: variantSettings(config, variant),
        }),
      ]),
    ),
    beginRound: shared.beginRound,
    serverSets: facts.serverSets,
  };
}

/** The main variant's records. With `follow` their cluster can be followed. Throws `ConfigError` where none is named. */
export function recordSourceFrom(
  flags: InputFlags,
  config: AgentConfig,
  masters: Masters,
  options: RecordOptions,
): RecordSource & WithSets {
  if (flags.axfr === undefined) {
    const facts = factsFrom(flags, config, masters, options);
    const making = { hosts: hostsFrom(flags, config), settings: recordSettings(config) };
    const { serverSets } = facts;
    return { ...createStateRecordSource(facts, making), ...(serverSets && { serverSets }) };
  }
  if (config.aurora) throw new ConfigError('--axfr gives records as they are: leave aurora out');
  if (config.staticRecords !== undefined)
    throw new ConfigError('--axfr gives records as they are: leave staticRecords out');
  if (!/^https?:\/\//.test(flags.axfr) || !URL.canParse(flags.axfr))
    throw new ConfigError(`--axfr: ${flags.axfr} is no URL; give that of a mesos-dns, http://host:8123`);
  const { domain } = config;
  const url = new URL(flags.axfr);
  const place = { url, domain, http: masters.http, ...limitsOf(config) };
  return createTransferRecordSource(createMesosDnsAxfrSource(place));
}

export function hostsFrom(flags: InputFlags, config: AgentConfig): HostResolver {
  if (flags.hosts !== undefined) return createHostsFileResolver(flags.hosts);
  return createHostResolver({ timeoutMs: config.mesos.hostLookupSeconds * 1000, now: Date.now });
}

function limitsOf({ mesos }: AgentConfig): { timeoutMs: number; maxOctets: number } {
  return { timeoutMs: mesos.timeoutSeconds * 1000, maxOctets: mesos.maxStateMebibytes * 1024 * 1024 };
}

function refusingEmpty(
  source: Source<ClusterState>,
  { mesos: { allowEmpty } }: AgentConfig,
): Source<ClusterState> {
  const { name, read } = source;
  return {
    name,
    read: async (report, signal) =>
      refuseEmptyCluster(await read(report, signal), { allowEmpty, place: name }),
  };
}

/** A master tells its state of now, and the finder which other masters there are. */
function asOfNow({ name, read }: Source<ClusterState>, finder: MasterFinder): Source<ClusterState> {
  return {
    name,
    read: async (report, signal) => {
      const asOfSeconds = Math.floor(Date.now() / 1000);
      const state = await read(report, signal);
      return { asOfSeconds, ...state, masters: finder.state().masters };
    },
  };
}
