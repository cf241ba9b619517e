import { isExisting } from '../../zone/answer.ts';
import { entryName } from '../../zone/entry.ts';
import { compareOctets, hashName } from '../../zone/hash.ts';
import { findInLevels, type Levels, liveEntries } from '../../zone/levels.ts';
import { octetsKey } from '../../zone/octets.ts';
import { wildcardParent } from '../../zone/wildcard.ts';

/** A head has room for its other facts beside so many octets of parents; wildcards below further ones answer nothing. */
const MOST_OCTETS = 2 * 1024;

/**
 * The parents of the wildcards in `levels` (`zone/wildcard.ts`), in canonical order and as many as there is room for.
 * With `before`, which are those of the levels before, only the names that changed are looked at; else all.
 */
export function wildcardsIn(
  levels: Levels,
  before?: { readonly parents: readonly Uint8Array[]; readonly changed: readonly Uint8Array[] },
): readonly Uint8Array[] {
  const parents = new Map<string, Uint8Array>();
  for (const parent of before?.parents ?? []) parents.set(octetsKey(parent), parent);
  for (const name of before?.changed ?? allNames(levels)) {
    const parent = wildcardParent(name);
    if (!parent) continue;
    const entry = findInLevels(levels, name, hashName(name, levels.table.seed));
    if (isExisting(entry)) parents.set(octetsKey(parent), parent.slice());
    else parents.delete(octetsKey(parent));
  }
  let left = MOST_OCTETS;
  return [...parents.values()].toSorted(compareOctets).filter(({ length }) => (left -= length) >= 0);
}

function* allNames(levels: Levels): Generator<Uint8Array> {
  for (const entry of liveEntries(levels)) yield entryName(entry);
}
