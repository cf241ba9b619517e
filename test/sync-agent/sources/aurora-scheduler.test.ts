import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { sleepFor } from '../../../sync-agent/retry.ts';
import {
  createAuroraScheduler,
  type AuroraSchedulerOptions,
} from '../../../sync-agent/sources/aurora-scheduler.ts';
import type { ServerSetSource } from '../../../sync-agent/sources/aurora-sets.ts';
import { type AuroraWebhook, createAuroraWebhook } from '../../../sync-agent/sources/aurora-webhook.ts';
import { SourceError } from '../../../sync-agent/sources/source.ts';
import { keepReports } from '../reports.ts';
import { deadPort, openHttp, startServer } from './state-server.ts';

const never = new AbortController().signal;
const SECRET = 'a-secret-of-the-webhook';
const DATA = JSON.stringify({
  announce: { primary_port: 'http', portmap: { alias: 'http', admin: '8080' } },
});

type Task = {
  id: string;
  instance?: number;
  status?: number;
  ports?: Record<string, number>;
  data?: string;
  executor?: string;
};

/** A `ScheduledTask` as TJSONProtocol writes it, field numbers as in aurora's `api.thrift`. */
function scheduled({
  id,
  instance = 0,
  status = 2,
  ports = { http: 31000 },
  data = DATA,
  executor = 'AuroraExecutor',
}: Task): unknown {
  const job = { 1: { str: 'vagrant' }, 2: { str: 'test' }, 3: { str: 'http_example' } };
  const config = {
    28: { rec: job },
    17: { rec: { 2: { str: 'vagrant' } } },
    7: { tf: 1 },
    32: { set: ['rec', 1, { 1: { dbl: 0.1 } }] },
    25: { rec: { 1: { str: executor }, 2: { str: data } } },
  };
  const assigned = {
    1: { str: id },
    2: { str: 'x-S1' },
    3: { str: 'h1' },
    4: { rec: config },
    5: { map: ['str', 'i32', Object.keys(ports).length, ports] },
    6: { i32: instance },
  };
  return { 1: { rec: assigned }, 2: { i32: status }, 3: { i32: 0 }, 4: { lst: ['rec', 0] } };
}

function reply(tasks: readonly unknown[], code = 1, messages: readonly string[] = []): string {
  const result = { 3: { rec: { 1: { lst: ['rec', tasks.length, ...tasks] } } } };
  const details = messages.map((message) => ({ 1: { str: message } }));
  const response = {
    1: { i32: code },
    5: { rec: { 1: { str: 'devcluster' } } },
    3: { rec: result },
    6: { lst: ['rec', details.length, ...details] },
  };
  return JSON.stringify([1, 'getTasksStatus', 2, 0, { 0: { rec: response } }]);
}

/** What the webhook posts, as aurora's `docs/features/webhooks.md` shows it. */
function notice({
  id,
  instance = 0,
  status = 'RUNNING',
  ports = { http: 31000 },
  data = DATA,
}: Omit<Task, 'status'> & { status?: string }): string {
  const job = { cachedHashCode: 803049425, role: 'vagrant', environment: 'test', name: 'http_example' };
  const task = { cachedHashCode: -1819348376, job, executorConfig: { name: 'AuroraExecutor', data } };
  const assignedTask = {
    taskId: id,
    slaveId: 'x-S1',
    slaveHost: 'h1',
    task,
    assignedPorts: ports,
    instanceId: instance,
  };
  return JSON.stringify({ task: { cachedHashCode: 0, assignedTask, status, failureCount: 0 }, oldState: {} });
}

