import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCluster } from '../../simulate/cluster.ts';
import { toRecord } from '../../simulate/event-records.ts';
import { type MastersOptions, startSimulatedMasters } from '../../simulate/server.ts';
import { call, follow, get, type Json, open, subscribe, tablesOf } from './operator-stream.ts';

const NOW_MS = 1_750_000_500_000;
const AT = { atSeconds: NOW_MS / 1_000 };
const SUBSCRIBE = '{"type":"SUBSCRIBE"}';

let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  vi.useRealTimers();
});

async function start(options: Partial<MastersOptions> = {}) {
  const cluster = options.cluster ?? createCluster({ seed: 3, agents: 12, tasks: 300 });
  const masters = await startSimulatedMasters({
    port: 0,
    now: () => NOW_MS,
    signal: stop.signal,
    ...options,
    cluster,
  });
  return { cluster, masters, url: masters.urls[0] ?? '' };
}

/** What matters of a task for those who name it, whichever shape it came in. */
const fromV0 = (task: Json) => ({
  id: task.id,
  name: task.name,
  framework: task.framework_id,
  executor: task.executor_id,
  agent: task.slave_id,
  state: task.state,
  ports: task.resources.ports ?? '',
  cpus: task.resources.cpus,
  labels: task.labels ?? [],
  discovery: task.discovery,
  container: task.container,
  statuses: task.statuses.map((status: Json) => ({
    state: status.state,
    timestamp: status.timestamp,
    healthy: status.healthy,
    labels: status.labels ?? [],
    container_status: status.container_status,
  })),
});
const fromV1 = (task: Json) => {
  const resource = (name: string) => task.resources.find((each: Json) => each.name === name);
  const ranges = resource('ports')?.ranges.range.map(({ begin, end }: Json) => `${begin}-${end}`);
  return {
    id: task.task_id.value,
    name: task.name,
    framework: task.framework_id.value,
    executor: task.executor_id?.value ?? '',
    agent: task.agent_id.value,
    state: task.state,
    ports: ranges === undefined ? '' : `[${ranges.join(', ')}]`,
    cpus: resource('cpus').scalar.value,
    labels: task.labels?.labels ?? [],
    discovery: task.discovery,
    container: task.container,
    statuses: (task.statuses ?? []).map((status: Json) => ({
      state: status.state,
      timestamp: status.timestamp,
      healthy: status.healthy,
      labels: status.labels?.labels ?? [],
      container_status: status.container_status,
    })),
  };
};
const byId = (list: readonly Json[]) => list.toSorted((a, b) => (a.id < b.id ? -1 : 1));

async function bothShapes(url: string) {
  const v0 = await (await fetch(`${url}/state`)).json();
  return { v0: v0 as Json, v1: await get(url, 'GET_STATE') };
}

