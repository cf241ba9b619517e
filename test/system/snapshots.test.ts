import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli, type Running, startCli } from './run-cli.ts';

let directory: string;
let running: Running | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-snapshots-'));
});
afterEach(async () => {
  if (running?.child.exitCode === null) await running.interrupt();
  running = undefined;
  await rm(directory, { recursive: true, force: true });
});

const pid = (ip: string): string => `master@${ip}:5050`;
const stateOf = (ip: string): object => ({
  ...{ version: '1.11.0', hostname: 'localhost', pid: pid(ip), leader: pid(ip) },
  ...{ slaves: [], frameworks: [{ id: 'f', name: 'marathon', hostname: ip, active: true, tasks: [] }] },
});

describe('history and rollback', () => {
  it('are of each zone and variant, by --zone and --variant', async () => {
    const file = join(directory, 'config.json');
    const dataDir = join(directory, 'data');
    const reverse = { zones: ['10.in-addr.arpa'] };
    await writeFile(file, JSON.stringify({ reverse, variants: { out: {} }, dataDir }));
    const place = ['--config', file, '--sink-dir', join(directory, 'sink')];
    const state = join(directory, 'state.json');
    const publish = async (ip: string): Promise<void> => {
      await writeFile(state, JSON.stringify(stateOf(ip)));
      const done = await runCli(['sync', '--once', '--force', '--state', state, ...place]);
      expect(done.code).toBe(0);
    };
    const leader = async (variant: string): Promise<string> => {
      const told = await runCli(['records', '--variant', variant, ...place]);
      return JSON.parse(told.stdout).A['leader.mesos.']?.[0];
    };
    const kept = async (...which: string[]): Promise<{ kept: { serial: number }[]; pushes: unknown[] }> =>
      JSON.parse((await runCli(['history', '--json', ...which, ...place])).stdout);
    await publish('10.0.0.1');
    await publish('10.0.0.2');

    const [own, same, out, reversed] = await Promise.all([
      kept(),
      kept('--zone', 'Mesos.', '--variant', 'main'),
      kept('--variant', 'out'),
      kept('--zone', '10.in-addr.arpa'),
    ]);
    expect([own.kept.length, own.pushes.length]).toEqual([1, 2]);
    // The change log is of the main zone and variant.
    expect([out.kept.length, out.pushes.length]).toEqual([1, 0]);
    expect(same).toEqual(own);
    expect(reversed.pushes).toEqual([]);

    const serial = String(out.kept[0]?.serial);
    const rolled = await runCli(['rollback', serial, '--variant', 'out', ...place]);
    expect(rolled.stdout).toContain('it stays until: mesos-doh rollback --release --variant out');
    expect(rolled.stdout).not.toContain('not rolled back');
    expect(await leader('out')).toBe('10.0.0.1');
    await publish('10.0.0.3');
    expect(await Promise.all([leader('main'), leader('out')])).toEqual(['10.0.0.3', '10.0.0.1']);

    const release = ['rollback', '--release', '--variant', 'out', ...place];
    expect((await runCli(release)).stdout).toContain("the agent's next round publishes the cluster again");
    expect((await runCli(release)).stderr).toContain(
      'no rollback of mesos out is in force; nothing was changed',
    );
    await publish('10.0.0.3');
    expect(await leader('out')).toBe('10.0.0.3');

    const mainSerial = String((await kept()).kept[0]?.serial);
    const releaseMain = ['rollback', '--release', '--state', state, ...place];
    const nothing = 'no rollback is in force; nothing was changed';
    expect(await runCli(releaseMain)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(nothing),
    });
    const rolledBack = await runCli(['rollback', mainSerial, '--state', state, ...place]);
    expect(rolledBack.code).toBe(0);
    expect(rolledBack.stdout).toContain('not rolled back: variants out follow the cluster');
    expect(rolledBack.stdout).toContain("follows it with the agent's next round: 10.in-addr.arpa");
    expect((await runCli(releaseMain)).stdout).toContain('released: the cluster is published again');

    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await runCli([...args, ...place]);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused('history', '--zone', 'x')).toContain('configuration has mesos, 10.in-addr.arpa');
    expect(await refused('rollback', serial, '--variant', 'x')).toContain('the configuration has main, out');

    // Beside an agent that runs only that agent may write.
    running = startCli(['sync', '--state', state, ...place]);
    // Before it has the data directory a command may take it, and the agent would end.
    const isThere = async (): Promise<number | null> =>
      (await runCli(['ctl', 'status', '--config', file])).code;
    await expect.poll(isThere, { timeout: 30_000 }).toBe(0);
    expect(await refused('rollback', serial, '--variant', 'out')).toContain(
      'stop it, roll back, and start it again',
    );
    const refusedByAgent = await runCli(['rollback', '--release', ...place]);
    expect(refusedByAgent).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(nothing) });
    const beside = await runCli(['rollback', mainSerial, ...place]);
    expect(beside.stdout).toContain('it stays until: mesos-doh rollback --release');
    expect((await runCli(['rollback', '--release', ...place])).stdout).toContain('released: ');
  }, 90_000);
});
