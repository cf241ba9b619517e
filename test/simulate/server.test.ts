import { request as httpRequest, Agent } from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startChurn } from '../../simulate/churn-timer.ts';
import { createCluster } from '../../simulate/cluster.ts';
import type { ClusterChange } from '../../simulate/mutations.ts';
import { type MastersOptions, startSimulatedMasters } from '../../simulate/server.ts';
import { stateOf } from '../../simulate/state.ts';

const NOW_MS = 1_750_000_500_000;

type Asked = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: Buffer };
type AskOptions = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly agent?: Agent;
};

/** One request on the wire: neither redirects nor encodings are followed for us. */
function ask(url: string, { method = 'GET', headers = {}, agent }: AskOptions = {}): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: agent ?? false }, async (response) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', reject);
    request.end();
  });
}

/** Two neighbours that nobody listens on, below the ports that systems give to port 0. */
async function freePair(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

function start(options: Partial<MastersOptions> = {}) {
  const cluster = options.cluster ?? createCluster({ seed: 1 });
  return startSimulatedMasters({ port: 0, now: () => NOW_MS, signal: stop.signal, ...options, cluster });
}

async function startOne(options: Partial<MastersOptions> = {}) {
  const masters = await start(options);
  const [url = '', port = 0] = [masters.urls[0], masters.ports[0]];
  return { masters, url, port };
}

describe('the leader', () => {
  it('answers its state at every path Mesos ever had for it', async () => {
    const cluster = createCluster({ seed: 1 });
    const { url, port } = await startOne({ cluster });
    const bodies = new Set<string>();
    for (const path of ['/state', '/state.json', '/master/state', '/master/state.json', '/state?jsonp=']) {
      const { status, headers, body } = await ask(url + path);
      expect(status).toBe(200);
      expect(headers['content-type']).toBe('application/json');
      expect(headers).not.toHaveProperty('content-encoding');
      bodies.add(body.toString());
    }
    expect(bodies.size).toBe(1);
    const state = JSON.parse([...bodies][0] ?? '');
    expect(state.leader).toBe(`master@127.0.0.1:${port}`);
    const master = {
      id: state.id,
      ip: '127.0.0.1',
      port,
      hostname: '127.0.0.1',
      electedSeconds: NOW_MS / 1_000,
    };
    expect(state).toEqual(JSON.parse(JSON.stringify(stateOf(cluster.snapshot(), master))));
    // The first master is the one that gave the ids.
    expect(state.slaves[0].id).toBe(`${state.id}-S0`);
  });

  it.each([
    ['gzip', true],
    ['GZIP;q=0.5, deflate', true],
    ['deflate, *', true],
    ['identity', false],
    ['gzip;q=0', false],
    ['*;q=1, gzip; q=0', false],
    ['', false],
  ])('compresses for Accept-Encoding %j: %s', async (accepted, isGzip) => {
    const { url } = await startOne();
    const { headers, body } = await ask(`${url}/state`, { headers: { 'accept-encoding': accepted } });
    expect(headers['content-encoding']).toBe(isGzip ? 'gzip' : undefined);
    const plain = await ask(`${url}/state`);
    expect((isGzip ? gunzipSync(body) : body).equals(plain.body)).toBe(true);
  });

  it('answers HEAD as GET without the body', async () => {
    const { url } = await startOne();
    for (const path of ['/state', '/version', '/health']) {
      const { status, headers, body } = await ask(url + path, {
        method: 'HEAD',
        headers: { 'accept-encoding': 'gzip' },
      });
      expect(status).toBe(200);
      expect(body).toHaveLength(0);
      if (path === '/state') expect(headers['content-encoding']).toBe('gzip');
    }
  });

  it('shows what changed in the cluster', async () => {
    const cluster = createCluster({ seed: 1 });
    const { url } = await startOne({ cluster });
    const [search] = cluster.apps;
    if (search === undefined) throw new Error('no app');
    const { task } = cluster.startTask(search, { atSeconds: 1 });
    expect((await ask(`${url}/state`)).body.toString()).toContain(task.id);
  });

  it('has health and version, no other paths and no other methods', async () => {
    const { url } = await startOne();
    expect((await ask(`${url}/health`)).status).toBe(200);
    expect(JSON.parse((await ask(`${url}/version`)).body.toString())).toMatchObject({ version: '1.9.0' });
    for (const path of ['/', '/state/', '/stat', '/redirect/state', '/api/v2']) {
      expect((await ask(url + path)).status).toBe(404);
    }
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { status, headers } = await ask(`${url}/state`, { method });
      expect(status).toBe(405);
      expect(headers['allow']).toBe('GET, HEAD');
    }
  });

  it('says that it has not recovered, in the words of Mesos', async () => {
    const { masters, url } = await startOne();
    masters.recover(true);
    const { status, body } = await ask(`${url}/state`);
    expect([status, body.toString()]).toEqual([503, 'Master has not finished recovery']);
    expect((await ask(`${url}/health`)).status).toBe(200);
    masters.recover(false);
    expect((await ask(`${url}/state`)).status).toBe(200);
  });
});

