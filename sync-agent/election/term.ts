import type { Term } from './election.ts';

/** A term that ends by itself when `end` is called, and by `resign`, which then gives the office up. */
export type OpenTerm = { readonly term: Term; readonly end: (reason: Error) => void };

/** Opens a term; `giveUp` tells the others, once, and should not throw. */
export function openTerm(
  { epoch, why, leftMs }: Pick<Term, 'epoch' | 'why' | 'leftMs'>,
  giveUp: () => Promise<void> = () => Promise.resolve(),
): OpenTerm {
  const over = new AbortController();
  let given: Promise<void> | undefined;
  const end = (reason: Error): void => over.abort(reason);
  const term: Term = {
    epoch,
    why,
    signal: over.signal,
    leftMs: () => (over.signal.aborted ? 0 : leftMs()),
    resign: () => {
      end(new Error('resigned'));
      return (given ??= giveUp());
    },
  };
  return { term, end };
}
