import type { SkipReason } from './cluster.ts';
import type { Serial } from '../zone/zone.ts';
import type { QuotaWarning } from './quota.ts';
import type { Operation } from './sinks/counted.ts';
import type { Published } from './publish/published.ts';
import type { RecordSetType } from './records/record-set.ts';
import type { LiveEvent } from './sources/live.ts';

/** Which snapshot an event is of: undefined for the first zone, and for the main variant. */
export type OfSnapshot = { readonly zone?: string; readonly variant?: string };

/** What happened, as data: logs and progress only draw these. */
export type SyncEvent =
  | {
      readonly kind: 'read';
      readonly source: string;
      readonly agents: number;
      readonly frameworks: number;
      readonly tasks: number;
      /** Names by record type. */
      readonly names: Readonly<Record<RecordSetType, number>>;
      /** Running tasks that a rule keeps out of the records, by reason. */
      readonly hidden: Readonly<Record<string, number>>;
      /** Those shown all the same, since nothing of their name would be left. */
      readonly spared: Readonly<Record<string, number>>;
      readonly elapsedMs: number;
    }
  | LiveEvent
  /** The leading master can't be looked up now, and the last one known is asked; or it can again. */
  | { readonly kind: 'leader-lookup'; readonly by: string; readonly problem: string | undefined }
  /** Marathon's event stream came or went. */
  | { readonly kind: 'marathon'; readonly isConnected: boolean; readonly why: string }
  /** Aurora's ServerSets can't be read as they are now, and the last ones are used; or they can again. */
  | { readonly kind: 'server-sets'; readonly problem: string | undefined }
  /** Consul's catalogue can't be read as it is now in a datacentre, and the last is used; or it can again. */
  | { readonly kind: 'consul'; readonly datacenter: string; readonly problem: string | undefined }
  /** Elements left out of one read, by reason, with the first details of each; of another zone than the first by its name. */
  | { readonly kind: 'skipped'; readonly reasons: readonly SkippedCount[]; readonly zone?: string }
  | ({
      readonly kind: 'pushed';
      readonly sink: string;
      readonly elapsedMs: number;
      readonly push: Published;
    } & OfSnapshot)
  | ({ readonly kind: 'unusable'; readonly reason: string } & OfSnapshot)
  /** Where the monitor listens, with the port it has got. */
  | { readonly kind: 'monitor'; readonly url: string }
  /** Which key signs; `made` just now where there was none. */
  | { readonly kind: 'key'; readonly made: boolean; readonly path: string; readonly publicKeyBase64: string }
  /** The guard holds names back, or let some go that it had held. */
  | ({ readonly kind: 'held'; readonly names: number; readonly scopes: readonly HeldScope[] } & OfSnapshot)
  | { readonly kind: 'released'; readonly names: number; readonly why: 'settled' | 'forced' }
  /** A rollback of the main variant stands: the cluster is read, and published in other variants alone. */
  | { readonly kind: 'pinned'; readonly serial: Serial }
  /** May this agent write? */
  | {
      readonly kind: 'role';
      readonly role: 'writer' | 'standby';
      readonly epoch?: number;
      readonly why: string;
    }
  /** New shards are stored, and named by the head once every edge can have them. */
  | ({
      readonly kind: 'cut';
      readonly blocks: number;
      readonly octets: number;
      readonly namedInMs: number;
    } & OfSnapshot)
  /** The sink held something older than what this agent had published: written again. */
  | ({ readonly kind: 'republished'; readonly reason: string } & OfSnapshot)
  /** Keys nobody can ask for any more were removed. */
  | { readonly kind: 'swept'; readonly keys: number }
  /** By so much the sink's clock, whose time heads carry, is ahead of this machine's; told when that becomes alarming, and when it is over. */
  | { readonly kind: 'clock'; readonly offsetMs: number; readonly isOff: boolean }
  /** Operations of the free plan's day are running out. */
  | ({ readonly kind: 'quota'; readonly operation: Operation } & QuotaWarning)
  | { readonly kind: 'failed'; readonly error: Error; readonly retryInMs: number };

/** Where names are held back and why: `framework marathon`, 120 of 300 names missing. */
export type HeldScope = {
  readonly scope: string;
  readonly missing: number;
  /** The most names the scope had lately, less what ended with evidence. */
  readonly of: number;
  readonly why: 'removed' | 'nothing-left' | 'recovering-agents' | 'source-down';
};

export type SkippedCount = {
  readonly reason: SkipReason;
  readonly count: number;
  readonly examples: readonly string[];
};

export type OnEvent = (event: SyncEvent) => void;
