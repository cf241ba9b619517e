import type { ZoneHealth } from '../health.ts';
import { durationText } from './duration.ts';

/** Drawn as a shape of its own each, so that colour is never all that tells. */
export type Mark = 'good' | 'warn' | 'bad' | 'wait';

/** How a zone is in one respect: what that means for who asks, what its operator can do, and where that is written. */
export type Condition = {
  readonly kind: (typeof WORST_FIRST)[number];
  readonly means: string;
  /** As the Worker met it. */
  readonly problem?: string | undefined;
  readonly mend?: string;
  readonly page?: string;
};

const WORST_FIRST = ['not-ready', 'expired', 'problem', 'stale', 'pinned', 'held', 'restored', 'ok'] as const;

/** A kind's shape, its word at a zone, and the page's headline where nothing worse is the case. */
export const SHOWN: Readonly<
  Record<Condition['kind'], readonly [mark: Mark, word: string, headline: string]>
> = {
  'not-ready': ['wait', 'Not ready', 'Not answering yet'],
  expired: ['bad', 'Expired', 'Not answering any more'],
  problem: ['bad', 'Unusable update', 'Answering, but updates can not be used'],
  stale: ['warn', 'Stale', 'Answering from an old snapshot'],
  pinned: ['warn', 'Pinned', 'Answering from a rollback'],
  held: ['warn', 'Held back', 'Answering, with names held back'],
  restored: ['warn', 'Restored', 'Answering, after snapshots were lost'],
  ok: ['good', 'Up to date', 'Answering, up to date'],
};

/** All that is to be said of a zone, the worst first. */
export function conditionsOf(zone: ZoneHealth): Condition[] {
  const { status, held, heldSinceSeconds = 0, pinned, restored, problem } = zone;
  const age = durationText(zone.ageSeconds ?? 0);
  const all: readonly (Condition | false)[] = [
    status === 'not-ready' && {
      kind: 'not-ready',
      means: 'Its names get SERVFAIL until there is a snapshot that can be read.',
      problem,
      mend: 'Has the sync agent published to this namespace, with a key in VERIFY_KEYS?',
      page: 'deploy-agent.md',
    },
    status === 'expired' && {
      kind: 'expired',
      means: `Its names get SERVFAIL: nothing has vouched for its snapshot for ${age}.`,
      mend: 'Start the sync agent, or see in its log why it does not publish.',
      page: 'operate.md',
    },
    status !== 'not-ready' &&
      problem !== undefined && {
        kind: 'problem',
        means: 'Names are answered from the snapshot before.',
        problem,
        mend: 'Is the signing key in VERIFY_KEYS, and does only the agent write to the namespace?',
        page: 'signing-keys.md',
      },
    status === 'stale' && {
      kind: 'stale',
      means: `Names are answered as they were ${age} ago; what started since is missing.`,
      mend: 'Does the sync agent run, and does it reach the masters?',
      page: 'operate.md',
    },
    pinned !== undefined && {
      kind: 'pinned',
      means: `A rollback brought back serial ${pinned}; the zone does not follow its cluster.`,
      mend: 'mesos-doh ctl unpin ends it.',
      page: 'publishing.md',
    },
    held !== undefined && {
      kind: 'held',
      means: `${held} names are gone from the cluster and still answered, for ${durationText(heldSinceSeconds)} now.`,
      mend: 'mesos-doh ctl held lists them, ctl release lets them go.',
      page: 'guard.md',
    },
    restored !== undefined && {
      kind: 'restored',
      means: `${restored === 1 ? 'Once' : `${restored} times`} an older snapshot was taken, since newer ones were lost.`,
      mend: 'Was the namespace restored, or written by two agents?',
      page: 'high-availability.md',
    },
    status === 'ok' && { kind: 'ok', means: 'Names are answered as the cluster has them.' },
  ];
  return all.filter((condition) => condition !== false);
}

/** The worst of all zones' conditions; undefined where there is no zone. */
export function worstOf(zones: readonly ZoneHealth[]): Condition['kind'] | undefined {
  const kinds = new Set(zones.flatMap((zone) => conditionsOf(zone).map(({ kind }) => kind)));
  return WORST_FIRST.find((kind) => kinds.has(kind));
}
