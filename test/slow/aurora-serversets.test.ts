import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ACL, type Client, createClient, Id, Permission } from 'node-zookeeper-client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sleepFor } from '../../sync-agent/retry.ts';
import { createServerSets, type ServerSetsOptions } from '../../sync-agent/sources/aurora-serversets.ts';
import type { ServerSetSource } from '../../sync-agent/sources/aurora-sets.ts';
import { openZooKeeper, type ZooKeeper } from '../../sync-agent/zookeeper.ts';
import { parseZooKeeperUrl } from '../../sync-agent/zookeeper-url.ts';
import { type RunningZooKeeper, startZooKeeper, wayTo, zooKeeperMissing } from '../fakes/zookeeper.ts';
import { keepReports } from '../sync-agent/reports.ts';
import { runCli } from '../system/run-cli.ts';

const SESSION_TIMEOUT_MS = 4_000;
const WINDOW_MS = 2_000;
const SOON_MS = 3_000;
const LIMIT_MS = 60_000;
const monotonicMs = (): number => performance.now();
const never = new AbortController().signal;
const missing = zooKeeperMissing();
const octets = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));

const memberOf = (shard: number, host = '10.0.0.1'): Uint8Array => {
  const endpoint = { host, port: 31000 + shard };
  return octets({
    serviceEndpoint: endpoint,
    additionalEndpoints: { http: endpoint, aurora: endpoint, admin: { host, port: 8080 + shard } },
    status: 'ALIVE',
    shard,
  });
};

