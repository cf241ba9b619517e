import { MOST_CNAMES } from '../../zone/chain.ts';
import { FormatError } from '../../zone/format-error.ts';
import { isNameWithin, parseName } from '../../zone/name.ts';
import type { RecordValue } from './difference.ts';
import { type ExplainedRRset, type ExplainedTtl, explainRRsets } from './explained-rrsets.ts';
import {
  type AliasChain,
  findName,
  followAliases,
  type FoundName,
  hasBelow,
  hasName,
  namesBelow,
} from './found-name.ts';
import { RECORD_SET_TYPES, type RecordSet } from './record-set.ts';
import type { RRsetSettings } from './rrsets.ts';
import type { Source } from './source-of.ts';

/** What a zone answers for a name, and why. Names have their final dot. */
export type ZoneExplanation = {
  readonly name: string;
  readonly verdict: Verdict;
  /** The wildcard that answers for it, whose the RRsets are; undefined for a name with records of its own. */
  readonly wildcard: string | undefined;
  readonly rrsets: readonly ExplainedRRset[];
  /** TTLs of its own, that answers have in the place of the zone's. */
  readonly ttls: readonly ExplainedTtl[];
  /** Where its CNAME leads; undefined for a name that is no alias. */
  readonly chain: AliasChain | undefined;
  /** Some names under this one. */
  readonly below: readonly string[];
  /** The nearest name above that exists. */
  readonly above: string | undefined;
  /** Names that look like it, for the one who asked to be told of. */
  readonly alike: readonly string[];
};

/** `dangling`: the name is an alias, and what it leads to has nothing to answer. */
export type Verdict = {
  readonly kind: 'answered' | 'no-data' | 'nxdomain' | 'dangling' | 'outside-zone' | 'not-askable';
  readonly text: string;
};

export type ExplainZoneOptions = {
  readonly rrsets: RRsetSettings;
  /** Where a value of the zone is from. */
  readonly sourcesOf: (value: RecordValue) => readonly Source[];
  /** Only this type of record is asked for. */
  readonly type?: string | undefined;
  /** `none`: names that begin with `*` answer for no others there, as where no operator wrote any. */
  readonly wildcards?: 'none' | undefined;
  /** All zones that are published, for a name that is in none of them; undefined: this one. */
  readonly zones?: readonly string[] | undefined;
};

const EXAMPLES = 5;
const MAX_ALIKE = 2_000;

/** Explains one name by a zone's records: lower case, with its final dot. Pure. */
export function explainInZone(
  records: RecordSet,
  name: string,
  options: ExplainZoneOptions,
): ZoneExplanation {
  const problem = whyNotAskable(name);
  if (problem !== undefined) {
    const text = `no question can ask for this name: it ${problem}`;
    const found = { above: nameAbove(records, name, options), alike: namesAlike(records, name) };
    return { ...NOTHING, name, verdict: { kind: 'not-askable', text }, ...found };
  }
  const { rrsets: zone, zones } = options;
  const { origin } = zone;
  const owner = parseName(name);
  if (!isNameWithin(owner, origin)) {
    const where = zones && zones.length > 1 ? `any of the zones ${zones.join(', ')}` : `zone ${origin}`;
    const text = `not in ${where}: the Worker forwards it, or refuses it`;
    return { ...NOTHING, name, verdict: { kind: 'outside-zone', text } };
  }
  const found = findName(records, name, options);
  const holder = ownerOf(found);
  const { rrsets, ttls } = holder === undefined ? NONE : explainRRsets(records, holder, options);
  const chain = chainOf(records, { name, rrsets, options });
  const below = namesBelow(records, name, EXAMPLES);
  const verdict =
    owner === origin ? verdictOnApex(rrsets, options) : verdictOn(found, { rrsets, chain, options });
  const isAbsent = verdict.kind === 'nxdomain';
  return {
    name,
    verdict,
    wildcard: found.kind === 'wildcard' ? found.owner : undefined,
    rrsets,
    ttls,
    chain,
    below,
    above: isAbsent ? nameAbove(records, name, options) : undefined,
    // Addresses that look alike are others all the same.
    alike:
      !origin.endsWith('.arpa') && (isAbsent || found.kind === 'wildcard') ? namesAlike(records, name) : [],
  };
}

const NONE = { rrsets: [], ttls: [] };
const NOTHING = { wildcard: undefined, chain: undefined, below: [], above: undefined, alike: [], ...NONE };

/** The name whose records are the answer: its own, or a wildcard; undefined where there is none. */
export function ownerOf(found: FoundName): string | undefined {
  return found.kind === 'own' || found.kind === 'wildcard' ? found.owner : undefined;
}

function verdictOnApex(
  rrsets: readonly ExplainedRRset[],
  { type, rrsets: { origin } }: ExplainZoneOptions,
): Verdict {
  const types = ['SOA', 'NS', ...answeredTypes(rrsets)];
  const isThere = type === undefined || type === 'ANY' || types.includes(type);
  const beside = types.length > 2 ? `, and ${types.slice(2).join(', ')} beside` : '';
  const text = `the zone ${origin} itself: SOA and NS, from the configuration (records.*)${beside}`;
  return { kind: isThere ? 'answered' : 'no-data', text };
}

