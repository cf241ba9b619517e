import type { MesosAgent, MesosTask } from '../cluster.ts';
import { newestRunning } from './address.ts';
import type { TaskShape } from './shape.ts';
import type { PublishRule } from './shape-publish.ts';
import { isVisible, visibilityOf, type Visibility } from './visibility.ts';

/** Which running tasks get records. A task that is left out gets none, of any kind. */
export type TaskRules = {
  /** Tasks whose newest TASK_RUNNING status says `healthy: false`. */
  readonly unhealthyTasks: 'leave-out' | 'keep';
  /** An unhealthy task is kept for so long. */
  readonly graceSeconds: number;
  /** Is a task being killed once its newest status says so, or only once its state does, as with mesos-dns? */
  readonly killingTasks: 'by-status' | 'by-state';
  readonly drainingAgents: 'leave-out' | 'keep';
  readonly deactivatedAgents: 'leave-out' | 'keep';
  /** Tasks and discovery ports of a lower visibility are left out. */
  readonly minVisibility: Visibility;
};

/** Which rule leaves a task out, and what it goes by. */
export type HiddenBy =
  | { readonly reason: 'unhealthy'; readonly sinceSeconds: number }
  | { readonly reason: 'killing' }
  | { readonly reason: 'agent-draining' | 'agent-deactivated'; readonly agentId: string }
  | { readonly reason: 'visibility'; readonly visibility: Visibility }
  | PublishRule;

export type HiddenTask = { readonly task: MesosTask; readonly why: HiddenBy };

export type ChosenTasks = {
  /** Running, on a known agent, and left out by no rule: these make records. */
  readonly shown: readonly MesosTask[];
  readonly hidden: readonly HiddenTask[];
  /** Of those shown: what a rule would leave out, but nothing of its name would be left (fail-open). */
  readonly spared: readonly HiddenTask[];
  /** Running on an agent that is not known: they make no records, whatever the rules. */
  readonly unplaced: readonly MesosTask[];
  /** When the unhealthy ones became so, by task id, for `unhealthyBefore`. */
  readonly unhealthySince: ReadonlyMap<string, number>;
  /** When a task's grace ends, the first of them: then the choice is another one. Unix seconds. */
  readonly recheckAtSeconds?: number;
};

export type ChoiceOptions = {
  readonly agentOf: (id: string) => MesosAgent | undefined;
  readonly settings: { readonly tasks?: TaskRules | undefined };
  /** What labels and rules make of each task; undefined: nothing. */
  readonly shapeOf?: ((task: MesosTask) => TaskShape) | undefined;
  /** The state's: without it there is no grace. */
  readonly asOfSeconds: number | undefined;
  /**
   * `unhealthySince` of the choice before. Every failed check is a new status that takes the last one's place
   * in the master (Mesos `src/checks/health_checker.cpp`, `src/master/master.cpp`): from the statuses alone a
   * grace would begin anew with each.
   */
  readonly unhealthyBefore?: ReadonlyMap<string, number> | undefined;
};

const NOBODY: ReadonlyMap<string, number> = new Map();
const KEEP_ALL: TaskRules = {
  unhealthyTasks: 'keep',
  graceSeconds: 0,
  killingTasks: 'by-state',
  drainingAgents: 'keep',
  deactivatedAgents: 'keep',
  minVisibility: 'framework',
};

/**
 * Which of the tasks of one framework with one name make records. Pure. Rules that may be wrong about a task that
 * still serves (health, then its agent's standing) fail open: they leave out none where they would leave out all
 * that have the same discovery name. A task that is being killed or is not visible enough is gone for certain.
 */
export function chosenTasks(tasks: readonly MesosTask[], options: ChoiceOptions): ChosenTasks {
  const running = tasks.filter(({ state }) => state === 'TASK_RUNNING');
  const placed = running.filter(({ agentId }) => options.agentOf(agentId) !== undefined);
  const unplaced =
    placed.length === running.length
      ? []
      : running.filter(({ agentId }) => options.agentOf(agentId) === undefined);
  const { shapeOf } = options;
  const rules = options.settings.tasks ?? KEEP_ALL;
  if (!shapeOf && !leavesOut(rules))
    return { shown: placed, hidden: [], spared: [], unplaced, unhealthySince: NOBODY };

  const hidden: HiddenTask[] = [];
  const spared: HiddenTask[] = [];
  const serving = placed.filter((task) => {
    const why = shapeOf?.(task).hidden ?? whyGone(task, rules);
    if (why) hidden.push({ task, why });
    return !why;
  });
  const health = judgeHealth(serving, rules, options);
  const isShown = new Set<MesosTask>();
  for (const alike of byDiscoveryName(serving, shapeOf)) {
    const healthy = failOpen(alike, health.why, { hidden, spared });
    const onAgent = ({ agentId }: MesosTask): HiddenBy | undefined =>
      whyOfAgent(options.agentOf(agentId), rules);
    for (const task of failOpen(healthy, onAgent, { hidden, spared })) isShown.add(task);
  }
  return {
    shown: serving.filter((task) => isShown.has(task)),
    hidden,
    spared: spared.filter(({ task }) => isShown.has(task)),
    unplaced,
    unhealthySince: health.since,
    ...(health.recheckAtSeconds !== undefined && { recheckAtSeconds: health.recheckAtSeconds }),
  };
}