/** A real server; members are announced as Aurora's executors do it, by nodes that end with their session. */
describe.skipIf(missing)(`ServerSets in a real ZooKeeper${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let servers: RunningZooKeeper;
  let roots = 0;
  beforeAll(async () => {
    servers = await startZooKeeper();
  }, LIMIT_MS);
  afterAll(() => servers?.stop());

  it('come by watches, and go one window after their session', { timeout: LIMIT_MS }, async () => {
    const { root, shards, bells } = follow();
    await until(async () => (await shards()).length === 0, SOON_MS);
    const first = await announce(`${root}/vagrant/test/http_example`, memberOf(0));
    await announce(`${root}/vagrant/test/http_example`, memberOf(1));
    await announce(`${root}/www/prod/web`, memberOf(2));
    await until(async () => (await shards()).join() === 'http_example/0,http_example/1,web/2', SOON_MS);
    const before = bells();
    const goneMs = monotonicMs();
    await first.close();
    await until(async () => (await shards()).join() === 'http_example/1,web/2', WINDOW_MS + SOON_MS);
    expect(monotonicMs() - goneMs).toBeGreaterThan(WINDOW_MS - 100);
    expect(bells()).toBe(before + 1);
  });

  it('change with their data, and with their vectors', { timeout: LIMIT_MS }, async () => {
    const { root, source, shards } = follow();
    const path = `${root}/vagrant/test/http_example`;
    await announce(path, memberOf(0));
    await until(async () => (await shards()).length === 1, SOON_MS);
    const client = await connect();
    await create(
      client,
      `${path}/vector_0000000000`,
      octets({ vector: [{ select: 'shard=0', weight: 0.5 }] }),
    );
    const weightOf = async (): Promise<number | undefined> =>
      (await source.read(() => undefined, never))[0]?.members[0]?.primary.srv?.weight;
    await until(async () => (await weightOf()) === 50, SOON_MS);
    await setData(
      client,
      `${path}/vector_0000000000`,
      octets({ vector: [{ select: 'shard=0', weight: 2 }] }),
    );
    await until(async () => (await weightOf()) === 200, SOON_MS);
  });

  it('outlive a cut network, and what changed meanwhile is found', { timeout: LIMIT_MS }, async () => {
    const way = await wayTo(servers.servers);
    onTestFinished(() => way.close());
    const { root, source, shards } = follow({ servers: way.address });
    const path = `${root}/vagrant/test/http_example`;
    const first = await announce(path, memberOf(0));
    await until(async () => (await shards()).length === 1, SOON_MS);
    way.cut();
    await until(() => source.status().problem !== undefined, SESSION_TIMEOUT_MS + SOON_MS);
    await first.close();
    await announce(path, memberOf(1));
    await delay(WINDOW_MS + SESSION_TIMEOUT_MS);
    expect(await shards()).toEqual(['http_example/0']);
    way.mend();
    await until(async () => (await shards()).join() === 'http_example/1', 15_000 + WINDOW_MS);
    expect(source.status().problem).toBeUndefined();
  });

  it(
    'outlive the server, one whose nodes are gone when it is back included',
    { timeout: LIMIT_MS },
    async () => {
      const { root, source, shards } = follow();
      const announcer = await announce(`${root}/vagrant/test/http_example`, memberOf(0));
      await until(async () => (await shards()).length === 1, SOON_MS);
      await servers.kill(0);
      await until(() => source.status().problem !== undefined, SESSION_TIMEOUT_MS + SOON_MS);
      await until(() => announcer.over.aborted, 2 * SESSION_TIMEOUT_MS);
      expect(await shards()).toEqual(['http_example/0']);
      await servers.start(0);
      await announce(`${root}/vagrant/test/http_example`, memberOf(0));
      await until(() => source.status().problem === undefined, 15_000);
      const endMs = monotonicMs() + WINDOW_MS;
      while (monotonicMs() < endMs) {
        expect(await shards()).toContain('http_example/0');
        await delay(50);
      }
    },
  );

  it(
    'that only their owner may read are read with the password, and told of without',
    { timeout: LIMIT_MS },
    async () => {
      const root = `/closed-${++roots}`;
      const owner = await connect('doh:secret');
      const acl = [new ACL(Permission.ALL, new Id('auth', ''))];
      await create(owner, root, octets(''));
      await create(owner, `${root}/open`, octets(''));
      await create(owner, `${root}/role`, octets(''), acl);
      await create(owner, `${root}/role/prod`, octets(''), acl);
      await create(owner, `${root}/role/prod/api`, octets(''), acl);
      await create(owner, `${root}/role/prod/api/member_0000000000`, memberOf(0), acl);
      const read = async (credentials: string): Promise<{ members: number; details: string[] }> => {
        const { report, details } = keepReports();
        const sets = await createScene({ root, credentials }).source.read(report, never);
        return { members: sets.flatMap((set) => set.members).length, details: details() };
      };
      expect(await read('doh:secret@')).toEqual({ members: 1, details: [] });
      const without = await read('');
      expect(without).toMatchObject({
        members: 0,
        details: [expect.stringContaining('not allowed without credentials')],
      });
      expect((await read('doh:terces@')).details.join()).toMatch(/not allowed with these credentials/);
      expect(
        JSON.stringify([without, createScene({ root, credentials: 'doh:secret@' }).source.name]),
      ).not.toContain('secret');
    },
  );

  it(
    'at a wrong depth, and paths that are not there, are told of until they are mended',
    { timeout: LIMIT_MS },
    async () => {
      const top = `/aurora-${++roots}`;
      const web = { role: 'www', environment: 'prod', job: 'web' };
      const paths = new Map([[`${top}-own/web`, web]]);
      const told = async (source: ServerSetSource): Promise<string[]> => {
        const { report, details } = keepReports();
        await source.read(report, never);
        return details();
      };
      await announce(`${top}/vagrant/test/http_example`, memberOf(0));
      const right = follow({ root: top, paths });
      await until(async () => (await right.shards()).length === 1, SOON_MS);
      expect(await told(right.source)).toEqual([
        expect.stringContaining(`there is no ${top}-own/web, where`),
      ]);
      for (const root of [`${top}/vagrant`, `${top}/vagrant/test`, `${top}/vagrant/test/http_example`])
        expect(await told(createScene({ root }).source)).toEqual([
          expect.stringContaining(`aurora.root ${top} would fit them`),
        ]);
      await announce(`${top}-own/web`, memberOf(7));
      await until(async () => (await right.shards()).join() === 'http_example/0,web/7', SOON_MS);
      expect(await told(right.source)).toEqual([]);
      await announce(`${top}-high/a/aurora/www/prod/web`, memberOf(0));
      expect(await told(createScene({ root: `${top}-high` }).source)).toEqual([
        expect.stringContaining(`aurora.root ${top}-high/a/aurora would fit them`),
      ]);
    },
  );

  it('become records by the command, beside what Mesos tells', { timeout: LIMIT_MS }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aurora-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const root = `/aurora-${++roots}`;
    await announce(`${root}/vagrant/test/http_example`, memberOf(0));
    const state = {
      leader: 'master@10.0.0.9:5050',
      slaves: [{ id: 'x-S0', pid: 'slave(1)@10.0.0.1:5051', hostname: 'h1' }],
      frameworks: [
        {
          id: 'f',
          name: 'Aurora',
          hostname: '10.0.0.9',
          tasks: [
            {
              id: 'vagrant-test-http_example-0-1',
              name: 'vagrant/test/http_example',
              slave_id: 'x-S0',
              state: 'TASK_RUNNING',
              resources: { ports: '[31000-31000]' },
              discovery: {
                name: 'http_example.test.vagrant',
                ports: { ports: [{ number: 31000, name: 'http', protocol: 'TCP' }] },
              },
            },
          ],
        },
      ],
    };
    const config = {
      aurora: { zk: `zk://${servers.servers}`, root },
      records: { frameworkAliases: { aurora: ['twitterscheduler'] } },
    };
    await writeFile(join(folder, 'state.json'), JSON.stringify(state));
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    const { stdout, stderr } = await runCli([
      'records',
      '--state',
      join(folder, 'state.json'),
      '--config',
      join(folder, 'config.json'),
    ]);
    const { A, SRV } = JSON.parse(stdout) as Record<'A' | 'SRV', Record<string, string[]>>;
    expect(stderr).toBe('');
    const http = SRV['_http._http_example.test.vagrant._tcp.aurora.mesos.'];
    expect(http).toHaveLength(1);
    expect(SRV['_aurora._http_example.test.vagrant._tcp.aurora.mesos.']).toEqual(http);
    expect(SRV['_admin._http-example-test-vagrant._tcp.twitterscheduler.mesos.']).toEqual([
      '0.http-example-test-vagrant.twitterscheduler.mesos.:8080',
    ]);
    expect(A['0.http_example.test.vagrant.aurora.mesos.']).toEqual(['10.0.0.1']);
  });

  type Scene = {
    readonly root: string;
    readonly source: ServerSetSource;
    readonly shards: () => Promise<string[]>;
    readonly bells: () => number;
  };
  type Place = { root?: string; servers?: string; credentials?: string; paths?: ServerSetsOptions['paths'] };

  function createScene({
    root = `/aurora-${++roots}`,
    servers: addresses = servers.servers,
    credentials = '',
    paths = new Map(),
  }: Place = {}): {
    root: string;
    source: ServerSetSource;
  } {
    const options: ServerSetsOptions = {
      url: parseZooKeeperUrl(`zk://${credentials}${addresses}`),
      root,
      paths,
      frameworkName: 'Aurora',
      stabilizeMs: WINDOW_MS,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      monotonicMs,
      sleep: sleepFor,
      random: Math.random,
      open: openZooKeeper,
    };
    return { root, source: createServerSets(options) };
  }

  function follow(place: Place = {}): Scene {
    const { root, source } = createScene(place);
    const stop = new AbortController();
    let bells = 0;
    const following = source.follow(() => void bells++, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await following;
    });
    const shards = async (): Promise<string[]> =>
      (await source.read(() => undefined, never)).flatMap(({ job, members }) =>
        members.map(({ shard }) => `${job}/${shard}`),
      );
    return { root, source, shards, bells: () => bells };
  }

  /** An executor's announcement. */
  async function announce(path: string, data: Uint8Array): Promise<ZooKeeper> {
    const url = parseZooKeeperUrl(`zk://${servers.servers}`);
    const session = await openZooKeeper(url, { sessionTimeoutMs: SESSION_TIMEOUT_MS, monotonicMs }, never);
    onTestFinished(() => session.close());
    await session.makePath(path, never);
    await session.createEphemeralSequential(`${path}/member_`, data, never);
    return session;
  }

  async function connect(credentials?: string): Promise<Client> {
    const client = createClient(servers.servers, { sessionTimeout: SESSION_TIMEOUT_MS });
    if (credentials !== undefined) client.addAuthInfo('digest', Buffer.from(credentials));
    const connected = new Promise<void>((resolve) => client.once('connected', () => resolve()));
    client.connect();
    await connected;
    onTestFinished(() => client.close());
    return client;
  }
});

function create(client: Client, path: string, data: Uint8Array, acl?: ACL[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: unknown): void => (error instanceof Error || error ? reject(error) : resolve());
    if (acl) client.create(path, Buffer.from(data), acl, done);
    else client.create(path, Buffer.from(data), done);
  });
}

function setData(client: Client, path: string, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    client.setData(path, Buffer.from(data), -1, (error) => (error ? reject(error) : resolve()));
  });
}

async function until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const endMs = monotonicMs() + withinMs;
  while (!(await holds())) {
    if (monotonicMs() > endMs) expect.unreachable(`it did not come true in ${withinMs} ms`);
    await delay(20);
  }
}
