import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Finished, runCli } from './run-cli.ts';

/** `mesos-doh keys` as an operator uses it, key files and all. */
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-keys-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const keys = (...args: string[]): Promise<Finished> => runCli(['keys', ...args], { cwd: directory });

/** What `--json` printed. */
function shown({ stdout, code }: Finished): Record<string, unknown> {
  expect(code).toBe(0);
  const parsed: unknown = JSON.parse(stdout);
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}

describe('keys', () => {
  it('are made, rotated in three steps, and never printed', { timeout: 60_000 }, async () => {
    const made = await keys('make');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const old = /^VERIFY_KEYS=(\S{44})$/m.exec(made.stdout)?.[1] ?? '';
    expect(old).not.toBe('');
    const file = join(directory, '.mesos-doh', 'signing.pem');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const again = await keys('make');
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toMatch(
      /there is a signing key in \.mesos-doh\/signing\.pem already \(key id [0-9a-f]{16}\)/,
    );

    const begun = await keys('rotate');
    expect(begun.code).toBe(0);
    const both = /^VERIFY_KEYS=(\S+)$/m.exec(begun.stdout)?.[1] ?? '';
    expect(both.split(',')).toHaveLength(2);
    expect(both.split(',')[0]).toBe(old);
    expect(begun.stdout).toMatch(/signing\.next\.pem/);
    expect((await keys('rotate')).stderr).toMatch(/a rotation is under way/);
    expect((await keys('rotate', '--forget')).code).toBe(2);

    const finished = shown(await keys('rotate', '--finish', '--json'));
    expect(finished).toMatchObject({ rotation: 'finished', verifyKeys: both });
    expect((await keys('rotate', '--finish')).stderr).toMatch(/there is no next key/);
    expect(shown(await keys('show', '--json'))).toEqual(finished);
    const over = await keys('rotate', '--forget');
    expect(over.stdout).toContain(`VERIFY_KEYS=${both.split(',')[1] ?? ''}\n`);

    const secret = (await readFile(file, 'utf8')).split('\n')[1] ?? '';
    for (const { stdout, stderr } of [made, again, begun, over]) {
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout + stderr).not.toMatch(/PRIVATE KEY/);
    }
  });

  it('are those of the configuration, or of the file that is named', async () => {
    await mkdir(join(directory, 'etc'));
    await writeFile(join(directory, 'config.json'), '{"signingKeyFile":"etc/zone.pem"}');
    expect(shown(await keys('make', '--config', 'config.json', '--json'))['file']).toBe('etc/zone.pem');
    await writeFile(join(directory, 'data.json'), '{"dataDir":"data"}');
    expect(shown(await keys('make', '--config', 'data.json', '--json'))['file']).toBe('data/signing.pem');
    const named = shown(await keys('rotate', '--key-file', 'etc/zone.pem', '--json'));
    expect(named).toMatchObject({ file: 'etc/zone.pem', rotation: 'begun' });
    expect((await stat(join(directory, 'etc', 'zone.next.pem'))).mode & 0o777).toBe(0o600);
  });

  it('that others can read are told of', async () => {
    await keys('make');
    await chmod(join(directory, '.mesos-doh', 'signing.pem'), 0o644);
    const ended = await keys('show');
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/can be read or written by others \(mode 0644\); say: chmod 600/);
  });

  it.each([
    [['show'], /signing\.pem can not be read \(ENOENT\); mesos-doh keys make makes one/],
    [['rotate'], /can not be read \(ENOENT\)/],
    [['show', '--key-file', 'broken.pem'], /broken\.pem is no private key in PEM, or a broken one/],
    [['make', '--key-file', 'broken.pem'], /broken\.pem is no private key in PEM/],
    [['rotate', '--finish', '--forget'], /--finish or --forget, not both/],
    [['show', '--config', 'absent.json'], /absent\.json can not be read \(ENOENT\)/],
    [['roate'], /unknown command 'roate'[^]*Did you mean rotate\?/],
    [[], /Usage: mesos-doh keys/],
  ])('%j is refused with what to do', async (args, message) => {
    await writeFile(
      join(directory, 'broken.pem'),
      '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n',
    );
    const ended = await keys(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toMatch(/hunter2|\n\s+at /);
  });

  it.each([[[]], [['rotate']]])('has help with examples: %j', async (args) => {
    const ended = await keys(...args, '--help');
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/Examples:\n {2}mesos-doh keys/);
  });

  it(
    'rotated under a published zone: each step is read back and published on',
    { timeout: 60_000 },
    async () => {
      await writeFile(
        join(directory, 'state.json'),
        '{"slaves":[{"id":"S0","pid":"slave(1)@10.0.0.1:5051"}],"frameworks":[]}',
      );
      const sync = (): Promise<Finished> =>
        runCli(['sync', '--state', 'state.json', '--sink-dir', 'out', '--once'], { cwd: directory });
      const read = (...args: string[]): Promise<Finished> =>
        runCli(['explain', 'slave.mesos', '--state', 'state.json', '--sink-dir', 'out', '--json', ...args], {
          cwd: directory,
        });
      await keys('make');
      expect((await sync()).code).toBe(0);
      await keys('rotate');
      expect((await sync()).code).toBe(0);
      const finished = shown(await keys('rotate', '--finish', '--json'));
      // Still the old key's head: the new agent takes it for its own, and so does who reads it back.
      expect((await read()).code).toBe(0);
      const pushed = await sync();
      expect(pushed).toMatchObject({ code: 0 });
      expect((await read()).code).toBe(0);
      // The Worker's two keys hold for whatever head is there.
      expect((await read('--verify-key', String(finished['verifyKeys']))).code).toBe(0);
    },
  );
});
