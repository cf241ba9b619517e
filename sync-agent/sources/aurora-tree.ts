import { FormatError } from '../../zone/format-error.ts';
import type { JobKey, ReportSkipped, Skipped } from '../cluster.ts';
import { type ZooKeeper, ZooKeeperError } from '../zookeeper.ts';
import { readMember, type ReadMember } from './aurora-member.ts';
import { createMisplacedMembers } from './aurora-misplaced.ts';
import type { Announced, Seen } from './aurora-stabilizer.ts';
import { type Descriptor, readVector, weighMember } from './aurora-vector.ts';

export type TreePlace = {
  /** Where jobs announce themselves as `<root>/<role>/<environment>/<job>`: Aurora's `--announcer-serverset-path`. */
  readonly root: string;
  /** Jobs that announce themselves elsewhere (`zk_path`), by path. */
  readonly paths: ReadonlyMap<string, JobKey>;
};

/** The ServerSets of one session. Nothing is asked before the first `refresh`. */
export type ServerSetTree = {
  /**
   * Asks for all that watches told of since the last time, or all of it at the first. Throws `ZooKeeperError` where
   * some of it can't be had; the rest is taken, and what is missing is asked for next time.
   */
  readonly refresh: (signal: AbortSignal) => Promise<void>;
  /** Has everything been read once? What there is before that is not all there is. */
  readonly isWhole: () => boolean;
  /** Is there no root, and nothing else that is asked for? */
  readonly isMissing: () => boolean;
  /** Rises with each node that came, changed or went. */
  readonly version: () => number;
  readonly seen: (report: ReportSkipped) => Seen;
  /** From now on everything is listed again; members' data that is watched is not read again. */
  readonly listAgain: () => void;
};

type Node =
  | ReadMember
  | { readonly kind: 'vector'; readonly vector: readonly Descriptor[] }
  | { readonly kind: 'gone' };
type Job = { readonly key: JobKey; readonly nodes: ReadonlyMap<string, Node> };

const JOB_DEPTH = 3;
const AT_ONCE = 32;
/** Several times the largest Aurora cluster known; ZooKeeper lists at most 1 MiB of children in one answer. */
const MAX_NODES = 200_000;
/** Nodes of other things that stand beside roles, such as Aurora's own scheduler election. */
const NO_STEP = /^(?:member_|vector_|singleton_candidate_|log_replicas$)/;
const OF_A_SET = /^(member|vector)_/;

