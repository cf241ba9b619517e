import { canonicalAddress, parseAddress } from '../../zone/address.ts';
import type {
  ReportSkipped,
  ServerSet,
  ServerSetEndpoint,
  ServerSetMember,
  SrvNumbers,
  TaskPlacement,
} from '../cluster.ts';
import type { PlacedAgent } from './cluster-records.ts';
import { partsOf } from './framework-alias.ts';
import type { Giver } from './giver.ts';
import { instanceTail } from './instance.ts';
import { toFrameworkPart, toLabel } from './label.ts';
import { prefixOf } from './prefix.ts';
import { type RecordSink, srvValue } from './record-set.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { discoveryParts } from './task.ts';

/** A ServerSet with what its hosts are reached by: all that its records hang on, but settings. */
export type PlacedServerSet = {
  readonly set: ServerSet;
  /** Of its framework: `aurora`. */
  readonly part: string;
  readonly instances: readonly PlacedInstance[];
};

type PlacedInstance = {
  readonly member: string;
  /** Its own name's first label: its shard, `0`, or its node, `member-0000000003`. */
  readonly label: string;
  readonly addresses: readonly string[];
  /** A Mesos task gives the shared name its address. */
  readonly isTask: boolean;
  readonly ports: readonly PlacedPort[];
};

type PlacedPort = {
  /** Undefined: the primary one. */
  readonly alias: string | undefined;
  readonly port: number;
  readonly srv: SrvNumbers | undefined;
  /** Whose own name the record leads to: a Mesos task's, or … */
  readonly task: TaskPlacement | undefined;
  /** … where it is another host than the instance's, that of the endpoint. */
  readonly elsewhere: readonly string[] | undefined;
};

export type PlaceOptions = {
  readonly settings: RecordSettings;
  readonly agents: ReadonlyMap<string, PlacedAgent>;
  readonly addressesOfHost: AddressesOfHost;
  /** Is it a task that a rule leaves out? */
  readonly isHidden: (taskId: string) => boolean;
};

/**
 * Are ServerSets among what is asked for? Their members have no visibility of their own and count as CLUSTER, as a
 * task without DiscoveryInfo does.
 */
function publishesServerSets({ tasks }: RecordSettings): boolean {
  return tasks?.minVisibility !== 'external';
}

/** Finds the addresses of members, and which task each port is of. Members of hidden tasks are left out. */
export function placeServerSet(set: ServerSet, options: PlaceOptions): PlacedServerSet {
  const { settings, isHidden } = options;
  const place = (member: ServerSetMember): PlacedInstance[] => {
    const endpoints = [member.primary, ...member.additional];
    if (endpoints.some(({ taskId }) => taskId !== undefined && isHidden(taskId))) return [];
    const host = hostOf(member.primary);
    const portOf = (endpoint: ServerSetEndpoint, alias: string | undefined): PlacedPort => ({
      alias,
      port: endpoint.port,
      srv: endpoint.srv,
      task:
        endpoint.taskId === undefined || endpoint.agentId === undefined
          ? undefined
          : { taskId: endpoint.taskId, agentId: endpoint.agentId },
      elsewhere: hostOf(endpoint) === host ? undefined : endpointAddresses(endpoint, options),
    });
    return [
      {
        member: member.name,
        label: holders.get(member.shard) === member ? String(member.shard) : toLabel(member.name, 'rfc1123'),
        addresses: endpointAddresses(member.primary, options),
        isTask: endpoints.some(({ taskId }) => taskId !== undefined),
        ports: [
          portOf(member.primary, undefined),
          ...member.additional.map((endpoint) => portOf(endpoint, endpoint.alias)),
        ],
      },
    ];
  };
  /** Of several with one shard, an instance that was moved a moment ago, the newest has its name. */
  const holders = new Map<number | undefined, ServerSetMember>();
  for (const member of set.members) if (member.shard !== undefined) holders.set(member.shard, member);
  const part = toFrameworkPart(set.frameworkName, settings.labelRules);
  const isPublished = publishesServerSets(settings);
  return { set, part, instances: isPublished ? set.members.flatMap((member) => place(member)) : [] };
}

/**
 * A ServerSet's records, in the forms mesos-dns gives Aurora's jobs with DiscoveryInfo: the raw name
 * `<job>.<environment>.<role>` and its label form. A port that a Mesos task has leads to the task's own name, as the
 * task's records do; any other to the instance's name `<shard>.…`. Port 0 gives no record.
 */
