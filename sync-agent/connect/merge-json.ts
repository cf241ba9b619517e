/** A JSON value with another laid over it, and the places where both say something else. */
export type Merged = { readonly value: unknown; readonly conflicts: readonly string[] };

/** Objects key by key, lists by what they lack; anything else has to be the same in both, or is a conflict. */
export function mergeJson(theirs: unknown, ours: unknown, place = ''): Merged {
  if (theirs === undefined) return { value: ours, conflicts: [] };
  if (isObject(theirs) && isObject(ours)) return mergeObjects(theirs, ours, place);
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    const known = new Set(theirs.map((one) => JSON.stringify(one)));
    return { value: [...theirs, ...ours.filter((one) => !known.has(JSON.stringify(one)))], conflicts: [] };
  }
  const isSame = JSON.stringify(theirs) === JSON.stringify(ours);
  return { value: theirs, conflicts: isSame ? [] : [place] };
}

type JsonObject = { readonly [key: string]: unknown };

function mergeObjects(theirs: JsonObject, ours: JsonObject, place: string): Merged {
  const merged = new Map(Object.entries(theirs));
  const conflicts: string[] = [];
  for (const [key, value] of Object.entries(ours)) {
    const inner = mergeJson(merged.get(key), value, place === '' ? key : `${place}.${key}`);
    merged.set(key, inner.value);
    conflicts.push(...inner.conflicts);
  }
  return { value: Object.fromEntries(merged), conflicts };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
