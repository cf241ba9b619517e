import { setTimeout as delay } from 'node:timers/promises';
import { ACL, createClient, Id, Permission } from 'node-zookeeper-client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { MasterFinder } from '../../sync-agent/masters/finder.ts';
import { createZooKeeperFinder } from '../../sync-agent/masters/zookeeper-finder.ts';
import { openZooKeeper, type ZooKeeper } from '../../sync-agent/zookeeper.ts';
import { parseZooKeeperUrl, withZooKeeperCredentials } from '../../sync-agent/zookeeper-url.ts';
import {
  type CuttableWay,
  type RunningZooKeeper,
  startZooKeeper,
  wayTo,
  zooKeeperMissing,
} from '../fakes/zookeeper.ts';
import { masterJson, masterProtobuf } from '../sync-agent/masters/master-octets.ts';

const SESSION_TIMEOUT_MS = 4_000;
/** For what is told by a watch, on a busy machine. */
const SOON_MS = 3_000;
const LIMIT_MS = 60_000;
const monotonicMs = (): number => performance.now();
const never = new AbortController().signal;
const missing = zooKeeperMissing();

/** Three real servers; what is registered there is made as masters make it. One after the other: servers die. */
describe.skipIf(missing)(`masters in a ZooKeeper of three${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let servers: RunningZooKeeper;
  let paths = 0;
  beforeAll(async () => {
    servers = await startZooKeeper({ servers: 3 });
  }, LIMIT_MS);
  afterAll(() => servers?.stop());

  it('another leader is found within seconds of the last one going', { timeout: LIMIT_MS }, async () => {
    const { path, finder, changes } = scene();
    const asked = finder.candidates(never);
    const first = await register(path, '10.0.0.1');
    expect(String(await asked)).toBe('http://10.0.0.1:5050/');
    await register(path, '10.0.0.2', 'info_');
    await until(() => finder.state().masters?.length === 2, SOON_MS);
    await first.close();
    await until(() => changes.length === 2, SOON_MS);
    expect(changes).toEqual(['http://10.0.0.1:5050', 'http://10.0.0.2:5050']);
    expect(finder.state().problem).toBeUndefined();
  });

  it(
    'a session that is lost is replaced, and what changed meanwhile is found',
    { timeout: LIMIT_MS },
    async () => {
      const ways = await waysToAll();
      const { path, finder, changes } = scene({ servers: addressesOf(ways) });
      const first = await register(path, '10.0.0.1');
      await register(path, '10.0.0.2');
      await until(() => changes.length === 1, SOON_MS);
      ways.forEach((way) => way.cut());
      await until(() => finder.state().problem !== undefined, SESSION_TIMEOUT_MS + SOON_MS);
      expect(finder.state().problem).toMatch(/http:\/\/10\.0\.0\.1:5050, found last, is asked until then$/);
      await first.close();
      await delay(SESSION_TIMEOUT_MS);
      expect(String((await finder.candidates(never))[0])).toBe('http://10.0.0.1:5050/');
      ways.forEach((way) => way.mend());
      await until(() => changes.length === 2, SESSION_TIMEOUT_MS + 10_000 + SOON_MS);
      expect(finder.state()).toMatchObject({ leader: 'http://10.0.0.2:5050', problem: undefined });
    },
  );

  it(
    'user and password are given where the path wants them, and never told',
    { timeout: LIMIT_MS },
    async () => {
      const path = `/closed-${++paths}`;
      await makeClosedNode(path, '', 'doh:secret');
      await makeClosedNode(`${path}/json.info_0000000001`, masterJson('10.0.0.1'), 'doh:secret');
      const right = scene({ path, credentials: 'doh:secret' });
      expect(String(await right.finder.candidates(never))).toBe('http://10.0.0.1:5050/');
      for (const [credentials, why] of [
        [undefined, 'not allowed without credentials'],
        ['doh:terces', 'not allowed with these credentials'],
      ] as const) {
        const { finder } = scene({ path, credentials, firstAnswerMs: SOON_MS });
        const error = await finder.candidates(never).catch((thrown: unknown) => thrown);
        expect(String(error)).toContain(`list ${path}: ${why}; check mesos.zk`);
        expect(String(error)).not.toMatch(/secret|terces/);
      }
    },
  );

  it('a server that dies changes nothing', { timeout: LIMIT_MS }, async () => {
    const ways = await waysToAll();
    const { path, finder, changes } = scene({ servers: addressesOf(ways) });
    const first = await register(path, '10.0.0.1');
    await register(path, '10.0.0.2');
    await until(() => finder.state().masters?.length === 2, SOON_MS);
    const used = ways.findIndex((way) => way.isUsed());
    await servers.kill(used);
    ways[used]?.close();
    await first.close();
    // Where the server that died was the master's own too, its session has to run out.
    await until(() => changes.length === 2, SESSION_TIMEOUT_MS + SOON_MS);
    expect(changes).toEqual(['http://10.0.0.1:5050', 'http://10.0.0.2:5050']);
    expect(finder.state().problem).toBeUndefined();
    await servers.start(used);
  });

  it(
    'while all are down the last leader stays; after it the next is found',
    { timeout: 2 * LIMIT_MS },
    async () => {
      const { path, finder, changes, problems } = scene();
      await register(path, '10.0.0.1');
      await until(() => changes.length === 1, SOON_MS);
      await Promise.all([0, 1, 2].map((i) => servers.kill(i)));
      await until(() => finder.state().problem !== undefined, SESSION_TIMEOUT_MS + SOON_MS);
      await delay(2 * SESSION_TIMEOUT_MS);
      expect(String(await finder.candidates(never))).toBe('http://10.0.0.1:5050/');
      expect(finder.state().problem).toMatch(
        /no server can be reached; http:\/\/10\.0\.0\.1:5050, found last,/,
      );
      expect(problems.length).toBeLessThan(6);

      await Promise.all([0, 1, 2].map((i) => servers.start(i)));
      await register(path, '10.0.0.2');
      await until(() => finder.state().leader === 'http://10.0.0.2:5050', 3 * SESSION_TIMEOUT_MS + SOON_MS);
      await until(() => finder.state().problem === undefined, SOON_MS);
      const startedMs = monotonicMs();
      await finder.close();
      expect(monotonicMs() - startedMs).toBeLessThan(1_500);
    },
  );

  type Scene = {
    readonly path: string;
    readonly finder: MasterFinder;
    readonly changes: (string | undefined)[];
    readonly problems: (string | undefined)[];
  };

  function scene({
    path = `/mesos-${++paths}`,
    servers: addresses = servers.servers,
    credentials,
    firstAnswerMs = LIMIT_MS,
  }: {
    path?: string;
    servers?: string;
    credentials?: string | undefined;
    firstAnswerMs?: number;
  } = {}): Scene {
    const open = parseZooKeeperUrl(`zk://${addresses}${path}`);
    const problems: (string | undefined)[] = [];
    const finder = createZooKeeperFinder({
      url: credentials === undefined ? open : withZooKeeperCredentials(open, `${credentials}\n`, 'a file'),
      scheme: 'http:',
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      monotonicMs,
      onProblem: (problem) => problems.push(problem),
      firstAnswerMs,
    });
    const changes: (string | undefined)[] = [];
    finder.onChange(() => changes.push(finder.state().leader));
    onTestFinished(() => finder.close());
    return { path, finder, changes, problems };
  }

  /** A master's registration: an ephemeral node that goes with its session. */
  async function register(path: string, ip: string, label = 'json.info_'): Promise<ZooKeeper> {
    const url = parseZooKeeperUrl(`zk://${servers.servers}`);
    const session = await openZooKeeper(url, { sessionTimeoutMs: SESSION_TIMEOUT_MS, monotonicMs }, never);
    onTestFinished(() => session.close());
    await session.makePath(path, never);
    const data = label === 'info_' ? masterProtobuf(ip) : new TextEncoder().encode(masterJson(ip));
    await session.createEphemeralSequential(`${path}/${label}`, data, never);
    return session;
  }

  async function waysToAll(): Promise<CuttableWay[]> {
    const ways = await Promise.all(servers.servers.split(',').map((address) => wayTo(address)));
    onTestFinished(() => ways.forEach((way) => way.close()));
    return ways;
  }

  /** A node that its owner alone may read, as an operator makes one by hand. */
  async function makeClosedNode(path: string, data: string, credentials: string): Promise<void> {
    const client = createClient(servers.servers, { sessionTimeout: SESSION_TIMEOUT_MS });
    client.addAuthInfo('digest', Buffer.from(credentials));
    const connected = new Promise<void>((resolve) => client.once('connected', () => resolve()));
    client.connect();
    await connected;
    const acl = [new ACL(Permission.ALL, new Id('auth', ''))];
    await new Promise<void>((resolve, reject) => {
      client.create(path, Buffer.from(data), acl, (error) => (error ? reject(error) : resolve()));
    });
    client.close();
  }
});

function addressesOf(ways: readonly CuttableWay[]): string {
  return ways.map((way) => way.address).join(',');
}

async function until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const endMs = monotonicMs() + withinMs;
  while (!(await holds())) {
    if (monotonicMs() > endMs) expect.unreachable(`it did not come true in ${withinMs} ms`);
    await delay(20);
  }
}
