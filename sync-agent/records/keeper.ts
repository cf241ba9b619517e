import type { ClusterState, EndedTask, MesosTask, Skipped } from '../cluster.ts';
import { sameFacts, sameLists } from '../same-facts.ts';
import { createAnnouncedNames } from './announced.ts';
import { addClusterRecords, type ClusterPart, clusterPart, type PlacedAgent } from './cluster-records.ts';
import { createCountedRecords } from './counted-records.ts';
import type { NamesBefore } from './difference.ts';
import { type ChosenTasks, chosenTasks, tasksByName } from './eligible.ts';
import { describeFramework } from './framework.ts';
import type { RecordSet, RecordSink } from './record-set.ts';
import { keepReservedApart } from './reserved.ts';
import type { AddressesOfHost, RecordSettings } from './settings.ts';
import { addServerSet, describeServerSet, placeServerSet, type PlacedServerSet } from './server-set.ts';
import { createShaper } from './shape.ts';
import { createTaskAdder, reportUnplaced } from './task-group.ts';

/**
 * A cluster's record set, brought up to date from state to state: made anew are the records of what changed alone.
 * What it holds is what `generateRecords` would give for the last state.
 */
export type RecordKeeper = {
  readonly update: (state: ClusterState, addressesOfHost: AddressesOfHost) => KeptRecords;
};

export type KeptRecords = {
  /** Changes in place with the next update. */
  readonly records: RecordSet;
  /** Names whose answers changed with this update, with what they held before; none with the first. */
  readonly before: NamesBefore;
  /** What is left out of the records as they are now, whenever that began. */
  readonly skipped: readonly Skipped[];
  /** Running tasks that rules keep out, by reason. */
  readonly hidden: Readonly<Record<string, number>>;
  /** Those that a rule would keep out as well, but nothing of their name would be left. */
  readonly spared: Readonly<Record<string, number>>;
  /** The tasks kept out: they have not ended, and their names are to go. */
  readonly hiddenTasks: readonly EndedTask[];
  /** Address names of ServerSets, as `AnnouncedNames` has them. */
  readonly announced: ReadonlyMap<string, boolean>;
};

/** Tasks of one framework with one name: rules look at them together. */
type Group = {
  readonly frameworkName: string;
  readonly part: string;
  /** All of the state, and where they are. */
  readonly tasks: readonly MesosTask[];
  readonly agents: readonly (PlacedAgent | undefined)[];
  readonly chosen: ChosenTasks;
  /** Those that have records, by what tells them apart. */
  readonly given: ReadonlyMap<string, Given>;
  readonly unplaced: readonly Skipped[];
};

/** A ServerSet whose records are given. */
type GivenSet = { readonly placed: PlacedServerSet; readonly skipped: readonly Skipped[] };

type Given = { readonly task: MesosTask; readonly placed: PlacedAgent; readonly skipped: readonly Skipped[] };

const NOTHING: readonly Skipped[] = [];
const NOBODY: ReadonlyMap<string, Given> = new Map();
const ignore = (): void => undefined;

