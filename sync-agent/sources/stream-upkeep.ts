import type { ReportSkipped } from '../cluster.ts';
import type { Sleep } from '../retry.ts';
import type { ClusterTables } from './cluster-tables.ts';
import type { Drift } from './live.ts';
import { type CallLimits, type Leader, OperatorError } from './operator-api.ts';
import type { OperatorEvent } from './operator-reader.ts';
import { hasDrift, type Reconciled, reconcileAgents, reconcileState } from './reconcile.ts';
import { askSchedulerEndpoints } from './scheduler-endpoints.ts';
import { within } from './scope.ts';

/** What goes on beside a stream, for what the stream does not tell. */
export type StreamUpkeep = {
  /** Learns the schedulers' endpoints. Gives why it could not, or undefined. Throws the signal's reason alone. */
  readonly learn: () => Promise<string | undefined>;
  /** Takes an event that was applied: frameworks that came or changed, and agents that were lost, are asked about. */
  readonly eventCame: (event: OperatorEvent) => void;
  /** Compares the tables with the master, again and again. Throws `OperatorError` where a new stream is needed. */
  readonly reconcile: () => Promise<never>;
  /** Once the signal has aborted: when all of it is over. */
  readonly over: () => Promise<void>;
};

export type StreamUpkeepOptions = {
  readonly leader: Leader;
  readonly tables: ClusterTables;
  readonly limits: CallLimits;
  readonly report: ReportSkipped;
  readonly reconcileMs: number;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
  /** The tables say something else. */
  readonly onChange: () => void;
  readonly onReconciled: (drift: Drift) => void;
  readonly onUnreconciled: (error: OperatorError, retryInMs: number) => void;
};

const LEARN_LIMIT_MS = 10_000;
const LEARN_AFTER_MS = 1_000;
const LEARN_AGAIN_MS = 10_000;
const LEARN_TRIES = 3;
/** While agents of the last leader are waited for: nothing tells that one is waited for no longer. */
const RECOVERING_LOOK_MS = 30_000;
const LOST_LOOK_AFTER_MS = 5_000;

export function createStreamUpkeep(options: StreamUpkeepOptions): StreamUpkeep {
  const { leader, tables, limits, sleep, random, monotonicMs, reconcileMs } = options;
  const { signal } = limits;
  let agentEvents = 0;
  const reconciling = { ...options, leader: leader.url, agentEvents: (): number => agentEvents };
  let learning: Promise<void> | undefined;
  let looking: Promise<void> | undefined;

  const learn: StreamUpkeep['learn'] = async () => {
    try {
      const endpoints = await within(
        LEARN_LIMIT_MS,
        (signal) => askSchedulerEndpoints(leader.url, { ...limits, signal }, options.report),
        { signal, sleep, late: () => new Error(`${leader.url.origin} took too long to tell`) },
      );
      if (tables.learnFrameworks(endpoints) > 0) options.onChange();
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      return error instanceof Error ? error.message : String(error);
    }
  };
  const learnUnlearned = async (): Promise<void> => {
    for (let tries = 0; tries < LEARN_TRIES && tables.counts().unlearnedFrameworks > 0; tries++) {
      await sleep(tries === 0 ? LEARN_AFTER_MS : LEARN_AGAIN_MS, signal);
      await learn();
    }
  };

  /** One look; gives what it found, or undefined where it could not be made. */
  const look = async (
    how: () => Promise<Reconciled>,
    retryInMs: () => number,
  ): Promise<Drift | undefined> => {
    try {
      const { drift, isChanged } = await how();
      if (isChanged) options.onChange();
      return drift;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof OperatorError)) throw error;
      options.onUnreconciled(error, retryInMs());
      return undefined;
    }
  };
  /** All tasks of an agent are lost together, so this waits until they are told. */
  const lookForLost = async (): Promise<void> => {
    await sleep(LOST_LOOK_AFTER_MS, signal);
    await look(
      () => reconcileAgents(reconciling),
      () => reconcileMs,
    );
  };
  const lookAtAll = async (): Promise<Reconciled> => {
    const agents = await reconcileAgents(reconciling);
    if (agents.isChanged) options.onChange();
    const state = await reconcileState(reconciling);
    const drift = { ...state.drift, agents: agents.drift.agents + state.drift.agents };
    return { drift, isChanged: state.isChanged };
  };

  return {
    learn,
    eventCame: ({ type, isAgentLost }) => {
      if (type.startsWith('AGENT_')) agentEvents++;
      if (isAgentLost) {
        looking ??= lookForLost()
          .catch(() => undefined)
          .finally(() => {
            looking = undefined;
          });
      }
      if (!type.startsWith('FRAMEWORK_') || tables.counts().unlearnedFrameworks === 0) return;
      learning ??= learnUnlearned()
        .catch(() => undefined)
        .finally(() => {
          learning = undefined;
        });
    },
    reconcile: async () => {
      let drifted = false;
      const nextMs = (): number => monotonicMs() + reconcileMs * (0.9 + 0.2 * random());
      for (let dueMs = nextMs(); ;) {
        const leftMs = Math.max(0, dueMs - monotonicMs());
        const isRecovering = tables.counts().recoveringAgents > 0;
        if (isRecovering && leftMs > RECOVERING_LOOK_MS) {
          await sleep(RECOVERING_LOOK_MS, signal);
          await look(
            () => reconcileAgents(reconciling),
            () => RECOVERING_LOOK_MS,
          );
          continue;
        }
        await sleep(leftMs, signal);
        const sawNothing = tables.counts().frameworks === 0;
        dueMs = nextMs();
        const drift = await look(lookAtAll, () => dueMs - monotonicMs());
        if (!drift) continue;
        options.onReconciled(drift);
        const drifts = hasDrift(drift);
        // Masters read what a principal may view once a subscription (MESOS-10056): new rights need a new one.
        if (drifts && sawNothing)
          throw new OperatorError('failed', anew(leader, 'does not tell all there is'));
        if (drifts && drifted) throw new OperatorError('failed', anew(leader, 'missed events twice running'));
        drifted = drifts;
      }
    },
    over: async () => {
      await Promise.all([learning, looking]);
    },
  };
}

function anew({ url }: Leader, what: string): string {
  return `the stream of ${url.origin} ${what}: it is begun anew`;
}
