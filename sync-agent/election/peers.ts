import * as v from 'valibot';
import { type Http, HttpError } from '../http.ts';
import type { Sleep } from '../retry.ts';
import type { Candidate, Election } from './election.ts';
import { createPolledElection, type Look, type Verdict } from './polled.ts';
import { type HeadVerdict, shortId, silentAfterMs, watchHead } from './silence.ts';
import { describeHead, sinkPollMs, unreadable } from './sink.ts';

export type PeersElectionOptions = {
  /** Base URLs of the agents' monitors, `http://10.0.0.2:9153`; this agent's own may be among them. */
  readonly peers: readonly string[];
  readonly http: Http;
  readonly livenessSeconds: number;
  readonly sleep: Sleep;
  readonly monotonicMs: () => number;
};

const ASK_EVERY_MS = 5_000;
const ASK_TIMEOUT_MS = 3_000;
const MAX_ANSWER_OCTETS = 64 * 1024;
/** A writer that showed no sign of life for this long is taken as gone; with a round of asking: within 30 s. */
const GONE_AFTER_MS = 20_000;
/** A standby that goes first, and answers but does not take over, is passed by after so long. */
const PASSED_BY_AFTER_MS = 35_000;

/** What `/healthz` says that matters here (sync-agent/monitor.ts). */
const healthSchema = v.object({
  writerId: v.string(),
  role: v.picklist(['writer', 'standby', 'starting']),
});
type PeerHealth = v.InferOutput<typeof healthSchema> & { readonly url: string };

/**
 * Asks the other agents every 5 s. This agent may write when no peer has said for 20 s that it is the writer,
 * and no standby answers that goes first: the one that wrote last, else the lowest writer id. A head that is
 * seen to change is a sign of life of its writer, too. Within 30 s of the last sign of life somebody writes;
 * within 45 s if the standby that goes first answers but hangs. At once, where no peer says that it is the
 * writer: on an empty sink, when this agent wrote last, when the one that did says that it is a standby now,
 * and when the head was not renewed for 3 × `livenessSeconds`.
 *
 * The sink's rule stays above what peers say: a writer that answers and has not renewed its head for 3 ×
 * `livenessSeconds` while it was watched has lost its office. And an agent that was deposed by a writer it
 * can't hear waits for the sink's rule, or two agents on both sides of a cut network would take the office
 * from each other for as long as it is cut.
 */
export function createPeersElection(options: PeersElectionOptions): Election {
  let stood = false;
  return createPolledElection({
    name: `peers ${options.peers.map((peer) => shown(peer)).join(', ')}`,
    sleep: options.sleep,
    startLooking: (candidate) => {
      const look = lookAtPeers(candidate, { ...options, deposed: stood });
      return async (signal) => {
        const verdict = await look(signal);
        stood ||= verdict.mayWrite;
        return verdict;
      };
    },
  });
}

