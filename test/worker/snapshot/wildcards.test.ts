import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wildcardParent, type Wildcards } from '../../../zone/wildcard.ts';
import { entryName } from '../../../zone/entry.ts';
import { emptyEntry } from '../../../zone/visible.ts';
import { nameFromWire, nameToWire, parseName } from '../../../zone/name.ts';
import type { Held } from '../../../worker/snapshot/held.ts';
import { findOrWildcard } from '../../../worker/snapshot/wildcards.ts';

const wire = (name: string): Uint8Array => nameToWire(parseName(name));
const heldWith = (wildcards: Wildcards): Held =>
  ({ zone: { origin: wire('mesos') }, body: { wildcards } }) as unknown as Held;
const held = heldWith([wire('mesos')]);
const has = (name: string) => ({ kind: 'found', held, entry: emptyEntry(wire(name)) }) as const;
const lacks = { kind: 'found', held, entry: undefined } as const;
const unavailable = { kind: 'unavailable' } as const;

it.each([
  ['the name', 'a.b.mesos', 'a.b.mesos'],
  ['the name that would be in the way', 'a.b.mesos', 'b.mesos'],
  ['the wildcard', 'a.b.mesos', '*.mesos'],
])('says nothing of a name where %s can not be read', async (_, name, broken) => {
  for (const isLate of [false, true]) {
    const outcome = await findOrWildcard<typeof lacks | typeof unavailable | ReturnType<typeof has>>(
      wire(name),
      (asked) => {
        const text = nameFromWire(asked);
        const found = text === broken ? unavailable : text === '*.mesos' ? has(text) : lacks;
        return isLate ? Promise.resolve(found) : found;
      },
    );
    expect(outcome).toBe(unavailable);
  }
});

it('finds the same whether the head lists the wildcards or has too many of them', async () => {
  const label = fc.constantFrom('a', 'b', '*', 'aa');
  const name = fc.array(label, { maxLength: 5 }).map((labels) => [...labels, 'mesos'].join('.'));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 8 }),
      name,
      fc.boolean(),
      async (owners, asked, isLate) => {
        const exists = new Set(['mesos', ...owners.flatMap((owner) => withAncestors(owner))]);
        const parents = [...exists].flatMap((each) => wildcardParent(wire(each)) ?? []);
        const lookedUp: string[] = [];
        const answering = async (wildcards: Wildcards): Promise<string> => {
          const from = heldWith(wildcards);
          const outcome = await findOrWildcard(wire(asked), (each) => {
            const text = nameFromWire(each);
            lookedUp.push(text);
            const entry = exists.has(text) ? emptyEntry(each) : undefined;
            const found = { kind: 'found', held: from, entry } as const;
            return isLate ? Promise.resolve(found) : found;
          });
          return outcome.entry ? nameFromWire(entryName(outcome.entry)) : 'nothing';
        };
        const listed = await answering(parents);
        lookedUp.length = 0;
        expect(await answering('unlisted')).toBe(listed);
        // The name itself, the way to its closest encloser by halves, the wildcard.
        const levels = withAncestors(asked).length - 1;
        expect(lookedUp.length).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(Math.max(1, levels))));
      },
    ),
    { numRuns: 1_000 },
  );
});

it('looks for no wildcard of a name outside the zone, such as stands for a hidden one', async () => {
  const asked: string[] = [];
  await findOrWildcard(wire('web.elsewhere'), (each) => {
    asked.push(nameFromWire(each));
    return { kind: 'found', held: heldWith('unlisted'), entry: undefined } as const;
  });
  expect(asked).toEqual(['web.elsewhere']);
});

/** The name and all above it, down to the origin. */
function withAncestors(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, i) => labels.slice(i).join('.'));
}
