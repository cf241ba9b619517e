import { describe, expect, it, onTestFinished } from 'vitest';
import type { MasterFinder } from '../../../sync-agent/masters/finder.ts';
import {
  createZooKeeperFinder,
  type ZooKeeperFinderOptions,
} from '../../../sync-agent/masters/zookeeper-finder.ts';
import { SourceError } from '../../../sync-agent/sources/source.ts';
import { parseZooKeeperUrl } from '../../../sync-agent/zookeeper-url.ts';
import { createVirtualClock, type VirtualClock } from '../../fakes/virtual-clock.ts';
import { createZooKeeperTree, type ZooKeeperTree } from '../../fakes/zookeeper-tree.ts';
import { masterJson, masterProtobuf } from './master-octets.ts';

const never = new AbortController().signal;
const NAME = 'zk://zk1:2181,zk2:2181/mesos';
const DOWN = 'no server can be reached';

describe('masters in ZooKeeper', () => {
  it('are asked in the order of their sequence, the leader first', async () => {
    const { tree, finder } = createScene();
    tree.put('/mesos/log_replicas/0000000000', 'x');
    tree.put('/mesos/json.info_0000000012', masterJson('10.0.0.2'));
    tree.put('/mesos/info_0000000011', masterProtobuf('10.0.0.3'));
    tree.put('/mesos/0000000013', 'master@10.0.0.1:5051');
    expect(hrefs(await finder.candidates(never))).toEqual([
      'http://10.0.0.3:5050/',
      'http://10.0.0.2:5050/',
      'http://10.0.0.1:5051/',
    ]);
    expect(finder.name).toBe(NAME);
    expect(finder.state()).toEqual({
      by: 'zookeeper',
      leader: 'http://10.0.0.3:5050',
      problem: undefined,
      masters: [
        { host: '10.0.0.3', port: '5050' },
        { host: '10.0.0.2', port: '5050' },
        { host: '10.0.0.1', port: '5051' },
      ],
    });
  });

  it('are followed: told once of each new leader, not of followers', async () => {
    const { tree, finder, clock, changes } = createScene({ masters: ['10.0.0.1', '10.0.0.2'] });
    await finder.candidates(never);
    expect(changes).toEqual(['http://10.0.0.1:5050']);
    tree.put('/mesos/json.info_0000000009', masterJson('10.0.0.3'));
    await settled(clock);
    expect(hrefs(await finder.candidates(never))).toHaveLength(3);
    expect(changes).toHaveLength(1);
    tree.remove('/mesos/json.info_0000000001');
    await settled(clock);
    expect(changes).toEqual(['http://10.0.0.1:5050', 'http://10.0.0.2:5050']);
    expect(hrefs(await finder.candidates(never))).toEqual(['http://10.0.0.2:5050/', 'http://10.0.0.3:5050/']);
    expect(clock.now()).toBe(0);
  });

  it('are new leaders too where one comes back at the same address, after a restart', async () => {
    const { tree, finder, clock, changes } = createScene({ masters: ['10.0.0.1'] });
    await finder.candidates(never);
    tree.remove('/mesos/json.info_0000000001');
    tree.put('/mesos/json.info_0000000002', masterJson('10.0.0.1'));
    await settled(clock);
    expect(changes).toEqual(['http://10.0.0.1:5050', 'http://10.0.0.1:5050']);
  });

  it('are found by looking again, should a watch say nothing', async () => {
    const { tree, finder, clock, changes } = createScene({ masters: ['10.0.0.1'] });
    await finder.candidates(never);
    // A master's own node is not watched: it never changes.
    tree.put('/mesos/json.info_0000000001', masterJson('10.0.0.2'));
    await settled(clock);
    expect(changes).toHaveLength(1);
    await clock.runUntil(15_000);
    expect(changes).toEqual(['http://10.0.0.1:5050', 'http://10.0.0.2:5050']);
  });

  it('tells nobody who wants no more, and the one who was given twice twice', async () => {
    const { tree, finder, clock } = createScene({ masters: ['10.0.0.1', '10.0.0.2'] });
    let told = 0;
    const listener = (): void => void told++;
    const end = finder.onChange(listener);
    finder.onChange(listener);
    await settled(clock);
    expect(told).toBe(2);
    end();
    tree.remove('/mesos/json.info_0000000001');
    await settled(clock);
    expect(told).toBe(3);
  });

  it('have the scheme that is configured, and their host names where those are wanted', async () => {
    const https = createScene({ scheme: 'https:', hostBy: 'hostname' });
    https.tree.put('/mesos/json.info_0000000001', masterJson('10.0.0.1', 5050, 'm1.example'));
    https.tree.put('/mesos/json.info_0000000002', masterJson('10.0.0.2'));
    https.tree.put('/mesos/json.info_0000000003', masterJson('fd00::3'));
    expect(hrefs(await https.finder.candidates(never))).toEqual([
      'https://m1.example:5050/',
      'https://10.0.0.2:5050/',
      'https://[fd00::3]:5050/',
    ]);
    expect(https.finder.state().masters?.[0]).toEqual({ host: '10.0.0.1', port: '5050' });
    const http = createScene();
    http.tree.put('/mesos/json.info_0000000001', masterJson('10.0.0.1', 5050, 'm1.example'));
    expect(hrefs(await http.finder.candidates(never))).toEqual(['http://10.0.0.1:5050/']);
  });

  it('are read up to a bound', async () => {
    const { tree, finder } = createScene();
    for (let i = 10; i < 60; i++) tree.put(`/mesos/json.info_00000000${i}`, masterJson(`10.0.0.${i}`));
    expect(hrefs(await finder.candidates(never))).toHaveLength(32);
    expect(finder.state().leader).toBe('http://10.0.0.10:5050');
  });

  it('are at the root where the URL has no path', async () => {
    const { tree, finder } = createScene({ url: parseZooKeeperUrl('zk://zk1') });
    tree.put('/json.info_0000000001', masterJson('10.0.0.1'));
    tree.put('/zookeeper', '');
    expect(hrefs(await finder.candidates(never))).toEqual(['http://10.0.0.1:5050/']);
  });

  it('are passed over where their node can not be read, which is said', async () => {
    const { tree, finder, clock, problems } = createScene({ masters: ['10.0.0.1', '10.0.0.2'] });
    tree.put('/mesos/json.info_0000000000', '{"secret":');
    expect(hrefs(await finder.candidates(never))).toHaveLength(2);
    expect(problems).toEqual([
      `${NAME}: passed over json.info_0000000000: is not JSON; http://10.0.0.1:5050, found last, is asked until then`,
    ]);
    tree.remove('/mesos/json.info_0000000000');
    await settled(clock);
    expect(finder.state().problem).toBeUndefined();
  });
});

