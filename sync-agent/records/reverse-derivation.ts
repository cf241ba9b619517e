import { canonicalAddress } from '../../zone/address.ts';
import type { ClusterState, MesosTask } from '../cluster.ts';
import { addressOfReverseName } from './address-of-reverse-name.ts';
import type { Derivation, DerivationFacts, Reason } from './derivation.ts';
import type { RecordValue } from './difference.ts';
import { sayWhyHidden } from './hidden.ts';
import type { RecordSet } from './record-set.ts';
import {
  addressFacts,
  isOneHost,
  reverseRecords,
  type ReverseOptions,
  withoutOtherNames,
} from './reverse.ts';

const MAX_NAMES = 10;

/** PTR records: each of its addresses leads to the one name that has it. */
export function reverseDerivation(options: ReverseOptions): Derivation {
  /** Who has the address of one name: values are asked for one by one. */
  let last:
    | { readonly records: RecordSet; readonly name: string; readonly having: readonly RecordValue[] }
    | undefined;
  const havingAddressOf = (name: string, records: RecordSet): readonly RecordValue[] => {
    if (last?.name === name && last.records === records) return last.having;
    const address = addressOfReverseName(name);
    const having = address === undefined ? [] : valuesWith(address, records);
    last = { records, name, having };
    return having;
  };
  return {
    sentence:
      'it has a PTR record for each address that one name has, of a task, an agent or a static record',
    derive: (records) => reverseRecords(records, options),
    from: ({ name, value }, records) => {
      const target = value.slice('PTR '.length);
      return havingAddressOf(name, records).filter((each) => each.name === target);
    },
    wouldGive: () => [],
    whyNot: (name, facts) => whyNoPointer(name, options, facts),
  };
}

/** The address values that are this address, however they are written. */
function valuesWith(address: string, records: RecordSet): RecordValue[] {
  // The mapped form of an IPv4 address is that address.
  const types = address.includes(':') ? (['AAAA'] as const) : (['A', 'AAAA'] as const);
  return types.flatMap((type) =>
    [...records[type]].flatMap(([name, values]) =>
      values.filter((value) => canonicalAddress(value) === address).map((value) => ({ type, name, value })),
    ),
  );
}

/** Names that have the address and are no target, and what has it without having a name. */
function whyNoPointer(name: string, options: ReverseOptions, facts: DerivationFacts): Reason[] {
  const address = addressOfReverseName(name);
  if (address === undefined) return [];
  const {
    ambiguous,
    settings: { domain, nameServer },
  } = options;
  const names = new Set(valuesWith(address, facts.records).map((each) => each.name));
  const isCounted = isOneHost(domain, nameServer);
  const counted = new Set([...names].filter((each) => isCounted(each)));
  const things = withoutOtherNames(counted, options.settings, addressFacts(name, facts.records, domain));
  const pointers = new Set(reverseRecords(facts.records, options).MORE.get(name) ?? []);
  const found: Reason[] = [];
  if (things.some((each) => !pointers.has(`PTR ${each}`)))
    found.push({
      reason: 'ambiguous-address',
      detail: `${things.length} names have ${address}: ${listed(things)} (reverse.ambiguous is ${ambiguous})`,
    });
  const others = [...names].filter((each) => !counted.has(each));
  if (others.length > 0)
    found.push({
      reason: 'name-not-counted',
      detail: `${listed(others)} ${others.length === 1 ? 'has' : 'have'} ${address}, and no PTR record leads there: names of the cluster, of many hosts, below slave, and wildcards do not count`,
    });
  return counted.size > 0 ? found : [...found, ...nameless(address, facts)];
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return [...names.toSorted().slice(0, MAX_NAMES), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** Tasks and agents that have the address, which no name is published for. */
function nameless(address: string, { state, hidden, addressesOfHost, settings }: DerivationFacts): Reason[] {
  const isIt = (text: string): boolean => canonicalAddress(text) === address;
  const found: Reason[] = [];
  for (const { framework, task } of tasksIn(state)) {
    const statuses = task.running.flatMap(({ netinfo, docker, mesos }) => [...netinfo, ...docker, ...mesos]);
    if (!statuses.some((text) => isIt(text))) continue;
    const who = `task ${task.id} of framework ${JSON.stringify(framework)}`;
    const why = hidden.get(task);
    if (why)
      found.push({
        reason: `hidden-${why.reason}`,
        detail: `${who} is hidden: ${sayWhyHidden({ task, why })}`,
      });
    else if (task.state !== 'TASK_RUNNING')
      found.push({ reason: 'task-not-running', detail: `${who} is ${task.state || 'in no state'}` });
    else
      found.push({
        reason: 'address-not-published',
        detail: `${who} reports ${address}, and its names have another address (records.ipSources ${settings.ipSources.join(', ')}, records.addresses)`,
      });
  }
  for (const { id, endpoint } of state.agents) {
    const host = endpoint?.host ?? '';
    if (host === '' || !(isIt(host) || addressesOfHost(host).some((each) => isIt(each)))) continue;
    const isNamed = settings.further?.agentNames === true;
    const why = isNamed
      ? 'has no name that can be published'
      : 'agents have names of their own with records.agentNames alone';
    found.push({ reason: 'agent-without-name', detail: `agent ${id} has ${address}: ${why}` });
  }
  return found;
}

function* tasksIn(state: ClusterState): Generator<{ readonly framework: string; readonly task: MesosTask }> {
  for (const framework of state.frameworks)
    for (const task of framework.tasks) yield { framework: framework.name, task };
}