describe('the two shapes of one moment', () => {
  it('tell the same of tasks, agents and frameworks', async () => {
    const { cluster, url } = await start();
    cluster.churn(500, AT);
    cluster.loseAgent(cluster.agents[5]?.id ?? '', AT);
    cluster.setAgent(cluster.agents[0]?.id ?? '', 'draining');
    cluster.setAgent(cluster.agents[1]?.id ?? '', 'deactivated');
    cluster.setAgent(cluster.agents[2]?.id ?? '', 'disconnected');
    cluster.connectFramework('kafka', false);
    cluster.completeFramework('hdfs', AT);
    const { v0, v1 } = await bothShapes(url);
    const all = [...v0.frameworks, ...v0.completed_frameworks];
    for (const list of ['tasks', 'unreachable_tasks', 'completed_tasks']) {
      const tasks = all.flatMap((each: Json) => each[list]);
      expect(tasks.length, list).toBeGreaterThan(5);
      expect(byId(v1.get_tasks[list].map(fromV1)), list).toEqual(byId(tasks.map(fromV0)));
    }
    expect(
      v1.get_agents.agents.map((each: Json) => ({
        id: each.agent_info.id.value,
        hostname: each.agent_info.hostname,
        pid: each.pid,
        active: each.active,
        deactivated: each.deactivated,
        drain_info: each.drain_info,
        version: each.version,
      })),
    ).toEqual(
      v0.slaves.map(({ id, hostname, pid, active, deactivated, drain_info, version }: Json) => ({
        id,
        hostname,
        pid,
        active,
        deactivated,
        drain_info,
        version,
      })),
    );
    expect(v1.get_agents.agents).toHaveLength(11);
    expect(v1.get_agents.agents.slice(0, 4).map((each: Json) => each.active)).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(v0.slaves[0].drain_info.state).toBe('DRAINING');
    expect([v0.activated_slaves, v0.deactivated_slaves]).toEqual([8, 3]);
    const named = (list: readonly Json[]) =>
      list.map(({ framework_info: { id, name, hostname }, active, connected }) => ({
        id: id.value,
        name,
        hostname,
        active,
        connected,
      }));
    const plain = (list: readonly Json[]) =>
      list.map(({ id, name, hostname, active, connected }) => ({ id, name, hostname, active, connected }));
    expect(named(v1.get_frameworks.frameworks)).toEqual(plain(v0.frameworks));
    expect(named(v1.get_frameworks.completed_frameworks)).toEqual(plain(v0.completed_frameworks));
    expect(v0.frameworks.find((each: Json) => each.name === 'kafka').connected).toBe(false);
    // The parts are those of the whole.
    for (const type of ['GET_TASKS', 'GET_AGENTS', 'GET_FRAMEWORKS']) {
      expect(await get(url, type)).toEqual(v1[type.toLowerCase()]);
    }
  });

  it('write what Mesos writes: ids as objects, no pid of frameworks, nothing for what is not set', async () => {
    const { url } = await start();
    const { get_tasks, get_executors, get_frameworks, get_agents } = await get(url, 'GET_STATE');
    expect(get_executors).toEqual({});
    expect(get_frameworks.frameworks[0]).not.toHaveProperty('pid');
    expect(get_frameworks.frameworks[0].framework_info.capabilities).toContainEqual({
      type: 'PARTITION_AWARE',
    });
    expect(get_agents).not.toHaveProperty('recovered_agents');
    const [agent] = get_agents.agents;
    expect(agent.total_resources.at(-1)).toEqual({
      name: 'ports',
      type: 'RANGES',
      ranges: { range: [{ begin: 31_000, end: 32_000 }] },
      role: '*',
    });
    expect(agent).not.toHaveProperty('drain_info');
    expect(agent.registered_time.nanoseconds).toBeGreaterThan(2 ** 53);
    const task = get_tasks.tasks.find((each: Json) => each.name === 'search');
    expect(task).not.toHaveProperty('executor_id');
    expect(task.statuses.at(-1)).toMatchObject({
      task_id: task.task_id,
      agent_id: task.agent_id,
      executor_id: task.task_id,
      source: 'SOURCE_EXECUTOR',
      state: 'TASK_RUNNING',
      healthy: true,
    });
    expect(Buffer.from(task.status_update_uuid, 'base64')).toHaveLength(16);
    const uuids = get_tasks.tasks.flatMap((each: Json) =>
      (each.statuses ?? []).map(({ uuid }: Json) => uuid),
    );
    expect(new Set(uuids).size).toBe(uuids.length);
    const staging = get_tasks.tasks.find((each: Json) => each.state === 'TASK_STAGING');
    expect(staging).not.toHaveProperty('statuses');
    expect(staging).not.toHaveProperty('status_update_uuid');
  });

  it('know the master', async () => {
    const { url, masters } = await start({ hostname: 'm.sim' });
    const { master_info } = await get(url, 'GET_MASTER');
    const [port] = masters.ports;
    expect(master_info).toMatchObject({
      address: { hostname: 'm.sim', ip: '127.0.0.1', port },
      hostname: 'm.sim',
      ip: 16_777_343,
      pid: `master@127.0.0.1:${port}`,
      port,
    });
    expect((await get(url, 'GET_VERSION')).version_info.version).toBe('1.9.0');
    expect(await get(url, 'GET_HEALTH')).toEqual({ healthy: true });
  });
});