/** `wake` is called when a watch has told something; then `refresh` has work. */
export function createServerSetTree(
  session: ZooKeeper,
  { root, paths }: TreePlace,
  wake: () => void,
): ServerSetTree {
  const jobs = new Map<string, Job>();
  /** Steps below root by path, down to the environments. */
  const steps = new Map<string, ReadonlySet<string>>();
  /** Nodes whose rights keep us out, with what was said. */
  const forbidden = new Map<string, string>();
  /** Of `paths`, those that are no nodes. */
  const missing = new Set<string>();
  const misplaced = createMisplacedMembers(session, root);
  const due = new Map<string, number>();
  /** Nodes whose data changed, and that are read again with the next list of their job. */
  const stale = new Set<string>();
  let version = 0;
  let isWhole = false;
  let rootProblem: string | undefined;

  const mark = (path: string, depth: number) => () => {
    due.set(path, depth);
    wake();
  };
  // One function a path, so that a watch that is set again is not told of twice.
  const marks = new Map<string, () => void>();
  const onChange = (path: string, depth: number): (() => void) => {
    const known = marks.get(path) ?? mark(path, depth);
    marks.set(path, known);
    return known;
  };
  const forget = (path: string, depth: number): void => {
    for (const step of steps.get(path) ?? []) forget(join(path, step), depth + 1);
    steps.delete(path);
    forbidden.delete(path);
    misplaced.forget(path);
    due.delete(path);
    marks.delete(path);
    if (jobs.delete(path)) version++;
  };
  const listAgain = (): void => {
    misplaced.askAgain();
    due.set(root, 0);
    for (const path of paths.keys()) due.set(path, JOB_DEPTH);
    for (const [path, below] of steps)
      for (const step of below) due.set(join(path, step), depthOf(path, root) + 1);
  };
  listAgain();

  const listSteps = async (path: string, depth: number, signal: AbortSignal): Promise<void> => {
    const listed = await session.children(path, signal, onChange(path, depth));
    misplaced.seeStep(path, listed);
    const names = new Set(listed.filter((name) => !NO_STEP.test(name) && !paths.has(join(path, name))));
    const before = steps.get(path) ?? new Set<string>();
    for (const name of before) if (!names.has(name)) forget(join(path, name), depth + 1);
    for (const name of names) if (!before.has(name)) due.set(join(path, name), depth + 1);
    steps.set(path, names);
  };
  const readNode = async (path: string, name: string, signal: AbortSignal): Promise<Node> => {
    const at = join(path, name);
    const again = (): void => {
      stale.add(at);
      onChange(path, JOB_DEPTH)();
    };
    stale.delete(at);
    const octets = await session.read(at, signal, again);
    if (!octets) return { kind: 'gone' };
    if (name.startsWith('member_')) return readMember(name, octets);
    try {
      return { kind: 'vector', vector: readVector(octets) };
    } catch (error) {
      if (error instanceof FormatError)
        return { kind: 'unreadable', reason: 'server-set-vector', why: error.message };
      throw error;
    }
  };
  const listJob = async (path: string, signal: AbortSignal): Promise<void> => {
    const listed = (await session.children(path, signal, onChange(path, JOB_DEPTH))).toSorted();
    const names = listed.filter((name) => OF_A_SET.test(name));
    const known = jobs.get(path)?.nodes ?? new Map<string, Node>();
    const nodes = new Map<string, Node>();
    let isChanged = names.length !== known.size;
    await forEachLimited(names, async (name) => {
      const node = stale.has(join(path, name)) ? undefined : known.get(name);
      if (!node) isChanged = true;
      nodes.set(name, node ?? (await readNode(path, name, signal)));
    });
    // Gone between two questions: its watch is none, the list's has told so.
    for (const [name, node] of nodes) if (node.kind === 'gone') nodes.delete(name);
    for (const name of known.keys()) if (!nodes.has(name)) stale.delete(join(path, name));
    jobs.set(path, { key: keyOf(path), nodes: new Map([...nodes].toSorted(([a], [b]) => (a < b ? -1 : 1))) });
    if (isChanged) version++;
    const odd = listed.filter((name) => !OF_A_SET.test(name) && !paths.has(join(path, name)));
    await misplaced.seeJob(path, odd, signal);
  };
  const keyOf = (path: string): JobKey => paths.get(path) ?? keyBelow(path, root);
  const sayMissing = (path: string): string => {
    const { role, environment, job } = keyOf(path);
    return `${session.name}: there is no ${path}, where aurora.paths has job ${role}/${environment}/${job}: check the job's zk_path and that it runs, or take the path out`;
  };
  const visit = async (path: string, depth: number, signal: AbortSignal): Promise<void> => {
    const isTop = path === root || paths.has(path);
    const isThere = !isTop || (await session.stat(path, signal, onChange(path, depth))) !== undefined;
    if (paths.has(path) && isThere === missing.has(path)) {
      if (isThere) missing.delete(path);
      else missing.add(path);
      version++;
    }
    if (!isThere) {
      if (path !== root) return forget(path, depth);
      rootProblem = `${session.name}: there is no ${root}: nothing is announced there`;
      // Sets that were there do not end by their root's going.
      return;
    }
    if (path === root) rootProblem = undefined;
    return depth === JOB_DEPTH ? listJob(path, signal) : listSteps(path, depth, signal);
  };

  return {
    isWhole: () => isWhole,
    isMissing: () => rootProblem !== undefined && paths.size === 0,
    version: () => version + misplaced.version(),
    listAgain,
    refresh: async (signal) => {
      const failures: unknown[] = [];
      // One depth after the other: each tells what the next one has.
      for (let round = 0; due.size > 0 && round <= 2 * JOB_DEPTH && failures.length === 0; round++) {
        const wave = [...due];
        due.clear();
        await forEachLimited(wave, async ([path, depth]) => {
          try {
            signal.throwIfAborted();
            await visit(path, depth, signal);
            forbidden.delete(path);
          } catch (error) {
            if (error instanceof ZooKeeperError && error.isForbidden && path !== root) {
              forbidden.set(path, error.message);
              return;
            }
            due.set(path, depth);
            failures.push(error);
          }
        });
        signal.throwIfAborted();
        if (countNodes(jobs) > MAX_NODES)
          failures.push(new ZooKeeperError(`${session.name}: ${root} has more than ${MAX_NODES} members`));
      }
      if (failures.length > 0) throw failures[0];
      if (rootProblem !== undefined && paths.size === 0) throw new ZooKeeperError(rootProblem);
      isWhole = true;
    },
    seen: (report) => {
      for (const detail of forbidden.values()) report({ reason: 'server-set-node', detail });
      for (const path of missing) report({ reason: 'server-set-node', detail: sayMissing(path) });
      if (rootProblem !== undefined && paths.size > 0 && missing.size === paths.size)
        report({ reason: 'server-set-node', detail: rootProblem });
      misplaced.tell(report);
      return seenIn(jobs, report);
    },
  };
}

function seenIn(jobs: ReadonlyMap<string, Job>, report: ReportSkipped): Seen {
  const present = new Map<string, Announced>();
  const leaving = new Set<string>();
  for (const [path, { key, nodes }] of jobs) {
    const vectors = Array.from(nodes.values(), (node) =>
      node.kind === 'vector' ? [node.vector] : [],
    ).flat();
    for (const [name, node] of nodes) {
      const id = join(path, name);
      if (node.kind === 'alive') {
        present.set(id, { id, key, member: weighMember(node.member, vectors) });
        for (const fault of node.faults ?? [])
          report({ reason: 'server-set-member', detail: `${id}: ${fault}` });
      }
      if (node.kind === 'left-out') leaving.add(id);
      if (node.kind === 'unreadable') report(skippedNode(id, node));
    }
  }
  return { present, leaving };
}

function skippedNode(id: string, { reason, why }: Extract<ReadMember, { kind: 'unreadable' }>): Skipped {
  return { reason, detail: `${id}: ${why}` };
}

function countNodes(jobs: ReadonlyMap<string, Job>): number {
  let count = 0;
  for (const { nodes } of jobs.values()) count += nodes.size;
  return count;
}

function keyBelow(path: string, root: string): JobKey {
  const [role = '', environment = '', job = ''] = path.slice(join(root, '').length).split('/');
  return { role, environment, job };
}

/** 0 for the root, 1 for a role, 2 for an environment. */
function depthOf(path: string, root: string): number {
  return path === root ? 0 : path.slice(join(root, '').length).split('/').length;
}

function join(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

async function forEachLimited<Item>(
  items: readonly Item[],
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
}
