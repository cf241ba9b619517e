import type { OwnerName } from '../../zone/name.ts';
import {
  decoyOf,
  emptyEntry,
  type IsHidden,
  type Standing,
  standingOf,
  withoutHidden,
} from '../../zone/visible.ts';
import type { ServedZone } from '../env.ts';
import type { Found, SnapshotReader } from '../snapshot/reader.ts';
import type { WaitUntil } from '../snapshot/share.ts';

/** A zone as a view has it: one variant of it, and of that all names, or those at and below `subtrees`. */
export type ViewedZone = ServedZone & {
  readonly reader: SnapshotReader;
  readonly subtrees?: readonly Uint8Array[] | undefined;
  /** Of a zone that is not stored itself: what it is answered from. */
  readonly standsFor?: readonly OwnerName[];
};

/**
 * A look-up as a view may see it. For a name that is hidden another is looked up that does not exist: so neither the
 * reply nor the time it takes depends on whether the hidden one does, be it that one block more would be read for it.
 * Never throws.
 */
export function findVisible(
  zone: ViewedZone,
  name: Uint8Array,
  { isHidden, waitUntil }: { readonly isHidden: IsHidden | undefined; readonly waitUntil: WaitUntil },
): Found | Promise<Found> {
  if (!isHidden) return zone.reader.find(name, waitUntil);
  const standing = standingIn(zone, name, isHidden);
  const found = zone.reader.find(standing === 'visible' ? name : decoyOf(name), waitUntil);
  const asSeen = (it: Found): Found => {
    if (it.kind === 'unavailable') return it;
    if (standing !== 'visible') return { ...it, entry: standing === 'above' ? emptyEntry(name) : undefined };
    try {
      return it.entry ? { ...it, entry: withoutHidden(it.entry, isHidden) } : it;
    } catch (error) {
      // Octets that were signed and yet are no entry.
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'unavailable', reason, held: it.held };
    }
  };
  return found instanceof Promise ? found.then(asSeen) : asSeen(found);
}

/** A zone in the view may stand above one of ours that is not: what that has for itself is hidden. */
export function standingIn(
  { originWire, subtrees }: ViewedZone,
  name: Uint8Array,
  isHidden: IsHidden,
): Standing {
  const standing = standingOf(name, { origin: originWire, subtrees });
  return standing === 'visible' && isHidden(name) ? 'hidden' : standing;
}
