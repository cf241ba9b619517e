import type { MesosTask, ReportSkipped } from '../cluster.ts';
import { taskAddresses } from './address.ts';
import type { PlacedAgent } from './cluster-records.ts';
import type { RecordSink } from './record-set.ts';
import type { RecordSettings } from './settings.ts';
import { addTask, createSharedNames } from './task.ts';

/** Adds the records of tasks of one framework, whose part of names is `part`. */
export function createTaskAdder(
  into: RecordSink,
  { part, settings }: { readonly part: string; readonly settings: RecordSettings },
): (task: MesosTask, placed: PlacedAgent, report: ReportSkipped) => void {
  const inDomain = `${part}.${settings.domain}.`;
  const onAgent = `${part}.slave.${settings.domain}.`;
  const names = createSharedNames(into, { inDomain, onAgent });
  return (task, { addresses: agentAddresses }, report) => {
    // From there it is not reached, and what leads to it would lead nowhere.
    if (settings.agentAddressAttribute !== undefined && agentAddresses.length === 0) return;
    const addresses = taskAddresses(task, settings, agentAddresses);
    const place = { inDomain, onAgent, names, addresses, agentAddresses };
    addTask(into, task, { place, settings, report });
  };
}

/** A running task on an agent that the state does not have. */
export function reportUnplaced({ id, agentId }: MesosTask, report: ReportSkipped): void {
  report({ reason: 'unknown-agent', detail: `task ${id} runs on agent ${agentId}, which is not listed` });
}
