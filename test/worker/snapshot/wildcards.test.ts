import { expect, it } from 'vitest';
import { emptyEntry } from '../../../zone/visible.ts';
import { nameFromWire, nameToWire, parseName } from '../../../zone/name.ts';
import type { Held } from '../../../worker/snapshot/held.ts';
import { findOrWildcard } from '../../../worker/snapshot/wildcards.ts';

const wire = (name: string): Uint8Array => nameToWire(parseName(name));
const held = { body: { wildcards: [wire('mesos')] } } as unknown as Held;
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
