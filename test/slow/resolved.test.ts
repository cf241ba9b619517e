import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Machine, type Ran, startMachine, until, whyNoMachine } from './resolved-stage.ts';

/** The program as the unit starts it; here with a port that tells what it was asked. */
const STUB = '/run/mesos-doh';
const CLI = '/opt/node /opt/mesos-doh/sync-agent/cli.ts';
const METRICS = 'http://127.0.0.1:9154/metrics';
const LIMIT_MS = 15_000;

const why = await whyNoMachine();
if (why !== undefined) console.warn(`not run: the tests with a real systemd-resolved: ${why}`);

describe.skipIf(why !== undefined)(
  'mesos-doh connect systemd, with a real systemd-resolved',
  { timeout: 120_000 },
  () => {
    let machine: Machine;
    let connected: Ran;
    const run = async (command: string): Promise<string> => {
      const { code, stdout, stderr } = await machine.run(command);
      if (code !== 0) throw new Error(`${command}: ${code} ${stdout} ${stderr}`);
      return stdout;
    };
    const connect = (flags = ''): Promise<Ran> =>
      machine.run(`${CLI} connect systemd --ca ${machine.caFile} --stub-command ${STUB} ${flags}`, {
        MESOS_DOH_URL: machine.url,
      });
    const isAnswered = async (): Promise<boolean> =>
      (await machine.run('resolvectl query --cache=no search.marathon.mesos')).stdout.startsWith(
        'search.marathon.mesos: 10.0.0.7',
      );

    beforeAll(async () => {
      machine = await startMachine();
      await run(`printf '#!/bin/sh\\nexec ${CLI} "$@" --metrics 9154\\n' >${STUB} && chmod 755 ${STUB}`);
      await run('cp -a /etc /run/etc-before');
      connected = await connect();
    }, 120_000);

    afterAll(() => machine?.stop());

    it('says what it wrote, and an answer that came through resolved', () => {
      expect(connected.stderr).toContain('wrote /etc/systemd/system/mesos-doh.service');
      expect(connected).toMatchObject({ code: 0, stdout: 'leader.mesos: 10.0.0.1\n' });
      expect(connected.stderr + connected.stdout).not.toContain('mdt_');
    });

    it('keeps the token from all but root, in files and in the list of processes', async () => {
      expect(await run('stat -c "%a %U" /etc/mesos-doh.env /etc/mesos-doh/connect/systemd.json')).toBe(
        '600 root\n600 root\n',
      );
      expect(await run('grep -rl mdt_ /etc')).toBe('/etc/mesos-doh.env\n');
      expect(await run('cat /proc/[0-9]*/cmdline | tr "\\0" " "')).toMatch(
        / stub --listen 127\.0\.0\.1:5354 /,
      );
      expect(await run('cat /proc/[0-9]*/cmdline | tr "\\0" " " | grep -v resolved-world | wc -l')).toBe(
        '0\n',
      );
    });

    it('writes units that systemd has nothing to say against', async () => {
      const units = '/etc/systemd/system/mesos-doh.service /etc/systemd/system/mesos-doh-link.service';
      expect(await machine.run(`systemd-analyze verify ${units}`)).toEqual({
        code: 0,
        stdout: '',
        stderr: '',
      });
    });

    it('answers resolvectl, and programs through libnss_resolve', async () => {
      expect(await run('resolvectl query search.marathon.mesos')).toContain(
        'search.marathon.mesos: 10.0.0.7',
      );
      expect(await run('resolvectl query --type=SRV _search._tcp.marathon.mesos')).toContain(
        '_search._tcp.marathon.mesos IN SRV 0 0 31005 search-x1-s1.marathon.mesos',
      );
      expect(await run('getent hosts search.marathon.mesos')).toMatch(
        /^10\.0\.0\.7\s+search\.marathon\.mesos\n$/,
      );
      expect(await machine.run('getent hosts nothing.mesos')).toMatchObject({ code: 2, stdout: '' });
      // By name, not by /etc/resolv.conf behind it.
      expect(await run('getent -s resolve hosts search.marathon.mesos')).toMatch(/^10\.0\.0\.7/);
    });

    it('asks us no foreign name, and the ordinary resolver none of ours', async () => {
      const before = await stubCounts();
      expect(before.get('fresh') ?? 0).toBeGreaterThan(0);
      for (const name of ['www.example', 'mesos.example', 'notmesos', 'a.notmesos'])
        expect(await run(`getent ahostsv4 ${name}. || true`), name).toMatch(
          name.includes('.') ? /^192\.0\.2\.80/ : /^/,
        );
      await machine.run(
        'getent hosts printer; resolvectl query printer; resolvectl query --type=MX www.example',
      );
      expect(await stubCounts()).toEqual(before);
      expect(machine.asked('ordinary')).toContain('mesos.example');
      expect(machine.asked('ordinary').filter((name) => name.endsWith('.mesos'))).toEqual([]);
      expect(machine.asked('edge').filter((name) => !name.endsWith('.mesos') && name !== 'mesos')).toEqual(
        [],
      );
    });

    it('goes on at once after a restart of resolved, and after its end, without a name going elsewhere', async () => {
      for (const end of [
        'systemctl restart systemd-resolved',
        'systemctl stop systemd-resolved; systemctl start systemd-resolved',
      ]) {
        await run(end);
        expect(await isAnswered(), end).toBe(true);
      }
      await run('systemctl kill -s KILL systemd-resolved');
      await until(isAnswered, LIMIT_MS);
      expect(machine.asked('ordinary').filter((name) => name.endsWith('.mesos'))).toEqual([]);
      await until(
        async () => (await run('systemctl is-active mesos-doh mesos-doh-link')) === 'active\nactive\n',
        LIMIT_MS,
      );
    });

    it('tells resolved again what it has forgotten', async () => {
      await run(
        'systemctl stop systemd-resolved; rm -rf /run/systemd/resolve/netif; systemctl start systemd-resolved',
      );
      await until(isAnswered, LIMIT_MS);
      // The ordinary network's, which a DHCP client would say again.
      await run('resolvectl dns eth0 10.99.0.2');
    });

    it('goes on after the end of the stub, and meanwhile asks nobody else', async () => {
      await run('systemctl kill -s KILL mesos-doh');
      expect(await isAnswered()).toBe(false);
      await until(isAnswered, LIMIT_MS);
      expect(machine.asked('ordinary').filter((name) => name.endsWith('.mesos'))).toEqual([]);
    });

    it.each(['DNSSEC=allow-downgrade', 'DNSSEC=yes', 'DNSOverTLS=yes'])(
      'works beside %s in resolved.conf',
      async (setting) => {
        const file = '/etc/systemd/resolved.conf.d/other.conf';
        await run(`printf '[Resolve]\\n${setting}\\n' >${file}; systemctl restart systemd-resolved`);
        try {
          expect(await run('resolvectl query search.marathon.mesos')).toContain('10.0.0.7');
          expect(await run('getent hosts search.marathon.mesos')).toMatch(/^10\.0\.0\.7/);
        } finally {
          await run(`rm ${file}; systemctl restart systemd-resolved`);
        }
      },
    );

    it('connects again in place of what it wrote, for other zones', async () => {
      expect(await connect('--zone mesos --zone example.org')).toMatchObject({ code: 0 });
      expect(await run('resolvectl domain mesos0')).toMatch(/~mesos ~example\.org\n$/);
      expect(await connect()).toMatchObject({ code: 0 });
      expect(await run('resolvectl domain mesos0')).toMatch(/: ~mesos\n$/);
    });

    it('leaves what works as it is where a new URL does not answer', async () => {
      const before = await run('cat /etc/mesos-doh.env; systemctl show -p MainPID mesos-doh');
      const url = machine.url.replace('/dns-query', '/dns-qery').replace('mdt_a', 'mdt_b');
      const { code, stderr } = await connect(`--url ${url}`);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/401.*--unchecked/)]);
      expect(stderr).not.toContain('mdt_');
      expect(await run('cat /etc/mesos-doh.env; systemctl show -p MainPID mesos-doh')).toBe(before);
      expect(await isAnswered()).toBe(true);
    });

    it('connects to such a URL if told to, and says that there is no answer', async () => {
      const { code, stderr } = await connect(`--url ${machine.url.replace('mdt_a', 'mdt_b')} --unchecked`);
      expect([code, stderr]).toEqual([1, expect.stringContaining('there is no answer yet')]);
      expect(await connect()).toMatchObject({ code: 0 });
    });

    it('goes on with what works where a new one does not start', async () => {
      const before = await run('cat /etc/mesos-doh.env /etc/systemd/system/mesos-doh*.service');
      const failed = await connect('--stub-command /usr/bin/false --zone mesos --zone example.org');
      expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('is in force again')]);
      expect(await run('cat /etc/mesos-doh.env /etc/systemd/system/mesos-doh*.service')).toBe(before);
      await until(isAnswered, LIMIT_MS);
      expect(await run('resolvectl domain mesos0')).toMatch(/: ~mesos\n$/);
    });

    it('says who has the address, before anything is written', async () => {
      await run(`${CLI} connect systemd --undo`);
      const listen = 'require("dgram").createSocket("udp4").bind(5354, "127.0.0.1")';
      await run(`systemd-run --quiet --collect --unit=other /opt/node -e '${listen}'`);
      await until(async () => (await run('ss -Hlnu sport = :5354')) !== '', LIMIT_MS);
      try {
        const { code, stderr } = await connect();
        expect([code, stderr]).toEqual([
          2,
          expect.stringMatching(/127\.0\.0\.1:5354.*taken by other\.service.*--listen/),
        ]);
        expect(await run('diff -r --no-dereference /run/etc-before /etc')).toBe('');
      } finally {
        await run('systemctl stop other');
      }
      expect(await connect()).toMatchObject({ code: 0 });
    });

    it('takes back what it wrote when a unit does not start', async () => {
      await run(`${CLI} connect systemd --undo`);
      const failed = await connect('--stub-command /usr/bin/false');
      expect(failed.code).toBe(1);
      expect(failed.stderr).toContain('what was written is taken back');
      expect(await run('diff -r --no-dereference /run/etc-before /etc')).toBe('');
      expect(await connect()).toMatchObject({ code: 0 });
    });

    it('leaves nothing once it is undone', async () => {
      expect(await machine.run(`${CLI} connect systemd --undo`)).toMatchObject({ code: 0 });
      expect(await run('diff -r --no-dereference /run/etc-before /etc')).toBe('');
      expect((await machine.run('ip link show mesos0')).code).not.toBe(0);
      expect(await run('ls /var/lib')).not.toContain('mesos-doh');
      expect(await run('systemctl list-units --all --plain --no-legend "mesos*"')).toBe('');
      expect(await run('getent ahostsv4 www.example')).toMatch(/^192\.0\.2\.80/);
      expect(await machine.run(`${CLI} connect systemd --undo`)).toMatchObject({ code: 2 });
    });

    /** Packets by outcome, from the stub's start. */
    async function stubCounts(): Promise<ReadonlyMap<string, number>> {
      const text = await run(`/opt/node -e 'fetch("${METRICS}").then((r) => r.text()).then(console.log)'`);
      const counts = new Map<string, number>();
      for (const [, outcome = '', count] of text.matchAll(
        /^mesos_doh_stub_queries_total\{.*outcome="(\w+)"\} (\d+)$/gm,
      ))
        counts.set(outcome, (counts.get(outcome) ?? 0) + Number(count));
      return counts;
    }
  },
);