export function createRecordKeeper(settings: RecordSettings): RecordKeeper {
  const counted = createCountedRecords();
  const shaper = settings.shape && createShaper(settings.shape);
  let cluster: { readonly part: ClusterPart; readonly skipped: readonly Skipped[] } | undefined;
  let agents: ReadonlyMap<string, PlacedAgent> = new Map();
  /** Is every agent where it was at the last update? */
  let agentsStay = false;
  const groups = new Map<string, Group>();
  const sets = new Map<string, GivenSet>();
  const announced = createAnnouncedNames(settings);
  /** Whose records are made, and where what is wrong with them goes. */
  let owner = '';
  let skipped: Skipped[] = [];
  const report = (each: Skipped): void => void skipped.push(each);

  const apart = (own: RecordSink, told: (skipped: Skipped) => void): RecordSink =>
    keepReservedApart(own, settings, { ownerOf: () => owner, report: told });
  // What is reported once a name is to be reported for each element, so sinks are opened for each.
  const opened = (): { own: RecordSink; into: RecordSink } => {
    skipped = [];
    const own = counted.giving(report);
    return { own, into: apart(own, report) };
  };
  const takenBack = (): { own: RecordSink; into: RecordSink } => {
    const own = counted.takingBack();
    return { own, into: apart(own, ignore) };
  };

  const updateCluster = (part: ClusterPart): void => {
    if (cluster && sameFacts(withoutTasks(cluster.part), withoutTasks(part))) return;
    if (cluster) addClusterRecords(takenBack(), cluster.part, { settings, report: ignore });
    addClusterRecords(opened(), part, {
      settings,
      report,
      begin: (giver) => {
        if (giver.kind === 'framework') owner = describeFramework(giver.framework);
      },
    });
    cluster = { part, skipped };
  };

  const takeBack = ({ task, placed }: Given, part: string): void =>
    createTaskAdder(takenBack().into, { part, settings, shaper })(task, placed, ignore);
  const give = (task: MesosTask, placed: PlacedAgent, part: string): Given => {
    owner = `task ${task.id}`;
    createTaskAdder(opened().into, { part, settings, shaper })(task, placed, report);
    return { task, placed, skipped: skipped.length > 0 ? skipped : NOTHING };
  };

  const updateGroup = (
    key: string,
    group: Pick<Group, 'frameworkName' | 'part' | 'tasks'>,
    state: ClusterState,
  ): void => {
    const { frameworkName, part, tasks } = group;
    const { asOfSeconds } = state;
    const known = groups.get(key);
    const isDue = (known?.chosen.recheckAtSeconds ?? Infinity) <= (asOfSeconds ?? -Infinity);
    const mayStay = known?.part === part && !isDue;
    if (mayStay && agentsStay && sameLists(known.tasks, tasks, sameFacts)) return;
    const placed = tasks.map(({ agentId }) => agents.get(agentId));
    if (mayStay && sameLists(known.agents, placed) && sameLists(known.tasks, tasks, sameFacts)) return;
    const chosen = chosenTasks(tasks, {
      agentOf: (id) => agents.get(id)?.agent,
      settings,
      shapeOf: shaper && ((task) => shaper(task, part)),
      asOfSeconds,
      unhealthyBefore: known?.chosen.unhealthySince,
    });
    const before = known?.given ?? NOBODY;
    const given = new Map<string, Given>();
    const stays = ({ task, placed: was }: Given, now: Omit<Given, 'skipped'>): boolean =>
      known?.part === part && was === now.placed && sameFacts(task, now.task);
    for (const task of chosen.shown) {
      const place = agents.get(task.agentId);
      if (!place) continue;
      // Ids are unique but in states that were edited by hand.
      const id = given.has(task.id) ? `${task.id}\n${given.size}` : task.id;
      const was = before.get(id);
      given.set(id, was && stays(was, { task, placed: place }) ? was : give(task, place, part));
    }
    for (const [id, was] of before) if (given.get(id) !== was) takeBack(was, known?.part ?? part);
    skipped = [];
    for (const task of chosen.unplaced) reportUnplaced(task, report);
    const unplaced = skipped;
    groups.set(key, { frameworkName, part, tasks, agents: placed, chosen, given, unplaced });
  };

  const updateSets = (state: ClusterState, addressesOfHost: AddressesOfHost): void => {
    const { serverSets } = state;
    announced.lookAgain(state);
    if (!serverSets && sets.size === 0) return;
    const hiddenIds = new Set<string>();
    for (const { chosen } of groups.values()) for (const { task } of chosen.hidden) hiddenIds.add(task.id);
    const isHidden = (id: string): boolean => hiddenIds.has(id);
    const seen = new Set<string>();
    for (const set of serverSets ?? []) {
      const key = `${describeServerSet(set)}${seen.has(describeServerSet(set)) ? ` ${seen.size}` : ''}`;
      seen.add(key);
      const placed = placeServerSet(set, { settings, agents, addressesOfHost, isHidden });
      const was = sets.get(key);
      if (was && sameFacts(was.placed, placed)) continue;
      if (was) addServerSet(takenBack().into, was.placed, { settings, report: ignore });
      announced.changed(was?.placed, placed, state);
      owner = describeServerSet(set);
      addServerSet(opened().into, placed, { settings, report });
      sets.set(key, { placed, skipped: skipped.length > 0 ? skipped : NOTHING });
    }
    for (const [key, { placed }] of sets) {
      if (seen.has(key)) continue;
      announced.changed(placed, undefined, state);
      addServerSet(takenBack().into, placed, { settings, report: ignore });
      sets.delete(key);
    }
  };

  return {
    update: (state, addressesOfHost) => {
      const part = clusterPart(state, { settings, addressesOfHost });
      const placed = new Map(part.agents.map((each) => [each.agent.id, sameOrNew(agents, each)]));
      agentsStay =
        placed.size === agents.size &&
        part.agents.every(({ agent: { id } }) => placed.get(id) === agents.get(id));
      agents = placed;
      updateCluster(part);
      const seen = new Set<string>();
      for (const [i, { framework, part: name }] of part.frameworks.entries()) {
        const shapeOf = shaper && ((task: MesosTask) => shaper(task, name));
        for (const [taskName, tasks] of tasksByName(framework.tasks, shapeOf)) {
          const key = `${framework.id}\n${seen.has(`${framework.id}\n\n${taskName}`) ? i : ''}\n${taskName}`;
          seen.add(key);
          updateGroup(key, { frameworkName: framework.name, part: name, tasks }, state);
        }
      }
      for (const [key, { given, part: name }] of groups) {
        if (seen.has(key)) continue;
        for (const each of given.values()) takeBack(each, name);
        groups.delete(key);
      }
      updateSets(state, addressesOfHost);
      return {
        records: counted.records,
        before: counted.takeChanges(),
        skipped: onceEach([
          cluster?.skipped ?? NOTHING,
          ...skippedIn(groups.values()),
          ...Array.from(sets.values(), (set) => set.skipped),
        ]),
        hidden: countByReason(groups.values(), 'hidden'),
        spared: countByReason(groups.values(), 'spared'),
        hiddenTasks: [...hiddenIn(groups.values())],
        announced: announced.names,
      };
    },
  };
}

