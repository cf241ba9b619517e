import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../config.ts';

const WHAT_TO_DO = {
  up: '--data-dir names another',
  writer: 'wait until it is done, or order the agent that runs: mesos-doh ctl',
} as const;

/**
 * Takes the data directory for this process, so that no second `up` serves another cluster from the same KV, and no
 * two processes publish as one writer.
 * Gives what lets it go. Throws `ConfigError` naming the process that has it, or why it can't be used.
 */
export async function lockDataDir(
  dataDir: string,
  name: 'up' | 'writer' = 'up',
): Promise<() => Promise<void>> {
  const path = join(dataDir, `${name}.pid`);
  for (let tries = 0; ; tries++) {
    try {
      await mkdir(dataDir, { recursive: true });
      const file = await open(path, 'wx');
      await file.writeFile(`${process.pid} ${await startOf(process.pid)}\n`);
      await file.close();
      return () => rm(path, { force: true });
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
      if (code !== 'EEXIST' || tries === 2) {
        throw new ConfigError(
          `data directory ${dataDir} can not be used (${code}); ${name === 'up' ? WHAT_TO_DO.up : 'dataDir in --config names another'}`,
          { cause },
        );
      }
      const [owner = 0, started = ''] = split(await readFile(path, 'utf8').catch(() => ''));
      if (isRunning(owner) && (await startOf(owner)) === started) {
        throw new ConfigError(`data directory ${dataDir} is in use by process ${owner}; ${WHAT_TO_DO[name]}`);
      }
      // Whoever had it ended without letting it go.
      await rm(path, { force: true });
    }
  }
}

function split(text: string): [number, string] | [] {
  const [pid, started] = text.trim().split(' ');
  return pid === undefined ? [] : [Number(pid), started ?? ''];
}

/**
 * When a process began, in the kernel's ticks (proc(5), field 22 of stat): process ids are used again, in a
 * container for the very same program. Empty where the system does not tell.
 */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold spaces.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
