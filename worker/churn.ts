import { type HalfHour, HALF_HOUR_SECONDS, halfHourOf, MOST_HALF_HOURS } from '../zone/churn.ts';
import type { ViewedZone } from './access/find-visible.ts';
import type { Held } from './snapshot/held.ts';

/** How much of a zone changed over the last day, in counts of owner names. */
export type ChurnOfZone = {
  readonly stepSeconds: number;
  /** All 48 half hours of the last day, oldest first; the last one is not over yet. */
  readonly halfHours: readonly HalfHour[];
  /** Unix time since which changes are counted: before it there are zeros, and nothing is known. */
  readonly sinceSeconds: number;
};

/**
 * The churn that the agent counted, up to now. Undefined where it counts none (an older agent), and for a view that
 * does not have the whole zone: how much changes elsewhere is not for it.
 */
export function churnOf(
  { body }: Pick<Held, 'body'>,
  nowSeconds: number,
  { subtrees }: Pick<ViewedZone, 'subtrees'>,
): ChurnOfZone | undefined {
  const { churn } = body;
  if (!churn || subtrees) return undefined;
  const byStart = new Map(churn.halfHours.map((each) => [each.startSeconds, each]));
  const first = halfHourOf(nowSeconds) - (MOST_HALF_HOURS - 1) * HALF_HOUR_SECONDS;
  const halfHours = Array.from({ length: MOST_HALF_HOURS }, (_, i) => {
    const startSeconds = first + i * HALF_HOUR_SECONDS;
    return byStart.get(startSeconds) ?? { startSeconds, added: 0, changed: 0, gone: 0 };
  });
  return { stepSeconds: HALF_HOUR_SECONDS, halfHours, sinceSeconds: churn.sinceSeconds };
}
