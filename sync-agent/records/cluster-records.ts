import { canonicalAddress } from '../../zone/address.ts';
import type {
  ClusterState,
  Endpoint,
  MesosAgent,
  MesosFramework,
  ReportSkipped,
  Skipped,
  StaticRecord,
} from '../cluster.ts';
import { addAgent } from './agent.ts';
import { addDcosMasters } from './dcos.ts';
import { addFramework, describeFramework } from './framework.ts';
import { partsOf } from './framework-alias.ts';
import type { Giver } from './giver.ts';
import { toFrameworkPart } from './label.ts';
import { addMasters } from './master.ts';
import { nameConflicts } from './name-conflict.ts';
import type { RecordSink } from './record-set.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';

/** An agent and what its host resolves to. */
export type PlacedAgent = { readonly agent: MesosAgent; readonly addresses: readonly string[] };
export type PlacedFramework = {
  readonly framework: MesosFramework;
  /** What names have of its own: `marathon`. */
  readonly part: string;
  readonly addresses: readonly string[];
};

/** All of a cluster but its tasks, host names resolved. */
export type ClusterPart = {
  readonly leader: Endpoint | undefined;
  readonly agents: readonly PlacedAgent[];
  readonly frameworks: readonly PlacedFramework[];
  readonly masters: readonly Endpoint[];
  /** Of the leader and the masters, by host. */
  readonly masterAddresses: ReadonlyMap<string, readonly string[]>;
  readonly staticRecords: readonly StaticRecord[];
  /** Names that several give, tasks among them. */
  readonly conflicts: readonly Skipped[];
};

/** Resolves all endpoints of a state that give records; canonical addresses, none for a host that does not resolve. */
export function clusterPart(
  state: ClusterState,
  { settings, addressesOfHost }: { settings: RecordSettings; addressesOfHost: AddressesOfHost },
): ClusterPart {
  const addressesOf = (endpoint: Endpoint | undefined): readonly string[] => {
    if (!endpoint || endpoint.host === '') return [];
    const address = canonicalAddress(endpoint.host);
    return address === undefined ? addressesOfHost(endpoint.host) : [address];
  };
  const attribute = settings.agentAddressAttribute;
  const agentAddresses = (agent: MesosAgent): readonly string[] => {
    if (attribute === undefined) return addressesOf(agent.endpoint);
    const address = canonicalAddress(agent.attributes?.[attribute] ?? '');
    return address === undefined ? [] : [address];
  };
  const { leader, agents, frameworks, masters: others = settings.masters } = state;
  const masters = [leader, ...others].filter((master) => master !== undefined);
  const { staticRecords = [] } = state;
  const named = frameworks.map((framework) => ({
    framework,
    part: toFrameworkPart(framework.name, settings.labelRules),
    addresses: addressesOf(framework.endpoint),
  }));
  return {
    leader,
    agents: agents.map((agent) => ({ agent, addresses: agentAddresses(agent) })),
    frameworks: named,
    masters: others,
    masterAddresses: new Map(masters.map((master) => [master.host, addressesOf(master)])),
    staticRecords,
    conflicts: nameConflicts(named, () => staticRecords.map(({ name }) => name), settings),
  };
}

/**
 * Are frameworks' own records among those asked for? A scheduler has no visibility of its own and counts as CLUSTER,
 * as a task without DiscoveryInfo does; and its address is one inside.
 */
function publishesSchedulers({ clusterNames, agentAddressAttribute, tasks }: RecordSettings): boolean {
  return (
    clusterNames !== 'left-out' && agentAddressAttribute === undefined && tasks?.minVisibility !== 'external'
  );
}

/** The sinks of the cluster's own names, and of those that frameworks and tasks choose. */
export type Sinks = { readonly own: RecordSink; readonly into: RecordSink };

/** The records of masters, name server, agents and frameworks. `begin` is told whose the next ones are. */
export function addClusterRecords(
  { own, into }: Sinks,
  { leader, agents, frameworks, masters, masterAddresses, staticRecords, conflicts }: ClusterPart,
  {
    settings,
    report,
    begin = () => undefined,
  }: {
    readonly settings: RecordSettings;
    readonly report: ReportSkipped;
    readonly begin?: ((giver: Giver) => void) | undefined;
  },
): void {
  const { domain } = settings;
  const check = (endpoint: Endpoint | undefined, addresses: readonly string[], element: string): void => {
    if (!endpoint || endpoint.host === '' || addresses.length > 0) return;
    report({ reason: 'host-unresolved', detail: `${element}: host ${endpoint.host} does not resolve` });
  };
  const isPublished = settings.clusterNames !== 'left-out';
  for (const { agent, addresses } of agents) {
    // An agent without the attribute is one that is not reached from there.
    if (settings.agentAddressAttribute === undefined) check(agent.endpoint, addresses, `agent ${agent.id}`);
    begin({ kind: 'agent', agent });
    if (isPublished)
      addAgent(own, agent, { domain, addresses, hasName: settings.further?.agentNames === true });
  }
  for (const [host, addresses] of masterAddresses) check({ host, port: '' }, addresses, `master ${host}`);
  begin({ kind: 'masters' });
  if (isPublished)
    addMasters(own, leader, {
      masters,
      domain,
      addressesOf: (host) => masterAddresses.get(host) ?? [],
      hasServices: settings.further?.masterServices === true,
    });
  if (isPublished && settings.dcosNames === 'published')
    addDcosMasters(own, { leader, masters, masterAddresses });
  begin({ kind: 'name-server' });
  for (const address of isPublished ? settings.nameServerAddresses : [])
    own.addAddress(settings.nameServer, address, 'name-server');
  begin({ kind: 'static-records' });
  for (const { name, type, value } of isPublished ? staticRecords : [])
    own.add(type, name, value, 'static-record');
  for (const conflict of conflicts) report(conflict);
  if (!publishesSchedulers(settings)) return;
  for (const { framework, part, addresses } of frameworks) {
    begin({ kind: 'framework', framework });
    check(framework.endpoint, addresses, describeFramework(framework));
    for (const name of partsOf(part, settings)) addFramework(into, framework, { name, domain, addresses });
  }
}