describe('a stream', () => {
  it('counts octets, not characters', () => {
    expect(toRecord('{"é":"😀"}').toString()).toBe('13\n{"é":"😀"}');
  });

  it('has all that happens: applied to the first snapshot it gives the last one', async () => {
    const { cluster, masters, url } = await start();
    const stream = await subscribe(url);
    await stream.upTo(2);
    expect(stream.response.headers['content-type']).toBe('application/json');
    expect(stream.response.headers).not.toHaveProperty('content-encoding');
    const lost = cluster.agents[4]?.id ?? '';
    cluster.churn(400, AT);
    cluster.loseAgent(lost, AT);
    cluster.loseAgent(cluster.agents[6]?.id ?? '', { ...AT, as: 'unregistered' });
    cluster.churn(200, AT);
    cluster.connectFramework('kafka', false);
    cluster.returnAgent(lost);
    cluster.completeFramework('hdfs', AT);
    cluster.emptyFramework('chronos', { ...AT, evidence: true });
    cluster.churn(400, AT);
    const last = tablesOf(await get(url, 'GET_STATE'));
    // Ends the stream, with all of it read.
    masters.lead(0);
    expect(await stream.ended).toBe('broken');
    const seen = follow(stream.records);
    expect(seen.types.slice(0, 2)).toEqual(['SUBSCRIBED', 'HEARTBEAT']);
    expect(stream.records[0].subscribed.heartbeat_interval_seconds).toBe(15);
    expect(new Set(seen.types)).toEqual(
      new Set([
        'SUBSCRIBED',
        'HEARTBEAT',
        'TASK_ADDED',
        'TASK_UPDATED',
        'AGENT_REMOVED',
        'AGENT_ADDED',
        'FRAMEWORK_UPDATED',
        'FRAMEWORK_REMOVED',
      ]),
    );
    for (const table of ['tasks', 'agents', 'frameworks'] as const) {
      expect([...seen[table].keys()].toSorted(), table).toEqual([...last[table].keys()].toSorted());
      for (const [id, each] of last[table]) expect(seen[table].get(id), id).toEqual(each);
    }
    const states = stream.records.flatMap((each) => each.task_updated?.state ?? []);
    for (const state of ['STARTING', 'RUNNING', 'KILLING', 'KILLED', 'FAILED', 'UNREACHABLE', 'LOST']) {
      expect(states).toContain(`TASK_${state}`);
    }
  });

  it('says nothing of what vanishes without a trace', async () => {
    const { cluster, masters, url } = await start();
    const stream = await subscribe(url);
    await stream.upTo(2);
    cluster.vanish(0.5);
    masters.lead(0);
    await stream.ended;
    expect(stream.records).toHaveLength(2);
  });

  it('has a heartbeat, at once and then at its interval', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { url } = await start({ heartbeatSeconds: 7 });
    const stream = await subscribe(url);
    await stream.upTo(2);
    expect(stream.records[0].subscribed.heartbeat_interval_seconds).toBe(7);
    vi.advanceTimersByTime(6_900);
    vi.advanceTimersByTime(200);
    await stream.upTo(3);
    vi.advanceTimersByTime(14_000);
    await stream.upTo(5);
    expect(follow(stream.records).types).toEqual(['SUBSCRIBED', ...Array(4).fill('HEARTBEAT')]);
  });

  it('makes way, the oldest first', async () => {
    const { masters, url } = await start({ maxSubscribers: 2 });
    const streams = [await subscribe(url), await subscribe(url)];
    for (const each of streams) await each.upTo(2);
    const third = await subscribe(url);
    await third.upTo(2);
    expect(await streams[0]?.ended).toBe('ended');
    expect(masters.streams.count()).toBe(2);
    masters.lead(0);
    expect(await Promise.all([streams[1]?.ended, third.ended])).toEqual(['broken', 'broken']);
    expect(masters.streams.count()).toBe(0);
  });

  it('is forgotten when its client goes', async () => {
    const { masters, url } = await start();
    const stream = await subscribe(url);
    await stream.upTo(2);
    stream.response.destroy();
    await vi.waitFor(() => expect(masters.streams.count()).toBe(0));
  });
});

