import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCluster } from '../../simulate/cluster.ts';
import { stateOf } from '../../simulate/state.ts';
import { encodeQuestion } from '../message.ts';
import { runCli, type Running, startCli } from './run-cli.ts';

/** `mesos-doh up` as a newcomer meets it: built Worker in workerd, local KV, real processes. */
let directory: string;
let running: Running | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-up-'));
});
afterEach(async () => {
  // Not SIGKILL: workerd would outlive it.
  if (running?.child.exitCode === null) await running.interrupt();
  running = undefined;
  await rm(directory, { recursive: true, force: true });
});

async function startUp(...args: string[]): Promise<{ url: string; up: Running }> {
  const up = startCli(['up', '--port', '0', '--data-dir', join(directory, 'data'), '--no-upstream', ...args]);
  running = up;
  await up.says('ready\n');
  const url = /DoH URL\s+(\S+)\/dns-query/.exec(up.stdout())?.[1] ?? '';
  return { url, up };
}

async function addresses(url: string, name: string): Promise<{ rcode: string; data: string[] }> {
  const dns = Buffer.from(encodeQuestion({ name, type: 1 })).toString('base64url');
  const response = await fetch(`${url}/dns-query?dns=${dns}`);
  const reply = decode(Buffer.from(await response.arrayBuffer()));
  const data = (reply.answers ?? []).map((answer) => ('data' in answer ? String(answer.data) : ''));
  return { rcode: 'rcode' in reply ? String(reply.rcode) : '', data: data.toSorted() };
}

const shell = promisify(execFile);

