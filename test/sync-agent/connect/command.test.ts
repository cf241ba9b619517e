import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answering, type Behaviour, failing, makeTls, startDohServer } from '../../fakes/doh-server.ts';
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

  it('reads the URL from a file, and says nothing of what stands in it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-url-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'url');
    await writeFile(file, `https://doh.example.com/t/${TOKEN}/dns-query\n`);
    const env = { MESOS_DOH_URL: 'https://other.example.com', MESOS_DOH_TOKEN: '' };
    const { code, stdout } = await runCli(['connect', 'curl', '--url-file', file], { env });
    expect([code, stdout]).toEqual([0, `doh-url = "https://doh.example.com/t/${TOKEN}/dns-query"\n`]);
    const both = await runCli(['connect', 'curl', '--url-file', file, '--url', 'https://a'], { env });
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('not both')]);
    await writeFile(file, `no ${TOKEN}`);
    const wrong = await runCli(['connect', 'curl', '--url-file', file], { env });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.not.stringContaining(TOKEN)]);
    await writeFile(file, '\n');
    expect((await runCli(['connect', 'curl', '--url-file', file], { env })).stderr).toContain('is empty');
  });

  it('prints what other systems need, alone on stdout', async () => {
    const { code, stdout } = await runCli(['connect', 'dnsdist', '--address', '203.0.113.10'], { env: ENV });
    expect(code).toBe(0);
    expect(stdout).toContain(`/t/${TOKEN}/dns-query`);
    expect(stdout).not.toContain('mesos-doh: ');
  });

  describe('a browser, where no flag says whether the resolver forwards', () => {
    const connect = async (client: string, behaviour: Behaviour): ReturnType<typeof runCli> => {
      const tls = await makeTls();
      const server = await startDohServer({ tls, protocol: 'https', behaviour });
      const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-ca-'));
      onTestFinished(async () => {
        await server.close();
        await rm(directory, { recursive: true });
      });
      const ca = join(directory, 'ca.pem');
      await writeFile(ca, tls.ca);
      const args = ['connect', client, '--ca', ca, '--dry-run'];
      return runCli(args, { env: { MESOS_DOH_URL: server.url, MESOS_DOH_TOKEN: '' } });
    };
    const refusing = answering({ rcode: 5, answers: [] });

    it('has the form for the answer that a public name gets', async () => {
      expect(await connect('chromium', answering())).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('"DnsOverHttpsMode": "secure"'),
      });
      expect((await connect('firefox', answering())).stdout).toContain('"Fallback": false');
      expect((await connect('firefox', refusing)).stdout).toContain('"Fallback": true');
    });

    it('is not cut off from the Internet: Chrome has no file where public names are refused', async () => {
      const { code, stdout, stderr } = await connect('chrome', refusing);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('connect the system instead');
    });

    it('has the safe form where there is no answer, or is told which flag to give', async () => {
      expect(await connect('firefox', failing(503))).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('"Fallback": true'),
      });
      const { code, stdout, stderr } = await connect('edge', failing(503));
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/503.*--forwards .*--no-forwards/);
      expect(stderr).not.toContain('mdt_');
    });
  });

  it('writes nothing for Chrome and a resolver of zones alone, and does not say that it works', async () => {
    const { code, stdout, stderr } = await runCli(['connect', 'chrome', '--no-forwards'], { env: ENV });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('nothing was written');
    expect(stderr).not.toContain('to see that it works');
  });

  it('asks nothing for an image', async () => {
    const root = await mkdtemp(join(tmpdir(), 'mesos-doh-image-'));
    onTestFinished(() => rm(root, { recursive: true }));
    const unasked = await runCli(['connect', 'chrome', '--root', root], { env: ENV });
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--no-forwards') });
    expect(await readdir(root)).toEqual([]);
    const args = ['connect', 'chrome', '--forwards', '--root', root];
    expect(await runCli(args, { env: ENV })).toMatchObject({ code: 0 });
    expect(await readdir(root)).toEqual(['etc']);
  });

  it.each([
    ['curl', 'x.curl', /curl -K \S+x\.curl /],
    [
      'dnsdist',
      'x.conf',
      /then: install -o _dnsdist -m 0600 \S+x\.conf \/etc\/dnsdist\/dnsdist-mesos-doh\.conf\n.*dnsdist@mesos-doh\n/,
    ],
  ])('names the file that it was told to write: %s', async (client, name, said) => {
    const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-out-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const out = join(directory, name);
    const { code, stderr } = await runCli(['connect', client, '--address', '203.0.113.10', '--out', out], {
      env: ENV,
    });
    expect([code, stderr]).toEqual([0, expect.stringMatching(said)]);
    expect(await readFile(out, 'utf8')).toContain(TOKEN);
  });

  it.each([
    ['windows', /Remove-DnsClientNrptRule.*\n.*'MESOS_DOH_URL', \$null/],
    ['apple', /^Remove the profile/],
    ['curl', /^rm mesos-doh\.curl\n$/],
    ['dnsdist', /^systemctl disable --now dnsdist@mesos-doh\nrm \/etc\/dnsdist\/dnsdist-mesos-doh\.conf\n$/],
  ])('tells how it is taken out where it wrote nothing: %s', async (client, said) => {
    const { code, stdout } = await runCli(['connect', client, '--undo'], { env: { MESOS_DOH_URL: '' } });
    expect([code, stdout]).toEqual([0, expect.stringMatching(said)]);
  });

  it('says that forwarding means nothing to a client that asks for the zones alone', async () => {
    const { code, stderr } = await runCli(['connect', 'windows', '--no-forwards'], { env: ENV });
    expect([code, stderr]).toEqual([0, expect.stringContaining('they change nothing for windows')]);
  });

  it.each([
    [['connect', 'dnsdist'], '--address: dnsdist looks no host up'],
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