describe('a failover', () => {
  it('ends the streams, then tells of each agent as it comes back, with its tasks', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let nowMs = NOW_MS;
    const { cluster, masters } = await start({ masters: 3, now: () => nowMs });
    const [first = '', second = ''] = masters.urls;
    const before = await subscribe(first);
    await before.upTo(2);
    masters.failover({ agentsReturnOverSeconds: 12 });
    expect(await before.ended).toBe('broken');
    expect((await call(first, SUBSCRIBE)).headers['location']).toBe(`//127.0.0.1:${masters.ports[1]}/api/v1`);
    nowMs += 3_000;
    const { v0, v1 } = await bothShapes(second);
    expect(v1.get_agents.agents).toHaveLength(3);
    expect(v1.get_agents.recovered_agents).toHaveLength(9);
    expect(v1.get_agents.recovered_agents.map((each: Json) => each.id.value)).toEqual(
      v0.recovered_slaves.map((each: Json) => each.id),
    );
    expect(v1.get_agents.recovered_agents[0]).not.toHaveProperty('pid');
    const stream = await subscribe(second);
    await stream.upTo(2);
    // While agents come back, tasks change on those that have and on those that have not.
    for (let step = 0; step < 40; step++) {
      nowMs += 250;
      cluster.churn(5, { atSeconds: nowMs / 1_000 });
      if (step === 10) cluster.loseAgent(cluster.agents[0]?.id ?? '', { atSeconds: nowMs / 1_000 });
      if (step === 11) cluster.loseAgent(cluster.agents[11]?.id ?? '', { atSeconds: nowMs / 1_000 });
      if (step === 20) cluster.returnAgent(cluster.agents[0]?.id ?? '');
      vi.advanceTimersByTime(250);
    }
    const last = await get(second, 'GET_STATE');
    expect(last.get_agents).not.toHaveProperty('recovered_agents');
    masters.lead(1);
    await stream.ended;
    const seen = follow(stream.records);
    const tables = tablesOf(last);
    expect(tables.agents.size).toBe(11);
    for (const table of ['tasks', 'agents', 'frameworks'] as const) {
      expect([...seen[table].keys()].toSorted(), table).toEqual([...tables[table].keys()].toSorted());
      for (const [id, each] of tables[table]) expect(seen[table].get(id), id).toEqual(each);
    }
    // A task comes before its agent.
    const added = stream.records.findIndex((each) => each.type === 'AGENT_ADDED');
    const agent = stream.records[added].agent_added.agent.agent_info.id.value;
    const task = stream.records.findIndex((each) => each.task_added?.task.agent_id.value === agent);
    expect(task).toBeGreaterThan(0);
    expect(task).toBeLessThan(added);
  });

  it('answers 503 while recovering, on both interfaces', async () => {
    const { masters, url } = await start();
    const stream = await subscribe(url);
    await stream.upTo(2);
    masters.recover(true);
    expect(await stream.ended).toBe('broken');
    expect(await call(url, SUBSCRIBE)).toMatchObject({
      status: 503,
      body: 'Master has not finished recovery',
    });
    masters.recover(false);
    expect((await call(url, '{"type":"GET_HEALTH"}')).status).toBe(200);
    masters.lead(undefined);
    expect(await call(url, SUBSCRIBE)).toMatchObject({ status: 503, body: 'No leader elected' });
  });
});

