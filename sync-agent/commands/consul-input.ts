import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseName } from '../../zone/name.ts';
import type { Zone } from '../../zone/zone.ts';
import { consulTokenFrom } from '../auth/consul-token.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import type { ConsulConfig } from '../config-consul.ts';
import { createConsulKeep } from '../consul/keep.ts';
import { createConsulRecordSource } from '../consul/record-source.ts';
import type { ConsulRecordSettings } from '../consul/records.ts';
import type { OnEvent } from '../events.ts';
import { createHttp, type Http, HttpError } from '../http.ts';
import { globs } from '../globs.ts';
import type { RecordSource } from '../record-source.ts';
import { recordTtl, zoneOf } from '../record-settings.ts';
import { sleepFor } from '../retry.ts';
import { createConsulApi } from '../sources/consul-api.ts';
import { createConsulCatalog } from '../sources/consul-catalog.ts';
import type { ConsulStatus } from '../sources/consul-view.ts';
import { shareConsulReads } from '../consul/share.ts';

/** Consul's zone, opened: its records for each variant, all from one catalogue. */
export type ConsulInput = {
  readonly zone: Zone;
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
  const http = openHttp(consul);
  const monotonicMs = (): number => performance.now();
  const api = createConsulApi({
    url: new URL(consul.url),
    http,
    token: consulTokenFrom(consul.tokenFile, process.env),
    consistency: consul.consistency,
    timeoutMs: consul.timeoutSeconds * 1000,
    maxOctets: MAX_OCTETS,
  });
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

function consulRecordSettings(config: AgentConfig, consul: ConsulConfig): ConsulRecordSettings {
  const { domain, onlyPassing, wan, serviceTtl } = consul;
  return { domain, onlyPassing, wan, serviceTtl, nodeTtl: consulTtl(config, consul) };
}

/** The usual TTL of the zone. */
function consulTtl(config: AgentConfig, { nodeTtl }: ConsulConfig): number {
  return nodeTtl ?? recordTtl(config);
}

/** Its name server and mailbox are called as Consul calls them. */
function consulZone(config: AgentConfig, consul: ConsulConfig): Zone {
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
