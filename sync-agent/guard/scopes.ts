import { readInstance } from '../records/instance.ts';
import type { RecordSet } from '../records/record-set.ts';
import { agentsName, hasName, type Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

/**
 * Where names are counted: a source as a whole, each framework and each agent in it, and the zone where there
 * are several sources. What is counted are names with addresses, since only of those it is sure that the next
 * read of the snapshot gives them back.
 */
export type Scope = { readonly source: string; readonly scope: string };

/** Numbers of names, by `scopeKey`. */
export type Tally = Map<string, number>;

export function scopeKey({ source, scope }: Scope): string {
  return `${source}\n${scope}`;
}

export function scopeOf(key: string): Scope {
  const end = key.indexOf('\n');
  return { source: key.slice(0, end), scope: key.slice(end + 1) };
}

export type ScopesOptions = {
  readonly source: string;
  readonly domain: string;
  readonly severalSources: boolean;
  /** Whose frameworks are known from the start. */
  readonly missing: readonly Missing[];
};

/** Which scopes a source's names are in. */
export type Scopes = {
  readonly whole: readonly string[];
  readonly ofMissing: (missing: Missing) => readonly string[];
  /** Of a name that tasks share. */
  readonly ofShared: (name: string) => readonly string[];
  /** Counts names in all their scopes. */
  readonly count: (names: Iterable<string>) => Tally;
};

export function createScopes({ source, domain, severalSources, missing }: ScopesOptions): Scopes {
  const suffix = `.${domain}.`;
  const whole = [scopeKey({ source, scope: `source ${source}` })];
  if (severalSources) whole.push(scopeKey({ source: '', scope: `zone ${domain}` }));
  /** Parts of names that frameworks have, some with dots: tasks' own names tell where they begin. */
  const parts = new Set(
    missing.map(({ instance }) => instance?.framework).filter((part) => part !== undefined),
  );
  const framework = (part: string): string => `${source}\nframework ${part}`;

  const partOf = (name: string): string => {
    let rest = name.slice(0, -suffix.length);
    if (rest.endsWith('.slave')) rest = rest.slice(0, -'.slave'.length);
    for (let part = rest; ; part = part.slice(part.indexOf('.') + 1)) {
      if (parts.has(part) || !part.includes('.')) return part;
    }
  };
  const ofShared = (name: string): readonly string[] =>
    name.endsWith(suffix) ? [...whole, framework(partOf(name))] : whole;

  return {
    whole,
    ofShared,
    ofMissing: ({ instance, value, key }) => {
      if (value !== undefined) return whole;
      if (!instance) return ofShared(key);
      return [...whole, framework(instance.framework), `${source}\nagent ${instance.tail}`];
    },
    count: (names) => {
      const byPart = new Map<string, number>();
      const byTail = new Map<string, number>();
      const others: string[] = [];
      let all = 0;
      for (const name of names) {
        all++;
        const instance = readInstance(name, domain);
        if (!instance) {
          others.push(name);
          continue;
        }
        parts.add(instance.framework);
        add(byPart, instance.framework, 1);
        add(byTail, instance.tail, 1);
      }
      for (const name of others) add(byPart, partOf(name), 1);
      const tally: Tally = new Map(whole.map((key) => [key, all]));
      for (const [part, names] of byPart) tally.set(framework(part), names);
      for (const [tail, names] of byTail) tally.set(`${source}\nagent ${tail}`, names);
      return tally;
    },
  };
}

export function add<Key>(tally: Map<Key, number>, key: Key, names: number): void {
  tally.set(key, (tally.get(key) ?? 0) + names);
}

/** The names of what was read that the guard counts; `unless` leaves out some. */
export function* countedNames(
  { next, isClusterRecord }: Pick<ReadSource, 'next' | 'isClusterRecord'>,
  { domain, unless }: { readonly domain: string; readonly unless?: RecordSet },
): Generator<string> {
  const suffix = `.${domain}.`;
  const agents = agentsName(domain);
  const isCounted = (name: string): boolean =>
    !(unless && hasName(unless, name)) && name !== agents && name.endsWith(suffix) && !isClusterRecord(name);
  for (const name of next.A.keys()) if (isCounted(name)) yield name;
  for (const name of next.AAAA.keys()) if (!next.A.has(name) && isCounted(name)) yield name;
}