const answering =
  (body: () => string): RequestListener =>
  (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/vnd.apache.thrift.json' }).end(body());

function open(urls: readonly string[], options: Partial<AuroraSchedulerOptions> = {}): ServerSetSource {
  return createAuroraScheduler({
    urls: urls.map((url) => new URL(url)),
    http: openHttp(),
    frameworkName: 'Aurora',
    timeoutMs: 5_000,
    maxOctets: 1_000_000,
    pollMs: 3_600_000,
    monotonicMs: () => performance.now(),
    sleep: sleepFor,
    random: () => 0.5,
    ...options,
  });
}

async function portsOf(source: ServerSetSource): Promise<string[]> {
  const sets = await source.read(() => undefined, never);
  return sets.flatMap(({ job, members }) =>
    members.flatMap(({ shard, primary, additional }) => [
      `${job}/${shard}:${primary.port}`,
      ...additional.map(({ alias, port }) => `${alias}=${port}`),
    ]),
  );
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

describe("Aurora's scheduler", () => {
  it('tells the ports of running tasks, portmap applied, by one call of its Thrift API', async () => {
    const bodies: string[] = [];
    const server = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        bodies.push(body);
        answering(() =>
          reply([scheduled({ id: 't1' }), scheduled({ id: 't2', instance: 1, status: 0, ports: {} })]),
        )(request, response);
      });
    });
    const source = open([server.origin]);
    expect(await portsOf(source)).toEqual([
      'http_example/0:31000',
      'admin=8080',
      'alias=31000',
      'http=31000',
    ]);
    expect(server.requests).toEqual(['POST /api']);
    expect(server.headers[0]).toMatchObject({ 'content-type': 'application/vnd.apache.thrift.json' });
    expect(JSON.parse(bodies[0] ?? '')).toEqual([
      1,
      'getTasksStatus',
      1,
      0,
      { 1: { rec: { 5: { set: ['i32', 1, 2] } } } },
    ]);
    const [set] = await source.read(() => undefined, never);
    expect(set?.members[0]).toMatchObject({
      name: 't1',
      task: { taskId: 't1', agentId: 'x-S1' },
      primary: { host: 'h1' },
    });
  });

  it('gives what it can of each task, and says what not, of which task and why', async () => {
    const odd = { 1: { rec: { 1: { str: 't5' } } }, 2: { i32: 2 } };
    const server = await startServer(
      answering(() =>
        reply([
          scheduled({
            id: 't1',
            data: '{"announce": {"portmap": {"a": "b", "b": "a", "x": "999999", "ok": 80}}}',
          }),
          scheduled({ id: 't2', instance: 7, data: '{' }),
          scheduled({ id: 't3', data: '{', executor: 'docker', ports: { x: 1 } }),
          scheduled({ id: 't4', ports: {}, data: '{}' }),
          odd,
          scheduled({ id: 't6', ports: {}, data: '{"announce": {"portmap": {"a": "gone"}}}' }),
          scheduled({ id: 't7', instance: -1 }),
        ]),
      ),
    );
    const { report, skipped } = keepReports();
    const [set] = await open([server.origin]).read(report, never);
    const given = set?.members.map(({ name, primary, additional }) => [
      name,
      primary.port,
      ...additional.map(({ alias, port }) => `${alias}=${port}`),
    ]);
    expect(given).toEqual([
      ['t1', 31000, 'http=31000', 'ok=80'],
      ['t2', 31000, 'http=31000'],
      ['t3', 0, 'x=1'],
      ['t6', 0],
    ]);
    const who = (id: string, instance: number): string =>
      `task ${id} (vagrant/test/http_example, instance ${instance})`;
    expect(skipped.map(({ reason, detail }) => `${reason} ${detail}`)).toEqual([
      `aurora-ports ${who('t1', 0)}: portmap a leads in a circle`,
      `aurora-ports ${who('t1', 0)}: portmap b leads in a circle`,
      `aurora-ports ${who('t1', 0)}: portmap x is 999999, which is no port`,
      `aurora-ports ${who('t2', 7)}: executorConfig.data: is not valid JSON: only the ports it was assigned are used`,
      'aurora-task task t5: slaveHost: is missing',
      `aurora-ports ${who('t6', 0)}: portmap a leads to "gone", which is no port of it`,
      `aurora-task ${who('t7', -1)}: instanceId: is -1`,
    ]);
  });

  it('says so much of one task and no more', async () => {
    const portmap = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}`, 'gone']));
    const server = await startServer(
      answering(() => reply([scheduled({ id: 't1', data: JSON.stringify({ announce: { portmap } }) })])),
    );
    const { report, details } = keepReports();
    await open([server.origin]).read(report, never);
    expect(details()).toHaveLength(11);
    expect(details()[10]).toContain('and 30 more of its ports');
  });

  it('is found by the redirect of one that does not lead, and asked in turn', async () => {
    const leader = await startServer(answering(() => reply([scheduled({ id: 't1' })])));
    const other = await startServer(
      (_, response) => void response.writeHead(307, { location: `${leader.origin}/api` }).end(),
    );
    const dead = `http://127.0.0.1:${await deadPort()}`;
    expect(await portsOf(open([dead, other.origin]))).toHaveLength(4);
    expect(leader.requests).toEqual(['POST /api']);
  });

  it.each<[string, (response: ServerResponse) => unknown, string]>([
    [
      'an error of its own',
      (response) => response.end(reply([], 6, ['not ready'])),
      'answered with code 6: not ready',
    ],
    [
      'OK, and nothing of tasks: that is no empty cluster',
      (response) => response.end('[1,"getTasksStatus",2,0,{"0":{"rec":{"1":{"i32":1},"3":{"rec":{}}}}}]'),
      'answered OK without a scheduleStatusResult',
    ],
    [
      'an exception',
      (response) => response.end('[1,"getTasksStatus",3,0,{"1":{"str":"bad method"}}]'),
      'bad method',
    ],
    ['another page', (response) => response.end('{"tasks": []}'), 'is no Thrift message'],
    ['404', (response) => response.writeHead(404).end(), 'no Aurora scheduler is there'],
    ['401', (response) => response.writeHead(401).end(), 'wants a user and password'],
    [
      'redirects without end',
      (response) => response.writeHead(307, { location: '/api' }).end(),
      'redirects more than 3 times',
    ],
    [
      'a redirect to a file',
      (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'is not HTTP',
    ],
  ])('that answers with %s is a SourceError that says so', async (_, answer, why) => {
    const server = await startServer((__, response) => void answer(response));
    const error = await open([server.origin])
      .read(() => undefined, never)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SourceError);
    expect(String(error)).toContain(why);
    expect(String(error)).toContain('check aurora.schedulerUrls');
  });

  it('gets its credentials, and what was read last stays while it is away', async () => {
    let isUp = true;
    const server = await startServer((request, response) => {
      if (isUp) answering(() => reply([scheduled({ id: 't1' })]))(request, response);
      else response.writeHead(503).end();
    });
    const source = open([server.origin], { header: async () => 'Basic abc' });
    const before = await portsOf(source);
    isUp = false;
    expect(await portsOf(source)).toEqual(before);
    expect(server.headers[0]?.authorization).toBe('Basic abc');
    expect(source.status().problem).toContain('those read last are used until then');
  });
});

