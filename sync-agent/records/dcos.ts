import type { DiscoveryPort, Endpoint, MesosTask, ReportSkipped } from '../cluster.ts';
import { dcosMastersName, dcosName, type DcosKind, type DcosSite } from './dcos-names.ts';
import { type DcosReach, type ReachOptions, reachOf } from './dcos-reach.ts';
import { addVips } from './dcos-vip.ts';
import { toLabel } from './label.ts';
import { type RecordRule, type RecordSink, srvValue } from './record-set.ts';
import { hostPorts, protocolLabels } from './task.ts';
import { withVisiblePorts } from './visibility.ts';

const SITES: readonly DcosSite[] = ['agentip', 'containerip'];
const RULES: Readonly<Record<DcosKind, RecordRule>> = {
  agentip: 'dcos-agentip',
  containerip: 'dcos-containerip',
  autoip: 'dcos-autoip',
};

/**
 * A running task's names in `thisdcos.directory`: address names as dcos-net makes them (`dcos_dns_mesos.erl`), SRV
 * records beside them in the form mesos-dns has, and its VIPs.
 */
export function addDcosNames(
  into: RecordSink,
  task: MesosTask,
  { report, ...options }: ReachOptions & { readonly report: ReportSkipped },
): void {
  const { part, settings } = options;
  const reach = reachOf(task, options);
  // Without either, the name would be another's.
  if (reach.name === '' || reach.framework === '') return;
  const { name, framework, addresses, targets, auto } = reach;
  for (const site of SITES) {
    for (const address of addresses[site]) {
      into.addAddress(dcosName(name, framework, site), address, RULES[site]);
      into.addAddress(targets[site], address, 'dcos-instance');
    }
  }
  for (const address of addresses[auto])
    into.addAddress(dcosName(name, framework, 'autoip'), address, RULES.autoip);

  const discovery =
    task.discovery && withVisiblePorts(task.discovery, settings.tasks?.minVisibility ?? 'framework');
  const ports = discovery ? discovery.ports : portsOfAgent(task, settings.maxPortsPerTask);
  for (const port of ports) addPort(into, port, { reach, settings });
  addVips(into, task, { part, reach, ports: discovery?.ports ?? [], report });
}

/** Leads to the task's own name where the port listens; there, and at `autoip`. */
function addPort(
  into: RecordSink,
  port: DiscoveryPort,
  { reach, settings }: { readonly reach: DcosReach } & Pick<ReachOptions, 'settings'>,
): void {
  const { name, framework, addresses, targets } = reach;
  const site = reach.siteOf(port);
  if (!site || addresses[site].length === 0) return;
  const value = srvValue(targets[site], port.number, port.srv);
  const portLabel = toLabel(port.name, 'rfc1123');
  for (const protocol of protocolLabels(port, settings)) {
    for (const kind of [site, 'autoip'] as const) {
      const owner = dcosName(`_${name}._${protocol}`, framework, kind);
      into.add('SRV', owner, value, 'dcos-port');
      if (portLabel !== '') into.add('SRV', `_${portLabel}.${owner}`, value, 'dcos-named-port');
    }
  }
}

/** Without discovery info, the ports that the task has of its agent. What is too many was told of elsewhere. */
export function portsOfAgent(task: MesosTask, most: number): readonly DiscoveryPort[] {
  const labels = { 'network-scope': 'host' };
  const numbers = hostPorts(task, most, () => undefined);
  return numbers.map((number) => ({ number, name: '', protocol: '', labels }));
}

/** `leader` and `master` beside the tasks' names. */
export function addDcosMasters(
  into: RecordSink,
  {
    leader,
    masters,
    masterAddresses,
  }: {
    readonly leader: Endpoint | undefined;
    readonly masters: readonly Endpoint[];
    /** By host. */
    readonly masterAddresses: ReadonlyMap<string, readonly string[]>;
  },
): void {
  const addressesOf = (host: string): readonly string[] => masterAddresses.get(host) ?? [];
  if (leader)
    for (const address of addressesOf(leader.host))
      into.addAddress(dcosMastersName('leader'), address, 'dcos-leader');
  for (const { host } of leader ? [leader, ...masters] : masters)
    for (const address of addressesOf(host))
      into.addAddress(dcosMastersName('master'), address, 'dcos-master');
}
