import type { Sleep } from '../retry.ts';

/** A part of something longer, which can be ended alone and ends with the whole. */
export type Scope = {
  readonly signal: AbortSignal;
  /** Aborts the part and lets go of the whole's signal. Any number of times. */
  readonly end: (reason?: unknown) => void;
};

/** Opens a scope. Not AbortSignal.any: its links outlive the part, and the whole here lives as long as the agent. */
export function openScope(whole: AbortSignal): Scope {
  const controller = new AbortController();
  const stop = (): void => end(whole.reason);
  const end = (reason?: unknown): void => {
    whole.removeEventListener('abort', stop);
    controller.abort(reason);
  };
  if (whole.aborted) controller.abort(whole.reason);
  else whole.addEventListener('abort', stop, { once: true });
  return { signal: controller.signal, end };
}

/** Runs what may take `limitMs` at most. Throws `late()` after that, even where `run` ignores its signal. */
export async function within<T>(
  limitMs: number,
  run: (signal: AbortSignal) => Promise<T>,
  {
    signal,
    sleep,
    late,
  }: { readonly signal: AbortSignal; readonly sleep: Sleep; readonly late: () => Error },
): Promise<T> {
  const scope = openScope(signal);
  const expire = async (): Promise<never> => {
    await sleep(limitMs, scope.signal);
    throw late();
  };
  try {
    return await Promise.race([run(scope.signal), expire()]);
  } finally {
    scope.end();
  }
}
