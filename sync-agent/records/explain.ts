import type { ClusterState, MesosTask, Skipped } from '../cluster.ts';
import { isDcosName } from './dcos-names.ts';
import { dcosWhyNot } from './dcos-why-not.ts';
import type { Derivation, Reason } from './derivation.ts';
import type { RecordValue } from './difference.ts';
import type { HiddenBy, HiddenTask } from './eligible.ts';
import { explainInZone, ownerOf, whyNotAskable, type ZoneExplanation } from './explain-zone.ts';
import { ofOwnType, valuesOf } from './explained-rrsets.ts';
import { findName, type WildcardScope } from './found-name.ts';
import { generateRecords } from './generate.ts';
import { sayWhyHidden } from './hidden.ts';
import type { RecordSet } from './record-set.ts';
import type { RRsetSettings } from './rrsets.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { type GiverFacts, type Source, sourceOf } from './source-of.ts';
import { type Contribution, traceNames } from './trace.ts';
import { whyNot } from './why-not.ts';

/** Why a name answers as it does, or does not. Names have their final dot. */
export type Explanation = ZoneExplanation & {
  readonly zone: string;
  /** How the zone follows from the cluster's own; undefined for that one. */
  readonly derived: string | undefined;
  /** What would give the name values and does not. */
  readonly missing: readonly Reason[];
  /** Tasks that give it values, which a rule would leave out if anything else of their name were left. */
  readonly spared: readonly string[];
  /** Elements that were left out and may have to do with it, and how many others were. */
  readonly skipped: readonly Skipped[];
  readonly otherSkipped: number;
};

export type ExplainOptions = {
  readonly settings: RecordSettings;
  readonly rrsets: RRsetSettings;
  readonly addressesOfHost: AddressesOfHost;
  /** What was left out while the state was read. */
  readonly skipped: readonly Skipped[];
  /** Only this type of record is asked for. */
  readonly type?: string | undefined;
  /** How the zone follows from what is made of the cluster; undefined: it has that. */
  readonly derivation?: Derivation | undefined;
  /** `none`: names that begin with `*` answer for no others. */
  readonly wildcards?: 'none' | undefined;
  /** All zones that are published. */
  readonly zones?: readonly string[] | undefined;
};

const MAX_SKIPPED = 10;

/** Explains one name of a cluster. Pure; the cluster is gone through several times: this takes as long as some reads. */
export function explainName(state: ClusterState, asked: string, options: ExplainOptions): Explanation {
  const { settings, addressesOfHost, derivation, rrsets } = options;
  const name = asked.endsWith('.') ? asked.toLowerCase() : `${asked.toLowerCase()}.`;
  const skipped = [...options.skipped];
  const hidden = new Map<MesosTask, HiddenBy>();
  const spared: HiddenTask[] = [];
  const first = traceNames(new Set([name]));
  const made = generateRecords(state, settings, {
    addressesOfHost,
    report: (one) => void skipped.push(one),
    trace: first,
    onChosen: (chosen) => {
      for (const { task, why } of chosen.hidden) hidden.set(task, why);
      spared.push(...chosen.spared);
    },
  });
  const records = derivation ? derivation.derive(made) : made;
  const originsOf = (value: RecordValue): readonly RecordValue[] =>
    derivation ? derivation.from(value, made) : [value];
  const given = valuesAnswering(records, name, options).flatMap((value) => originsOf(value));
  const isFound = given.every((value) => value.name === name);
  const { contributions } = isFound
    ? first
    : contributionsTo(state, new Set(given.map((each) => each.name)), options);
  const facts: GiverFacts = { settings, addressesOfHost, leader: state.leader };
  const explained = explainInZone(records, name, {
    ...options,
    sourcesOf: (value) =>
      originsOf(value).flatMap((origin) =>
        sourcesOf(origin, { contributions, facts, isOther: origin.name !== value.name }),
      ),
  });
  const related = skipped.filter(({ detail }) => isRelated(detail, name, rrsets.origin));
  const givers = new Set(contributions.map(({ giver }) => (giver.kind === 'task' ? giver.task : undefined)));
  return {
    ...explained,
    zone: rrsets.origin,
    derived: derivation?.sentence,
    missing: missingFrom(state, name, { options, made, hidden }),
    spared: spared
      .filter(({ task }) => givers.has(task))
      .map((one) => `task ${one.task.id}: ${sayWhyHidden(one)}`),
    skipped: related.slice(0, MAX_SKIPPED),
    otherSkipped: skipped.length - Math.min(related.length, MAX_SKIPPED),
  };
}

/** The values of the name, or of the wildcard that answers for it. */
function valuesAnswering(records: RecordSet, name: string, scope: WildcardScope): RecordValue[] {
  if (whyNotAskable(name) !== undefined) return [];
  const owner = ownerOf(findName(records, name, scope));
  return owner === undefined ? [] : valuesOf(records, owner);
}

function contributionsTo(
  state: ClusterState,
  names: ReadonlySet<string>,
  { settings, addressesOfHost }: ExplainOptions,
): { readonly contributions: readonly Contribution[] } {
  const trace = traceNames(names);
  generateRecords(state, settings, { addressesOfHost, report: () => undefined, trace });
  return trace;
}

function sourcesOf(
  origin: RecordValue,
  {
    contributions,
    facts,
    isOther,
  }: {
    readonly contributions: readonly Contribution[];
    readonly facts: GiverFacts;
    readonly isOther: boolean;
  },
): Source[] {
  const { type, text } = ofOwnType(origin);
  const of = isOther ? { of: `${origin.name} ${type} ${text}` } : {};
  return contributions
    .filter(
      ({ made, ...each }) =>
        each.type === origin.type && each.value === origin.value && made.toLowerCase() === origin.name,
    )
    .map((contribution) => ({ ...sourceOf(contribution, facts), ...of }));
}

function missingFrom(
  state: ClusterState,
  name: string,
  {
    options: { settings, addressesOfHost, derivation },
    made: records,
    hidden,
  }: {
    readonly options: ExplainOptions;
    readonly made: RecordSet;
    readonly hidden: ReadonlyMap<MesosTask, HiddenBy>;
  },
): Reason[] {
  const names = derivation ? derivation.wouldGive(name, state) : [{ name, state }];
  const found = names.flatMap((each): readonly Reason[] => {
    const findMissing = isDcosName(each.name) ? dcosWhyNot : whyNot;
    return findMissing(each.state, each.name, { settings, addressesOfHost, hidden });
  });
  const own = derivation?.whyNot?.(name, { state, records, settings, addressesOfHost, hidden }) ?? [];
  return [...new Map([...own, ...found].map((each) => [`${each.reason} ${each.detail}`, each])).values()];
}

/** Does what was left out name the asked name, or the task or framework it would be of? */
function isRelated(detail: string, name: string, origin: RRsetSettings['origin']): boolean {
  const text = detail.toLowerCase();
  if (text.includes(name)) return true;
  const suffix = `.${origin}.`;
  if (!name.endsWith(suffix) || suffix.endsWith('.arpa.')) return false;
  const labels = name.slice(0, -suffix.length).split('.');
  const words = labels.map((label) => label.replace(/^_/, ''));
  const word = words.find((label) => !/^(?:tcp|udp|slave)$/.test(label)) ?? '';
  const task = word.replace(/-[a-z0-9]{5}-[^-]+$/, '');
  return task.length > 1 && text.includes(task);
}
