import { canonicalAddress } from '../../zone/address.ts';
import type {
  ClusterState,
  Endpoint,
  MesosAgent,
  MesosFramework,
  MesosTask,
  ReportSkipped,
} from '../cluster.ts';
import { taskAddresses } from './address.ts';
import { addAgent } from './agent.ts';
import { addFramework } from './framework.ts';
import { toFrameworkPart } from './label.ts';
import { addMasters } from './master.ts';
import { createRecordSet, type RecordSet, type RecordSink } from './record-set.ts';
import { keepReservedApart } from './reserved.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { addTask, createSharedNames } from './task.ts';

/** Listens while records are made: `begin` tells what the records that follow come from. Only `explain` does. */
export type Trace = {
  readonly begin: (giver: Giver) => void;
  /** A sink that hands everything on to `into`. */
  readonly around: (into: RecordSink) => RecordSink;
};

/** What gives records. */
export type Giver =
  | { readonly kind: 'masters' | 'name-server' }
  | { readonly kind: 'agent'; readonly agent: MesosAgent }
  | { readonly kind: 'framework'; readonly framework: MesosFramework }
  | {
      readonly kind: 'task';
      readonly task: MesosTask;
      readonly framework: MesosFramework;
      readonly agentAddresses: readonly string[];
    };

/**
 * The record set of a cluster, as mesos-dns would make it. Pure: host names come resolved. Elements that can't
 * be used are left out and reported; nothing here throws for what a cluster says.
 */
export function generateRecords(
  state: ClusterState,
  settings: RecordSettings,
  {
    addressesOfHost,
    report,
    trace,
  }: { addressesOfHost: AddressesOfHost; report: ReportSkipped; trace?: Trace },
): RecordSet {
  const set = createRecordSet(report);
  const { domain } = settings;
  const addressesOf: AddressesOfHost = (host) => {
    const address = canonicalAddress(host);
    return address === undefined ? addressesOfHost(host) : [address];
  };
  const resolved = (endpoint: Endpoint | undefined, element: string): readonly string[] => {
    if (!endpoint || endpoint.host === '') return [];
    const addresses = addressesOf(endpoint.host);
    if (addresses.length === 0) {
      report({ reason: 'host-unresolved', detail: `${element}: host ${endpoint.host} does not resolve` });
    }
    return addresses;
  };
  let owner = '';
  const apart =
    settings.reservedNames === 'mixed'
      ? set
      : keepReservedApart(set, settings, { ownerOf: () => owner, report });
  const into: RecordSink = trace?.around(apart) ?? apart;
  const own: RecordSink = trace?.around(set) ?? set;

  const agents = new Map<string, readonly string[]>();
  for (const agent of state.agents) {
    const addresses = resolved(agent.endpoint, `agent ${agent.id}`);
    agents.set(agent.id, addresses);
    trace?.begin({ kind: 'agent', agent });
    addAgent(own, agent, { domain, addresses });
  }
  const masters = new Map([state.leader, ...settings.masters].map((master) => [master?.host, master]));
  for (const [host, master] of masters) resolved(master, `master ${host}`);
  trace?.begin({ kind: 'masters' });
  addMasters(own, state.leader, { masters: settings.masters, domain, addressesOf });
  trace?.begin({ kind: 'name-server' });
  for (const address of settings.nameServerAddresses)
    own.addAddress(settings.nameServer, address, 'name-server');

  for (const framework of state.frameworks) {
    const name = toFrameworkPart(framework.name, settings.labelRules);
    owner = describe(framework);
    trace?.begin({ kind: 'framework', framework });
    addFramework(into, framework, { name, domain, addresses: resolved(framework.endpoint, owner) });
    const inDomain = `${name}.${domain}.`;
    const onAgent = `${name}.slave.${domain}.`;
    const names = createSharedNames(into, { inDomain, onAgent });
    for (const task of framework.tasks) {
      if (task.state !== 'TASK_RUNNING') continue;
      const agentAddresses = agents.get(task.agentId);
      if (!agentAddresses) {
        report({
          reason: 'unknown-agent',
          detail: `task ${task.id} runs on agent ${task.agentId}, which is not listed`,
        });
        continue;
      }
      const place = {
        inDomain,
        onAgent,
        names,
        addresses: taskAddresses(task, settings.ipSources, agentAddresses),
        agentAddresses,
      };
      owner = `task ${task.id}`;
      trace?.begin({ kind: 'task', task, framework, agentAddresses });
      addTask(into, task, { place, settings, report });
    }
  }
  return set.records;
}

/** Host names of a state and its masters that have to be resolved before records can be made. */
export function hostNamesOf(state: ClusterState, masters: readonly Endpoint[]): Set<string> {
  const endpoints = [
    state.leader,
    ...masters,
    ...state.agents.map((agent) => agent.endpoint),
    ...state.frameworks.map((framework) => framework.endpoint),
  ];
  const names = new Set<string>();
  for (const endpoint of endpoints) {
    if (endpoint && endpoint.host !== '' && canonicalAddress(endpoint.host) === undefined)
      names.add(endpoint.host);
  }
  return names;
}

function describe(framework: MesosFramework): string {
  return `framework ${JSON.stringify(framework.name)} (${framework.id})`;
}