describe('a call', () => {
  const json = 'application/json';
  it.each([
    ['GET', { 'content-type': json }, '', 405],
    ['POST', {}, SUBSCRIBE, 400],
    ['POST', { 'content-type': 'text/plain' }, SUBSCRIBE, 415],
    ['POST', { 'content-type': 'application/json; charset=utf-8' }, SUBSCRIBE, 415],
    ['POST', { 'content-type': 'application/x-protobuf' }, SUBSCRIBE, 415],
    ['POST', { 'content-type': json }, '{"type":', 400],
    ['POST', { 'content-type': json }, '{}', 400],
    ['POST', { 'content-type': json }, '[]', 400],
    ['POST', { 'content-type': json }, '{"type":"MARK_AGENT_GONE"}', 501],
    ['POST', { 'content-type': json, accept: 'application/recordio' }, SUBSCRIBE, 406],
    ['POST', { 'content-type': json, accept: 'application/x-protobuf' }, SUBSCRIBE, 406],
    ['POST', { 'content-type': json, accept: 'application/recordio, application/json' }, SUBSCRIBE, 200],
    ['POST', { 'content-type': json, accept: 'application/*;q=0.5' }, SUBSCRIBE, 200],
    ['POST', { 'content-type': json, accept: '*/*' }, '{"type":"GET_HEALTH"}', 200],
    ['POST', { 'content-type': json }, '{"type":"GET_HEALTH"}', 200],
  ])('%s with %j and %s: %i', async (method, headers, body, status) => {
    const { url } = await start();
    const response = await open(`${url}/api/v1`, body, { method, headers });
    expect(response.statusCode).toBe(status);
    if (status === 405) expect(response.headers.allow).toBe('POST');
  });

  it('may be too long', async () => {
    const { url } = await start();
    await expect(call(url, `{"type":"GET_HEALTH","x":"${'x'.repeat(70_000)}"}`)).rejects.toThrow();
  });
});

