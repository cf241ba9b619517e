import { isExisting } from '../../zone/answer.ts';
import type { Entry } from '../../zone/entry.ts';
import { isAtOrBelow } from '../../zone/name.ts';
import { matchWildcard, nextBelow, wildcardBelow } from '../../zone/wildcard.ts';
import type { Held } from './held.ts';

/** What of a look-up's outcome matters here. */
type Outcome =
  | { readonly kind: 'found'; readonly held: Held; readonly entry: Entry | undefined }
  | { readonly kind: 'unavailable' };

/**
 * A look-up in a zone that has wildcards: a name that does not exist gets the entry of the wildcard that stands for
 * it. `find` looks up one name as it is.
 */
export function findOrWildcard<Found extends Outcome>(
  name: Uint8Array,
  find: (name: Uint8Array) => Found | Promise<Found>,
): Found | Promise<Found> {
  return after(find(name), (found) => {
    if (found.kind === 'unavailable' || isExisting(found.entry)) return found;
    const { body, zone } = found.held;
    const { wildcards = [] } = body;
    if (wildcards === 'unlisted') {
      const isBelow = name.length > zone.origin.length && isAtOrBelow(name, zone.origin);
      return isBelow ? findUnlisted(name, { find, encloser: zone.origin }) : found;
    }
    const match = matchWildcard(wildcards, name);
    if (!match) return found;
    if (match.below.length === name.length) return find(match.owner);
    return after(find(match.below), (below) => {
      if (below.kind === 'unavailable') return below;
      return isExisting(below.entry) ? found : find(match.owner);
    });
  });
}

/**
 * Goes down from `encloser`, which exists, to the closest encloser of a name that does not (RFC 4592 §3.3.1) and looks
 * whether that has a wildcard. A question can't make the way longer than what the zone has of its name.
 */
function findUnlisted<Found extends Outcome>(
  name: Uint8Array,
  {
    find,
    encloser,
  }: {
    readonly find: (name: Uint8Array) => Found | Promise<Found>;
    readonly encloser: Uint8Array;
  },
): Found | Promise<Found> {
  const below = nextBelow(encloser, name);
  if (below.length === name.length) return find(wildcardBelow(encloser));
  return after(find(below), (found) => {
    if (found.kind === 'unavailable') return found;
    return isExisting(found.entry)
      ? findUnlisted(name, { find, encloser: below })
      : find(wildcardBelow(encloser));
  });
}

function after<Found>(
  found: Found | Promise<Found>,
  next: (found: Found) => Found | Promise<Found>,
): Found | Promise<Found> {
  return found instanceof Promise ? found.then(next) : next(found);
}
