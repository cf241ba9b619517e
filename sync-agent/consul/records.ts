import type { ConsulDatacenter, ConsulInstance, ConsulService, ReportSkipped } from '../cluster.ts';
import { createRecordSet, isAskable, type RecordSet, type RecordSink } from '../records/record-set.ts';
import {
  addressLabel,
  type AskedFor,
  familyOf,
  instanceAddress,
  instancePort,
  nodeAddress,
} from './address.ts';
import { metadataText } from './metadata.ts';
import { createServiceTtl } from './ttl.ts';

export type ConsulRecordSettings = {
  /** Lower case, without its final dot. */
  readonly domain: string;
  /** Warnings are left out as what is critical. */
  readonly onlyPassing: boolean;
  /** Where addresses and ports tagged `wan` are told. */
  readonly wan: 'never' | 'other-datacenters' | 'always';
  /** Seconds by service name or `prefix*`. */
  readonly serviceTtl: Readonly<Record<string, number>>;
  /** Of nodes, and the usual of services. */
  readonly nodeTtl: number;
  /** Which services; undefined: all. */
  readonly hasService?: ((name: string) => boolean) | undefined;
};

/** Consul gives every SRV record this one. */
const PRIORITY = 1;

/**
 * The names that Consul's DNS has of these datacentres (Consul `agent/dns.go`), in lower case: services, by tag too,
 * in RFC 2782 form, nodes with their metadata, and the `addr` names that SRV records lead to. Those of the first
 * datacentre stand without its name as well. Pure.
 */
export function consulRecords(
  datacenters: readonly ConsulDatacenter[],
  settings: ConsulRecordSettings,
  report: ReportSkipped,
): RecordSet {
  const into = createRecordSet(report);
  for (const [i, datacenter] of datacenters.entries()) {
    const wan = settings.wan === 'always' || (settings.wan === 'other-datacenters' && i > 0);
    const zone: DatacenterZone = {
      into,
      wan,
      report,
      canonical: `${datacenter.name}.${settings.domain}.`,
      suffixes: [`${datacenter.name}.${settings.domain}.`, ...(i === 0 ? [`${settings.domain}.`] : [])],
    };
    addNodes(datacenter, zone);
    const ttlOf = createServiceTtl(settings.serviceTtl, settings.nodeTtl);
    for (const service of datacenter.services) {
      if (settings.hasService && !settings.hasService(service.name)) continue;
      const ttl = ttlOf(service.name);
      const options = { zone, ttl: ttl === settings.nodeTtl ? undefined : ttl };
      addService(service, shownInstances(service, settings), options);
    }
  }
  return into.records;
}

/** Those that answers may name: nothing critical, with `onlyPassing` nothing but what passes. */
export function shownInstances(
  { instances }: ConsulService,
  { onlyPassing }: Pick<ConsulRecordSettings, 'onlyPassing'>,
): readonly ConsulInstance[] {
  return instances.filter(({ health }) => (onlyPassing ? health === 'passing' : health !== 'critical'));
}

type DatacenterZone = {
  readonly into: RecordSink;
  readonly report: ReportSkipped;
  readonly wan: boolean;
  /** `dc1.consul.`: where SRV records lead. */
  readonly canonical: string;
  /** Below which its names stand. */
  readonly suffixes: readonly string[];
};

function addNodes(
  { nodes }: ConsulDatacenter,
  { into, report, wan, canonical, suffixes }: DatacenterZone,
): void {
  for (const node of nodes) {
    const texts: string[] = [];
    for (const [key, value] of Object.entries(node.meta)) {
      const text = metadataText(key, value);
      if (text !== undefined) texts.push(`TXT ${text}`);
      else
        report({
          reason: 'consul-metadata',
          detail: `${node.name} of ${canonical}: ${key} is longer than 255 octets`,
        });
    }
    const { addresses, alias } = addressesOf((asked) => nodeAddress(node, asked, wan));
    for (const suffix of suffixes) {
      const owner = `${node.name.toLowerCase()}.node.${suffix}`;
      for (const address of addresses) into.addAddress(owner, address);
      if (addresses.length === 0 && alias !== undefined) {
        // An alias has nothing beside it, its metadata neither.
        into.add('MORE', owner, `CNAME ${alias}`);
        continue;
      }
      for (const text of texts) into.add('MORE', owner, text);
    }
  }
}

type ServiceOptions = { readonly zone: DatacenterZone; readonly ttl: number | undefined };

function addService(
  { name }: ConsulService,
  instances: readonly ConsulInstance[],
  { zone, ttl }: ServiceOptions,
): void {
  if (instances.length === 0) return;
  const service = name.toLowerCase();
  if (service.includes('.')) {
    zone.report({
      reason: 'consul-service',
      detail: `${name} of ${zone.canonical}: a name with a dot can't be asked for`,
    });
    return;
  }
  const byTag = new Map<string, ConsulInstance[]>();
  for (const instance of instances) {
    for (const tag of new Set(instance.tags.map((each) => each.toLowerCase()))) {
      const tagged = byTag.get(tag) ?? [];
      byTag.set(tag, tagged);
      tagged.push(instance);
    }
  }
  const options = { service, zone, ttl };
  addNames({ plain: service, rfc2782: `_${service}._tcp` }, instances, options);
  for (const [tag, tagged] of byTag) {
    if (!isAskable(`${tag}.${service}.service.${zone.canonical}`)) {
      zone.report({ reason: 'consul-tag', detail: `${name}: the tag ${JSON.stringify(tag)} is no label` });
      continue;
    }
    // `_tcp` means no tag, whatever tags there are; and what has a dot is not one label.
    const rfc2782 = tag === 'tcp' || tag.includes('.') ? undefined : `_${service}._${tag}`;
    addNames({ plain: `${tag}.${service}`, rfc2782 }, tagged, options);
  }
}

