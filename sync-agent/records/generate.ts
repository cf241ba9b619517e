import { canonicalAddress } from '../../zone/address.ts';
import type { ClusterState, Endpoint, MesosFramework, ReportSkipped } from '../cluster.ts';
import { taskAddresses } from './address.ts';
import { addAgent } from './agent.ts';
import { addFramework } from './framework.ts';
import { toFrameworkPart } from './label.ts';
import { addMasters } from './master.ts';
import { createRecordSet, type RecordSet, type RecordSink } from './record-set.ts';
import { keepReservedApart } from './reserved.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { addTask, createSharedNames } from './task.ts';

/**
 * The record set of a cluster, as mesos-dns would make it. Pure: host names come resolved. Elements that can't
 * be used are left out and reported; nothing here throws for what a cluster says.
 */
export function generateRecords(
  state: ClusterState,
  settings: RecordSettings,
  { addressesOfHost, report }: { addressesOfHost: AddressesOfHost; report: ReportSkipped },
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
  const into: RecordSink =
    settings.reservedNames === 'mixed'
      ? set
      : keepReservedApart(set, settings, { ownerOf: () => owner, report });

  const agents = new Map<string, readonly string[]>();
  for (const agent of state.agents) {
    const addresses = resolved(agent.endpoint, `agent ${agent.id}`);
    agents.set(agent.id, addresses);
    addAgent(set, agent, { domain, addresses });
  }
  const masters = new Map([state.leader, ...settings.masters].map((master) => [master?.host, master]));
  for (const [host, master] of masters) resolved(master, `master ${host}`);
  addMasters(set, state.leader, { masters: settings.masters, domain, addressesOf });
  for (const address of settings.nameServerAddresses) set.addAddress(settings.nameServer, address);

  for (const framework of state.frameworks) {
    const name = toFrameworkPart(framework.name, settings.labelRules);
    owner = describe(framework);
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
