import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../../sync-agent/cli.ts', import.meta.url));

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Running = {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when stdout holds the text; rejects when it ends or takes too long. */
  readonly says: (text: string) => Promise<void>;
  readonly finished: Promise<Finished>;
  /** Sends SIGINT; gives how it ended and after how long. */
  readonly interrupt: () => Promise<Finished & { readonly elapsedMs: number }>;
};

/** Runs `mesos-doh` as a person would, in a process of its own. */
export function startCli(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  const says = async (text: string): Promise<void> => {
    const deadline = Date.now() + 15_000;
    while (!stdout.includes(text)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`never said ${JSON.stringify(text)}; stdout: ${stdout}; stderr: ${stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const interrupt = async (): Promise<Finished & { elapsedMs: number }> => {
    const started = performance.now();
    child.kill('SIGINT');
    return { ...(await finished), elapsedMs: performance.now() - started };
  };
  return { child, stdout: () => stdout, stderr: () => stderr, says, finished, interrupt };
}

/** Runs it to its end. */
export function runCli(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  return startCli(args, options).finished;
}
