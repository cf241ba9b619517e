import type { DiscoveryPort, MesosTask, PortRange, ReportSkipped } from '../cluster.ts';
import { instanceTail } from './instance.ts';
import { toLabel } from './label.ts';
import { type OwnerSink, type RecordRule, type RecordSink, srvValue } from './record-set.ts';
import type { RecordSettings } from './settings.ts';
import { withVisiblePorts } from './visibility.ts';

/** Where a task runs and what it is reached by. */
export type TaskPlace = {
  /** What stands behind the task's part of a name: `marathon.mesos.`, and `marathon.slave.mesos.`. */
  readonly inDomain: string;
  readonly onAgent: string;
  readonly names: (name: string) => SharedNames;
  /** The task's own addresses. */
  readonly addresses: readonly string[];
  readonly agentAddresses: readonly string[];
};

/**
 * A running task's records (mesos-dns `records/generator.go`, taskRecord). A discovery name makes all of them
 * twice: under the name as it stands, and under its label form. SRV targets are per-instance names: of the
 * agent's address for host ports, of the task's own for discovery ports.
 */
export function addTask(
  into: RecordSink,
  task: MesosTask,
  { place, settings, report }: { place: TaskPlace; settings: RecordSettings; report: ReportSkipped },
): void {
  const instance = instanceTail(task.id, task.agentId);
  const ports = hostPorts(task, settings.maxPortsPerTask, report);
  const discovery =
    task.discovery && withVisiblePorts(task.discovery, settings.tasks?.minVisibility ?? 'framework');
  for (const name of taskParts(task, settings)) {
    const shared = place.names(name);
    const target = `${name}${instance}.${place.inDomain}`;
    const targetOnAgent = `${name}${instance}.${place.onAgent}`;
    for (const address of place.addresses) {
      shared.inDomain.addAddress(address);
      into.addAddress(target, address, 'task-instance-name');
    }
    for (const address of place.agentAddresses) {
      shared.onAgent.addAddress(address);
      into.addAddress(targetOnAgent, address, 'task-instance-name-on-agent');
    }
    for (const port of ports) {
      const value = `${targetOnAgent}:${port}`;
      for (const service of shared.servicesOnAgent) service.add('SRV', value);
      if (!task.discovery) for (const service of shared.servicesInDomain) service.add('SRV', value);
    }
    for (const port of discovery?.ports ?? [])
      addDiscoveryPort(into, port, { name, target, place, settings });
  }
}

function addDiscoveryPort(
  into: RecordSink,
  port: DiscoveryPort,
  {
    name,
    target,
    place,
    settings,
  }: { name: string; target: string; place: TaskPlace; settings: RecordSettings },
): void {
  const portLabel = toLabel(port.name, settings.labelRules);
  for (const protocol of protocolLabels(port, settings)) {
    const owner = `_${name}._${protocol}.${place.inDomain}`;
    const value = srvValue(target, port.number, port.srv);
    into.add('SRV', owner, value, 'discovery-port');
    if (portLabel !== '') into.add('SRV', `_${portLabel}.${owner}`, value, 'named-discovery-port');
  }
}

/** The names all instances of a task name share, found once for a framework. */
export type SharedNames = {
  readonly inDomain: OwnerSink;
  readonly onAgent: OwnerSink;
  /** Of host ports, one a protocol. */
  readonly servicesInDomain: readonly OwnerSink[];
  readonly servicesOnAgent: readonly OwnerSink[];
};

/** `search` in `marathon.mesos.` and `marathon.slave.mesos.`, remembered for its other instances. */
export function createSharedNames(
  into: RecordSink,
  { inDomain, onAgent }: { inDomain: string; onAgent: string },
): (name: string) => SharedNames {
  const known = new Map<string, SharedNames>();
  const services = (name: string, suffix: string, rule: RecordRule): OwnerSink[] =>
    ['_tcp', '_udp'].map((protocol) => into.at(`_${name}.${protocol}.${suffix}`, rule));
  return (name) => {
    const names = known.get(name);
    if (names) return names;
    const made = {
      inDomain: into.at(`${name}.${inDomain}`, 'task-shared-name'),
      onAgent: into.at(`${name}.${onAgent}`, 'task-shared-name-on-agent'),
      servicesInDomain: services(name, inDomain, 'task-host-port'),
      servicesOnAgent: services(name, onAgent, 'task-host-port-on-agent'),
    };
    known.set(name, made);
    return made;
  };
}

/** What a task is called in names: a label, and before it a discovery name as it stands. */
export function taskParts({ name, discovery }: MesosTask, settings: RecordSettings): readonly string[] {
  return discovery ? discoveryParts(discovery.name, settings) : [toLabel(name, settings.labelRules)];
}

/** What a discovery name makes of names: itself as it stands, and its label form. */
export function discoveryParts(
  name: string,
  { rawDiscoveryNames, labelRules }: Pick<RecordSettings, 'rawDiscoveryNames' | 'labelRules'>,
): readonly string[] {
  const raw = rawDiscoveryNames === 'as-is' ? name : name.toLowerCase();
  const label = toLabel(name, labelRules);
  return raw === label ? [label] : [raw, label];
}

/** A port without a protocol is meant for both. */
export function protocolLabels(port: DiscoveryPort, { labelRules }: RecordSettings): readonly string[] {
  const label = toLabel(port.protocol, labelRules);
  return label === '' ? ['tcp', 'udp'] : [label];
}

export function hostPorts(task: MesosTask, most: number, report: ReportSkipped): readonly number[] {
  const ports: number[] = [];
  for (const { begin, end } of task.ports) {
    for (let port = begin; port <= end; port++) {
      if (ports.length === most) {
        const ranges = task.ports.map((range: PortRange) => `${range.begin}-${range.end}`).join(', ');
        report({
          reason: 'too-many-ports',
          detail: `task ${task.id} has ports ${ranges}: all after the first ${most} are left out`,
        });
        return ports;
      }
      ports.push(port);
    }
  }
  return ports;
}
