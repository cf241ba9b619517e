import * as v from 'valibot';
import type { Http } from '../http.ts';
import { type Finding, reasonOf } from './finding.ts';

export type RunningCheck = {
  /** What the agent says through its control socket; undefined where none runs. Throws where it can't be asked. */
  readonly askAgent: (signal: AbortSignal) => Promise<unknown>;
  readonly dataDir: string;
  /** Base URL of the agent's own monitor; undefined where none is configured. */
  readonly monitor: string | undefined;
  readonly http: Http;
  readonly timeoutMs: number;
  readonly staleAfterSeconds: number;
};

/** What of `/healthz` and `ctl status` is judged here. */
const Health = v.object({
  role: v.string(),
  why: v.nullish(v.string()),
  writerId: v.string(),
  lastReadAgeSeconds: v.nullish(v.number()),
  lastPushAgeSeconds: v.nullish(v.number()),
  heldNames: v.optional(v.number(), 0),
});
type Health = v.InferOutput<typeof Health>;

/** The agent that runs here, if one does: by its control socket and, if it has one, its monitor. */
export async function checkAgent(options: RunningCheck, signal: AbortSignal): Promise<Finding[]> {
  const about = 'agent';
  const { dataDir, monitor } = options;
  let said: Health | undefined;
  try {
    const status = await options.askAgent(signal);
    said = status === undefined ? undefined : v.parse(Health, status);
  } catch (error) {
    signal.throwIfAborted();
    const mend = "Run doctor as the agent's user, with the version of mesos-doh that runs";
    return [{ about, verdict: 'wrong', says: reasonOf(error), mend }];
  }
  const findings = said ? judge(said, options) : [];
  if (!said) {
    const says = `none runs with the data directory ${dataDir}`;
    findings.push({
      about,
      verdict: 'advice',
      says,
      mend: 'mesos-doh sync starts one (docs/deploy-agent.md)',
    });
  }
  if (monitor !== undefined) findings.push(await monitorFinding(said, { ...options, monitor }, signal));
  return findings;
}

function judge(said: Health, { staleAfterSeconds }: RunningCheck): Finding[] {
  const about = 'agent';
  const { role, why, lastReadAgeSeconds, lastPushAgeSeconds, heldNames } = said;
  const is = `one runs, ${role}${why ? `: ${why}` : ''}`;
  if (role !== 'writer') return [{ about, verdict: 'well', says: is }];
  const findings: Finding[] = [];
  const old = (age: number | null | undefined): boolean => (age ?? Infinity) > staleAfterSeconds;
  if (old(lastReadAgeSeconds)) {
    const says = `one runs and ${told(lastReadAgeSeconds, 'read the cluster')}`;
    findings.push({
      about,
      verdict: 'wrong',
      says,
      mend: 'See its log, and the lines on masters and state here',
    });
  } else if (old(lastPushAgeSeconds)) {
    const says = `one runs and ${told(lastPushAgeSeconds, 'published')}`;
    findings.push({ about, verdict: 'wrong', says, mend: 'See its log, and the lines on the store here' });
  } else findings.push({ about, verdict: 'well', says: is });
  if (heldNames > 0) {
    const mend = 'mesos-doh ctl held says which and why (docs/guard.md)';
    findings.push({ about, verdict: 'advice', says: `its guard holds ${heldNames} names back`, mend });
  }
  return findings;
}

function told(ageSeconds: number | null | undefined, deed: string): string {
  return typeof ageSeconds === 'number'
    ? `last ${deed} ${Math.round(ageSeconds)} s ago`
    : `never ${deed} yet`;
}

async function monitorFinding(
  said: Health | undefined,
  { monitor, dataDir, http, timeoutMs }: RunningCheck & { readonly monitor: string },
  signal: AbortSignal,
): Promise<Finding> {
  const about = 'agent';
  const health = await askMonitor(monitor, { http, timeoutMs }, signal);
  if ('failure' in health) {
    if (!said) return { about, verdict: 'skipped', says: `${monitor} is nobody's while no agent runs` };
    const mend = 'It is that of metrics.host and metrics.port: restart the agent if they were changed';
    return { about, verdict: 'wrong', says: reasonOf(health.failure), mend };
  }
  if (said?.writerId === health.said.writerId)
    return { about, verdict: 'well', says: `${monitor}/healthz answers` };
  const mend = `Is there another agent on this machine? This one's data directory is ${dataDir}`;
  return { about, verdict: 'wrong', says: `${monitor}/healthz is that of another agent`, mend };
}

/** The other agents of `election.peers`. */
export async function checkPeers(
  peers: readonly string[],
  options: { readonly http: Http; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<Finding[]> {
  const asked = await Promise.all(peers.map((peer) => askMonitor(peer, options, signal)));
  const findings = asked.map((answer, at): Finding => {
    const about = 'peers';
    if ('said' in answer)
      return { about, verdict: 'well', says: `${peers[at]} answers: ${answer.said.role}` };
    const mend = 'If an agent should run there, check its metrics.host, metrics.port and what lies between';
    return { about, verdict: 'advice', says: reasonOf(answer.failure), mend };
  });
  const writers = new Set(
    asked.flatMap((answer) =>
      'said' in answer && answer.said.role === 'writer' ? [answer.said.writerId] : [],
    ),
  );
  if (writers.size > 1) {
    const mend = 'Do they see each other? It is settled within a minute, else see docs/high-availability.md';
    findings.push({
      about: 'peers',
      verdict: 'wrong',
      says: `${writers.size} agents say that they write`,
      mend,
    });
  }
  return findings;
}

async function askMonitor(
  base: string,
  { http, timeoutMs }: { readonly http: Http; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<{ readonly said: Health } | { readonly failure: unknown }> {
  try {
    const response = await http.request({ url: `${base.replace(/\/+$/, '')}/healthz`, signal, timeoutMs });
    if (response.status !== 200) throw await response.refusal();
    const parsed = v.safeParse(Health, await response.json());
    if (!parsed.success) throw response.error("not as an agent's /healthz");
    return { said: parsed.output };
  } catch (failure) {
    signal.throwIfAborted();
    return { failure };
  }
}
