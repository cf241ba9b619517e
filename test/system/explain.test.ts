import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Finished, runCli } from './run-cli.ts';

/** `mesos-doh explain` on a saved state, as somebody asks it whose name does not answer. */
const TASK = {
  id: 'search.1',
  name: 'search',
  slave_id: 'x-S0',
  framework_id: 'F',
  state: 'TASK_RUNNING',
  resources: { ports: '[31000-31000]' },
  statuses: [
    {
      state: 'TASK_RUNNING',
      timestamp: 1,
      container_status: { network_infos: [{ ip_addresses: [{ ip_address: '9.0.0.1' }] }] },
    },
  ],
};
const STATE = {
  leader: 'master@10.0.0.5:5050',
  slaves: [{ id: 'x-S0', pid: 'slave(1)@10.0.0.1:5051' }],
  frameworks: [
    {
      id: 'F',
      name: 'marathon',
      pid: 'scheduler@10.0.0.7:36000',
      tasks: [
        TASK,
        { ...TASK, id: 'billing.1', name: 'billing', state: 'TASK_STAGING' },
        { ...TASK, id: 'kafka.1', name: 5 },
        { ...TASK, id: 'evil\u001b[31m.1', name: 'red' },
      ],
    },
  ],
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-explain-'));
  await writeFile(join(directory, 'state.json'), JSON.stringify(STATE));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<Finished> => runCli(args, { cwd: directory });
const explain = (...args: string[]): Promise<Finished> => run('explain', ...args, '--state', 'state.json');

describe('explain', () => {
  it('says which task gives a name its address, by which rule, and from where', async () => {
    const ended = await explain('search.marathon.mesos');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^search\.marathon\.mesos\. answered: A\n/);
    expect(ended.stdout).toMatch(
      /^ {2}9\.0\.0\.1\n {4}task-shared-name: task search\.1 of framework "marathon" on agent x-S0; address from netinfo$/m,
    );
    expect(ended.stdout).toMatch(/^ {2}rule task-shared-name: .*all running tasks of this name$/m);
  });

  it.each([
    [
      'billing.marathon.mesos',
      /no such name[^]*task-not-running: task billing\.1 of framework "marathon" is TASK_STAGING/,
    ],
    [
      'kafka.marathon.mesos',
      /no such name[^]*may have to do with it:\n {2}task-field: task kafka\.1: name: is number 5/,
    ],
    [
      'serch.marathon.mesos',
      /no such name[^]*exists: marathon\.mesos\.[^]*Did you mean search\.marathon\.mesos\.\?/,
    ],
    ['search.maraton.mesos', /no such name[^]*Did you mean search\.marathon\.mesos\.\?/],
    [
      '_tcp.marathon.mesos',
      /no data: nothing is at this name itself[^]*Below it:\n {2}_framework\._tcp\.marathon\.mesos\./,
    ],
    ['example.com', /not in zone mesos/],
    [`${'a'.repeat(64)}.mesos`, /no question can ask for this name: it has a label of 64 octets/],
  ])('%s: what it says of a name that does not answer', async (name, message) => {
    const ended = await explain(name);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(message);
  });

  it('asks for one type', async () => {
    expect((await explain('search.marathon.mesos', 'srv')).stdout).toMatch(/no data: it has A, and no SRV/);
  });

  it('prints all of it as JSON', async () => {
    const ended = await explain('_search._tcp.marathon.mesos', 'SRV', '--json');
    expect(JSON.parse(ended.stdout)).toMatchObject({
      name: '_search._tcp.marathon.mesos.',
      verdict: { kind: 'answered' },
      rrsets: [
        {
          type: 'SRV',
          ttl: 30,
          values: [{ from: [{ rule: 'task-host-port', taskId: 'search.1', agentId: 'x-S0' }] }],
        },
      ],
    });
    const near = JSON.parse((await explain('serch.marathon.mesos', '--json')).stdout);
    expect(near.nearest).toBe('search.marathon.mesos.');
    expect(near).not.toHaveProperty('alike');
  });

  it('lets no task name steer the terminal', async () => {
    const ended = await explain('red.marathon.mesos');
    expect(ended.stdout).toMatch(/evil\uFFFD\[31m\.1/);
    expect(ended.stdout).not.toContain('\u001b');
  });

  it('compares with what is published', { timeout: 60_000 }, async () => {
    expect((await run('sync', '--state', 'state.json', '--sink-dir', 'out', '--once')).code).toBe(0);
    const same = await explain('search.marathon.mesos', '--sink-dir', 'out');
    expect(same.stdout).toMatch(
      /Published in directory out: serial \d+, \d+ s old, confirmed \d+ s ago\n {2}A 9\.0\.0\.1\n {2}the same as the cluster says now\n$/,
    );
    await writeFile(join(directory, 'state.json'), JSON.stringify(STATE).replaceAll('9.0.0.1', '9.0.0.2'));
    const other = await explain('search.marathon.mesos', '--sink-dir', 'out');
    expect(other.stdout).toMatch(/published, and not in the cluster now: A 9\.0\.0\.1/);
    expect(other.stdout).toMatch(/in the cluster now, and not published yet: A 9\.0\.0\.2/);
    const stranger = await explain(
      'search.marathon.mesos',
      '--sink-dir',
      'out',
      '--verify-key',
      Buffer.alloc(32, 1).toString('base64'),
    );
    expect(stranger).toMatchObject({ code: 2, stdout: '' });
    expect(stranger.stderr).toMatch(/signed by key [0-9a-f]{16}, which is not trusted here/);
    const elsewhere = await explain('search.marathon.mesos', '--sink-dir', 'absent');
    expect(elsewhere.stderr).toMatch(/directory absent does not exist/);
  });

  it.each([
    [[], 2, /missing required argument 'name'/],
    [[''], 2, /<name> should be a name of the cluster/],
    [['x.mesos', 'BOGUS'], 2, /BOGUS is no record type/],
    [['x.mesos'], 2, /no cluster is named/],
    [['x.mesos', '--state', 'state.json', '--published'], 2, /nowhere to publish is named/],
    [['x.mesos', '--state', 'absent.json'], 1, /absent\.json: there is no such file/],
    [['x.mesos', '--master', 'http://127.0.0.1:1'], 1, /127\.0\.0\.1:1/],
  ])('refuses %j', async (args, code, message) => {
    const ended = await run('explain', ...args);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  });

  it('has help with examples', async () => {
    expect((await run('explain', '--help')).stdout).toMatch(/Examples:\n {2}mesos-doh explain/);
  });
});
