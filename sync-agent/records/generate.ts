import { canonicalAddress } from '../../zone/address.ts';
import type { ClusterState, Endpoint, MesosAgent, MesosTask, ReportSkipped } from '../cluster.ts';
import { addClusterRecords, clusterPart } from './cluster-records.ts';
import { type ChosenTasks, chosenTasks, leavesOut, tasksByName } from './eligible.ts';
import { describeFramework } from './framework.ts';
import type { Giver, Trace } from './giver.ts';
import { createRecordSet, type RecordSet, type RecordSink } from './record-set.ts';
import { keepReservedApart } from './reserved.ts';
import { addServerSet, describeServerSet, hostNamesOfSets, placeServerSet } from './server-set.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { createShaper } from './shape.ts';
import { createTaskAdder, reportUnplaced } from './task-group.ts';

export type GenerateOptions = {
  readonly addressesOfHost: AddressesOfHost;
  readonly report: ReportSkipped;
  readonly trace?: Trace;
  /** Is told of all tasks of one framework with one name which make records, name by name, where rules leave out any. */
  readonly onChosen?: (chosen: ChosenTasks) => void;
};

/**
 * The record set of a cluster, as mesos-dns would make it. Pure: host names come resolved. Elements that can't
 * be used are left out and reported; nothing here throws for what a cluster says.
 */
export function generateRecords(
  state: ClusterState,
  settings: RecordSettings,
  { addressesOfHost, report, trace, onChosen }: GenerateOptions,
): RecordSet {
  const set = createRecordSet(report);
  let owner = '';
  const begin = (giver: Giver): void => {
    if (giver.kind === 'framework') owner = describeFramework(giver.framework);
    if (giver.kind === 'task') owner = `task ${giver.task.id}`;
    if (giver.kind === 'server-set') owner = describeServerSet(giver.set);
    trace?.begin(giver);
  };
  const apart = keepReservedApart(set, settings, { ownerOf: () => owner, report });
  const into: RecordSink = trace?.around(apart) ?? apart;
  const own: RecordSink = trace?.around(set) ?? set;

  const cluster = clusterPart(state, { settings, addressesOfHost });
  const agents = new Map(cluster.agents.map((placed) => [placed.agent.id, placed]));
  const agentOf = (id: string): MesosAgent | undefined => agents.get(id)?.agent;
  addClusterRecords({ own, into }, cluster, { settings, report, begin });
  const shaper = settings.shape && createShaper(settings.shape);
  const hiddenIds = new Set<string>();
  for (const { framework, part } of cluster.frameworks) {
    const hidden = new Set<MesosTask>();
    const shapeOf = shaper && ((task: MesosTask) => shaper(task, part));
    const isChosen = leavesOut(settings.tasks) || shapeOf;
    for (const tasks of isChosen ? tasksByName(framework.tasks, shapeOf).values() : []) {
      const chosen = chosenTasks(tasks, { agentOf, settings, shapeOf, asOfSeconds: state.asOfSeconds });
      for (const { task } of chosen.hidden) {
        hidden.add(task);
        hiddenIds.add(task.id);
      }
      onChosen?.(chosen);
    }
    const addTask = createTaskAdder(into, { part, settings, shaper });
    for (const task of framework.tasks) {
      if (task.state !== 'TASK_RUNNING' || hidden.has(task)) continue;
      const placed = agents.get(task.agentId);
      if (!placed) {
        reportUnplaced(task, report);
        continue;
      }
      begin({ kind: 'task', task, framework, agentAddresses: placed.addresses });
      addTask(task, placed, report);
    }
  }
  const isHidden = (id: string): boolean => hiddenIds.has(id);
  for (const each of state.serverSets ?? []) {
    const placed = placeServerSet(each, { settings, agents, addressesOfHost, isHidden });
    addServerSet(into, placed, { settings, report, begin });
  }
  return set.records;
}

/** Host names of a state and its masters that have to be resolved before records can be made. */
export function hostNamesOf(state: ClusterState, masters: readonly Endpoint[]): Set<string> {
  const endpoints = [
    state.leader,
    ...(state.masters ?? masters),
    ...state.agents.map((agent) => agent.endpoint),
    ...state.frameworks.map((framework) => framework.endpoint),
  ];
  const names = hostNamesOfSets(state.serverSets);
  for (const endpoint of endpoints) {
    if (endpoint && endpoint.host !== '' && canonicalAddress(endpoint.host) === undefined)
      names.add(endpoint.host);
  }
  return names;
}
