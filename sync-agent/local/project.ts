import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.ts';

/** A clone has the Worker's sources; what npm installs has the built Worker alone. */
const HAS_SOURCES = existsSync(join(PACKAGE_ROOT, 'worker', 'index.ts'));
/** The Worker as one module, as deployed. */
export const WORKER_BUNDLE: string = join(PACKAGE_ROOT, HAS_SOURCES ? 'dist' : 'worker', 'index.js');

const SOURCES = ['worker', 'zone', 'connect', 'wrangler.toml', 'package-lock.json'];

/** Builds the Worker to `dist/` if that is missing or older than its sources; says whether it did. */
export async function buildWorkerIfNeeded(signal?: AbortSignal): Promise<boolean> {
  const built = existsSync(WORKER_BUNDLE) ? (await stat(WORKER_BUNDLE)).mtimeMs : 0;
  if (!HAS_SOURCES || built >= (await newestMs(SOURCES.map((source) => join(PACKAGE_ROOT, source)))))
    return false;
  // Built beside and moved: a build that is stopped half-way, or another at the same time, leaves no broken bundle.
  const beside = await mkdtemp(join(PACKAGE_ROOT, 'dist-'));
  try {
    await buildWorker(beside, signal);
    await mkdir(dirname(WORKER_BUNDLE), { recursive: true });
    await rename(join(beside, 'index.js'), WORKER_BUNDLE);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
  return true;
}

/** Builds the Worker into `directory`: `index.js`, and `index.js.map`, which names its sources. */
export async function buildWorker(directory: string, signal?: AbortSignal): Promise<void> {
  await runWrangler(['deploy', '--dry-run', '--outdir', directory], signal);
}

async function newestMs(paths: readonly string[]): Promise<number> {
  let newest = 0;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const facts = await stat(path);
    newest = Math.max(newest, facts.mtimeMs);
    if (facts.isDirectory())
      newest = Math.max(newest, await newestMs((await readdir(path)).map((name) => join(path, name))));
  }
  return newest;
}

/** Runs wrangler without telemetry or update checks. Throws with its output where it fails. */
function runWrangler(args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const wrangler = join(PACKAGE_ROOT, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', CI: 'true' };
  const child = spawn(process.execPath, [wrangler, ...args], {
    cwd: PACKAGE_ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`building the Worker failed:\n${Buffer.concat(output).toString('utf8')}`));
    });
  });
}