/** The placed agent known before, where it is the same: then tasks on it are where they were. */
function sameOrNew(agents: ReadonlyMap<string, PlacedAgent>, placed: PlacedAgent): PlacedAgent {
  const known = agents.get(placed.agent.id);
  return known && sameFacts(known, placed) ? known : placed;
}

/** What the cluster's own records hang on. */
function withoutTasks({ frameworks, masterAddresses, ...part }: ClusterPart): unknown {
  return {
    ...part,
    masterAddresses: [...masterAddresses],
    frameworks: frameworks.map(({ framework: { id, name, endpoint }, ...placed }) => ({
      ...placed,
      framework: { id, name, endpoint },
    })),
  };
}

function* skippedIn(groups: Iterable<Group>): Generator<readonly Skipped[]> {
  for (const { given, unplaced } of groups) {
    if (unplaced.length > 0) yield unplaced;
    for (const { skipped } of given.values()) if (skipped.length > 0) yield skipped;
  }
}

const ONCE: ReadonlySet<string> = new Set(['name-not-askable', 'task-label', 'alias-outside-zone']);

/** A name or label that several elements would have is told of once. */
function onceEach(lists: Iterable<readonly Skipped[]>): Skipped[] {
  const told = new Set<string>();
  const once: Skipped[] = [];
  for (const list of lists) {
    for (const each of list) {
      if (ONCE.has(each.reason) && told.has(each.detail)) continue;
      told.add(each.detail);
      once.push(each);
    }
  }
  return once;
}

function countByReason(groups: Iterable<Group>, which: 'hidden' | 'spared'): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { chosen } of groups)
    for (const { why } of chosen[which]) counts[why.reason] = (counts[why.reason] ?? 0) + 1;
  return counts;
}

function* hiddenIn(groups: Iterable<Group>): Generator<EndedTask> {
  for (const { chosen, frameworkName } of groups)
    for (const { task } of chosen.hidden) yield { id: task.id, agentId: task.agentId, frameworkName };
}
