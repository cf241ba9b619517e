import { FormatError } from './format-error.ts';
import { createReader, createWriter } from './octets.ts';

/** Owner names that came, changed and went. */
export type NameCounts = { readonly added: number; readonly changed: number; readonly gone: number };

/** Those of one half hour; `startSeconds`: Unix time, a multiple of `HALF_HOUR_SECONDS`. */
export type HalfHour = NameCounts & { readonly startSeconds: number };

/**
 * How much of a zone changed over the last day, as its agent counts it and the head carries it. Of no answer's
 * concern: two heads that differ in it alone say the same.
 */
export type Churn = {
  /** Unix time since which changes are counted: what was before is not known. */
  readonly sinceSeconds: number;
  /** Half hours in which anything changed, oldest first. They grow old where they are: a reader leaves out old ones. */
  readonly halfHours: readonly HalfHour[];
};

export const HALF_HOUR_SECONDS = 1800;
/** A day of them. */
export const MOST_HALF_HOURS = 48;
const MOST = 0xffffffff;
const HALF_HOUR_OCTETS = 16;

/** Counts start: what a zone says first is no churn. */
export function startChurn(nowSeconds: number): Churn {
  return { sinceSeconds: nowSeconds, halfHours: [] };
}

/**
 * Adds to the half hour of now, and drops what is a day old. Half hours yet to come, counted by a clock that was
 * wrong, are dropped too, but for the next one. No counts leave all as it is.
 */
export function countInto(churn: Churn, counts: NameCounts, nowSeconds: number): Churn {
  if (counts.added + counts.changed + counts.gone === 0) return churn;
  const now = halfHourOf(nowSeconds);
  const oldest = now - (MOST_HALF_HOURS - 1) * HALF_HOUR_SECONDS;
  const isNow = ({ startSeconds }: HalfHour): boolean => startSeconds === now;
  const before = churn.halfHours.find(isNow) ?? { added: 0, changed: 0, gone: 0 };
  const kept = churn.halfHours.filter(
    (each) => !isNow(each) && each.startSeconds >= oldest && each.startSeconds <= now + HALF_HOUR_SECONDS,
  );
  const counted = {
    startSeconds: now,
    added: sum(before.added, counts.added),
    changed: sum(before.changed, counts.changed),
    gone: sum(before.gone, counts.gone),
  };
  const halfHours = [...kept, counted].toSorted((a, b) => a.startSeconds - b.startSeconds);
  return {
    sinceSeconds: Math.min(churn.sinceSeconds, nowSeconds),
    halfHours: halfHours.slice(-MOST_HALF_HOURS),
  };
}

/** When the half hour began that a Unix time is in. */
export function halfHourOf(seconds: number): number {
  return Math.floor(seconds / HALF_HOUR_SECONDS) * HALF_HOUR_SECONDS;
}

/** Since when u32, then for each half hour its start, added, changed, gone, u32 each. */
export function encodeChurn({ sinceSeconds, halfHours }: Churn): Uint8Array {
  const into = createWriter(4 + halfHours.length * HALF_HOUR_OCTETS);
  into.u32(sinceSeconds);
  for (const { startSeconds, added, changed, gone } of halfHours)
    for (const number of [startSeconds, added, changed, gone]) into.u32(number);
  return into.written();
}

/** Throws `FormatError` for octets that `encodeChurn` would not write. */
export function decodeChurn(octets: Uint8Array): Churn {
  const reader = createReader(octets, 'churn');
  const sinceSeconds = reader.u32();
  if (reader.left() > MOST_HALF_HOURS * HALF_HOUR_OCTETS)
    throw new FormatError('churn', `has more than ${MOST_HALF_HOURS} half hours`, reader.offset());
  const halfHours: HalfHour[] = [];
  let last = -1;
  while (reader.left() > 0) {
    const startSeconds = reader.u32();
    if (startSeconds <= last || startSeconds % HALF_HOUR_SECONDS !== 0)
      throw new FormatError('churn', 'has a half hour out of place', reader.offset() - 4);
    last = startSeconds;
    halfHours.push({ startSeconds, added: reader.u32(), changed: reader.u32(), gone: reader.u32() });
  }
  return { sinceSeconds, halfHours };
}

function sum(a: number, b: number): number {
  return Math.min(MOST, a + b);
}
