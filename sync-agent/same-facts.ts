/** Do two facts say the same? Plain objects, lists and scalars; a member that is undefined is one that is not there. */
export function sameFacts(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && sameLists(a, b, sameFacts);
  }
  if (!isObject(a) || !isObject(b)) return false;
  for (const key in a) if (!sameFacts(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

export function sameLists<Element>(
  a: readonly Element[],
  b: readonly Element[],
  same: (a: Element, b: Element) => boolean = Object.is,
): boolean {
  return a === b || (a.length === b.length && a.every((element, i) => same(element, b[i] as Element)));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