function verdictOn(
  found: FoundName,
  {
    rrsets,
    chain,
    options: {
      type,
      rrsets: { origin },
    },
  }: {
    readonly rrsets: readonly ExplainedRRset[];
    readonly chain: AliasChain | undefined;
    readonly options: ExplainZoneOptions;
  },
): Verdict {
  const by = found.kind === 'wildcard' ? ` by the wildcard ${found.owner}` : '';
  const types = answeredTypes(rrsets);
  const isWhole = type === undefined || type === 'ANY';
  if (chain && type !== 'ANY' && type !== 'CNAME') return verdictOnAlias(chain, { by, type });
  if (types.some((each) => isWhole || type === each))
    return { kind: 'answered', text: `answered${by}: ${types.join(', ')}` };
  const beside = by === '' ? '' : `, answered${by}`;
  if (types.length > 0)
    return { kind: 'no-data', text: `no data${beside}: it has ${types.join(', ')}, and no ${type ?? ''}` };
  if (rrsets.length > 0)
    return {
      kind: 'no-data',
      text: `no data${beside}: it exists, and no answer can carry any of its values`,
    };
  if (found.kind === 'absent') {
    const { shadow } = found;
    const why = shadow
      ? `; the wildcard ${shadow.wildcard} does not answer for it, as ${shadow.below} exists (RFC 4592)`
      : '';
    return { kind: 'nxdomain', text: `no such name in zone ${origin} (NXDOMAIN)${why}` };
  }
  if (found.kind === 'empty')
    return { kind: 'no-data', text: 'no data: nothing is at this name itself, only at names below it' };
  return { kind: 'no-data', text: `no data${beside}: it exists, and has no values` };
}

function verdictOnAlias(
  { names, end }: AliasChain,
  { by, type }: { readonly by: string; readonly type: string | undefined },
): Verdict {
  const last = names.at(-1) ?? '';
  const alias = `answered${by}: CNAME to ${names[0] ?? ''}`;
  const asked = type === undefined ? 'records' : type;
  switch (end) {
    case 'answered':
      return { kind: 'answered', text: `${alias}, and the ${asked} of ${last}` };
    case 'outside-zone':
      return { kind: 'answered', text: `${alias}; ${last} is in another zone, and asked for there` };
    case 'no-data':
      return { kind: 'no-data', text: `${alias}, and ${last} has no ${asked}` };
    case 'nxdomain':
      return { kind: 'dangling', text: `${alias}, which dangles: there is no name ${last} (NXDOMAIN)` };
    case 'loop':
      return { kind: 'dangling', text: `not answered${by} (SERVFAIL): its CNAMEs lead back to ${last}` };
    case 'too-long':
      return {
        kind: 'dangling',
        text: `not answered${by} (SERVFAIL): its chain has more than ${MOST_CNAMES} CNAMEs`,
      };
  }
}

function answeredTypes(rrsets: readonly ExplainedRRset[]): readonly string[] {
  return rrsets
    .filter(({ values }) => values.some(({ notAnswered }) => notAnswered === undefined))
    .map(({ type }) => type);
}

/** Where the name's CNAME leads, if that is what it answers. */
function chainOf(
  records: RecordSet,
  { name, rrsets, options }: { name: string; rrsets: readonly ExplainedRRset[]; options: ExplainZoneOptions },
): AliasChain | undefined {
  const target = aliasIn(rrsets);
  if (target === undefined) return undefined;
  const {
    type,
    rrsets: { origin },
  } = options;
  const rrsetsOf = (owner: string): readonly ExplainedRRset[] =>
    explainRRsets(records, owner, { ...options, sourcesOf: () => [] }).rrsets;
  const isApex = (owner: string): boolean => owner === `${origin}.`;
  return followAliases(
    { name, target },
    {
      find: (each) => (isApex(each) ? { kind: 'own', owner: each } : findName(records, each, options)),
      isWithin: (each) => isNameWithin(parseName(each), origin),
      aliasOf: (owner) => aliasIn(rrsetsOf(owner)),
      hasData: (owner) => {
        const types = [...answeredTypes(rrsetsOf(owner)), ...(isApex(owner) ? ['SOA', 'NS'] : [])];
        return types.some((each) => type === undefined || type === each);
      },
    },
  );
}

function aliasIn(rrsets: readonly ExplainedRRset[]): string | undefined {
  const alias = rrsets.find(({ type }) => type === 'CNAME');
  return alias?.values.find(({ notAnswered }) => notAnswered === undefined)?.value.toLowerCase();
}

/** Why no question can ask for the name; undefined for one that can be asked for. */
export function whyNotAskable(name: string): string | undefined {
  try {
    parseName(name);
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return error.message.replace(/^name ".*": /, '');
    throw error;
  }
}

/** The nearest name above that has something at it or below it. */
function nameAbove(
  records: RecordSet,
  name: string,
  { rrsets: { origin } }: Pick<ExplainZoneOptions, 'rrsets'>,
): string | undefined {
  let rest = name;
  for (let dot = rest.indexOf('.'); dot >= 0 && dot < rest.length - 1; dot = rest.indexOf('.')) {
    rest = rest.slice(dot + 1);
    if (rest === `${origin}.` || hasName(records, rest) || hasBelow(records, rest)) return rest;
  }
  return undefined;
}

/** Names beside it, and names that begin as it does elsewhere: few enough to be compared letter by letter. */
function namesAlike(records: RecordSet, name: string): string[] {
  const label = name.slice(0, name.indexOf('.') + 1);
  const parent = name.slice(label.length - 1);
  const alike = new Set<string>();
  for (const type of RECORD_SET_TYPES) {
    for (const each of records[type].keys()) {
      if (alike.size === MAX_ALIKE) return [...alike];
      if (Math.abs(each.length - name.length) > 4) continue;
      if (
        each.startsWith(label) ||
        (each.endsWith(parent) && each.indexOf('.') === each.length - parent.length)
      )
        alike.add(each);
    }
  }
  return [...alike];
}
