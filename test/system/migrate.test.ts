import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CLI } from './run-cli.ts';

/** Runs what docs/migrate shows, each page's commands in a copy of its examples, and compares what they print. */
const MIGRATE = fileURLToPath(new URL('../../docs/migrate/', import.meta.url));
const PAGES = ['mesos-dns', 'mesos-consul', 'dcos', 'aurora', 'marathon-lb'] as const;
const SCHEDULER = '127.0.0.1:8081';

type Shown = { readonly command: string; readonly printed: string };

/** Commands of a page in their order: lines that begin with `$ `, and what stands below them. */
function shownIn(page: string): Shown[] {
  const blocks = [...page.matchAll(/^```\n(\$ .*?)^```$/gms)];
  return blocks.flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((each) => {
        const end = each.indexOf('\n');
        return { command: each.slice(0, end), printed: each.slice(end + 1) };
      }),
  );
}

/** A directory with the page's examples and `mesos-doh` to call. */
async function roomFor(page: string): Promise<{ readonly cwd: string; readonly bin: string }> {
  const room = await mkdtemp(join(tmpdir(), `mesos-doh-${page}-`));
  onTestFinished(() => rm(room, { recursive: true, force: true }));
  const cwd = join(room, 'examples');
  await cp(join(MIGRATE, 'examples', page), cwd, { recursive: true });
  const program = join(room, 'mesos-doh');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
  await chmod(program, 0o755);
  return { cwd, bin: room };
}

/** What a command prints, stderr included. */
function run(command: string, { cwd, bin }: Awaited<ReturnType<typeof roomFor>>): Promise<string> {
  const child = spawn('sh', ['-c', `exec 2>&1\n${command}`], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { HOME: bin, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
    timeout: 20_000,
  });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk) => (said += String(chunk)));
    child.on('error', reject);
    child.on('close', () => resolve(said));
  });
}

/** Answers as Aurora's scheduler does; gives its address. */
async function startScheduler(reply: string): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.end(request.method === 'POST' && request.url === '/api' ? reply : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('docs/migrate', () => {
  it.each(PAGES)(
    '%s.md prints what it says',
    async (page) => {
      const shown = shownIn(await readFile(join(MIGRATE, `${page}.md`), 'utf8'));
      expect(shown.length).toBeGreaterThan(3);
      const room = await roomFor(page);
      let scheduler = SCHEDULER;
      if (page === 'aurora') {
        scheduler = await startScheduler(await readFile(join(room.cwd, 'scheduler.json'), 'utf8'));
        const config = join(room.cwd, 'config.json');
        await writeFile(config, (await readFile(config, 'utf8')).replace(SCHEDULER, scheduler));
      }
      for (const { command, printed } of shown)
        expect((await run(command, room)).replaceAll(scheduler, SCHEDULER), command).toBe(printed);
    },
    60_000,
  );

  it('has a page for each line of its first one', async () => {
    const first = await readFile(join(MIGRATE, 'README.md'), 'utf8');
    for (const page of PAGES) expect(first).toContain(`(${page}.md)`);
    for (const [, path = ''] of first.matchAll(/\]\(([a-z./-]+)\)/gi))
      await expect(readFile(join(MIGRATE, path)).catch((error) => error.code)).resolves.not.toBe('ENOENT');
  });
});
