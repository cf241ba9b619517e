import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Target } from '../../../connect/kit.ts';
import { systemdKit } from '../../../connect/systemd.ts';
import { ConfigError } from '../../../sync-agent/config.ts';
import { needFree } from '../../../sync-agent/connect/free-address.ts';
import { type OpenHttp, probePublic, probeZone } from '../../../sync-agent/connect/probe.ts';
import { needReady } from '../../../sync-agent/connect/ready.ts';
import { withJournal } from '../../../sync-agent/connect/unit-journal.ts';
import { createHttp } from '../../../sync-agent/http.ts';
import {
  answering,
  type Behaviour,
  failing,
  makeTls,
  startDohServer,
  type Tls,
} from '../../fakes/doh-server.ts';
import { withPrograms } from './fake-programs.ts';

const { signal } = new AbortController();
const REFUSED = 5;
const open: OpenHttp = () => createHttp();
let tls: Tls;
beforeAll(async () => {
  tls = await makeTls();
});

async function targetThat(behaviour: Behaviour): Promise<Target> {
  const server = await startDohServer({ tls, protocol: 'http', behaviour });
  onTestFinished(server.close);
  return { dohUrl: server.url, zones: ['dc1.mesos', 'mesos'] };
}

describe('asking a resolver what it is', () => {
  it.each([
    ['an answer', answering(), 'answered', undefined],
    [
      'a refusal',
      answering({ rcode: REFUSED, answers: [] }),
      'refused',
      /REFUSED to a question for example\.com/,
    ],
    ['nothing there', answering({ answers: [] }), 'unanswered', /nothing to a question for example\.com/],
    ['no such name', answering({ rcode: 3, answers: [] }), 'unanswered', /NXDOMAIN/],
    ['trouble of its own', answering({ rcode: 2, answers: [] }), 'unanswered', /SERVFAIL/],
    ['a wrong token', failing(401), 'unanswered', /the token is not taken/],
  ])('by a public name: %s', async (_, behaviour, kind, says) => {
    const probed = await probePublic(await targetThat(behaviour), { open, signal });
    expect(probed).toEqual(says === undefined ? { kind } : { kind, says: expect.stringMatching(says) });
    expect(JSON.stringify(probed)).not.toContain('mdt_');
  });

  it.each([
    ['its SOA, or none', answering({ answers: [] }), 'answered'],
    ['a refusal', answering({ rcode: REFUSED, answers: [] }), 'refused'],
    ['somebody else’s "no such name"', answering({ rcode: 3, answers: [] }), 'unanswered'],
    ['a wrong path', failing(404), 'unanswered'],
  ])('by our first zone: %s', async (_, behaviour, kind) => {
    expect(await probeZone(await targetThat(behaviour), { open, signal })).toMatchObject({ kind });
  });

  it('at each address, until there is a reply', async () => {
    const target = { ...(await targetThat(answering())), addresses: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] };
    const asked: (string | undefined)[] = [];
    const opened: OpenHttp = (_, address) => {
      asked.push(address);
      const door = createHttp();
      const request: typeof door.request = ({ url, ...rest }) =>
        address === '192.0.2.1'
          ? Promise.reject(new Error('no route'))
          : door.request({ ...rest, url: url.replace('192.0.2.2', '127.0.0.1') });
      return { ...door, request };
    };
    expect(await probeZone(target, { open: opened, signal })).toEqual({ kind: 'answered' });
    expect(asked).toEqual(['192.0.2.1', '192.0.2.2']);
  });
});

describe('before units are written', () => {
  const kitFor = (target: Target, listen: string): ReturnType<typeof systemdKit> =>
    systemdKit(target, { systemdVersion: 252, stubCommand: '/usr/bin/mesos-doh', listen });

  it('the URL has to answer for the zone, unless it is not to be asked', async () => {
    await withPrograms({ systemctl: 'exit 0', resolvectl: 'exit 0' });
    const listen = `127.0.0.1:${await freePort()}`;
    const wrong = await targetThat(failing(404));
    const ready = (target: Target, isUnchecked = false): Promise<void> =>
      needReady(kitFor(target, listen), target, { open, signal, isUnchecked });
    await expect(ready(wrong)).rejects.toThrow(/404.*Nothing was changed.*--unchecked/);
    await expect(ready(wrong, true)).resolves.toBeUndefined();
    await expect(ready(await targetThat(answering()))).resolves.toBeUndefined();
  });

  it('the address has to be free', async () => {
    await withPrograms({ systemctl: 'exit 0', resolvectl: 'exit 0' });
    const listen = await takenBy('tcp');
    const target = await targetThat(answering());
    await expect(
      needReady(kitFor(target, listen), target, { open, signal, isUnchecked: false }),
    ).rejects.toThrow(`${listen}, where the stub would listen, is taken`);
  });
});

describe('the address that the stub is to have', () => {
  it.each(['udp', 'tcp'] as const)('is told to be taken: %s', async (over) => {
    await withPrograms({ ss: `echo 'udp UNCONN 0 0 x y users:(("dnsdist",pid=999999999,fd=3))'` });
    const listen = await takenBy(over);
    const done = needFree(listen, signal);
    await expect(done).rejects.toThrow(ConfigError);
    await expect(done).rejects.toThrow(
      new RegExp(`^${listen}.* is taken by dnsdist \\(process 999999999\\).*mesos-doh-stub.*--listen`),
    );
  });

  it('is told to be none of this machine’s', async () => {
    await expect(needFree('192.0.2.1:5354', signal)).rejects.toThrow(/EADDRNOTAVAIL.*--listen/);
  });

  it.each(['127.0.0.1', '[::1]'])('is let go again where it is free: %s', async (address) => {
    const listen = `${address}:${await freePort()}`;
    await needFree(listen, signal);
    await needFree(listen, signal);
  });
});

describe('a unit that does not start', () => {
  const fails = (command: string): Promise<void> => Promise.reject(new Error(`${command}: failed`));

  it('is quoted: what it said, else what systemd said of it', async () => {
    await withPrograms({
      journalctl: `case "$1" in _SYSTEMD_UNIT=a.service) printf 'one\\n\\ntoken is wrong\\n';; --unit=b.service) echo 'b.service: killed';; esac`,
    });
    const run = withJournal(fails, signal);
    await expect(run('systemctl enable --now a.service')).rejects.toThrow(
      'systemctl enable --now a.service: failed. a.service said: one / token is wrong',
    );
    await expect(run('systemctl enable --now b.service')).rejects.toThrow('said: b.service: killed');
    await expect(run('systemctl daemon-reload')).rejects.toThrow(/^systemctl daemon-reload: failed$/);
  });

  it('is told where there is no journal, too', async () => {
    await withPrograms({ journalctl: 'exit 1' });
    await expect(withJournal(fails, signal)('systemctl enable --now a.service')).rejects.toThrow(
      /^systemctl enable --now a\.service: failed$/,
    );
  });
});

async function takenBy(over: 'udp' | 'tcp'): Promise<string> {
  if (over === 'udp') {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    return `127.0.0.1:${socket.address().port}`;
  }
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
