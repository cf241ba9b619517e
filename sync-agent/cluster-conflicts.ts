import { isExisting } from '../zone/answer.ts';
import { type Entry, entryName, rrsetsOf, storedRdata } from '../zone/entry.ts';
import { hashName } from '../zone/hash.ts';
import { findInLevels, type Levels, liveEntries } from '../zone/levels.ts';
import { MAX_NAME_OCTETS, nameFromWire, nameToWire, type OwnerName, parseName } from '../zone/name.ts';
import { rdataText } from '../zone/rdata-text.ts';
import { TYPE, typeName } from '../zone/record.ts';

/** What a cluster publishes. */
export type ClusterZone = {
  readonly origin: OwnerName;
  readonly levels: Levels;
  readonly hasWildcards: boolean;
};

/**
 * Two or more clusters have a name, and the first answers for it. `agree`: all would say the same. `differ`: others
 * have other values. `hidden`: one behind the first has something that can't be asked for while the first is there.
 */
export type ConflictKind = 'agree' | 'differ' | 'hidden';

/** By what the first hides others' records: a wildcard of its, an alias on one side alone, types it has not. */
export type HiddenBehind = 'wildcard' | 'alias' | 'types';

export type ClusterConflict = {
  /** Without the zone: `web.marathon`. */
  readonly name: string;
  readonly kind: ConflictKind;
  readonly behind?: HiddenBehind | undefined;
  /** Those that have it, the one that answers first. */
  readonly held: readonly HeldName[];
};

export type HeldName = {
  readonly zone: OwnerName;
  /** The name whose records these are, where it is a wildcard: `*.marathon`. */
  readonly wildcard?: string | undefined;
  /** By type; values in presentation form. None for a name that has only names below it. */
  readonly rrsets: readonly { readonly type: string; readonly values: readonly string[] }[];
};

export type ConflictCounts = Readonly<Record<ConflictKind, number>>;

export type ClusterConflicts = {
  readonly counts: ConflictCounts;
  /** By the last label of names, so a framework each; `@` has the names that stand alone, such as `leader`. */
  readonly groups: readonly (ConflictCounts & { readonly group: string })[];
  /** As many as were asked for, in the order of their names. */
  readonly names: readonly ClusterConflict[];
  /** How many more there are like these. */
  readonly moreNames: number;
};

export type ConflictOptions = {
  /** At most so many names are told. */
  readonly most: number;
  /** Only those of these kinds are told; all are counted. */
  readonly kinds: readonly ConflictKind[];
  /** Only this name and those below it are counted and told: `marathon`. */
  readonly under?: string | undefined;
};

type Zone = ClusterZone & { readonly wire: Uint8Array };
/** What answers for a name in a zone. */
type Said = { readonly zone: Zone; readonly entry: Entry; readonly wildcard?: Uint8Array };

const ALONE = '@';
const ASTERISK = 0x2a;

/**
 * What becomes of names that several of these zones have where they are read as one, in this order, as the Worker's
 * MERGED does. Pure; holds the names it tells and a count a group, whatever the zones' size. Throws `FormatError` on
 * damaged octets.
 */
export function findConflicts(
  clusters: readonly ClusterZone[],
  { most, kinds, under }: ConflictOptions,
): ClusterConflicts {
  const zones = clusters.map((each) => ({ ...each, wire: nameToWire(each.origin) }));
  const groups = new Map<string, Record<ConflictKind, number>>();
  const told = createSample(most);
  /** The last label of names that have no other. */
  const alone = new Map<string, ConflictKind>();
  for (const [place, zone] of zones.entries()) {
    for (const entry of place > 0 ? liveEntries(zone.levels) : []) {
      const wire = entryName(entry);
      const name = nameFromWire(wire).slice(0, -zone.origin.length - 1);
      if (name === '' || (under !== undefined && name !== under && !name.endsWith(`.${under}`))) continue;
      const said = saysOf(zones, wire.subarray(0, wire.length - zone.wire.length));
      // Each name once: by the second that answers for it with records of its own name.
      const teller = said.find((each, i) => i > 0 && !each.wildcard);
      if (teller?.zone !== zone) continue;
      if (said.every((each) => rrsetsOf(each.entry).length === 0)) continue;
      const { kind } = judge(said);
      const group = groupOf(name);
      if (name === group) alone.set(group, kind);
      else countIn(groups, group, kind);
      if (kinds.includes(kind)) told.add(name);
    }
  }
  // A framework's own name is counted with those below it.
  for (const [group, kind] of alone) countIn(groups, groups.has(group) ? group : ALONE, kind);
  const counts = { agree: 0, differ: 0, hidden: 0 };
  for (const each of groups.values())
    for (const kind of ['agree', 'differ', 'hidden'] as const) counts[kind] += each[kind];
  const names = told.names().map((name) => conflictAt(zones, name));
  return {
    counts,
    groups: [...groups].map(([group, each]) => ({ group, ...each })).toSorted(byWeight),
    names,
    moreNames: kinds.reduce((sum, kind) => sum + counts[kind], 0) - names.length,
  };
}

function countIn(groups: Map<string, Record<ConflictKind, number>>, group: string, kind: ConflictKind): void {
  let counts = groups.get(group);
  if (!counts) groups.set(group, (counts = { agree: 0, differ: 0, hidden: 0 }));
  counts[kind]++;
}

