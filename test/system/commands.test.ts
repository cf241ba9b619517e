import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goldenCases, type GoldenCase } from '../golden.ts';
import { CLI, type Finished, runCli, startCli } from './run-cli.ts';

/** The commands in processes of their own, on vectors, files and a simulated master. */
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-commands-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Finished> => runCli(args, { cwd: directory });

function golden(id: string): GoldenCase {
  const found = goldenCases().find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no vector ${id}`);
  return found;
}

/** The vector as the files a person would have. */
async function filesOf(vector: GoldenCase): Promise<string[]> {
  await writeFile(join(directory, 'state.json'), JSON.stringify(vector.state));
  await writeFile(join(directory, 'mesos-dns.json'), JSON.stringify(vector.config));
  await writeFile(join(directory, 'hosts.json'), JSON.stringify(vector.hosts));
  const local =
    vector.localAddresses.length > 0 ? ['--local-addresses', vector.localAddresses.join(',')] : [];
  return ['--state', 'state.json', '--mesos-dns-config', 'mesos-dns.json', '--hosts', 'hosts.json', ...local];
}

function sortedRecords(records: GoldenCase['records']): unknown {
  const sorted = (type: 'A' | 'AAAA' | 'SRV'): unknown =>
    Object.fromEntries(
      Object.entries(records?.[type] ?? {}).map(([name, values]) => [name, values.toSorted()]),
    );
  return { A: sorted('A'), AAAA: sorted('AAAA'), SRV: sorted('SRV') };
}

describe('records', () => {
  it.each(['frameworks-1', 'listeners-3', 'masters-more-1', 'raw-discovery-names-2'])(
    'prints vector %s',
    async (id) => {
      const vector = golden(id);
      const ended = await run('records', ...(await filesOf(vector)));
      expect(ended.code).toBe(0);
      expect(JSON.parse(ended.stdout)).toEqual(sortedRecords(vector.records));
      const names = Object.keys(JSON.parse(ended.stdout).A);
      expect(names).toEqual(names.toSorted());
    },
  );

  it('publishes the rest of a state that mesos-dns refuses, and names the bad element on stderr', async () => {
    const vector = golden('rejections-1/8');
    const ended = await run('records', ...(await filesOf(vector)));
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/skipped \(task-field\): task a\.\S+: name: is number 5 instead of a text/);
    expect(JSON.parse(ended.stdout).A['leader.mesos.']).toEqual(['10.0.0.1']);
  });

  it.each([
    ['a state that is a list', '[]', /state\.json: state: is a list instead of an object/],
    ['a state that is no JSON', '// saved by a browser\n{}', /is not JSON/],
    ['a state that is cut off', '{"slaves":[{', /is cut off/],
  ])('refuses %s in one line', async (_, text, message) => {
    await writeFile(join(directory, 'state.json'), text);
    const ended = await run('records', '--state', 'state.json');
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says what a mesos-dns configuration means and does not get, once it is all read', async () => {
    const [theirs, own, state] = ['theirs.json', 'own.json', 'state.json'].map((name) =>
      join(directory, name),
    );
    if (theirs === undefined || own === undefined || state === undefined) throw new Error('no paths');
    await writeFile(theirs, JSON.stringify({ externalon: false }));
    await writeFile(own, JSON.stringify({ records: { nameServerAddresses: ['10.0.0.53'] } }));
    await writeFile(state, JSON.stringify({ slaves: [], frameworks: [] }));
    const from = ['records', '--state', state, '--mesos-dns-config', theirs];
    const [bare, whole] = await Promise.all([runCli(from), runCli([...from, '--config', own])]);
    expect(bare.stderr).toContain(`${theirs}: listener is 0.0.0.0`);
    expect(bare.stderr).toContain(`${theirs}: externalon is false`);
    expect(whole.stderr).not.toContain('listener');
  });

  it('tells the nearest key of a mesos-dns or own configuration', async () => {
    await writeFile(join(directory, 'own.json'), '{"records":{"tll":5}}');
    const own = await run('records', '--state', 'x', '--config', 'own.json');
    expect(own.stderr).toBe('mesos-doh: own.json: unknown key records.tll (did you mean ttl?)\n');
    expect(own.code).toBe(2);
    await writeFile(join(directory, 'theirs.json'), '{"masters":["10.0.0.1:5050"],"TTLL":5}');
    await writeFile(join(directory, 'state.json'), '{}');
    const theirs = await run('records', '--state', 'state.json', '--mesos-dns-config', 'theirs.json');
    expect(theirs.stderr).toMatch(/TTLL is ignored: mesos-dns has no such key \(did you mean ttl\?\)/);
  });
});

it('records --skipped names all that is left out, a line each', async () => {
  const tasks = Array.from({ length: 9 }, (_, i) => ({
    ...{ id: `t${i}`, name: `t${i}`, state: 'TASK_RUNNING', slave_id: 'S', statuses: [] },
    labels: [{ key: 'mesos-doh.ttl', value: 'abc\n' }],
  }));
  const frameworks = [{ id: 'f', name: 'marathon', active: true, tasks }];
  const slaves = [{ id: 'S', pid: 'slave(1)@10.0.0.1:5051', hostname: 'h' }];
  await writeFile(join(directory, 'state.json'), JSON.stringify({ slaves, frameworks }));
  await writeFile(join(directory, 'config.json'), '{"records":{"labels":"read"}}');
  const input = ['--state', 'state.json', '--config', 'config.json'];
  const all = await run('records', ...input, '--skipped');
  expect(all.code).toBe(0);
  const told = all.stdout.split('\n').filter((line) => line.startsWith('task-label: '));
  expect(told).toHaveLength(9);
  expect(told[8]).toContain('task "t8" of framework "marathon": label mesos-doh.ttl: "abc" is no number');
  expect(all.stdout).not.toContain('{"A"');
  const cut = await run('records', ...input);
  expect(cut.stderr).toContain('(task-label): and 4 more (mesos-doh records --skipped names all)');
  expect(JSON.parse(cut.stdout).A['t8.marathon.mesos.']).toEqual(['10.0.0.1']);
  const why = await run('explain', 'none.mesos', ...input);
  expect(why.stdout).toMatch(/Reported beside it: \d+; mesos-doh records --skipped names them/);
});

describe('sync to a directory', () => {
  it('publishes once, writes nothing for an unchanged cluster, and is read back with its signature checked', async () => {
    const vector = golden('basic-2');
    const input = await filesOf(vector);
    const publish = ['sync', ...input, '--sink-dir', 'out', '--once'];
    const dry = await run(...publish, '--dry-run');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toMatch(/would be written/);
    // Neither the sink nor a key: the data directory would be here.
    expect((await readdir(directory)).toSorted()).toEqual(['hosts.json', 'mesos-dns.json', 'state.json']);

    const first = await run(...publish);
    expect(first.stdout).toMatch(/^serial \d+: \d+ names changed; 2 keys, \d+ octets, written\n$/);
    const written = await readdir(join(directory, 'out'));
    expect(written.filter((name) => !name.endsWith('.meta.json')).toSorted()[0]).toBe(
      'z%2Fmesos%2Fmain%2Fhead',
    );
    const again = await run(...publish);
    expect(again.stdout).toMatch(/unchanged, nothing written/);
    expect(await readdir(join(directory, 'out'))).toEqual(written);

    const back = await run('records', '--sink-dir', 'out');
    expect(JSON.parse(back.stdout)).toEqual(sortedRecords(vector.records));
    expect(back.stderr).toMatch(/^mesos-doh: zone mesos, serial \d+, \d+ s old\n$/);

    const other = await run(
      'records',
      '--sink-dir',
      'out',
      '--verify-key',
      Buffer.alloc(32, 1).toString('base64'),
    );
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toMatch(/signed by key [0-9a-f]{16}, which is not trusted here/);

    await rm(join(directory, '.mesos-doh'), { recursive: true });
    const stranger = await run(...publish);
    expect(stranger).toMatchObject({ code: 2, stdout: '' });
    expect(stranger.stderr).toMatch(/holds zone mesos signed with key [0-9a-f]{16}; .*--new-key/);
    const takenOver = await run(...publish, '--new-key');
    expect(takenOver).toMatchObject({ code: 0 });

    const head = join(directory, 'out', 'z%2Fmesos%2Fmain%2Fhead');
    const octets = await readFile(head);
    octets[octets.length - 1] = (octets[octets.length - 1] ?? 0) ^ 1;
    await writeFile(head, octets);
    const forged = await run('records', '--sink-dir', 'out');
    expect(forged).toMatchObject({ code: 1, stdout: '' });
    expect(forged.stderr).toMatch(/body other than the one its root vouches for/);
  });

  it.each([
    [['simulate', '--masters', '0'], /at least 1/],
    [['simulate', '--port', '70000'], /a port/],
    [['up', '--upstream', 'nope'], /a DoH URL/],
    [['up', '--merged', 'mesos'], /--merged mesos: its = is missing: give --merged ZONE=MEMBER,MEMBER/],
    [['up', '--aliases', 'mesos,x=mesos'], /--aliases mesos,x=mesos: its = is missing/],
    [['up', '--merged-prefer', ''], /--merged-prefer : its = is missing/],
    [['records', '--sink-dir', '.', '--skipped'], /--skipped is what is left out/],
    [['records', '--state', 'https://'], /--state: https:\/\/ is no URL/],
    [
      ['records', '--state', 'x', '--master', '10.0.0.1:5050'],
      /give one of --state, --axfr, and --master or --zk/,
    ],
    [['records', '--sink-dir', 'absent', '--verify-key', 'AAAA'], /directory absent does not exist/],
  ])('refuses %j', async (args, message) => {
    const ended = await run(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(message);
  });

  it('says what is missing', async () => {
    const nowhere = await run('sync', '--master', 'http://127.0.0.1:1');
    expect(nowhere.stderr).toMatch(/nowhere to publish is named/);
    expect(nowhere.code).toBe(2);
    const nothing = await run('sync', '--sink-dir', 'out');
    expect(nothing.stderr).toMatch(/no cluster is named/);
    expect(nothing.code).toBe(2);
  });
});

describe('simulate and sync as daemons', () => {
  it('follows a redirect to the leader, publishes changes, and stops cleanly', async () => {
    const masters = startCli([
      'simulate',
      '--port',
      '0',
      '--masters',
      '2',
      '--churn-per-second',
      '20',
      '--tasks',
      '60',
    ]);
    await masters.says('ready\n');
    const [, follower = ''] = masters.stdout().match(/http:\S+(?=\/state)/g) ?? [];
    await writeFile(join(directory, 'config.json'), '{"minPushSeconds":1,"mesos":{"pollSeconds":1}}');
    const agent = startCli(['sync', '--config', 'config.json', '--master', follower, '--sink-dir', 'out'], {
      cwd: directory,
    });
    const pushes = (): unknown[] =>
      agent
        .stderr()
        .split('\n')
        .filter((line) => line.includes('"published"'))
        .map((line) => JSON.parse(line));
    await expect.poll(() => pushes().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    const stopped = await agent.interrupt();
    expect(stopped.code).toBe(0);
    expect(stopped.elapsedMs).toBeLessThan(2_000);
    expect((await masters.interrupt()).code).toBe(0);
    const back = await run('records', '--sink-dir', 'out');
    expect(JSON.parse(back.stdout).A['search.marathon.mesos.'].length).toBeGreaterThanOrEqual(3);
  });
});

describe('records into a pipe that closes', () => {
  it('ends without a word', async () => {
    const vector = golden('random-medium-1');
    const input = (await filesOf(vector)).join(' ');
    const { stdout, stderr } = await promisify(execFile)(
      'sh',
      ['-c', `"${process.execPath}" "${CLI}" records ${input} | head -c 20`],
      { cwd: directory },
    );
    expect(stdout).toHaveLength(20);
    expect(stderr).not.toMatch(/EPIPE|\n\s+at /);
  });
});

describe('help', () => {
  it.each([[], ['up'], ['sync'], ['records'], ['lookup'], ['simulate']])(
    'has examples and ends with 0: %s',
    async (...command) => {
      const ended = await run(...command.filter(Boolean), '--help');
      expect(ended.code).toBe(0);
      if (command.length > 0) expect(ended.stdout).toMatch(/Examples:\n {2}\S*/);
    },
  );

  it('names the nearest command', async () => {
    const ended = await run('recrods');
    expect(ended.stderr).toMatch(/Did you mean records\?/);
    expect(ended.code).toBe(2);
  });

  it('lookup says that nobody answers', async () => {
    const ended = await run('lookup', 'x.mesos', '--url', 'http://127.0.0.1:1/dns-query');
    expect(ended.stderr).toMatch(/127\.0\.0\.1:1.*connection refused/);
    expect(ended.code).toBe(1);
    expect((await run('lookup', `${'a'.repeat(64)}.mesos`)).code).toBe(2);
    expect((await run('lookup', 'x.mesos', 'BOGUS')).code).toBe(2);
    expect((await run('lookup', 'x.mesos', '--url', 'nope')).stderr).toMatch(/--url.*should be a URL/);
  });
});
