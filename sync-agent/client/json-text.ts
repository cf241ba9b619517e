/**
 * JSON in which nothing steers a terminal or turns the direction of its text: what `JSON.stringify` leaves of
 * control and format characters (C1, bidi, zero width) is written as `\\uXXXX`, which reads as the same value.
 */
export function jsonText(value: unknown): string {
  return escapedJson(JSON.stringify(value, undefined, 1));
}

/** The same of what is JSON already. */
export function escapedJson(json: string): string {
  return json.replaceAll(/[^\P{C}\n]|[\u2028\u2029]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
