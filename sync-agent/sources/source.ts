import type { ReportSkipped } from '../cluster.ts';

/**
 * A system that tells what is in the cluster. `read` asks once and gives all of its part, or throws
 * `SourceError`: half a part is never given. Elements it can't use go to `report` and the rest is given.
 * It stops with the signal's reason when `signal` aborts. Sources keep nothing between reads but what makes
 * the next one cheaper (connections, who led last).
 */
export type Source<Part> = {
  /** For people, without secrets: `mesos-state http://10.0.0.1:5050`. */
  readonly name: string;
  readonly read: (report: ReportSkipped, signal: AbortSignal) => Promise<Part>;
};

/** A source that can't give its part. The message says what was asked, where, and what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}
