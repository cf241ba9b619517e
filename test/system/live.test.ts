import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSigningKey, writeSigningKey } from '../../sync-agent/keys.ts';
import { readHead, readLevels } from '../../sync-agent/publish/stored-head.ts';
import { fromLevels } from '../../sync-agent/records/from-levels.ts';
import { taskHash } from '../../sync-agent/records/label.ts';
import { createDirectorySink } from '../../sync-agent/sinks/directory.ts';
import { parseName } from '../../zone/name.ts';
import { type Finished, type Running, startCli } from './run-cli.ts';

const SECRET = 'hush-6b1f0c';
const AUTHORIZATION = Buffer.from(`doh:${SECRET}`).toString('base64');
const LOOK_MS = 100;
const FRESH_MS = 3_000;
/** Agents take longer to come back than the agent to follow: it publishes while some are away. */
const FAILOVER_EVERY_SECONDS = 6;
const RETURN_SECONDS = 5;
const WATCHED_MS = RETURN_SECONDS * 1000 + 600;

/** What was seen at one look. */
type Look = {
  readonly atMs: number;
  /** The tasks that run, by the leader: names by id. */
  readonly running: ReadonlyMap<string, string>;
  /** Those of them that have no names for it. */
  readonly ill: ReadonlySet<string>;
  /** Names with an address, published. */
  readonly names: readonly string[];
  readonly leaderPort: string | undefined;
};

/** Masters with a failover and an agent that follows them, each in a process, watched from outside; once for all. */
describe('an agent that follows two masters live', () => {
  let directory: string;
  let masters: Running;
  let agent: Running;
  let ended: Finished & { readonly elapsedMs: number };
  const looks: Look[] = [];
  let failedOverAtMs = 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mesos-doh-live-'));
    const login = `doh:${SECRET}`;
    const churn = ['--agents', '8', '--tasks', '60', '--churn-per-second', '3'];
    const auth = ['--auth-readonly', login, '--auth-readwrite', login];
    const failover = [
      '--failover-every',
      String(FAILOVER_EVERY_SECONDS),
      '--agents-return-over',
      String(RETURN_SECONDS),
    ];
    masters = startCli(['simulate', '--port', '0', '--masters', '2', ...churn, ...auth, ...failover]);
    await masters.says('ready\n');
    const urls = [...masters.stdout().matchAll(/(http:\S+)\/state/g)].map(([, url = '']) => url);
    const keyFile = join(directory, 'signing.pem');
    const config = join(directory, 'config.json');
    await writeSigningKey(keyFile);
    const settings = {
      mesos: { masters: urls, pollSeconds: 60 },
      dataDir: join(directory, 'data'),
      signingKeyFile: keyFile,
      minPushSeconds: 1,
    };
    await writeFile(config, JSON.stringify(settings));
    const env = { MESOS_PRINCIPAL: 'doh', MESOS_SECRET: SECRET, LOG_LEVEL: 'debug' };
    const sinkDir = join(directory, 'sink');
    agent = startCli(['sync', '--config', config, '--sink-dir', sinkDir], { env });
    const published = await publishedIn(sinkDir, keyFile);
    const deadlineMs = Date.now() + 20_000;
    while (failedOverAtMs === 0 || Date.now() < failedOverAtMs + WATCHED_MS) {
      if (Date.now() > deadlineMs) throw new Error(`no failover: ${masters.stderr()}\n${agent.stderr()}`);
      if (failedOverAtMs === 0 && masters.stderr().includes(' leads;')) failedOverAtMs = Date.now();
      const running = await runningTasks(urls);
      const zone = await published();
      if (running && zone) looks.push({ atMs: Date.now(), ...running, ...zone });
      await delay(LOOK_MS);
    }
    const startedMs = performance.now();
    agent.child.kill('SIGTERM');
    ended = { ...(await agent.finished), elapsedMs: performance.now() - startedMs };
  }, 40_000);
  afterAll(async () => {
    for (const each of [agent, masters]) each?.child.kill('SIGKILL');
    await Promise.all([agent?.finished, masters?.finished]);
    await rm(directory, { recursive: true, force: true });
  });

  it('publishes tasks that start within 3 s, though it polls once a minute', () => {
    const before = looks.filter(({ atMs }) => atMs < failedOverAtMs - FRESH_MS);
    const known = new Set(before[0]?.running.keys());
    let started = 0;
    for (const { running, atMs } of before) {
      for (const id of running.keys()) {
        if (known.has(id)) continue;
        known.add(id);
        const dueMs = atMs + FRESH_MS;
        const soon = looks.filter((look) => look.atMs >= atMs && look.atMs <= dueMs);
        if (!soon.every((look) => look.running.has(id) && !look.ill.has(id))) continue;
        started++;
        expect(
          soon.some((look) => has(look, id)),
          `${id} was published within 3 s`,
        ).toBe(true);
      }
    }
    expect(started).toBeGreaterThan(2);
  });

  it('keeps every name through a failover, and names the new leader', () => {
    const [first, last] = [looks[0], looks.at(-1)];
    const earlier = looks.filter(({ atMs }) => atMs < failedOverAtMs);
    const around = looks.filter(({ atMs }) => atMs > failedOverAtMs - 1_000);
    const steady = [...(first?.running.keys() ?? [])].filter(
      (id) => last?.running.has(id) && !looks.some(({ ill }) => ill.has(id)),
    );
    const areAway = (look: Look): boolean => steady.some((id) => !look.running.has(id));
    expect(around.some(areAway), 'agents were away for a while').toBe(true);
    // A new task of the same name may take the place of the one that is away (docs/guard.md).
    const before = new Set(earlier.flatMap(({ running }) => [...running.keys()]));
    const newcomers = around.flatMap(({ running }) => [...running].filter(([id]) => !before.has(id)));
    const succeeded = new Set(newcomers.map(([, name]) => name));
    const alone = steady.filter((id) => !succeeded.has(last?.running.get(id) ?? ''));
    expect(alone.length).toBeGreaterThan(10);
    // With a task that ran all the while its shared name has to stay, whatever came beside it.
    const names = new Set(steady.map((id) => `${last?.running.get(id)}.marathon.mesos.`));
    const shared = (around[0]?.names ?? []).filter((name) => names.has(name));
    expect(shared.length).toBeGreaterThan(3);
    for (const look of around) {
      expect(alone.filter((id) => !has(look, id))).toEqual([]);
      expect(shared.filter((name) => !look.names.includes(name))).toEqual([]);
    }
    const leaders = new Set(looks.map(({ leaderPort }) => leaderPort));
    expect(leaders.size).toBe(2);
  });

  it('ends within 5 s of SIGTERM, with exit code 0', () => {
    expect(ended.code).toBe(0);
    expect(ended.elapsedMs).toBeLessThan(5_000);
  });

  it('tells no secret', () => {
    expect(ended.stderr).toContain('"mode":"stream"');
    const all = `${ended.stdout}${ended.stderr}`;
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain(AUTHORIZATION);
  });
});

