import { FormatError } from '../../zone/format-error.ts';
import { isNameWithin, parseName } from '../../zone/name.ts';
import type { ClusterState, MesosTask, Skipped } from '../cluster.ts';
import { isDcosName } from './dcos-names.ts';
import { dcosWhyNot } from './dcos-why-not.ts';
import type { HiddenBy, HiddenTask } from './eligible.ts';
import { generateRecords } from './generate.ts';
import { sayWhyHidden } from './hidden.ts';
import { RECORD_SET_TYPES, type RecordSet, type RecordSetType } from './record-set.ts';
import { type RRsetSettings, toZoneContent } from './rrsets.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { type GiverFacts, type Source, sourceOf } from './source-of.ts';
import { traceName, type Contribution } from './trace.ts';
import { type WhyNot, whyNot } from './why-not.ts';

/** Why a name answers as it does, or does not. Names have their final dot. */
export type Explanation = {
  readonly name: string;
  readonly verdict: Verdict;
  readonly rrsets: readonly ExplainedRRset[];
  /** What would give the name values and does not. */
  readonly missing: readonly WhyNot[];
  /** Tasks that give it values, which a rule would leave out if anything else of their name were left. */
  readonly spared: readonly string[];
  /** Elements that were left out and may have to do with it, and how many others were. */
  readonly skipped: readonly Skipped[];
  readonly otherSkipped: number;
  /** Some names under this one. */
  readonly below: readonly string[];
  /** The nearest name above that exists. */
  readonly above: string | undefined;
  /** Names that look like it, for the one who asked to be told of. */
  readonly alike: readonly string[];
};

export type Verdict = {
  readonly kind: 'answered' | 'no-data' | 'nxdomain' | 'outside-zone' | 'not-askable';
  readonly text: string;
};

export type ExplainedRRset = {
  readonly type: RecordSetType;
  readonly ttl: number;
  readonly values: readonly ExplainedValue[];
};

export type ExplainedValue = {
  readonly value: string;
  /** Why no answer carries it; undefined for one that is answered. */
  readonly notAnswered: string | undefined;
  readonly from: readonly Source[];
};

export type ExplainOptions = {
  readonly settings: RecordSettings;
  readonly rrsets: RRsetSettings;
  readonly addressesOfHost: AddressesOfHost;
  /** What was left out while the state was read. */
  readonly skipped: readonly Skipped[];
  /** Only this type of record is asked for. */
  readonly type?: string | undefined;
};

const EXAMPLES = 5;
const MAX_ALIKE = 2_000;
const MAX_SKIPPED = 10;

/** Explains one name of a cluster. Pure; the cluster is gone through twice, so this takes as long as two reads. */
export function explainName(state: ClusterState, asked: string, options: ExplainOptions): Explanation {
  const { settings, addressesOfHost } = options;
  const name = asked.endsWith('.') ? asked.toLowerCase() : `${asked.toLowerCase()}.`;
  const skipped = [...options.skipped];
  const trace = traceName(name);
  const report = (one: Skipped): void => void skipped.push(one);
  const hidden = new Map<MesosTask, HiddenBy>();
  const spared: HiddenTask[] = [];
  const records = generateRecords(state, settings, {
    addressesOfHost,
    report,
    trace,
    onChosen: (chosen) => {
      for (const { task, why } of chosen.hidden) hidden.set(task, why);
      spared.push(...chosen.spared);
    },
  });
  const rrsets = explainedRRsets(records, name, {
    ...options,
    leader: state.leader,
    contributions: trace.contributions,
  });
  const findMissing = isDcosName(name) ? dcosWhyNot : whyNot;
  const missing = findMissing(state, name, { settings, addressesOfHost, hidden });
  const related = skipped.filter(({ detail }) => isRelated(detail, name, settings.domain));
  const givers = new Set(
    trace.contributions.map(({ giver }) => (giver.kind === 'task' ? giver.task : undefined)),
  );
  const below = namesBelow(records, name);
  const verdict = verdictOn(name, { options, rrsets, below });
  const isAbsent = verdict.kind === 'nxdomain' || verdict.kind === 'not-askable';
  return {
    name,
    verdict,
    rrsets,
    missing,
    spared: spared
      .filter(({ task }) => givers.has(task))
      .map((one) => `task ${one.task.id}: ${sayWhyHidden(one)}`),
    skipped: related.slice(0, MAX_SKIPPED),
    otherSkipped: skipped.length - Math.min(related.length, MAX_SKIPPED),
    below,
    above: isAbsent ? nameAbove(records, name, settings.domain) : undefined,
    alike: isAbsent ? namesAlike(records, name) : [],
  };
}

