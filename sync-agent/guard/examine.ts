import { readInstance, sharedName } from '../records/instance.ts';
import { type Clocks, createClocks, type ClocksOptions } from './clocks.ts';
import { endedAmong } from './evidence.ts';
import { withGivers } from './further-names.ts';
import { findMissing, type Missing } from './missing.ts';
import { add, countedNames, createScopes, scopeKey, type Scopes, type Tally } from './scopes.ts';
import type { ReadSource } from './source-read.ts';

/** A source that was read: what is gone from it that nothing explains. */
export type Case = {
  readonly source: ReadSource;
  readonly scopes: Scopes;
  readonly clocks: Clocks;
  readonly unexplained: readonly Missing[];
  /** How many names went with it: its own, and those it shared that are counted with it. */
  readonly namesWith: (missing: Missing) => number;
  /** Those names by scope. */
  readonly tallyOf: (missing: readonly Missing[]) => Tally;
  /** Names that were read and not published, by scope; empty where nothing hangs on them. */
  readonly added: Tally;
  /** Shared names of tasks that were read and not published. */
  readonly newcomers: ReadonlySet<string>;
};

export type ExamineOptions = ClocksOptions & {
  readonly domain: string;
  readonly severalSources: boolean;
  /** There are earlier losses that new names may make up for. */
  readonly hasLosses: boolean;
};

export function examine(source: ReadSource, options: ExamineOptions): Case {
  const { domain, severalSources, hasLosses } = options;
  const absent = findMissing(source, domain);
  const explained = endedAmong(absent.missing, source, domain);
  const { missing, sharedNames } = withGivers(absent, { source, domain, explained });
  const unexplained = missing.filter((each) => !explained.has(each));
  const scopes = createScopes({ source: source.name, domain, severalSources, missing });
  const sharedWith = countSharedOnce(sharedNames, explained);
  const newNames =
    unexplained.length > 0 || hasLosses
      ? [...countedNames(source, { domain, unless: source.published })]
      : [];
  const tallyOf = (of: readonly Missing[]): Tally => {
    const tally: Tally = new Map();
    for (const each of of) {
      if (each.value !== undefined) continue;
      for (const key of scopes.ofMissing(each)) add(tally, key, each.names.length);
      for (const name of sharedWith.get(each) ?? [])
        for (const key of scopes.ofShared(name)) add(tally, key, 1);
    }
    return tally;
  };
  return {
    source,
    scopes,
    clocks: createClocks(source, options),
    unexplained,
    namesWith: (each) => each.names.length + (sharedWith.get(each)?.length ?? 0),
    tallyOf,
    added: withoutContested(scopes.count(newNames), source),
    newcomers: new Set(
      newNames.map((name) => sharedNameOf(name, domain)).filter((name) => name !== undefined),
    ),
  };
}

/** New names make up for those that went, but not one framework's for another's. */
function withoutContested(added: Tally, { name, ended }: ReadSource): Tally {
  for (const part of ended.contested ?? [])
    added.delete(scopeKey({ source: name, scope: `framework ${part}` }));
  return added;
}

/** Names that are gone with the tasks that had them: each counted with the first that nothing explains. */
function countSharedOnce(
  sharedNames: ReadonlyMap<string, readonly Missing[]>,
  explained: ReadonlySet<Missing>,
): ReadonlyMap<Missing, readonly string[]> {
  const counted = new Map<Missing, string[]>();
  for (const [name, tasks] of sharedNames) {
    const first = tasks.find((task) => !explained.has(task));
    if (first) counted.set(first, [...(counted.get(first) ?? []), name]);
  }
  return counted;
}

function sharedNameOf(name: string, domain: string): string | undefined {
  const instance = readInstance(name, domain);
  return instance && sharedName(instance, domain);
}
