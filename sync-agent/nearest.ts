/** ` (did you mean X?)` for the known word nearest to `word`, or empty text where none is near. */
export function nearest(word: string, known: readonly string[]): string {
  // What only goes on is near however long it is: `token`, `tokenFile`.
  const longer = known.filter((candidate) => isBeginning(word, candidate));
  if (longer[0] !== undefined && longer.length === 1) return ` (did you mean ${longer[0]}?)`;
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance);
  const best = ranked[0];
  // Two words of which no letter stays are not near, however short.
  const most = Math.min(
    Math.max(2, Math.floor(word.length / 2)),
    Math.max(word.length, best?.candidate.length ?? 0) - 1,
  );
  if (!best || best.distance > most) return '';
  return ` (did you mean ${best.candidate}?)`;
}

const LEAST_BEGINNING = 4;

function isBeginning(word: string, candidate: string): boolean {
  return word.length >= LEAST_BEGINNING && candidate.toLowerCase().startsWith(word.toLowerCase());
}

/** Levenshtein distance: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
