import { FormatError } from '../../zone/format-error.ts';
import type { ReportSkipped } from '../cluster.ts';
import { countDifferences } from './compare-states.ts';
import { asObject, type JsonObject, listField } from './fields.ts';
import {
  readAgentId,
  readAgentV1,
  readEndedV1,
  readFrameworkV1,
  readTaskV1,
  type TaskEntry,
} from './mesos-v1.ts';
import { sameFacts } from '../same-facts.ts';
import { createTables, putAgent, putTask, type Tables } from './tables.ts';

/** Lists of a whole state by the member of `get_state` they stand in. All else in it makes no records. */
export const SNAPSHOT_PARTS = {
  get_agents: ['agents', 'recovered_agents'],
  get_frameworks: ['frameworks', 'completed_frameworks'],
  get_tasks: ['tasks', 'unreachable_tasks', 'completed_tasks'],
} as const;
export type SnapshotPart = (typeof SNAPSHOT_PARTS)[keyof typeof SNAPSHOT_PARTS][number];

/** Makes tables of a whole state, whose elements come in any order. */
export type SnapshotTaker = {
  readonly take: (part: SnapshotPart, element: unknown) => void;
  /** Takes what `getState` still has. Throws `FormatError` where that is no state. */
  readonly finish: (getState: unknown) => Tables;
};

/**
 * Facts that `like` has too are the same objects; what it knows of ended tasks and schedulers goes on. `like` itself
 * stays as it is.
 */
export function createSnapshotTaker(like: Tables, report: ReportSkipped): SnapshotTaker {
  const next = createTables(like.ended.copy());
  // Their frameworks may come after them.
  const early: TaskEntry[] = [];

  const take: SnapshotTaker['take'] = (part, element) => {
    if (part === 'agents') takeAgent(next, element, { like, report });
    else if (part === 'recovered_agents') takeRecovering(next, element, report);
    else if (part === 'frameworks') takeFramework(next, element, { like, report });
    else if (part === 'completed_frameworks') {
      const framework = readFrameworkV1(element, report);
      if (framework) next.ended.addFramework(framework.id, framework.name);
    } else if (part === 'completed_tasks') {
      const ended = readEndedV1(element, report);
      if (ended) next.ended.addTask(ended.frameworkId, ended);
    } else {
      const entry = readTaskV1(element, report);
      if (entry) early.push(likeBefore(entry, like));
    }
  };
  return {
    take,
    finish: (getState) => {
      const state = asPart(getState, 'get_state');
      for (const [member, parts] of Object.entries(SNAPSHOT_PARTS)) {
        const group = asPart(state[member], member);
        for (const part of parts) for (const element of listField(group, part)) take(part, element);
      }
      for (const entry of early) putTask(next, entry, report);
      for (const id of next.frameworks.keys()) {
        next.ended.forgetFramework(id);
        if (like.learned.has(id)) next.learned.set(id, like.learned.get(id));
        if (!like.learned.has(id) || like.unlearned.has(id)) next.unlearned.add(id);
      }
      return next;
    },
  };
}

/** Agents as GET_AGENTS has them, in the place of those there were. Gives how many differ. */
export function replaceAgents(tables: Tables, getAgents: JsonObject, report: ReportSkipped): number {
  const next = createTables();
  for (const element of listField(getAgents, 'agents')) takeAgent(next, element, { like: tables, report });
  for (const element of listField(getAgents, 'recovered_agents')) takeRecovering(next, element, report);
  const differences = countDifferences(tables.agents, next.agents, sameFacts);
  tables.agents.clear();
  tables.recovering.clear();
  for (const agent of next.agents.values()) tables.agents.set(agent.id, agent);
  for (const id of next.recovering) tables.recovering.add(id);
  if (differences > 0) tables.agentList = undefined;
  return differences;
}

type Taking = { readonly like: Tables; readonly report: ReportSkipped };

function takeAgent(next: Tables, element: unknown, { like, report }: Taking): void {
  const agent = readAgentV1(element, report);
  if (!agent) return;
  const before = like.agents.get(agent.id);
  putAgent(next, before && sameFacts(before, agent) ? before : agent);
}

function takeRecovering(next: Tables, element: unknown, report: ReportSkipped): void {
  const id = readAgentId(element, report);
  if (id !== undefined && !next.agents.has(id)) next.recovering.add(id);
}

function takeFramework(next: Tables, element: unknown, { like, report }: Taking): void {
  const facts = readFrameworkV1(element, report);
  if (!facts) return;
  const before = like.frameworks.get(facts.id);
  next.frameworks.set(facts.id, before && sameFacts(before, facts) ? before : facts);
}

/** What was there before, as far as it says the same: all of it, or at least the task. */
export function likeBefore(entry: TaskEntry, { tasks }: Tables): TaskEntry {
  const before = tasks.get(entry.frameworkId, entry.task.id);
  if (!before || !sameFacts(before.task, entry.task)) return entry;
  return sameFacts(before, entry) ? before : { ...entry, task: before.task };
}

/** A part of the state, which masters always write; without it nothing is known, which is not nothing there. */
function asPart(value: unknown, what: string): JsonObject {
  if (value === undefined || value === null) throw new FormatError('state', `has no ${what}`);
  return asObject(value, what);
}
