import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../sync-agent/config.ts';
import { deployFile, expectKnownCommand, PROJECT } from './project.ts';

const container = parseConfig(JSON.parse(await deployFile('config.json')), 'deploy/config.json');

describe('the systemd unit', () => {
  /** Values by key; a key that stands several times has them all. */
  async function unit(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const line of (await deployFile('mesos-doh-agent.service')).split('\n')) {
      const [, key, value = ''] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
      if (key !== undefined) found.set(key, [...(found.get(key) ?? []), value]);
    }
    return found;
  }

  it('starts a command that is there and that mesos-doh knows', async () => {
    const [program = '', ...args] = (await unit()).get('ExecStart')?.[0]?.split(' ') ?? [];
    expect(program.startsWith('/opt/mesos-doh/')).toBe(true);
    const { mode } = await stat(program.replace('/opt/mesos-doh', PROJECT));
    expect(mode & 0o111).toBe(0o111);
    await expectKnownCommand(args);
  });

  it('gives it the token under the name it looks for, a user of its own, and its data directory', async () => {
    const found = await unit();
    const [credential] = found.get('LoadCredential')?.[0]?.split(':') ?? [];
    expect(await deployFile('run-agent')).toContain(`$CREDENTIALS_DIRECTORY/${credential}`);
    expect(found.get('DynamicUser')).toEqual(['yes']);
    expect(container.dataDir).toBe(`/var/lib/${found.get('StateDirectory')?.[0]}`);
    expect(found.has('EnvironmentFile')).toBe(false);
    expect(Number(found.get('TimeoutStopSec')?.[0])).toBeGreaterThan(5);
  });

  it('is one that systemd takes', async ({ skip }) => {
    const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-unit-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, 'mesos-doh-agent.service');
    const text = await deployFile('mesos-doh-agent.service');
    await writeFile(file, text.replaceAll('/opt/mesos-doh', PROJECT.replace(/\/$/, '')));
    const run = promisify(execFile);
    const said = await run('systemd-analyze', ['verify', '--man=no', file], { timeout: 15_000 }).catch(
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)),
    );
    if (!said) return skip('there is no systemd here');
    expect(said.stderr.split('\n').filter((line) => line.includes(file))).toEqual([]);
  });
});

/** Of mesosphere/marathon `docs/docs/application-basics.md` and `rest-api`, those an app of ours may have. */
const MarathonApp = v.strictObject({
  id: v.pipe(v.string(), v.regex(/^(\/[a-z0-9]+(-[a-z0-9]+)*)+$/)),
  instances: v.number(),
  cpus: v.number(),
  mem: v.number(),
  disk: v.number(),
  args: v.array(v.string()),
  env: v.record(v.string(), v.string()),
  container: v.strictObject({
    type: v.literal('DOCKER'),
    docker: v.strictObject({ image: v.string() }),
    volumes: v.array(
      v.strictObject({ containerPath: v.string(), hostPath: v.string(), mode: v.picklist(['RO', 'RW']) }),
    ),
  }),
  networks: v.array(v.strictObject({ mode: v.picklist(['host', 'container/bridge', 'container']) })),
  portDefinitions: v.array(v.strictObject({ port: v.number(), protocol: v.string(), name: v.string() })),
  requirePorts: v.boolean(),
  constraints: v.array(v.array(v.string())),
  healthChecks: v.array(
    v.strictObject({
      protocol: v.picklist(['MESOS_HTTP', 'HTTP']),
      path: v.string(),
      portIndex: v.number(),
      gracePeriodSeconds: v.number(),
      intervalSeconds: v.number(),
      timeoutSeconds: v.number(),
      maxConsecutiveFailures: v.number(),
    }),
  ),
  upgradeStrategy: v.strictObject({ minimumHealthCapacity: v.number(), maximumOverCapacity: v.number() }),
  taskKillGracePeriodSeconds: v.number(),
});

describe('the Marathon app', () => {
  it('has fields that Marathon documents, and fits the configuration beside it', async () => {
    const app = v.parse(MarathonApp, JSON.parse(await deployFile('marathon.json')));
    await expectKnownCommand(app.args);
    expect(app.portDefinitions[0]?.port).toBe(container.metrics?.port);
    expect(app.healthChecks[0]?.path).toBe('/healthz');
    expect(app.container.volumes.find(({ mode }) => mode === 'RW')?.containerPath).toBe(container.dataDir);
    // Two agents with one data directory are refused: the old one ends first.
    expect(app.upgradeStrategy).toEqual({ minimumHealthCapacity: 0, maximumOverCapacity: 0 });
    expect(app.taskKillGracePeriodSeconds).toBeGreaterThan(5);
    expect(Object.keys(app.env)).toEqual(['CLOUDFLARE_API_TOKEN_FILE']);
    expect(await deployFile('run-agent')).toContain('CLOUDFLARE_API_TOKEN_FILE');
  });
});

describe('the Aurora job', () => {
  it('runs commands that mesos-doh knows, with the token and the data of the configuration', async () => {
    const job = await deployFile('agent.aurora');
    const commands = [...job.matchAll(/\/app\/deploy\/run-agent ([^'\n]+)/g)].map(([, line = '']) =>
      line.split(' '),
    );
    expect(commands).toHaveLength(2);
    for (const command of commands) await expectKnownCommand(command);
    expect(job).toContain(`container_path = '${container.dataDir}'`);
    expect(job).toContain('export CLOUDFLARE_API_TOKEN_FILE=');
    const opened = [...job.matchAll(/[([]/g)].length;
    expect([...job.matchAll(/[)\]]/g)].length).toBe(opened);
  });
});

/** Actions of Mesos's local authorizer and what each is about (apache/mesos `include/mesos/authorizer/acls.proto`). */
const ACTIONS: Readonly<Record<string, string>> = {
  register_frameworks: 'roles',
  run_tasks: 'users',
  teardown_frameworks: 'framework_principals',
  reserve_resources: 'roles',
  unreserve_resources: 'reserver_principals',
  create_volumes: 'roles',
  destroy_volumes: 'creator_principals',
  get_quotas: 'roles',
  update_quotas: 'roles',
  view_roles: 'roles',
  update_weights: 'roles',
  get_endpoints: 'paths',
  view_frameworks: 'users',
  view_tasks: 'users',
  view_executors: 'users',
  view_containers: 'users',
  access_sandboxes: 'users',
  access_mesos_logs: 'logs',
  view_flags: 'flags',
  set_log_level: 'level',
};

describe('the ACLs', () => {
  it('let the agent see what it publishes, and nothing else', async () => {
    const acls: Record<string, unknown> = JSON.parse(await deployFile('mesos-acls.json'));
    const { permissive, ...actions } = acls;
    expect(permissive).toBe(true);
    expect(Object.keys(actions).toSorted()).toEqual(Object.keys(ACTIONS).toSorted());
    for (const [action, rules] of Object.entries(actions)) {
      const isSeen = ['view_frameworks', 'view_tasks', 'view_executors', 'view_roles'].includes(action);
      const object = { [ACTIONS[action] ?? '']: { type: isSeen ? 'ANY' : 'NONE' } };
      expect(rules).toEqual([{ principals: { values: ['mesos-doh'] }, ...object }]);
    }
  });
});
