import { formatAddress, parseAddress } from '../../zone/address.ts';
import type { MesosTask, RunningStatus } from '../cluster.ts';
import { type Prefix, prefixOf } from './prefix.ts';

/** Where a task's address may come from, by mesos-dns's names (`IPSources`). */
export const IP_SOURCES = ['host', 'netinfo', 'docker', 'mesos'] as const;
export type IpSource = (typeof IP_SOURCES)[number];

export type AddressSettings = {
  readonly ipSources: readonly IpSource[];
  /** Undefined: every address counts, and the newest status alone, as with mesos-dns. */
  readonly addresses?: AddressRules | undefined;
};

/** Which of the addresses that tasks report count. An agent's own address is not judged. */
export type AddressRules = {
  /** Addresses in these come first: over the order of sources, and over others of their family. */
  readonly prefer: readonly Prefix[];
  /** Addresses in these are as none. */
  readonly exclude: readonly Prefix[];
  /** Is it the newest TASK_RUNNING status alone that counts, or the newest that has an address? */
  readonly status: 'newest' | 'newest-with-address';
};

export type ChosenAddresses = {
  readonly addresses: readonly string[];
  /** Undefined where no source has an address. */
  readonly from: IpSource | undefined;
};

const MESOS_DNS: AddressRules = { prefer: [], exclude: [], status: 'newest' };
const NONE: ChosenAddresses = { addresses: [], from: undefined };

/** A task's addresses in canonical form, none where no source has one. `hostAddresses` are its agent's. */
export function taskAddresses(
  task: MesosTask,
  settings: AddressSettings,
  hostAddresses: readonly string[],
): readonly string[] {
  return chooseAddresses(task, settings, hostAddresses).addresses;
}

/**
 * The addresses of the first source that has a good one, all of them, v4 and v6 together (mesos-dns), but for
 * what is excluded or preferred. Where nothing but excluded ones were reported, they are the agent's.
 */
export function chooseAddresses(
  task: MesosTask,
  { ipSources, addresses: rules = MESOS_DNS }: AddressSettings,
  hostAddresses: readonly string[],
): ChosenAddresses {
  const status = statusThatCounts(task, { ipSources, rules, hostAddresses });
  const of = (source: IpSource): readonly string[] =>
    source === 'host' ? hostAddresses : usable(status?.[source] ?? [], rules);
  if (rules.prefer.length > 0) {
    for (const from of ipSources) {
      const addresses = of(from);
      const preferred = addresses.filter((address) => isPreferred(address, rules));
      if (preferred.length === 0) continue;
      const families = new Set(preferred.map((address) => familyOf(address)));
      const isKept = (address: string): boolean =>
        preferred.includes(address) || !families.has(familyOf(address));
      return { addresses: addresses.filter((address) => isKept(address)), from };
    }
  }
  for (const from of ipSources) {
    const addresses = of(from);
    if (addresses.length > 0) return { addresses, from };
  }
  const fallsBack = hostAddresses.length > 0 && excludedAddresses(task, { ipSources, addresses: rules })[0];
  return fallsBack ? { addresses: hostAddresses, from: 'host' } : NONE;
}

/** An address that a task reports and that is never published, and the block it is in. */
export type ExcludedAddress = {
  readonly address: string;
  readonly source: IpSource;
  readonly prefix: string;
};

/** Those of the newest status. */
export function excludedAddresses(
  task: MesosTask,
  { ipSources, addresses: rules = MESOS_DNS }: AddressSettings,
): readonly ExcludedAddress[] {
  if (rules.exclude.length === 0) return [];
  const status = newestRunning(task.running);
  const excluded: ExcludedAddress[] = [];
  for (const source of ipSources) {
    for (const text of (source !== 'host' && status?.[source]) || []) {
      const octets = parseAddress(text);
      const prefix = octets && prefixOf(octets, rules.exclude);
      if (prefix) excluded.push({ address: formatAddress(octets), source, prefix: prefix.text });
    }
  }
  return excluded;
}

/** The TASK_RUNNING status with the greatest timestamp above -1; of equal ones the earlier in the list. */
export function newestRunning(statuses: readonly RunningStatus[]): RunningStatus | undefined {
  let newest: RunningStatus | undefined;
  for (const status of statuses) if (status.timestamp > (newest?.timestamp ?? -1)) newest = status;
  return newest;
}

function statusThatCounts(
  { running }: MesosTask,
  {
    ipSources,
    rules,
    hostAddresses,
  }: { ipSources: readonly IpSource[]; rules: AddressRules; hostAddresses: readonly string[] },
): RunningStatus | undefined {
  const newest = newestRunning(running);
  if (rules.status === 'newest' || running.length < 2) return newest;
  const sources = sourcesBeforeHost(ipSources, hostAddresses);
  const newestFirst = running
    .filter(({ timestamp }) => timestamp > -1)
    .toSorted((one, other) => other.timestamp - one.timestamp);
  const hasAddress = (status: RunningStatus): boolean =>
    sources.some((source) => usable(status[source], rules).length > 0);
  return newestFirst.find((status) => hasAddress(status)) ?? newest;
}

type ReportedSource = Exclude<IpSource, 'host'>;

/** Those that can win over the agent's address: all of them where it has none. */
function sourcesBeforeHost(
  ipSources: readonly IpSource[],
  hostAddresses: readonly string[],
): ReportedSource[] {
  const host = hostAddresses.length > 0 ? ipSources.indexOf('host') : -1;
  const before = host < 0 ? ipSources : ipSources.slice(0, host);
  return before.filter((source) => source !== 'host');
}

function usable(texts: readonly string[], { exclude }: AddressRules): readonly string[] {
  const addresses: string[] = [];
  for (const text of texts) {
    const octets = parseAddress(text);
    if (octets && !prefixOf(octets, exclude)) addresses.push(formatAddress(octets));
  }
  return addresses;
}

function isPreferred(address: string, { prefer }: AddressRules): boolean {
  const octets = parseAddress(address);
  return octets !== undefined && prefixOf(octets, prefer) !== undefined;
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