describe('while there is no answer', () => {
  it('the last leader stays, the problem is said once, and the next leader is found after it', async () => {
    const { tree, finder, clock, changes, problems } = createScene({ masters: ['10.0.0.1', '10.0.0.2'] });
    await finder.candidates(never);
    tree.fail(DOWN);
    tree.expire();
    tree.remove('/mesos/json.info_0000000001');
    await clock.runUntil(600_000);
    expect(hrefs(await finder.candidates(never))).toEqual(['http://10.0.0.1:5050/', 'http://10.0.0.2:5050/']);
    const kept = 'http://10.0.0.1:5050, found last, is asked until then';
    expect(finder.state()).toMatchObject({ leader: 'http://10.0.0.1:5050' });
    expect(finder.state().problem).toBe(`${NAME}: connect: ${DOWN}; ${kept}`);
    expect(problems).toEqual([
      `${NAME}: session: has expired; ${kept}`,
      `${NAME}: connect: ${DOWN}; ${kept}`,
    ]);
    expect(changes).toHaveLength(1);

    tree.fail(undefined);
    await clock.runUntil(600_000 + 10_000);
    expect(changes).toEqual(['http://10.0.0.1:5050', 'http://10.0.0.2:5050']);
    expect(problems.at(-1)).toBeUndefined();
    expect(finder.state()).toMatchObject({ leader: 'http://10.0.0.2:5050', problem: undefined });
  });

  it('it is asked less and less often, within bounds, and one session is open at a time', async () => {
    const { tree, finder, clock } = createScene({ masters: ['10.0.0.1'] });
    await finder.candidates(never);
    await clock.runUntil(3_600_000);
    expect([tree.opened(), tree.openNow()]).toEqual([1, 1]);
    expect(tree.looks()).toBeGreaterThanOrEqual(360);
    expect(tree.looks()).toBeLessThan(370);
    tree.fail(DOWN);
    tree.expire();
    await clock.runUntil(3_601_500);
    expect(tree.opened()).toBeGreaterThan(2);
    await clock.runUntil(2 * 3_600_000);
    expect(tree.opened()).toBeGreaterThan(300);
    expect(tree.opened()).toBeLessThan(800);
    expect(tree.openNow()).toBe(0);
  });

  it('a session that ends is replaced, without a word where the leader stayed', async () => {
    const { tree, finder, clock, changes } = createScene({ masters: ['10.0.0.1'] });
    await finder.candidates(never);
    for (let round = 1; round <= 3; round++) {
      tree.expire();
      await clock.runUntil(round * 1_000);
      expect([tree.opened(), tree.openNow()]).toEqual([round + 1, 1]);
    }
    expect(changes).toHaveLength(1);
    expect(finder.state().problem).toBeUndefined();
    tree.remove('/mesos/json.info_0000000001');
    tree.put('/mesos/json.info_0000000002', masterJson('10.0.0.2'));
    await settled(clock);
    expect(changes).toHaveLength(2);
  });

  it('a session goes on through calls that fail, and what changed meanwhile is found', async () => {
    const { tree, finder, clock, changes } = createScene({ masters: ['10.0.0.1', '10.0.0.2'] });
    await finder.candidates(never);
    tree.fail('no answer in time');
    tree.remove('/mesos/json.info_0000000001');
    await settled(clock);
    expect(finder.state().problem).toMatch(/stat \/mesos: no answer in time; http:\/\/10\.0\.0\.1:5050,/);
    tree.fail(undefined);
    await clock.runUntil(1_000);
    expect(tree.opened()).toBe(1);
    expect(changes).toEqual(['http://10.0.0.1:5050', 'http://10.0.0.2:5050']);
    expect(finder.state().problem).toBeUndefined();
  });

  it('the last leader stays while no master is registered', async () => {
    const { tree, finder, clock, changes } = createScene({ masters: ['10.0.0.1'] });
    await finder.candidates(never);
    tree.remove('/mesos/json.info_0000000001');
    await settled(clock);
    expect(finder.state()).toMatchObject({
      leader: 'http://10.0.0.1:5050',
      problem: `${NAME}: no master is registered there; http://10.0.0.1:5050, found last, is asked until then`,
    });
    tree.remove('/mesos');
    await settled(clock);
    expect(finder.state().problem).toContain(`${NAME}: there is no /mesos, and so no leading master; `);
    expect(hrefs(await finder.candidates(never))).toEqual(['http://10.0.0.1:5050/']);
    tree.put('/mesos/json.info_0000000002', masterJson('10.0.0.2'));
    await settled(clock);
    expect(changes).toHaveLength(2);
  });
});

