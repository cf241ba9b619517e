import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Skipped } from '../../../sync-agent/cluster.ts';
import { createConsulKeep } from '../../../sync-agent/consul/keep.ts';
import { createHttp, type HttpOptions } from '../../../sync-agent/http.ts';
import { sleepFor } from '../../../sync-agent/retry.ts';
import { createConsulApi, nextIndex } from '../../../sync-agent/sources/consul-api.ts';
import { checksByService } from '../../../sync-agent/sources/consul-checks.ts';
import {
  type ConsulCatalog,
  type ConsulCatalogOptions,
  createConsulCatalog,
} from '../../../sync-agent/sources/consul-catalog.ts';
import { readInstances, readNodes, readServiceNames } from '../../../sync-agent/sources/consul-facts.ts';
import { SourceError } from '../../../sync-agent/sources/source.ts';
import { type FakeConsul, startFakeConsul } from '../../fakes/consul.ts';
import { CA, CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from '../auth/certificates.ts';

const signal = new AbortController().signal;
const ignore = (): void => undefined;
const SECRET = 'b1gs07as-secret-0000-0000-000000000000';

async function start(options?: Parameters<typeof startFakeConsul>[0]): Promise<FakeConsul> {
  const consul = await startFakeConsul(options);
  onTestFinished(() => consul.close());
  for (const dc of options?.datacenters ?? ['dc1']) {
    consul.register({
      dc,
      node: 'n1',
      address: '10.0.0.1',
      service: { ID: 'consul', Service: 'consul', Port: 8300 },
    });
  }
  return consul;
}

const web = (id: string, more: Record<string, unknown> = {}) => ({
  ID: id,
  Service: 'web',
  Port: 80,
  ...more,
});

const NO_KEEP: ConsulCatalogOptions['keep'] = {
  load: () => Promise.resolve(new Map()),
  note: ignore,
  flush: () => Promise.resolve(),
};

type More = Partial<ConsulCatalogOptions> & {
  readonly token?: string | undefined;
  readonly tls?: HttpOptions['tls'];
  readonly consistency?: 'default' | 'stale' | 'consistent';
};

/** Waits a hundredth of what it should, and a millisecond at least. */
const hasten: typeof sleepFor = (ms, until) => sleepFor(Math.max(1, ms / 100), until);

function catalogOf(consul: Pick<FakeConsul, 'url'>, more: More = {}): ConsulCatalog & { problems: string[] } {
  const { token, tls, consistency = 'stale', ...rest } = more;
  const http = createHttp(tls ? { tls } : {});
  onTestFinished(() => http.close());
  const problems: string[] = [];
  const api = createConsulApi({
    ...{ url: new URL(consul.url), http, token: () => token, consistency },
    ...{ timeoutMs: 2_000, maxOctets: 10_000_000 },
  });
  const catalog = createConsulCatalog({
    ...{ api, datacenters: ['dc1'], concurrency: 4, waitMs: 20_000, keep: NO_KEEP, expireMs: 0 },
    ...{ now: Date.now, monotonicMs: () => performance.now(), sleep: hasten, random: () => 0.5 },
    onProblem: (datacenter, problem) => problems.push(`${datacenter}: ${problem ?? 'good'}`),
    ...rest,
  });
  return { ...catalog, problems };
}

/** Follows until the test ends. */
function follow(catalog: ConsulCatalog): {
  readonly changes: () => number;
  readonly stop: () => Promise<void>;
} {
  const stopping = new AbortController();
  let changes = 0;
  const following = catalog.follow(() => changes++, stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await following;
  };
  onTestFinished(stop);
  return { changes: () => changes, stop };
}

const namesIn = async (catalog: ConsulCatalog): Promise<string[]> =>
  (await catalog.read(ignore, signal)).datacenters.flatMap(({ services }) =>
    services.map(({ name }) => name),
  );
const healthOf = async (catalog: ConsulCatalog, name: string): Promise<string[]> =>
  (await catalog.read(ignore, signal)).datacenters
    .flatMap(({ services }) => services.filter((service) => service.name === name))
    .flatMap(({ instances }) => instances.map(({ health }) => health));
const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 5_000, interval: 10 });
const failureOf = (catalog: ConsulCatalog): Promise<unknown> =>
  catalog.read(ignore, signal).then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );

