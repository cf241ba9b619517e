import { isExisting } from '../../zone/answer.ts';
import type { OwnerName } from '../../zone/name.ts';
import { type IsHidden, standingOf } from '../../zone/visible.ts';
import { compareSerial, type Serial } from '../../zone/zone.ts';
import { findVisible, type ViewedZone } from '../access/find-visible.ts';
import { hasExpired, type Held, isStale } from '../snapshot/held.ts';
import type { Found, SnapshotReader } from '../snapshot/reader.ts';
import type { WaitUntil } from '../snapshot/share.ts';

/** A zone among several; `shown` is the zone as it is under the merged name. */
export type Member = { readonly origin: OwnerName; readonly shown: ViewedZone };

export type MergedOptions = {
  readonly originWire: Uint8Array;
  /** Of all names of the view, in the members too. */
  readonly isHidden: () => IsHidden | undefined;
  readonly now: () => number;
};

/**
 * What a member says of a name. `has`: it or something below it exists; `above`: of this member the view has names
 * below it alone, whatever there is.
 */
type Said = {
  readonly member: Member;
  readonly found: Found;
  readonly state: 'has' | 'above' | 'lacks' | 'unusable';
  readonly stale: boolean;
};

/** An answer holds as long as all that were asked for it would say the same. */
type Merged = { readonly held: Held; readonly asked: readonly Said[] };

/**
 * Reads several zones as one: the first member that has the name answers, those whose snapshots are stale behind the
 * others. That nobody has it is said only where every member could be asked: the one that could not may have it.
 */
export function createMergedReader(members: readonly Member[], options: MergedOptions): SnapshotReader {
  const { originWire, isHidden, now } = options;
  /** By member, the newest serial seen. */
  const serials = new Map<OwnerName, Serial>();
  const made = new WeakMap<Held, Merged>();
  /** The last one made for each member's snapshot. */
  const last = new WeakMap<Held, Merged>();

  const say = (member: Member, name: Uint8Array, found: Found): Said => {
    if (found.held) serials.set(member.origin, found.held.root.serial);
    if (found.kind === 'unavailable' || hasExpired(found.held, now()))
      return { member, found, state: 'unusable', stale: true };
    const stale = isStale(found.held, now());
    const { subtrees } = member.shown;
    if (subtrees && standingOf(name, { origin: originWire, subtrees }) === 'above')
      return { member, found, state: 'above', stale };
    return { member, found, state: isExisting(found.entry) ? 'has' : 'lacks', stale };
  };

  const ask = (name: Uint8Array, asked: Said[], waitUntil: WaitUntil): Found | Promise<Found> => {
    // At the apex is the SOA, whose serial is the newest of all.
    const asksAll = name.length === originWire.length;
    while (asked.length < members.length) {
      const decided = asked.at(-1);
      if (!asksAll && decided?.state === 'has' && !decided.stale) break;
      const member = members[asked.length];
      if (!member) break;
      const found = findVisible(member.shown, name, { isHidden: isHidden(), waitUntil });
      if (found instanceof Promise)
        return found.then((late) => ask(name, [...asked, say(member, name, late)], waitUntil));
      asked.push(say(member, name, found));
    }
    return decide(asked, asksAll);
  };

  const decide = (asked: readonly Said[], isApex: boolean): Found => {
    const usable = asked.filter(({ state }) => state !== 'unusable');
    const having = usable.filter(({ state }) => state === 'has');
    const unusable = asked.find(({ state }) => state === 'unusable');
    const chosen = firstFresh(having) ?? (unusable && !isApex ? undefined : firstFresh(usable));
    if (chosen) {
      const above = chosen.state === 'lacks' && asked.find(({ state }) => state === 'above');
      return as(above ? { ...chosen, found: withEntryOf(chosen.found, above.found) } : chosen, asked);
    }
    const [first] = usable;
    if (!unusable)
      return { kind: 'unavailable', reason: 'it has no member that you may ask', held: undefined };
    if (!first) return as(unusable, asked);
    const reason = `${unusable.member.origin} can not be read, and no other member has the name`;
    return { kind: 'unavailable', reason, held: as(first, asked).held };
  };

  const as = ({ member, found, stale }: Said, asked: readonly Said[]): Found => {
    const { held } = found;
    if (!held) return found;
    const [serial = held.root.serial] = [...serials.values()].toSorted((a, b) => compareSerial(b, a));
    const passed = asked
      .slice(
        0,
        asked.findIndex((said) => said.member === member),
      )
      .filter((said) => said.state === 'unusable' || (said.stale && !stale))
      .map((said) => `${said.member.origin} ${said.state === 'unusable' ? 'can not be read' : 'is stale'}`);
    const failover =
      passed.length > 0 ? `answered by ${member.origin}, since ${passed.join(', ')}` : undefined;
    const before = last.get(held);
    const isSame =
      before?.held.shown?.serial === serial &&
      before.held.shown.failover === failover &&
      before.asked.length === asked.length &&
      before.asked.every((said, i) => said.found.held === asked[i]?.found.held);
    const merged =
      before && isSame
        ? before
        : { held: { ...held, shown: { serial, member: member.origin, failover } }, asked };
    last.set(held, merged);
    made.set(merged.held, merged);
    return found.kind === 'found' ? { ...found, held: merged.held } : { ...found, held: merged.held };
  };

  return {
    find: (name, waitUntil) => ask(name, [], waitUntil),
    isCurrent: (held, waitUntil) => {
      const merged = made.get(held);
      if (!merged) return false;
      return merged.asked.every(
        ({ member, found, state }) =>
          found.kind === 'found' &&
          hasExpired(found.held, now()) === (state === 'unusable') &&
          member.shown.reader.isCurrent(found.held, waitUntil),
      );
    },
    current: async (waitUntil) => (await ask(originWire, [], waitUntil)).held,
    state: () => {
      const states = members.map(({ shown }) => shown.reader.state());
      const isWell = states.some(({ problem }) => problem === undefined);
      return { problem: isWell ? undefined : states[0]?.problem, restored: 0 };
    },
  };
}

/** That nothing is there, with what another member says of the name itself: that it exists. */
function withEntryOf(found: Found, other: Found): Found {
  return found.kind === 'found' && other.kind === 'found' ? { ...found, entry: other.entry } : found;
}

function firstFresh(said: readonly Said[]): Said | undefined {
  return said.find(({ stale }) => !stale) ?? said[0];
}
