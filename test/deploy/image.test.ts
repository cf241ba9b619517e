import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../sync-agent/config.ts';
import { deployFile, expectKnownCommand, PROJECT } from './project.ts';

type Instruction = { readonly name: string; readonly rest: string };

async function instructions(): Promise<Instruction[]> {
  const text = (await deployFile('Dockerfile')).replaceAll(/\\\n/g, ' ');
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return { name, rest: rest.replaceAll(/\s+/g, ' ') };
  });
}

/** Those of the agent's image itself, after the stage that only fetches modules. */
async function lastStage(): Promise<Instruction[]> {
  const all = await instructions();
  return all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
}

/** Those of the stage that `--target stub` makes an image of. */
async function stubStage(): Promise<Instruction[]> {
  const all = await instructions();
  const from = all.findIndex(({ name, rest }) => name === 'FROM' && rest.endsWith(' AS stub'));
  const length = all.slice(from + 1).findIndex(({ name }) => name === 'FROM');
  return all.slice(from, from + 1 + length);
}

/** Sources and target of each COPY out of the project. */
function copies(stage: readonly Instruction[]): { readonly from: string[]; readonly to: string }[] {
  const own = stage.filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from='));
  return own.map(({ rest }) => ({ from: rest.split(' ').slice(0, -1), to: rest.split(' ').at(-1) ?? '' }));
}

function argsOf(stage: readonly Instruction[], name: string): string[] {
  const rest = stage.find((one) => one.name === name)?.rest ?? '[]';
  return JSON.parse(rest.slice(rest.indexOf('[')));
}

describe('the images', () => {
  it('are made of files that are there and pass the ignore list', async () => {
    const ignore = (await deployFile('Dockerfile.dockerignore')).split('\n');
    expect(ignore[0]).toBe('*');
    const sources = copies(await instructions()).flatMap(({ from }) => from);
    expect(sources).toEqual(expect.arrayContaining(['sync-agent', 'stub']));
    for (const source of sources) {
      await expect(stat(join(PROJECT, source))).resolves.toBeDefined();
      expect(ignore).toContain(`!${source}`);
    }
  });

  it('run the Node that is tested, as nobody in particular, and hold no secret', async () => {
    const all = await instructions();
    const json: unknown = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
    const versions = all
      .filter(({ name }) => name === 'FROM')
      .map(({ rest }) => /^node:([\d.]+)-/.exec(rest)?.[1]);
    expect(json).toMatchObject({ devDependencies: { node: versions[0] } });
    expect(new Set(versions).size).toBe(1);
    for (const stage of [await lastStage(), await stubStage()]) {
      const user = stage.findLastIndex(({ name }) => name === 'USER');
      expect(stage[user]?.rest).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(stage.slice(user).filter(({ name }) => name === 'RUN' || name === 'COPY')).toEqual([]);
    }
    expect(all.filter(({ name }) => name === 'ARG')).toEqual([]);
    expect(all.filter(({ name, rest }) => name === 'ENV' && /token|secret|key/i.test(rest))).toEqual([]);
  });
});

describe('the image of the agent', () => {
  it('asks for its health where the configuration beside it answers', async () => {
    const check = (await lastStage()).find(({ name }) => name === 'HEALTHCHECK')?.rest ?? '';
    const config = parseConfig(JSON.parse(await deployFile('config.json')), 'deploy/config.json');
    expect(check).toContain(`http://127.0.0.1:${config.metrics?.port}/healthz`);
    expect(['0.0.0.0', '127.0.0.1']).toContain(config.metrics?.host);
    const stage = await lastStage();
    expect(argsOf(stage, 'VOLUME')).toEqual([config.dataDir]);
    expect(stage.find(({ name }) => name === 'EXPOSE')?.rest).toBe(String(config.metrics?.port));
  });

  it('has a command that mesos-doh knows', async () => {
    await expectKnownCommand(argsOf(await lastStage(), 'CMD'));
  });

  it('has all that the agent needs to run', async () => {
    const stage = await lastStage();
    const root = await replayed(stage);
    await linkModules(root);
    const [entry = ''] = argsOf(stage, 'ENTRYPOINT');
    const agent = entry.replace('/app', root);
    const environment = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
    const run = promisify(execFile);
    const options = { cwd: root, env: environment, timeout: 15_000 };
    const { stdout } = await run(agent, ['sync', '--help'], options);
    expect(stdout).toContain('Usage: mesos-doh sync');
  });
});

describe('the image of the stub', () => {
  it('has all that the stub needs to run, and arguments that it takes', async () => {
    const stage = await stubStage();
    const root = await replayed(stage);
    const [program = '', ...args] = [...argsOf(stage, 'ENTRYPOINT'), ...argsOf(stage, 'CMD')];
    expect(program).toBe('node');
    const words = args.map((word) => word.replace('/app', root));
    const options = { cwd: root, env: {}, timeout: 15_000 };
    const asked = await promisify(execFile)(process.execPath, [...words, '--help'], options);
    expect(asked.stdout).toContain('Usage: mesos-doh stub');
    // It got as far as its one missing setting: the others are taken.
    await expect(promisify(execFile)(process.execPath, words, options)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('MESOS_DOH_URL'),
    });
  });

  it('asks for its health, and is exposed, where it answers', async () => {
    const stage = await stubStage();
    const args = [...argsOf(stage, 'ENTRYPOINT'), ...argsOf(stage, 'CMD')];
    const check = stage.find(({ name }) => name === 'HEALTHCHECK')?.rest ?? '';
    expect(check).toContain(`http://127.0.0.1:${args[args.indexOf('--metrics') + 1]}/healthz`);
    const port = args[args.indexOf('--listen') + 1]?.split(':').at(-1);
    expect(stage.find(({ name }) => name === 'EXPOSE')?.rest).toBe(`${port}/udp ${port}/tcp`);
  });
});

/** What a stage copies out of the project, in a directory as it is in the image's `/app`. */
async function replayed(stage: readonly Instruction[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'mesos-doh-image-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const { from, to } of copies(stage)) {
    for (const source of from) {
      const target = to.endsWith('/') ? join(root, to, source) : join(root, to);
      await mkdir(dirname(target), { recursive: true });
      await cp(join(PROJECT, source), target, { recursive: true });
    }
  }
  return root;
}

/** What `npm ci --omit=dev` installs, by the lock file. */
async function linkModules(root: string): Promise<void> {
  const lock: { packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }> } =
    JSON.parse(await readFile(join(PROJECT, 'package-lock.json'), 'utf8'));
  const kept = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional }]) =>
      /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !(dev ?? devOptional ?? false),
  );
  expect(kept.map(([path]) => path)).toContain('node_modules/undici');
  expect(kept.map(([path]) => path)).not.toContain('node_modules/miniflare');
  for (const [path] of kept) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(join(PROJECT, path), join(root, path));
  }
}