describe('several masters', () => {
  it('sends to the leader from everywhere', async () => {
    const masters = await start({ masters: 3 });
    expect(new Set(masters.ports).size).toBe(3);
    const base = `//127.0.0.1:${masters.ports[0]}`;
    for (const url of masters.urls) {
      for (const path of ['/redirect', '/master/redirect']) {
        const { status, headers } = await ask(url + path);
        expect([status, headers['location']]).toEqual([307, base]);
      }
    }
    const { status, headers, body } = await ask(`${masters.urls[2]}/master/state?a=b`);
    expect([status, headers['location'], body.length]).toEqual([307, `${base}/master/state?a=b`, 0]);
    expect((await fetch(`${masters.urls[1]}/state`)).url).toBe(`${masters.urls[0]}/state`);
  });

  it('elects another leader, with another address and time', async () => {
    let nowMs = NOW_MS;
    const masters = await start({ masters: 2, now: () => nowMs });
    expect(masters.leader).toBe(0);
    nowMs += 60_000;
    masters.lead(1);
    expect(masters.leader).toBe(1);
    const moved = await ask(`${masters.urls[0]}/state`);
    expect(moved.headers['location']).toBe(`//127.0.0.1:${masters.ports[1]}/state`);
    const state = JSON.parse((await ask(`${masters.urls[1]}/state`)).body.toString());
    expect(state.leader).toBe(`master@127.0.0.1:${masters.ports[1]}`);
    expect(state.elected_time).toBe(nowMs / 1_000);
    expect(state.slaves[0].id.startsWith(state.id)).toBe(false);
    expect(() => masters.lead(2)).toThrow(RangeError);
  });

  it('has no leader if told so', async () => {
    const masters = await start({ masters: 2 });
    masters.lead(undefined);
    for (const path of ['/state', '/redirect']) {
      const { status, body } = await ask(masters.urls[1] + path);
      expect([status, body.toString()]).toEqual([503, 'No leader elected']);
    }
  });

  it('redirects to the name it is told to go by', async () => {
    const masters = await start({ masters: 2, hostname: 'master.sim.internal' });
    const { headers } = await ask(`${masters.urls[1]}/state`);
    expect(headers['location']).toBe(`//master.sim.internal:${masters.ports[0]}/state`);
    const state = JSON.parse((await ask(`${masters.urls[0]}/state`)).body.toString());
    expect(state.leader).toBe(`master@127.0.0.1:${masters.ports[0]}`);
    expect(state.hostname).toBe('master.sim.internal');
  });

  it('takes the ports one after the other', async () => {
    const port = await freePair();
    const masters = await start({ masters: 2, port });
    expect(masters.ports).toEqual([port, port + 1]);
  });
});

