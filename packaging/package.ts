import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CommandDefinition } from '../sync-agent/completion/definition.ts';
import { buildWorker } from '../sync-agent/local/project.ts';
import { bundleCli, bundleStub, type Sources } from './bundle.ts';
import { COPIED } from './copied.ts';
import { manPage } from './man.ts';
import { packageManifest, type ProjectManifest } from './manifest.ts';
import { packagedReadme } from './readme.ts';
import { noticesText, packagesOf, readBundled } from './third-party.ts';
import { packagedWranglerToml } from './worker-config.ts';

// npm run package [-- DIRECTORY]: makes what `npm publish DIRECTORY` publishes.

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const NOTICES = 'THIRD-PARTY-NOTICES.txt';
const EXECUTABLE = ['mesos-doh.js', 'stub.mjs', 'deploy/run-agent'];
const SHELLS = ['bash', 'zsh', 'fish'];

await makePackage(process.argv[2] ?? join(PROJECT, 'dist', 'package'));

async function makePackage(target: string): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const project: ProjectManifest = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
  const to = { outdir: target, version: project.version };
  const bundled = [...(await bundleCli(PROJECT, to)), ...(await addWorker(target))];
  await bundleStub(PROJECT, to);
  await copyFiles(target);
  const notices = await Promise.all(packagesOf(bundled).map((path) => readBundled(join(PROJECT, path))));
  await writeFile(join(target, NOTICES), noticesText(notices));
  const entries = [...(await readdir(target)), 'completions', 'man'];
  const manifest = packageManifest(project, {
    files: entries.toSorted(),
    githubRepository: process.env['GITHUB_REPOSITORY'],
  });
  await writeFile(join(target, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  if (!('repository' in manifest))
    process.stderr.write(
      'package: no repository is known (package.json or GITHUB_REPOSITORY); npm publish --provenance will want one\n',
    );
  await addGenerated(target, project);
  for (const file of EXECUTABLE) await chmod(join(target, file), 0o755);
  process.stdout.write(`${target}\n`);
}

/** The Worker as it is deployed, with what deploys it. */
async function addWorker(target: string): Promise<Sources> {
  const built = await mkdtemp(join(tmpdir(), 'mesos-doh-worker-'));
  try {
    await buildWorker(built);
    await cp(join(built, 'index.js'), join(target, 'worker', 'index.js'));
    const toml = await readFile(join(PROJECT, 'wrangler.toml'), 'utf8');
    await writeFile(join(target, 'worker', 'wrangler.toml'), packagedWranglerToml(toml));
    const map: { sources: string[] } = JSON.parse(await readFile(join(built, 'index.js.map'), 'utf8'));
    return map.sources;
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

async function copyFiles(target: string): Promise<void> {
  const units = (await readdir(join(PROJECT, 'deploy'))).filter((file) => /\.(service|socket)$/.test(file));
  for (const file of [...COPIED, ...units.map((unit) => join('deploy', unit))]) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await cp(join(PROJECT, file), join(target, file), { recursive: true });
  }
  const readme = await readFile(join(PROJECT, 'README.md'), 'utf8');
  await writeFile(join(target, 'README.md'), packagedReadme(readme));
}

/** Made by the program itself: what shells complete with, and the manual page. */
async function addGenerated(target: string, { version }: ProjectManifest): Promise<void> {
  for (const directory of ['completions', 'man']) await mkdir(join(target, directory));
  for (const shell of SHELLS)
    await writeFile(join(target, 'completions', shell), await completion(target, shell));
  const program: CommandDefinition = JSON.parse(await completion(target, 'json'));
  const date = new Date().toISOString().slice(0, 10);
  await writeFile(join(target, 'man', 'mesos-doh.1'), manPage(program, { version, date }));
}

async function completion(target: string, shell: string): Promise<string> {
  const command = [join(target, 'mesos-doh.js'), 'completion', shell];
  return (await promisify(execFile)(process.execPath, command, { maxBuffer: 16 * 1024 * 1024 })).stdout;
}
