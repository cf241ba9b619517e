import { FormatError } from '../../zone/format-error.ts';
import type {
  ClusterState,
  Endpoint,
  MesosAgent,
  MesosFramework,
  MesosTask,
  ReportSkipped,
} from '../cluster.ts';
import { collectEnded } from './ended.ts';
import { asObject, type JsonObject, listField, objectField, textField } from './fields.ts';
import { createJsonCutter, type CutRule } from './json-cutter.ts';
import { readAgent, readFramework, readTask } from './mesos-v0.ts';
import { parsePid } from './pid.ts';

/** A master's `/state`, and which master said it. */
export type StateDocument = {
  readonly state: ClusterState;
  /** The endpoint the master gives as its own; undefined where it does not. */
  readonly self: Endpoint | undefined;
};

/** Parts of a state that make no records and can be large. */
const PASSED_OVER = new Set(['unregistered_frameworks', 'orphan_tasks', 'flags']);
const PASSED_OVER_IN_FRAMEWORK = new Set(['unreachable_tasks', 'executors', 'offers', 'completed_executors']);

const ruleAt: CutRule = (path) => {
  const [part, , member] = path;
  if (path.length === 1) {
    if (part === 'slaves' || part === 'recovered_slaves') return 'each';
    return PASSED_OVER.has(String(part)) ? 'skip' : undefined;
  }
  if (path.length !== 3) return undefined;
  if (part === 'frameworks') {
    if (member === 'tasks' || member === 'completed_tasks') return 'each';
    return PASSED_OVER_IN_FRAMEWORK.has(String(member)) ? 'skip' : undefined;
  }
  if (part !== 'completed_frameworks' || member === 'name' || member === 'id') return undefined;
  return member === 'completed_tasks' || member === 'tasks' ? 'each' : 'skip';
};

/**
 * Reads a `/state` as it arrives. Agents and tasks become facts one by one, so the document is never in memory
 * whole. Throws `FormatError` for octets that are no JSON object; elements that can't be read are reported.
 */
export async function readStateDocument(
  chunks: AsyncIterable<Uint8Array>,
  report: ReportSkipped,
): Promise<StateDocument> {
  const agents: MesosAgent[] = [];
  const tasks = new Map<number, MesosTask[]>();
  const ended = collectEnded(report);
  let recoveringAgents = 0;
  const cutter = createJsonCutter(ruleAt, (path, element) => {
    if (path[0] === 'slaves') {
      const agent = readAgent(element, report);
      if (agent) agents.push(agent);
      return;
    }
    if (path[0] === 'recovered_slaves') {
      recoveringAgents++;
      return;
    }
    if (path[0] === 'completed_frameworks' || path[2] === 'completed_tasks') {
      ended.add(path, element);
      return;
    }
    const task = readTask(element, report);
    if (!task) return;
    const framework = Number(path[1]);
    const list = tasks.get(framework);
    if (list) list.push(task);
    else tasks.set(framework, [task]);
  });
  for await (const chunk of chunks) cutter.write(chunk);
  const root = rootObject(cutter.end());
  const frameworks = readFrameworks(root, { tasks, report });
  return {
    state: {
      leader: readLeader(root, report),
      agents,
      frameworks: [...frameworks.values()],
      ended: ended.finish(root, frameworks),
      recoveringAgents,
    },
    self: endpointOf(root, 'pid'),
  };
}

function rootObject(root: unknown): JsonObject {
  if (root === null) throw new FormatError('state', 'is null instead of an object');
  return asObject(root, 'state');
}

/** Frameworks by their place, in order; a list that is none, or an item that can't be read, is reported and passed over. */
function readFrameworks(
  root: JsonObject,
  { tasks, report }: { tasks: ReadonlyMap<number, readonly MesosTask[]>; report: ReportSkipped },
): Map<number, MesosFramework> {
  const frameworks = new Map<number, MesosFramework>();
  for (const [i, json] of listOr(root, 'frameworks', report).entries()) {
    const facts = readFramework(json, report);
    if (!facts) continue;
    // An array of tasks was cut out and stands empty here; anything else is still what the state had.
    const left = asObject(json, 'framework')['tasks'];
    if (left !== undefined && left !== null && !Array.isArray(left)) {
      const detail = `framework ${JSON.stringify(facts.name)} (${facts.id}): tasks are no list`;
      report({ reason: 'framework-field', detail });
    }
    frameworks.set(i, { ...facts, tasks: tasks.get(i) ?? [] });
  }
  const slaves = root['slaves'];
  if (slaves !== undefined && slaves !== null && !Array.isArray(slaves)) {
    report({ reason: 'agent-field', detail: 'slaves are no list' });
  }
  return frameworks;
}

function listOr(root: JsonObject, key: string, report: ReportSkipped): readonly unknown[] {
  try {
    return listField(root, key);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report({ reason: 'framework-field', detail: error.message });
    return [];
  }
}

/** `leader`, or `leader_info.pid` where a later Mesos may have dropped it (it is marked deprecated). */
function readLeader(root: JsonObject, report: ReportSkipped): Endpoint | undefined {
  try {
    const text = textField(root, 'leader') || textField(objectField(root, 'leader_info'), 'pid');
    if (text === '') throw new FormatError('leader', 'is not given');
    const leader = parsePid(text);
    if (leader.host === '' || leader.port === '')
      throw new FormatError(`leader ${JSON.stringify(text)}`, 'lacks host or port');
    return leader;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report({ reason: 'leader', detail: error.message });
    return undefined;
  }
}

function endpointOf(root: JsonObject, key: string): Endpoint | undefined {
  try {
    return parsePid(textField(root, key));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}
