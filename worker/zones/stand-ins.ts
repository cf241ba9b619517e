import { FormatError } from '../../zone/format-error.ts';
import {
  isAtOrBelow,
  isNameWithin,
  nameFromWire,
  nameToWire,
  type OwnerName,
  parseName,
} from '../../zone/name.ts';

/** A name that a zone begins at, in both forms. */
export type Place = { readonly origin: OwnerName; readonly originWire: Uint8Array };

/** `origin` stands for `target`, which is in the zone (stored or merged) of origin `zone`. */
export type AliasZone = Place & { readonly zone: OwnerName; readonly target: Place };

/** One zone of what several stored ones say, the first of them first. */
export type MergedZone = Place & { readonly members: readonly Place[] };

/** Zones that are answered from what others store. */
export type StandIns = {
  readonly aliases: readonly AliasZone[];
  readonly merged: readonly MergedZone[];
  /** By continent or country in capitals: the members whose answers its askers get rather than others'. */
  readonly preferences: ReadonlyMap<string, readonly OwnerName[]>;
};

export type StandInBindings = {
  readonly ALIASES?: string;
  readonly MERGED?: string;
  readonly MERGED_PREFER?: string;
};

/** Reads the bindings; `zones` are the stored ones. Throws `FormatError` naming the variable. */
export function parseStandIns(
  zones: readonly Place[],
  { ALIASES = '', MERGED = '', MERGED_PREFER = '' }: StandInBindings,
): StandIns {
  const merged = parseMerged(MERGED, zones);
  const places = [...zones, ...merged].toSorted(longestFirst);
  return {
    aliases: parseAliases(ALIASES, places),
    merged,
    preferences: parsePreferences(MERGED_PREFER, merged),
  };
}

export function longestFirst(a: Place, b: Place): number {
  return b.originWire.length - a.originWire.length;
}

/** `name` with what is at its end, `from`, replaced by `to`. */
export function renamed(name: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const above = name.length - from.length;
  const other = new Uint8Array(above + to.length);
  other.set(name.subarray(0, above));
  other.set(to, above);
  return other;
}

/** `mesos=dc1.mesos,dc2.mesos`; another `name=` begins another one. */
function parseMerged(text: string, zones: readonly Place[]): MergedZone[] {
  const merged: (Place & { members: Place[] })[] = [];
  for (const { name, value } of parts('MERGED', text)) {
    if (name !== undefined) {
      const place = placeOf('MERGED', name);
      if ([...zones, ...merged].some(({ origin }) => origin === place.origin))
        throw new FormatError('MERGED', `has ${name}, which is a zone already: take it out of ZONES`);
      merged.push({ ...place, members: [] });
    }
    const into = merged.at(-1);
    if (!into) {
      const text = JSON.stringify(value);
      throw new FormatError('MERGED', `begins with ${text} instead of zone=member: the = is missing`);
    }
    const { origin } = placeOf('MERGED', value);
    const member = zones.find((zone) => zone.origin === origin);
    if (!member) throw new FormatError('MERGED', `has the member ${value}, which ZONES has not`);
    if (into.members.includes(member)) throw new FormatError('MERGED', `has the member ${value} twice`);
    into.members.push(member);
  }
  return merged;
}

/** `apps.example.com=marathon.mesos,lab.example.com=mesos`. Zones below a target are shown below its alias. */
function parseAliases(text: string, places: readonly Place[]): AliasZone[] {
  const aliases = parts('ALIASES', text).map(({ name, value }) => {
    if (name === undefined)
      throw new FormatError('ALIASES', `has ${JSON.stringify(value)} instead of alias=name`);
    const [place, target] = [placeOf('ALIASES', name), placeOf('ALIASES', value)];
    const zone = places.find(({ originWire }) => isAtOrBelow(target.originWire, originWire));
    if (!zone) throw new FormatError('ALIASES', `has ${value}, which is in none of our zones`);
    if (place.origin === target.origin)
      throw new FormatError('ALIASES', `has ${name}, which stands for itself`);
    return { ...place, zone: zone.origin, target };
  });
  const below = aliases.flatMap((alias) =>
    places
      .filter(({ origin }) => origin !== alias.target.origin && isNameWithin(origin, alias.target.origin))
      .map((target): AliasZone => {
        const wire = renamed(target.originWire, alias.target.originWire, alias.originWire);
        return { ...placeOfWire(wire), zone: target.origin, target };
      }),
  );
  const taken = new Set(places.map(({ origin }) => origin));
  for (const { origin } of aliases) {
    if (taken.has(origin))
      throw new FormatError('ALIASES', `has ${origin} twice, or as an alias of a zone of ours`);
    taken.add(origin);
  }
  return [...aliases, ...below.filter(({ origin }) => !taken.has(origin))];
}

/** `EU=dc1.mesos,DE=dc2.mesos`: continents, or countries of ISO 3166. */
function parsePreferences(text: string, merged: readonly MergedZone[]): Map<string, readonly OwnerName[]> {
  const preferences = new Map<string, readonly OwnerName[]>();
  for (const { name = '', value } of parts('MERGED_PREFER', text)) {
    if (!/^[A-Za-z]{2}$/.test(name))
      throw new FormatError('MERGED_PREFER', `has ${JSON.stringify(name)} instead of a country or continent`);
    const { origin } = placeOf('MERGED_PREFER', value);
    if (!merged.some(({ members }) => members.some((member) => member.origin === origin)))
      throw new FormatError('MERGED_PREFER', `has ${value}, which is no member of MERGED`);
    const key = name.toUpperCase();
    preferences.set(key, [...(preferences.get(key) ?? []), origin]);
  }
  return preferences;
}

/** Continents by the codes that Cloudflare gives; a country with the same code (NA, AS, SA, AF) can't be meant. */
const CONTINENTS = new Set(['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA']);

/** The members that the asker of a request with these properties prefers: its country's, else its continent's. */
export function preferredBy({ preferences }: StandIns, cf: object | undefined): readonly OwnerName[] {
  const country = cf && 'country' in cf && typeof cf.country === 'string' ? cf.country : '';
  const continent = cf && 'continent' in cf && typeof cf.continent === 'string' ? cf.continent : '';
  const ofCountry = CONTINENTS.has(country) ? undefined : preferences.get(country);
  return ofCountry ?? preferences.get(continent) ?? [];
}

/** The items of a list, each `name=value` or `value`. */
function parts(
  variable: string,
  text: string,
): { readonly name: string | undefined; readonly value: string }[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => {
      const [name, value, more] = item.split('=').map((part) => part.trim());
      if (more !== undefined || name === '' || value === '')
        throw new FormatError(variable, `has ${JSON.stringify(item)} instead of name=name`);
      return value === undefined ? { name: undefined, value: name ?? '' } : { name, value };
    });
}

function placeOf(variable: string, text: string): Place {
  try {
    const origin = parseName(text);
    return { origin, originWire: nameToWire(origin) };
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(variable, `has a bad name: ${error.message}`);
    throw error;
  }
}

function placeOfWire(originWire: Uint8Array): Place {
  return { origin: nameFromWire(originWire), originWire };
}
