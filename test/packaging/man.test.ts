import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { manPage } from '../../packaging/man.ts';
import type { CommandDefinition } from '../../sync-agent/completion/definition.ts';
import { allCommands } from '../../sync-agent/completion/paths.ts';
import { definitions } from '../sync-agent/completion/program.ts';

const run = promisify(execFile);
const PAGE = { version: '1.2.3', date: '2026-11-20' };

async function written(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-man-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'mesos-doh.1');
  await writeFile(file, text);
  return file;
}

/** The page as a reader sees it; undefined where there is no mandoc. */
async function read(text: string): Promise<string | undefined> {
  const file = await written(text);
  const shown = await run('mandoc', ['-T', 'ascii', '-O', 'width=200', file]).catch(
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)),
  );
  // Bold and italic are letters struck over each other.
  const parts = shown?.stdout.split('\b');
  return parts?.map((part, index) => (index < parts.length - 1 ? part.slice(0, -1) : part)).join('');
}

async function real(): Promise<CommandDefinition> {
  const cli = new URL('../../sync-agent/cli.ts', import.meta.url).pathname;
  return JSON.parse((await run(process.execPath, [cli, 'completion', 'json'])).stdout);
}

describe('the manual page', () => {
  it('shows each command and flag as it is typed, whatever is in its description', async ({ skip }) => {
    const page = await read(manPage(definitions(), PAGE));
    if (page === undefined) return skip('there is no mandoc here');
    expect(page).toContain('MESOS-DOH(1)');
    expect(page).toContain('mesos-doh 1.2.3');
    expect(page).toContain('mesos-doh token create [IDS ...]');
    expect(page).toContain('--no-upstream');
    expect(page).toContain('--sink-dir dir');
    expect(page).toContain(`It's [a] "b": $HOME, \`c\` \\ and 100%; repeatable.`);
    expect(page).toContain('How fast (default: 5).');
    expect(page).toContain('Whose (needed).');
    expect(page).toContain('mesos-doh sync --json    # quick');
    expect(page).toContain('-m, --mode "how"');
    for (const title of ['DESCRIPTION', 'EXIT STATUS', 'ENVIRONMENT', 'FILES', 'EXAMPLES', 'SEE ALSO'])
      expect(page).toMatch(new RegExp(`^${title}$`, 'm'));
  });

  it('has all of the program, and nothing that mandoc or man warns of', async ({ skip }) => {
    const program = await real();
    const text = manPage(program, PAGE);
    const page = await read(text);
    if (page === undefined) return skip('there is no mandoc here');
    const wanted = allCommands(program).flatMap(({ path, command }) => [
      ['mesos-doh', ...path].join(' '),
      ...command.flags.flatMap(({ names }) => names),
    ]);
    expect(wanted.filter((words) => !page.includes(words))).toEqual([]);
    const file = await written(text);
    const lint = await run('mandoc', ['-T', 'lint', '-W', 'warning', file]).catch(
      (failed: { readonly stdout: string }) => failed,
    );
    expect(lint.stdout).toBe('');
  });

  it('names each variable that the programs read, but for those that systemd sets', async () => {
    const read = new Set<string>();
    for (const room of ['sync-agent', 'stub']) {
      const directory = new URL(`../../${room}/`, import.meta.url);
      for (const file of await readdir(directory, { recursive: true })) {
        if (!file.endsWith('.ts')) continue;
        const text = await readFile(new URL(file, directory), 'utf8');
        for (const [, name = ''] of text.matchAll(/\benv\['([A-Z_]+)'\]/g)) read.add(name);
      }
    }
    const ours = [...read].filter((name) => !/^(LISTEN|NOTIFY|STATE|WATCHDOG)_/.test(name));
    expect(ours).toContain('CLOUDFLARE_API_TOKEN');
    const page = manPage(definitions(), PAGE);
    expect(ours.filter((name) => !page.includes(name))).toEqual([]);
  });
});
