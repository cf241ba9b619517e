import { type AgentConfig, ConfigError } from '../config.ts';
import { consulOf } from '../config-consul.ts';
import { derivedZones } from '../derived-zones.ts';
import type { OwnerName } from '../../zone/name.ts';
import { checkScheduler, checkServerSets } from '../doctor/aurora.ts';
import { checkConsul } from '../doctor/consul.ts';
import type { Finding } from '../doctor/finding.ts';
import type { Http } from '../http.ts';
import { zoneOf, recordTtl } from '../record-settings.ts';
import { askScheduler } from '../sources/aurora-api.ts';
import { openStaticRecords } from '../static-records.ts';
import { openZooKeeper } from '../zookeeper.ts';
import { ensembleFrom, schedulersFrom } from './aurora-input.ts';
import { consulAlone, consulApiFrom, consulZone } from './consul-input.ts';
import type { InputFlags } from './inputs.ts';
import { stopSignal } from './terminal.ts';

const SESSION_MS = 10_000;
const REQUEST_LIMIT_MS = 5_000;
const MAX_OCTETS = 256 * 1024 * 1024;

/** Files of the sources beside Mesos that only have to be readable. */
export function sourceFiles({ aurora, consul }: AgentConfig): (string | undefined)[] {
  const { tokenFile, caCertFile, certFile, keyFile } = consul ?? {};
  const ofAurora = [aurora?.credentialsFile, aurora?.schedulerCredentialsFile, aurora?.webhook?.secretFile];
  return ofAurora.concat(tokenFile, caCertFile, certFile, keyFile);
}

type Snapshot = { readonly origin: OwnerName; readonly variant: string };

/** Each snapshot that the agent publishes: its zones, those that follow from them and Consul's, in each variant. */
export function publishedSnapshots(
  flags: InputFlags,
  config: AgentConfig,
): readonly [Snapshot, ...Snapshot[]] {
  const variants = ['main', ...Object.keys(config.variants)];
  const inAll = (origin: OwnerName): Snapshot[] => variants.map((variant) => ({ origin, variant }));
  const consul = consulOf(config);
  const ofConsul = consul ? [consulZone(config, consul).origin] : [];
  const own = [zoneOf(config).origin, ...derivedZones(config).map(({ zone }) => zone.origin)];
  const zones = consulAlone(flags, config) ? ofConsul : [...own, ...ofConsul];
  const [first, ...others] = zones.flatMap((origin) => inAll(origin));
  return [first ?? { origin: zoneOf(config).origin, variant: 'main' }, ...others];
}

/** What is read beside the masters, as far as the configuration names it. */
export async function examineSources(
  config: AgentConfig,
  { http, timeoutMs }: { readonly http: Http; readonly timeoutMs: number },
): Promise<readonly Finding[]> {
  return [
    ...staticFindings(config),
    ...(await orConfigError(() => auroraFindings(config, http, timeoutMs))),
    ...(await orConfigError(() => consulFindings(config))),
  ];
}

function staticFindings(config: AgentConfig): Finding[] {
  const { staticRecords: path, records } = config;
  if (path === undefined) return [];
  const place = { path, domain: zoneOf(config).origin, ttl: recordTtl(config), srvWeight: records.srvWeight };
  try {
    const notes: Finding[] = [];
    const found = openStaticRecords(place).now(({ detail }) =>
      notes.push({ about: 'configuration', verdict: 'advice', says: detail }),
    );
    const names = new Set(found.map(({ name }) => name)).size;
    return [
      ...notes,
      {
        about: 'configuration',
        verdict: 'well',
        says: `${path}: ${names} static name${names === 1 ? '' : 's'}`,
      },
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ about: 'configuration', verdict: 'wrong', says: error.message }];
  }
}

async function auroraFindings(
  { aurora }: AgentConfig,
  http: Http,
  timeoutMs: number,
): Promise<readonly Finding[]> {
  if (!aurora) return [];
  const { zk } = aurora;
  if (zk === undefined) {
    const scheduler = { ...schedulersFrom(aurora), http, timeoutMs, maxOctets: MAX_OCTETS };
    const ask = async (signal: AbortSignal): Promise<number> =>
      (await askScheduler(scheduler, () => undefined, signal)).length;
    return [await checkScheduler({ urls: aurora.schedulerUrls, ask }, stopSignal())];
  }
  const { url, root } = ensembleFrom(aurora, zk, process.env);
  const options = { sessionTimeoutMs: SESSION_MS, monotonicMs: () => performance.now() };
  return checkServerSets(
    {
      name: `zk://${url.servers}`,
      root,
      paths: Object.keys(aurora.paths),
      hasCredentials: url.credentials !== undefined,
      open: (signal) => openZooKeeper({ ...url, path: '/', name: `zk://${url.servers}` }, options, signal),
    },
    stopSignal(),
  );
}

async function consulFindings(config: AgentConfig): Promise<readonly Finding[]> {
  const consul = consulOf(config);
  if (!consul) return [];
  const timeoutSeconds = Math.min(consul.timeoutSeconds, REQUEST_LIMIT_MS / 1000);
  const { api, http } = consulApiFrom({ ...consul, timeoutSeconds });
  try {
    return await checkConsul({ api, datacenters: consul.datacenters }, stopSignal());
  } finally {
    await http.close();
  }
}

async function orConfigError(find: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ about: 'configuration', verdict: 'wrong', says: error.message }];
  }
}
