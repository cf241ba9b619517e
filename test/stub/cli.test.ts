import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type DohServer, makeTls, startDohServer } from '../fakes/doh-server.ts';
import { installed } from '../system/served-page.ts';
import { CLI } from '../system/run-cli.ts';
import { askTcp, askUdp, question } from './stub-stage.ts';

/** The stub as a process of its own. */
const STUB = fileURLToPath(new URL('../../stub/cli.ts', import.meta.url));

let server: DohServer;
let directory: string;
let caFile: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  const tls = await makeTls();
  server = await startDohServer({ tls });
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-stub-cli-'));
  caFile = join(directory, 'ca.pem');
  await writeFile(caFile, tls.ca);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server.close();
  await rm(directory, { recursive: true });
});

type Run = {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly says: (text: string | RegExp) => Promise<string>;
  readonly ended: Promise<number | null>;
};

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, MESOS_DOH_URL: server.url, ...env },
  });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const says = async (text: string | RegExp): Promise<string> => {
    for (let i = 0; i < 500; i++) {
      if (said.match(text)) return said;
      if (child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`never said ${String(text)} but: ${said}`);
  };
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said: () => said, says, ended };
}

const run = (args: readonly string[], env?: NodeJS.ProcessEnv): Run =>
  start(process.execPath, [STUB, '--ca', caFile, ...args], env);
const portIn = (said: string): number => Number(/"at":"udp 127\.0\.0\.1 (\d+)/.exec(said)?.[1]);

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe.concurrent('the program', () => {
  it.for(['SIGTERM', 'SIGINT'] as const)('answers, and ends with 0 at %s', async (signal, { expect }) => {
    const own = run(['--listen', '127.0.0.1:0']);
    const port = portIn(await own.says('listening'));
    expect((await askUdp(port, 'a.mesos')).addresses).toEqual(['10.1.2.3']);
    expect(await askTcp(port, [question('a.mesos')])).toHaveLength(1);
    own.child.kill(signal);
    expect(await own.ended).toBe(0);
    expect(own.said()).not.toMatch(/mdt_|a\.mesos/);
  });

  it('takes its token from a file, and logs names where it is told to', async ({ expect }) => {
    const file = join(directory, 'token');
    await writeFile(file, 'from-a-file\n');
    const own = run(['--listen', '127.0.0.1:0', '--token-file', file, '--log-queries']);
    await askUdp(portIn(await own.says('listening')), 'named.mesos');
    expect(await own.says('named.mesos')).not.toMatch(/from-a-file/);
    expect(server.seen.some(({ authorization }) => authorization === 'Bearer from-a-file')).toBe(true);
    own.child.kill();
    await own.ended;
  });

  it.for([
    [['--help'], 0, /^Usage: mesos-doh stub/],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/],
    [['--nope'], 2, /^mesos-doh stub: Unknown option '--nope'; see mesos-doh stub --help\n$/],
    [['--ca', '/nowhere/ca.pem'], 2, /--ca \/nowhere\/ca\.pem can not be read \(ENOENT\)\n$/],
    [['--ca', STUB], 2, /has no certificate in PEM in it\n$/],
    [['--token-file', '/nowhere/token'], 2, /--token-file \/nowhere\/token can not be read \(ENOENT\)\n$/],
    [
      ['--listen', '192.0.2.1:1', '--allow-remote'],
      1,
      /can not listen at 192\.0\.2\.1 port 1 \(EADDRNOTAVAIL\)/,
    ],
  ] as const)('with %j ends with %i', async ([args, code, said], { expect }) => {
    const own = run(args);
    expect([await own.ended, own.said()]).toEqual([code, expect.stringMatching(said)]);
  });

  it.for([
    [['--help'], 0, /^Usage: mesos-doh stub/],
    [['--nope'], 2, /^mesos-doh: Unknown option '--nope'/],
    [['--listen', '192.0.2.1:1', '--allow-remote'], 1, /^mesos-doh: can not listen at 192\.0\.2\.1/],
  ] as const)('as mesos-doh stub %j ends with %i', async ([args, code, said], { expect }) => {
    const own = start(process.execPath, [CLI, 'stub', ...args]);
    expect([await own.ended, own.said()]).toEqual([code, expect.stringMatching(said)]);
  });

  it('says which URL it wants', async ({ expect }) => {
    const own = run([], { MESOS_DOH_URL: '' });
    expect([await own.ended, own.said()]).toEqual([
      2,
      expect.stringMatching(/which DoH URL\? Set MESOS_DOH_URL/),
    ]);
  });
});

