import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { thisDevice } from '../../../sync-agent/client/this-device.ts';

const MAX_FILE_OCTETS = 4 * 1024 * 1024;
const { read } = thisDevice({ timeoutMs: 1_000 });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-device-'));
  return () => rm(directory, { recursive: true, force: true });
});

describe('a file of this machine', () => {
  it('is read, through links too', async () => {
    const file = join(directory, 'file');
    await writeFile(file, 'nameserver ä');
    await symlink(file, join(directory, 'link'));
    expect(await read(file)).toBe('nameserver ä');
    expect(await read(join(directory, 'link'))).toBe('nameserver ä');
  });

  it('has a limit', async () => {
    const file = join(directory, 'large');
    await writeFile(file, '');
    expect(await read(file)).toBe('');
    await truncate(file, MAX_FILE_OCTETS);
    expect(await read(file)).toHaveLength(MAX_FILE_OCTETS);
    await truncate(file, MAX_FILE_OCTETS + 1);
    expect(await read(file)).toBeUndefined();
  });

  it('is not waited for where it is a FIFO', async () => {
    const fifo = join(directory, 'prefs.js');
    execFileSync('mkfifo', [fifo]);
    // Lets go whoever waits for a writer.
    onTestFinished(async () => (await open(fifo, constants.O_RDWR | constants.O_NONBLOCK)).close());
    expect(await Promise.race([read(fifo), wait(2_000, 'waits')])).toBeUndefined();
  });

  it('is not a device, a directory or nothing', async () => {
    expect(await read('/dev/null')).toBeUndefined();
    await mkdir(join(directory, 'd'));
    expect(await read(join(directory, 'd'))).toBeUndefined();
    expect(await read(join(directory, 'absent'))).toBeUndefined();
  });
});
