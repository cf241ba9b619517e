import { FormatError } from '../../zone/format-error.ts';
import { isNameWithin, parseName } from '../../zone/name.ts';
import type { ConsulDatacenter, ConsulInstance, Skipped } from '../cluster.ts';
import { type NameValues, type RecordValue, valuesAt } from '../records/difference.ts';
import { explainInZone } from '../records/explain-zone.ts';
import type { Explanation } from '../records/explain.ts';
import type { RRsetSettings } from '../records/rrsets.ts';
import type { Source } from '../records/source-of.ts';
import { type ConsulRecordSettings, consulRecords } from './records.ts';
import { consulWhyNot } from './why-not.ts';

type ExplainConsulOptions = {
  readonly settings: ConsulRecordSettings;
  readonly rrsets: RRsetSettings;
  /** Only this type of record is asked for. */
  readonly type: string | undefined;
  /** What was left out while the catalogue was read. */
  readonly skipped: readonly Skipped[];
  /** For people: where the catalogue is from. */
  readonly from: string;
};

const MAX_SKIPPED = 10;

/** Explains one name of Consul's zone by its catalogue. Pure. */
export function explainConsul(
  datacenters: readonly ConsulDatacenter[],
  asked: string,
  { settings, rrsets, type, skipped: earlier, from }: ExplainConsulOptions,
): Explanation {
  const name = asked.endsWith('.') ? asked.toLowerCase() : `${asked.toLowerCase()}.`;
  const skipped = [...earlier];
  const records = consulRecords(datacenters, settings, (each) => void skipped.push(each));
  const givers = giversOf(datacenters, name, settings);
  const sourcesOf = ({ type: of, value }: RecordValue): readonly Source[] =>
    givers.filter(({ values }) => values[of]?.includes(value) === true).map(({ source }) => source);
  const explained = explainInZone(records, name, { rrsets, type, sourcesOf, wildcards: 'none' });
  const related = skipped.filter(({ detail }) => isRelated(detail, name));
  return {
    ...explained,
    zone: rrsets.origin,
    derived: `it is Consul's catalogue, from ${from}`,
    missing: isInZone(name, rrsets) ? consulWhyNot(datacenters, name, settings) : [],
    spared: [],
    skipped: related.slice(0, MAX_SKIPPED),
    otherSkipped: skipped.length - Math.min(related.length, MAX_SKIPPED),
  };
}

function isInZone(name: string, { origin }: RRsetSettings): boolean {
  try {
    return isNameWithin(parseName(name), origin);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** A node or instance that gives the name values, and which. */
type GivenBy = { readonly source: Source; readonly values: NameValues };

/** Each node and instance that may have to do with the name, asked alone for what it gives. */
function giversOf(
  datacenters: readonly ConsulDatacenter[],
  name: string,
  settings: ConsulRecordSettings,
): readonly GivenBy[] {
  const found: GivenBy[] = [];
  const empty = datacenters.map((each) => ({ ...each, nodes: [], services: [] }));
  const ask = (i: number, part: Partial<ConsulDatacenter>, source: Source): void => {
    const alone = empty.map((each, j) => (i === j ? { ...each, ...part } : each));
    const values = valuesAt(
      consulRecords(alone, settings, () => undefined),
      name,
    );
    if (Object.values(values).some((list) => list !== undefined)) found.push({ source, values });
  };
  for (const [i, { name: datacenter, nodes, services }] of datacenters.entries()) {
    const isOf = (part: string): boolean => name.includes(part.toLowerCase());
    for (const node of nodes)
      if (isOf(node.name)) ask(i, { nodes: [node] }, byConsul(`node ${node.name} in ${datacenter}`));
    for (const service of services) {
      if (!isOf(service.name) && !isOf('.addr.')) continue;
      for (const instance of service.instances) {
        const who = describeInstance(instance, service.name);
        const source = byConsul(`${who} in ${datacenter}, ${instance.health}`);
        ask(i, { services: [{ ...service, instances: [instance] }] }, source);
      }
    }
  }
  return found;
}

function byConsul(by: string): Source {
  return { rule: undefined, sentence: 'as Consul answers it', by };
}

function describeInstance({ id, node }: ConsulInstance, service: string): string {
  return `instance ${id} of service ${service} on node ${node.name}`;
}

/** Does what was left out name a part of the name? */
function isRelated(detail: string, name: string): boolean {
  const text = detail.toLowerCase();
  const [label = ''] = name.split('.').map((each) => each.replace(/^_/, ''));
  return label.length > 1 && text.includes(label);
}
