import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { firstLine, jsonLines, onStage, type Stage } from '../../bench/stage.ts';

const SLEEPER = 'console.log(JSON.stringify({ pid: process.pid })); setInterval(() => {}, 1000)';
const print = (): void => undefined;

/** Plays a part that starts a process and hands it on, then does what it is told. */
async function play(
  then: (stage: Stage) => Promise<void>,
  stop = new AbortController(),
): Promise<{ readonly pid: number; readonly directory: string; readonly error: unknown }> {
  let [pid, directory] = [0, ''];
  const part = async (stage: Stage): Promise<void> => {
    ({ directory } = stage);
    pid = Number((await firstLine(stage.start(process.execPath, ['-e', SLEEPER])))['pid']);
    await then(stage);
  };
  const error = await onStage(part, { print, signal: stop.signal }).catch((reason: unknown) => reason);
  return { pid, directory, error };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('clears processes and files away when a part ends, fails or is stopped', async () => {
  const stop = new AbortController();
  const endings = [
    await play(async () => undefined),
    await play(() => Promise.reject(new Error('no figures'))),
    await play(() => {
      stop.abort(new Error('stopped by hand'));
      return new Promise(() => undefined);
    }, stop),
  ];
  expect(endings.map(({ error }) => (error instanceof Error ? error.message : error))).toEqual([
    undefined,
    'no figures',
    'stopped by hand',
  ]);
  for (const { pid, directory } of endings) {
    expect(pid).toBeGreaterThan(0);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(directory)).toBe(false);
  }
});

it('says that a process failed', async () => {
  const part = async ({ start }: Stage): Promise<void> => {
    for await (const _ of jsonLines(start(process.execPath, ['-e', 'process.exit(3)'])));
  };
  const { signal } = new AbortController();
  await expect(onStage(part, { print, signal })).rejects.toThrow('a benchmark process failed');
});
