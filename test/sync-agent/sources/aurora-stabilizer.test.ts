import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Announced, createStabilizer } from '../../../sync-agent/sources/aurora-stabilizer.ts';

const key = { role: 'r', environment: 'e', job: 'j' };
const announced = (id: string, shard?: number): Announced => ({
  id,
  key,
  member: { name: id, shard, primary: { host: 'h', port: 1, addresses: [] }, additional: [] },
});
const seen = (present: readonly Announced[], leaving: readonly string[] = []) => ({
  present: new Map(present.map((each) => [each.id, each])),
  leaving: new Set(leaving),
});
const ids = ({ announced: all }: { announced: readonly Announced[] }): string[] => all.map(({ id }) => id);

describe('removals', () => {
  const a = announced('a', 0);
  const b = announced('b', 1);

  it('wait for one window, and are taken back by a return', () => {
    const stabilizer = createStabilizer(10_000);
    stabilizer.update(seen([a, b]), 0);
    expect(stabilizer.update(seen([b]), 1_000)).toMatchObject({ nextMs: 11_000 });
    expect(ids(stabilizer.update(seen([b]), 10_999))).toEqual(['b', 'a']);
    expect(ids(stabilizer.update(seen([a, b]), 10_999))).toEqual(['a', 'b']);
    // The window begins anew.
    expect(stabilizer.update(seen([b]), 12_000)).toMatchObject({ nextMs: 22_000 });
    expect(ids(stabilizer.update(seen([b]), 21_999))).toContain('a');
    const after = stabilizer.update(seen([b]), 22_000);
    expect([ids(after), after.nextMs]).toEqual([['b'], undefined]);
  });

  it('are at once where the member said so, where its instance is elsewhere, and without a window', () => {
    const stabilizer = createStabilizer(10_000);
    stabilizer.update(seen([a, b]), 0);
    expect(ids(stabilizer.update(seen([b], ['a']), 1))).toEqual(['b']);
    expect(ids(stabilizer.update(seen([announced('c', 1)]), 2))).toEqual(['c']);
    const hasty = createStabilizer(0);
    hasty.update(seen([a]), 0);
    expect(ids(hasty.update(seen([]), 0))).toEqual([]);
  });

  it('of members without a number wait, whoever else comes', () => {
    const stabilizer = createStabilizer(10_000);
    stabilizer.update(seen([announced('a')]), 0);
    expect(ids(stabilizer.update(seen([announced('b')]), 1))).toEqual(['b', 'a']);
  });

  it('wait over a restart too', () => {
    const stabilizer = createStabilizer(10_000, [a, b]);
    expect(ids(stabilizer.update(seen([b]), 500))).toEqual(['b', 'a']);
    expect(ids(stabilizer.update(seen([b]), 10_500))).toEqual(['b']);
  });

  it('never keep anything for longer, and additions come at once, whatever comes and goes', () => {
    const looks = fc.array(fc.tuple(fc.subarray(['a', 'b', 'c', 'd']), fc.nat(6_000)), { maxLength: 20 });
    fc.assert(
      fc.property(looks, (all) => {
        const stabilizer = createStabilizer(10_000);
        const goneSinceMs = new Map<string, number>();
        let before: readonly string[] = [];
        let atMs = 0;
        for (const [present, passedMs] of all) {
          atMs += passedMs;
          for (const id of before) if (!goneSinceMs.has(id)) goneSinceMs.set(id, atMs);
          for (const id of present) goneSinceMs.delete(id);
          const held = before.filter(
            (id) => !present.includes(id) && atMs - (goneSinceMs.get(id) ?? 0) < 10_000,
          );
          const given = ids(stabilizer.update(seen(present.map((id) => announced(id))), atMs));
          expect(given.toSorted()).toEqual([...present, ...held].toSorted());
          for (const id of goneSinceMs.keys()) if (!given.includes(id)) goneSinceMs.delete(id);
          before = given;
        }
      }),
    );
  });
});