describe('reading', () => {
  it('gives services with the health of instances and nodes, critical ones included', async () => {
    const consul = await start();
    consul.register({
      node: 'n2',
      address: '10.0.0.2',
      meta: { env: 'prod' },
      service: web('w1', { Tags: ['a'] }),
    });
    consul.register({ node: 'n1', service: web('w2', { Address: '10.7.0.1' }), status: 'warning' });
    consul.register({ node: 'n3', address: '10.0.0.3', service: web('w3') });
    consul.setNodeHealth('n3', 'critical');
    const { datacenters } = await catalogOf(consul).read(ignore, signal);
    expect(datacenters[0]?.nodes.map(({ name, meta }) => [name, meta])).toEqual([
      ['n1', {}],
      ['n2', { env: 'prod' }],
      ['n3', {}],
    ]);
    const [, service] = datacenters[0]?.services ?? [];
    expect(service?.instances).toEqual([
      expect.objectContaining({
        id: 'w1',
        tags: ['a'],
        health: 'passing',
        weights: { passing: 1, warning: 1 },
      }),
      expect.objectContaining({ id: 'w2', address: '10.7.0.1', health: 'warning' }),
      expect.objectContaining({ id: 'w3', health: 'critical' }),
    ]);
  });

  it('asks each datacentre by its name, in the mode it is told, with its token in a header alone', async () => {
    const consul = await start({ datacenters: ['dc1', 'dc2'] });
    consul.token = SECRET;
    const options = { datacenters: ['dc1', 'dc2'], token: SECRET, consistency: 'consistent' } as const;
    expect(await namesIn(catalogOf(consul, options))).toEqual(['consul', 'consul']);
    expect(new Set(consul.requests.map(({ query }) => query.get('dc')))).toEqual(new Set(['dc1', 'dc2']));
    for (const { query, token } of consul.requests) {
      expect(query.has('consistent')).toBe(true);
      expect(query.toString()).not.toContain(SECRET);
      expect(token).toBe(SECRET);
    }
  });

  it('finds out what the datacentre is called where none is named', async () => {
    const consul = await start({ datacenters: ['Berlin'] });
    const { datacenters } = await catalogOf(consul, { datacenters: [] }).read(ignore, signal);
    expect(datacenters.map(({ name }) => name)).toEqual(['berlin']);
    expect(consul.requests.every(({ query }) => !query.has('dc'))).toBe(true);
    consul.answers.set('/v1/catalog/nodes', '[{"Node":"old","Address":"10.0.0.1"}]');
    expect(String(await failureOf(catalogOf(consul, { datacenters: [] })))).toMatch(/consul\.datacenters/);
  });

  it('asks for no more services at a time than it may', async () => {
    const consul = await start({ delayMs: 5 });
    for (let i = 0; i < 40; i++) consul.register({ node: 'n1', service: { ID: `s${i}`, Service: `s${i}` } });
    expect(await namesIn(catalogOf(consul, { concurrency: 3 }))).toHaveLength(41);
    expect(consul.mostAtOnce()).toBe(3);
  });

  it('reads anew each time while it is not followed', async () => {
    const consul = await start();
    const catalog = catalogOf(consul);
    expect(await namesIn(catalog)).toEqual(['consul']);
    consul.register({ node: 'n1', service: web('w') });
    expect(await namesIn(catalog)).toEqual(['consul', 'web']);
    consul.setHealth('w', 'critical');
    expect(await healthOf(catalog, 'web')).toEqual(['critical']);
  });

  it('asks for two spellings of a service once', async () => {
    const consul = await start();
    consul.register({ node: 'n1', service: web('a') });
    consul.register({ node: 'n1', service: { ID: 'b', Service: 'WEB' } });
    const catalog = catalogOf(consul);
    expect(await namesIn(catalog)).toEqual(['consul', 'web']);
    expect(await healthOf(catalog, 'web')).toHaveLength(2);
  });

  it.each([
    ['403', { status: 403, body: 'Permission denied' }, /403.*CONSUL_HTTP_TOKEN/],
    ['500', { status: 500 }, /500.*no cluster leader/],
    ['429', { status: 429, retryAfter: '3' }, /429/],
    ['a redirect', { status: 301 }, /301.*consul\.url/],
    ['a broken connection', 'reset', /connection/],
  ] as const)('fails on %s where nothing was ever read', async (_, fault, message) => {
    const consul = await start();
    consul.fault = fault;
    const error = await failureOf(catalogOf(consul));
    expect(error).toBeInstanceOf(SourceError);
    expect(String(error)).toMatch(message);
  });

  it('says what a refused token lacks, and never the token', async () => {
    const consul = await start();
    consul.fault = { status: 403, body: `token ${SECRET} lacks service:read` };
    const error = String(await failureOf(catalogOf(consul, { token: SECRET })));
    expect(error).toMatch(/403.*node:read and service:read/);
    expect(error).not.toContain(SECRET);
  });

  it('takes a catalogue without any service for one it may not see', async () => {
    const consul = await start();
    consul.answers.set('/v1/catalog/services', '{}');
    expect(String(await failureOf(catalogOf(consul)))).toMatch(/no service is to be seen.*service:read/);
  });

  it.each([
    ['/v1/catalog/services', '[]'],
    ['/v1/catalog/services', 'null'],
    ['/v1/catalog/services', '<html>'],
    ['/v1/catalog/nodes', '{}'],
    ['/v1/health/service/consul', '"no"'],
  ])('fails on %s that says %s', async (path, body) => {
    const consul = await start();
    consul.answers.set(path, body);
    expect(await failureOf(catalogOf(consul))).toBeInstanceOf(SourceError);
  });

  it('skips what it can not use, says so each time, and gives the rest', async () => {
    const consul = await start();
    consul.register({ node: 'n1', service: web('good') });
    consul.register({ node: 'n1', service: web('bad', { Port: '80' }) });
    consul.register({ node: 'n1', service: web('worse', { Weights: { Passing: -1, Warning: 1 } }) });
    consul.answers.set('/v1/catalog/nodes', '[{"Node":"n1","Address":"10.0.0.1"},{"Node":""},7]');
    const catalog = catalogOf(consul);
    for (let i = 0; i < 2; i++) {
      const skipped: Skipped[] = [];
      const { datacenters } = await catalog.read((each) => void skipped.push(each), signal);
      expect(skipped.map(({ reason }) => reason).toSorted()).toEqual([
        'consul-instance',
        'consul-instance',
        'consul-node',
        'consul-node',
      ]);
      expect(datacenters[0]?.services[1]?.instances.map(({ id }) => id)).toEqual(['good']);
      expect(datacenters[0]?.nodes).toHaveLength(1);
    }
    expect(catalog.status()[0]?.skipped).toEqual({ 'consul-instance': 2, 'consul-node': 2 });
  });

  it('speaks TLS with a CA, a client certificate and another server name', async () => {
    const consul = await start({
      tls: { cert: SERVER_CERT, key: SERVER_KEY, ca: CA, requestCert: true, rejectUnauthorized: true },
    });
    const tls = { ca: CA, cert: CLIENT_CERT, key: CLIENT_KEY, servername: 'kv.test' };
    expect(await namesIn(catalogOf(consul, { tls }))).toEqual(['consul']);
    expect(String(await failureOf(catalogOf(consul, { tls: { ca: CA } })))).toMatch(/certificate|connection/);
    expect(String(await failureOf(catalogOf(consul)))).toMatch(/certificate/);
  });

  it("stops with the signal's reason", async () => {
    const consul = await start();
    consul.fault = 'hang';
    const reason = new Error('enough');
    await expect(catalogOf(consul).read(ignore, AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    const reading = catalogOf(consul).read(ignore, stop.signal);
    setTimeout(() => stop.abort(reason), 20);
    await expect(reading).rejects.toBe(reason);
  });
});

describe('following', () => {
  it('hears of registrations, health, node health and deregistrations', async () => {
    const consul = await start();
    const catalog = catalogOf(consul);
    const { changes } = follow(catalog);
    await until(() => expect(consul.waiting()).toBe(3));
    consul.register({ node: 'n2', service: web('w') });
    await until(async () => expect(await healthOf(catalog, 'web')).toEqual(['passing']));
    consul.setHealth('w', 'critical');
    await until(async () => expect(await healthOf(catalog, 'web')).toEqual(['critical']));
    consul.setHealth('w', 'passing');
    await until(async () => expect(await healthOf(catalog, 'web')).toEqual(['passing']));
    consul.setNodeHealth('n2', 'warning');
    await until(async () => expect(await healthOf(catalog, 'web')).toEqual(['warning']));
    consul.deregister('w');
    await until(async () => expect(await namesIn(catalog)).toEqual(['consul']));
    expect(changes()).toBeGreaterThanOrEqual(5);
  });

  it('holds three requests a datacentre, and asks for nothing while nothing changes', async () => {
    const consul = await start();
    for (let i = 0; i < 100; i++) consul.register({ node: 'n1', service: { ID: `s${i}`, Service: `s${i}` } });
    const catalog = catalogOf(consul);
    follow(catalog);
    await until(async () => expect(await namesIn(catalog)).toHaveLength(101));
    await until(() => expect(consul.waiting()).toBe(3));
    // What began before the first read was whole is read once more.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = consul.requests.length;
    for (let i = 0; i < 10; i++) await catalog.read(ignore, signal);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(consul.requests.length).toBe(before);
    expect(consul.waiting()).toBe(3);
  });

  it('does not look at what checks print: such changes cost no reads of services', async () => {
    const consul = await start();
    const catalog = catalogOf(consul);
    const { changes } = follow(catalog);
    await until(() => expect(changes()).toBe(1));
    await until(() => expect(consul.waiting()).toBe(3));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const reads = (): number =>
      consul.requests.filter(({ path }) => path.startsWith('/v1/health/service')).length;
    const before = reads();
    for (let i = 0; i < 5; i++) {
      consul.chatter();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(consul.requests.filter(({ path }) => path === '/v1/health/state/any').length).toBeGreaterThan(5);
    expect([reads(), changes()]).toEqual([before, 1]);
    consul.setHealth('consul', 'warning');
    await until(async () => expect(await healthOf(catalog, 'consul')).toEqual(['warning']));
    expect(reads()).toBe(before + 1);
  });

  it('takes its time between requests, however often something changes', async () => {
    const consul = await start();
    follow(catalogOf(consul, { sleep: sleepFor }));
    await until(() => expect(consul.requests.length).toBeGreaterThan(2));
    for (let i = 0; i < 30; i++) {
      consul.chatter();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const asked = consul.requests.filter(({ path }) => path === '/v1/health/state/any');
    expect(asked.length).toBeLessThan(3);
  });

  it.each([
    ['goes backwards', 3],
    ['is 0', 0],
  ])('begins anew when the index %s, and hears what comes', async (_, to) => {
    const consul = await start();
    const catalog = catalogOf(consul);
    follow(catalog);
    await until(() => expect(consul.waiting()).toBe(3));
    consul.resetIndex(to);
    await new Promise((resolve) => setTimeout(resolve, 100));
    consul.register({ node: 'n2', service: web('w') });
    await until(async () => expect(await namesIn(catalog)).toContain('web'));
    // Not a hot loop: at the pace of a hundredth of ten seconds or of one.
    expect(consul.requests.length).toBeLessThan(400);
    for (const { query } of consul.requests) expect(query.get('index')).not.toBe('0');
  });

  it('polls where there is no index', async () => {
    const consul = await start();
    consul.withoutIndex = true;
    const catalog = catalogOf(consul);
    follow(catalog);
    await until(async () => expect(await namesIn(catalog)).toEqual(['consul']));
    await new Promise((resolve) => setTimeout(resolve, 350));
    // A hundredth of ten seconds lies between two.
    const polls = consul.requests.filter(({ path }) => path === '/v1/health/state/any').length;
    expect(polls).toBeGreaterThan(1);
    expect(polls).toBeLessThan(8);
    consul.register({ node: 'n2', service: web('w') });
    await until(async () => expect(await namesIn(catalog)).toContain('web'));
    expect(consul.waiting()).toBe(0);
  });

  it('keeps the last good facts through trouble, tells of it once, and catches up', async () => {
    const consul = await start();
    consul.register({ node: 'n2', service: web('w') });
    const catalog = catalogOf(consul);
    follow(catalog);
    await until(async () => expect(await namesIn(catalog)).toContain('web'));
    consul.fault = { status: 500 };
    consul.deregister('w');
    await until(() => expect(catalog.problems.at(-1)).toMatch(/dc1: .*500/));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await namesIn(catalog)).toContain('web');
    expect(catalog.status()[0]?.problem).toMatch(/500/);
    const told = catalog.problems.filter((problem) => problem.includes('500')).length;
    expect(told).toBeLessThanOrEqual(4);
    consul.fault = undefined;
    await until(async () => expect(await namesIn(catalog)).toEqual(['consul']));
    await until(() => expect(catalog.status()[0]?.problem).toBeUndefined());
  });

  it('says how old its facts are: they stay good while nothing changes, and age in trouble', async () => {
    const consul = await start();
    let nowMs = 1_000_000;
    const catalog = catalogOf(consul, { now: () => nowMs, waitMs: 1_000 });
    follow(catalog);
    await until(async () => expect(await namesIn(catalog)).toEqual(['consul']));
    await until(() => expect(consul.waiting()).toBe(3));
    nowMs += 60_000;
    await until(async () => expect((await catalog.read(ignore, signal)).asOfMs).toBe(1_060_000));
    consul.fault = 'reset';
    nowMs += 3_000;
    consul.chatter();
    await until(() => expect(catalog.status()[0]?.problem).toBeDefined());
    nowMs += 500_000;
    expect((await catalog.read(ignore, signal)).asOfMs).toBeLessThanOrEqual(1_063_000);
  });

  it('counts from when a stale server last heard of its leader', async () => {
    const consul = await start();
    consul.lastContactMs = 90_000;
    const { asOfMs } = await catalogOf(consul, { now: () => 1_000_000 }).read(ignore, signal);
    expect(asOfMs).toBe(910_000);
  });

  it('leaves nothing behind', async () => {
    const consul = await start();
    const catalog = catalogOf(consul);
    const { stop } = follow(catalog);
    await until(() => expect(consul.waiting()).toBe(3));
    await stop();
    await until(() => expect(consul.waiting()).toBe(0));
    const before = consul.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(consul.requests.length).toBe(before);
  });
});

describe('datacentres', () => {
  const datacenters = ['dc1', 'dc2'];

  it('that can not be read do not keep the others; the own one must have been', async () => {
    const consul = await start({ datacenters: ['dc1'] });
    const catalog = catalogOf(consul, { datacenters });
    const { datacenters: got } = await catalog.read(ignore, signal);
    expect(got.map(({ name }) => name)).toEqual(['dc1']);
    expect(catalog.status().map(({ problem }) => problem?.match(/No path/)?.[0])).toEqual([
      undefined,
      'No path',
    ]);
    expect(await failureOf(catalogOf(consul, { datacenters: ['dc2', 'dc1'] }))).toBeInstanceOf(SourceError);
  });

  it('other than the own are left out once they are too old', async () => {
    const consul = await start({ datacenters });
    let nowMs = 1_000_000;
    const catalog = catalogOf(consul, { datacenters, now: () => nowMs, expireMs: 60_000 });
    expect((await catalog.read(ignore, signal)).datacenters).toHaveLength(2);
    consul.fault = { status: 500 };
    nowMs += 59_000;
    expect((await catalog.read(ignore, signal)).datacenters).toHaveLength(2);
    nowMs += 2_000;
    expect((await catalog.read(ignore, signal)).datacenters.map(({ name }) => name)).toEqual(['dc1']);
  });
});

describe('what is kept', () => {
  async function keeping(
    place = 'here',
  ): Promise<{ path: string; keep: () => ConsulCatalogOptions['keep'] }> {
    const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-consul-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, 'consul-last.json');
    const options = { place, apartMs: 0, monotonicMs: () => performance.now(), onProblem: ignore };
    return { path, keep: () => createConsulKeep(path, options) };
  }

  it('is given after a restart while Consul is away, with its age and its skips gone', async () => {
    const consul = await start();
    consul.register({
      node: 'n2',
      address: '10.0.0.2',
      meta: { a: 'b' },
      service: web('w', { Tags: ['t'], TaggedAddresses: { wan: { Address: '192.0.2.1', Port: 9 } } }),
    });
    const { keep } = await keeping();
    const first = keep();
    const before = await catalogOf(consul, { keep: first, now: () => 5_000 }).read(ignore, signal);
    await first.flush();
    consul.fault = 'reset';
    const again = await catalogOf(consul, { keep: keep() }).read(ignore, signal);
    expect(again).toEqual({ ...before, asOfMs: 5_000 });
  });

  it('is not given for another Consul, nor where it can not be read', async () => {
    const consul = await start();
    const { path, keep } = await keeping();
    const first = keep();
    await catalogOf(consul, { keep: first }).read(ignore, signal);
    await first.flush();
    consul.fault = 'reset';
    const other = createConsulKeep(path, {
      ...{ place: 'elsewhere', apartMs: 0, monotonicMs: () => 0, onProblem: ignore },
    });
    expect(await failureOf(catalogOf(consul, { keep: other }))).toBeInstanceOf(SourceError);
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 100));
    expect(await failureOf(catalogOf(consul, { keep: keep() }))).toBeInstanceOf(SourceError);
  });
});