/** One stand. `deposed`: this agent has written before, so somebody took the office from it. */
function lookAtPeers(
  candidate: Candidate,
  options: PeersElectionOptions & { readonly deposed: boolean },
): Look {
  const { monotonicMs, livenessSeconds, deposed } = options;
  const head = watchHead(candidate.writerId, options);
  const heard = new Set<string>();
  let lastSignMs = monotonicMs();
  let lastReadMs = -Infinity;
  const wait = (why: string): Verdict => ({ mayWrite: false, why, againInMs: ASK_EVERY_MS });
  const readHead = async (signal: AbortSignal): Promise<ReturnType<typeof head.see>> => {
    const seen = head.see(await candidate.readRoot(signal));
    lastReadMs = monotonicMs();
    return seen;
  };

  const besideWriter = async (writer: PeerHealth, signal: AbortSignal): Promise<Verdict> => {
    lastSignMs = monotonicMs();
    const why = `${writer.url} writes (${shortId(writer.writerId)})`;
    if (lastSignMs - lastReadMs < sinkPollMs(livenessSeconds)) return wait(why);
    try {
      await readHead(signal);
    } catch {
      signal.throwIfAborted();
      return wait(why);
    }
    const unchangedMs = head.unchangedMs();
    if (unchangedMs < silentAfterMs(livenessSeconds)) return wait(why);
    return {
      mayWrite: true,
      why: `${why}, it says, but the head has not changed for ${Math.round(unchangedMs / 1000)} s`,
    };
  };

  const withoutWriter = async (answers: readonly PeerHealth[], signal: AbortSignal): Promise<Verdict> => {
    const earlierReadMs = lastReadMs;
    let seen;
    try {
      seen = await readHead(signal);
    } catch (error) {
      signal.throwIfAborted();
      return wait(unreadable(error));
    }
    // A change against a read from before the last sign tells nothing new.
    if (seen.changed && earlierReadMs >= lastSignMs) lastSignMs = lastReadMs;
    const unsignedMs = monotonicMs() - lastSignMs;
    const why = describeHead(seen, livenessSeconds);
    const first = goesFirst(candidate.writerId, answers, seen);
    if (first && unsignedMs < PASSED_BY_AFTER_MS)
      return wait(`${first.url} goes first (${shortId(first.writerId)})`);
    if (seen.kind !== 'alive') return { mayWrite: true, why: `${why}, and no peer says that it writes` };
    const last = shortId(seen.root.writerId);
    if (answers.some((peer) => gaveUp(peer, seen)))
      return { mayWrite: true, why: `writer ${last} gave the office up` };
    const unheard = `writer ${last} does not answer`;
    if (deposed && !heard.has(seen.root.writerId))
      return wait(`${unheard}, but took the office from here: ${why}`);
    if (!first && unsignedMs < GONE_AFTER_MS) return wait(`${unheard}: ${why}`);
    return {
      mayWrite: true,
      why: `writer ${last} gave no sign of life for ${GONE_AFTER_MS / 1000} s`,
    };
  };

  return async (signal) => {
    const answers = await askAll(candidate.writerId, options, signal);
    for (const { writerId } of answers) heard.add(writerId);
    const writer = answers.find(({ role }) => role === 'writer');
    return writer ? besideWriter(writer, signal) : withoutWriter(answers, signal);
  };
}

/** The standby that should take over before this agent, if one answers. */
function goesFirst(
  writerId: string,
  answers: readonly PeerHealth[],
  verdict: HeadVerdict,
): PeerHealth | undefined {
  if (verdict.kind === 'own') return undefined;
  const others = answers.filter((peer) => peer.role !== 'writer' && !gaveUp(peer, verdict));
  return others.find((peer) => wroteLast(peer, verdict)) ?? others.find((peer) => peer.writerId < writerId);
}

/** After a restart it is `starting`, and goes on at once: `standby` it is only after its term has ended. */
function gaveUp(peer: PeerHealth, verdict: HeadVerdict): boolean {
  return peer.role === 'standby' && wroteLast(peer, verdict);
}

function wroteLast({ writerId }: PeerHealth, verdict: HeadVerdict): boolean {
  return verdict.kind === 'alive' && verdict.root.writerId === writerId;
}

/** What the others say; an agent that does not answer, or nothing that makes sense, is left out. */
async function askAll(
  writerId: string,
  { peers, http }: PeersElectionOptions,
  signal: AbortSignal,
): Promise<PeerHealth[]> {
  const answers = await Promise.all(peers.map((peer) => ask(peer, http, signal)));
  return answers.filter((answer) => answer !== undefined).filter((answer) => answer.writerId !== writerId);
}

async function ask(peer: string, http: Http, signal: AbortSignal): Promise<PeerHealth | undefined> {
  try {
    const url = new URL('healthz', peer.endsWith('/') ? peer : `${peer}/`).href;
    const response = await http.request({
      url,
      signal,
      timeoutMs: ASK_TIMEOUT_MS,
      maxOctets: MAX_ANSWER_OCTETS,
    });
    const health = v.safeParse(healthSchema, await response.json());
    return response.status === 200 && health.success ? { ...health.output, url: shown(peer) } : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HttpError) return undefined;
    throw error;
  }
}

/** A peer's address without what may be secret in it. */
function shown(peer: string): string {
  return new URL(peer).origin;
}