export function addServerSet(
  into: RecordSink,
  { set, part, instances }: PlacedServerSet,
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
  const raw = `${set.job}.${set.environment}.${set.role}`;
  for (const instance of instances) {
    begin({ kind: 'server-set', set, member: instance.member });
    if (instance.addresses.length === 0) reportUnresolved(instance, { set, settings, report });
    for (const { alias } of instance.ports)
      if (alias !== undefined && toLabel(alias, settings.labelRules) === '')
        report({
          reason: 'name-not-askable',
          detail: `${describeServerSet(set)}, ${instance.member}: of the port's name ${JSON.stringify(alias)} nothing is left in DNS`,
        });
    for (const each of partsOf(part, settings)) {
      for (const name of discoveryParts(raw, settings)) {
        const inDomain = `${each}.${settings.domain}.`;
        addInstance(into, instance, { name, inDomain, settings });
      }
    }
  }
}

function addInstance(
  into: RecordSink,
  { label, addresses, isTask, ports }: PlacedInstance,
  { name, inDomain, settings }: { name: string; inDomain: string; settings: RecordSettings },
): void {
  const own = `${label}.${name}.${inDomain}`;
  for (const address of addresses) {
    into.addAddress(own, address, 'server-set-instance');
    // A task may be reached by an address of its own; then its agent's is none of the job's.
    if (!isTask) into.addAddress(`${name}.${inDomain}`, address, 'server-set-shared-name');
  }
  for (const { alias, port, srv, task, elsewhere } of ports) {
    if (port === 0) continue;
    const aliasLabel = alias === undefined ? undefined : toLabel(alias, settings.labelRules);
    if (aliasLabel === '') continue;
    const other = elsewhere && `${aliasLabel ?? 'primary'}.${own}`;
    if (!task && (elsewhere ?? addresses).length === 0) continue;
    if (!task && other !== undefined)
      for (const address of elsewhere ?? []) into.addAddress(other, address, 'server-set-instance');
    const target = task ? `${name}${instanceTail(task.taskId, task.agentId)}.${inDomain}` : (other ?? own);
    const owner = `_${name}._tcp.${inDomain}`;
    const value = srvValue(target, port, srv);
    if (aliasLabel === undefined) into.add('SRV', owner, value, 'server-set-port');
    else into.add('SRV', `_${aliasLabel}.${owner}`, value, 'server-set-alias');
  }
}

/** Hosts of members that are no agent and no address: they have to be resolved. */
export function hostNamesOfSets(sets: readonly ServerSet[] | undefined): Set<string> {
  const names = new Set<string>();
  for (const { members } of sets ?? []) {
    for (const { primary, additional } of members) {
      for (const { host, addresses, agentId } of [primary, ...additional]) {
        const isKnown = addresses.length > 0 || agentId !== undefined;
        if (!isKnown && canonicalAddress(host) === undefined) names.add(host);
      }
    }
  }
  return names;
}

/** Those the member tells, else its agent's, else what its host is or resolves to. */
function endpointAddresses(
  { host, addresses, agentId }: ServerSetEndpoint,
  { settings, agents, addressesOfHost }: PlaceOptions,
): readonly string[] {
  const ofAgent = agentId === undefined ? undefined : agents.get(agentId)?.addresses;
  // From there only agents are reached that have the attribute.
  if (settings.agentAddressAttribute !== undefined) return ofAgent ?? [];
  if (addresses.length > 0) return allowed(addresses, settings);
  if (ofAgent && ofAgent.length > 0) return ofAgent;
  const address = canonicalAddress(host);
  return allowed(address === undefined ? addressesOfHost(host) : [address], settings);
}

function allowed(addresses: readonly string[], { addresses: rules }: RecordSettings): readonly string[] {
  if (!rules || rules.exclude.length === 0) return addresses;
  return addresses.filter((text) => {
    const octets = parseAddress(text);
    return octets !== undefined && !prefixOf(octets, rules.exclude);
  });
}

function hostOf({ host }: ServerSetEndpoint): string {
  return host.toLowerCase();
}

function reportUnresolved(
  { member, ports }: PlacedInstance,
  { set, settings, report }: { set: ServerSet; settings: RecordSettings; report: ReportSkipped },
): void {
  // An agent without the attribute is one that is not reached from there.
  if (settings.agentAddressAttribute !== undefined) return;
  if (ports.every(({ task, elsewhere }) => task !== undefined || (elsewhere?.length ?? 0) > 0)) return;
  const host = set.members.find(({ name }) => name === member)?.primary.host ?? '';
  report({
    reason: 'host-unresolved',
    detail: `${describeServerSet(set)}, ${member}: host ${host} has no address`,
  });
}

/** For reports. */
export function describeServerSet({ role, environment, job, frameworkName }: ServerSet): string {
  return `ServerSet ${role}/${environment}/${job} of framework ${JSON.stringify(frameworkName)}`;
}
