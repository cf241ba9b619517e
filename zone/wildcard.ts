import { isAtOrBelow, nameFromWire, nameToWire } from './name.ts';
import { createReader, createWriter } from './octets.ts';

/**
 * Wildcards (RFC 4592): owner names whose first label is `*`, which answer for names below their parent that do not
 * exist. The head lists the parents, so that other zones need not look for them and these need two look-ups more at
 * most. All names are in lower-case wire form.
 */

/** The names below which a wildcard stands; `unlisted`: too many to list, so they are looked for name by name. */
export type Wildcards = readonly Uint8Array[] | 'unlisted';

const ASTERISK = 0x2a;

/** The parent of a wildcard's owner name; undefined for other names. */
export function wildcardParent(name: Uint8Array): Uint8Array | undefined {
  return name[0] === 1 && name[1] === ASTERISK ? name.subarray(2) : undefined;
}

/** Where a wildcard may answer: its owner name, unless `below` exists (then the closest encloser is another). */
export type WildcardMatch = { readonly owner: Uint8Array; readonly below: Uint8Array };

/**
 * The wildcard that a name which does not exist may be answered from (RFC 4592 §3.3.1). Of the parents above the
 * name the deepest decides: if it is not the closest encloser, something between it and the name is, and that has no
 * wildcard, or it would be listed. Something between exists if, and only if, the name right below the parent does.
 */
export function matchWildcard(parents: readonly Uint8Array[], name: Uint8Array): WildcardMatch | undefined {
  let deepest: Uint8Array | undefined;
  for (const parent of parents)
    if (parent.length < name.length && parent.length > (deepest?.length ?? 0) && isAtOrBelow(name, parent))
      deepest = parent;
  if (!deepest) return undefined;
  return { owner: wildcardBelow(deepest), below: nextBelow(deepest, name) };
}

/** The owner name of a parent's wildcard. */
export function wildcardBelow(parent: Uint8Array): Uint8Array {
  const owner = new Uint8Array(2 + parent.length);
  owner.set([1, ASTERISK]);
  owner.set(parent, 2);
  return owner;
}

/** Of the names from `name` up to `above` the one right below that. */
export function nextBelow(above: Uint8Array, name: Uint8Array): Uint8Array {
  let at = 0;
  for (let next = 0; next < name.length - above.length; next += 1 + (name[next] ?? 0)) at = next;
  return name.subarray(at);
}

/** A head's section: the parents one behind the other. */
export function encodeWildcards(parents: readonly Uint8Array[]): Uint8Array {
  const into = createWriter(64);
  for (const parent of parents) into.octets(parent);
  return into.written();
}

/** Throws `FormatError`. */
export function decodeWildcards(section: Uint8Array): readonly Uint8Array[] {
  const reader = createReader(section, 'head wildcards');
  const parents: Uint8Array[] = [];
  while (reader.left() > 0) {
    const name = nameToWire(nameFromWire(section.subarray(reader.offset())));
    reader.octets(name.length);
    parents.push(name);
  }
  return parents;
}