describe("the scheduler's webhook", () => {
  type Followed = {
    readonly source: ServerSetSource;
    readonly webhook: AuroraWebhook;
    readonly url: string;
    readonly bells: () => number;
    readonly requests: readonly string[];
    readonly post: (body: string, headers?: Record<string, string>, more?: RequestInit) => Promise<number>;
  };

  async function follow(tasks: () => readonly unknown[]): Promise<Followed> {
    const server = await startServer(answering(() => reply(tasks())));
    const webhook = createAuroraWebhook({
      host: '127.0.0.1',
      port: 0,
      path: '/aurora',
      header: 'x-secret',
      secret: SECRET,
      sleep: sleepFor,
    });
    const source = open([server.origin], { webhook });
    const stop = new AbortController();
    let bells = 0;
    const following = source.follow(() => void bells++, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await following;
    });
    await vi.waitUntil(() => webhook.url() !== undefined && bells > 0);
    const url = webhook.url() ?? '';
    return {
      source,
      webhook,
      url,
      bells: () => bells,
      requests: server.requests,
      post: async (body, headers = { 'x-secret': SECRET }, more = {}) =>
        (await fetch(more.headers === undefined ? url : url, { method: 'POST', body, headers, ...more }))
          .status,
    };
  }

  it('brings tasks that come, change and go, without another question', async () => {
    const { source, bells, post, requests } = await follow(() => [scheduled({ id: 't1' })]);
    expect(await post(notice({ id: 't2', instance: 1, ports: { http: 31005 } }))).toBe(204);
    await vi.waitUntil(() => bells() === 2);
    expect(await portsOf(source)).toContain('http_example/1:31005');
    await post(notice({ id: 't1', status: 'KILLED' }));
    await vi.waitUntil(() => bells() === 3);
    expect(await portsOf(source)).toEqual([
      'http_example/1:31005',
      'admin=8080',
      'alias=31005',
      'http=31005',
    ]);
    await post(notice({ id: 't9', status: 'PENDING', ports: {} }));
    expect([bells(), requests.length]).toEqual([3, 1]);
    expect(source.status().webhooks).toEqual({ taken: 3, refused: 0 });
  });

  it('is refused without the secret, with another, by another method and elsewhere', async () => {
    const { source, url, bells, post } = await follow(() => []);
    const body = notice({ id: 't1' });
    expect(await post(body, {})).toBe(403);
    expect(await post(body, { 'x-secret': `${SECRET}x` })).toBe(403);
    expect((await fetch(url, { method: 'PUT', body, headers: { 'x-secret': SECRET } })).status).toBe(405);
    expect((await fetch(`${url}/x`, { method: 'POST', body, headers: { 'x-secret': SECRET } })).status).toBe(
      404,
    );
    expect([await portsOf(source), bells()]).toEqual([[], 1]);
    expect(source.status().webhooks).toEqual({ taken: 0, refused: 4 });
  });

  it('is refused above 4 MiB, and goes on', async () => {
    const { source, bells, post } = await follow(() => []);
    const long = await post('x'.repeat(5 * 1024 * 1024)).catch(() => 413);
    expect(long).toBe(413);
    await post(notice({ id: 't1' }));
    await vi.waitUntil(() => bells() === 2);
    expect(await portsOf(source)).toHaveLength(4);
  });

  it('gives what it can of a task, and says what not once, until the scheduler is asked again', async () => {
    const { source, bells, post } = await follow(() => [scheduled({ id: 't1' })]);
    const data = '{"announce": {"portmap": {"x": "999999", "ok": 80}}}';
    await post(notice({ id: 't2', instance: 1, data }));
    await vi.waitUntil(() => bells() === 2);
    await post(notice({ id: 't2', instance: 1, data, ports: { http: 31001 } }));
    await vi.waitUntil(() => bells() === 3);
    const { report, details } = keepReports();
    const [set] = await source.read(report, never);
    expect(set?.members[1]?.additional.map(({ alias, port }) => `${alias}=${port}`)).toEqual([
      'http=31001',
      'ok=80',
    ]);
    expect(details()).toEqual([
      'task t2 (vagrant/test/http_example, instance 1): portmap x is 999999, which is no port',
    ]);
  });

  it('means a question where it can not be read', async () => {
    let tasks = [scheduled({ id: 't1' })];
    const server = await startServer(answering(() => reply(tasks)));
    const webhook = createAuroraWebhook({
      host: '127.0.0.1',
      port: 0,
      path: '/',
      header: 'x-secret',
      secret: SECRET,
      sleep: sleepFor,
    });
    const waits: number[] = [];
    const source = open([server.origin], {
      webhook,
      sleep: (ms, signal) => {
        waits.push(ms);
        return sleepFor(ms === 3_600_000 ? ms : 1, signal);
      },
    });
    const stop = new AbortController();
    const following = source.follow(() => undefined, stop.signal);
    await vi.waitUntil(() => webhook.url() !== undefined && server.requests.length === 1);
    expect(await portsOf(source)).toHaveLength(4);
    tasks = [];
    await fetch(webhook.url() ?? '', { method: 'POST', body: '{"odd": 1}', headers: { 'x-secret': SECRET } });
    await vi.waitUntil(() => server.requests.length === 2);
    expect(waits.some((ms) => ms > 3_000 && ms <= 5_000)).toBe(true);
    await vi.waitUntil(async () => (await portsOf(source)).length === 0);
    stop.abort();
    await following;
    expect(webhook.url()).toBeUndefined();
  });

  it('counts over an answer that was asked for before it came', async () => {
    const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
    // The second answer is as old as its question; to the third one there is none.
    const server = await startServer((request, response) => {
      const nth = server.requests.length;
      const held =
        nth === 1 ? Promise.resolve() : nth === 2 ? isReleased : new Promise<void>(() => undefined);
      void held.then(() => answering(() => reply([scheduled({ id: 't1' })]))(request, response));
    });
    const webhook = createAuroraWebhook({
      host: '127.0.0.1',
      port: 0,
      path: '/',
      header: 'x-secret',
      secret: SECRET,
      sleep: sleepFor,
    });
    const source = open([server.origin], { webhook, pollMs: 1 });
    const stop = new AbortController();
    const following = source.follow(() => undefined, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await following;
    });
    await vi.waitUntil(() => webhook.url() !== undefined && server.requests.length === 2);
    const headers = { 'x-secret': SECRET };
    await fetch(webhook.url() ?? '', {
      method: 'POST',
      body: notice({ id: 't1', status: 'KILLED' }),
      headers,
    });
    expect(await portsOf(source)).toEqual([]);
    release();
    await vi.waitUntil(() => server.requests.length >= 3);
    expect(await portsOf(source)).toEqual([]);
  });

  it('lets go of connections whose request does not come, as many as there may be', async () => {
    const stop = new AbortController();
    const webhook = createAuroraWebhook({
      host: '127.0.0.1',
      port: 0,
      path: '/',
      header: 'x-secret',
      secret: SECRET,
      sleep: sleepFor,
      requestLimitMs: 100,
    });
    const running = webhook.run(stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await running;
    });
    await vi.waitUntil(() => webhook.url() !== undefined);
    const { port } = new URL(webhook.url() ?? '');
    let closed = 0;
    const slow = Array.from({ length: 64 }, (_, i) => {
      const socket = connect(Number(port), '127.0.0.1');
      // Some with half a head, some with half a body, some without a word.
      if (i % 3 === 0) socket.write('POST / HTTP/1.1\r\nHost: x\r\n');
      if (i % 3 === 1)
        socket.write(`POST / HTTP/1.1\r\nHost: x\r\nX-Secret: ${SECRET}\r\nContent-Length: 9\r\n\r\nab`);
      return socket
        .on('error', () => undefined)
        .on('close', () => void closed++)
        .resume();
    });
    onTestFinished(() => slow.forEach((socket) => void socket.destroy()));
    await vi.waitUntil(() => closed === 64, { timeout: 4_000 });
    const body = notice({ id: 't1' });
    const answer = await fetch(webhook.url() ?? '', {
      method: 'POST',
      body,
      headers: { 'x-secret': SECRET },
    });
    expect(answer.status).toBe(204);
  });

  it('that can not listen is told of, and tried again', async () => {
    const taken = await startServer(() => undefined);
    const problems: (string | undefined)[] = [];
    const stop = new AbortController();
    const webhook = createAuroraWebhook({
      host: '127.0.0.1',
      port: taken.port,
      path: '/',
      header: 'x-secret',
      secret: SECRET,
      sleep: (_, signal) => sleepFor(1, signal),
      onProblem: (problem) => void problems.push(problem),
    });
    const running = webhook.run(stop.signal);
    await vi.waitUntil(() => problems.length > 0);
    expect(problems[0]).toContain('can not listen on 127.0.0.1');
    await taken.close();
    await vi.waitUntil(() => webhook.url() !== undefined);
    stop.abort();
    await running;
  });
});
