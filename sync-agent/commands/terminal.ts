import { once } from 'node:events';

/** A line for the person, on stderr: stdout is for results. */
export function note(line: string): void {
  process.stderr.write(`mesos-doh: ${line}\n`);
}

/** Aborts on Ctrl-C, SIGTERM, or when the terminal closes. A second Ctrl-C ends the process at once. */
export function stopSignal(): AbortSignal {
  return stopping.signal;
}

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
}

/** Resolves when the signal has aborted. */
export async function stopped(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
