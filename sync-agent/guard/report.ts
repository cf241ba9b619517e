import type { HeldScope } from '../events.ts';
import type { Judged } from './judge.ts';
import { countedNames, scopeOf, type Tally } from './scopes.ts';
import type { SourceRead } from './source-read.ts';

/** So many scopes of a source are told of, those with most names missing. */
const MAX_SCOPES = 20;

export type ReportOptions = {
  /** By how many names a scope shrank, as it is judged. */
  readonly drops: Tally;
  /** Names that were read, by scope. */
  readonly counts: () => Tally;
  readonly isTripped: (scopeKey: string) => boolean;
};

/**
 * Where names are held: the source where all of it is, the frameworks that lost too much, and agents where no
 * larger scope accounts for it.
 */
export function heldScopes(each: Judged, { drops, counts, isTripped }: ReportOptions): HeldScope[] {
  const { held, scopes, why } = each;
  if (held.length === 0) return [];
  const missing = each.tallyOf(held);
  const agentAddresses = held.filter(({ value }) => value !== undefined).length;
  const [source = ''] = scopes.whole;
  const describe = (key: string, names: number): HeldScope => {
    const of = (counts().get(key) ?? 0) + Math.max(names, drops.get(key) ?? 0);
    return { scope: scopeOf(key).scope, missing: names, of, why };
  };
  const isWhole = why !== 'removed' || scopes.whole.some((key) => isTripped(key));
  const tripped = [...missing].filter(([key]) => !scopes.whole.includes(key) && isTripped(key));
  const frameworks = [...missing].filter(([key]) => scopeOf(key).scope.startsWith('framework '));
  const reported = isWhole ? frameworks.filter(([key]) => isTripped(key)) : tripped;
  // What is held since a scope lost too much may be little by now.
  const parts = (isWhole || reported.length > 0 ? reported : frameworks)
    .map(([key, names]) => describe(key, names))
    .toSorted((a, b) => b.missing - a.missing || (a.scope < b.scope ? -1 : 1))
    .slice(0, MAX_SCOPES);
  const whole = describe(source, (missing.get(source) ?? 0) + agentAddresses);
  return isWhole || parts.length === 0 ? [whole, ...parts] : parts;
}

/** A source that was not read, all of whose names stay. */
export function downScope(source: SourceRead, domain: string): HeldScope {
  const { published, isClusterRecord } = source;
  const names = [...countedNames({ next: published, isClusterRecord }, { domain })].length;
  return { scope: `source ${source.name}`, missing: names, of: names, why: 'source-down' };
}
