import type { Loss, ScopeLosses } from './memory.ts';
import { scopeKey, scopeOf, type Tally } from './scopes.ts';

/** What scopes lost without evidence in the last while, by `scopeKey`. */
export type Losses = ReadonlyMap<string, readonly Loss[]>;

export type WindowOptions = { readonly nowMs: number; readonly windowMs: number };

/** Losses of one sixteenth of the window are told together. */
const STEPS = 16;
/** Scopes that are remembered, those with the largest losses. */
const MAX_SCOPES = 256;

/** What is left of them within the window. */
export function recentLosses(losses: readonly ScopeLosses[], { nowMs, windowMs }: WindowOptions): Losses {
  const recent = new Map<string, readonly Loss[]>();
  for (const { losses: entries, ...scope } of losses) {
    const kept = entries.filter(({ atMs }) => atMs <= nowMs && atMs + stepMs(windowMs) + windowMs > nowMs);
    if (kept.length > 0) recent.set(scopeKey(scope), kept);
  }
  return recent;
}

/** By how many names a scope was larger at its largest. */
export function sumOf(losses: readonly Loss[] | undefined): number {
  return losses?.reduce((sum, { names }) => sum + names, 0) ?? 0;
}

/**
 * The same after a read: `net` names fewer a scope, or more where it is negative. What comes makes up for what
 * went last, so that the sum stays how many names fewer there are than at the most.
 */
export function withNet(losses: Losses, net: Tally, { nowMs, windowMs }: WindowOptions): Losses {
  const after = new Map(losses);
  for (const [key, names] of net) {
    const entries = lessNames(after.get(key) ?? [], -names);
    if (names > 0 && windowMs > 0) addLoss(entries, { atMs: nowMs - (nowMs % stepMs(windowMs)), names });
    if (entries.length > 0) after.set(key, entries);
    else after.delete(key);
  }
  return after;
}

/** For memory: the largest, in order of source and scope. */
export function toMemory(losses: Losses): ScopeLosses[] {
  return [...losses]
    .map(([key, entries]) => ({ key, entries, sum: sumOf(entries) }))
    .toSorted((a, b) => b.sum - a.sum || (a.key < b.key ? -1 : 1))
    .slice(0, MAX_SCOPES)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, entries }) => ({ ...scopeOf(key), losses: entries }));
}

function lessNames(losses: readonly Loss[], names: number): Loss[] {
  const left = [...losses];
  for (let less = names; less > 0;) {
    const last = left.pop();
    if (!last) break;
    if (last.names > less) left.push({ ...last, names: last.names - less });
    less -= last.names;
  }
  return left;
}

function addLoss(losses: Loss[], { atMs, names }: Loss): void {
  const last = losses.at(-1);
  if (last?.atMs === atMs) losses[losses.length - 1] = { atMs, names: last.names + names };
  else losses.push({ atMs, names });
}

function stepMs(windowMs: number): number {
  return Math.max(1, Math.floor(windowMs / STEPS));
}
