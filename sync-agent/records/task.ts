import type { Discovery, MesosTask, PortRange, ReportSkipped } from '../cluster.ts';
import { agentTail, taskHash, toLabel } from './label.ts';
import type { RecordSink } from './record-set.ts';
import type { RecordSettings } from './settings.ts';

/** Where a task runs and what it is reached by. */
export type TaskPlace = {
  /** The framework's part of names; may be empty. */
  readonly framework: string;
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
  const { domain, labelRules } = settings;
  const instance = `-${taskHash(task.id)}-${agentTail(task.agentId)}`;
  const ports = hostPorts(task, settings.maxPortsPerTask, report);
  for (const name of taskParts(task, settings)) {
    const inDomain = `${place.framework}.${domain}.`;
    const onAgent = `${place.framework}.slave.${domain}.`;
    const target = `${name}${instance}.${inDomain}`;
    const targetOnAgent = `${name}${instance}.${onAgent}`;
    for (const address of place.addresses) {
      into.addAddress(`${name}.${inDomain}`, address);
      into.addAddress(target, address);
    }
    for (const address of place.agentAddresses) {
      into.addAddress(`${name}.${onAgent}`, address);
      into.addAddress(targetOnAgent, address);
    }
    for (const port of ports) {
      const value = `${targetOnAgent}:${port}`;
      for (const protocol of ['_tcp', '_udp']) {
        into.add('SRV', `_${name}.${protocol}.${onAgent}`, value);
        if (!task.discovery) into.add('SRV', `_${name}.${protocol}.${inDomain}`, value);
      }
    }
    for (const port of task.discovery?.ports ?? []) {
      const portLabel = toLabel(port.name, labelRules);
      for (const protocol of protocolLabels(port, settings)) {
        const owner = `_${name}._${protocol}.${inDomain}`;
        into.add('SRV', owner, `${target}:${port.number}`);
        if (portLabel !== '') into.add('SRV', `_${portLabel}.${owner}`, `${target}:${port.number}`);
      }
    }
  }
}

function taskParts({ name, discovery }: MesosTask, settings: RecordSettings): readonly string[] {
  if (!discovery) return [toLabel(name, settings.labelRules)];
  const raw = settings.rawDiscoveryNames === 'as-is' ? discovery.name : discovery.name.toLowerCase();
  const label = toLabel(discovery.name, settings.labelRules);
  return raw === label ? [label] : [raw, label];
}

/** A port without a protocol is meant for both. */
function protocolLabels(port: Discovery['ports'][number], { labelRules }: RecordSettings): readonly string[] {
  const label = toLabel(port.protocol, labelRules);
  return label === '' ? ['tcp', 'udp'] : [label];
}

function hostPorts(task: MesosTask, most: number, report: ReportSkipped): readonly number[] {
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
