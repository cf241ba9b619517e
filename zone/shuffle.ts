/**
 * Shuffles in place (Fisher and Yates: every order is as likely); `random` gives numbers in [0, 1). With a `turn`,
 * counting from 0, the item whose turn it is stands first, and the others are shuffled.
 */
export function shuffle(items: number[], random: () => number, turn: number | undefined): void {
  const fixed = turn === undefined ? 0 : 1;
  if (turn !== undefined && items.length > 0) swap(items, 0, turn % items.length);
  for (let i = items.length - 1; i > fixed; i--)
    swap(items, i, fixed + Math.floor(random() * (i + 1 - fixed)));
}

function swap(items: number[], i: number, j: number): void {
  const item = items[i] ?? 0;
  items[i] = items[j] ?? 0;
  items[j] = item;
}
