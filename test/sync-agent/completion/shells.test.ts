import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bashCompletion } from '../../../sync-agent/completion/bash.ts';
import { fishCompletion } from '../../../sync-agent/completion/fish.ts';
import { zshCompletion } from '../../../sync-agent/completion/zsh.ts';
import { definitions } from './program.ts';

const run = promisify(execFile);
const COMMANDS = ['apply', 'completion', 'stub', 'sync', 'token'];

/** What a shell offers for a line that stands before the cursor, in a directory with `a-file` and `a-dir/`. */
type Offer = (line: string) => Promise<string[]>;

async function scratch(script: string): Promise<{ readonly directory: string; readonly file: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh completion-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, '.script');
  await writeFile(file, script);
  await writeFile(join(directory, 'a-file'), '');
  await mkdir(join(directory, 'a-dir'));
  return { directory, file };
}

async function isThere(shell: string): Promise<boolean> {
  return run(shell, ['--version']).then(
    () => true,
    () => false,
  );
}

async function inBash(): Promise<Offer> {
  const { directory, file } = await scratch(bashCompletion(definitions()));
  return async (line) => {
    // As bash itself takes a line apart: `=` is a word of its own.
    const words = line.split(/ |(?<==)|(?==)/);
    const program = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mesos_doh; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ['--norc', '--noprofile', '-c', program, file, ...words];
    const { stdout, stderr } = await run('bash', args, { cwd: directory, timeout: 10_000 });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((word) => word !== '');
  };
}

async function inZsh(): Promise<Offer> {
  const { directory, file } = await scratch(zshCompletion(definitions()));
  const capture = fileURLToPath(new URL('capture.zsh', import.meta.url));
  const out = join(directory, '.out');
  return async (line) => {
    await rm(out, { force: true });
    await run('zsh', ['-f', capture, file, out, line], { cwd: directory, timeout: 20_000 });
    const words = (await readFile(out, 'utf8')).split('\n').filter((word) => word !== '');
    expect(words.at(-1)).toBe('END');
    return words.slice(0, -1);
  };
}

async function inFish(): Promise<Offer> {
  const { directory, file } = await scratch(fishCompletion(definitions()));
  return async (line) => {
    const program = 'source $argv[1]; complete -C $argv[2]';
    const args = ['--no-config', '-c', program, file, line];
    const env = { PATH: process.env['PATH'], HOME: directory };
    const { stdout, stderr } = await run('fish', args, { cwd: directory, env, timeout: 10_000 });
    expect(stderr).toBe('');
    const words = stdout.split('\n').filter((word) => word !== '');
    return words.map((word) => word.split('\t', 1)[0] ?? '');
  };
}

describe.each([
  ['bash', inBash],
  ['zsh', inZsh],
  ['fish', inFish],
] as const)('%s', (shell, start) => {
  it(
    'offers commands, flags, choices, and files where they are wanted',
    { timeout: 60_000 },
    async ({ skip }) => {
      if (!(await isThere(shell))) return skip(`there is no ${shell} here`);
      const offer = await start();
      const sorted = async (line: string): Promise<string[]> => [...new Set(await offer(line))].toSorted();
      expect(await sorted('mesos-doh ')).toEqual(expect.arrayContaining(COMMANDS));
      expect(await sorted('mesos-doh ')).not.toContain('secret');
      expect(await sorted('mesos-doh s')).toEqual(['stub', 'sync']);
      expect(await sorted('mesos-doh token ')).toEqual(expect.arrayContaining(['create', 'list']));
      expect(await sorted('mesos-doh token ')).not.toContain('sync');
      expect(await sorted('mesos-doh sync --')).toEqual([
        '--config',
        '--help',
        '--json',
        '--no-upstream',
        '--pace',
        '--sink-dir',
      ]);
      expect(await sorted('mesos-doh token create --t')).toEqual(['--team']);
      expect(await sorted('mesos-doh sync --t')).toEqual([]);
      expect(await sorted('mesos-doh stub --')).toEqual(
        expect.arrayContaining(['--allow-remote', '--ca', '--url']),
      );
      expect(await sorted('mesos-doh completion ')).toEqual(expect.arrayContaining(['bash', 'zsh']));
      expect(await sorted('mesos-doh sync --config a-f')).toEqual(['a-file']);
      expect(await sorted('mesos-doh stub --ca a-f')).toEqual(['a-file']);
      expect(await sorted('mesos-doh apply a-f')).toEqual(['a-file']);
      const directories = (await sorted('mesos-doh sync --sink-dir a-')).map((word) =>
        word.replace(/\/$/, ''),
      );
      expect(directories).toEqual(['a-dir']);
      // A number is nothing to be guessed.
      expect(await sorted('mesos-doh sync --pace ')).toEqual([]);
    },
  );
});

it('bash: a flag and its value with an equals sign between them', async () => {
  const offer = await inBash();
  expect(await offer('mesos-doh sync --config=a-f')).toEqual(['a-file']);
  expect(await offer('mesos-doh sync --sink-dir=')).toEqual(['a-dir']);
});
