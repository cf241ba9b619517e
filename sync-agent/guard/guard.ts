import type { HeldScope } from '../events.ts';
import { type RecordValue, recordValues } from '../records/difference.ts';
import { instanceName, readInstance } from '../records/instance.ts';
import { type Case, examine } from './examine.ts';
import { type Judged, judge } from './judge.ts';
import { keptValues } from './keep.ts';
import { type Losses, recentLosses, sumOf, toMemory, type WindowOptions, withNet } from './losses.ts';
import type { GuardMemory } from './memory.ts';
import type { Missing } from './missing.ts';
import { downScope, heldScopes } from './report.ts';
import { add, countedNames, type Tally } from './scopes.ts';
import type { ReadSource, SourceRead } from './source-read.ts';

export type GuardSettings = {
  /** A scope that lost so many percent of its names, and so many names, is held. */
  readonly maxRemovedPercent: number;
  readonly minRemoved: number;
  /** Losses of so long count together. */
  readonly windowSeconds: number;
  /** The same names have to be missing for so long, in two reads at least, to be let go. */
  readonly settleSeconds: number;
  /** Agents that have not come back to a new leader by then are not waited for. */
  readonly failoverSeconds: number;
};

export type GuardInput = {
  readonly sources: readonly SourceRead[];
  /** What the push that made `published` wrote. */
  readonly memory: GuardMemory;
  readonly settings: GuardSettings;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Lower case, without its final dot. */
  readonly domain: string;
  /** Lets go all that is held or would be. */
  readonly release?: 'forced';
};

/** What is published is what was read and `kept`. */
export type Verdict = {
  readonly kept: readonly RecordValue[];
  /** To be written with it. */
  readonly memory: GuardMemory;
  readonly held: readonly HeldScope[];
  /** Names that are missing and published all the same; those of sources that were not read do not count. */
  readonly heldNames: number;
  /** When the first of them was first missing. */
  readonly heldSinceMs: number | undefined;
  /** Names that had been held, or were to be, and are let go. */
  readonly released: number;
};

/**
 * May names vanish? Those may of which the cluster says why; of the others few at a time. Where too many of a
 * scope are gone without evidence, or all, or agents are still on their way to a new leader, tasks keep their last
 * values until the same ones have been missing for a while. One call a read; pure.
 */
export function guard(input: GuardInput): Verdict {
  const cases = examineAll(input);
  return verdictOn(cases, input, rememberCounts(cases, input.domain));
}

/**
 * The same verdict from nothing but what changed: `published` and `next` hold `namesToJudge` alone. Undefined where the others have a say as well: names are to be held, or a scope lost so many that its size counts.
 */
export function guardChanges(input: GuardInput): Verdict | undefined {
  if (input.memory.held.length > 0 || input.release === 'forced') return undefined;
  let asked = false;
  const cases = examineAll(input);
  const isDoubtful = ({ unexplained, clocks, source }: Case): boolean =>
    unexplained.length > 0 && (clocks.awaitsAgents || source.frameworks === 0 || source.tasks === 0);
  if (cases.some((each) => isDoubtful(each))) return undefined;
  const verdict = verdictOn(cases, input, () => {
    asked = true;
    return new Map();
  });
  return asked ? undefined : verdict;
}

/** Of names that differ: themselves, and the other own name of a task, which is still there if that one is. */
export function* namesToJudge(changed: Iterable<string>, domain: string): Generator<string> {
  for (const name of changed) {
    yield name;
    const instance = readInstance(name, domain);
    if (instance) yield instanceName(instance, { domain, onAgent: !instance.onAgent });
  }
}

function examineAll({ sources, memory, settings, nowMs, domain }: GuardInput): Case[] {
  const options = {
    memory,
    nowMs,
    failoverSeconds: settings.failoverSeconds,
    domain,
    severalSources: sources.length > 1,
    hasLosses: memory.losses.length > 0,
  };
  return sources.filter((source) => isRead(source)).map((source) => examine(source, options));
}

