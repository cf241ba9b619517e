import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  access,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { decode, encode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { linksOf } from '../packaging/links.ts';
import { type Installed, installPackage, nodesHere, PROJECT, startUntil } from './package-stage.ts';

const run = promisify(execFile);
const SECOND = 1_000;
const NAME = 'search.marathon.mesos';
let installed: Installed;

beforeAll(async () => {
  installed = await installPackage();
}, 300 * SECOND);
afterAll(() => installed.remove());

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-installed-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('the package', () => {
  it('is complete: each file that it names is there, and nothing of the tests or the sources', async () => {
    const manifest: { files: string[]; man: string[]; bin: Record<string, string> } = JSON.parse(
      await readFile(join(installed.root, 'package.json'), 'utf8'),
    );
    const named = [...manifest.files, ...manifest.man, ...Object.values(manifest.bin)];
    for (const file of named) await access(join(installed.root, file));
    const all = await readdir(installed.root, { recursive: true });
    expect(all.filter((file) => file.endsWith('.ts') || file.includes('node_modules'))).toEqual([]);
    expect(all).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'config.example.json',
        'deploy/mesos-doh-agent.service',
        'deploy/marathon.json',
        'deploy/prometheus-rules.yaml',
        'completions/bash',
        'completions/zsh',
        'completions/fish',
        'docs/deploy.md',
      ]),
    );
    for (const program of ['mesos-doh.js', 'stub.mjs', 'deploy/run-agent'])
      expect((await stat(join(installed.root, program))).mode & 0o111, program).toBe(0o111);
  });

  it('has pages whose links lead to what is in it', async () => {
    const pages = (await readdir(installed.root, { recursive: true })).filter((file) => file.endsWith('.md'));
    const broken: string[] = [];
    for (const page of pages)
      for (const link of linksOf(page, await readFile(join(installed.root, page), 'utf8')))
        await access(join(installed.root, link)).catch(() => broken.push(`${page}: ${link}`));
    expect(broken).toEqual([]);
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'SECURITY.md', 'docs/connect/README.md']));
    expect(await readFile(join(installed.root, 'README.md'), 'utf8')).not.toMatch(/npm (ci|start|test)/);
  });

  it('has the licence of each package that is in it', async () => {
    const notices = await readFile(join(installed.root, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    const json: { dependencies: Record<string, string> } = JSON.parse(
      await readFile(join(PROJECT, 'package.json'), 'utf8'),
    );
    for (const [name, version] of Object.entries(json.dependencies))
      expect(notices).toContain(`${name} ${version} (`);
  });

  it('deploys its Worker as it is', { timeout: 60 * SECOND }, async () => {
    const directory = await scratch();
    const worker = join(directory, 'worker');
    await mkdir(worker);
    for (const file of ['index.js', 'wrangler.toml'])
      await copyFile(join(installed.root, 'worker', file), join(worker, file));
    const wrangler = join(PROJECT, 'node_modules/wrangler/bin/wrangler.js');
    const env = {
      ...process.env,
      WRANGLER_SEND_METRICS: 'false',
      CI: 'true',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    };
    const args = [wrangler, 'deploy', '--dry-run', '--outdir', 'out'];
    const { stdout } = await run(process.execPath, args, { cwd: worker, env });
    expect(stdout).toContain('env.SNAPSHOTS');
    expect(await readFile(join(worker, 'out/index.js'), 'utf8')).toBe(
      await readFile(join(worker, 'index.js'), 'utf8'),
    );
  });

  it('is run by the starter that the units call', async () => {
    const starter = join(installed.root, 'deploy/run-agent');
    const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
    expect((await run(starter, ['sync', '--help'], { env })).stdout).toContain('Usage: mesos-doh sync');
  });
});

