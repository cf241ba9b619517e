import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { startKvApi } from '../../fakes/kv-api.ts';
import { deadPort, startMasters } from '../sources/state-server.ts';

const CLI = fileURLToPath(new URL('../../../sync-agent/cli.ts', import.meta.url));

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** `mesos-doh doctor` with a configuration, to its end. */
async function doctor(config: unknown, flags: readonly string[], token?: string): Promise<Ended> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-doctor-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'config.json');
  await writeFile(file, JSON.stringify({ dataDir: join(directory, 'data'), ...Object(config) }));
  const env = { ...process.env, CLOUDFLARE_API_TOKEN: token };
  const args = [CLI, 'doctor', '--config', file, ...flags];
  const ended = promisify(execFile)(process.execPath, args, { env, timeout: 15_000 });
  return ended.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Ended) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  );
}

it('finds a fresh agent well, on every line', async () => {
  const { masters } = await startMasters(2);
  const api = await startKvApi();
  onTestFinished(() => api.close());
  const { url, namespace, token } = api;
  const config = { mesos: { masters: masters.urls }, kv: { url, namespace } };
  const { code, stdout, stderr } = await doctor(config, [], token);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const about = stdout.split('\n').map((line) => line.slice(0, 23).replaceAll(/\s+/g, ' ').trim());
  expect(about).toEqual(
    expect.arrayContaining([
      'well node',
      'well configuration',
      'well data directory',
      'well masters',
      'well leader',
      'well state',
      'advice signing key',
      'well store',
      'well clock',
      'advice zone',
      'advice agent',
    ]),
  );
  expect(stdout).toContain('0 wrong');
  expect(stdout).not.toContain(token);
  expect(api.stored.size).toBe(0);
});

it('goes on after what is wrong, and says so at the end', async () => {
  const master = `http://127.0.0.1:${await deadPort()}`;
  const config = {
    mesos: { masters: [master] },
    kv: { url: 'https://kv.invalid/accounts/a', namespace: 'n' },
  };
  const { code, stdout, stderr } = await doctor(config, ['--json']);
  expect(code).toBe(1);
  const told: { isWell: boolean; findings: { about: string; verdict: string }[] } = JSON.parse(stdout);
  expect(told.isWell).toBe(false);
  expect(told.findings.filter(({ verdict }) => verdict === 'wrong').map(({ about }) => about)).toEqual([
    'masters',
    'store',
  ]);
  expect(stderr).toContain('something is wrong');
});

it('has nothing to check without a configuration that can be read', async () => {
  const { code, stderr } = await doctor({ mesos: { master: 'x' } }, []);
  expect(code).toBe(2);
  expect(stderr).toContain('unknown key mesos.master');
});

it('looks at each snapshot that the configuration publishes', async () => {
  const api = await startKvApi();
  onTestFinished(() => api.close());
  const { url, namespace, token } = api;
  const { masters } = await startMasters(1);
  const config = {
    mesos: { masters: masters.urls },
    kv: { url, namespace },
    reverse: { zones: ['10.in-addr.arpa'] },
    records: { labels: 'read', aliases: { zones: ['apps.example'] } },
    variants: { outside: {} },
  };
  const { stdout } = await doctor(config, ['--json'], token);
  const told: { findings: { about: string; says: string }[] } = JSON.parse(stdout);
  const zones = told.findings.filter(({ about }) => about === 'zone').map(({ says }) => says);
  expect(zones).toEqual(
    ['mesos', 'apps.example', '10.in-addr.arpa'].flatMap((zone) => [
      `nothing is published for ${zone} yet`,
      `nothing is published for ${zone} (variant outside) yet`,
    ]),
  );

  const refused = await doctor(config, ['--json'], 'wrong');
  const other: { findings: { about: string }[] } = JSON.parse(refused.stdout);
  expect(other.findings.filter(({ about }) => about === 'zone')).toEqual([]);
});
