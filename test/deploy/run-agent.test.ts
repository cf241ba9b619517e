import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PROJECT } from './project.ts';

/** A tree with the starter and, as the agent, a program of the test's. */
async function tree(program: string): Promise<{ readonly root: string; readonly starter: string }> {
  const root = await mkdtemp(join(tmpdir(), 'mesos-doh run-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'deploy'));
  await mkdir(join(root, 'sync-agent'));
  const starter = join(root, 'deploy/run-agent');
  await copyFile(join(PROJECT, 'deploy/run-agent'), starter);
  await chmod(starter, 0o755);
  await writeFile(join(root, 'sync-agent/cli.ts'), program);
  await writeFile(join(root, 'cloudflare-api-token'), 'from-file\n');
  return { root, starter };
}

const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;
const SHOW = 'console.log(JSON.stringify([process.env.CLOUDFLARE_API_TOKEN, ...process.argv.slice(2)]))';

describe('the starter of the agent', () => {
  it.each([
    ['nothing', {}, null],
    ['the environment', { CLOUDFLARE_API_TOKEN: 'from-env' }, 'from-env'],
    ['a file', { CLOUDFLARE_API_TOKEN_FILE: 'cloudflare-api-token' }, 'from-file'],
    ["systemd's credentials", { CREDENTIALS_DIRECTORY: '.' }, 'from-file'],
    [
      'the environment before a file',
      { CLOUDFLARE_API_TOKEN: 'from-env', CREDENTIALS_DIRECTORY: '.' },
      'from-env',
    ],
  ])('takes the token from %s', async (_, env, token) => {
    const { root, starter } = await tree(SHOW);
    const { stdout } = await promisify(execFile)(starter, ['sync', '--config', 'a b'], {
      cwd: root,
      env: { PATH, ...env },
    });
    expect(JSON.parse(stdout)).toEqual([token, 'sync', '--config', 'a b']);
  });

  it('does not start without the file it was told of', async () => {
    const { root, starter } = await tree(SHOW);
    const started = promisify(execFile)(starter, ['sync'], {
      cwd: root,
      env: { PATH, CLOUDFLARE_API_TOKEN_FILE: 'nowhere' },
    });
    await expect(started).rejects.toMatchObject({ stdout: '', stderr: expect.stringContaining('nowhere') });
  });

  it('hands signals on', async () => {
    const program =
      "process.once('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log('up');";
    const { root, starter } = await tree(program);
    const child = spawn(starter, ['sync'], {
      cwd: root,
      env: { PATH },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([7, null]);
  });
});