describe.each(await nodesHere())('under Node %s', (_, node) => {
  const mesosDoh = (...args: string[]): [string, ...string[]] => [node, installed.bin, ...args];
  const ask = async (...args: string[]): Promise<{ stdout: string; stderr: string }> => {
    const [program, ...rest] = mesosDoh(...args);
    return run(program, rest, { timeout: 60 * SECOND, maxBuffer: 16 * 1024 * 1024 });
  };

  it('says what it is, and completes as it was packed', async () => {
    const json: { version: string } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
    expect((await ask('--version')).stdout).toBe(`${json.version}\n`);
    expect((await ask('--help')).stdout).toContain('Usage: mesos-doh');
    expect((await ask('stub', '--version')).stdout).toBe(`${json.version}\n`);
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await ask('completion', shell)).stdout).toBe(
        await readFile(join(installed.root, 'completions', shell), 'utf8'),
      );
  });

  it('reads a cluster and publishes it', async () => {
    const directory = await scratch();
    const [, master = ''] = await startUntil(
      mesosDoh('simulate', '--port', '0', '--tasks', '50'),
      /(http:\S+)\/state/,
    );
    const sink = join(directory, 'sink');
    const config = join(directory, 'config.json');
    const settings = { domain: 'mesos', mesos: { masters: [master] }, dataDir: join(directory, 'data') };
    await writeFile(config, JSON.stringify(settings));
    const seen: { A: object } = JSON.parse((await ask('records', '--config', config)).stdout);
    expect(Object.keys(seen.A)).toContain(`${NAME}.`);
    await ask('sync', '--once', '--sink-dir', sink, '--config', config);
    expect(JSON.parse((await ask('records', '--sink-dir', sink, '--config', config)).stdout)).toEqual(seen);
    const { stdout: findings } = await ask('doctor', '--sink-dir', sink, '--config', config);
    expect(findings).toContain('0 wrong');
    expect((await ask('explain', NAME, '--config', config)).stdout).toContain('answered: A');
  });

  it(
    'says what up wants, and with it answers over DoH and through the stub',
    { timeout: 120 * SECOND },
    async () => {
      const directory = await scratch();
      const data = join(directory, 'data');
      await expect(ask('up', '--port', '0', '--data-dir', data)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/npm install miniflare@\d/),
      });
      const miniflare = join(dirname(installed.root), 'miniflare');
      await symlink(join(PROJECT, 'node_modules/miniflare'), miniflare);
      onTestFinished(() => rm(miniflare, { force: true }));
      const up = mesosDoh('up', '--port', '0', '--no-upstream', '--data-dir', data);
      const [, url = ''] = await startUntil(up, /DoH URL +(\S+)[^]*\nready/);
      const looked: { answers: { data: string }[] } = JSON.parse(
        (await ask('lookup', NAME, '--url', url, '--json')).stdout,
      );
      const addresses = looked.answers.map(({ data: address }) => address);
      expect(addresses.length).toBeGreaterThan(0);
      // The one file, somewhere else, with nothing beside it.
      const stub = join(directory, 'stub.mjs');
      await copyFile(join(installed.root, 'stub.mjs'), stub);
      const command: [string, ...string[]] = [node, stub, '--listen', '127.0.0.1:0', '--zone', 'mesos'];
      const [, port] = await startUntil(command, /udp 127\.0\.0\.1 (\d+)/, {
        ...process.env,
        MESOS_DOH_URL: url,
      });
      expect((await askUdp(Number(port))).toSorted()).toEqual(addresses.toSorted());
    },
  );
});

/** Addresses of NAME, asked over UDP. */
async function askUdp(port: number): Promise<string[]> {
  const socket = createSocket('udp4');
  try {
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(10 * SECOND) });
    socket.send(encode({ type: 'query', id: 7, questions: [{ type: 'A', name: NAME }] }), port, '127.0.0.1');
    const [message] = await answered;
    const { answers = [] } = decode(message);
    return answers.flatMap((answer) => (answer.type === 'A' ? [answer.data] : []));
  } finally {
    socket.close();
  }
}
