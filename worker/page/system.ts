/** Systems that are connected in ways of their own. */
export type System = 'linux' | 'windows' | 'apple' | 'android';

/** What a visitor's device seems to run: `User-Agent` says so, and may be wrong. Undefined: not known. */
export function systemOf(userAgent: string): System | undefined {
  // Android says that it is Linux too.
  if (/Android/.test(userAgent)) return 'android';
  if (/iPhone|iPad|Mac OS X|Macintosh/.test(userAgent)) return 'apple';
  if (/Windows/.test(userAgent)) return 'windows';
  return /Linux|X11|CrOS/.test(userAgent) ? 'linux' : undefined;
}
