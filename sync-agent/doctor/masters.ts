import * as v from 'valibot';
import { type Http, HttpError } from '../http.ts';
import { type Finding, reasonOf } from './finding.ts';

export type MastersCheck = {
  readonly http: Http;
  /** For each request. */
  readonly timeoutMs: number;
};

/** Who leads and what it runs, as far as the masters say. */
export type Leading = {
  readonly findings: readonly Finding[];
  readonly leader: URL | undefined;
  /** The leader's, such as `1.9.0`. */
  readonly version: string | undefined;
};

type Told = {
  readonly master: URL;
  readonly version?: string;
  readonly leader?: URL;
  readonly noLeader?: string;
  readonly failure?: unknown;
};

const Version = v.object({ version: v.string() });
/** From then on the operator stream has heartbeats, and from then on it tells all (sources: MESOS-7695, -9000). */
const STREAM_SINCE = [1, 5] as const;
const STREAM_BEST_SINCE = [1, 7] as const;

/** Asks every master what it runs and who leads. Two small requests each; neither needs any right in Mesos. */
export async function checkMasters(
  masters: readonly URL[],
  options: MastersCheck,
  signal: AbortSignal,
): Promise<Leading> {
  const told = await Promise.all(masters.map((master) => askMaster(master, options, signal)));
  const findings = told.map((one) => masterFinding(one, masters.length));
  const reached = told.filter(({ failure }) => failure === undefined);
  if (reached.length === 0) return { findings, leader: undefined, version: undefined };
  const leaders = new Map(reached.flatMap(({ leader }) => (leader ? [[leader.origin, leader]] : [])));
  const [leader] = leaders.values();
  if (!leader) {
    const says = `no master knows who leads (${reached.map(({ noLeader }) => noLeader).join('; ')})`;
    const mend =
      "An election may be under way; if it lasts, see the masters' logs and their --zk and --quorum";
    findings.push({ about: 'leader', verdict: 'wrong', says, mend });
    return { findings, leader: undefined, version: undefined };
  }
  if (leaders.size > 1) {
    const says = `the masters do not agree who leads: ${[...leaders.keys()].join(', ')}`;
    const mend = 'Are all of them of one cluster? If so an election may be under way: ask again in a minute';
    findings.push({ about: 'leader', verdict: 'wrong', says, mend });
    return { findings, leader: undefined, version: undefined };
  }
  const own = told.find(({ master }) => master.origin === leader.origin);
  const itself = own ?? (await askMaster(leader, options, signal));
  findings.push(leaderFinding(itself, own !== undefined));
  if (itself.version !== undefined) findings.push(...versionFindings(itself.version));
  return { findings, leader: itself.failure === undefined ? leader : undefined, version: itself.version };
}

async function askMaster(master: URL, { http, timeoutMs }: MastersCheck, signal: AbortSignal): Promise<Told> {
  try {
    const asked = await http.request({ url: new URL('/version', master).href, signal, timeoutMs });
    if (asked.status !== 200) throw await asked.refusal();
    const parsed = v.safeParse(Version, await asked.json());
    if (!parsed.success) throw asked.error('no version of Mesos in it');
    const told = { master, version: parsed.output.version };
    const where = await http.request({ url: new URL('/master/redirect', master).href, signal, timeoutMs });
    await where.discard();
    const location = where.headers['location'];
    if (location === undefined || !URL.canParse(location, master.href))
      return { ...told, noLeader: `${master.origin} answered ${where.status}` };
    return { ...told, leader: new URL('/', new URL(location, master)) };
  } catch (failure) {
    signal.throwIfAborted();
    return { master, failure };
  }
}

function masterFinding({ master, version, failure }: Told, masters: number): Finding {
  if (failure === undefined)
    return { about: 'masters', verdict: 'well', says: `${master.origin} answers: Mesos ${version}` };
  const isOther = failure instanceof HttpError && failure.status !== undefined;
  const mend = isOther
    ? 'Is that the URL of a Mesos master, its port 5050 as shipped?'
    : `Check that a master runs there, and what lies between${masters > 1 ? '; the agent goes on with the others' : ''}`;
  return { about: 'masters', verdict: 'wrong', says: reasonOf(failure), mend };
}

function leaderFinding({ master, failure }: Told, isConfigured: boolean): Finding {
  const about = 'leader';
  if (failure === undefined)
    return {
      about,
      verdict: 'well',
      says: `${master.origin} leads${isConfigured ? '' : ', which is not among the configured masters'}`,
    };
  const mend = isConfigured
    ? 'The agent gets no state until it can be reached'
    : 'Make that name resolve and that address reachable from here, or start the masters with --hostname and ' +
      '--advertise_ip that are';
  return { about, verdict: 'wrong', says: `${master.origin} leads, but: ${reasonOf(failure)}`, mend };
}

function versionFindings(version: string): Finding[] {
  if (isSince(version, STREAM_BEST_SINCE)) return [];
  if (isSince(version, STREAM_SINCE)) {
    const says = `Mesos ${version} may lose health changes on the stream`;
    const mend = 'From 1.7 on it tells them all; until then the reconciling every few minutes finds them';
    return [{ about: 'stream', verdict: 'advice', says, mend }];
  }
  const says = `Mesos ${version} has no stream with heartbeats: the agent polls`;
  return [{ about: 'stream', verdict: 'advice', says, mend: 'From Mesos 1.5 on it follows the stream' }];
}

/** Is `version` that of `least` or a later one? */
export function isSince(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** Can a master of this version be followed by its stream? */
export function hasStream(version: string): boolean {
  return isSince(version, STREAM_SINCE);
}