describe('faults', () => {
  it('stalls without a word until the client gives up', async () => {
    const { masters, url } = await startOne();
    masters.fault({ kind: 'stall' });
    await expect(fetch(`${url}/state`, { signal: AbortSignal.timeout(60) })).rejects.toThrow(/timeout/);
    masters.fault(undefined);
    expect((await ask(`${url}/state`)).status).toBe(200);
  });

  it('stalls within the body', async () => {
    const { masters, url } = await startOne();
    masters.fault({ kind: 'stall', afterLength: 2_000 });
    const leave = new AbortController();
    const response = await fetch(`${url}/state`, { signal: leave.signal });
    expect(response.status).toBe(200);
    const text = response.text();
    const first = await Promise.race([text, wait(60).then(() => 'nothing more')]);
    expect(first).toBe('nothing more');
    leave.abort();
    await expect(text).rejects.toThrow(/abort/);
  });

  it.each(['identity', 'gzip'])('cuts the connection within a body of %s', async (encoding) => {
    const { masters, port } = await startOne();
    masters.fault({ kind: 'cut', afterLength: 2_000 });
    const raw = await new Promise<string>((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(port, '127.0.0.1').on('data', (chunk) => chunks.push(chunk));
      socket.on('error', reject).on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
      socket.write(`GET /state HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${encoding}\r\n\r\n`);
    });
    expect(raw).toContain('200 OK');
    // Something of the body came, its last (empty) chunk did not.
    expect(raw.split('\r\n\r\n')[1]?.length).toBeGreaterThan(200);
    expect(raw.endsWith('0\r\n\r\n')).toBe(false);
    if (encoding === 'identity') expect(raw).toContain('{"version":"1.9.0"');
    await expect(
      fetch(`http://127.0.0.1:${port}/state`).then((response) => response.text()),
    ).rejects.toThrow();
  });

  it('answers with any status, and with any body', async () => {
    const { masters, url } = await startOne();
    masters.fault({ kind: 'status', status: 500, body: 'oops' });
    const broken = await ask(`${url}/state`);
    expect([broken.status, broken.body.toString()]).toEqual([500, 'oops']);
    masters.fault({ kind: 'body', body: '{"leader":' });
    const half = await ask(`${url}/state`);
    expect([half.status, half.headers['content-type'], half.body.toString()]).toEqual([
      200,
      'application/json',
      '{"leader":',
    ]);
    masters.fault({ kind: 'body', body: new Uint8Array([0xff, 0xfe]), contentType: 'text/html' });
    const odd = await ask(`${url}/state`);
    expect([odd.headers['content-type'], odd.body]).toEqual(['text/html', Buffer.from([0xff, 0xfe])]);
  });

  it('strikes one master, or all', async () => {
    const masters = await start({ masters: 2 });
    masters.fault({ kind: 'status', status: 500 }, 0);
    expect((await ask(`${masters.urls[0]}/state`)).status).toBe(500);
    expect((await ask(`${masters.urls[1]}/state`)).status).toBe(307);
    masters.fault({ kind: 'status', status: 502 });
    expect((await ask(`${masters.urls[0]}/state`)).status).toBe(502);
    expect((await ask(`${masters.urls[1]}/state`)).status).toBe(502);
    expect(() => masters.fault(undefined, 5)).toThrow(RangeError);
  });
});

describe('startSimulatedMasters', () => {
  it('tells of every request', async () => {
    const seen: string[] = [];
    const masters = await start({
      masters: 2,
      onRequest: ({ method, url }, master) => seen.push(`${master} ${method} ${url}`),
    });
    await ask(`${masters.urls[1]}/state?x`);
    await ask(`${masters.urls[0]}/health`, { method: 'HEAD' });
    expect(seen).toEqual(['1 GET /state?x', '0 HEAD /health']);
  });

  it('names a port that is taken, and leaves none open behind', async () => {
    const port = await freePair();
    await start({ port: port + 1 });
    await expect(start({ port: port + 1 })).rejects.toThrow(`127.0.0.1:${port + 1}: the port is taken`);
    // The first of these two gets its port, the second doesn't: the first must be free again.
    await expect(start({ port, masters: 2 })).rejects.toThrow(`127.0.0.1:${port + 1}: the port is taken`);
    expect((await start({ port })).ports).toEqual([port]);
    await expect(start({ port: 65_535, masters: 2 })).rejects.toThrow('65536');
  });

  it('closes at once, whatever clients hold open', async () => {
    const { masters, url, port } = await startOne();
    const agent = new Agent({ keepAlive: true });
    await ask(`${url}/state`, { agent });
    masters.fault({ kind: 'stall' });
    const stalled = ask(`${url}/state`).catch((error: unknown) => error);
    const silent = connect(port, '127.0.0.1');
    const silentClosed = new Promise((resolve) => silent.on('close', resolve));
    silent.on('error', () => undefined);
    await wait(20);
    const startedMs = performance.now();
    await Promise.all([masters.close(), masters.close()]);
    expect(performance.now() - startedMs).toBeLessThan(100);
    await masters.close();
    expect(await stalled).toBeInstanceOf(Error);
    await silentClosed;
    agent.destroy();
    await expect(ask(`${url}/health`)).rejects.toThrow('ECONNREFUSED');
  });

  it('closes when its signal aborts, and never opens if it has', async () => {
    const { url } = await startOne();
    stop.abort();
    await expect(ask(`${url}/health`)).rejects.toThrow();
    await expect(start()).rejects.toThrow(/abort/);
  });

  it('survives clients that leave within a state', async () => {
    const cluster = createCluster({ seed: 1, tasks: 3_000 });
    const { url } = await startOne({ cluster });
    for (const encoding of ['identity', 'gzip']) {
      const leave = new AbortController();
      const response = await fetch(`${url}/state`, {
        signal: leave.signal,
        headers: { 'accept-encoding': encoding },
      });
      leave.abort();
      await expect(response.text()).rejects.toThrow();
    }
    const { body } = await ask(`${url}/state`);
    expect(JSON.parse(body.toString()).activated_slaves).toBe(75);
  });
});

