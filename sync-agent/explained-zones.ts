import type { OwnerName } from '../zone/name.ts';
import type { Zone } from '../zone/zone.ts';
import { aliasZones } from './alias-zones.ts';
import type { ClusterState } from './cluster.ts';
import type { AgentConfig } from './config.ts';
import { consulTaskZones } from './consul-zones.ts';
import { taskServices } from './consul/task-services.ts';
import { dcosTwin, dcosZones } from './dcos-zones.ts';
import type { DerivedZone } from './derived.ts';
import { recordSettings, zoneOf } from './record-settings.ts';
import type { Derivation, MadeName } from './records/derivation.ts';
import type { NameValues, RecordValue } from './records/difference.ts';
import { toFrameworkPart } from './records/label.ts';
import type { RecordSet } from './records/record-set.ts';
import { reverseDerivation } from './records/reverse-derivation.ts';
import { reverseZones } from './reverse-zones.ts';

/** A zone that is made of the cluster, and how its names follow from what is; undefined for the configuration's own. */
export type ExplainedZone = { readonly zone: Zone; readonly derivation?: Derivation };

/** All zones that the agent makes of a cluster, its own first. Consul's catalogue is not among them. */
export function explainedZones(config: AgentConfig): readonly ExplainedZone[] {
  const derived = (
    zones: readonly DerivedZone[],
    derivationOf: (zone: DerivedZone) => Derivation,
  ): ExplainedZone[] => zones.map((each) => ({ zone: each.zone, derivation: derivationOf(each) }));
  return [
    { zone: zoneOf(config) },
    ...derived(aliasZones(config), aliasDerivation),
    ...derived(dcosZones(config), (each) => dcosDerivation(each, config)),
    ...derived(consulTaskZones(config), (each) => consulDerivation(each, config)),
    ...derived(reverseZones(config), ({ zone: { origin } }) =>
      reverseDerivation({
        origin,
        ambiguous: config.reverse?.ambiguous ?? 'leave-out',
        settings: recordSettings(config),
      }),
    ),
  ];
}

/** Of these zones the one a name is in, the longest one as at the Worker; undefined for a name in none. */
export function nearestOrigin(name: string, origins: readonly OwnerName[]): OwnerName | undefined {
  const text = name.toLowerCase().replace(/\.$/, '');
  return origins
    .filter((origin) => text === origin || text.endsWith(`.${origin}`))
    .toSorted((a, b) => b.length - a.length)[0];
}

function aliasDerivation({ zone: { origin }, derive }: DerivedZone): Derivation {
  return {
    sentence: `it has the names that labels of tasks give outside the domain (records.aliases.zones: ${origin})`,
    derive,
    from: (value) => [value],
    wouldGive: (name, state) => [{ name, state }],
  };
}

function dcosDerivation({ zone, derive, deriveName }: DerivedZone, config: AgentConfig): Derivation {
  const { origin } = zone;
  const madeAs = (name: string): string | undefined => dcosTwin(name, config)?.name;
  return {
    sentence: `it has DC/OS's names of what runs, and those of ${config.domain} below mesos.${origin}`,
    derive,
    from: ({ type, name, value }, records) => {
      const made = madeAs(name);
      if (made === undefined) return [];
      const gives = (each: string): boolean => {
        const values: NameValues = { [type]: [each] };
        return deriveName?.(made, values)?.values[type]?.[0] === value;
      };
      const values = (records[type].get(made) ?? []).filter((each) => gives(each));
      return values.map((each) => ({ type, name: made, value: each }));
    },
    wouldGive: (name, state) => {
      const made = madeAs(name);
      return made === undefined ? [] : [{ name: made, state }];
    },
  };
}

type Made = { readonly made: RecordValue; readonly from: RecordValue };

function consulDerivation({ zone: { origin }, derive }: DerivedZone, config: AgentConfig): Derivation {
  const { domain } = config;
  const { labelRules } = recordSettings(config);
  /** What was made for one name, and of what: values are asked for one by one. */
  let last:
    { readonly records: RecordSet; readonly name: string; readonly made: readonly Made[] } | undefined;
  const madeFor = (name: string, records: RecordSet): readonly Made[] => {
    if (last?.name === name && last.records === records) return last.made;
    const all: Made[] = [];
    const onMade = (made: RecordValue, from: RecordValue): void => {
      if (made.name === name) all.push({ made, from });
    };
    taskServices(records, { domain, consulDomain: origin, onMade });
    last = { records, name, made: all };
    return all;
  };
  return {
    sentence: `it has the tasks of ${domain} under Consul's names, whatever their framework: <task>.service.${origin}`,
    derive,
    from: (value, records) =>
      madeFor(value.name, records)
        .filter(({ made }) => made.type === value.type && made.value === value.value)
        .map(({ from }) => from),
    wouldGive: (name, state) => madeByFrameworks(name, { origin, domain, state, labelRules }),
  };
}

/** `web.service.consul.` could be `web.<framework>.<domain>.` of any framework; each is asked for its own part of the state. */
function madeByFrameworks(
  name: string,
  {
    origin,
    domain,
    state,
    labelRules,
  }: {
    readonly origin: OwnerName;
    readonly domain: string;
    readonly state: ClusterState;
    readonly labelRules: Parameters<typeof toFrameworkPart>[1];
  },
): MadeName[] {
  const labels = name.slice(0, -origin.length - 2).replace(/\.service$/, '');
  const made = ownLabels(labels);
  if (name === `${labels}.${origin}.` && !labels.startsWith('_')) return [];
  return state.frameworks.map((framework) => ({
    name: `${made}.${toFrameworkPart(framework.name, labelRules)}.${domain}.`,
    state: {
      ...state,
      frameworks: [framework],
      serverSets: state.serverSets?.filter(({ frameworkName }) => frameworkName === framework.name),
    },
  }));
}

/** `_web._v1` is a tag's ports, `_v1._web._tcp`; `_web._tcp` those of all, and other labels are a task's, or its tag's. */
function ownLabels(labels: string): string {
  const [, service = '', tag = ''] = /^_([^.]+)\._([^.]+)$/.exec(labels) ?? [];
  if (service === '' || tag === 'tcp') return labels;
  return `_${tag}._${service}._tcp`;
}
