import type { Ended } from './cluster.ts';
import { frameworkParts, readInstance } from './records/instance.ts';

/** Ids of frameworks. A master lists 50 completed ones by default. */
const MAX_REMEMBERED = 10_000;

/** Frameworks that were registered in reads before: these, once completed, are what ran here. */
export type FrameworksSeen = {
  readonly add: (ids: readonly string[]) => void;
  /**
   * Completed frameworks apart from those that may be older ones of the same name: never seen registered. Whoever may
   * register frameworks may call one `Marathon` and end it: neither counts where another with the same part of names, by
   * either label rule, is registered, or was and is not known to have completed. Then the names may be its. Parts that several
   * such have are contested. Remembers what the state says is registered.
   */
  readonly withNamesakes: (ended: Ended) => Ended;
};

/** Remembers the newest: short-lived frameworks come and go for as long as an agent runs. */
export function createFrameworksSeen(most = MAX_REMEMBERED): FrameworksSeen {
  const seen = new Map<string, true>();
  /** Parts of names of those that have not completed, where the source says what they are called. */
  const open = new Map<string, { readonly name: string; readonly parts: ReadonlySet<string> }>();
  return {
    add: (ids) => {
      for (const id of ids) renew(seen, id, true);
      keepNewest(seen, most);
    },
    withNamesakes: (ended) => {
      for (const [id, name] of ended.registered ?? []) {
        const known = open.get(id);
        renew(open, id, known?.name === name ? known : { name, parts: partsReadOf(name) });
      }
      keepNewest(open, most);
      for (const ids of ended.frameworkIds?.values() ?? []) for (const id of ids) open.delete(id);
      const taken = new Set<string>();
      const contested = new Set<string>();
      for (const { parts } of open.values())
        for (const part of parts) (taken.has(part) ? contested : taken).add(part);
      const frameworks: string[] = [];
      const namesakes: string[] = [];
      for (const name of ended.frameworks) {
        if (taken.size > 0 && frameworkParts(name).some((part) => taken.has(part))) continue;
        const ran = ended.frameworkIds?.get(name)?.some((id) => seen.has(id)) === true;
        (ran ? frameworks : namesakes).push(name);
      }
      return { ...ended, frameworks, namesakes, ...(contested.size > 0 && { contested }) };
    },
  };
}

/**
 * The parts that names of its tasks have, and those that they are read to have: `marathon` of a framework that calls
 * itself `marathon.slave`, or `x-5eh48-s0.marathon`.
 */
function partsReadOf(name: string): ReadonlySet<string> {
  const parts = frameworkParts(name);
  const read = parts.map((part) => readInstance(`web-5eh48-s0.${part}.mesos.`, 'mesos')?.framework ?? part);
  return new Set([...parts, ...read]);
}

function renew<Value>(known: Map<string, Value>, id: string, value: Value): void {
  known.delete(id);
  known.set(id, value);
}

function keepNewest(known: Map<string, unknown>, most: number): void {
  for (const id of known.keys()) {
    if (known.size <= most) break;
    known.delete(id);
  }
}
