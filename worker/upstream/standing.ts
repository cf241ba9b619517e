/** Which upstreams have lately been slow or dead, by URL: those are asked last. */
export type Standing = {
  /** The healthy in their order, then the others, soonest to be forgiven first. */
  readonly inOrder: (urls: readonly string[]) => readonly string[];
  /** It did not answer in time to be the only one asked. */
  readonly slow: (url: string) => void;
  /** It gave no usable reply. */
  readonly failed: (url: string) => void;
  readonly answered: (url: string) => void;
};

/** How long one bad turn is remembered; it doubles with each failure in a row. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED_MS = 60_000;

export function createStanding(now: () => number): Standing {
  const bad = new Map<string, { readonly failures: number; readonly until: number }>();
  const remember = (url: string, failures: number): void => {
    const ms = Math.min(REMEMBERED_MS * 2 ** Math.max(0, failures - 1), MOST_REMEMBERED_MS);
    bad.set(url, { failures, until: now() + ms });
  };
  return {
    inOrder: (urls) => {
      const until = (url: string): number => {
        const { until: end = 0 } = bad.get(url) ?? {};
        return end > now() ? end : 0;
      };
      return urls.toSorted((a, b) => until(a) - until(b));
    },
    slow: (url) => remember(url, bad.get(url)?.failures ?? 0),
    failed: (url) => remember(url, (bad.get(url)?.failures ?? 0) + 1),
    answered: (url) => void bad.delete(url),
  };
}
