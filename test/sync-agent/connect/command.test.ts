import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from '../../system/run-cli.ts';

const TOKEN = `mdt_${'d'.repeat(32)}`;
const ENV = { MESOS_DOH_URL: 'https://doh.example.com', MESOS_DOH_TOKEN: TOKEN };

describe('mesos-doh connect', () => {
  it('shows what it would do for systemd, and does nothing', async () => {
    const args = [
      'connect',
      'systemd',
      '--systemd-version',
      '252',
      '--stub-command',
      '/usr/bin/mesos-doh',
      '--dry-run',
    ];
    const { code, stdout } = await runCli(args, { env: ENV });
    expect(code).toBe(0);
    expect(stdout).toContain('--- /etc/mesos-doh.env (mode 0600)');
    expect(stdout).toContain(`MESOS_DOH_URL=https://doh.example.com/t/${TOKEN}/dns-query`);
    expect(stdout).toContain('systemctl enable --now mesos-doh.service');
    await expect(stat('/etc/mesos-doh.env')).rejects.toThrow('ENOENT');
  });

  it('writes into an image, says what is left to do there, and undoes it without a URL', async () => {
    const root = await mkdtemp(join(tmpdir(), 'mesos-doh-image-'));
    onTestFinished(() => rm(root, { recursive: true }));
    const args = ['connect', 'systemd', '--systemd-version', '258', '--root', root];
    const done = await runCli(args, { env: ENV });
    expect(done).toMatchObject({ code: 0, stdout: '' });
    expect(done.stderr).toContain('on the machine itself, run: systemctl enable --now mesos-doh.service');
    expect(done.stderr).not.toContain(TOKEN);
    expect(await readFile(join(root, 'etc/systemd/dns-delegate.d/mesos.dns-delegate'), 'utf8')).toContain(
      'Domains=~mesos',
    );
    expect(await runCli(['connect', 'systemd', '--undo', '--root', root])).toMatchObject({ code: 0 });
    expect(await readdir(root)).toEqual([]);
  });

  it('prints what other systems need, alone on stdout', async () => {
    const { code, stdout } = await runCli(['connect', 'dnsdist', '--address', '203.0.113.10'], { env: ENV });
    expect(code).toBe(0);
    expect(stdout).toContain(`/t/${TOKEN}/dns-query`);
    expect(stdout).not.toContain('mesos-doh: ');
  });

  it.each([
    [['connect', 'systemd', '--systemd-version', '245', '--stub-command', '/x', '--dry-run'], '--listen'],
    [['connect', 'systemd', '--listen', 'localhost'], '127.0.0.1:5354'],
    [['connect', 'systemd', '--undo', '--root', '/nowhere'], 'connect wrote nothing'],
  ])('ends with 2 for %j', async (args, said) => {
    const { code, stderr } = await runCli(args, { env: ENV });
    expect(code).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain(TOKEN);
  });
});
