import type { MasterFinder } from '../masters/finder.ts';
import { type Finding, reasonOf } from './finding.ts';

/** What ZooKeeper is asked for; throws with the reason where it does not answer. */
export type Asked<Result> = {
  /** For people, without secrets: `zk://10.0.0.1:2181/mesos`. */
  readonly name: string;
  readonly ask: (signal: AbortSignal) => Promise<Result>;
};

/** Which masters are there to ask: those of the configuration, or those ZooKeeper lists, the leader first. */
export async function checkMasterList(
  finder: Pick<MasterFinder, 'name' | 'candidates' | 'state'>,
  signal: AbortSignal,
): Promise<{ readonly findings: readonly Finding[]; readonly masters: readonly URL[] }> {
  const { by } = finder.state();
  const about = by === 'zookeeper' ? 'ZooKeeper' : 'masters';
  try {
    const masters = await finder.candidates(signal);
    const { problem } = finder.state();
    if (problem !== undefined) return { findings: [{ about, verdict: 'wrong', says: problem }], masters };
    if (by === 'list') return { findings: [], masters };
    const says = `${finder.name} lists ${masters.map(({ origin }) => origin).join(', ')}; the first one leads`;
    return { findings: [{ about, verdict: 'well', says }], masters };
  } catch (error) {
    signal.throwIfAborted();
    return { findings: [{ about, verdict: 'wrong', says: reasonOf(error) }], masters: [] };
  }
}

/** Can the agent stand for election there? Only reads. */
export async function checkElectionPath(
  { name, ask }: Asked<readonly string[]>,
  signal: AbortSignal,
): Promise<Finding> {
  const about = 'ZooKeeper';
  try {
    const nodes = await ask(signal);
    const agents =
      nodes.length === 0
        ? 'no agent stands'
        : `${nodes.length} ${nodes.length === 1 ? 'agent stands' : 'agents stand'}`;
    return { about, verdict: 'well', says: `${name}: ${agents} for election` };
  } catch (error) {
    signal.throwIfAborted();
    const mend = 'Check election.zk, its credentials, and that ZooKeeper runs; nobody writes without it';
    return { about, verdict: 'wrong', says: reasonOf(error), mend };
  }
}