describe('faults of streams', () => {
  it('fall silent for good', async () => {
    const { cluster, masters, url } = await start();
    const stream = await subscribe(url);
    await stream.upTo(2);
    masters.streams.silence();
    cluster.churn(20, AT);
    const next = await subscribe(url);
    await next.upTo(2);
    cluster.churn(20, AT);
    await next.upTo(10);
    expect(stream.records).toHaveLength(2);
    expect(masters.streams.count()).toBe(2);
  });

  it('stall after so many records, whatever becomes of the fault', async () => {
    const { cluster, masters, url } = await start();
    masters.fault({ kind: 'stream-stall', afterRecords: 3 });
    const stream = await subscribe(url);
    cluster.churn(20, AT);
    await stream.upTo(3);
    masters.fault(undefined);
    const next = await subscribe(url);
    await next.upTo(2);
    cluster.churn(5, AT);
    await next.upTo(4);
    expect(stream.records).toHaveLength(3);
  });

  it.each([0, 4])('are cut within the record after %i', async (afterRecords) => {
    const { cluster, masters, url } = await start();
    masters.fault({ kind: 'stream-cut', afterRecords });
    const stream = await subscribe(url);
    if (afterRecords > 0) await stream.upTo(2);
    cluster.churn(20, AT);
    expect(await stream.ended).toBe('broken');
    expect(stream.records).toHaveLength(afterRecords);
    expect(stream.rest()).toMatch(/^\d+\n\{"type":/);
  });

  it('are cut when told', async () => {
    const { masters, url } = await start();
    const stream = await subscribe(url);
    await stream.upTo(2);
    masters.streams.cut();
    expect(await stream.ended).toBe('broken');
    expect(stream.rest()).toBe('20\n{"type":');
  });

  it('cut and stall the first record as they do a state', async () => {
    const { masters, url } = await start();
    masters.fault({ kind: 'cut', afterLength: 500 });
    const stream = await subscribe(url);
    expect(await stream.ended).toBe('broken');
    expect([stream.records.length, stream.rest().length]).toEqual([0, 507]);
  });

  it('make states large, the same to those who parse them', async () => {
    const { masters, url } = await start();
    const { v0, v1 } = await bothShapes(url);
    masters.fault({ kind: 'oversize', octets: 300_000 });
    const large = await bothShapes(url);
    expect([large.v0, large.v1]).toEqual([v0, v1]);
    const { body } = await call(url, '{"type":"GET_STATE"}');
    expect(body.length - JSON.stringify({ type: 'GET_STATE', get_state: v1 }).length).toBe(300_000);
    const stream = await subscribe(url);
    await stream.upTo(2);
    expect(stream.records[0].subscribed.get_state).toEqual(v1);
  });

  it('refuse one interface alone', async () => {
    const { masters, url } = await start();
    masters.fault({ kind: 'status', status: 403, only: 'api' });
    expect((await call(url, SUBSCRIBE)).status).toBe(403);
    expect((await fetch(`${url}/state`)).status).toBe(200);
    masters.fault({ kind: 'status', status: 500, only: 'state' });
    expect((await call(url, '{"type":"GET_HEALTH"}')).status).toBe(200);
    expect((await fetch(`${url}/state`)).status).toBe(500);
  });
});

describe('realms', () => {
  const access = {
    readonly: [{ principal: 'reader', secret: 'r:1' }],
    readwrite: [
      { principal: 'ops', secret: 's' },
      { principal: 'nobody', secret: 'n', isBlind: true },
    ],
  };
  const basic = (login: string) => ({
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
    },
  });

  it('are two: one for /state and one for /api/v1, on every master', async () => {
    const { masters } = await start({ access, masters: 2 });
    const [leader = '', other = ''] = masters.urls;
    for (const url of [leader, other]) {
      const state = await fetch(`${url}/state`, { redirect: 'manual' });
      expect([state.status, state.headers.get('www-authenticate')]).toEqual([
        401,
        'Basic realm="mesos-master-readonly"',
      ]);
      const api = await call(url, SUBSCRIBE);
      expect([api.status, api.headers['www-authenticate']]).toEqual([
        401,
        'Basic realm="mesos-master-readwrite"',
      ]);
    }
    const get_health = '{"type":"GET_HEALTH"}';
    expect((await call(leader, get_health, basic('ops:s'))).status).toBe(200);
    expect((await call(other, get_health, basic('ops:s'))).status).toBe(307);
    for (const login of ['ops:x', 'reader:r:1', 'ops', ':', '']) {
      expect((await call(leader, get_health, basic(login))).status, login).toBe(401);
    }
    expect((await fetch(`${leader}/state`, basic('reader:r:1'))).status).toBe(200);
    expect((await fetch(`${leader}/state`, basic('ops:s'))).status).toBe(401);
    for (const path of ['/health', '/version', '/redirect']) {
      expect((await fetch(leader + path, { redirect: 'manual' })).status).not.toBe(401);
    }
  });

  it('may be open one without the other', async () => {
    const { url } = await start({ access: { readwrite: access.readwrite } });
    expect((await fetch(`${url}/state`)).status).toBe(200);
    expect((await call(url, SUBSCRIBE)).status).toBe(401);
  });

  it('show next to nothing to those without permission, with 200', async () => {
    const { cluster, masters, url } = await start({ access: { ...access, readonly: access.readwrite } });
    const state = await get(url, 'GET_STATE', basic('nobody:n'));
    expect([state.get_tasks, state.get_frameworks]).toEqual([{}, {}]);
    expect(state.get_agents.agents).toHaveLength(12);
    const v0: Json = await (await fetch(`${url}/state`, basic('nobody:n'))).json();
    expect([v0.frameworks, v0.completed_frameworks, v0.flags, v0.cluster]).toEqual([
      [],
      [],
      undefined,
      undefined,
    ]);
    const blind = await subscribe(url, basic('nobody:n'));
    await blind.upTo(2);
    cluster.churn(20, AT);
    const lost = cluster.agents[0]?.id ?? '';
    cluster.loseAgent(lost, { ...AT, as: 'unregistered' });
    masters.lead(0);
    await blind.ended;
    expect(follow(blind.records).types).toEqual(['SUBSCRIBED', 'HEARTBEAT', 'AGENT_REMOVED']);
  });
});

