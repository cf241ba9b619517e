import { FormatError } from '../../zone/format-error.ts';
import type { ReportSkipped } from '../cluster.ts';
import { type JsonObject, objectField } from './fields.ts';
import { isTerminal } from './mesos-v0.ts';
import {
  idField,
  readAgentV1,
  readFrameworkV1,
  readTaskUpdate,
  readTaskV1,
  type StatusFacts,
  type TaskEntry,
  taskIn,
  type TaskUpdate,
} from './mesos-v1.ts';
import { sameFacts } from '../same-facts.ts';
import { likeBefore } from './snapshot-taker.ts';
import { endFramework, putAgent, putTask, removeAgent, type Tables } from './tables.ts';

/** `unknown-task`: an update of a task that was never told. */
export type EventEffect = 'changed' | 'unchanged' | 'unknown-task';
type EventRule = (tables: Tables, event: JsonObject, report: ReportSkipped) => EventEffect;

/** What each event does to the tables (Mesos `include/mesos/v1/master/master.proto`, Event). */
export const EVENT_RULES: ReadonlyMap<string, EventRule> = new Map<string, EventRule>([
  ['TASK_ADDED', addTask],
  ['TASK_UPDATED', updateTask],
  ['AGENT_ADDED', addAgent],
  ['AGENT_REMOVED', dropAgent],
  ['FRAMEWORK_ADDED', (tables, event, report) => putFramework(tables, event['framework_added'], report)],
  ['FRAMEWORK_UPDATED', (tables, event, report) => putFramework(tables, event['framework_updated'], report)],
  ['FRAMEWORK_REMOVED', dropFramework],
]);

/** Of one task, the newest; hardly any has more than five. */
const MAX_STATUSES = 32;

/** Comes for tasks of agents that came back too: then the task may have been there, or ended. */
function addTask(tables: Tables, event: JsonObject, report: ReportSkipped): EventEffect {
  const read = readTaskV1(memberOf(event, 'task_added', 'task'), report);
  if (!read) return 'unchanged';
  const entry = likeBefore(read, tables);
  const isSame = tables.tasks.get(entry.frameworkId, entry.task.id)?.task === entry.task;
  putTask(tables, entry, report);
  return isSame ? 'unchanged' : 'changed';
}

function updateTask(tables: Tables, event: JsonObject, report: ReportSkipped): EventEffect {
  const update = readTaskUpdate(event['task_updated'], report);
  if (!update) return 'unchanged';
  const { frameworkId, taskId, agentId, state } = update;
  const before = tables.tasks.get(frameworkId, taskId);
  if (!before) {
    if (!isTerminal(state) || agentId === '') return 'unknown-task';
    tables.ended.addTask(frameworkId, { id: taskId, agentId });
    return 'changed';
  }
  const entry = likeBefore(updated(before, update), tables);
  putTask(tables, entry, report);
  return entry.task === before.task ? 'unchanged' : 'changed';
}

function updated(before: TaskEntry, { state, status }: TaskUpdate): TaskEntry {
  const statuses = status ? withStatus(before.statuses, status) : before.statuses;
  return { ...before, statuses, task: taskIn(state, { ...before, statuses }) };
}

/** As masters keep them: a status that says what the last one said takes its place. */
function withStatus(statuses: readonly StatusFacts[], status: StatusFacts): readonly StatusFacts[] {
  const kept = statuses.at(-1)?.state === status.state ? statuses.slice(0, -1) : statuses;
  return [...kept, status].slice(-MAX_STATUSES);
}

function addAgent(tables: Tables, event: JsonObject, report: ReportSkipped): EventEffect {
  const agent = readAgentV1(memberOf(event, 'agent_added', 'agent'), report);
  if (!agent) return 'unchanged';
  const before = tables.agents.get(agent.id);
  if (before && sameFacts(before, agent)) return 'unchanged';
  putAgent(tables, agent);
  return 'changed';
}

function dropAgent(tables: Tables, event: JsonObject, report: ReportSkipped): EventEffect {
  try {
    return removeAgent(tables, idField(objectField(event, 'agent_removed'), 'agent_id'))
      ? 'changed'
      : 'unchanged';
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report({ reason: 'agent-field', detail: `agent_removed: ${error.message}` });
    return 'unchanged';
  }
}

function putFramework(tables: Tables, body: unknown, report: ReportSkipped): EventEffect {
  const facts = readFrameworkV1(memberOf({ body }, 'body', 'framework'), report);
  if (!facts) return 'unchanged';
  tables.unlearned.add(facts.id);
  tables.ended.forgetFramework(facts.id);
  const before = tables.frameworks.get(facts.id);
  if (before && sameFacts(before, facts)) return 'unchanged';
  tables.frameworks.set(facts.id, facts);
  return 'changed';
}

function dropFramework(tables: Tables, event: JsonObject, report: ReportSkipped): EventEffect {
  const facts = readFrameworkV1(event['framework_removed'], report);
  if (!facts) return 'unchanged';
  endFramework(tables, facts);
  return 'changed';
}

/** What an event holds; undefined, which no reader takes, where there is none. */
function memberOf(event: JsonObject, body: string, member: string): unknown {
  const value = event[body];
  return typeof value === 'object' && value !== null ? (value as JsonObject)[member] : undefined;
}
