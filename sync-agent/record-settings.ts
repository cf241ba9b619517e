import { parseName } from '../zone/name.ts';
import type { ZoneSettings } from '../zone/head.ts';
import type { Zone } from '../zone/zone.ts';
import { type AgentConfig, masterEndpoint, type VariantConfig } from './config.ts';
import { dcosOrigins } from './config-dcos.ts';
import { furtherRecords } from './config-further.ts';
import { shapeRules } from './config-shape.ts';
import { toFrameworkPart } from './records/label.ts';
import { parsePrefix } from './records/prefix.ts';
import type { RecordSettings } from './records/settings.ts';

/**
 * Addresses that mean another machine to everybody who asks: loopback, link-local, and Docker's default bridge,
 * which each agent has for itself.
 */
const LOCAL_TO_AN_AGENT = ['127.0.0.0/8', '169.254.0.0/16', '172.17.0.0/16', '::1/128', 'fe80::/10'];

const FULL = {
  ttl: 30,
  negativeTtl: 10,
  ipSources: ['netinfo', 'mesos', 'host'],
  rawDiscoveryNames: 'lower-case',
  reservedNames: 'kept-apart',
  maxPortsPerTask: 1000,
  unhealthyTasks: 'leave-out',
  killingTasks: 'by-status',
  drainingAgents: 'leave-out',
  excludedAddresses: LOCAL_TO_AN_AGENT,
  addressStatus: 'newest-with-address',
  recursionAvailable: 'forwarding',
} as const;

/** What a profile sets where the configuration does not. */
const PROFILES = {
  full: FULL,
  'mesos-dns': {
    ttl: 60,
    negativeTtl: 60,
    ipSources: ['netinfo', 'mesos', 'host'],
    rawDiscoveryNames: 'as-is',
    reservedNames: 'mixed',
    maxPortsPerTask: 65536,
    unhealthyTasks: 'keep',
    killingTasks: 'by-state',
    drainingAgents: 'keep',
    excludedAddresses: [],
    addressStatus: 'newest',
    recursionAvailable: 'always',
  },
  // As DC/OS sets its mesos-dns (dcos/dcos `gen/calc.py`), with DC/OS's own zones beside (`config-dcos.ts`).
  dcos: { ...FULL, ttl: 60, negativeTtl: 60, ipSources: ['host', 'netinfo'], excludedAddresses: [] },
  // What it sets besides is in `config-shape.ts`.
  consul: FULL,
} as const;

/** The record generator's part of a configuration. */
export function recordSettings(config: AgentConfig): RecordSettings {
  const { domain, mesos, records } = config;
  const profile = PROFILES[records.profile];
  const rawDiscoveryNames = records.rawDiscoveryNames ?? profile.rawDiscoveryNames;
  const nameServer = withFinalDot(records.nameServer ?? `ns1.${domain}`);
  return {
    domain,
    labelRules: records.labelRules,
    ipSources: records.ipSources ?? profile.ipSources,
    masters: mesos.masters.map((master) => masterEndpoint(master)),
    nameServer: rawDiscoveryNames === 'as-is' ? nameServer : nameServer.toLowerCase(),
    nameServerAddresses: records.nameServerAddresses,
    rawDiscoveryNames,
    reservedNames: records.reservedNames ?? profile.reservedNames,
    ...(config.staticRecords !== undefined && { staticWildcards: true }),
    maxPortsPerTask: records.maxPortsPerTask ?? profile.maxPortsPerTask,
    ...aliasesOf(records),
    ...shapeOf(config),
    ...furtherOf(config),
    ...(dcosOrigins(config).length > 0 && { dcosNames: 'published' }),
    tasks: {
      unhealthyTasks: records.health?.unhealthyTasks ?? profile.unhealthyTasks,
      graceSeconds: records.health?.graceSeconds ?? 0,
      killingTasks: records.killingTasks ?? profile.killingTasks,
      drainingAgents: records.drainingAgents ?? profile.drainingAgents,
      deactivatedAgents: records.deactivatedAgents ?? 'keep',
      minVisibility: records.minVisibility ?? 'framework',
    },
    addresses: {
      prefer: (records.addresses?.prefer ?? []).map((text) => parsePrefix(text)),
      exclude: (records.addresses?.exclude ?? profile.excludedAddresses).map((text) => parsePrefix(text)),
      status: records.addressStatus ?? profile.addressStatus,
    },
  };
}

/** What labels and rules make of tasks, where any is asked for. */
function shapeOf(config: AgentConfig): Pick<RecordSettings, 'shape'> {
  const shape = shapeRules(config);
  return shape ? { shape } : {};
}

/** Records that mesos-dns has not, where any is asked for. */
function furtherOf({ records }: AgentConfig): Pick<RecordSettings, 'further'> {
  const further = furtherRecords(records);
  return further ? { further } : {};
}

/** Aliases by the part of names that a framework has; one that is its own name is none. */
function aliasesOf({
  frameworkAliases = {},
  labelRules,
}: AgentConfig['records']): Pick<RecordSettings, 'frameworkAliases'> {
  const aliases = new Map<string, string[]>();
  for (const [name, others] of Object.entries(frameworkAliases)) {
    const part = toFrameworkPart(name, labelRules);
    const parts = others.map((other) => toFrameworkPart(other, labelRules));
    const all = new Set([...(aliases.get(part) ?? []), ...parts]);
    aliases.set(
      part,
      [...all].filter((other) => other !== part && other !== ''),
    );
  }
  return aliases.size > 0 ? { frameworkAliases: aliases } : {};
}

/** Those of a variant: what it says itself, and the configuration for the rest. */
export function variantSettings(config: AgentConfig, variant: VariantConfig): RecordSettings {
  const settings = recordSettings(config);
  const { agentAddressAttribute, minVisibility } = variant;
  return {
    ...settings,
    // A task's own address is one inside, where its agent has another one outside.
    ipSources: variant.ipSources ?? (agentAddressAttribute === undefined ? settings.ipSources : ['host']),
    agentAddressAttribute,
    clusterNames: variant.clusterNames,
    ...(settings.tasks && {
      tasks: { ...settings.tasks, minVisibility: minVisibility ?? settings.tasks.minVisibility },
    }),
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
