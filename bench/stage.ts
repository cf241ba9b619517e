import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a part of the benchmark works with. All of it is gone when the part ends, fails or is stopped. */
export type Stage = {
  readonly print: (line: string) => void;
  /** For files; removed afterwards. */
  readonly directory: string;
  /** Aborts when the benchmark is stopped. */
  readonly signal: AbortSignal;
  /** Starts a process that is ended with the part, if not before. */
  readonly start: (command: string, args: readonly string[], options?: StartOptions) => ChildProcess;
  /** Ends a process and waits until it is gone. */
  readonly end: (child: ChildProcess) => Promise<void>;
};

export type StartOptions = {
  /** What becomes of its standard error; the benchmark's own by default. */
  readonly stderr?: 'pipe' | 'inherit';
  readonly env?: NodeJS.ProcessEnv;
};

export type Part = (stage: Stage) => Promise<void>;

const KILL_AFTER_MS = 5_000;

/** Runs a part; its processes and files are cleared away in any case. Rejects with the signal's reason if stopped. */
export async function onStage(part: Part, { print, signal }: Pick<Stage, 'print' | 'signal'>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-bench-'));
  const children = new Set<ChildProcess>();
  const start: Stage['start'] = (command, args, { stderr = 'inherit', env } = {}) => {
    signal.throwIfAborted();
    const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', stderr], ...(env && { env }) });
    children.add(child);
    child.on('error', () => children.delete(child));
    child.on('exit', () => children.delete(child));
    return child;
  };
  const end: Stage['end'] = async (child) => {
    if (!children.has(child)) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    await gone;
    clearTimeout(timer);
  };
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(reasonOf(signal)), { once: true });
  });
  try {
    await Promise.race([part({ print, directory, signal, start, end }), stopped]);
  } finally {
    await Promise.all(Array.from(children, end));
    await rm(directory, { recursive: true, force: true });
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('stopped');
}

/** The JSON objects a process prints, a line each, as they come. Throws where it ends in failure. */
export async function* jsonLines(child: ChildProcess): AsyncGenerator<Record<string, unknown>> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const parsed: unknown = JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
      if (typeof parsed === 'object' && parsed !== null) yield { ...parsed };
    }
  }
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== 0) throw new Error(`a benchmark process failed (${child.spawnargs.join(' ')})`);
}

/** The first of them. The process goes on. */
export async function firstLine(child: ChildProcess): Promise<Record<string, unknown>> {
  const lines = jsonLines(child);
  const { value, done } = await lines.next();
  if (done) throw new Error(`a benchmark process said nothing (${child.spawnargs.join(' ')})`);
  return value;
}