/** Tasks of one framework by name, in order: what `chosenTasks` takes, one by one. */
export function tasksByName(
  tasks: readonly MesosTask[],
  shapeOf?: ChoiceOptions['shapeOf'],
): ReadonlyMap<string, readonly MesosTask[]> {
  const byName = new Map<string, MesosTask[]>();
  for (const task of tasks) {
    const name = shapeOf?.(task).name?.label ?? task.name;
    const alike = byName.get(name);
    if (alike) alike.push(task);
    else byName.set(name, [task]);
  }
  return byName;
}

/** Is there a task that these rules would leave out? Not with all of them as mesos-dns has it. */
export function leavesOut(rules: TaskRules | undefined): boolean {
  return (
    rules !== undefined &&
    (rules.unhealthyTasks === 'leave-out' ||
      rules.killingTasks === 'by-status' ||
      rules.drainingAgents === 'leave-out' ||
      rules.deactivatedAgents === 'leave-out' ||
      rules.minVisibility !== 'framework')
  );
}

type Why = (task: MesosTask) => HiddenBy | undefined;

function whyGone(task: MesosTask, { killingTasks, minVisibility }: TaskRules): HiddenBy | undefined {
  if (killingTasks === 'by-status' && task.killing === true) return { reason: 'killing' };
  const visibility = visibilityOf(task.discovery?.visibility);
  return isVisible(visibility, minVisibility) ? undefined : { reason: 'visibility', visibility };
}

function judgeHealth(
  tasks: readonly MesosTask[],
  { unhealthyTasks, graceSeconds }: TaskRules,
  { asOfSeconds, unhealthyBefore, shapeOf }: ChoiceOptions,
): { why: Why; since: ReadonlyMap<string, number>; recheckAtSeconds: number | undefined } {
  const nobody = { why: () => undefined, since: NOBODY, recheckAtSeconds: undefined };
  if (unhealthyTasks === 'keep' && !shapeOf) return nobody;
  const since = new Map<string, number>();
  let recheckAtSeconds: number | undefined;
  for (const task of tasks) {
    const { id, running } = task;
    const status = newestRunning(running);
    if (status?.healthy !== false || (shapeOf?.(task).health ?? unhealthyTasks) === 'keep') continue;
    // Whoever wrote the status may have a clock that is ahead.
    const saidSeconds = Math.min(status.timestamp, asOfSeconds ?? Infinity);
    since.set(id, Math.min(saidSeconds, unhealthyBefore?.get(id) ?? Infinity));
  }
  if (since.size === 0) return nobody;
  const inGrace = new Set<string>();
  for (const [id, sinceSeconds] of asOfSeconds === undefined ? [] : since) {
    const endsAt = sinceSeconds + graceSeconds;
    if (endsAt <= (asOfSeconds ?? 0)) continue;
    inGrace.add(id);
    recheckAtSeconds = Math.min(endsAt, recheckAtSeconds ?? Infinity);
  }
  const why: Why = ({ id }) => {
    const sinceSeconds = since.get(id);
    return sinceSeconds === undefined || inGrace.has(id) ? undefined : { reason: 'unhealthy', sinceSeconds };
  };
  return { why, since, recheckAtSeconds };
}

/** A disconnected agent's tasks are kept: it is the master that has lost it, and says so of the tasks in time. */
function whyOfAgent(agent: MesosAgent | undefined, rules: TaskRules): HiddenBy | undefined {
  if (agent?.standing === 'draining' && rules.drainingAgents === 'leave-out')
    return { reason: 'agent-draining', agentId: agent.id };
  if (agent?.standing === 'deactivated' && rules.deactivatedAgents === 'leave-out')
    return { reason: 'agent-deactivated', agentId: agent.id };
  return undefined;
}

/** Those that nothing is said against, or all where nothing else would be left. */
function failOpen(
  tasks: readonly MesosTask[],
  whyOf: Why,
  { hidden, spared }: { hidden: HiddenTask[]; spared: HiddenTask[] },
): readonly MesosTask[] {
  const kept: MesosTask[] = [];
  const accused: HiddenTask[] = [];
  for (const task of tasks) {
    const why = whyOf(task);
    if (why) accused.push({ task, why });
    else kept.push(task);
  }
  if (accused.length === 0) return tasks;
  const into = kept.length > 0 ? hidden : spared;
  into.push(...accused);
  return kept.length > 0 ? kept : tasks;
}

/** A discovery name takes the task's name's place in all records, and a name by label or rule that of both. */
function byDiscoveryName(
  tasks: readonly MesosTask[],
  shapeOf: ChoiceOptions['shapeOf'],
): Iterable<readonly MesosTask[]> {
  if (tasks.length < 2) return [tasks];
  const groups = new Map<string | undefined, MesosTask[]>();
  for (const task of tasks) {
    const name = shapeOf?.(task).name?.label ?? task.discovery?.name;
    const group = groups.get(name);
    if (group) group.push(task);
    else groups.set(name, [task]);
  }
  return groups.values();
}
