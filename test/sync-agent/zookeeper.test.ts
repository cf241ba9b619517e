import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openZooKeeper, type ZooKeeper, ZooKeeperError } from '../../sync-agent/zookeeper.ts';
import { parseZooKeeperUrl } from '../../sync-agent/zookeeper-url.ts';
import { FormatError } from '../../zone/format-error.ts';
import { type RunningZooKeeper, startZooKeeper, wayTo, zooKeeperMissing } from '../fakes/zookeeper.ts';

const never = new AbortController().signal;
const monotonicMs = (): number => performance.now();
const missing = zooKeeperMissing();
const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a ZooKeeper URL', () => {
  it.each([
    ['zk://h', { servers: 'h:2181', path: '/', credentials: undefined, name: 'zk://h:2181' }],
    ['zk://h/', { servers: 'h:2181', path: '/', credentials: undefined, name: 'zk://h:2181' }],
    [
      'zk://10.0.0.1:2181,zk-2.example:2182/a/b/',
      {
        servers: '10.0.0.1:2181,zk-2.example:2182',
        path: '/a/b',
        credentials: undefined,
        name: 'zk://10.0.0.1:2181,zk-2.example:2182/a/b',
      },
    ],
    ['zk://u:p/a@s:s@h:1/x', { servers: 'h:1', path: '/x', credentials: 'u:p/a@s:s', name: 'zk://h:1/x' }],
  ])('%s', (url, expected) => {
    expect(parseZooKeeperUrl(url)).toEqual(expected);
  });

  it.each([
    ['http://h', 'does not begin with zk://'],
    ['zk://', 'has something else than a host and port as server 1'],
    ['zk:///a', 'server 1;'],
    ['zk://h,,i', 'server 2;'],
    ['zk://h:0', 'server 1;'],
    ['zk://h:65536', 'server 1;'],
    ['zk://h:x', 'server 1;'],
    ['zk://mesos:secret/mesos', 'server 1;'],
    ['zk://[::1]:2181/a', 'has an IPv6 address'],
    ['zk://user@h', 'has no user:password'],
    ['zk://:secret@h', 'has no user:password'],
    ['zk://h/a//b', 'has a path'],
    ['zk://h/a/../b', 'has a path'],
    ['zk://h/a\u0000b', 'has a path'],
  ])('%s is refused', (url, reason) => {
    expect(() => parseZooKeeperUrl(url)).toThrow(FormatError);
    expect(() => parseZooKeeperUrl(url)).toThrow(reason);
    expect(() => parseZooKeeperUrl(url)).not.toThrow(/secret/);
  });
});

describe('a session that can not be had', () => {
  const open = (port: number, signal = never): Promise<ZooKeeper> =>
    openZooKeeper(
      parseZooKeeperUrl(`zk://127.0.0.1:${port}`),
      { sessionTimeoutMs: 300, monotonicMs },
      signal,
    );

  it('fails within its timeout where nothing listens, or nothing answers', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    for (const at of [port, 1]) {
      const startedMs = monotonicMs();
      await expect(open(at)).rejects.toThrow(ZooKeeperError);
      expect(monotonicMs() - startedMs).toBeLessThan(300 + 2_000);
    }
    await expect(open(1)).rejects.toThrow('zk://127.0.0.1:1: connect: no server can be reached');
  });

  it("stops with the signal's reason", async () => {
    const reason = new Error('enough');
    await expect(open(1, AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 50);
    await expect(open(1, stop.signal)).rejects.toBe(reason);
  });
});

