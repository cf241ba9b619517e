import * as v from 'valibot';
import type { ClusterState, Skipped } from '../cluster.ts';
import { type Http, HttpError } from '../http.ts';
import type { Source } from '../sources/source.ts';
import { type Finding, reasonOf } from './finding.ts';

const NO_RIGHT =
  'If frameworks do run, the principal lacks rights: Mesos leaves out what it may not view and says nothing. ' +
  'Give it view_frameworks, view_tasks, view_executors and view_roles (deploy/mesos-acls.json)';

/** Reads the cluster once, as `sync` does, and judges what came. */
export async function checkState(
  source: Source<ClusterState>,
  { allowEmpty }: { readonly allowEmpty: boolean },
  signal: AbortSignal,
): Promise<Finding[]> {
  const about = 'state';
  const skipped: Skipped[] = [];
  try {
    const state = await source.read((one) => void skipped.push(one), signal);
    const { agents, frameworks } = state;
    const tasks = frameworks.reduce((sum, framework) => sum + framework.tasks.length, 0);
    const says = `${count(agents.length, 'agent')}, ${count(frameworks.length, 'framework')}, ${count(tasks, 'task')}`;
    const findings: Finding[] = [];
    if (frameworks.length === 0)
      findings.push({
        about,
        verdict: allowEmpty ? 'advice' : 'wrong',
        says: `${says}: nothing to publish`,
        mend: NO_RIGHT,
      });
    else if (tasks === 0) findings.push({ about, verdict: 'advice', says, mend: NO_RIGHT });
    else findings.push({ about, verdict: 'well', says });
    if (state.recoveringAgents > 0) {
      const waits = `${count(state.recoveringAgents, 'agent')} of the last leader did not come back to this one yet`;
      findings.push({
        about,
        verdict: 'advice',
        says: waits,
        mend: 'Their names are kept; ask again in ten minutes',
      });
    }
    const [first] = skipped;
    if (first) {
      const says = `${count(skipped.length, 'element')} left out, the first: ${first.detail}`;
      const mend = 'mesos-doh explain NAME says what became of a name';
      findings.push({ about, verdict: 'advice', says, mend });
    }
    return findings;
  } catch (error) {
    signal.throwIfAborted();
    // A refusal says itself which realm it was and what it wants.
    return [{ about, verdict: 'wrong', says: reasonOf(error) }];
  }
}

const Frameworks = v.object({
  get_frameworks: v.object({ frameworks: v.optional(v.array(v.unknown()), []) }),
});

export type StreamCheck = {
  readonly http: Http;
  readonly timeoutMs: number;
  readonly allowEmpty: boolean;
  /** Does the configuration insist on the stream? Else the agent polls where it can't be had. */
  readonly isWanted: boolean;
};

/**
 * May the agent use the operator API, which has a realm of its own? Asked by GET_FRAMEWORKS: the same realm and
 * the same view rights as the stream's, without taking one of the places for subscribers.
 */
export async function checkStream(
  leader: URL,
  { http, timeoutMs, allowEmpty, isWanted }: StreamCheck,
  signal: AbortSignal,
): Promise<Finding> {
  const about = 'stream';
  try {
    const response = await http.request({
      method: 'POST',
      url: new URL('/api/v1', leader).href,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ type: 'GET_FRAMEWORKS' }),
      signal,
      timeoutMs,
    });
    if (response.status !== 200) throw await response.refusal();
    const parsed = v.safeParse(Frameworks, await response.json());
    if (!parsed.success) throw response.error('no frameworks in it');
    const seen = parsed.output.get_frameworks.frameworks.length;
    if (seen > 0)
      return { about, verdict: 'well', says: `${leader.origin}/api/v1 answers: ${count(seen, 'framework')}` };
    const says = `${leader.origin}/api/v1 shows no framework`;
    return { about, verdict: allowEmpty ? 'advice' : 'wrong', says, mend: NO_RIGHT };
  } catch (error) {
    signal.throwIfAborted();
    const status = error instanceof HttpError ? error.status : undefined;
    const mend = [...(isWanted ? [] : ['The agent polls /state instead']), ...why(status)].join('. ');
    return { about, verdict: isWanted ? 'wrong' : 'advice', says: reasonOf(error), ...(mend && { mend }) };
  }
}

/** What the refusal does not say itself, as a 401 and a 403 do. */
function why(status: number | undefined): string[] {
  if (status === 401 || status === 403) return [];
  const hasNoApi = status === 404 || status === 405 || status === 406 || status === 501;
  return [
    hasNoApi
      ? 'This master, or a proxy before it, offers no operator API'
      : 'For the stream /api/v1 has to answer',
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
