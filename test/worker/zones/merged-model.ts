import { isNameWithin, type OwnerName, parseName } from '../../../zone/name.ts';

/** Zones that are answered from members, as simply as it can be said: what a Worker is compared with. */

/** What is at a name: an address, or an alias of another name. */
export type Said =
  { readonly kind: 'address'; readonly text: string } | { readonly kind: 'alias'; readonly to: OwnerName };

/** A cluster's zone as it is now, for one variant. */
export type Member = {
  readonly origin: OwnerName;
  readonly state: 'fresh' | 'stale' | 'unusable';
  readonly names: ReadonlyMap<OwnerName, Said>;
};

/** A view: what it has of which members, in the order in which they are asked; no subtrees: all of it. */
export type Viewed = readonly {
  readonly member: Member;
  readonly subtrees: readonly OwnerName[] | undefined;
}[];

export type World = {
  readonly merged: OwnerName;
  /** Stands for the merged zone. */
  readonly alias: OwnerName;
  /** All that are served, whatever the view has. */
  readonly origins: readonly OwnerName[];
};

/** `hidden`: the view has not the name; of that nothing more is to be seen, but `maybe` that a member can't be read. */
export type ModelAnswer = {
  readonly rcode: string;
  readonly answers: readonly string[];
  readonly stale: boolean;
  readonly hidden?: 'surely' | 'maybe';
};

const SERVFAIL: ModelAnswer = { rcode: 'SERVFAIL', answers: [], stale: false };
const REFUSED: ModelAnswer = { rcode: 'REFUSED', answers: [], stale: false };
const nothing = (rcode: 'NOERROR' | 'NXDOMAIN', stale: boolean): ModelAnswer => ({
  rcode,
  answers: [],
  stale,
});

type Standing = 'visible' | 'above' | 'hidden';

/** What the view is answered to a question for addresses. */
export function answerOf(asked: OwnerName, view: Viewed, world: World): ModelAnswer {
  const zones = [...world.origins, world.merged, world.alias].toSorted((a, b) => b.length - a.length);
  // A zone of a member under the alias is that zone; all else there is the merged one.
  const plain = (name: OwnerName): OwnerName =>
    isNameWithin(name, world.alias) ? moved(name, world.alias, world.merged) : name;
  const zoneOf = (name: OwnerName): OwnerName | undefined =>
    zones.find((zone) => isNameWithin(plain(name), zone));
  const standingIn = (name: OwnerName, zone: OwnerName): Standing => {
    if (zone !== world.merged) {
      const viewed = view.find(({ member }) => member.origin === zone);
      return viewed ? standingOf(name, zone, viewed.subtrees) : 'hidden';
    }
    if (view.length === 0) return 'hidden';
    const subtrees = view.map((viewed) =>
      viewed.subtrees?.map((each) => moved(each, viewed.member.origin, zone)),
    );
    return standingOf(
      name,
      zone,
      subtrees.includes(undefined) ? undefined : subtrees.flatMap((each) => each ?? []),
    );
  };
  const isHidden = (name: OwnerName): boolean => {
    const zone = zoneOf(name);
    return zone !== undefined && standingIn(plain(name), zone) !== 'visible';
  };

  const answer = (name: OwnerName, chain: readonly OwnerName[]): ModelAnswer => {
    const real = plain(name);
    const viewedZones = zones.filter((zone) =>
      zone === world.merged || zone === world.alias
        ? view.length > 0
        : view.some(({ member }) => member.origin === zone),
    );
    const zone = viewedZones.find((each) => isNameWithin(real, each));
    if (zone === undefined) return REFUSED;
    const members = zone === world.merged ? view : view.filter(({ member }) => member.origin === zone);
    const isApex = real === zone;
    const standing =
      isHidden(name) && !isApex && standingIn(real, zone) === 'visible' ? 'hidden' : standingIn(real, zone);
    const usable = members.filter(({ member }) => member.state !== 'unusable');
    const first = usable.find(({ member }) => member.state === 'fresh') ?? usable[0];
    const stale = first?.member.state === 'stale';
    if (!first) return SERVFAIL;
    if (isApex) return nothing('NOERROR', stale);
    if (standing !== 'visible')
      return {
        ...nothing(standing === 'above' ? 'NOERROR' : 'NXDOMAIN', stale),
        hidden: usable.length < members.length ? 'maybe' : 'surely',
      };

    const having = usable.flatMap((viewed) => {
      const own = moved(real, zone, viewed.member.origin);
      if (standingOf(own, viewed.member.origin, viewed.subtrees) !== 'visible') return [];
      const found = find(own, viewed);
      return found === undefined ? [] : [{ found, stale: viewed.member.state === 'stale' }];
    });
    const chosen = having.find((each) => !each.stale) ?? having[0];
    if (!chosen && usable.length < members.length) return SERVFAIL;
    if (!chosen) {
      const isAbove = usable.some(
        ({ member, subtrees }) =>
          standingOf(moved(real, zone, member.origin), member.origin, subtrees) === 'above',
      );
      return nothing(isAbove ? 'NOERROR' : 'NXDOMAIN', stale);
    }
    const { found } = chosen;
    if (found === 'empty' || (found.kind === 'alias' && isHidden(found.to)))
      return nothing('NOERROR', chosen.stale);
    if (found.kind === 'address')
      return { rcode: 'NOERROR', answers: [`${name} A ${found.text}`], stale: chosen.stale };
    const asked = [...chain, name];
    if (asked.includes(found.to) || asked.length > 8) return SERVFAIL;
    const rest = answer(found.to, asked);
    if (rest.rcode === 'SERVFAIL') return SERVFAIL;
    return {
      rcode: rest.rcode === 'REFUSED' ? 'NOERROR' : rest.rcode,
      answers: [`${name} CNAME ${found.to}`, ...rest.answers],
      stale: chosen.stale || rest.stale,
    };
  };
  return answer(asked, []);
}

/** RFC 4592, RFC 8020, in a zone that has what the view has of it; what is above that exists and has nothing. */
function find(
  name: OwnerName,
  { member: { origin, names }, subtrees }: Viewed[number],
): Said | 'empty' | undefined {
  const seen = new Map([...names].filter(([owner]) => standingOf(owner, origin, subtrees) === 'visible'));
  const exists = (each: OwnerName): boolean =>
    standingOf(each, origin, subtrees) === 'above' ||
    [...seen.keys()].some((owner) => isNameWithin(owner, each));
  if (exists(name)) return seen.get(name) ?? 'empty';
  let encloser = name;
  while (encloser !== origin && !exists(encloser))
    encloser = parseName(encloser.slice(encloser.indexOf('.') + 1));
  const wildcard = parseName(`*.${encloser}`);
  return exists(wildcard) ? (seen.get(wildcard) ?? 'empty') : undefined;
}

function standingOf(
  name: OwnerName,
  origin: OwnerName,
  subtrees: readonly OwnerName[] | undefined,
): Standing {
  if (!subtrees || subtrees.some((subtree) => isNameWithin(name, subtree))) return 'visible';
  return name === origin || subtrees.some((subtree) => isNameWithin(subtree, name)) ? 'above' : 'hidden';
}

function moved(name: OwnerName, from: OwnerName, to: OwnerName): OwnerName {
  return parseName(name.slice(0, name.length - from.length) + to);
}
