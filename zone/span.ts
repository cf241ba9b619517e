/** Some octets where they lie. Of values by the ten thousand a view each would take most of the time. */
export type Span = { readonly octets: Uint8Array; readonly from: number; readonly to: number };

/** Have both the same octets? */
export function sameSpans(a: Span, b: Span): boolean {
  const length = a.to - a.from;
  if (length !== b.to - b.from) return false;
  for (let i = 0; i < length; i++) if (a.octets[a.from + i] !== b.octets[b.from + i]) return false;
  return true;
}

/** Octet-wise order; a prefix comes first. */
export function compareSpans(a: Span, b: Span): number {
  const shared = Math.min(a.to - a.from, b.to - b.from);
  for (let i = 0; i < shared; i++) {
    const difference = (a.octets[a.from + i] ?? 0) - (b.octets[b.from + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.to - a.from - (b.to - b.from);
}
