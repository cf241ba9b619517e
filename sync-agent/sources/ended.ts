import { FormatError } from '../../zone/format-error.ts';
import type { Ended, EndedTask, MesosFramework, ReportSkipped } from '../cluster.ts';
import { endedFrameworks } from './ended-frameworks.ts';
import { asObject, type JsonObject, listField, textField } from './fields.ts';
import type { JsonPath } from './json-cutter.ts';
import { type EndedFacts, isTerminal, readEndedTask } from './mesos-v0.ts';

/** Collects, as a state is read, what it says of tasks and frameworks that are gone. */
export type EndedCollector = {
  /** An element of `completed_tasks`, or of a completed framework's `tasks`. */
  readonly add: (path: JsonPath, element: unknown) => void;
  /** All of it, once the document and its registered frameworks are read. */
  readonly finish: (root: JsonObject, frameworks: ReadonlyMap<number, MesosFramework>) => Ended;
};

/** Of each list the newest are kept: as many as a master keeps (`--max_completed_tasks_per_framework`). */
const MAX_PER_LIST = 1_000;
/** Of a whole state; the lists that come after have to do without. About 20 MiB. */
const MAX_TASKS = 100_000;

export function collectEnded(report: ReportSkipped): EndedCollector {
  const lists = new Map<string, EndedFacts[]>();
  // A few thousand agents run all tasks: their ids are kept once.
  const agentIds = new Map<string, string>();
  let left = MAX_TASKS;

  return {
    add: (path, element) => {
      const facts = readEndedTask(element, report);
      if (!facts) return;
      const key = `${path[0]} ${path[1]}`;
      const list = lists.get(key) ?? [];
      if (list.length === 0) lists.set(key, list);
      const agentId = agentIds.get(facts.agentId) ?? facts.agentId;
      agentIds.set(agentId, agentId);
      // Masters write the oldest first.
      if (list.length === MAX_PER_LIST) list.shift();
      else if (left === 0) return;
      else left--;
      list.push({ id: facts.id, agentId });
    },
    finish: (root, frameworks) => {
      const tasks: EndedTask[] = [];
      const addAll = (list: readonly EndedFacts[], frameworkName: string): void => {
        for (const { id, agentId } of list) tasks.push({ id, agentId, frameworkName });
      };
      for (const [index, framework] of frameworks) {
        addAll(lists.get(`frameworks ${index}`) ?? [], framework.name);
        addAll(
          framework.tasks.filter(({ state }) => isTerminal(state)),
          framework.name,
        );
      }
      const completed: [id: string, name: string][] = [];
      for (const [index, json] of completedFrameworks(root, report).entries()) {
        const name = frameworkName(json, report);
        if (name === undefined) continue;
        completed.push([idOf(json), name]);
        addAll(lists.get(`completed_frameworks ${index}`) ?? [], name);
      }
      const registered = new Map(Array.from(frameworks.values(), ({ id, name }) => [id, name]));
      return { tasks, ...endedFrameworks(completed, registered) };
    },
  };
}

function completedFrameworks(root: JsonObject, report: ReportSkipped): readonly unknown[] {
  return orReported(() => listField(root, 'completed_frameworks'), 'completed frameworks', report) ?? [];
}

function frameworkName(json: unknown, report: ReportSkipped): string | undefined {
  return orReported(() => textField(asObject(json, 'it'), 'name'), 'a completed framework', report);
}

function idOf(json: unknown): string {
  return typeof json === 'object' && json !== null && 'id' in json && typeof json.id === 'string'
    ? json.id
    : '';
}

function orReported<Value>(read: () => Value, what: string, report: ReportSkipped): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report({ reason: 'framework-field', detail: `${what}: ${error.message}` });
    return undefined;
  }
}
