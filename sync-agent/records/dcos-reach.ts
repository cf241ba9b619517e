import type { DiscoveryPort, MesosAgent, MesosTask } from '../cluster.ts';
import { taskAddresses } from './address.ts';
import { dcosFramework, dcosInstanceName, type DcosSite } from './dcos-names.ts';
import { instanceTail } from './instance.ts';
import { toLabel } from './label.ts';
import type { RecordSettings } from './settings.ts';

/** Where a task is reached, as DC/OS's names have it. */
export type DcosReach = {
  /** The task's and the framework's part of names, one label each. */
  readonly name: string;
  readonly framework: string;
  readonly addresses: Readonly<Record<DcosSite, readonly string[]>>;
  /** The task's own names. */
  readonly targets: Readonly<Record<DcosSite, string>>;
  /** What `autoip` is of it. */
  readonly auto: DcosSite;
  /** Where a port of it listens; undefined where nobody outside the container reaches it. */
  readonly siteOf: (port: Pick<DiscoveryPort, 'number' | 'labels'>) => DcosSite | undefined;
};

export type ReachOptions = {
  /** The framework's part of names. */
  readonly part: string;
  readonly settings: RecordSettings;
  readonly agent: MesosAgent;
  readonly agentAddresses: readonly string[];
};

/** Marathon tells so whether a discovery port's number is one of the agent or of the container. */
const SCOPE = 'network-scope';
const NETINFO = ['netinfo'] as const;
const NONE: readonly string[] = [];

/**
 * The rules of dcos-net (`dcos_dns_mesos.erl`, `dcos_net_mesos_listener.erl`): a container's addresses are those of
 * its network infos, and `autoip` is the agent's where any port of it leads into the container.
 */
export function reachOf(task: MesosTask, { part, settings, agent, agentAddresses }: ReachOptions): DcosReach {
  const { discovery, hasHostPorts = false } = task;
  const label = toLabel(discovery?.name ?? task.name, 'rfc1123');
  const framework = dcosFramework(part);
  const own = { label, tail: instanceTail(task.id, task.agentId) };
  const reported = taskAddresses(task, { ...rulesWithoutExclude(settings), ipSources: NETINFO }, NONE);
  const onAgent = new Set([...agentAddresses, agent.endpoint?.host ?? '']);
  const isApart = reported.some((address) => !onAgent.has(address));
  const containers = publishesContainers(settings)
    ? taskAddresses(task, { addresses: settings.addresses, ipSources: NETINFO }, NONE)
    : NONE;
  const isMapped = hasHostPorts || discovery?.ports.some(({ labels }) => labels?.[SCOPE] === 'host') === true;
  return {
    name: label,
    framework,
    addresses: { agentip: agentAddresses, containerip: containers },
    targets: {
      agentip: dcosInstanceName(own, framework, 'agentip'),
      containerip: dcosInstanceName(own, framework, 'containerip'),
    },
    auto: isMapped || containers.length === 0 ? 'agentip' : 'containerip',
    siteOf: ({ number, labels }) => {
      if (number < 1 || number > 65535) return undefined;
      const scope = labels?.[SCOPE];
      if (scope === 'host') return 'agentip';
      if (scope !== 'container' && isHostPort(task, number)) return 'agentip';
      if (isApart) return 'containerip';
      // It is on the agent's network, or its address is not told.
      const isTold = reported.length > 0;
      return isTold || (scope !== 'container' && !isMapped) ? 'agentip' : undefined;
    },
  };
}

/** Where an agent has another address outside, a container's own is one inside, unless that is asked for. */
function publishesContainers({ agentAddressAttribute, ipSources }: RecordSettings): boolean {
  return agentAddressAttribute === undefined || ipSources.includes('netinfo');
}

function rulesWithoutExclude({ addresses }: RecordSettings): Pick<RecordSettings, 'addresses'> {
  return !addresses || addresses.exclude.length === 0
    ? { addresses }
    : { addresses: { ...addresses, exclude: [] } };
}

function isHostPort({ ports }: MesosTask, number: number): boolean {
  return ports.some(({ begin, end }) => begin <= number && number <= end);
}
