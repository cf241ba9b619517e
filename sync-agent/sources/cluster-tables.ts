import { FormatError } from '../../zone/format-error.ts';
import type { ClusterState, Endpoint, ReportSkipped } from '../cluster.ts';
import { compareStates, type StateDifferences } from './compare-states.ts';
import { asObject, objectField, textField } from './fields.ts';
import { EVENT_RULES } from './operator-events.ts';
import { sameFacts } from '../same-facts.ts';
import { createSnapshotTaker, replaceAgents, type SnapshotPart } from './snapshot-taker.ts';
import { createTables, strayTasks, type Tables, waitingTasks } from './tables.ts';
import { createTablesView } from './tables-view.ts';

/**
 * A cluster as an operator stream tells it: agents, frameworks and tasks by id, to which events are applied one by
 * one. What `state()` gives is at any time what a `/state` of that time would, but for ended tasks among the others.
 */
export type ClusterTables = {
  /**
   * Applies one event, parsed. Elements that can't be read are reported, and leave what there was. Throws
   * `FormatError` for what is no event, and for a SUBSCRIBED without a state: then nothing changed.
   */
  readonly apply: (event: unknown, report: ReportSkipped) => Applied;
  /** Begins a whole state, whose elements come one by one. */
  readonly beginSnapshot: (report: ReportSkipped) => TableSnapshot;
  /**
   * Agents as a GET_AGENTS response has them, parsed, with or without what stands around `get_agents`. Gives how
   * many differed; the count of recovering agents may change besides. Throws `FormatError` for no such response.
   */
  readonly replaceAgents: (getAgents: unknown, report: ReportSkipped) => number;
  /** From now on events are remembered, for a GET_STATE that is asked for after this call. One at a time. */
  readonly beginReconcile: () => Reconcile;
  /** The stream does not say who leads. Gives whether that is another one than before. */
  readonly setLeader: (leader: Endpoint | undefined) => boolean;
  /**
   * Schedulers' endpoints by framework id (see `readFrameworkEndpoints`): v1 has no pid. Gives how many frameworks
   * have another endpoint now.
   */
  readonly learnFrameworks: (endpoints: FrameworkEndpoints) => number;
  /** Objects of unchanged tasks, agents and frameworks, and lists without a change, are the same from call to call. */
  readonly state: () => ClusterState;
  readonly counts: () => TableCounts;
};

/** What an event did. `unknown` events are passed over. */
export type Applied = 'changed' | 'unchanged' | 'heartbeat' | 'subscribed' | 'unknown';

export type FrameworkEndpoints = ReadonlyMap<string, Endpoint | undefined>;

export type TableSnapshot = {
  readonly take: (part: SnapshotPart, element: unknown) => void;
  /**
   * Puts all that was taken, and what `getState` still has, in the place of what the tables had. Throws
   * `FormatError` where that is no state; then the tables stay as they are.
   */
  readonly finish: (getState: unknown) => void;
  /** The same as tables of their own, with the leader and the counts of these, which stay as they are. */
  readonly fork: (getState: unknown) => TablesFork;
};

/** Tables that others can take over. */
export type TablesFork = ClusterTables & { readonly tables: () => Tables };

export type Reconcile = {
  /**
   * Applies the remembered events to what GET_STATE gave (`readGetState`), counts what differs and takes it all
   * over. Undefined, and nothing done, if too much happened since the beginning, or a new state was read.
   */
  readonly finish: (fresh: TablesFork) => StateDifferences | undefined;
  readonly cancel: () => void;
};

export type TableCounts = {
  readonly agents: number;
  readonly frameworks: number;
  readonly tasks: number;
  readonly recoveringAgents: number;
  /** Tasks that can't have records yet. */
  readonly waitingForAgent: number;
  readonly waitingForFramework: number;
  /** Frameworks that came or changed since their schedulers' endpoints were last learned. */
  readonly unlearnedFrameworks: number;
  /** Since the tables were made: events of unknown type, and updates of tasks that were never told. */
  readonly unknownEvents: number;
  readonly unknownTasks: number;
};

export type ClusterTablesOptions = {
  /** Gives `asOfSeconds`. */
  readonly nowSeconds?: (() => number) | undefined;
};

/** Within one reconcile; about 40 MB. */
const MAX_REMEMBERED_EVENTS = 20_000;