describe('mesos-doh up', () => {
  it('brings up a simulated cluster, prints commands that work, and ends within two seconds', async () => {
    const { url, up } = await startUp();
    expect((await addresses(url, 'search.marathon.mesos')).data.length).toBeGreaterThanOrEqual(3);

    const line = (label: string): string =>
      new RegExp(`^  ${label}\\s+(.*)$`, 'm').exec(up.stdout())?.[1] ?? '';
    const [curl, lookup, browser] = [line('curl'), line('look up'), line('browser')];
    // Where curl is absent (a bare machine) its line is not tried; CI installs it.
    const hasCurl = await shell('sh', ['-c', 'command -v curl']).then(
      () => true,
      () => false,
    );
    if (hasCurl) expect((await shell('sh', ['-c', curl])).stdout).toMatch(/marathon/);
    expect(lookup).toMatch(/^npx mesos-doh lookup /);
    const asked = await runCli(lookup.split(' ').slice(2));
    expect(asked.stdout).toMatch(/search\.marathon\.mesos\.\t\d+\tIN\tA\t10\./);
    const page = await (await fetch(browser)).text();
    expect(page).toMatch(/search\.marathon\.mesos <span>A<\/span>.*<td>\s*10\.\d+\.\d+\.\d+/s);

    const ended = await up.interrupt();
    expect(ended.code).toBe(0);
    expect(ended.elapsedMs).toBeLessThan(2_000);
    expect(ended.stderr).not.toMatch(/error|Error|\bat /);
  });

  it('answers from what an earlier run published, and changes with the state file', async () => {
    const stateFile = join(directory, 'state.json');
    const cluster = createCluster({ seed: 7, agents: 3, tasks: 20 });
    const master = { id: 'm', ip: '10.0.0.1', port: 5050, hostname: 'm', electedSeconds: 1 };
    await writeFile(stateFile, JSON.stringify(stateOf(cluster.snapshot(), master)));
    const first = await startUp('--state', stateFile);
    const before = await addresses(first.url, 'search.marathon.mesos');
    expect(before.rcode).toBe('NOERROR');
    const serial = /serial (\d+)/.exec(first.up.stdout())?.[1];

    const app = cluster.apps[0];
    if (!app) throw new Error('the simulated cluster has no app');
    for (let i = 0; i < 3; i++) cluster.startTask(app, { atSeconds: 2, state: 'TASK_RUNNING' });
    await writeFile(stateFile, JSON.stringify(stateOf(cluster.snapshot(), master)));
    await expect
      .poll(async () => (await addresses(first.url, '_search._tcp.marathon.mesos')).rcode, { timeout: 5_000 })
      .toBe('NOERROR');
    const srvCount = async (): Promise<number> => {
      const dns = Buffer.from(encodeQuestion({ name: '_search._tcp.marathon.mesos', type: 33 })).toString(
        'base64url',
      );
      const reply = decode(
        Buffer.from(await (await fetch(`${first.url}/dns-query?dns=${dns}`)).arrayBuffer()),
      );
      return reply.answers?.length ?? 0;
    };
    await expect.poll(srvCount, { timeout: 8_000 }).toBe(before.data.length + 3);
    expect((await first.up.interrupt()).code).toBe(0);

    // A state that gives nothing does not stop the Worker from serving what is there.
    const again = await startUp('--state', stateFile);
    expect(/serial (\d+)/.exec(again.up.stdout())?.[1]).not.toBe(undefined);
    expect(Number(/serial (\d+)/.exec(again.up.stdout())?.[1])).toBeGreaterThan(Number(serial));
    expect((await addresses(again.url, 'leader.mesos')).data).toEqual(['10.0.0.1']);
  });

  it('keeps the last good names when the state file breaks, and says so', async () => {
    const stateFile = join(directory, 'state.json');
    await writeFile(
      stateFile,
      JSON.stringify({ leader: 'master@10.0.0.9:5050', slaves: [], frameworks: [] }),
    );
    const { url, up } = await startUp('--state', stateFile);
    await writeFile(stateFile, '{"leader":');
    await expect.poll(() => up.stderr(), { timeout: 5_000 }).toMatch(/state\.json: .*cut off/);
    expect(await addresses(url, 'leader.mesos')).toEqual({ rcode: 'NOERROR', data: ['10.0.0.9'] });
  });

  it.each([
    ['an absent state file', ['--state', 'absent.json'], 1, /absent\.json: there is no such file/],
    ['a directory as state', ['--state', '.'], 1, /it is a directory/],
    [
      'a master that refuses',
      ['--master', 'http://127.0.0.1:1'],
      1,
      /no master gave a state: .*127\.0\.0\.1:1.*refused/,
    ],
    ['no master at all in a URL', ['--master', 'ftp://x'], 2, /masters/],
    ['a configuration that is not there', ['--config', 'absent.json'], 2, /absent\.json can not be read/],
    ['a flag with a slip', ['--prot', '1'], 2, /--port/],
  ])('says in one line what is wrong: %s', async (_, args, code, message) => {
    const ended = await runCli(['up', '--port', '0', '--data-dir', join(directory, 'data'), ...args], {
      cwd: directory,
    });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe('');
  });

  it('says that a port is taken and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ended = await runCli(['up', '--port', String(port), '--data-dir', join(directory, 'data')]);
    server.close();
    expect(ended.stderr).toBe(
      `mesos-doh: port ${port} is taken: stop what uses it, or choose another with --port\n`,
    );
    expect(ended.code).toBe(1);
  });

  it('leaves a data directory to the process that has it', async () => {
    const { up } = await startUp();
    const second = await runCli(['up', '--port', '0', '--data-dir', join(directory, 'data')]);
    expect(second.stderr).toMatch(
      new RegExp(`is in use by process ${up.child.pid}; --data-dir names another`),
    );
    expect(second.code).toBe(2);
  });

  it('keeps its signing key to its owner', async () => {
    await startUp();
    expect(await readFile(join(directory, 'data', 'signing.pem'), 'utf8')).toMatch(
      /^-----BEGIN PRIVATE KEY-----/,
    );
  });

  it('serves a merged zone and an alias of its own cluster and of what another agent publishes', async () => {
    const there = join(directory, 'dc2');
    const other = join(directory, 'dc2.json');
    await writeFile(other, JSON.stringify({ domain: 'dc2.mesos', dataDir: join(directory, 'data2') }));
    const own = join(directory, 'dc1.json');
    await writeFile(own, JSON.stringify({ domain: 'dc1.mesos' }));
    const stateFile = join(directory, 'state.json');
    const cluster = createCluster({ seed: 9, agents: 2, tasks: 4 });
    const master = { id: 'm', ip: '10.0.0.77', port: 5050, hostname: 'm', electedSeconds: 1 };
    const publish = async (ip: string): Promise<string> => {
      const pid = `master@${ip}:5050`;
      const state = stateOf(cluster.snapshot(), { ...master, ip });
      await writeFile(stateFile, JSON.stringify({ ...state, pid, leader: pid }));
      const args = [
        'sync',
        '--once',
        '--force',
        '--state',
        stateFile,
        '--config',
        other,
        '--sink-dir',
        there,
      ];
      return (await runCli(args)).stderr;
    };
    const key = /VERIFY_KEYS=(\S+)/.exec(await publish('10.0.0.77'))?.[1] ?? '';
    const { url, up } = await startUp(
      ...['--config', own, '--also-sink-dir', there, '--verify-key', key],
      ...['--merged', 'mesos=dc2.mesos,dc1.mesos', '--aliases', 'cluster.example=mesos'],
    );
    expect((await addresses(url, 'leader.dc2.mesos')).data).toEqual(['10.0.0.77']);
    expect((await addresses(url, 'leader.mesos')).data).toEqual(['10.0.0.77']);
    expect((await addresses(url, 'leader.cluster.example')).data).toEqual(['10.0.0.77']);
    expect((await addresses(url, 'leader.dc1.mesos')).data).not.toEqual(['10.0.0.77']);

    await publish('10.0.0.78');
    await expect
      .poll(async () => (await addresses(url, 'leader.mesos')).data, { timeout: 10_000 })
      .toEqual(['10.0.0.78']);
    expect((await up.interrupt()).code).toBe(0);
  }, 60_000);

  it('says at once which of the Worker’s variables it can not use', async () => {
    const data = join(directory, 'data');
    const wrong = ['up', '--port', '0', '--data-dir', data, '--no-upstream', '--merged', 'all=nowhere'];
    const { code, stderr } = await runCli(wrong);
    expect(code).toBe(1);
    expect(stderr).toContain('MERGED: has the member nowhere, which ZONES has not');
    expect(stderr).toContain('the Worker can not use what it was given');
    expect(stderr).not.toMatch(/FormatError|^ +at /m);
    const lost = await runCli([
      'up',
      '--port',
      '0',
      '--data-dir',
      data,
      '--also-sink-dir',
      join(directory, 'none'),
    ]);
    expect(lost.code).toBe(2);
    expect(lost.stderr).toContain('has no zone: let an agent publish there first');
  });
});
