import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { renderAnswer } from '../../sync-agent/commands/ctl.ts';
import { ConfigError } from '../../sync-agent/config.ts';
import { askAgent, ControlError } from '../../sync-agent/control/client.ts';
import { type Controls, openControlServer } from '../../sync-agent/control/server.ts';

const signal = new AbortController().signal;

async function createDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-ctl-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function createControls(more: Partial<Controls> = {}): Controls & { readonly ordered: string[] } {
  const ordered: string[] = [];
  const does = (name: string) => async (): Promise<unknown> => {
    ordered.push(name);
    return { did: name, serial: 5 };
  };
  return {
    ordered,
    status: does('status'),
    held: does('held'),
    release: does('release'),
    force: does('force'),
    sync: does('sync'),
    unpin: does('unpin'),
    rollback: async (serial) => {
      ordered.push(`rollback ${serial}`);
      return { serial: 9, changes: 2 };
    },
    ...more,
  };
}

async function open(dataDir: string, controls: Controls = createControls()): Promise<string> {
  const server = await openControlServer(dataDir, controls);
  onTestFinished(() => server.close());
  return server.path;
}

describe('the control socket', () => {
  it('passes questions and orders on, and their answers back', async () => {
    const dataDir = await createDirectory();
    const controls = createControls();
    await open(dataDir, controls);
    for (const path of ['/status', '/held'] as const)
      expect(await askAgent(dataDir, { path }, signal)).toEqual({ did: path.slice(1), serial: 5 });
    for (const path of ['/sync', '/release', '/force', '/unpin'] as const)
      expect(await askAgent(dataDir, { path }, signal)).toEqual({ did: path.slice(1), serial: 5 });
    const order = { path: '/rollback', body: { serial: 1_781_000_000 } } as const;
    expect(await askAgent(dataDir, order, signal)).toEqual({ serial: 9, changes: 2 });
    expect(controls.ordered).toEqual([
      'status',
      'held',
      'sync',
      'release',
      'force',
      'unpin',
      'rollback 1781000000',
    ]);
  });

  it("gives the agent's own words where it refuses", async () => {
    const dataDir = await createDirectory();
    const rollback = async (serial: number): Promise<never> => {
      throw new Error(`serial ${serial} is not kept`);
    };
    await open(dataDir, createControls({ rollback }));
    const refused = askAgent(dataDir, { path: '/rollback', body: { serial: 3 } }, signal);
    await expect(refused).rejects.toThrow(ControlError);
    await expect(refused).rejects.toThrow(/^serial 3 is not kept$/);
  });

  it.each([-1, 1.5, 2 ** 32, Number.NaN])('refuses %s as a serial', async (serial) => {
    const dataDir = await createDirectory();
    const controls = createControls();
    await open(dataDir, controls);
    await expect(askAgent(dataDir, { path: '/rollback', body: { serial } }, signal)).rejects.toThrow(
      'rollback wants {"serial": N}',
    );
    expect(controls.ordered).toEqual([]);
  });

  it('is its owner’s alone from the beginning, and gone after close', async () => {
    const dataDir = await createDirectory();
    const server = await openControlServer(join(dataDir, 'new'), createControls());
    expect((await stat(server.path)).mode & 0o777).toBe(0o600);
    await server.close();
    expect(await readdir(join(dataDir, 'new'))).toEqual([]);
    expect(await askAgent(join(dataDir, 'new'), { path: '/status' }, signal)).toBeUndefined();
  });

  it('refuses a data directory that another agent has, and does not disturb it', async () => {
    const dataDir = await createDirectory();
    await open(dataDir);
    const second = openControlServer(dataDir, createControls());
    await expect(second).rejects.toThrow(ConfigError);
    await expect(second).rejects.toThrow(`another agent runs with this data directory (${dataDir})`);
    expect(await askAgent(dataDir, { path: '/status' }, signal)).toMatchObject({ did: 'status' });
  });

  it('replaces what a killed agent left', async () => {
    const dataDir = await createDirectory();
    const path = join(dataDir, 'agent.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((resolve) => spawn(process.execPath, ['-e', script]).once('exit', resolve));
    expect((await stat(path)).isSocket()).toBe(true);
    expect(await askAgent(dataDir, { path: '/status' }, signal)).toBeUndefined();
    await open(dataDir);
    expect(await askAgent(dataDir, { path: '/status' }, signal)).toMatchObject({ did: 'status' });
  });

  it('says how long a path may be', async () => {
    const long = join(await createDirectory(), 'x'.repeat(90));
    const expected =
      /agent\.sock has a path of \d+ octets, and 10[37] is the most .* choose a shorter dataDir$/;
    await expect(openControlServer(long, createControls())).rejects.toThrow(expected);
    await expect(askAgent(long, { path: '/status' }, signal)).rejects.toThrow(ConfigError);
    const fits = join(tmpdir(), 'é'.repeat(1));
    onTestFinished(() => rm(fits, { recursive: true, force: true }));
    await open(fits);
  });

  it('says what stands in its way', async () => {
    const directory = await createDirectory();
    await writeFile(join(directory, 'file'), '');
    await expect(openControlServer(join(directory, 'file'), createControls())).rejects.toThrow(
      /^the control socket .*file\/agent\.sock can not be opened \((?:EEXIST|ENOTDIR)\)$/,
    );
  });

  it('ends what is under way when it closes', async () => {
    const dataDir = await createDirectory();
    const status = (): Promise<unknown> => new Promise(() => undefined);
    const server = await openControlServer(dataDir, createControls({ status }));
    const asking = askAgent(dataDir, { path: '/status' }, signal).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.close();
    expect(await asking).toBeInstanceOf(ControlError);
  });
});

describe('the client', () => {
  const serve = async (body: string, status = 200): Promise<string> => {
    const dataDir = await createDirectory();
    const server = createServer((_, response) => void response.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(join(dataDir, 'agent.sock'), resolve));
    onTestFinished(() => void server.close());
    return dataDir;
  };

  it('says when an answer makes no sense', async () => {
    await expect(askAgent(await serve('{}'), { path: '/unpin' }, signal)).rejects.toThrow(
      "the agent's answer to /unpin makes no sense: is it another version?",
    );
    await expect(askAgent(await serve('oops', 500), { path: '/held' }, signal)).rejects.toThrow(
      'the agent answered /held with HTTP 500',
    );
  });

  it('gives up with the signal', async () => {
    const dataDir = await createDirectory();
    const silent = createSocketServer();
    await new Promise<void>((resolve) => silent.listen(join(dataDir, 'agent.sock'), resolve));
    onTestFinished(() => void silent.close());
    const stop = new AbortController();
    const asking = askAgent(dataDir, { path: '/status' }, stop.signal);
    const reason = new Error('enough');
    setTimeout(() => stop.abort(reason), 20);
    await expect(asking).rejects.toBe(reason);
  });
});

describe('an answer for people', () => {
  it('is a line for each value', () => {
    const answer = {
      role: 'writer',
      epoch: null,
      held: [{ scope: 'framework marathon', missing: 3 }, 'x\u001b[31m'],
      none: [],
      times: { read: 1 },
    };
    expect(renderAnswer(answer)).toBe(
      [
        'role: writer',
        'epoch: -',
        'held:',
        '  - scope: framework marathon',
        '    missing: 3',
        '  - x\uFFFD[31m',
        'none:',
        '  none',
        'times:',
        '  read: 1',
        '',
      ].join('\n'),
    );
  });
});
