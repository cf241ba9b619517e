import { describe, expect, it } from 'vitest';
import { churnOf } from '../../worker/churn.ts';
import { type Churn, countInto, startChurn } from '../../zone/churn.ts';
import { nameToWire, parseName } from '../../zone/name.ts';
import { buildSnapshot, createSigningKey } from './publish-to-kv.ts';

/** Within a half hour, not at its start. */
const NOW = 1_750_000_000;
const THIS_HALF_HOUR = 1_749_999_600;
const { body } = await buildSnapshot({ rrsets: [], key: await createSigningKey() });
const held = (churn: Churn): Parameters<typeof churnOf>[0] => ({ body: { ...body, churn } });

describe('the churn of a zone', () => {
  it('is the last 48 half hours, those without changes too', () => {
    let counted = startChurn(NOW - 100_000);
    for (const [ago, added] of [
      [50, 1],
      [48, 2],
      [47, 3],
      [1, 4],
      [0, 5],
    ] as const)
      counted = countInto(counted, { added, changed: 10 * added, gone: 0 }, NOW - ago * 1800);
    // What the agent keeps till it counts again.
    counted = {
      ...counted,
      halfHours: [{ startSeconds: 1800, added: 9, changed: 9, gone: 9 }, ...counted.halfHours],
    };
    const churn = churnOf(held(counted), NOW, {});
    expect(churn?.sinceSeconds).toBe(NOW - 100_000);
    expect(churn?.stepSeconds).toBe(1800);
    expect(churn?.halfHours.map(({ startSeconds }) => (startSeconds - THIS_HALF_HOUR) / 1800)).toEqual(
      Array.from({ length: 48 }, (_, i) => i - 47),
    );
    const added = Array.from({ length: 48 }, (_, i) => ({ 0: 3, 46: 4, 47: 5 })[i] ?? 0);
    expect(churn?.halfHours.map((each) => each.added)).toEqual(added);
    expect(churn?.halfHours.map((each) => each.changed)).toEqual(added.map((count) => 10 * count));
    expect(churn?.halfHours.every(({ gone }) => gone === 0)).toBe(true);
  });

  it('moves on with the clock though the head stays', () => {
    const counted = countInto(startChurn(NOW), { added: 1, changed: 0, gone: 0 }, NOW);
    const at = (seconds: number): number | undefined =>
      churnOf(held(counted), seconds, {})?.halfHours.findIndex(({ added }) => added === 1);
    expect([NOW, NOW + 3600.5, NOW + 47 * 1800, NOW + 48 * 1800].map(at)).toEqual([47, 45, 0, -1]);
  });

  it('is unknown where the agent counts none, and not for a view of some names', () => {
    expect(churnOf({ body }, NOW, {})).toBeUndefined();
    const subtrees = [nameToWire(parseName('marathon.mesos'))];
    expect(churnOf(held(startChurn(NOW)), NOW, { subtrees })).toBeUndefined();
    expect(churnOf(held(startChurn(NOW)), NOW, { subtrees: undefined })?.halfHours).toHaveLength(48);
  });
});
