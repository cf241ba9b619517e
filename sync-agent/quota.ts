import * as v from 'valibot';

/** Operations of one kind (writes, deletes or lists) counted in a UTC day, as the free plan counts them. JSON. */
export type QuotaState = {
  readonly perDay: number;
  /** `2026-11-20`; days begin at 00:00 UTC. */
  readonly day: string;
  readonly used: number;
  /** When the first of the day was counted, Unix milliseconds. */
  readonly sinceMs: number;
  /** Percent that was warned of already today. */
  readonly warnedPercent: number;
};

export type QuotaWarning = {
  readonly written: number;
  readonly perDay: number;
  /** When it is used up if the day goes on like this; undefined: it lasts until the day ends. */
  readonly emptyAtMs: number | undefined;
};

const FREE_OPERATIONS_A_DAY = 1_000;
const WARN_AT_PERCENT = [80, 95] as const;
const DAY_MS = 86_400_000;
/** No pace is told from less. */
const LEAST_PACE_MS = 60_000;

export function createQuota(nowMs: number, perDay: number = FREE_OPERATIONS_A_DAY): QuotaState {
  return { perDay, day: dayOf(nowMs), used: 0, sinceMs: nowMs, warnedPercent: 0 };
}

const quotaSchema = v.strictObject({
  perDay: v.pipe(v.number(), v.integer(), v.minValue(1)),
  day: v.pipe(v.string(), v.isoDate()),
  used: v.pipe(v.number(), v.integer(), v.minValue(0)),
  sinceMs: v.pipe(v.number(), v.integer(), v.minValue(0)),
  warnedPercent: v.pipe(v.number(), v.minValue(0), v.maxValue(100)),
});

/** A state as it was kept; a new one where what was kept can't be used. */
export function readQuota(kept: unknown, nowMs: number, perDay: number = FREE_OPERATIONS_A_DAY): QuotaState {
  const parsed = v.safeParse(quotaSchema, kept);
  return parsed.success ? { ...parsed.output, perDay } : createQuota(nowMs, perDay);
}

/**
 * Counts `n` operations, in one kind's state. Warns once a day at 80 % and once at 95 %; a jump past both warns
 * once.
 */
export function noteWrites(
  state: QuotaState,
  n: number,
  nowMs: number,
): { readonly state: QuotaState; readonly warn: QuotaWarning | undefined } {
  const today = onDay(state, nowMs);
  const used = today.used + n;
  const percent = (used / today.perDay) * 100;
  const reached = WARN_AT_PERCENT.findLast((threshold) => percent >= threshold) ?? 0;
  const counted = { ...today, used };
  if (reached <= today.warnedPercent) return { state: counted, warn: undefined };
  return {
    state: { ...counted, warnedPercent: reached },
    warn: { written: used, perDay: today.perDay, emptyAtMs: emptyAt(counted, nowMs) },
  };
}

/** Would `n` more today be refused? */
export function isPassed(state: QuotaState, n: number, nowMs: number): boolean {
  return onDay(state, nowMs).used + n > state.perDay;
}

/**
 * The least seconds between pushes of `writesPerPush` writes each with which what is left lasts until the day
 * ends; undefined where not one more push fits.
 */
export function pushSecondsThatFit(
  state: QuotaState,
  nowMs: number,
  { writesPerPush = 1 }: { readonly writesPerPush?: number } = {},
): number | undefined {
  const today = onDay(state, nowMs);
  const pushes = Math.floor((today.perDay - today.used) / writesPerPush);
  return pushes < 1 ? undefined : Math.ceil((dayEnd(today) - nowMs) / 1000 / pushes);
}

/** A new day begins anew. A clock that went back over midnight does not: its operations count for the later day. */
function onDay(state: QuotaState, nowMs: number): QuotaState {
  const ahead = Date.parse(state.day) - nowMs;
  const isSameDay = dayOf(nowMs) === state.day || (ahead > 0 && ahead < DAY_MS);
  return isSameDay ? state : createQuota(nowMs, state.perDay);
}

function emptyAt(state: QuotaState, nowMs: number): number | undefined {
  const left = state.perDay - state.used;
  if (left <= 0) return nowMs;
  const paceMs = Math.max(LEAST_PACE_MS, nowMs - state.sinceMs) / state.used;
  const emptyAtMs = Math.round(nowMs + left * paceMs);
  return emptyAtMs < dayEnd(state) ? emptyAtMs : undefined;
}

function dayEnd({ day }: QuotaState): number {
  return Date.parse(day) + DAY_MS;
}

function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