/** What a fork begins with. */
type Beginning = {
  readonly tables: Tables;
  readonly leader: Endpoint | undefined;
  readonly unknown: Readonly<Record<'events' | 'tasks', number>>;
};

export function createClusterTables(options: ClusterTablesOptions = {}): ClusterTables {
  const beginning = { tables: createTables(), leader: undefined, unknown: { events: 0, tasks: 0 } };
  return createFrom(beginning, options);
}

function createFrom(beginning: Beginning, options: ClusterTablesOptions): TablesFork {
  let { tables, leader } = beginning;
  const unknown = { ...beginning.unknown };
  const view = createTablesView();
  /** Of a reconcile that is under way. */
  let remembered: unknown[] | undefined;

  const beginSnapshot: ClusterTables['beginSnapshot'] = (report) => {
    const taker = createSnapshotTaker(tables, report);
    return {
      take: taker.take,
      finish: (getState) => {
        tables = taker.finish(getState);
        remembered = undefined;
        // Schedulers may have moved while nobody listened.
        for (const id of tables.frameworks.keys()) tables.unlearned.add(id);
      },
      fork: (getState) => createFrom({ tables: taker.finish(getState), leader, unknown }, options),
    };
  };
  const apply: ClusterTables['apply'] = (json, report) => {
    const event = asObject(json, 'event');
    const type = textField(event, 'type');
    if (type === 'HEARTBEAT') return 'heartbeat';
    if (type === 'SUBSCRIBED') {
      beginSnapshot(report).finish(objectField(event, 'subscribed')['get_state']);
      return 'subscribed';
    }
    const rule = EVENT_RULES.get(type);
    if (!rule) {
      if (type === '') throw new FormatError('event', 'has no type');
      unknown.events++;
      return 'unknown';
    }
    if (remembered?.length === MAX_REMEMBERED_EVENTS) remembered = undefined;
    remembered?.push(event);
    const effect = rule(tables, event, report);
    if (effect === 'unknown-task') unknown.tasks++;
    return effect === 'changed' ? 'changed' : 'unchanged';
  };
  const state = (): ClusterState => ({
    leader,
    ...view(tables),
    ...(options.nowSeconds && { asOfSeconds: options.nowSeconds() }),
  });

  return {
    apply,
    beginSnapshot,
    replaceAgents: (json, report) => {
      const response = asObject(json, 'GET_AGENTS response');
      const getAgents = 'get_agents' in response ? objectField(response, 'get_agents') : response;
      return replaceAgents(tables, getAgents, report);
    },
    beginReconcile: () => {
      const events: unknown[] = [];
      remembered = events;
      return {
        finish: (fresh) => {
          if (remembered !== events) return undefined;
          remembered = undefined;
          // What can't be read was reported when it came.
          for (const event of events) fresh.apply(event, () => {});
          copyLearned(tables, fresh.tables());
          const differences = compareStates(state(), fresh.state());
          tables = fresh.tables();
          return differences;
        },
        cancel: () => {
          if (remembered === events) remembered = undefined;
        },
      };
    },
    setLeader: (next) => {
      if (sameFacts(leader, next)) return false;
      leader = next;
      return true;
    },
    learnFrameworks: (endpoints) => {
      const before = new Map(view(tables).frameworks.map((framework) => [framework.id, framework]));
      for (const [id, endpoint] of endpoints) {
        if (!tables.frameworks.has(id)) continue;
        tables.learned.set(id, endpoint);
        tables.unlearned.delete(id);
      }
      return view(tables).frameworks.filter((framework) => before.get(framework.id) !== framework).length;
    },
    state,
    counts: () => ({
      agents: tables.agents.size,
      frameworks: tables.frameworks.size,
      tasks: tables.tasks.size(),
      recoveringAgents: tables.recovering.size,
      waitingForAgent: strayTasks(tables),
      waitingForFramework: waitingTasks(tables),
      unlearnedFrameworks: tables.unlearned.size,
      unknownEvents: unknown.events,
      unknownTasks: unknown.tasks,
    }),
    tables: () => tables,
  };
}

/** What was learned while the other tables were read. */
function copyLearned(from: Tables, to: Tables): void {
  for (const [id, endpoint] of from.learned) {
    if (!to.frameworks.has(id)) continue;
    to.learned.set(id, endpoint);
    if (!from.unlearned.has(id)) to.unlearned.delete(id);
  }
}