function verdictOn(cases: readonly Case[], input: GuardInput, counts: () => Tally): Verdict {
  const { sources, memory, settings, nowMs, domain } = input;
  const { settleSeconds } = settings;
  const forced = input.release === 'forced';
  const window = { nowMs, windowMs: settings.windowSeconds * 1000 };
  const recent = recentLosses(memory.losses, window);
  const drops = dropsOf(cases, recent);
  const isTripped = (key: string): boolean => {
    const drop = drops.get(key) ?? 0;
    if (drop < Math.max(1, settings.minRemoved)) return false;
    return drop * 100 >= settings.maxRemovedPercent * ((counts().get(key) ?? 0) + drop);
  };
  const judged = cases.map((each) => judge(each, { isTripped, nowMs, settleSeconds, forced, domain }));
  const groups = judged.flatMap(({ clocks, held }) => clocks.toMemory(held));
  const losses = lossesAfter(judged, { recent, isTripped, window });
  const down = sources.filter((source) => !isRead(source));
  const isDown = ({ source }: { readonly source: string }): boolean =>
    down.some(({ name }) => name === source);
  return {
    kept: [
      ...judged.flatMap(({ held, source }) => keptValues(held, source, domain)),
      ...down.flatMap(({ published }) => [...recordValues(published)]),
    ],
    memory: {
      held: inOrder([...memory.held.filter(isDown), ...groups]),
      // What only grew old stays as it is: that is no reason to write.
      losses: forced ? [] : losses ? toMemory(losses) : memory.losses,
      failovers: inOrder([
        ...memory.failovers.filter(isDown),
        ...cases.map(({ clocks }) => clocks.failover).filter((failover) => failover !== undefined),
      ]),
    },
    held: [
      ...judged.flatMap((each) => heldScopes(each, { drops, counts, isTripped })),
      ...down.map((source) => downScope(source, domain)),
    ],
    heldNames: sum(judged.map((each) => namesIn(each, each.held))),
    heldSinceMs: groups.length === 0 ? undefined : Math.min(...groups.map(({ sinceMs }) => sinceMs)),
    released: sum(judged.map((each) => namesIn(each, each.released))),
  };
}

function isRead(source: SourceRead): source is ReadSource {
  return source.next !== undefined;
}

/**
 * By how many names each scope is smaller than at its largest in the window, without what ended with evidence:
 * what it lost and what is missing now, less what came.
 */
function dropsOf(cases: readonly Case[], recent: Losses): Tally {
  const drops: Tally = new Map();
  for (const { tallyOf, unexplained, added } of cases) {
    for (const [key, names] of tallyOf(unexplained)) add(drops, key, names);
    for (const [key, names] of added) add(drops, key, -names);
  }
  for (const [key, losses] of recent) add(drops, key, sumOf(losses));
  return drops;
}

/** How many names were read, by scope; counted once, and only where it is asked for. */
function rememberCounts(cases: readonly Case[], domain: string): () => Tally {
  let counts: Tally | undefined;
  return () => {
    if (counts) return counts;
    counts = new Map();
    for (const { source, scopes } of cases) {
      for (const [key, names] of scopes.count(countedNames(source, { domain }))) add(counts, key, names);
    }
    return counts;
  };
}

type LossOptions = {
  readonly recent: Losses;
  readonly isTripped: (scopeKey: string) => boolean;
  readonly window: WindowOptions;
};

/** Losses after what is let go now; undefined where nothing came or went. */
function lossesAfter(
  judged: readonly Judged[],
  { recent, isTripped, window }: LossOptions,
): Losses | undefined {
  const left = new Map(recent);
  const net: Tally = new Map();
  let isChanged = false;
  for (const { tallyOf, letGo, released, added } of judged) {
    for (const [key, names] of tallyOf(letGo)) add(net, key, names);
    for (const [key, names] of added) if (net.has(key) || left.has(key)) add(net, key, -names);
    // What settled is how the cluster is now: what went before it in the same loss counts no more.
    for (const key of tallyOf(released).keys()) if (isTripped(key)) left.delete(key);
    isChanged ||= letGo.length > 0 || released.length > 0 || sum(added.values()) > 0;
  }
  return isChanged ? withNet(left, net, window) : undefined;
}

function namesIn({ namesWith }: Case, missing: readonly Missing[]): number {
  return sum(missing.map((each) => namesWith(each)));
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

/** By source; of one source as they come. */
function inOrder<Of extends { readonly source: string }>(of: readonly Of[]): Of[] {
  return of.toSorted((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0));
}
