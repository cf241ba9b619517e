import type { SkipReason } from './cluster.ts';
import type { Published } from './publish.ts';

/** What happened, as data: logs and progress only draw these. */
export type SyncEvent =
  | {
      readonly kind: 'read';
      readonly source: string;
      readonly agents: number;
      readonly frameworks: number;
      readonly tasks: number;
      readonly elapsedMs: number;
    }
  /** Elements left out of one read, by reason, with the first details of each. */
  | { readonly kind: 'skipped'; readonly reasons: readonly SkippedCount[] }
  | ({ readonly kind: 'pushed'; readonly sink: string; readonly elapsedMs: number } & {
      readonly push: Published;
    })
  | { readonly kind: 'anew'; readonly sink: string; readonly reason: string }
  /** Which key signs; `made` just now where there was none. */
  | { readonly kind: 'key'; readonly made: boolean; readonly path: string; readonly publicKeyBase64: string }
  | { readonly kind: 'failed'; readonly error: Error; readonly retryInMs: number };

export type SkippedCount = {
  readonly reason: SkipReason;
  readonly count: number;
  readonly examples: readonly string[];
};

export type OnEvent = (event: SyncEvent) => void;
