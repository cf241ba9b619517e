import { isAtOrBelow, type OwnerName } from '../../zone/name.ts';
import type { IsHidden } from '../../zone/visible.ts';
import type { ViewedZone } from '../access/find-visible.ts';
import { createAliasReader } from './alias-reader.ts';
import { createMergedReader } from './merged-reader.ts';
import { longestFirst, type MergedZone, type Place, renamed, type StandIns } from './stand-ins.ts';

export type ShownOptions = {
  readonly isHidden: () => IsHidden | undefined;
  /** Members that this asker would rather be answered by, the first first. */
  readonly preferred: readonly OwnerName[];
  readonly now: () => number;
};

/**
 * The zones of a view, longest origin first, with those that stand in for some of them: a merged zone has the members
 * that the view has, an alias is there where what it stands for is.
 */
export function withStandIns(
  zones: readonly ViewedZone[],
  { aliases, merged }: StandIns,
  options: ShownOptions,
): readonly ViewedZone[] {
  const read = [...zones, ...merged.flatMap((zone) => mergedOf(zone, zones, options) ?? [])];
  const shown = aliases.flatMap((alias) => {
    const zone = read.find(({ origin }) => origin === alias.zone);
    return (zone && showAs(zone, { alias, target: alias.target, dname: true })) ?? [];
  });
  return [...read, ...shown].toSorted(longestFirst);
}

/** `preferred` ones first, else in the order of the variable. */
function mergedOf(
  { members, ...place }: MergedZone,
  zones: readonly ViewedZone[],
  { isHidden, preferred, now }: ShownOptions,
): ViewedZone | undefined {
  const rank = ({ origin }: Place): number => {
    const at = preferred.indexOf(origin);
    return at < 0 ? preferred.length : at;
  };
  const viewed = members
    .toSorted((a, b) => rank(a) - rank(b))
    .flatMap((member) => {
      const zone = zones.find(({ origin }) => origin === member.origin);
      const shown = zone && showAs(zone, { alias: place, target: member });
      return shown ? [{ origin: member.origin, shown }] : [];
    });
  if (viewed.length === 0) return undefined;
  const subtrees = viewed.map(({ shown }) => shown.subtrees);
  return {
    ...place,
    reader: createMergedReader(viewed, { originWire: place.originWire, isHidden, now }),
    subtrees: subtrees.includes(undefined) ? undefined : subtrees.flatMap((names) => names ?? []),
    standsFor: viewed.map(({ origin }) => origin),
  };
}

/** A view's zone under another name; undefined where the view has nothing at or below `target`. */
function showAs(
  { reader, subtrees }: ViewedZone,
  how: { readonly alias: Place; readonly target: Place; readonly dname?: boolean },
): ViewedZone | undefined {
  const { alias, target } = how;
  const from = target.originWire;
  const isWhole = !subtrees || subtrees.some((subtree) => isAtOrBelow(from, subtree));
  const below = (subtrees ?? []).filter((subtree) => isAtOrBelow(subtree, from));
  if (!isWhole && below.length === 0) return undefined;
  return {
    origin: alias.origin,
    originWire: alias.originWire,
    reader: createAliasReader(reader, how),
    subtrees: isWhole ? undefined : below.map((subtree) => renamed(subtree, from, alias.originWire)),
    standsFor: [target.origin],
  };
}