/** Has the task names of its own? */
function has({ names }: Look, taskId: string): boolean {
  const mark = `-${taskHash(taskId)}-`;
  return names.some((name) => name.includes(mark));
}

type State = { readonly frameworks: readonly { readonly tasks: readonly Task[] }[] };
type Task = {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly statuses?: readonly { healthy?: boolean }[];
};

/** Undefined while nobody answers for the cluster. */
async function runningTasks(urls: readonly string[]): Promise<Pick<Look, 'running' | 'ill'> | undefined> {
  const headers = { authorization: `Basic ${AUTHORIZATION}` };
  for (const url of urls) {
    const response = await fetch(`${url}/state`, { headers, redirect: 'manual' });
    if (!response.ok) {
      await response.body?.cancel();
      continue;
    }
    const state: State = JSON.parse(await response.text());
    const tasks = state.frameworks.flatMap((framework) => framework.tasks);
    const running = tasks.filter((task) => task.state === 'TASK_RUNNING');
    const ill = running.filter(({ statuses = [] }) => statuses.some(({ healthy }) => healthy === false));
    return {
      running: new Map(running.map(({ id, name }) => [id, name])),
      ill: new Set(ill.map(({ id }) => id)),
    };
  }
  return undefined;
}

/** Reads the zone as it is published; undefined before the first push. */
async function publishedIn(
  sinkDir: string,
  keyFile: string,
): Promise<() => Promise<Pick<Look, 'names' | 'leaderPort'> | undefined>> {
  const place = { sink: createDirectorySink(sinkDir), origin: parseName('mesos'), variant: 'main' };
  const { publicKeyBase64 } = await loadSigningKey(keyFile);
  const { signal } = new AbortController();
  return async () => {
    const stored = await readHead(place, [publicKeyBase64], signal);
    if (stored.kind !== 'head') return undefined;
    const { A, SRV } = fromLevels(await readLevels(place, stored.head.body, signal));
    const [leader = ''] = SRV.get('_leader._tcp.mesos.')?.values() ?? [];
    return { names: [...A.keys()], leaderPort: /:(\d+)$/.exec(leader)?.[1] };
  };
}
