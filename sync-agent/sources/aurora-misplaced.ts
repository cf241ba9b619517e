import type { ReportSkipped } from '../cluster.ts';
import { type ZooKeeper, ZooKeeperError } from '../zookeeper.ts';

/** Members that are announced where no job is looked for: above `<root>/<role>/<environment>/<job>`, or below. */
export type MisplacedMembers = {
  /** Looks at the children of a node above the jobs. */
  readonly seeStep: (path: string, children: readonly string[]) => void;
  /** Looks below those nodes in a job's that are no members. Few are asked for, and none twice. Throws `ZooKeeperError`. */
  readonly seeJob: (path: string, odd: readonly string[], signal: AbortSignal) => Promise<void>;
  readonly forget: (path: string) => void;
  /** From now on nodes are asked for again. */
  readonly askAgain: () => void;
  /** Rises with each place that is found, or is none any more. */
  readonly version: () => number;
  /** Once for all that are too high, and once for all that are too deep. */
  readonly tell: (report: ReportSkipped) => void;
};

/** Aurora's schedulers elect their leader, and announce themselves, beside the roles. */
const ELECTION = /^singleton_candidate_/;
const MEMBER = /^member_\d/;
/** Questions that are spent on nodes in jobs, until `askAgain`; how deep, and how wide, one is followed. */
const MAX_QUESTIONS = 64;
const MAX_DEPTH = 3;
const MAX_WIDTH = 2;
const EXAMPLES = 3;

export function createMisplacedMembers(session: ZooKeeper, root: string): MisplacedMembers {
  const high = new Set<string>();
  /** By the path of the job they are below. */
  const deep = new Map<string, string>();
  const asked = new Map<string, string | undefined>();
  let questions = 0;
  let version = 0;

  /** The first node at or below a path that has members; undefined where none is found. */
  const find = async (path: string, signal: AbortSignal, depth = 1): Promise<string | undefined> => {
    if (asked.has(path)) return asked.get(path);
    if (questions >= MAX_QUESTIONS) return undefined;
    questions++;
    const children = (await childrenOf(session, path, signal)).toSorted();
    let found = children.some((name) => MEMBER.test(name)) ? path : undefined;
    for (const name of children.slice(0, MAX_WIDTH))
      if (depth < MAX_DEPTH) found ??= await find(`${path}/${name}`, signal, depth + 1);
    asked.set(path, found);
    return found;
  };

  return {
    version: () => version,
    askAgain: () => {
      questions = 0;
      asked.clear();
    },
    forget: (path) => {
      if (high.delete(path)) version++;
      if (deep.delete(path)) version++;
    },
    seeStep: (path, children) => {
      const isMisplaced =
        children.some((name) => MEMBER.test(name)) && !children.some((name) => ELECTION.test(name));
      if (isMisplaced === high.has(path)) return;
      if (isMisplaced) high.add(path);
      else high.delete(path);
      version++;
    },
    seeJob: async (path, odd, signal) => {
      let found: string | undefined;
      for (const name of odd.slice(0, MAX_WIDTH)) found ??= await find(`${path}/${name}`, signal);
      if (found === deep.get(path)) return;
      if (found === undefined) deep.delete(path);
      else deep.set(path, found);
      version++;
    },
    tell: (report) => {
      for (const places of [high, new Set(deep.values())]) {
        const [first, ...others] = [...places].toSorted();
        if (first === undefined) continue;
        const detail = `${session.name}: ${sayPlaces([first, ...others])}, and jobs are read as ${root}/<role>/<environment>/<job>: ${adviceFor(first)}`;
        report({ reason: 'server-set-node', detail });
      }
    },
  };
}

/** Nothing is said of what its rights keep us from: what is in a job is looked at by chance. */
async function childrenOf(session: ZooKeeper, path: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await session.children(path, signal);
  } catch (error) {
    if (error instanceof ZooKeeperError && error.isForbidden) return [];
    throw error;
  }
}

function sayPlaces(places: readonly string[]): string {
  const more = places.length > EXAMPLES ? ` and ${places.length - EXAMPLES} more nodes` : '';
  return `members are announced in ${places.slice(0, EXAMPLES).join(', ')}${more}`;
}

function adviceFor(place: string): string {
  const fitting = place.split('/').slice(0, -3).join('/');
  const other = fitting === '' ? '' : `aurora.root ${fitting} would fit them; `;
  return `${other}a single job goes into aurora.paths, as {"${place}": "role/environment/job"}`;
}
