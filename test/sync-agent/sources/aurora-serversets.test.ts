import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMemberKeep, type MemberKeep } from '../../../sync-agent/sources/aurora-keep.ts';
import { createServerSets, type ServerSetsOptions } from '../../../sync-agent/sources/aurora-serversets.ts';
import type { ServerSetSource } from '../../../sync-agent/sources/aurora-sets.ts';
import type { Announced } from '../../../sync-agent/sources/aurora-stabilizer.ts';
import { SourceError } from '../../../sync-agent/sources/source.ts';
import { parseZooKeeperUrl } from '../../../sync-agent/zookeeper-url.ts';
import { createVirtualClock, type VirtualClock } from '../../fakes/virtual-clock.ts';
import { createZooKeeperTree, type ZooKeeperTree } from '../../fakes/zookeeper-tree.ts';
import { keepReports } from '../reports.ts';

const never = new AbortController().signal;
const JOB = '/aurora/vagrant/test/http_example';
const DOWN = 'no server can be reached';
const SECOND = 1000;

const memberJson = (shard: number, port = 31000 + shard, status = 'ALIVE'): string =>
  JSON.stringify({
    serviceEndpoint: { host: 'h1', port },
    additionalEndpoints: { http: { host: 'h1', port } },
    status,
    shard,
  });

type Scene = {
  readonly tree: ZooKeeperTree;
  readonly clock: VirtualClock;
  readonly source: ServerSetSource;
  readonly problems: (string | undefined)[];
  /** Changes told of. */
  readonly bells: () => number;
  readonly follow: () => Promise<() => Promise<void>>;
  /** Each member as `job/shard:port`, and what was left out. */
  readonly members: () => Promise<string[]>;
  readonly reasons: () => Promise<string[]>;
};

