import { isExisting } from '../../zone/answer.ts';
import type { Entry } from '../../zone/entry.ts';
import { matchWildcard } from '../../zone/wildcard.ts';
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
    const match = matchWildcard(found.held.body.wildcards ?? [], name);
    if (!match) return found;
    if (match.below.length === name.length) return find(match.owner);
    return after(find(match.below), (below) => {
      if (below.kind === 'unavailable') return below;
      return isExisting(below.entry) ? found : find(match.owner);
    });
  });
}

function after<Found>(
  found: Found | Promise<Found>,
  next: (found: Found) => Found | Promise<Found>,
): Found | Promise<Found> {
  return found instanceof Promise ? found.then(next) : next(found);
}
