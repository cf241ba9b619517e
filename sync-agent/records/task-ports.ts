import type { Labels, MesosTask, SrvNumbers } from '../cluster.ts';
import { toLabel } from './label.ts';
import type { RecordSettings } from './settings.ts';
import { hostPorts, protocolLabels } from './task.ts';
import { withVisiblePorts } from './visibility.ts';

/** A port that a task is reached by, from its discovery info or, without one, of its agent. */
export type ServedPort = {
  /** Its place among all of the task's, from 0. */
  readonly index: number;
  readonly number: number;
  /** In label form; empty for a port without one. */
  readonly name: string;
  /** `tcp` and so on, as they stand in names. */
  readonly protocols: readonly string[];
  readonly labels: Labels | undefined;
  readonly srv: SrvNumbers | undefined;
  /** It is the agent's address that it is reached at. */
  readonly onAgent: boolean;
  /** Among its likes the task alone has it: it was given to it of its agent's ports. */
  readonly isHostPort: boolean;
};

/** Those that are visible, of host ports as many as the settings let a task have. Nothing is reached at port 0. */
export function servedPorts(task: MesosTask, settings: RecordSettings): readonly ServedPort[] {
  const { discovery } = task;
  if (!discovery) {
    const facts = { name: '', protocols: ['tcp', 'udp'], labels: undefined, srv: undefined };
    const numbers = hostPorts(task, settings.maxPortsPerTask, () => undefined);
    return numbers.map((number, index) => ({ index, number, ...facts, onAgent: true, isHostPort: true }));
  }
  const { ports } = withVisiblePorts(discovery, settings.tasks?.minVisibility ?? 'framework');
  const reached = ports.filter(({ number }) => number !== 0);
  return reached.map((port) => ({
    // Those that are left out count all the same.
    index: discovery.ports.indexOf(port),
    number: port.number,
    name: toLabel(port.name, settings.labelRules),
    protocols: protocolLabels(port, settings),
    labels: port.labels,
    srv: port.srv,
    onAgent: false,
    isHostPort: task.ports.some(({ begin, end }) => begin <= port.number && port.number <= end),
  }));
}
