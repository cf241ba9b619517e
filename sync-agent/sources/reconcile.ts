import type { MesosAgent, ReportSkipped } from '../cluster.ts';
import type { Sleep } from '../retry.ts';
import type { ClusterTables } from './cluster-tables.ts';
import type { Drift } from './live.ts';
import { asOperatorError, call, type CallLimits, OperatorError } from './operator-api.ts';
import { readGetState } from './operator-reader.ts';

export type ReconcileOptions = {
  readonly tables: ClusterTables;
  readonly leader: URL;
  readonly limits: CallLimits;
  readonly report: ReportSkipped;
  readonly sleep: Sleep;
  /** How many AGENT_ADDED and AGENT_REMOVED the stream has had. */
  readonly agentEvents: () => number;
};

/** What a look at the master brought. */
export type Reconciled = {
  /** What events should have told and did not. */
  readonly drift: Drift;
  /** The tables say something else than before, drift or not. */
  readonly isChanged: boolean;
};

/** An event may still be on its way for so long when the answer that knows of it is here. */
const EVENTS_LAG_MS = 2_000;
const NONE: Drift = { agents: 0, frameworks: 0, tasks: 0 };

/**
 * Takes over GET_AGENTS: draining, deactivation, and agents of the last leader that are waited for no longer have no
 * event. These are changes, not drift. The answer is passed over if events told of agents while it was under way,
 * which it may not know of; there will be another. Throws `OperatorError`.
 */
export async function reconcileAgents(options: ReconcileOptions): Promise<Reconciled> {
  const { tables, leader, limits, agentEvents } = options;
  return explained(options, async () => {
    const seen = agentEvents();
    const response = await call('GET_AGENTS', leader, limits);
    const answer = await response.json();
    await options.sleep(EVENTS_LAG_MS, limits.signal);
    if (agentEvents() !== seen) return { drift: NONE, isChanged: false };
    const before = tables.state();
    tables.replaceAgents(answer, options.report);
    const after = tables.state();
    const { missed, restated } = compareAgents(before.agents, after.agents);
    const isChanged = missed + restated > 0 || before.recoveringAgents !== after.recoveringAgents;
    return { drift: { ...NONE, agents: missed }, isChanged };
  });
}

/**
 * Compares all that events made of the cluster with GET_STATE, and takes that over. Against the race with events
 * that arrive meanwhile these are kept, from before the request until a little after the answer, and applied to the
 * answer as well: both sides have seen the same events then, and what differs was missed. Throws `OperatorError`.
 */
export async function reconcileState(options: ReconcileOptions): Promise<Reconciled> {
  const { tables, leader, limits } = options;
  return explained(options, async () => {
    const reconcile = tables.beginReconcile();
    try {
      const response = await call('GET_STATE', leader, limits);
      const fresh = await readGetState(response.chunks(), options.report, tables);
      await options.sleep(EVENTS_LAG_MS, limits.signal);
      const before = tables.state();
      const differences = reconcile.finish(fresh);
      if (!differences)
        throw new OperatorError('failed', `too much happened while ${leader.origin} answered`);
      const after = tables.state();
      const { missed, restated } = compareAgents(before.agents, after.agents);
      const drift = { ...differences, agents: missed };
      const isChanged = hasDrift(drift) || restated > 0 || before.recoveringAgents !== after.recoveringAgents;
      return { drift, isChanged };
    } finally {
      reconcile.cancel();
    }
  });
}

export function hasDrift({ agents, frameworks, tasks }: Drift): boolean {
  return agents + frameworks + tasks > 0;
}

async function explained(
  { leader, limits }: ReconcileOptions,
  look: () => Promise<Reconciled>,
): Promise<Reconciled> {
  try {
    return await look();
  } catch (error) {
    limits.signal.throwIfAborted();
    throw asOperatorError(error, leader);
  }
}

/** How many agents one side does not have, or has elsewhere; and how many only stand otherwise. */
function compareAgents(
  before: readonly MesosAgent[],
  after: readonly MesosAgent[],
): { missed: number; restated: number } {
  const known = new Map(before.map((agent) => [agent.id, agent]));
  let missed = 0;
  let restated = 0;
  for (const agent of after) {
    const was = known.get(agent.id);
    known.delete(agent.id);
    if (!was || addressOf(was) !== addressOf(agent)) missed++;
    else if (was.standing !== agent.standing) restated++;
  }
  return { missed: missed + known.size, restated };
}

function addressOf({ endpoint }: MesosAgent): string {
  return endpoint ? `${endpoint.host} ${endpoint.port}` : '';
}
