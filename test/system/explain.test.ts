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
      roles: ['prod', '*'],
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
      /^ {2}9\.0\.0\.1\n {4}task-shared-name: task search\.1 of framework "marathon" on agent x-S0; framework id F; role prod; address from netinfo$/m,
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

  it('reads C1 control characters as text, in JSON too', async () => {
    const state = JSON.stringify(STATE).replace('search.1', 'search\u009b31m.1');
    await writeFile(join(directory, 'state.json'), state);
    const ended = await explain('search.marathon.mesos', '--json');
    expect(ended.stdout).not.toContain('\u009b');
    expect(JSON.parse(ended.stdout).rrsets[0].values[0].from[0].taskId).toBe('search\u009b31m.1');
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

  it(
    'knows all zones, wildcards and aliases, and compares each with its own snapshot',
    { timeout: 60_000 },
    async () => {
      const write = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);
      const zoneFile =
        '*.apps A 10.9.9.9\nwww CNAME search.marathon\nboth A 10.1.1.1\nboth CNAME www\nnote 5 TXT "x"\n';
      await write('zone.txt', zoneFile);
      const state = { ...STATE, frameworks: STATE.frameworks.map((each) => ({ ...each, tasks: [TASK] })) };
      await write('state.json', JSON.stringify(state));
      const config = { staticRecords: 'zone.txt', reverse: { zones: ['9.in-addr.arpa'] }, dataDir: 'data' };
      await write('config.json', JSON.stringify(config));
      const input = ['--state', 'state.json', '--config', 'config.json'];
      expect((await run('sync', ...input, '--sink-dir', 'out', '--once')).code).toBe(0);
      const told = async (name: string): Promise<string> =>
        (await run('explain', name, ...input, '--sink-dir', 'out')).stdout;

      const [wildcard, pointer, alias, both, note, elsewhere] = await Promise.all([
        told('foo.apps.mesos'),
        told('9.0.0.1'),
        told('www.mesos'),
        told('both.mesos'),
        told('note.mesos'),
        told('1.0.0.11.in-addr.arpa'),
      ]);
      expect(wildcard).toMatch(/^foo\.apps\.mesos\. answered by the wildcard \*\.apps\.mesos\.: A\n/);
      expect(wildcard).toMatch(/answered by the wildcard \*\.apps\.mesos\.\n {2}A 10\.9\.9\.9\n {2}the same/);
      expect(pointer).toMatch(/^1\.0\.0\.9\.in-addr\.arpa\. answered: PTR\n/);
      expect(pointer).toMatch(
        /of search\.marathon\.mesos\. A 9\.0\.0\.1, by task-shared-name: task search\.1/,
      );
      expect(pointer).toMatch(/ {2}PTR search\.marathon\.mesos\.\n {2}the same as the cluster says now\n$/);
      expect(alias).toMatch(
        /answered: CNAME to search\.marathon\.mesos\.[^]* {2}search\.marathon\.mesos\. \(answers\)/,
      );
      expect(both).toMatch(/ {2}www\.mesos\. {2}\(in no answer: .*an alias has no other records/);
      expect(both).toMatch(/ {2}the same as the cluster says now\n$/);
      expect(note).toMatch(/TXT, TTL 5 s, 1 value[^]*TTL of its own: 5 s[^]* {2}TXT "x"\n {2}the same/);
      expect(elsewhere).toMatch(
        /^1\.0\.0\.11\.in-addr\.arpa\. not in any of the zones mesos, 9\.in-addr\.arpa/,
      );

      const records = await run('records', ...input);
      expect(records.stderr).toMatch(
        /value-not-answerable\): both\.mesos\. CNAME.*an alias has no other records/,
      );
      await write('zone.txt', zoneFile.replace('"x"', '"y"'));
      const diff = await run('diff', ...input, '--sink-dir', 'out');
      expect(diff.stdout).toBe('- note.mesos. 5 IN TXT "x"\n+ note.mesos. 5 IN TXT "y"\n');
    },
  );

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
