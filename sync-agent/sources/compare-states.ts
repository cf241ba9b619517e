import type { ClusterState, MesosFramework, MesosTask, RunningStatus } from '../cluster.ts';
import { sameFacts } from '../same-facts.ts';
import { isTerminal } from './mesos-v0.ts';
import { joinRanges } from './mesos-v1.ts';

/** How many elements are in one state only, or in both with other facts. */
export type StateDifferences = {
  readonly agents: number;
  readonly frameworks: number;
  readonly tasks: number;
};

/**
 * Counts what two states of one cluster have differently. Tasks that ended or can't be reached count as not there,
 * and times do not count: shapes and versions of Mesos differ in these, and no name hangs on them.
 */
export function compareStates(a: ClusterState, b: ClusterState): StateDifferences {
  return {
    agents: countDifferences(byId(a.agents), byId(b.agents), sameFacts),
    frameworks: countDifferences(byId(a.frameworks), byId(b.frameworks), sameFramework),
    tasks: countDifferences(tasksOf(a), tasksOf(b), sameTask),
  };
}

/** How many keys only one has, or both with values that are not the same. */
export function countDifferences<Value>(
  a: ReadonlyMap<string, Value>,
  b: ReadonlyMap<string, Value>,
  same: (a: Value, b: Value) => boolean,
): number {
  let count = 0;
  let inBoth = 0;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined) count++;
    else {
      inBoth++;
      if (value !== other && !same(value, other)) count++;
    }
  }
  return count + b.size - inBoth;
}

function byId<Element extends { readonly id: string }>(list: readonly Element[]): Map<string, Element> {
  return new Map(list.map((element) => [element.id, element]));
}

/** By framework and task id. */
function tasksOf({ frameworks }: ClusterState): Map<string, MesosTask> {
  const tasks = new Map<string, MesosTask>();
  for (const framework of frameworks) {
    for (const task of framework.tasks) {
      if (isTerminal(task.state) || task.state === 'TASK_UNREACHABLE') continue;
      tasks.set(`${framework.id} ${task.id}`, task);
    }
  }
  return tasks;
}

function sameFramework(a: MesosFramework, b: MesosFramework): boolean {
  return a.name === b.name && sameFacts(a.endpoint, b.endpoint);
}

function sameTask(a: MesosTask, b: MesosTask): boolean {
  return sameFacts(comparable(a), comparable(b));
}

/** Masters write neighbouring ports as one range or two. */
function comparable(task: MesosTask): object {
  return { ...task, ports: joinRanges(task.ports), running: newest(task) };
}

/** What the newest status says, but for its time; of equal ones the earlier. */
function newest({ running }: MesosTask): object | undefined {
  let best: RunningStatus | undefined;
  for (const status of running) if (!best || status.timestamp > best.timestamp) best = status;
  return best && { ...best, timestamp: undefined };
}
