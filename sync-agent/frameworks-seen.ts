import type { Ended } from './cluster.ts';

/** Ids of frameworks. A master lists 50 completed ones by default. */
const MAX_REMEMBERED = 10_000;

/** Frameworks that were registered in reads before: these, once completed, are what ran here. */
export type FrameworksSeen = {
  readonly add: (ids: readonly string[]) => void;
  /** Completed frameworks apart from those that may be older ones of the same name: never seen registered. */
  readonly withNamesakes: (ended: Ended) => Ended;
};

/** Remembers the newest: short-lived frameworks come and go for as long as an agent runs. */
export function createFrameworksSeen(most = MAX_REMEMBERED): FrameworksSeen {
  const seen = new Set<string>();
  return {
    add: (ids) => {
      for (const id of ids) {
        seen.delete(id);
        seen.add(id);
      }
      for (const id of seen) {
        if (seen.size <= most) break;
        seen.delete(id);
      }
    },
    withNamesakes: (ended) => {
      const ran = (name: string): boolean =>
        ended.frameworkIds?.get(name)?.some((id) => seen.has(id)) === true;
      const namesakes = ended.frameworks.filter((name) => !ran(name));
      return { ...ended, frameworks: ended.frameworks.filter(ran), namesakes };
    },
  };
}
