import { type HeadBody, parseKey, type Superseded } from '../../zone/head.ts';
import { keysOf } from './history.ts';
import type { Serial } from '../../zone/zone.ts';
import type { Place } from './stored-head.ts';

/** Isolates that sleep hold old heads: what those name stays for so long after no head names it any more. */
const KEEP_SUPERSEDED_SECONDS = 24 * 3600;
/** Serials are times: blocks of so long may share a range. */
const RANGE_SECONDS = 3600;

/** What a sweep has to know to take away nothing that somebody may still ask for. */
export type SweepFacts = {
  /** Keys that the head, the one being prepared, and kept history name. */
  readonly named: ReadonlySet<string>;
  /** Of this variant's keys: a listing may have those of a zone whose name begins like it. */
  readonly prefix: string;
  /** What heads of the last day have stopped naming, by kind and serial. */
  readonly superseded: readonly Superseded[];
  readonly nowSeconds: number;
};

/**
 * Blocks nobody can ask for any more: not named now, not named within the last day (heads tell that of their
 * predecessors), and older than a day by their own serial, which is the time they were written. So blocks that
 * a writer stored and died before it named them go too.
 */
export function sweepable(
  keys: readonly string[],
  { named, prefix, superseded, nowSeconds }: SweepFacts,
): string[] {
  const oldest = nowSeconds - KEEP_SUPERSEDED_SECONDS;
  const recent = superseded.filter(({ sinceSeconds }) => sinceSeconds >= oldest);
  return keys.filter((key) => {
    const parsed = parseKey(key);
    if (parsed?.prefix !== prefix || parsed.serial === undefined || named.has(key)) return false;
    const { kind, serial } = parsed;
    if (kind === 'head' || kind === 'history') return false;
    const wasNamed = recent.some((some) => some.kind === kind && some.from <= serial && serial <= some.upTo);
    return !wasNamed && serial < oldest;
  });
}

/** What a head has stopped naming, added to what its predecessors had, less what is a day old. */
export function supersede(
  before: Pick<HeadBody, 'levels' | 'held' | 'superseded'>,
  after: Pick<HeadBody, 'levels' | 'held'>,
  { place, nowSeconds }: { readonly place: Pick<Place, 'origin' | 'variant'>; readonly nowSeconds: number },
): readonly Superseded[] {
  const still = new Set(keysOf(after, place));
  const gone = new Map<string, { kind: Superseded['kind']; serial: Serial }>();
  for (const key of keysOf(before, place)) {
    const { kind, serial } = parseKey(key) ?? {};
    if (still.has(key) || serial === undefined || kind === 'head' || kind === 'history' || !kind) continue;
    gone.set(`${kind} ${serial}`, { kind, serial });
  }
  const earlier = before.superseded ?? [];
  if (gone.size === 0) return earlier;
  const oldest = nowSeconds - KEEP_SUPERSEDED_SECONDS;
  const ranges = earlier.filter(({ sinceSeconds }) => sinceSeconds >= oldest);
  for (const { kind, serial } of gone.values()) addTo(ranges, { kind, serial, sinceSeconds: nowSeconds });
  return ranges;
}

/** Neighbours share a range, so that a day of merges takes a few octets of a head. */
function addTo(
  ranges: Superseded[],
  { kind, serial, sinceSeconds }: { kind: Superseded['kind']; serial: Serial; sinceSeconds: number },
): void {
  const near = ranges.findIndex(
    (range) => range.kind === kind && range.from <= serial && serial - range.from <= RANGE_SECONDS,
  );
  const range = ranges[near];
  if (!range) ranges.push({ kind, from: serial, upTo: serial, sinceSeconds });
  else ranges[near] = { ...range, upTo: Math.max(range.upTo, serial), sinceSeconds };
}