function verdictOn(
  name: string,
  {
    options: { rrsets: zone, type },
    rrsets,
    below,
  }: { options: ExplainOptions; rrsets: readonly ExplainedRRset[]; below: readonly string[] },
): Verdict {
  const problem = whyNotAskable(name);
  if (problem !== undefined)
    return { kind: 'not-askable', text: `no question can ask for this name: it ${problem}` };
  const owner = parseName(name);
  if (!isNameWithin(owner, zone.origin))
    return {
      kind: 'outside-zone',
      text: `not in zone ${zone.origin}: the Worker forwards it, or refuses it`,
    };
  const answered = rrsets.filter(({ values }) => values.some(({ notAnswered }) => notAnswered === undefined));
  const types = answered.flatMap((rrset) => typesIn(rrset));
  if (owner === zone.origin) {
    const isOwn = type === undefined || ['SOA', 'NS', 'ANY'].includes(type);
    const text = 'the zone itself: SOA and NS, from the configuration (records.*)';
    return { kind: isOwn ? 'answered' : 'no-data', text };
  }
  if (types.some((each) => type === undefined || type === 'ANY' || type === each))
    return { kind: 'answered', text: `answered: ${types.join(', ')}` };
  if (types.length > 0)
    return { kind: 'no-data', text: `no data: it has ${types.join(', ')}, and no ${type ?? ''}` };
  if (rrsets.length > 0)
    return { kind: 'no-data', text: 'no data: it exists, and no answer can carry any of its values' };
  if (below.length > 0)
    return { kind: 'no-data', text: 'no data: nothing is at this name itself, only at names below it' };
  return { kind: 'nxdomain', text: `no such name in zone ${zone.origin} (NXDOMAIN)` };
}

/** The types of an RRset's answered values: those of `MORE` name them themselves. */
function typesIn({ type, values }: ExplainedRRset): readonly string[] {
  if (type !== 'MORE') return [type];
  const answered = values.filter(({ notAnswered }) => notAnswered === undefined);
  const types = new Set(answered.map(({ value }) => value.slice(0, value.indexOf(' '))));
  types.delete('TTL');
  return [...types];
}

function whyNotAskable(name: string): string | undefined {
  try {
    parseName(name);
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return error.message.replace(/^name ".*": /, '');
    throw error;
  }
}

type Facts = ExplainOptions & GiverFacts & { readonly contributions: readonly Contribution[] };

function explainedRRsets(records: RecordSet, name: string, facts: Facts): ExplainedRRset[] {
  const unanswerable: Skipped[] = [];
  const content = toZoneContent(records, facts.rrsets, (skipped) => void unanswerable.push(skipped));
  const present = RECORD_SET_TYPES.filter((type) => records[type].has(name));
  if (present.length > 0) content.rrsetsAt(parseName(name));
  return present.map((type) => ({
    type,
    ttl: ownTtl(records, name) ?? facts.rrsets.ttl,
    values: (records[type].get(name) ?? []).toSorted().map((value) => {
      const prefix = `${name} ${type === 'MORE' ? value : `${type} ${JSON.stringify(value)}`}: `;
      const refused = unanswerable.find(({ detail }) => detail.startsWith(prefix));
      const given = facts.contributions.filter((each) => each.type === type && each.value === value);
      return {
        value,
        notAnswered: refused?.detail.slice(prefix.length),
        from: given.map((contribution) => sourceOf(contribution, facts)),
      };
    }),
  }));
}

/** The least TTL that is given for a name, as it is answered. */
function ownTtl({ MORE }: RecordSet, name: string): number | undefined {
  const given = MORE.get(name)?.filter((value) => value.startsWith('TTL ')) ?? [];
  return given.length > 0 ? Math.min(...given.map((value) => Number(value.slice('TTL '.length)))) : undefined;
}

/** Does what was left out name the asked name, or the task or framework it would be of? */
function isRelated(detail: string, name: string, domain: string): boolean {
  const text = detail.toLowerCase();
  if (text.includes(name)) return true;
  const suffix = `.${domain}.`;
  if (!name.endsWith(suffix)) return false;
  const labels = name.slice(0, -suffix.length).split('.');
  const words = labels.map((label) => label.replace(/^_/, ''));
  const word = words.find((label) => !/^(?:tcp|udp|slave)$/.test(label)) ?? '';
  const task = word.replace(/-[a-z0-9]{5}-[^-]+$/, '');
  return task.length > 1 && text.includes(task);
}

/** Some names below `name`, fewest labels first. */
function namesBelow(records: RecordSet, name: string): string[] {
  const below = new Set<string>();
  const suffix = `.${name}`;
  for (const type of RECORD_SET_TYPES) {
    for (const each of records[type].keys()) {
      if (each.endsWith(suffix)) below.add(each);
      if (below.size === EXAMPLES) return [...below].toSorted();
    }
  }
  return [...below].toSorted();
}

/** The nearest name above that has something at it or below it. */
function nameAbove(records: RecordSet, name: string, domain: string): string | undefined {
  let rest = name;
  for (let dot = rest.indexOf('.'); dot >= 0 && dot < rest.length - 1; dot = rest.indexOf('.')) {
    rest = rest.slice(dot + 1);
    if (rest === `${domain}.`) return rest;
    const exists =
      RECORD_SET_TYPES.some((type) => records[type].has(rest)) || namesBelow(records, rest).length > 0;
    if (exists) return rest;
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
