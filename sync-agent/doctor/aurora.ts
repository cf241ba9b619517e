import { type Finding, reasonOf } from './finding.ts';

/** A session with ZooKeeper, as far as it is asked. */
type Session = {
  readonly children: (path: string, signal: AbortSignal) => Promise<string[]>;
  /** Undefined where there is no such node. */
  readonly stat: (path: string, signal: AbortSignal) => Promise<object | undefined>;
  readonly close: () => Promise<void>;
};

export type ServerSetsCheck = {
  /** For people, without secrets. */
  readonly name: string;
  /** Below it jobs stand as `<role>/<environment>/<job>`. */
  readonly root: string;
  /** Nodes of jobs that stand elsewhere. */
  readonly paths: readonly string[];
  readonly hasCredentials: boolean;
  /** Opens a session. */
  readonly open: (signal: AbortSignal) => Promise<Session>;
};

const about = 'Aurora';
/** Role, environment and job. */
const DEPTH = 3;

/** Are there ServerSets, and may they be read? Only reads: the root, and the first job on the way down. */
export async function checkServerSets(check: ServerSetsCheck, signal: AbortSignal): Promise<Finding[]> {
  const { name, root, hasCredentials } = check;
  // Any password is taken by ZooKeeper; only a node that it does not open tells.
  const mend = hasCredentials
    ? 'Check that aurora.credentialsFile has the user and password whom the nodes (their ACL) are open to'
    : 'Check aurora.zk, and that ZooKeeper runs; nodes that are not open to all want aurora.credentialsFile';
  try {
    const session = await check.open(signal);
    try {
      return [
        await rootFinding(check, session, signal),
        ...(await pathFindings(check.paths, session, signal)),
      ];
    } finally {
      await session.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return [{ about, verdict: 'wrong', says: `${name}${root}: ${reasonOf(error)}`, mend }];
  }
}

async function rootFinding(
  { name, root, paths }: ServerSetsCheck,
  session: Session,
  signal: AbortSignal,
): Promise<Finding> {
  if (!(await session.stat(root, signal))) {
    const says = `${name} has no node ${root}`;
    if (paths.length > 0)
      return { about, verdict: 'advice', says, mend: 'Jobs of aurora.paths alone are read' };
    return {
      about,
      verdict: 'wrong',
      says,
      mend: 'Is it what executors have as --announcer-ensemble and --announcer-serverset-path? aurora.root names it',
    };
  }
  const roles = await session.children(root, signal);
  let path = root;
  let below = roles;
  for (let depth = 0; depth < DEPTH && below[0] !== undefined; depth++) {
    path = `${path === '/' ? '' : path}/${below.toSorted()[0]}`;
    below = await session.children(path, signal);
  }
  if (roles.length === 0) {
    const says = `${name}${root} has no roles: no job announces itself there`;
    return { about, verdict: 'advice', says, mend: 'Do jobs have an announcer (announce = Announcer())?' };
  }
  const says = `${name}${root} has ${roles.length} ${roles.length === 1 ? 'role' : 'roles'}; ${path} can be read`;
  return { about, verdict: 'well', says };
}

async function pathFindings(
  paths: readonly string[],
  session: Session,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of paths) {
    if (await session.stat(path, signal)) continue;
    const mend = 'It is read as soon as it is there; is it written right in aurora.paths?';
    findings.push({ about, verdict: 'advice', says: `there is no node ${path}`, mend });
  }
  return findings;
}

/** Does a scheduler tell its tasks? `ask` gives how many announce something, and throws with the reason. */
export async function checkScheduler(
  { urls, ask }: { readonly urls: readonly string[]; readonly ask: (signal: AbortSignal) => Promise<number> },
  signal: AbortSignal,
): Promise<Finding> {
  try {
    const announced = await ask(signal);
    const says = `a scheduler of ${urls.join(', ')} answers: ${announced} running tasks announce themselves`;
    if (announced > 0) return { about, verdict: 'well', says };
    return {
      about,
      verdict: 'advice',
      says,
      mend: 'Only tasks with an announcer and its ports get names (docs/aurora.md)',
    };
  } catch (error) {
    signal.throwIfAborted();
    const mend = 'Check aurora.schedulerUrls and aurora.schedulerCredentialsFile';
    return { about, verdict: 'wrong', says: reasonOf(error), mend };
  }
}
