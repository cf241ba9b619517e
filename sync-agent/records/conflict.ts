import type { MesosFramework, Skipped, SkipReason } from '../cluster.ts';

/** A framework, and what names have of its own. */
export type NamedFramework = { readonly framework: MesosFramework; readonly part: string };

const MAX_LISTED = 5;
const MAX_TOLD = 50;

/** In order, and only the first few: `a, b, c, d, e and 7 more`; `many` where these are not all. */
export function listed(
  texts: Iterable<string>,
  { isCut = false }: { readonly isCut?: boolean } = {},
): string {
  const all = [...new Set(texts)].toSorted();
  const more = all.length > MAX_LISTED ? ` and ${isCut ? 'many' : all.length - MAX_LISTED} more` : '';
  return `${all.slice(0, MAX_LISTED).join(', ')}${more}`;
}

/** Not more than an operator reads; the last then says how many there are. */
export function mostOf(details: readonly string[], reason: SkipReason): Skipped[] {
  const inOrder = details.length > MAX_TOLD ? details.toSorted() : details;
  const some = inOrder.slice(0, MAX_TOLD).map((detail) => ({ reason, detail }));
  if (details.length > MAX_TOLD)
    some.push({ reason, detail: `and ${details.length - MAX_TOLD} more names are given by several` });
  return some;
}
