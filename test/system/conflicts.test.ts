import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, runCli } from './run-cli.ts';

/** Two agents' snapshots in one directory, each with a key of its own, as the command reads them. */
let directory: string;
let keys: readonly string[];
const run = (...args: string[]): Promise<Finished> => runCli(args, { cwd: directory });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-conflicts-'));
  keys = await Promise.all([
    publish('dc1', 'shop CNAME web.marathon\n*.apps A 10.1.0.1\nsame A 10.9.9.9\n'),
    publish('dc2', 'shop A 10.2.0.9\na.apps A 10.2.0.1\nsame A 10.9.9.9\n'),
  ]);
}, 60_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

async function publish(name: string, zoneFile: string): Promise<string> {
  const file = (suffix: string): string => join(directory, `${name}.${suffix}`);
  const frameworks = [
    { id: 'f', name: 'marathon', hostname: name === 'dc1' ? '10.1.0.2' : '10.2.0.2', tasks: [] },
  ];
  await writeFile(file('state'), JSON.stringify({ slaves: [], frameworks }));
  await writeFile(file('zone'), zoneFile);
  const config = { domain: `${name}.mesos`, dataDir: file('data'), staticRecords: file('zone') };
  await writeFile(file('json'), JSON.stringify(config));
  const args = ['--config', `${name}.json`, '--state', `${name}.state`, '--sink-dir', 'snapshots', '--force'];
  const { stderr } = await run('sync', '--once', ...args);
  return /VERIFY_KEYS=(\S+)/.exec(stderr)?.[1] ?? stderr;
}

const conflicts = (...args: string[]): Promise<Finished> =>
  run(
    'conflicts',
    '--zones',
    'dc1.mesos,dc2.mesos',
    '--sink-dir',
    'snapshots',
    '--verify-key',
    keys.join(),
    ...args,
  );

describe('conflicts', () => {
  it('tells counts, and by name what hides what', async () => {
    const { code, stdout, stderr } = await conflicts();
    expect(stderr).toMatch(/dc1\.mesos: serial \d+, \d+ s old\n.*dc2\.mesos: serial \d+/);
    expect(stdout).toBe(`below  names  agree  differ  hidden
@          3      1       1       1
apps       1      0       0       1

a.apps: hidden: the first has a wildcard over it
  dc1.mesos (*.apps)  A 10.1.0.1
  dc2.mesos  A 10.2.0.1

shop: hidden: an alias (CNAME) on one side alone
  dc1.mesos  CNAME web.marathon.dc1.mesos.
  dc2.mesos  A 10.2.0.9

4 names are in several zones: 1 agree, 1 differ, 2 hide records of another
`);
    expect(code).toBe(0);
  });

  it('ends with 1 where that is asked, and only for what is hidden', async () => {
    expect((await conflicts('--strict')).code).toBe(1);
    expect((await conflicts('--strict', '--under', 'marathon')).code).toBe(0);
  });

  it('prints JSON with all names', async () => {
    const { stdout } = await conflicts('--json', '--names', '--limit', '3');
    expect(JSON.parse(stdout)).toMatchObject({
      zones: [{ zone: 'dc1.mesos' }, { zone: 'dc2.mesos' }],
      counts: { agree: 1, differ: 1, hidden: 2 },
      names: [{ name: 'a.apps' }, { name: 'marathon' }, { name: 'same', kind: 'agree' }],
      moreNames: 1,
    });
  });

  it('goes by no snapshot that is not signed by a given key, and tells one that is missing', async () => {
    const other = await conflicts('--verify-key', keys[0] ?? '');
    expect([other.code, other.stdout]).toEqual([1, '']);
    expect(other.stderr).toMatch(/zone dc2\.mesos: .*not trusted here; --verify-key takes the keys of all/);
    const missing = await run(
      'conflicts',
      '--zones',
      'dc1.mesos,dc9.mesos',
      '--sink-dir',
      'snapshots',
      '--verify-key',
      keys.join(),
    );
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('no snapshot of zone dc9.mesos'),
    ]);
  });

  it('refuses a directory that is not there', async () => {
    const { code, stderr } = await run('conflicts', '--zones', 'a,b', '--sink-dir', 'nowhere');
    expect([code, stderr]).toEqual([2, expect.stringContaining('directory nowhere does not exist')]);
  });

  it.each(['dc1.mesos,DC1.mesos', 'dc1.mesos,a..b'])('refuses --zones %j', async (zones) => {
    const { code, stderr } = await run('conflicts', '--zones', zones, '--sink-dir', 'snapshots');
    expect([code, stderr]).toEqual([2, expect.stringContaining('--zones')]);
  });
});
