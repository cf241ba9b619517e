import type { MesosTask, ReportSkipped } from '../cluster.ts';
import { taskAddresses } from './address.ts';
import type { PlacedAgent } from './cluster-records.ts';
import { addDcosNames } from './dcos.ts';
import { partsOf } from './framework-alias.ts';
import type { RecordSink } from './record-set.ts';
import type { RecordSettings } from './settings.ts';
import { createShaper, type Shaper } from './shape.ts';
import { addShape, shapedSink, shapedTask } from './shape-records.ts';
import { addTask, createSharedNames } from './task.ts';
import { addFurtherRecords } from './task-further.ts';

/** Adds the records of tasks of one framework, whose part of names is `part`. */
export function createTaskAdder(
  into: RecordSink,
  {
    part,
    settings,
    shaper = settings.shape && createShaper(settings.shape),
  }: { readonly part: string; readonly settings: RecordSettings; readonly shaper?: Shaper | undefined },
): (task: MesosTask, placed: PlacedAgent, report: ReportSkipped) => void {
  const places = partsOf(part, settings).map((each) => {
    const inDomain = `${each}.${settings.domain}.`;
    const onAgent = `${each}.slave.${settings.domain}.`;
    return { part: each, inDomain, onAgent, names: createSharedNames(into, { inDomain, onAgent }) };
  });
  const told = new Set<string>();
  return (unshaped, { agent, addresses: agentAddresses }, report) => {
    // From there it is not reached, and what leads to it would lead nowhere.
    if (settings.agentAddressAttribute !== undefined && agentAddresses.length === 0) return;
    const shape = shaper?.(unshaped, part);
    for (const problem of shape?.problems ?? []) {
      // All instances of a task have the same labels.
      if (!told.has(problem.detail)) report(problem);
      told.add(problem.detail);
    }
    const task = shape ? shapedTask(unshaped, shape) : unshaped;
    const shaped = shape ? shapedSink(into, shape) : into;
    const addresses = taskAddresses(task, settings, agentAddresses);
    for (const [i, { names, ...place }] of places.entries()) {
      addTask(shaped, task, {
        place: {
          ...place,
          names: shaped === into ? names : createSharedNames(shaped, place),
          addresses,
          agentAddresses,
        },
        settings,
        // What is wrong with a task is told once, not for each alias.
        report: i === 0 ? report : () => undefined,
      });
      const at = { ...place, addresses, agentAddresses };
      addFurtherRecords(shaped, task, { place: at, settings, report: i === 0 ? report : () => undefined });
      if (shape && settings.shape)
        addShape(shaped, { task, shape, rules: settings.shape, place: at, settings });
    }
    for (const { part: each } of settings.dcosNames === 'published' ? places : [])
      addDcosNames(shaped, task, {
        part: each,
        settings,
        agent,
        agentAddresses,
        report: each === part ? report : () => undefined,
      });
  };
}

/** A running task on an agent that the state does not have. */
export function reportUnplaced({ id, agentId }: MesosTask, report: ReportSkipped): void {
  report({ reason: 'unknown-agent', detail: `task ${id} runs on agent ${agentId}, which is not listed` });
}
