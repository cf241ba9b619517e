import type { ClusterState, MesosFramework, ServerSet } from './cluster.ts';
import type { Office } from './agent.ts';
import type { VariantConfig } from './config.ts';
import type { OfSnapshot, OnEvent } from './events.ts';
import { globs } from './globs.ts';
import type { LiveSource } from './sources/live.ts';
import type { Source } from './sources/source.ts';
import type { Outcome, Sync } from './sync.ts';

/** A cluster's facts, read once a round for all variants of its zone. */
export type SharedSource = Source<ClusterState> &
  Partial<Pick<LiveSource<ClusterState>, 'follow' | 'status'>> & {
    /** From now on the cluster is read anew. */
    readonly beginRound: () => void;
  };

export function shareReads(
  source: Source<ClusterState> & Partial<Pick<LiveSource<ClusterState>, 'follow' | 'status'>>,
): SharedSource {
  let reading: Promise<ClusterState> | undefined;
  return {
    ...source,
    beginRound: () => (reading = undefined),
    // What is left out of a state is reported by the first variant that reads it.
    read: (report, signal) => (reading ??= source.read(report, signal)),
  };
}

/** A cluster as a variant has it: of its frameworks and tasks those that the variant names. */
export function filteredSource(
  source: Source<ClusterState>,
  { frameworks, tasks }: Pick<VariantConfig, 'frameworks' | 'tasks'>,
): Source<ClusterState> {
  if (!frameworks && !tasks) return source;
  const hasTask = tasks && globs(tasks);
  const filtered = new WeakMap<MesosFramework, MesosFramework>();
  /** The same object for the same one, so that only what changed is made anew. */
  const withTasks = (framework: MesosFramework): MesosFramework => {
    if (!hasTask) return framework;
    const known = filtered.get(framework);
    if (known) return known;
    const made = { ...framework, tasks: framework.tasks.filter(({ name }) => hasTask(name)) };
    filtered.set(framework, made);
    return made;
  };
  return {
    name: source.name,
    read: async (report, signal) => {
      const state = await source.read(report, signal);
      const named = frameworks
        ? state.frameworks.filter(({ name }) => frameworks.includes(name))
        : state.frameworks;
      // Aurora's tasks are called `role/environment/job`.
      const isNamed = ({ frameworkName, role, environment, job }: ServerSet): boolean =>
        (!frameworks || frameworks.includes(frameworkName)) &&
        (!hasTask || hasTask(`${role}/${environment}/${job}`));
      return {
        ...state,
        frameworks: named.map((framework) => withTasks(framework)),
        ...(state.serverSets && { serverSets: state.serverSets.filter((set) => isNamed(set)) }),
      };
    },
  };
}

/** What a variant's sync tells: what is its own, under its name. */
export function tellsOf(variant: string, onEvent: OnEvent): OnEvent {
  return tellsOfSnapshot({ variant }, onEvent);
}

/** What the sync of a zone that follows from another tells: what is its own, under its name. */
export function tellsOfFollower(zone: string, onEvent: OnEvent): OnEvent {
  return tellsOfSnapshot({ zone }, onEvent);
}

function tellsOfSnapshot(which: OfSnapshot, onEvent: OnEvent): OnEvent {
  return (event) => {
    switch (event.kind) {
      case 'pushed':
      case 'held':
      case 'unusable':
      case 'cut':
      case 'republished':
        onEvent({ ...event, ...which });
        break;
      // Of the cluster, which is read once; or of the main one.
      case 'read':
      case 'skipped':
      case 'pinned':
      case 'released':
        break;
      default:
        onEvent(event);
    }
  };
}

/**
 * One office over those of a zone's variants, the main one first. A round reads the cluster once and publishes each
 * variant; one that fails does not keep the others from it, and fails the round. What people ask for by serial
 * (history, rollback) is the main variant's.
 */
export function joinOffices(main: Office, others: readonly Office[], beginRound: () => void): Office {
  const all = [main, ...others] as const;
  const once: Sync['once'] = async (signal, orders) => {
    beginRound();
    const outcomes: Outcome[] = [];
    const failures: unknown[] = [];
    for (const { sync } of all) {
      try {
        outcomes.push(await sync.once(signal, orders));
      } catch (error) {
        signal.throwIfAborted();
        failures.push(error);
      }
    }
    const [first] = outcomes;
    if (failures.length > 0 || !first) throw failures[0];
    const total = (of: (outcome: Outcome) => number): number =>
      outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
    return {
      ...first,
      writes: total(({ writes }) => writes),
      octets: total(({ octets }) => octets),
      heldNames: total(({ heldNames }) => heldNames),
    };
  };
  return {
    sync: {
      ...main.sync,
      once,
      held: () => ({
        scopes: all.flatMap(({ sync }) => sync.held().scopes),
        values: all.flatMap(({ sync }) => sync.held().values),
      }),
    },
    publisher: joinPublishers(all),
  };
}

/**
 * One office over a zone and those that follow from it (`derived.ts`): they are published after it, and where it
 * fails they stay as they are.
 */
export function leadOffices(main: Office, followers: readonly Office[]): Office {
  if (followers.length === 0) return main;
  const once: Sync['once'] = async (signal, orders) => {
    const first = await main.sync.once(signal, orders);
    let { writes, octets } = first;
    for (const { sync } of followers) {
      const outcome = await sync.once(signal);
      writes += outcome.writes;
      octets += outcome.octets;
    }
    return { ...first, writes, octets };
  };
  return { sync: { ...main.sync, once }, publisher: joinPublishers([main, ...followers]) };
}

/** The first one's, which looks after all. */
export function joinPublishers(all: readonly [Office, ...Office[]]): Office['publisher'] {
  return {
    ...all[0].publisher,
    check: async (signal) => {
      const found = [];
      for (const { publisher } of all) found.push(await publisher.check(signal));
      return found.includes('republished') ? 'republished' : 'ours';
    },
    sweep: async (signal) => {
      let keys = 0;
      for (const { publisher } of all) keys += await publisher.sweep(signal);
      return keys;
    },
    cutDueInMs: () => {
      const due = all.map(({ publisher }) => publisher.cutDueInMs()).filter((ms) => ms !== undefined);
      return due.length > 0 ? Math.min(...due) : undefined;
    },
  };
}
