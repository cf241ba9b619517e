import type { ClusterState, EndedTask, ServerSet, ServerSetMember } from '../cluster.ts';
import type { RecordSink } from './record-set.ts';
import { addServerSet, type PlacedServerSet } from './server-set.ts';
import type { RecordSettings } from './settings.ts';

/** Address names of ServerSets, and whether it is known of those that are gone that their members have ended. */
export type AnnouncedNames = {
  /** Changes in place. */
  readonly names: ReadonlyMap<string, boolean>;
  /** A set is another than before: undefined for one that was, or is, not there. */
  readonly changed: (
    was: PlacedServerSet | undefined,
    now: PlacedServerSet | undefined,
    state: ClusterState,
  ) => void;
  /** Mesos may tell of a task's end after its node went. */
  readonly lookAgain: (state: ClusterState) => void;
};

/** A name that is gone, and those of its members of which it is not known that they ended. */
type Open = { readonly set: ServerSet; readonly members: readonly ServerSetMember[] };

/** Names that are gone are remembered up to so many: a source may be asked again before they are let go. */
const MAX_GONE = 10_000;

/**
 * That a member's node went is no evidence: executors that are cut off from ZooKeeper lose theirs, too, and somebody
 * may delete the tree. The Mesos task is: its id tells role, environment, job and instance.
 */
export function createAnnouncedNames(settings: RecordSettings): AnnouncedNames {
  const names = new Map<string, boolean>();
  const gone = new Set<string>();
  const open = new Map<string, Open>();
  return {
    names,
    lookAgain: (state) => {
      const tasksBySet = new Map<ServerSet, ReturnType<typeof tasksOf>>();
      for (const [name, { set, members }] of open) {
        const tasks = tasksBySet.get(set) ?? tasksOf(set, state);
        tasksBySet.set(set, tasks);
        const left = members.filter((member) => !tasks.haveEnded(member));
        if (left.length > 0) {
          if (left.length < members.length) open.set(name, { set, members: left });
          continue;
        }
        names.set(name, true);
        open.delete(name);
      }
    },
    changed: (was, now, state) => {
      const here = now ? membersByName(now, settings) : new Map<string, ReadonlySet<string>>();
      for (const name of here.keys()) {
        gone.delete(name);
        open.delete(name);
        names.set(name, false);
      }
      if (!was) return;
      const left = new Set(now?.set.members.map(({ name }) => name));
      const given = new Set(now?.instances.map(({ member }) => member));
      const members = new Map(was.set.members.map((member) => [member.name, member]));
      const tasks = tasksOf(was.set, state);
      const known = new Map<string, boolean>();
      const hasEnded = (name: string): boolean => {
        const member = members.get(name);
        // One that is there and gives nothing is kept out by a rule.
        return left.has(name) ? !given.has(name) : member !== undefined && tasks.haveEnded(member);
      };
      for (const [name, by] of membersByName(was, settings)) {
        if (here.has(name)) continue;
        for (const member of by) if (!known.has(member)) known.set(member, hasEnded(member));
        const unknown = [...by].filter((member) => known.get(member) !== true);
        names.set(name, unknown.length === 0);
        if (unknown.length > 0)
          open.set(name, { set: was.set, members: unknown.flatMap((member) => members.get(member) ?? []) });
        gone.delete(name);
        gone.add(name);
      }
      for (const name of gone) {
        if (gone.size <= MAX_GONE) break;
        gone.delete(name);
        open.delete(name);
        names.delete(name);
      }
    },
  };
}

function membersByName(
  placed: PlacedServerSet,
  settings: RecordSettings,
): ReadonlyMap<string, ReadonlySet<string>> {
  const byName = new Map<string, Set<string>>();
  let member = '';
  const addAddress = (name: string): void => {
    const members = byName.get(name);
    if (members) members.add(member);
    else byName.set(name, new Set([member]));
  };
  const into: RecordSink = {
    add: () => undefined,
    addAddress,
    at: (name) => ({ add: () => undefined, addAddress: () => addAddress(name) }),
  };
  addServerSet(into, placed, {
    settings,
    report: () => undefined,
    begin: (giver) => {
      if (giver.kind === 'server-set') member = giver.member;
    },
  });
  return byName;
}

/** What Mesos says of a set's tasks. While agents are on their way to a new leader it does not know who still runs. */
function tasksOf(
  { role, environment, job, frameworkName }: ServerSet,
  { ended, frameworks, recoveringAgents }: ClusterState,
): { readonly haveEnded: (member: ServerSetMember) => boolean } {
  const isOf = (name: string): boolean => name.toLowerCase() === frameworkName.toLowerCase();
  const prefix = `${role}-${environment}-${job}-`.replaceAll(/[^\w-]/g, '-');
  const isJobs = ({ id }: { readonly id: string }): boolean => id.includes(prefix);
  let known: { readonly done: readonly EndedTask[]; readonly running: readonly EndedTask[] } | undefined;
  const tasks = (): NonNullable<typeof known> =>
    (known ??= {
      done: ended.tasks.filter((task) => isOf(task.frameworkName) && isJobs(task)),
      running: frameworks.flatMap(({ name, tasks }) =>
        isOf(name)
          ? tasks
              .filter((task) => isJobs(task))
              .map(({ id, agentId }) => ({ id, agentId, frameworkName: name }))
          : [],
      ),
    });
  return {
    haveEnded: ({ shard, task, primary }) => {
      if (task)
        return ended.tasks.some(
          ({ id, agentId, frameworkName: of }) => id === task.taskId && agentId === task.agentId && isOf(of),
        );
      if (shard === undefined || primary.agentId === undefined || recoveringAgents > 0) return false;
      // `TaskIdGenerator.java`: older ones begin with milliseconds.
      const isIts = ({ id, agentId }: EndedTask): boolean =>
        agentId === primary.agentId && INSTANCE_ID.exec(id)?.[1] === `${prefix}${shard}`;
      return tasks().done.some((each) => isIts(each)) && !tasks().running.some((each) => isIts(each));
    },
  };
}

const INSTANCE_ID = /^(?:\d+-)?(.+-\d+)-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
