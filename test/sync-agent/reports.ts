import type { ReportSkipped, Skipped, SkipReason } from '../../sync-agent/cluster.ts';

/** Keeps what is reported as left out. */
export function keepReports(): {
  readonly report: ReportSkipped;
  readonly skipped: Skipped[];
  readonly reasons: () => SkipReason[];
  readonly details: () => string[];
} {
  const skipped: Skipped[] = [];
  return {
    report: (element) => void skipped.push(element),
    skipped,
    reasons: () => skipped.map(({ reason }) => reason),
    details: () => skipped.map(({ detail }) => detail),
  };
}