function addNames(
  { plain, rfc2782 }: { readonly plain: string; readonly rfc2782: string | undefined },
  instances: readonly ConsulInstance[],
  { service, zone, ttl }: ServiceOptions & { readonly service: string },
): void {
  const { into, suffixes } = zone;
  for (const suffix of suffixes) {
    const owner = `${plain}.service.${suffix}`;
    const addresses = new Set<string>();
    const aliases = new Set<string>();
    for (const instance of instances) {
      const found = addressesOf((asked) => toldAddress(instance, asked, { owner, wan: zone.wan }));
      for (const address of found.addresses) addresses.add(address);
      if (found.alias !== undefined) aliases.add(found.alias);
    }
    const [alias] = [...aliases].toSorted();
    const isAlias = addresses.size === 0 && alias !== undefined;
    for (const address of addresses) into.addAddress(owner, address);
    if (isAlias) into.add('MORE', owner, `CNAME ${alias}`);
    // Beside an alias there is nothing: its SRV records stand under the RFC 2782 names alone.
    const owners = isAlias ? [] : [owner];
    if (rfc2782 !== undefined) owners.push(`${rfc2782}.service.${suffix}`, `${rfc2782}.${suffix}`);
    for (const each of owners) addPorts(each, instances, { service, zone });
    if (ttl === undefined) continue;
    for (const each of new Set([owner, ...owners])) into.add('MORE', each, `TTL ${ttl}`);
  }
}

/** SRV records, and the addresses of the `addr` names they lead to. */
function addPorts(
  owner: string,
  instances: readonly ConsulInstance[],
  { service, zone }: { readonly service: string; readonly zone: DatacenterZone },
): void {
  const { into, wan, canonical } = zone;
  const given = new Set<string>();
  for (const instance of instances) {
    const port = instancePort(instance, wan);
    // The same service on the same port of a node is one, though it be registered twice.
    const tuple = `${instance.node.name}\n${instanceAddress(instance, 'SRV', wan)}\n${port}`;
    if (given.has(tuple)) continue;
    const target = srvTarget(instance, { service, zone, owner });
    if (target === undefined) continue;
    given.add(tuple);
    into.add('SRV', owner, `${target}:${port} ${PRIORITY} ${weightOf(instance)}`);
  }
  function srvTarget(
    instance: ConsulInstance,
    at: { service: string; zone: DatacenterZone; owner: string },
  ): string | undefined {
    const { node } = instance;
    const own = instanceAddress(instance, 'SRV', wan);
    const nodes = nodeAddress(node, 'SRV', wan);
    const nodeName = `${node.name.toLowerCase()}.node.${canonical}`;
    if (own === '') {
      if (familyOf(nodes) === undefined) return hostName(nodes);
      return nodes === node.address ? nodeName : addressName(nodes, at.zone);
    }
    if (familyOf(own) !== undefined) return addressName(own, at.zone);
    const host = hostName(own);
    return host === at.owner && familyOf(nodes) !== undefined ? nodeName : host;
  }
}

function addressName(address: string, { into, canonical }: DatacenterZone): string {
  const name = `${addressLabel(address)}.addr.${canonical}`;
  into.addAddress(name, address);
  return name;
}

/** What an answer tells of an instance: its own address, or its node's. */
function toldAddress(
  instance: ConsulInstance,
  asked: AskedFor,
  { owner, wan }: { readonly owner: string; readonly wan: boolean },
): string {
  const own = instanceAddress(instance, asked, wan);
  const nodes = nodeAddress(instance.node, asked, wan);
  // A service that names itself would lead to itself for ever.
  return own === '' || (hostName(own) === owner && familyOf(nodes) !== undefined) ? nodes : own;
}

/** Its addresses, each asked for by its family, or the host name that stands in their place. */
function addressesOf(told: (asked: AskedFor) => string): {
  readonly addresses: readonly string[];
  readonly alias: string | undefined;
} {
  const both = (['A', 'AAAA'] as const).map((family) => ({ family, address: told(family) }));
  const addresses = both.filter(({ family, address }) => familyOf(address) === family);
  const name = both.find(({ address }) => familyOf(address) === undefined);
  return {
    addresses: addresses.map(({ address }) => address),
    alias: name === undefined ? undefined : hostName(name.address),
  };
}

/** A host name as names are written here; undefined for what is none. */
function hostName(text: string): string | undefined {
  const name = `${text.toLowerCase().replace(/\.$/, '')}.`;
  return isAskable(name) ? name : undefined;
}

function weightOf({ health, weights }: ConsulInstance): number {
  if (health === 'unknown') return 1;
  return health === 'warning' ? weights.warning : weights.passing;
}
