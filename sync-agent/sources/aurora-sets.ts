import type { JobKey, ServerSet, ServerSetMember } from '../cluster.ts';
import type { Announced } from './aurora-stabilizer.ts';
import type { Source } from './source.ts';

/** Where Aurora's jobs are found: in ZooKeeper, or by the scheduler. */
export type ServerSetSource = Source<readonly ServerSet[]> & {
  /**
   * Runs until the signal aborts, then ends promptly. Calls `onChange` whenever `read` may give something else.
   * Never throws. One call at a time. Without it every read asks anew.
   */
  readonly follow: (onChange: () => void, signal: AbortSignal) => Promise<void>;
  readonly status: () => ServerSetStatus;
};

export type ServerSetStatus = {
  /** Why what is given is not up to date, with what to do; undefined where it is. */
  readonly problem: string | undefined;
  readonly sets: number;
  readonly members: number;
  /** Since it was last up to date; undefined if it never was. */
  readonly lastGoodAgeSeconds: number | undefined;
  /** Notices of the scheduler's webhook that were taken, and requests that were refused. */
  readonly webhooks?: { readonly taken: number; readonly refused: number } | undefined;
};

/** Members by their jobs, both in the order of their names: the same ones give the same sets. */
export function serverSetsOf(announced: Iterable<Announced>, frameworkName: string): readonly ServerSet[] {
  const byJob = new Map<string, { key: JobKey; members: Map<string, ServerSetMember> }>();
  for (const { id, key, member } of announced) {
    const name = jobText(key);
    const set = byJob.get(name) ?? { key, members: new Map<string, ServerSetMember>() };
    byJob.set(name, set);
    // Two paths of one job may both have a `member_0000000000`.
    set.members.set(set.members.has(member.name) ? `${member.name} ${id}` : member.name, member);
  }
  return [...byJob]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { key, members }]) => ({
      frameworkName,
      ...key,
      members: [...members].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, member]) => member),
    }));
}

/** `vagrant/test/http_example`, as Aurora writes it. */
function jobText({ role, environment, job }: JobKey): string {
  return `${role}/${environment}/${job}`;
}
