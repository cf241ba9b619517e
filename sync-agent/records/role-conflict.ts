import type { MesosTask } from '../cluster.ts';
import { listed, type NamedFramework } from './conflict.ts';
import { describeFramework } from './framework.ts';
import { toLabel } from './label.ts';
import type { RecordSettings } from './settings.ts';
import type { Shaper } from './shape.ts';

export type TaskNames = { readonly settings: RecordSettings; readonly shaper: Shaper | undefined };

/** The label that a task of this framework shares with its instances; undefined where it is not published, or has none. */
export function sharedLabel(
  task: MesosTask,
  part: string,
  { settings, shaper }: TaskNames,
): string | undefined {
  if (task.state !== 'TASK_RUNNING') return undefined;
  const shape = shaper?.(task, part);
  if (shape?.hidden) return undefined;
  return shape?.name?.label ?? (toLabel(task.discovery?.name ?? task.name, settings.labelRules) || undefined);
}

/**
 * Names that tasks of one framework have in several roles (Mesos's MULTI_ROLE): they belong to different people, as a
 * rule, and are mixed into one answer. A framework whose tasks are all in one role costs a look at each.
 */
export function roleConflicts({ framework, part }: NamedFramework, names: TaskNames): string[] {
  const { tasks } = framework;
  if (tasks.every(({ role }) => role === tasks[0]?.role)) return [];
  const roles = new Map<string, string>();
  const byLabel = new Map<string, Map<string, string[]>>();
  for (const task of tasks) {
    const label = sharedLabel(task, part, names);
    if (label === undefined) continue;
    const { role = '*' } = task;
    const known = roles.get(label);
    if (known === undefined) roles.set(label, role);
    else if (known !== role) byLabel.set(label, new Map());
  }
  for (const task of byLabel.size > 0 ? tasks : []) {
    const byRole = byLabel.get(sharedLabel(task, part, names) ?? '');
    const { role = '*' } = task;
    const ids = byRole?.get(role);
    if (ids) ids.push(task.id);
    else byRole?.set(role, [task.id]);
  }
  const details: string[] = [];
  for (const [label, byRole] of byLabel) {
    const who = listed(Array.from(byRole, ([role, ids]) => `role ${role} (${listed(ids)})`));
    details.push(
      `${label}.${part}.${names.settings.domain} is the name of tasks of ${who} of ${describeFramework(framework)}: its answers hold all of them`,
    );
  }
  return details;
}
