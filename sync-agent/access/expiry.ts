import { ConfigError } from '../config.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};
const LONGEST_MS = 100 * 365 * 86_400_000;

/** Milliseconds of `90d`, `12h`, `30m`, `2w` or `1y`. Throws `ConfigError` naming `what`. */
export function parseDuration(text: string, what: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([mhdwy])$/.exec(text.trim()) ?? [];
  const durationMs = Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  if (durationMs >= 0 && durationMs <= LONGEST_MS) return durationMs;
  throw new ConfigError(`${what}: ${JSON.stringify(text)} should be a time such as 90d, 12h or 30m`);
}

/**
 * When a token ends, in Unix milliseconds: a time from `nowMs` on (`90d`), a day (`2027-01-31`, its first moment in
 * UTC) or a moment (`2027-01-31T18:00Z`); undefined for `never`. Throws `ConfigError`, also for what is past.
 */
export function parseExpiry(text: string, nowMs: number, what = '--expires'): number | undefined {
  if (text === 'never') return undefined;
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?Z)?$/.test(text);
  const atMs = isDate ? Date.parse(text) : nowMs + parseDuration(text, what);
  // 30 February would be 2 March.
  const isDay =
    !isDate || (!Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(text.slice(0, 10)));
  if (Number.isNaN(atMs) || !isDay) throw new ConfigError(`${what}: there is no day ${JSON.stringify(text)}`);
  if (atMs <= nowMs) throw new ConfigError(`${what}: ${JSON.stringify(text)} is not in the future`);
  return atMs;
}

/** A moment as people read it, to the minute, in UTC. */
export function momentText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}