describe('startChurn', () => {
  it('changes the cluster at its rate until told to stop', async () => {
    const cluster = createCluster({ seed: 1 });
    const changes: ClusterChange[] = [];
    let nowMs = NOW_MS;
    // Each look at the clock is a tenth of a second later, however slow this machine.
    const now = () => (nowMs += 100);
    startChurn({
      cluster,
      perSecond: 50,
      now,
      onChange: (some) => changes.push(...some),
      signal: stop.signal,
    });
    await wait(180);
    stop.abort();
    const count = changes.length;
    expect(count).toBeGreaterThanOrEqual(5);
    expect(count).toBe(((nowMs - NOW_MS - 100) / 1_000) * 50);
    await wait(80);
    expect(changes).toHaveLength(count);
  });

  it('does not catch up after a long sleep', async () => {
    const cluster = createCluster({ seed: 1 });
    const changes: ClusterChange[] = [];
    let nowMs = NOW_MS;
    const now = () => (nowMs += 3_600_000);
    startChurn({
      cluster,
      perSecond: 20,
      now,
      onChange: (some) => changes.push(...some),
      signal: stop.signal,
    });
    await wait(75);
    stop.abort();
    expect(changes.length).toBeGreaterThan(0);
    expect(changes.length).toBeLessThanOrEqual(40);
  });

  it('changes the cluster whether or not anybody is told', async () => {
    const cluster = createCluster({ seed: 1 });
    const before = JSON.stringify(cluster.snapshot());
    let nowMs = NOW_MS;
    startChurn({ cluster, perSecond: 50, now: () => (nowMs += 1_000), signal: stop.signal });
    await wait(120);
    expect(JSON.stringify(cluster.snapshot())).not.toBe(before);
  });

  it('does nothing at a rate of nought, and refuses what is no rate', () => {
    const cluster = createCluster({ seed: 1 });
    const options = { cluster, now: () => NOW_MS, signal: stop.signal };
    startChurn({ ...options, perSecond: 0 });
    expect(() => startChurn({ ...options, perSecond: -1 })).toThrow(RangeError);
    expect(() => startChurn({ ...options, perSecond: NaN })).toThrow(RangeError);
  });
});

describe('a failover', () => {
  it('makes the next master answer at once, with the agents that came back to it', async () => {
    let nowMs = NOW_MS;
    const cluster = createCluster({ seed: 1 });
    const masters = await start({ cluster, masters: 2, now: () => nowMs });
    const whole = JSON.parse((await ask(`${masters.urls[0]}/state`)).body.toString());
    masters.failover({ agentsReturnOverSeconds: 20 });
    expect(masters.leader).toBe(1);
    expect((await ask(`${masters.urls[0]}/state`)).status).toBe(307);
    const counts: (readonly number[])[] = [];
    for (const seconds of [0, 10, 20]) {
      nowMs = NOW_MS + seconds * 1_000;
      const { status, body } = await ask(`${masters.urls[1]}/state`);
      expect(status).toBe(200);
      const state = JSON.parse(body.toString());
      expect(state.leader).toBe(`master@127.0.0.1:${masters.ports[1]}`);
      expect(state.elected_time).toBe(NOW_MS / 1_000);
      const ids = [...state.slaves, ...state.recovered_slaves].map(({ id }: { readonly id: string }) => id);
      expect(ids.toSorted()).toEqual(whole.slaves.map(({ id }: { readonly id: string }) => id).toSorted());
      counts.push([state.slaves.length, state.recovered_slaves.length, state.frameworks.length]);
    }
    expect(counts).toEqual([
      [0, 12, 0],
      [6, 6, 9],
      [12, 0, 9],
    ]);
    masters.failover({ to: 1, agentsReturnOverSeconds: 0 });
    expect(masters.leader).toBe(1);
    expect(() => masters.failover({ to: 2, agentsReturnOverSeconds: 0 })).toThrow(RangeError);
  });
});