describe.concurrent('under systemd', () => {
  const activate = async (context: Parameters<typeof installed>[0]): Promise<string> =>
    installed(context, ['systemd-socket-activate'], ['--version']);

  it('takes a UDP socket that systemd has opened', async (context) => {
    const port = await freePort();
    const env = ['MESOS_DOH_URL', 'PATH'].flatMap((name) => ['-E', name]);
    const command = await activate(context);
    const own = start(command, [
      ...['-d', '-l', `127.0.0.1:${port}`, ...env],
      ...[process.execPath, STUB, '--ca', caFile],
    ]);
    await own.says('Listening on');
    context.expect((await askUdp(port, 'a.mesos', { id: 9, waitMs: 15_000 })).id).toBe(9);
    context.expect(own.said()).toMatch(`"at":"udp 127.0.0.1 ${port}"`);
    own.child.kill();
    context.expect(await own.ended).toBe(0);
  });

  it('takes a TCP socket that systemd has opened', async (context) => {
    const port = await freePort();
    const command = await activate(context);
    const own = start(command, [
      ...['-l', `127.0.0.1:${port}`, '-E', 'MESOS_DOH_URL', '-E', 'PATH'],
      ...[process.execPath, STUB, '--ca', caFile],
    ]);
    await own.says('Listening on');
    context.expect(await askTcp(port, [question('a.mesos'), question('b.mesos')])).toHaveLength(2);
    context.expect(own.said()).toMatch(`"at":"tcp 127.0.0.1 ${port}"`);
    own.child.kill();
    context.expect(await own.ended).toBe(0);
  });

  it('refuses a socket from it that other machines reach', async (context) => {
    const port = await freePort();
    const command = await activate(context);
    const own = start(command, [
      ...['-d', '-l', `0.0.0.0:${port}`, '-E', 'MESOS_DOH_URL', '-E', 'PATH'],
      ...[process.execPath, STUB, '--ca', caFile],
    ]);
    await own.says('Listening on');
    const socket = createSocket('udp4');
    socket.send(question('a.mesos'), port, '127.0.0.1');
    context.expect(await own.ended).toBe(1);
    socket.close();
    context.expect(own.said()).toMatch(/0\.0\.0\.0 can be reached from other machines: say --allow-remote/);
  });

  it('says when it is ready, that it lives, and that it stops', async ({ expect }) => {
    const bin = await mkdtemp(join(directory, 'bin-'));
    const told = join(bin, 'told');
    await writeFile(join(bin, 'systemd-notify'), `#!/bin/sh\necho "$@" >> '${told}'\n`);
    await chmod(join(bin, 'systemd-notify'), 0o755);
    const own = run(['--listen', '127.0.0.1:0'], {
      NOTIFY_SOCKET: join(bin, 'socket'),
      WATCHDOG_USEC: '300000',
      PATH: `${bin}${delimiter}${process.env['PATH']}`,
    });
    await own.says('listening');
    await new Promise((resolve) => setTimeout(resolve, 400));
    own.child.kill();
    expect(await own.ended).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const lines = (await readFile(told, 'utf8')).trim().split('\n');
    expect(lines[0]).toMatch(/^--ready --status=answers all at udp 127\.0\.0\.1/);
    expect(lines).toContain('WATCHDOG=1');
    expect(lines).toContain('STOPPING=1');
  });

  it('goes on where systemd-notify is missing', async ({ expect }) => {
    const own = run(['--listen', '127.0.0.1:0'], {
      NOTIFY_SOCKET: join(directory, 'no-socket'),
      PATH: '/nowhere',
    });
    const port = portIn(await own.says('listening'));
    await own.says('systemd-notify can not be run');
    expect((await askUdp(port, 'a.mesos')).rcode).toBe('NOERROR');
    own.child.kill();
    expect(await own.ended).toBe(0);
  });
});
