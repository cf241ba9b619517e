import type { SeenRoot } from './election.ts';

/** A writer is silent when its head was not renewed for so many of its `livenessSeconds`. */
const SILENT_AFTER_RENEWALS = 3;

export function silentAfterMs(livenessSeconds: number): number {
  return SILENT_AFTER_RENEWALS * livenessSeconds * 1000;
}

/** What the head says of whether this agent may write. */
export type HeadVerdict =
  /** Nobody has written yet, or nothing that can be trusted. */
  | { readonly kind: 'empty' }
  /** This agent wrote last: it was restarted. */
  | { readonly kind: 'own' }
  /** Another wrote last, and has not for long. */
  | { readonly kind: 'silent'; readonly root: SeenRoot; readonly silentMs: number }
  | { readonly kind: 'alive'; readonly root: SeenRoot; readonly silentMs: number };

/** One standby's look at the head over time. */
export type HeadWatch = {
  readonly see: (root: SeenRoot | undefined) => HeadVerdict & { readonly changed: boolean };
  /** Milliseconds since this watch began, or since it last saw the head change. */
  readonly unchangedMs: () => number;
};

/**
 * Judges a head by its age, within what was seen. It is at least as old as it was seen not to change: a writer
 * whose clock is ahead does not hold the office longer. And one that was seen to change is no older than the
 * look before that: a wrong clock here makes no living writer silent that was watched for a moment.
 */
export function watchHead(
  writerId: string,
  { livenessSeconds, monotonicMs }: { readonly livenessSeconds: number; readonly monotonicMs: () => number },
): HeadWatch {
  const limitMs = silentAfterMs(livenessSeconds);
  let last: { readonly root: SeenRoot | undefined; readonly atMs: number } | undefined;
  let sinceMs = monotonicMs();
  /** How long before `sinceMs` the head may have changed. */
  let slackMs = Infinity;

  const judge = (root: SeenRoot | undefined): HeadVerdict => {
    if (!root) return { kind: 'empty' };
    if (root.writerId === writerId) return { kind: 'own' };
    const unchangedMs = monotonicMs() - sinceMs;
    const silentMs = Math.min(Math.max(root.ageMs, unchangedMs), unchangedMs + slackMs);
    return { kind: silentMs >= limitMs ? 'silent' : 'alive', root, silentMs };
  };
  return {
    unchangedMs: () => monotonicMs() - sinceMs,
    see: (root) => {
      const nowMs = monotonicMs();
      const changed = last !== undefined && !isSame(root, last.root);
      if (last && changed) slackMs = nowMs - last.atMs;
      if (!last || changed) sinceMs = nowMs;
      last = { root, atMs: nowMs };
      return { ...judge(root), changed };
    },
  };
}

function isSame(a: SeenRoot | undefined, b: SeenRoot | undefined): boolean {
  if (!a || !b) return a === b;
  return (
    a.writerId === b.writerId &&
    a.epoch === b.epoch &&
    a.serial === b.serial &&
    a.createdAtMs === b.createdAtMs
  );
}

/** A writer's id as people see it in logs: enough to tell a handful apart. */
export function shortId(writerId: string): string {
  return writerId.slice(0, 8);
}
