import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const READY_MS = 60_000;

export type Installed = {
  /** What `npm run package` made. */
  readonly made: string;
  /** The package as npm installed it in an empty folder, without its optional dependency. */
  readonly root: string;
  /** The program as npm linked it. */
  readonly bin: string;
  readonly remove: () => Promise<void>;
};

/** Makes the package, packs it and installs it: from the file alone, nothing else is fetched. */
export async function installPackage(): Promise<Installed> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-package-'));
  const made = join(directory, 'package');
  const folder = join(directory, 'empty');
  await mkdir(folder);
  await run(process.execPath, [join(PROJECT, 'packaging/package.ts'), made], { timeout: 120_000 });
  const options = { cwd: folder, timeout: 120_000 };
  await run('npm', ['init', '--yes'], options);
  const packed = (await run('npm', ['pack', '--silent', made], options)).stdout.trim();
  const quietly = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--omit=optional'];
  await run('npm', ['install', ...quietly, `./${packed}`], options);
  const modules = join(folder, 'node_modules');
  return {
    made,
    root: join(modules, 'mesos-doh'),
    bin: join(modules, '.bin', 'mesos-doh'),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The Node of the tests, and one of each other release line that is on this machine and that the package is for. */
export async function nodesHere(): Promise<(readonly [version: string, path: string])[]> {
  const places = new Set(['/usr/bin', '/usr/local/bin', ...(process.env['PATH'] ?? '').split(delimiter)]);
  const found = new Map([
    [process.versions.node.split('.', 1)[0], [process.versions.node, process.execPath] as const],
  ]);
  for (const place of places) {
    const path = join(place, 'node');
    const version = await run(path, ['-p', 'process.versions.node']).then(
      ({ stdout }) => stdout.trim(),
      () => '0.0.0',
    );
    const [major = '0', minor = '0'] = version.split('.');
    const isFit = Number(major) > 20 || (Number(major) === 20 && Number(minor) >= 12);
    if (isFit && !found.has(major)) found.set(major, [version, path]);
  }
  return [...found.values()];
}

/** Runs a program until the test ends; resolves with what it said once that matches. */
export async function startUntil(
  [program, ...args]: readonly [string, ...string[]],
  said: RegExp,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RegExpExecArray> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => stop(child));
  const limit = AbortSignal.timeout(READY_MS);
  let text = '';
  return new Promise((resolve, reject) => {
    const read = (part: Buffer): void => {
      text = `${text}${part.toString('utf8')}`.slice(-100_000);
      const match = said.exec(text);
      if (match) resolve(match);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}: ${text}`)));
    limit.addEventListener('abort', () => reject(new Error(`${program} did not say ${said}: ${text}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(late);
}