describe('before the first answer', () => {
  it.each<[string, (tree: ZooKeeperTree) => void, string]>([
    ['nothing answers', (tree) => tree.fail(DOWN), `${NAME}: connect: ${DOWN}`],
    ['the answer hangs', (tree) => tree.hang(), `${NAME} has not answered in 12 s`],
    ['the path is not there', () => undefined, `${NAME}: there is no /mesos, and so no leading master`],
    [
      'no master is there',
      (tree) => tree.put('/mesos/log_replicas', ''),
      `${NAME}: no master is registered there`,
    ],
    [
      'reading is not allowed',
      (tree) => {
        tree.put('/mesos/json.info_0000000001', masterJson('10.0.0.1'));
        tree.refuseReads('not allowed without credentials');
      },
      `${NAME}: read /mesos/json.info_0000000001: not allowed without credentials`,
    ],
  ])('candidates waits so long and no longer, and says why, where %s', async (_, arrange, why) => {
    const { tree, finder, clock } = createScene({ listens: false });
    arrange(tree);
    const asked = outcome(finder.candidates(never));
    await clock.runUntil(11_999);
    expect(await asked.now()).toBe('pending');
    await clock.runUntil(12_001);
    const error = await asked.error;
    expect(error).toBeInstanceOf(SourceError);
    expect(String(error)).toBe(
      `SourceError: no Mesos master is known: ${why}; ` +
        "check mesos.zk: hosts and ports from this machine, the path (the masters' --zk), user and password",
    );
    expect(finder.state().leader).toBeUndefined();
  });

  it('the masters of a list are asked, without a wait once it is known that there is a problem', async () => {
    const untilFound = [new URL('http://10.9.9.9:5050')];
    const { tree, finder, clock, changes } = createScene({ untilFound, listens: false });
    tree.fail(DOWN);
    expect(await finder.candidates(never)).toEqual(untilFound);
    await clock.runUntil(30_000);
    expect(await finder.candidates(never)).toEqual(untilFound);
    expect(clock.now()).toBe(30_000);
    expect(finder.state()).toEqual({
      by: 'zookeeper',
      leader: undefined,
      problem: `${NAME}: connect: ${DOWN}; mesos.masters are asked until then`,
      masters: [],
    });
    finder.onChange(() => changes.push(finder.state().leader));
    tree.put('/mesos/json.info_0000000001', masterJson('10.0.0.1'));
    tree.fail(undefined);
    await clock.runUntil(40_000);
    expect(hrefs(await finder.candidates(never))).toEqual(['http://10.0.0.1:5050/']);
    expect(changes).toEqual(['http://10.0.0.1:5050']);
  });

  it('the masters of a list wait for an answer that hangs, so long and no longer', async () => {
    const untilFound = [new URL('http://10.9.9.9:5050')];
    const { tree, finder, clock } = createScene({ untilFound, listens: false });
    tree.hang();
    const asked = finder.candidates(never);
    await clock.runUntil(11_999);
    expect(await Promise.race([asked, Promise.resolve('pending')])).toBe('pending');
    await clock.runUntil(12_001);
    expect(await asked).toEqual(untilFound);
  });

  it('candidates ends at once when a leader appears', async () => {
    const { tree, finder, clock, changes } = createScene();
    const asked = finder.candidates(never);
    await clock.runUntil(5_000);
    tree.put('/mesos/json.info_0000000001', masterJson('10.0.0.1'));
    await settled(clock);
    expect(hrefs(await asked)).toEqual(['http://10.0.0.1:5050/']);
    expect([clock.now(), changes]).toEqual([5_000, ['http://10.0.0.1:5050']]);
  });

  it('candidates ends with its signal', async () => {
    const { tree, finder, clock } = createScene({ listens: false });
    tree.hang();
    const [reason, stop] = [new Error('enough'), new AbortController()];
    const asked = outcome(finder.candidates(stop.signal));
    await settled(clock);
    stop.abort(reason);
    expect(await asked.error).toBe(reason);
    await expect(finder.candidates(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(clock.now()).toBe(0);
  });

  it('nothing is connected until somebody asks', async () => {
    const { tree, finder, clock } = createScene({ masters: ['10.0.0.1'], listens: false });
    await clock.runUntil(60_000);
    await finder.close();
    expect(tree.opened()).toBe(0);
  });
});

describe('closing', () => {
  it.each<[string, (tree: ZooKeeperTree) => void]>([
    ['connects', (tree) => tree.hang()],
    ['waits to try again', (tree) => tree.fail(DOWN)],
    ['watches', () => undefined],
  ])('is quick while it %s; candidates says so then', async (_, arrange) => {
    const { tree, finder, clock, problems } = createScene({ listens: false });
    arrange(tree);
    const asked = outcome(finder.candidates(never));
    await settled(clock);
    const before = problems.length;
    await finder.close();
    expect(tree.openNow()).toBe(0);
    expect(String(await asked.error)).toBe(`SourceError: ${NAME} was closed`);
    await expect(finder.candidates(never)).rejects.toThrow(`${NAME} was closed`);
    await finder.close();
    const opened = tree.opened();
    await clock.runUntil(60_000);
    expect([tree.opened(), tree.openNow(), problems.length]).toEqual([opened, 0, before]);
  });
});

type Scene = {
  readonly tree: ZooKeeperTree;
  readonly clock: VirtualClock;
  readonly finder: MasterFinder;
  /** Who led when a change was told. */
  readonly changes: (string | undefined)[];
  readonly problems: (string | undefined)[];
};

function createScene({
  masters = [],
  listens = true,
  ...options
}: Partial<ZooKeeperFinderOptions> & { masters?: readonly string[]; listens?: boolean } = {}): Scene {
  const tree = createZooKeeperTree();
  const clock = createVirtualClock(0);
  const [changes, problems]: (string | undefined)[][] = [[], []];
  masters.forEach((ip, i) => tree.put(`/mesos/json.info_000000000${i + 1}`, masterJson(ip)));
  const finder = createZooKeeperFinder({
    url: parseZooKeeperUrl('zk://zk1,zk2/mesos'),
    scheme: 'http:',
    sessionTimeoutMs: 10_000,
    monotonicMs: clock.now,
    onProblem: (problem) => problems?.push(problem),
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      const timer = clock.startTimer(ms);
      const { promise, reject } = Promise.withResolvers<never>();
      const stop = (): void => {
        timer.stop();
        reject(signal.reason);
      };
      signal.addEventListener('abort', stop);
      await Promise.race([timer.elapsed, promise]).finally(() => signal.removeEventListener('abort', stop));
    },
    random: () => 0.5,
    open: tree.open,
    ...options,
  });
  if (listens) finder.onChange(() => changes?.push(finder.state().leader));
  onTestFinished(() => finder.close());
  return { tree, clock, finder, changes: changes ?? [], problems: problems ?? [] };
}

function settled(clock: VirtualClock): Promise<void> {
  return clock.runUntil(clock.now());
}

function hrefs(urls: readonly URL[]): string[] {
  return urls.map(({ href }) => href);
}

/** A call that is expected to fail: whether it has ended, and its error. */
function outcome(call: Promise<unknown>): { now: () => Promise<unknown>; error: Promise<unknown> } {
  const error = call.then(
    () => expect.unreachable('it should fail'),
    (thrown: unknown) => thrown,
  );
  return { error, now: () => Promise.race([error, Promise.resolve('pending')]) };
}