type Group = ClusterConflicts['groups'][number];

/** What hides something first, then the largest. */
function byWeight(a: Group, b: Group): number {
  const sizes = b.agree + b.differ - a.agree - a.differ;
  return b.hidden - a.hidden || sizes || (a.group < b.group ? -1 : 1);
}

/** The framework of a task's name; agents' names of tasks (`web.marathon.slave`) by both labels. */
function groupOf(name: string): string {
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  if (last === 'slave' && labels.length > 1) return `${labels.at(-2)}.slave`;
  return last === '_tcp' || last === '_udp' ? ALONE : last;
}

/** Which zones answer for a name, in order. `prefix` is what it has before the zone, on the wire. */
function saysOf(zones: readonly Zone[], prefix: Uint8Array): Said[] {
  return zones.flatMap((zone) => {
    const name = new Uint8Array(prefix.length + zone.wire.length);
    if (name.length > MAX_NAME_OCTETS) return [];
    name.set(prefix);
    name.set(zone.wire, prefix.length);
    const entry = entryAt(zone, name);
    if (entry) return [{ zone, entry }];
    const owner = zone.hasWildcards ? wildcardFor(zone, name) : undefined;
    const covering = owner && entryAt(zone, owner);
    return covering ? [{ zone, entry: covering, wildcard: owner }] : [];
  });
}

/** The wildcard that answers for a name which is not there: that of its closest encloser alone (RFC 4592 §3.3.1). */
function wildcardFor(zone: Zone, name: Uint8Array): Uint8Array | undefined {
  let at = 0;
  do at += 1 + (name[at] ?? 0);
  while (name.length - at > zone.wire.length && !entryAt(zone, name.subarray(at)));
  const encloser = name.subarray(at);
  return encloser.length < zone.wire.length ? undefined : Uint8Array.from([1, ASTERISK, ...encloser]);
}

function entryAt({ levels }: Zone, name: Uint8Array): Entry | undefined {
  const entry = findInLevels(levels, name, hashName(name, levels.table.seed));
  return isExisting(entry) ? entry : undefined;
}

/** In the first's place, who would say what? */
function judge(said: readonly Said[]): { readonly kind: ConflictKind; readonly behind?: HiddenBehind } {
  const [first, ...others] = said;
  if (!first) return { kind: 'agree' };
  const own = new Set(rrsetsOf(first.entry).map(({ type }) => type));
  const text = comparable(first);
  const unlike = others.filter((each) => comparable(each) !== text);
  if (unlike.length === 0) return { kind: 'agree' };
  // With only names below it, another has nothing that could be hidden.
  const rivals = unlike.map(({ entry }) => rrsetsOf(entry)).filter(({ length }) => length > 0);
  if (first.wildcard && rivals.length > 0) return { kind: 'hidden', behind: 'wildcard' };
  if (own.size > 0 && rivals.some((rrsets) => rrsets.some(isAlias) !== own.has(TYPE.CNAME)))
    return { kind: 'hidden', behind: 'alias' };
  if (rivals.some((rrsets) => rrsets.some(({ type }) => !own.has(type))))
    return { kind: 'hidden', behind: 'types' };
  return { kind: 'differ' };
}

function isAlias({ type }: { readonly type: number }): boolean {
  return type === TYPE.CNAME;
}

/** Records as a text that is the same for the same records; names of the zone itself count as those of any other. */
function comparable({ zone: { origin }, entry }: Said): string {
  const own = `.${origin}.`;
  const relative = (word: string): string => (word.endsWith(own) ? `${word.slice(0, -own.length)}.@` : word);
  return rrsetsIn(entry)
    .map(({ type, values }) => {
      const relatives = values.map((value) => value.split(' ').map(relative).join(' '));
      return `${type} ${relatives.toSorted().join('\n')}`;
    })
    .toSorted()
    .join('\n\n');
}

function rrsetsIn(entry: Entry): HeldName['rrsets'] {
  return rrsetsOf(entry).map((rrset) => ({
    type: typeName(rrset.type),
    values: storedRdata(rrset).map((rdata) =>
      rdataText(rdata, { type: rrset.type, at: 0, end: rdata.length }),
    ),
  }));
}

function conflictAt(zones: readonly Zone[], name: string): ClusterConflict {
  const said = saysOf(zones, nameToWire(parseName(name)).subarray(0, -1));
  const { kind, behind } = judge(said);
  return {
    name,
    kind,
    ...(behind && { behind }),
    held: said.map(({ zone, entry, wildcard }) => ({
      zone: zone.origin,
      ...(wildcard && { wildcard: nameFromWire(wildcard).slice(0, -zone.origin.length - 1) }),
      rrsets: rrsetsIn(entry),
    })),
  };
}

/** The first names in order of those it is given, in memory for twice as many. */
function createSample(most: number): {
  readonly add: (name: string) => void;
  readonly names: () => readonly string[];
} {
  let held: string[] = [];
  const cut = (): void => {
    held = held.toSorted().slice(0, most);
  };
  return {
    add: (name) => {
      held.push(name);
      if (held.length > 2 * most + 1000) cut();
    },
    names: () => {
      cut();
      return held;
    },
  };
}
