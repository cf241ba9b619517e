import { asOperatorError, findLeader, hasStream, type Leader, OperatorError } from './operator-api.ts';
import type { OperatorEvent } from './operator-reader.ts';
import { openScope } from './scope.ts';
import { createStreamUpkeep, type StreamUpkeepOptions } from './stream-upkeep.ts';
import { subscribe, type SubscriptionOptions } from './subscription.ts';

export type LiveStreamOptions = Omit<StreamUpkeepOptions, 'leader' | 'limits'> &
  Pick<SubscriptionOptions, 'http' | 'timeoutMs' | 'maxOctets' | 'onArrival'> & {
    /** Who leads is known, and asked for the stream. */
    readonly onLeader: (leader: Leader) => void;
    /** The tables are whole, and up to date from now on. `lacking` says what they have to do without. */
    readonly onReady: (leader: Leader, lacking: string | undefined) => void;
    readonly onEvent: (event: OperatorEvent) => void;
  };

/** For calls with small answers, so that a master that hangs does not hold up asking the next. */
const SMALL_CALL_MS = 10_000;

/**
 * One stream from finding the leader to its end: version, subscription, schedulers' endpoints, reconciling. Never
 * returns but throws the signal's reason, or `OperatorError` saying why it ended; nothing of it goes on then.
 */
export async function runLiveStream(
  candidates: readonly URL[],
  options: LiveStreamOptions,
  signal: AbortSignal,
): Promise<never> {
  const { http, timeoutMs, maxOctets, tables } = options;
  const small = { http, signal, timeoutMs: Math.min(timeoutMs, SMALL_CALL_MS), maxOctets };
  const leader = await findLeader(candidates, small);
  const { url, version } = leader;
  options.onLeader(leader);
  if (!hasStream(version)) {
    throw new OperatorError(
      'refused',
      `${url.origin} runs Mesos ${version}, whose stream can't be relied on: that begins with 1.5`,
    );
  }
  const life = openScope(signal);
  const limits = { http, signal: life.signal, timeoutMs, maxOctets };
  const upkeep = createStreamUpkeep({ ...options, leader, limits });
  const keepUp = async (): Promise<void> => {
    try {
      options.onReady(leader, await upkeep.learn());
      await upkeep.reconcile();
    } catch (error) {
      life.end(error);
    }
  };
  let keeping: Promise<void> | undefined;
  let isChanged = false;
  const onEvent = (event: OperatorEvent): void => {
    options.onEvent(event);
    isChanged ||= event.effect === 'changed' || event.effect === 'subscribed';
    if (event.effect === 'subscribed') {
      tables.setLeader(leader.endpoint);
      keeping ??= keepUp();
    } else upkeep.eventCame(event);
  };
  const onArrival = (): void => {
    options.onArrival();
    if (isChanged) options.onChange();
    isChanged = false;
  };
  try {
    return await subscribe({ ...options, url, onEvent, onArrival }, life.signal);
  } catch (error) {
    signal.throwIfAborted();
    throw asOperatorError(error, url);
  } finally {
    life.end();
    await Promise.all([keeping, upkeep.over()]);
  }
}
