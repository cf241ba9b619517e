import { MOST_CNAMES } from '../../zone/chain.ts';
import { isNameWithin, nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { matchWildcard } from '../../zone/wildcard.ts';
import { RECORD_SET_TYPES, type RecordSet } from './record-set.ts';

/**
 * What a zone has for a name, as the Worker finds it: `own` records, nothing but names below it (`empty`), a wildcard
 * that answers for it (RFC 4592), or nothing. `shadow`: the wildcard that would answer if `below` did not exist.
 */
export type FoundName =
  | { readonly kind: 'own' | 'wildcard'; readonly owner: string }
  | { readonly kind: 'empty' }
  | { readonly kind: 'absent'; readonly shadow?: { readonly wildcard: string; readonly below: string } };

export type WildcardScope = {
  readonly rrsets: { readonly origin: OwnerName };
  /** `none`: no name answers for others in this zone. */
  readonly wildcards?: 'none' | undefined;
};

/** `name` in lower case and with its final dot, a name that can be asked for; wildcards outside the zone do not count. */
export function findName(
  records: RecordSet,
  name: string,
  { rrsets: { origin }, wildcards }: WildcardScope,
): FoundName {
  if (hasName(records, name)) return { kind: 'own', owner: name };
  if (hasBelow(records, name)) return { kind: 'empty' };
  if (wildcards === 'none') return { kind: 'absent' };
  const match = matchWildcard(wildcardParents(records, origin), nameToWire(parseName(name)));
  if (!match) return { kind: 'absent' };
  const [wildcard, below] = [textOf(match.owner), textOf(match.below)];
  const isShadowed = hasName(records, below) || hasBelow(records, below);
  return isShadowed ? { kind: 'absent', shadow: { wildcard, below } } : { kind: 'wildcard', owner: wildcard };
}

/** Where CNAMEs of the zone lead, name by name, and how that ends. */
export type AliasChain = {
  readonly names: readonly string[];
  readonly end: 'answered' | 'no-data' | 'nxdomain' | 'outside-zone' | 'loop' | 'too-long';
};

/**
 * Follows CNAMEs within the zone as the Worker does. `aliasOf` gives the name that an owner's CNAME leads to, undefined
 * for one that is no alias; `hasData`: has the owner what is asked for?
 */
export function followAliases(
  start: { readonly name: string; readonly target: string },
  {
    find,
    aliasOf,
    hasData,
    isWithin,
  }: {
    readonly find: (name: string) => FoundName;
    readonly aliasOf: (owner: string) => string | undefined;
    readonly hasData: (owner: string) => boolean;
    readonly isWithin: (name: string) => boolean;
  },
): AliasChain {
  const asked = new Set([start.name]);
  const names: string[] = [];
  let next: string | undefined = start.target;
  while (next !== undefined) {
    if (asked.has(next)) return { names: [...names, next], end: 'loop' };
    names.push(next);
    if (asked.size > MOST_CNAMES) return { names, end: 'too-long' };
    asked.add(next);
    if (!isWithin(next)) return { names, end: 'outside-zone' };
    const found = find(next);
    if (found.kind === 'absent') return { names, end: 'nxdomain' };
    if (found.kind === 'empty') return { names, end: 'no-data' };
    const target = aliasOf(found.owner);
    if (target === undefined) return { names, end: hasData(found.owner) ? 'answered' : 'no-data' };
    next = target;
  }
  return { names, end: 'no-data' };
}

export function hasName(records: RecordSet, name: string): boolean {
  return RECORD_SET_TYPES.some((type) => records[type].has(name));
}

export function hasBelow(records: RecordSet, name: string): boolean {
  return namesBelow(records, name, 1).length > 0;
}

/** Some names below `name`. */
export function namesBelow(records: RecordSet, name: string, most: number): string[] {
  const below = new Set<string>();
  const suffix = `.${name}`;
  for (const type of RECORD_SET_TYPES) {
    for (const each of records[type].keys()) {
      if (each.endsWith(suffix)) below.add(each);
      if (below.size === most) return [...below].toSorted();
    }
  }
  return [...below].toSorted();
}

/** Wire form of the names that wildcards of the zone stand below. */
function wildcardParents(records: RecordSet, origin: OwnerName): readonly Uint8Array[] {
  const parents = new Set<string>();
  for (const type of RECORD_SET_TYPES)
    for (const name of records[type].keys()) if (name.startsWith('*.')) parents.add(name.slice(2));
  return [...parents]
    .map((parent) => parseName(parent))
    .filter((parent) => isNameWithin(parent, origin))
    .map((parent) => nameToWire(parent));
}

function textOf(wire: Uint8Array): string {
  return `${nameFromWire(wire)}.`;
}
