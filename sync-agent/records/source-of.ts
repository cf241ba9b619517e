import { canonicalAddress } from '../../zone/address.ts';
import type { Endpoint, MesosFramework } from '../cluster.ts';
import { chooseAddresses } from './address.ts';
import type { Giver } from './giver.ts';
import type { RecordRule } from './record-set.ts';
import { RULES } from './rule.ts';
import { describeServerSet } from './server-set.ts';
import { sayShape } from './shape-said.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import type { Contribution } from './trace.ts';

/** Who gives a value, by which rule. */
export type Source = {
  /** Undefined in a zone that has no rules of its own: Consul's. */
  readonly rule: RecordRule | undefined;
  readonly sentence: string;
  /** For people: `task x of framework "marathon" on agent y (10.0.0.1)`. */
  readonly by: string;
  readonly taskId?: string;
  readonly framework?: string;
  readonly frameworkId?: string;
  /** Those the framework is subscribed with, but `*`; undefined where it has no other. */
  readonly roles?: readonly string[];
  readonly agentId?: string;
  /** Which of `records.ipSources` gave the address, or where else it is from. */
  readonly addressFrom?: string;
  /** The value it follows from, for one of a zone that follows from another: `web.marathon.mesos. A 10.0.0.1`. */
  readonly of?: string;
};

export type GiverFacts = {
  readonly settings: RecordSettings;
  readonly addressesOfHost: AddressesOfHost;
  readonly leader: Endpoint | undefined;
};

/** Where one value of a name is from. */
export function sourceOf(contribution: Contribution, facts: GiverFacts): Source {
  const { rule, giver, value, type } = contribution;
  const sentence = rule === undefined ? 'by no named rule' : RULES[rule];
  const hasAddress = type === 'A' || type === 'AAAA';
  const { by, ...source } = describeGiver(giver, { value: hasAddress ? value : undefined, rule, facts });
  return { rule, sentence, by: `${by}${sayShape(contribution, facts.settings)}`, ...source };
}

function describeGiver(
  giver: Giver,
  { value, rule, facts }: { value: string | undefined; rule: RecordRule | undefined; facts: GiverFacts },
): Omit<Source, 'rule' | 'sentence'> {
  switch (giver.kind) {
    case 'task': {
      const { task, framework, agentAddresses } = giver;
      const by = `task ${task.id} of framework ${JSON.stringify(framework.name)} on agent ${task.agentId}`;
      const ids = { taskId: task.id, ...idsOf(framework), agentId: task.agentId };
      if (value === undefined) return { by, ...ids };
      const isDcos = rule?.startsWith('dcos-') === true;
      const onAgent = rule?.endsWith('-on-agent') === true || (isDcos && agentAddresses.includes(value));
      const chosen = isDcos ? 'netinfo' : chooseAddresses(task, facts.settings, agentAddresses).from;
      const addressFrom = onAgent ? "the agent's own" : chosen;
      return { by, ...ids, ...(addressFrom !== undefined && { addressFrom }) };
    }
    case 'framework': {
      const { id, name, endpoint } = giver.framework;
      const by = `framework ${JSON.stringify(name)} (${id})`;
      return { by, ...idsOf(giver.framework), ...ofHost(endpoint, value) };
    }
    case 'agent':
      return {
        by: `agent ${giver.agent.id}`,
        agentId: giver.agent.id,
        ...ofHost(giver.agent.endpoint, value),
      };
    case 'server-set': {
      const { set, member } = giver;
      return { by: `${member} of ${describeServerSet(set)}`, framework: set.frameworkName };
    }
    case 'name-server':
      return { by: 'the configuration', addressFrom: 'records.nameServerAddresses' };
    case 'static-records':
      return { by: 'the zone file of the configuration (staticRecords)' };
    case 'masters': {
      if (rule === 'master-port') return { by: 'the masters' };
      const { leader, master } = masterOf(value, facts);
      const by = master
        ? `${leader ? 'the leading master' : 'master'} ${master.host}:${master.port}`
        : 'the masters';
      return { by, ...ofHost(master, value) };
    }
  }
}

function idsOf({ id, name, roles }: MesosFramework): Pick<Source, 'framework' | 'frameworkId' | 'roles'> {
  return { framework: name, frameworkId: id, ...(roles && { roles }) };
}

function ofHost(
  endpoint: Endpoint | undefined,
  value: string | undefined,
): { readonly addressFrom?: string } {
  if (!endpoint || value === undefined) return {};
  const isAddress = canonicalAddress(endpoint.host) !== undefined;
  return { addressFrom: isAddress ? 'its pid or URL' : `host name ${endpoint.host}, resolved` };
}

/** The master an address is of; without one (an SRV value) the leader. */
function masterOf(
  value: string | undefined,
  { settings, addressesOfHost, leader }: GiverFacts,
): { readonly leader: boolean; readonly master: Endpoint | undefined } {
  const has = (endpoint: Endpoint): boolean =>
    value === undefined || endpoint.host === value || addressesOfHost(endpoint.host).includes(value);
  if (leader && has(leader)) return { leader: true, master: leader };
  return { leader: false, master: settings.masters.find((master) => has(master)) };
}
