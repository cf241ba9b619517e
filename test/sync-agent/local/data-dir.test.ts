import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../sync-agent/config.ts';
import { lockDataDir } from '../../../sync-agent/local/data-dir.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-lock-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('a data directory', () => {
  it('is one process’s, by name, until it lets go', async () => {
    const unlock = await lockDataDir(directory, 'writer');
    await expect(lockDataDir(directory, 'writer')).rejects.toThrow(ConfigError);
    await expect(lockDataDir(directory, 'writer')).rejects.toThrow(`is in use by process ${process.pid}`);
    await expect(lockDataDir(directory, 'writer')).rejects.toThrow('mesos-doh ctl');
    await (
      await lockDataDir(directory, 'up')
    )();
    await unlock();
    await (
      await lockDataDir(directory, 'writer')
    )();
  });

  it.each([
    ['a process that ended', '2147483646 5'],
    ['a process whose id another has now', `${process.ppid} 5`],
    ['an earlier life with the same id, as in a container', `${process.pid} 5`],
    ['nothing that can be read', 'x'],
    ['nothing', ''],
  ])('left by %s is taken', async (_, text) => {
    await writeFile(join(directory, 'writer.pid'), text);
    const unlock = await lockDataDir(directory, 'writer');
    expect(await readFile(join(directory, 'writer.pid'), 'utf8')).toMatch(
      new RegExp(`^${process.pid} \\d+\n$`),
    );
    await unlock();
  });
});