function createScene(options: Partial<ServerSetsOptions> & { tree?: ZooKeeperTree } = {}): Scene {
  const { tree = createZooKeeperTree() } = options;
  const clock = createVirtualClock(0);
  const problems: (string | undefined)[] = [];
  let bells = 0;
  const source = createServerSets({
    url: parseZooKeeperUrl('zk://user:secret@zk1,zk2'),
    root: '/aurora',
    paths: new Map(),
    frameworkName: 'Aurora',
    stabilizeMs: 10 * SECOND,
    sessionTimeoutMs: 10 * SECOND,
    onStatus: ({ problem }) => problems.push(problem),
    monotonicMs: clock.now,
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
  const read = (report = keepReports().report) => source.read(report, never);
  return {
    tree,
    clock,
    source,
    problems,
    bells: () => bells,
    follow: async () => {
      const stopping = new AbortController();
      const following = source.follow(() => void bells++, stopping.signal);
      const stop = async (): Promise<void> => {
        stopping.abort();
        await following;
      };
      onTestFinished(stop);
      await clock.runUntil(clock.now());
      return stop;
    },
    members: async () =>
      (await read()).flatMap(({ job, members }) =>
        members.map(({ shard, primary }) => `${job}/${shard}:${primary.port}`),
      ),
    reasons: async () => {
      const { report, reasons } = keepReports();
      await read(report);
      return reasons();
    },
  };
}

/** So long that what watches told of is read. */
const settle = (clock: VirtualClock): Promise<void> => clock.runUntil(clock.now() + 60);

describe('ServerSets in ZooKeeper, asked once', () => {
  it('are found by role, environment and job, other nodes passed over', async () => {
    const { tree, source, members } = createScene();
    tree.put(`${JOB}/member_0000000001`, memberJson(1));
    tree.put(`${JOB}/member_0`, memberJson(0));
    tree.put('/aurora/www/prod/api/member_0000000000', memberJson(7));
    tree.put('/aurora/www/prod/empty', '');
    tree.put('/aurora/scheduler/singleton_candidate_0000000000', 'x');
    tree.put('/aurora/scheduler/member_0000000000', memberJson(9));
    tree.put('/aurora/replicated-log/log_replicas/0000000001', 'x');
    tree.put(`${JOB}/lock`, 'x');
    expect(await members()).toEqual(['http_example/0:31000', 'http_example/1:31001', 'api/7:31007']);
    expect(source.name).toBe('aurora-serversets zk://zk1:2181,zk2:2181/aurora');
    expect(tree.openNow()).toBe(0);
    const [set] = await source.read(() => undefined, never);
    expect(set).toMatchObject({
      frameworkName: 'Aurora',
      role: 'vagrant',
      environment: 'test',
      job: 'http_example',
    });
  });

  it('are found at paths of their own too', async () => {
    const paths = new Map([['/twitter/service/web', { role: 'www', environment: 'prod', job: 'web' }]]);
    const { tree, members } = createScene({ paths });
    tree.put('/twitter/service/web/member_0000000000', memberJson(0));
    expect(await members()).toEqual(['web/0:31000']);
    tree.put(`${JOB}/member_0`, memberJson(0));
    expect(await members()).toEqual(['http_example/0:31000', 'web/0:31000']);
  });

  it('have weights by their vectors', async () => {
    const { tree, source } = createScene();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    tree.put(`${JOB}/vector_0000000001`, JSON.stringify({ vector: [{ select: 'shard=0', weight: 0.5 }] }));
    const [set] = await source.read(() => undefined, never);
    expect(set?.members[0]?.primary.srv).toEqual({ priority: 1, weight: 50 });
  });

  it('leave out what they can not use, and count it each time', async () => {
    const { tree, members, reasons } = createScene();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    tree.put(`${JOB}/member_0000000001`, memberJson(1, 1, 'STARTING'));
    tree.put(`${JOB}/member_0000000002`, '{"status": "ALIVE"}');
    tree.put(`${JOB}/member_0000000003`, Uint8Array.of(12, 0, 1));
    tree.put(`${JOB}/vector_0000000004`, 'x');
    expect(await members()).toEqual(['http_example/0:31000']);
    const left = ['server-set-member', 'server-set-thrift', 'server-set-vector'];
    expect(await reasons()).toEqual(left);
    expect(await reasons()).toEqual(left);
  });

  it('keep a member of which one endpoint is bad', async () => {
    const { tree, source } = createScene();
    const json = JSON.parse(memberJson(0));
    json.additionalEndpoints.admin = { host: 'h1', port: 999_999 };
    tree.put(`${JOB}/member_0000000000`, JSON.stringify(json));
    const { report, details } = keepReports();
    const [set] = await source.read(report, never);
    expect(set?.members[0]?.additional.map(({ alias }) => alias)).toEqual(['http']);
    expect(details()).toEqual([
      `${JOB}/member_0000000000: additional endpoint admin: has port 999999, which is none`,
    ]);
  });

  it('throw where there is no ZooKeeper and nothing is known, without the password', async () => {
    const { tree, source } = createScene();
    tree.fail(DOWN);
    const error = await source.read(() => undefined, never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SourceError);
    expect(String(error)).toContain(DOWN);
    expect(String(error)).toContain('aurora.zk');
    expect(String(error) + source.name).not.toContain('secret');
  });

  it('are none before anybody announced anything: a root that is not there stops nothing else', async () => {
    const { tree, members, problems } = createScene();
    tree.put('/', '');
    expect(await members()).toEqual([]);
    expect(problems.at(-1)).toContain('there is no /aurora');
  });

  it('end with the signal', async () => {
    const { tree, source } = createScene();
    tree.hang();
    const [stop, reason] = [new AbortController(), new Error('enough')];
    const reading = source.read(() => undefined, stop.signal);
    await Promise.resolve();
    stop.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });
});

describe('a tree that is not as it should be', () => {
  const ZK = 'zk://zk1:2181,zk2:2181: ';
  const AS = (root: string): string => `and jobs are read as ${root}/<role>/<environment>/<job>: `;
  const SINGLE = (place: string): string =>
    `a single job goes into aurora.paths, as {"${place}": "role/environment/job"}`;
  const told = async ({ source }: Scene): Promise<string[]> => {
    const { report, skipped } = keepReports();
    await source.read(report, never);
    return skipped.map(({ reason, detail }) => `${reason} ${detail}`);
  };

  it.each<[string, string, string, string]>([
    ['one step too deep', '/aurora/www', '/aurora/www/prod/web', 'aurora.root /aurora would fit them; '],
    [
      'two steps too deep',
      '/a/aurora/www/prod',
      '/a/aurora/www/prod/web',
      'aurora.root /a/aurora would fit them; ',
    ],
    ['a job itself', '/aurora/www/prod/web', '/aurora/www/prod/web', 'aurora.root /aurora would fit them; '],
    ['of a job that announces itself beside the roles', '/aurora', '/aurora/web', ''],
    ['one step too high', '/a', '/a/aurora/www/prod/web', 'aurora.root /a/aurora would fit them; '],
    ['two steps too high', '/a', '/a/b/aurora/www/prod/web', 'aurora.root /a/b/aurora would fit them; '],
  ])('is told of once: a root %s', async (_, root, place, advice) => {
    const scene = createScene({ root });
    for (const shard of [0, 1, 2]) scene.tree.put(`${place}/member_000000000${shard}`, memberJson(shard));
    const line = `server-set-node ${ZK}members are announced in ${place}, ${AS(root)}${advice}${SINGLE(place)}`;
    expect(await told(scene)).toEqual([line]);
    expect(await scene.members()).toEqual([]);
    await scene.follow();
    expect(await told(scene)).toEqual([line]);
  });

  it('is told of in one line, be it many jobs', async () => {
    const scene = createScene({ root: '/aurora/www' });
    for (const job of 'abcdefgh') scene.tree.put(`/aurora/www/prod/${job}/member_0000000000`, memberJson(0));
    const lines = await told(scene);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('/aurora/www/prod/a, /aurora/www/prod/b, /aurora/www/prod/c and 5 more nodes');
  });

  it('is told of beside jobs that are in their place, and no more once it is mended', async () => {
    const scene = createScene();
    const { tree, clock, members, follow } = scene;
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    tree.put(`${JOB}/canary/member_0000000000`, memberJson(1));
    await follow();
    expect(await members()).toEqual(['http_example/0:31000']);
    expect((await told(scene))[0]).toContain(`announced in ${JOB}/canary,`);
    tree.remove(`${JOB}/canary/member_0000000000`);
    tree.remove(`${JOB}/canary`);
    await settle(clock);
    expect(await told(scene)).toEqual([]);
  });

  it('is not what Aurora’s own schedulers make of it, nor an empty node', async () => {
    const scene = createScene();
    scene.tree.put('/aurora/scheduler/singleton_candidate_0000000000', 'x');
    scene.tree.put('/aurora/scheduler/member_0000000000', memberJson(9));
    scene.tree.put('/aurora/replicated-log/log_replicas/0000000001', 'x');
    scene.tree.put('/aurora/www/prod/empty', '');
    scene.tree.put(`${JOB}/lock`, 'x');
    expect(await told(scene)).toEqual([]);
  });

  it('is not asked for again with each change of a job', async () => {
    const { tree, clock, follow } = createScene();
    tree.put(`${JOB}/lock`, 'x');
    await follow();
    const looks = tree.looks();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    await settle(clock);
    expect(tree.looks()).toBe(looks + 1);
  });

  it('is told of within 5 minutes where only what is below a job changes', async () => {
    const scene = createScene();
    scene.tree.put(`${JOB}/canary`, '');
    await scene.follow();
    scene.tree.put(`${JOB}/canary/member_0000000000`, memberJson(1));
    await scene.clock.runUntil(299 * SECOND);
    expect(await told(scene)).toEqual([]);
    await scene.clock.runUntil(301 * SECOND);
    expect(await told(scene)).toEqual([expect.stringContaining(`announced in ${JOB}/canary,`)]);
    expect(scene.bells()).toBe(2);
  });

  it('takes few questions more, and none while nothing changes', async () => {
    const scene = createScene();
    for (let job = 0; job < 200; job++) scene.tree.put(`/aurora/www/prod/job${job}/lock/a/b/c/d`, 'x');
    await scene.follow();
    // The root, a role, an environment, 200 jobs, and so many below them.
    expect(scene.tree.looks()).toBe(203 + 64);
    await scene.clock.runUntil(299 * SECOND);
    expect(scene.tree.looks()).toBe(203 + 64);
    expect(await told(scene)).toEqual([]);
  });

  it('is told of where aurora.paths names what is not there, until it is', async () => {
    const web = { role: 'www', environment: 'prod', job: 'web' };
    const scene = createScene({ paths: new Map([['/service/web', web]]) });
    const { tree, clock, members, follow, bells } = scene;
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    await follow();
    const line = `server-set-node ${ZK}there is no /service/web, where aurora.paths has job www/prod/web: check the job's zk_path and that it runs, or take the path out`;
    expect(await told(scene)).toEqual([line]);
    expect(await told(createScene({ tree, paths: new Map([['/service/web', web]]) }))).toEqual([line]);
    await clock.runUntil(700 * SECOND);
    // Listed again twice, and rung for once.
    expect([await told(scene), bells()]).toEqual([[line], 1]);
    tree.put('/service/web/member_0000000000', memberJson(1));
    await settle(clock);
    expect([await told(scene), await members()]).toEqual([[], ['http_example/0:31000', 'web/1:31001']]);
  });

  it('is told of where neither the root nor any path is there, but not where paths are all there is', async () => {
    const job = { role: 'www', environment: 'prod', job: 'web' };
    const scene = createScene({ paths: new Map([['/service/web', job]]) });
    expect(await told(scene)).toEqual([
      expect.stringContaining('there is no /service/web'),
      expect.stringContaining('there is no /aurora: nothing is announced there'),
    ]);
    scene.tree.put('/service/web/member_0000000000', memberJson(0));
    expect(await told(scene)).toEqual([]);
  });

  it('does not spoil the rest where what is odd may not be read', async () => {
    const scene = createScene();
    scene.tree.put(`${JOB}/member_0000000000`, memberJson(0));
    scene.tree.put(`${JOB}/lock/x`, '');
    scene.tree.forbid(`${JOB}/lock`);
    expect(await scene.members()).toEqual(['http_example/0:31000']);
    expect(await told(scene)).toEqual([]);
  });
});

describe('ServerSets in ZooKeeper, followed', () => {
  it('ring for members that come, change and say that they go', async () => {
    const { tree, clock, members, bells, follow } = createScene();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    await follow();
    expect([await members(), bells()]).toEqual([['http_example/0:31000'], 1]);
    tree.put(`${JOB}/member_0000000001`, memberJson(1));
    await settle(clock);
    expect([await members(), bells()]).toEqual([['http_example/0:31000', 'http_example/1:31001'], 2]);
    tree.put(`${JOB}/member_0000000001`, memberJson(1, 32001));
    await settle(clock);
    expect([await members(), bells()]).toEqual([['http_example/0:31000', 'http_example/1:32001'], 3]);
    tree.put(`${JOB}/member_0000000001`, memberJson(1, 32001, 'STOPPING'));
    await settle(clock);
    expect([await members(), bells()]).toEqual([['http_example/0:31000'], 4]);
  });

  it('ring for jobs, environments and roles that are new, and for weights', async () => {
    const { tree, clock, source, members, bells, follow } = createScene();
    tree.put('/aurora/vagrant/test', '');
    await follow();
    expect(await members()).toEqual([]);
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    await settle(clock);
    tree.put('/aurora/vagrant/prod/api/member_0000000000', memberJson(1));
    await settle(clock);
    tree.put('/aurora/www/prod/web/member_0000000000', memberJson(2));
    await settle(clock);
    expect(await members()).toEqual(['api/1:31001', 'http_example/0:31000', 'web/2:31002']);
    const rung = bells();
    tree.put(`${JOB}/vector_1`, JSON.stringify({ vector: [{ select: 'shard=0', weight: 2 }] }));
    await settle(clock);
    const sets = await source.read(() => undefined, never);
    expect(sets[1]?.members[0]?.primary.srv?.weight).toBe(200);
    expect(bells()).toBe(rung + 1);
  });

  it('keep a member that is gone for one window, and ring when that is over', async () => {
    const { tree, clock, members, bells, follow } = createScene();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    tree.put(`${JOB}/member_0000000001`, memberJson(1));
    await follow();
    tree.remove(`${JOB}/member_0000000001`);
    await settle(clock);
    expect([await members(), bells()]).toEqual([['http_example/0:31000', 'http_example/1:31001'], 1]);
    await clock.runUntil(9 * SECOND);
    expect(await members()).toHaveLength(2);
    await clock.runUntil(10.2 * SECOND);
    expect([await members(), bells()]).toEqual([['http_example/0:31000'], 2]);
  });

  it('stay whole while a session is lost, and are read anew in the next', async () => {
    const { tree, clock, members, bells, problems, follow } = createScene();
    for (const shard of [0, 1, 2]) tree.put(`${JOB}/member_000000000${shard}`, memberJson(shard));
    await follow();
    const before = await members();
    tree.fail(DOWN);
    tree.expire();
    tree.remove(`${JOB}/member_0000000001`);
    tree.put(`${JOB}/member_0000000003`, memberJson(3));
    await clock.runUntil(600 * SECOND);
    expect([await members(), bells()]).toEqual([before, 1]);
    expect(problems.at(-1)).toBe(
      `zk://zk1:2181,zk2:2181: connect: ${DOWN}; those read last are used until then`,
    );
    tree.fail(undefined);
    await clock.runUntil(612 * SECOND);
    // What went meanwhile is missed for the first time now.
    expect(await members()).toEqual([...before, 'http_example/3:31003']);
    await clock.runUntil(625 * SECOND);
    expect(await members()).toEqual(['http_example/0:31000', 'http_example/2:31002', 'http_example/3:31003']);
    expect(problems.at(-1)).toBeUndefined();
    expect(tree.openNow()).toBe(1);
  });

  it('are not taken from half a look', async () => {
    const { tree, clock, members, follow, source, problems } = createScene();
    for (const shard of [0, 1]) tree.put(`${JOB}/member_000000000${shard}`, memberJson(shard));
    await follow();
    const before = await members();
    tree.refuseReads('the connection was lost');
    tree.expire();
    await clock.runUntil(60 * SECOND);
    expect(await members()).toEqual(before);
    expect(problems.at(-1)).toContain('the connection was lost; those read last are used until then');
    expect(source.status()).toMatchObject({ sets: 1, members: 2 });
    expect(source.status().lastGoodAgeSeconds).toBeGreaterThan(55);
    tree.refuseReads(undefined);
    await clock.runUntil(75 * SECOND);
    expect(source.status().problem).toBeUndefined();
  });

  it('stay when the root itself is gone', async () => {
    const { tree, clock, members, follow, problems } = createScene();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    await follow();
    tree.remove('/aurora');
    await clock.runUntil(60 * SECOND);
    expect(await members()).toEqual(['http_example/0:31000']);
    expect(problems.at(-1)).toContain('there is no /aurora');
  });

  it('are listed again now and then, should a watch say nothing', async () => {
    const { tree, clock, follow } = createScene();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    await follow();
    const looks = tree.looks();
    await clock.runUntil(299 * SECOND);
    expect(tree.looks()).toBe(looks);
    await clock.runUntil(301 * SECOND);
    expect(tree.looks()).toBe(looks + 4);
    // What is gone is not asked for any more.
    for (const path of [`${JOB}/member_0000000000`, JOB, '/aurora/vagrant/test']) tree.remove(path);
    await clock.runUntil(320 * SECOND);
    const after = tree.looks();
    await clock.runUntil(602 * SECOND);
    expect(tree.looks()).toBe(after + 2);
  });

  it('wait for the first look, so long and no longer', async () => {
    const { tree, clock, source, follow } = createScene();
    tree.hang();
    await follow();
    const asked = source
      .read(() => undefined, never)
      .then(
        () => 'read',
        (error: unknown) => String(error),
      );
    await clock.runUntil(11.9 * SECOND);
    expect(await Promise.race([asked, Promise.resolve('pending')])).toBe('pending');
    await clock.runUntil(12.1 * SECOND);
    expect(await asked).toContain('has not answered in 12 s');
  });

  it('end promptly with the signal, and let the session go', async () => {
    const { tree, clock, follow } = createScene();
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    const stop = await follow();
    await stop();
    expect([tree.openNow(), clock.now()]).toEqual([0, 0]);
  });
});

describe('members kept over a restart', () => {
  const PLACE = 'zk://zk1:2181/aurora';
  async function createKeep(): Promise<{ keep: MemberKeep; path: string; folder: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'aurora-keep-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'data', 'server-sets.json');
    return { keep: createMemberKeep(path, PLACE), path, folder };
  }
  const announced: Announced = {
    id: `${JOB}/member_0000000000`,
    key: { role: 'vagrant', environment: 'test', job: 'http_example' },
    member: {
      name: 'member_0000000000',
      shard: 0,
      primary: { host: 'h1', port: 31000, addresses: ['10.0.0.1'], srv: { priority: 1, weight: 2 } },
      additional: [{ alias: 'http', host: 'h1', port: 31000, addresses: [] }],
    },
  };

  it('come back as they were, in one file', async () => {
    const { keep, folder } = await createKeep();
    expect(await keep.load()).toBeUndefined();
    await keep.save([announced]);
    await keep.save([announced]);
    expect(await keep.load()).toEqual([announced]);
    expect(await readdir(join(folder, 'data'))).toEqual(['server-sets.json']);
  });

  it.each([
    ['is cut off', (text: string) => text.slice(0, -9)],
    ['is of another ensemble', (text: string) => text.replace('zk1', 'zk2')],
    ['is of a later version', (text: string) => text.replace('"version":1', '"version":2')],
    ['has a port that is none', (text: string) => text.replaceAll('31000', '99999')],
  ])('are not taken from a file that %s', async (_, spoil) => {
    const { keep, path } = await createKeep();
    await keep.save([announced]);
    await writeFile(path, spoil(await readFile(path, 'utf8')));
    expect(await keep.load()).toBeUndefined();
  });

  it('are used while ZooKeeper is out of reach, and go one window after it is back', async () => {
    // Files take real time, and the clock here is none.
    let kept: readonly Announced[] | undefined;
    const keep: MemberKeep = {
      load: () => Promise.resolve(kept),
      save: async (members) => void (kept = members),
    };
    const first = createScene({ keep });
    for (const shard of [0, 1]) first.tree.put(`${JOB}/member_000000000${shard}`, memberJson(shard));
    expect(await first.members()).toHaveLength(2);

    const { tree, clock, members, problems, follow } = createScene({ keep });
    tree.fail(DOWN);
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    await follow();
    await clock.runUntil(20 * SECOND);
    expect(await members()).toEqual(['http_example/0:31000', 'http_example/1:31001']);
    expect(problems.at(-1)).toContain('those known when the agent ran last are used until then');
    tree.fail(undefined);
    await clock.runUntil(31 * SECOND);
    expect(await members()).toHaveLength(2);
    await clock.runUntil(45 * SECOND);
    expect(await members()).toEqual(['http_example/0:31000']);
  });

  it('that can not be written are a problem that is told, and no more', async () => {
    const keep: MemberKeep = { load: async () => undefined, save: () => Promise.reject(new Error('EROFS')) };
    const { tree, members, source, problems } = createScene({ keep });
    tree.put(`${JOB}/member_0000000000`, memberJson(0));
    expect(await members()).toEqual(['http_example/0:31000']);
    expect(problems.at(-1)).toContain('EROFS');
    expect(source.status().problem).toContain('can not be kept over a restart: EROFS');
  });
});
