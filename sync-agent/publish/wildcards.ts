import { isExisting } from '../../zone/answer.ts';
import { entryName } from '../../zone/entry.ts';
import { compareOctets, hashName } from '../../zone/hash.ts';
import { findInLevels, type Levels, liveEntries } from '../../zone/levels.ts';
import { octetsKey } from '../../zone/octets.ts';
import { wildcardParent, type Wildcards } from '../../zone/wildcard.ts';

/** A head has room for its other facts beside so many octets of parents; more are not listed. */
const MOST_OCTETS = 2 * 1024;

type Before = { readonly wildcards: Wildcards | undefined; readonly changed: readonly Uint8Array[] };

/**
 * The parents of the wildcards in `levels` (`zone/wildcard.ts`), in canonical order; undefined for none. With
 * `before`, which are those of the levels before, only the names that changed are looked at; else all.
 */
export function wildcardsIn(levels: Levels, before?: Before): Wildcards | undefined {
  if (before?.wildcards === 'unlisted' && !before.changed.some((name) => wildcardParent(name)))
    return 'unlisted';
  const known = before?.wildcards === 'unlisted' ? undefined : before;
  const parents = new Map<string, Uint8Array>();
  if (known && known.wildcards !== 'unlisted')
    for (const parent of known.wildcards ?? []) parents.set(octetsKey(parent), parent);
  for (const name of known?.changed ?? allNames(levels)) {
    const parent = wildcardParent(name);
    if (!parent) continue;
    const entry = findInLevels(levels, name, hashName(name, levels.table.seed));
    if (isExisting(entry)) parents.set(octetsKey(parent), parent.slice());
    else parents.delete(octetsKey(parent));
  }
  let octets = 0;
  for (const { length } of parents.values()) octets += length;
  if (octets === 0) return undefined;
  return octets > MOST_OCTETS ? 'unlisted' : [...parents.values()].toSorted(compareOctets);
}

function* allNames(levels: Levels): Generator<Uint8Array> {
  for (const entry of liveEntries(levels)) yield entryName(entry);
}