describe.skipIf(missing)(`a session${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let server: RunningZooKeeper;
  let paths = 0;
  beforeAll(async () => {
    server = await startZooKeeper();
  }, 40_000);
  afterAll(() => server?.stop());

  async function open({
    address = server.servers,
    sessionTimeoutMs = 4_000,
    user = '',
  } = {}): Promise<ZooKeeper> {
    const url = parseZooKeeperUrl(`zk://${user}${address}`);
    const session = await openZooKeeper(url, { sessionTimeoutMs, monotonicMs }, never);
    onTestFinished(() => session.close());
    return session;
  }

  it('makes, lists, reads and removes nodes', async () => {
    const session = await open();
    const path = `/test/deep/${++paths}`;
    await session.makePath(path, never);
    await session.makePath(path, never);
    const first = await session.createEphemeralSequential(`${path}/n-`, octets('one ü'), never);
    const second = await session.createEphemeralSequential(`${path}/n-`, new Uint8Array(), never);
    expect([first, second]).toEqual([`${path}/n-0000000000`, `${path}/n-0000000001`]);
    expect((await session.children(path, never)).toSorted()).toEqual(['n-0000000000', 'n-0000000001']);
    expect(new TextDecoder().decode(await session.read(first, never))).toBe('one ü');
    expect(await session.read(second, never)).toEqual(new Uint8Array());
    const [one, two] = [await session.stat(first, never), await session.stat(second, never)];
    expect(two?.czxid).toBeGreaterThan(one?.czxid ?? 2n ** 62n);
    await session.remove(first, never);
    await session.remove(first, never);
    expect(await session.stat(first, never)).toBeUndefined();
    expect(await session.read(first, never)).toBeUndefined();
    expect(await session.children(`${path}/none`, never)).toEqual([]);
  });

  it('tells once of a change, however often it was asked to', async () => {
    const [session, other] = [await open(), await open()];
    const path = `/test/${++paths}`;
    await session.makePath(path, never);
    const node = await other.createEphemeralSequential(`${path}/n-`, octets('x'), never);
    let gone = 0;
    let changed = 0;
    const onGone = (): void => void gone++;
    const onChanged = (): void => void changed++;
    for (let i = 0; i < 20; i++) {
      await session.stat(node, never, onGone);
      await session.children(path, never, onChanged);
    }
    await other.remove(node, never);
    await session.children(path, never);
    expect([gone, changed]).toEqual([1, 1]);
  });

  it('takes its ephemeral nodes with it at once when it is closed', async () => {
    const [session, other] = [await open(), await open()];
    const path = `/test/${++paths}`;
    await session.makePath(path, never);
    const node = await session.createEphemeralSequential(`${path}/n-`, octets('x'), never);
    await session.close();
    await session.close();
    expect([session.over.aborted, session.leftMs()]).toEqual([true, 0]);
    expect(await other.stat(node, never)).toBeUndefined();
    await expect(session.children(path, never)).rejects.toThrow(/session: was closed$/);
  });

  it('outlives a lost connection, and its requests do', async () => {
    const way = await wayTo(server.servers);
    onTestFinished(() => way.close());
    const session = await open({ address: way.address });
    const path = `/test/${++paths}`;
    await session.makePath(path, never);
    const node = await session.createEphemeralSequential(`${path}/n-`, octets('x'), never);
    for (let round = 0; round < 3; round++) {
      const asked = session.read(node, never);
      way.mend();
      expect(await asked).toEqual(octets('x'));
    }
    expect(session.over.aborted).toBe(false);
  });

  it('leaves a server that says nothing any more for another, within the session', async () => {
    const ways = [await wayTo(server.servers), await wayTo(server.servers)];
    onTestFinished(() => ways.forEach((way) => way.close()));
    const address = ways.map((way) => way.address).join(',');
    const session = await open({ address, sessionTimeoutMs: 2_000 });
    const path = `/test/${++paths}`;
    await session.makePath(path, never);
    const node = await session.createEphemeralSequential(`${path}/n-`, octets('x'), never);
    const used = ways.filter((way) => way.isUsed());
    expect(used).toHaveLength(1);
    used[0]?.cut();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(session.over.aborted).toBe(false);
    expect(await session.read(node, never)).toEqual(octets('x'));
  });

  it('gives up a request without an answer, and is over once the server may think so', async () => {
    const way = await wayTo(server.servers);
    onTestFinished(() => way.close());
    const session = await open({ address: way.address, sessionTimeoutMs: 900 });
    way.cut();
    const startedMs = monotonicMs();
    await expect(session.children('/', never)).rejects.toThrow(
      /list \/: no (?:answer in time|server can be reached)$/,
    );
    expect(monotonicMs() - startedMs).toBeLessThan(900);
    if (!session.over.aborted)
      await new Promise((resolve) => session.over.addEventListener('abort', resolve));
    expect(monotonicMs() - startedMs).toBeLessThan(900 + 200);
    expect(String(session.over.reason)).toContain('no server was heard of for its whole timeout');
  });

  it('keeps a session without any request of ours', async () => {
    const session = await open({ sessionTimeoutMs: 1_500 });
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(session.over.aborted).toBe(false);
    expect(session.leftMs()).toBeGreaterThan(100);
  });

  it('sends its credentials before anything else, also after a lost connection', async () => {
    const way = await wayTo(server.servers);
    onTestFinished(() => way.close());
    const session = await open({ address: way.address, user: 'doh:secret@' });
    const path = `/test/${++paths}`;
    await session.makePath(`${path}/owned`, never);
    for (let round = 0; round < 5; round++) {
      way.mend();
      await session
        .createEphemeralSequential(`${path}/owned/n-`, octets('x'), never)
        .catch((error: unknown) => {
          if (!String(error).endsWith('the connection was lost')) throw error;
        });
    }
    const stranger = await open({ user: 'doh:other@' });
    await expect(stranger.createEphemeralSequential(`${path}/owned/n-`, octets('x'), never)).rejects.toThrow(
      'not allowed with these credentials',
    );
  });
});
