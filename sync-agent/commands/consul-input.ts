import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseName } from '../../zone/name.ts';
import type { Zone } from '../../zone/zone.ts';
import { consulTokenFrom } from '../auth/consul-token.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { type ConsulConfig, consulOf } from '../config-consul.ts';
import { createConsulKeep } from '../consul/keep.ts';
import { createConsulRecordSource } from '../consul/record-source.ts';
import type { ConsulRecordSettings } from '../consul/records.ts';
import type { OnEvent } from '../events.ts';
import { createHttp, type Http, HttpError } from '../http.ts';
import { globs } from '../globs.ts';
import type { RecordSource } from '../record-source.ts';
import { recordTtl, zoneOf } from '../record-settings.ts';
import { sleepFor } from '../retry.ts';
import { type ConsulApi, createConsulApi } from '../sources/consul-api.ts';
import { type ConsulCatalog, createConsulCatalog } from '../sources/consul-catalog.ts';
import type { ConsulStatus } from '../sources/consul-view.ts';
import { shareConsulReads } from '../consul/share.ts';
import { isClusterNamed } from './cluster-input.ts';
import type { InputFlags } from './inputs.ts';

/** Consul's zone, opened: its records for each variant, all from one catalogue. */
export type ConsulInput = {
  readonly zone: Zone;
  /** What its records are made of, and how. For `explain`. */
  readonly facts: Pick<ConsulCatalog, 'read'>;
  readonly settings: ConsulRecordSettings;
  readonly main: RecordSource;
  readonly variants: ReadonlyMap<string, RecordSource>;
  readonly beginRound: () => void;
  readonly status: () => readonly ConsulStatus[];
  readonly close: () => Promise<void>;
};

const KEEP_APART_MS = 30_000;
const MAX_OCTETS = 256 * 1024 * 1024;

/** Connects nowhere before it is read. Throws `ConfigError` for files and tokens that can't be used. */
export function consulInputFrom(
  config: AgentConfig,
  consul: ConsulConfig,
  { onEvent, dryRun = false }: { readonly onEvent: OnEvent; readonly dryRun?: boolean },
): ConsulInput {
  const { api, http } = consulApiFrom(consul);
  const monotonicMs = (): number => performance.now();
  const keep = createConsulKeep(join(config.dataDir, 'consul-last.json'), {
    place: new URL(consul.url).href,
    apartMs: dryRun ? Infinity : KEEP_APART_MS,
    monotonicMs,
    onProblem: (problem) => onEvent({ kind: 'consul', datacenter: 'all', problem }),
  });
  const catalog = createConsulCatalog({
    api,
    datacenters: consul.datacenters,
    concurrency: consul.concurrency,
    waitMs: consul.waitSeconds * 1000,
    expireMs: config.expireAfterSeconds * 1000,
    keep,
    now: Date.now,
    monotonicMs,
    sleep: sleepFor,
    random: Math.random,
    onProblem: (datacenter, problem) => onEvent({ kind: 'consul', datacenter, problem }),
  });
  const shared = shareConsulReads(catalog);
  const main = consulRecordSettings(config, consul);
  return {
    zone: consulZone(config, consul),
    facts: shared,
    settings: main,
    main: createConsulRecordSource(shared, main),
    variants: new Map(
      Object.entries(config.variants).map(([name, variant]) => {
        const { consulWan = main.wan, consulServices, frameworks, tasks } = variant;
        // A variant that names what may be seen of Mesos shows of Consul what it names too, and nothing else.
        const isNarrow = frameworks !== undefined || tasks !== undefined;
        const patterns = consulServices ?? (isNarrow ? [] : undefined);
        const hasService = patterns && globs(patterns.map((pattern) => pattern.toLowerCase()));
        const settings: ConsulRecordSettings = {
          ...main,
          wan: consulWan,
          ...(hasService && { hasService: (service) => hasService(service.toLowerCase()) }),
        };
        return [name, createConsulRecordSource(shared, settings)] as const;
      }),
    ),
    beginRound: shared.beginRound,
    status: catalog.status,
    close: async () => {
      if (!dryRun) await keep.flush();
      await http.close();
    },
  };
}

/** The Consul that is read where no Mesos cluster is named: then its zone is the agent's own. */
export function consulAlone(flags: InputFlags, config: AgentConfig): ConsulConfig | undefined {
  return isClusterNamed(flags, config) ? undefined : consulOf(config);
}

/** The way to a Consul, which is not asked yet. Throws `ConfigError` for files and tokens that can't be used. */
export function consulApiFrom(consul: ConsulConfig): { readonly api: ConsulApi; readonly http: Http } {
  const http = openHttp(consul);
  const api = createConsulApi({
    url: new URL(consul.url),
    http,
    token: consulTokenFrom(consul.tokenFile, process.env),
    consistency: consul.consistency,
    timeoutMs: consul.timeoutSeconds * 1000,
    maxOctets: MAX_OCTETS,
  });
  return { api, http };
}

function consulRecordSettings(config: AgentConfig, consul: ConsulConfig): ConsulRecordSettings {
  const { domain, onlyPassing, wan, serviceTtl } = consul;
  return { domain, onlyPassing, wan, serviceTtl, nodeTtl: consulTtl(config, consul) };
}

/** The usual TTL of the zone. */
function consulTtl(config: AgentConfig, { nodeTtl }: ConsulConfig): number {
  return nodeTtl ?? recordTtl(config);
}

/** Its name server and mailbox are called as Consul calls them. */
export function consulZone(config: AgentConfig, consul: ConsulConfig): Zone {
  const { soa } = zoneOf(config);
  const ttl = consulTtl(config, consul);
  const mname = parseName(`ns.${consul.domain}`);
  return {
    origin: parseName(consul.domain),
    soa: { ...soa, mname, rname: parseName(`hostmaster.${consul.domain}`), ttl },
    nameServers: [mname],
    nsTtl: ttl,
  };
}

function openHttp({ caCertFile, certFile, keyFile, serverName }: ConsulConfig): Http {
  const tls = {
    ...(caCertFile !== undefined && { ca: readPem(caCertFile) }),
    ...(certFile !== undefined && { cert: readPem(certFile) }),
    ...(keyFile !== undefined && { key: readPem(keyFile) }),
    ...(serverName !== undefined && { servername: serverName }),
  };
  try {
    return createHttp(Object.keys(tls).length > 0 ? { tls } : {});
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    throw new ConfigError(`consul.caCertFile, certFile, keyFile: ${cause.message}`, { cause });
  }
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new ConfigError(`${path} can not be read (${code})`, { cause });
  }
}
