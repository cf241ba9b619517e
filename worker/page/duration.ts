/** Seconds as a person says them: `12 s`, `34 min`, `5 h`, `9 days`. */
export function durationText(seconds: number): string {
  for (const [unit, size, from] of UNITS) if (seconds >= from) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.round(seconds)} s`;
}

/** Each from where its number has lost its roughness: 119 s is better known than 1 min. */
const UNITS = [
  ['days', 86_400, 172_800],
  ['h', 3_600, 7_200],
  ['min', 60, 120],
] as const;