describe('indexes', () => {
  it.each([
    [0, 5, 5],
    [5, 5, 5],
    [5, 9, 9],
    [9, 5, 0],
    [9, 0, 0],
    [0, 0, 0],
  ])('after %i and %i comes %i', (last, answered, next) => expect(nextIndex(last, answered)).toBe(next));
});

describe('checks', () => {
  const { node, ...rest } = { node: { name: 'n', address: '', tagged: {} }, tags: [], address: '', port: 0 };
  const instance = {
    ...rest,
    node,
    id: 'w',
    tagged: {},
    weights: { passing: 1, warning: 1 },
    health: 'passing',
  } as const;
  const services = [{ name: 'Web', instances: [instance] }];
  it('of nodes count for what runs there, and of unknown services for all', () => {
    const of = (status: string): unknown => [{ Node: 'n', CheckID: 'serf', ServiceName: '', Status: status }];
    expect(checksByService(of('passing'), services)).not.toEqual(checksByService(of('critical'), services));
    expect([...(checksByService(of('passing'), services)?.keys() ?? [])]).toEqual(['Web']);
    expect(checksByService([{ Node: 'n', ServiceName: 'other' }], services)).toBeUndefined();
    expect(checksByService({}, services)).toBeUndefined();
  });
});

const CAPTURES = new URL('../../../../shared/captures/consul/', import.meta.url);
describe.skipIf(!existsSync(CAPTURES))('captured answers', () => {
  const captured = (name: string): unknown => JSON.parse(readFileSync(new URL(name, CAPTURES), 'utf8'));
  const fail = (skipped: Skipped): void => expect.unreachable(skipped.detail);

  it('are read without a skip', () => {
    const one = readInstances(
      captured('WeAreFarmGeek__diplomat--service01--7a8c6d74.json'),
      'service01',
      fail,
    );
    expect(one).toEqual([
      expect.objectContaining({ address: '', port: 8080, tags: ['tcp'], health: 'passing' }),
    ]);
    const three = readInstances(
      captured('WeAreFarmGeek__diplomat--service03--b4a8e7c7.json'),
      'service03',
      fail,
    );
    expect(three.map(({ node, health }) => [node.name, health])).toEqual([
      ['node01', 'critical'],
      ['node03', 'passing'],
    ]);
    const [grpc] = readInstances(captured('health-service-user-grpc.json'), 'user-GRPC', fail);
    expect(grpc).toMatchObject({
      address: '172.40.0.2',
      node: { address: '127.0.0.1' },
      tagged: { lan_ipv4: { address: '172.40.0.2', port: 19001 } },
    });
    const names = readServiceNames(captured('WeAreFarmGeek__diplomat--services--7fc5b2fc.json'), fail);
    expect(names).toEqual(['service01', 'service02', 'service03', 'service04']);
  });

  it('of a terminal as well', () => {
    const lines = readFileSync(new URL('catalog-services-registrator.txt', CAPTURES), 'utf8').split('\n');
    const [services, nodes] = lines
      .filter((line) => /^[[{]/.test(line))
      .map((line): unknown => JSON.parse(line));
    expect(readServiceNames(services, fail)).toHaveLength(7);
    expect(readNodes(nodes, fail)).toEqual({
      nodes: [{ name: 'consulserver', address: '172.17.0.2', tagged: { wan: '172.17.0.2' }, meta: {} }],
      datacenter: undefined,
    });
  });
});
