/** The middle value; of none 0. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the `share` of all lie; of none 0. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** `median (least..most)`, so that it is seen how much runs differ. */
export function spread(values: readonly number[], digits = 1): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)}..${most.toFixed(digits)})`;
}

/** With its thousands apart, for people. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Lines of a table: the first column to the left, all others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[i] ?? 0) + 2)))
      .join(''),
  );
}

/** What came from a child process as JSON. */
export function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
