import type { MesosTask } from '../cluster.ts';
import { toFrameworkPart } from './label.ts';
import type { RecordSettings } from './settings.ts';
import { shapeOf } from './shape.ts';
import type { Contribution } from './trace.ts';

/** Why a task does not give a name what it would give it by itself. */
export type ShapeReason = 'other-name' | 'port-left-out';

export type ShapeWhyNot = {
  /** The task, for people. */
  readonly who: string;
  readonly frameworkName: string;
  readonly settings: RecordSettings;
  /** What a task would give the name, whatever labels and rules say. */
  readonly plain: (task: MesosTask) => readonly Contribution[];
  /** The same by labels and rules. */
  readonly exact: (task: MesosTask) => readonly Contribution[];
};

type ShapeFinding = { readonly reason: ShapeReason; readonly detail: string };

/** A task that would have the name, or a port at it, if no label or rule said anything else. */
export function whyNotByShape(
  task: MesosTask,
  { who, frameworkName, settings, plain, exact }: ShapeWhyNot,
): ShapeFinding[] {
  if (!settings.shape || exact(task).length > 0) return [];
  const part = toFrameworkPart(frameworkName, settings.labelRules);
  const { name, leftOutPorts } = shapeOf(task, part, settings.shape);
  const found: ShapeFinding[] = [];
  const isPlain = plain(task).length > 0;
  if (name && isPlain)
    found.push({ reason: 'other-name', detail: `${who} is called ${name.label} by ${name.by}` });
  if (leftOutPorts && (isPlain || name))
    found.push({
      reason: 'port-left-out',
      detail: `${who} has ports that are left out by ${leftOutPorts.by}`,
    });
  return found;
}
