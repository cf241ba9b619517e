import { isExisting } from '../../zone/answer.ts';
import type { Entry } from '../../zone/entry.ts';
import { isAtOrBelow } from '../../zone/name.ts';
import { emptyEntry, standingOf } from '../../zone/visible.ts';
import { matchWildcard, wildcardBelow } from '../../zone/wildcard.ts';
import type { Held } from './held.ts';

/** What of a look-up's outcome matters here. */
type Outcome =
  | { readonly kind: 'found'; readonly held: Held; readonly entry: Entry | undefined }
  | { readonly kind: 'unavailable' };

/** Looks up one name as it is. */
type Find<Found extends Outcome> = (name: Uint8Array) => Found | Promise<Found>;

/**
 * A look-up in a zone that has wildcards: a name that does not exist gets the entry of the wildcard that stands for
 * it. With a view's `subtrees` that is the wildcard of a zone in which names that the view has not never were, but
 * for those above its subtrees, which exist whatever there is: neither the outcome nor which names are looked up
 * depends on a hidden one.
 */
export function findOrWildcard<Found extends Outcome>(
  name: Uint8Array,
  find: Find<Found>,
  subtrees?: readonly Uint8Array[],
): Found | Promise<Found> {
  return after(find(name), (found) => {
    if (found.kind === 'unavailable' || isExisting(found.entry)) return found;
    const { body, zone } = found.held;
    const { origin } = zone;
    if (name.length <= origin.length || !isAtOrBelow(name, origin)) return found;
    const above = subtrees ? aboveWidest(name, { origin, subtrees }) : origin;
    if (!above) return found;
    const standing = standingOf(wildcardBelow(above), { origin, subtrees });
    const findWildcard = (owner: Uint8Array): Found | Promise<Found> => {
      if (standing === 'visible' || owner.length > above.length + 2) return find(owner);
      return standing === 'above' ? { ...found, entry: emptyEntry(owner) } : found;
    };
    const { wildcards = [] } = body;
    if (wildcards === 'unlisted') return findUnlisted(name, { find, above, findWildcard });
    const listed = subtrees ? wildcards.filter((parent) => isAtOrBelow(parent, above)) : wildcards;
    const match = matchWildcard(standing === 'above' ? [...listed, above] : listed, name);
    if (!match || (standing === 'hidden' && match.owner.length === above.length + 2)) return found;
    if (match.below.length === name.length) return findWildcard(match.owner);
    return after(find(match.below), (below) => {
      if (below.kind === 'unavailable') return below;
      return isExisting(below.entry) ? found : findWildcard(match.owner);
    });
  });
}

/**
 * What is right above the widest of the subtrees that a name is in: of that, and of nothing further up, the view says
 * whether it exists, and what is below it on the way to the name is in sight. Undefined for a name in none.
 */
function aboveWidest(
  name: Uint8Array,
  { origin, subtrees }: { readonly origin: Uint8Array; readonly subtrees: readonly Uint8Array[] },
): Uint8Array | undefined {
  let widest: Uint8Array | undefined;
  for (const subtree of subtrees)
    if (isAtOrBelow(name, subtree) && !(widest && widest.length <= subtree.length)) widest = subtree;
  if (!widest) return undefined;
  return widest.length > origin.length ? widest.subarray(1 + (widest[0] ?? 0)) : origin;
}

/**
 * Finds the closest encloser of a name that does not exist (RFC 4592 §3.3.1) and looks whether that has a wildcard.
 * `above` exists. What is above a name that exists exists too, so each look-up halves the way between: of a name of
 * 127 labels 7 are looked up, and the wildcard.
 */
function findUnlisted<Found extends Outcome>(
  name: Uint8Array,
  { find, above, findWildcard }: { find: Find<Found>; above: Uint8Array; findWildcard: Find<Found> },
): Found | Promise<Found> {
  const starts = [0];
  for (let at = 0; at < name.length - above.length; starts.push(at)) at += 1 + (name[at] ?? 0);
  const narrow = (missing: number, existing: number): Found | Promise<Found> => {
    if (existing - missing <= 1) return findWildcard(wildcardBelow(name.subarray(starts[existing])));
    const middle = (missing + existing) >> 1;
    return after(find(name.subarray(starts[middle])), (found) => {
      if (found.kind === 'unavailable') return found;
      return isExisting(found.entry) ? narrow(missing, middle) : narrow(middle, existing);
    });
  };
  return narrow(0, starts.length - 1);
}

function after<Found>(
  found: Found | Promise<Found>,
  next: (found: Found) => Found | Promise<Found>,
): Found | Promise<Found> {
  return found instanceof Promise ? found.then(next) : next(found);
}
