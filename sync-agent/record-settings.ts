import { parseName } from '../zone/name.ts';
import type { ZoneSettings } from '../zone/head.ts';
import type { Zone } from '../zone/zone.ts';
import { type AgentConfig, masterEndpoint } from './config.ts';
import type { RecordSettings } from './records/settings.ts';

/** What a profile sets where the configuration does not. */
const PROFILES = {
  full: {
    ttl: 30,
    negativeTtl: 10,
    rawDiscoveryNames: 'lower-case',
    reservedNames: 'kept-apart',
    maxPortsPerTask: 1000,
    recursionAvailable: 'forwarding',
  },
  'mesos-dns': {
    ttl: 60,
    negativeTtl: 60,
    rawDiscoveryNames: 'as-is',
    reservedNames: 'mixed',
    maxPortsPerTask: 65536,
    recursionAvailable: 'always',
  },
} as const;

/** The record generator's part of a configuration. */
export function recordSettings({ domain, mesos, records }: AgentConfig): RecordSettings {
  const profile = PROFILES[records.profile];
  const rawDiscoveryNames = records.rawDiscoveryNames ?? profile.rawDiscoveryNames;
  const nameServer = withFinalDot(records.nameServer ?? `ns1.${domain}`);
  return {
    domain,
    labelRules: records.labelRules,
    ipSources: records.ipSources,
    masters: mesos.masters.map((master) => masterEndpoint(master)),
    nameServer: rawDiscoveryNames === 'as-is' ? nameServer : nameServer.toLowerCase(),
    nameServerAddresses: records.nameServerAddresses,
    rawDiscoveryNames,
    reservedNames: records.reservedNames ?? profile.reservedNames,
    maxPortsPerTask: records.maxPortsPerTask ?? profile.maxPortsPerTask,
  };
}

/** Seconds that records live. */
export function recordTtl({ records }: AgentConfig): number {
  return records.ttl ?? PROFILES[records.profile].ttl;
}

/** The zone's own facts. */
export function zoneOf(config: AgentConfig): Zone {
  const { domain, records } = config;
  const ttl = recordTtl(config);
  const mname = parseName(records.nameServer ?? `ns1.${domain}`);
  return {
    origin: parseName(domain),
    soa: {
      mname,
      rname: parseName(records.hostmaster ?? `root.ns1.${domain}`),
      refresh: records.refresh,
      retry: records.retry,
      expire: records.expire,
      minimum: records.negativeTtl ?? PROFILES[records.profile].negativeTtl,
      ttl,
    },
    nameServers: [mname],
    nsTtl: ttl,
  };
}

/** What the Worker is told besides records. */
export function zoneSettings(config: AgentConfig): ZoneSettings {
  const { records } = config;
  return {
    staleAfterSeconds: config.staleAfterSeconds,
    expireAfterSeconds: config.expireAfterSeconds,
    recursionAvailable: records.recursionAvailable ?? PROFILES[records.profile].recursionAvailable,
  };
}

function withFinalDot(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}