describe('releases', () => {
  const statusOf = async (url: string) => (await open(`${url}/api/v1`, SUBSCRIBE)).statusCode;

  it('have no operator API before 1.0', async () => {
    const { url } = await start({ mesosVersion: '0.28.2' });
    expect(await statusOf(url)).toBe(404);
    const state: Json = await (await fetch(`${url}/state`)).json();
    expect([state.version, state.slaves[0].version]).toEqual(['0.28.2', '0.28.2']);
  });

  it.each([
    ['1.0.1', ['TASK_ADDED', 'TASK_UPDATED'], false],
    ['1.3.0', ['AGENT_ADDED', 'AGENT_REMOVED', 'TASK_ADDED', 'TASK_UPDATED'], false],
    [
      '1.4.0',
      [
        'AGENT_ADDED',
        'AGENT_REMOVED',
        'FRAMEWORK_REMOVED',
        'FRAMEWORK_UPDATED',
        'TASK_ADDED',
        'TASK_UPDATED',
      ],
      false,
    ],
    [
      '1.5.0',
      [
        'AGENT_ADDED',
        'AGENT_REMOVED',
        'FRAMEWORK_REMOVED',
        'FRAMEWORK_UPDATED',
        'HEARTBEAT',
        'TASK_ADDED',
        'TASK_UPDATED',
      ],
      true,
    ],
  ])('%s tells %j', async (mesosVersion, types, heartbeats) => {
    const { cluster, masters, url } = await start({ mesosVersion });
    const stream = await subscribe(url);
    await stream.upTo(1);
    cluster.churn(60, AT);
    const lost = cluster.agents[0]?.id ?? '';
    cluster.loseAgent(lost, { ...AT, as: 'unregistered' });
    cluster.returnAgent(lost);
    cluster.connectFramework('kafka', false);
    cluster.completeFramework('hdfs', AT);
    masters.lead(0);
    await stream.ended;
    const [{ subscribed }, ...events] = stream.records;
    expect([...new Set(events.map(({ type }) => type))].toSorted()).toEqual(types);
    expect('heartbeat_interval_seconds' in subscribed).toBe(heartbeats);
    const { task_updated } = events.find(({ type }) => type === 'TASK_UPDATED');
    if (mesosVersion === '1.0.1') expect(task_updated).not.toHaveProperty('status');
    else expect(task_updated.status.task_id.value).not.toBe('');
    // Same-state updates, such as another health, get lost before 1.7.
    expect(events.some((each) => each.task_updated?.status?.healthy === false)).toBe(false);
  });

  it('tell of another health from 1.7 on', async () => {
    const { cluster, url } = await start({ mesosVersion: '1.7.0' });
    const task = cluster
      .snapshot()
      .frameworks.flatMap((each) => each.tasks)
      .find((each) => each.app.name === 'search');
    const stream = await subscribe(url);
    await stream.upTo(2);
    cluster.setHealth(task?.id ?? '', { ...AT, healthy: false });
    await stream.upTo(3);
    expect(stream.records[2].task_updated).toMatchObject({
      state: 'TASK_RUNNING',
      status: { task_id: { value: task?.id }, healthy: false },
    });
  });

  it('are refused where they are none', async () => {
    await expect(start({ mesosVersion: 'latest' })).rejects.toThrow('no Mesos version: latest');
  });
});

it('an event takes no snapshot of the cluster', async () => {
  const cluster = createCluster({ seed: 1, agents: 1_000, tasks: 40_000 });
  const { url } = await start({ cluster });
  const stream = await open(`${url}/api/v1`, SUBSCRIBE);
  stream.resume();
  const before = cluster.snapshot;
  const spy = vi.fn<typeof before>(before);
  Object.assign(cluster, { snapshot: spy });
  cluster.churn(1_000, AT);
  expect(spy).not.toHaveBeenCalled();
});
