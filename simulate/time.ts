export const DAY_SECONDS = 86_400;

/** To the microsecond, as Mesos has its times. */
export function roundToMicrosecond(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
