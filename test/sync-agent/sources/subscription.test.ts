import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCluster } from '../../../simulate/cluster.ts';
import { type SimulatedMasters, startSimulatedMasters } from '../../../simulate/server.ts';
import { createMasterHttp, type MasterHttp } from '../../../sync-agent/auth/master-http.ts';
import { createListFinder } from '../../../sync-agent/masters/list-finder.ts';
import { sleepFor } from '../../../sync-agent/retry.ts';
import { createClusterTables } from '../../../sync-agent/sources/cluster-tables.ts';
import type { LiveSource } from '../../../sync-agent/sources/live.ts';
import { createMesosLive } from '../../../sync-agent/sources/mesos-live.ts';
import { createMesosStateSource } from '../../../sync-agent/sources/mesos-state.ts';
import { subscribe, type SubscriptionOptions } from '../../../sync-agent/sources/subscription.ts';
import type { ClusterState } from '../../../sync-agent/cluster.ts';
import { createFakeClock } from '../election/clock.ts';
import {
  createFakeMasters,
  getState,
  HEARTBEAT,
  ignore,
  record,
  subscribed,
  taskAdded,
  taskNames,
} from './fake-masters.ts';
import { openHttp, startServer } from './state-server.ts';

const MEBIBYTE = 1024 * 1024;

function masterHttp(): MasterHttp {
  return createMasterHttp({ http: openHttp(), credentials: undefined, configured: [] });
}

function subscription(more: Partial<SubscriptionOptions>): {
  readonly ending: Promise<Error>;
  readonly stop: AbortController;
  readonly tables: SubscriptionOptions['tables'];
} {
  const tables = createClusterTables();
  const stop = new AbortController();
  const ending = subscribe(
    {
      url: new URL('http://10.0.0.1:5050'),
      http: masterHttp(),
      tables,
      report: ignore,
      timeoutMs: 300_000,
      maxOctets: 100 * MEBIBYTE,
      monotonicMs: () => performance.now(),
      sleep: sleepFor,
      onEvent: () => undefined,
      onArrival: () => undefined,
      ...more,
    },
    stop.signal,
  ).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  return { ending, stop, tables };
}

describe('silence', () => {
  it('is not what only we did not hear', async () => {
    const clock = createFakeClock();
    const masters = createFakeMasters();
    let heldUpMs = 0;
    const { ending, stop } = subscription({
      http: masters.http,
      monotonicMs: () => clock.monotonicMs() + heldUpMs,
      sleep: clock.sleep,
    });
    let isOver = false;
    const watching = ending.then(() => {
      isOver = true;
    });
    await clock.passMs(0);
    masters.last().say(subscribed());
    await clock.passMs(44_000);
    // This process stood still for two minutes; what the master said meanwhile is read after its timers.
    heldUpMs = 120_000;
    await clock.passMs(1_000);
    expect(isOver).toBe(false);
    masters.last().say(HEARTBEAT);
    await clock.passMs(40_000);
    expect(isOver).toBe(false);
    await clock.passMs(10_000);
    expect(isOver).toBe(true);
    stop.abort();
    await watching;
  });

  it('is one all the same if nothing was heard afterwards', async () => {
    const clock = createFakeClock();
    const masters = createFakeMasters();
    let heldUpMs = 0;
    const { ending } = subscription({
      http: masters.http,
      monotonicMs: () => clock.monotonicMs() + heldUpMs,
      sleep: clock.sleep,
    });
    await clock.passMs(0);
    masters.last().say(subscribed());
    await clock.passMs(44_000);
    heldUpMs = 120_000;
    await clock.passMs(3_000);
    expect((await ending).message).toContain('sent nothing on the stream for');
  });

  it('is not a long state that arrives steadily, up to the time that a state may take', async () => {
    const clock = createFakeClock();
    const masters = createFakeMasters();
    const { ending } = subscription({
      http: masters.http,
      monotonicMs: clock.monotonicMs,
      sleep: clock.sleep,
    });
    let message = '';
    const watching = ending.then((error) => {
      message = error.message;
    });
    await clock.passMs(0);
    masters.last().sayOctets('90000000\n');
    const piece = new Uint8Array(MEBIBYTE + 1).fill(0x20);
    for (let seconds = 0; seconds < 270; seconds += 30) {
      masters.last().sayOctets(piece);
      await clock.passMs(30_000);
    }
    expect(message).toBe('');
    masters.last().sayOctets(piece);
    await clock.passMs(30_000);
    expect(message).toContain('no whole state on the stream for 300 s');
    await watching;
  });
});

describe('over a real connection', () => {
  async function streaming(serve: (response: ServerResponse) => void): Promise<URL> {
    const server = await startServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      serve(response);
    });
    return new URL(server.origin);
  }

  it('records may be split anywhere', async () => {
    const octets = record(subscribed(getState({ tasks: ['zürich'] })), HEARTBEAT, taskAdded('日本'));
    const url = await streaming((response) => {
      for (let at = 0; at < octets.length; at += 7) response.write(octets.subarray(at, at + 7));
      response.end();
    });
    const { ending, tables } = subscription({ url });
    expect((await ending).message).toBe(`${url.origin} ended the stream`);
    expect(taskNames(tables.state())).toEqual(['zürich', '日本']);
  });

  it('one that is cut within a record is an end like any other', async () => {
    const url = await streaming((response) => {
      response.write(record(subscribed()));
      response.write('500\n{"type":', () => setImmediate(() => response.destroy()));
    });
    const { ending, tables } = subscription({ url });
    expect(await ending).toMatchObject({ name: 'SourceError', verdict: 'failed' });
    expect(taskNames(tables.state())).toEqual(['web']);
  });

  it('one that goes silent is ended on this side', async () => {
    const gone = Promise.withResolvers<void>();
    const url = await streaming((response) => {
      response.on('close', () => gone.resolve());
      response.write(record(subscribed(getState(), 0.1)));
    });
    const { ending } = subscription({ url });
    expect((await ending).message).toContain('sent nothing on the stream for 1 s');
    await gone.promise;
  });

  it('one that is not wanted any more is ended at once, with the reason', async () => {
    const gone = Promise.withResolvers<void>();
    const url = await streaming((response) => {
      response.on('close', () => gone.resolve());
      response.write(record(subscribed()));
    });
    const { ending, stop, tables } = subscription({ url });
    await vi.waitFor(() => expect(tables.counts().tasks).toBe(1));
    stop.abort(new Error('that will do'));
    expect((await ending).message).toBe('that will do');
    await gone.promise;
  });
});

describe('simulated masters', () => {
  async function followSimulated(
    options: Partial<Parameters<typeof startSimulatedMasters>[0]> = {},
  ): Promise<{
    readonly masters: SimulatedMasters;
    readonly live: LiveSource<ClusterState>;
    readonly asked: string[];
    readonly read: () => Promise<ClusterState>;
    readonly readByPoll: () => Promise<ClusterState>;
  }> {
    const stop = new AbortController();
    const asked: string[] = [];
    const cluster = createCluster({ seed: 11, agents: 5, tasks: 40 });
    const masters = await startSimulatedMasters({
      cluster,
      port: 0,
      masters: 2,
      now: Date.now,
      heartbeatSeconds: 0.2,
      onRequest: ({ method, url }, master) => void asked.push(`${method} ${url} ${master}`),
      signal: stop.signal,
      ...options,
    });
    const http = masterHttp();
    const finder = createListFinder(masters.urls.map((url) => new URL(url)));
    const poll = createMesosStateSource({ finder, http, timeoutMs: 5_000, maxOctets: 10 * MEBIBYTE });
    const live = createMesosLive({
      finder,
      http,
      poll,
      mode: 'auto',
      pollMs: 60_000,
      reconcileMs: 300_000,
      timeoutMs: 5_000,
      maxOctets: 10 * MEBIBYTE,
      now: Date.now,
      monotonicMs: () => performance.now(),
      // The pauses between streams in hundredths: the rest takes the time it takes.
      sleep: (ms, signal) => sleepFor(ms >= 900 ? ms / 100 : ms, signal),
      random: () => 0.5,
      onEvent: () => undefined,
    });
    const following = live.follow(() => undefined, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await following;
      await masters.close();
    });
    const { signal } = new AbortController();
    return {
      masters,
      live,
      asked,
      read: () => live.read(ignore, signal),
      readByPoll: () => poll.read(ignore, signal),
    };
  }

  it('tell on the stream what they tell in a state', async () => {
    const { live, read, readByPoll, masters } = await followSimulated();
    await vi.waitFor(() => expect(live.status().mode).toBe('stream'));
    const [streamed, polled] = [await read(), await readByPoll()];
    expect(taskNames(streamed)).toEqual(taskNames(polled));
    expect(streamed.agents.map(({ id, endpoint }) => [id, endpoint])).toEqual(
      polled.agents.map(({ id, endpoint }) => [id, endpoint]),
    );
    expect(streamed.leader).toEqual(polled.leader);
    expect(masters.streams.count()).toBe(1);
  });

  it('are followed from one leader to the next', async () => {
    const { masters, live, read } = await followSimulated();
    await vi.waitFor(() => expect(live.status().mode).toBe('stream'));
    masters.failover({ agentsReturnOverSeconds: 60 });
    await vi.waitFor(() => expect(live.status().streamFrom).toBe(masters.urls[1]));
    const state = await read();
    expect(state.leader?.port).toBe(String(masters.ports[1]));
    expect(state.recoveringAgents).toBeGreaterThan(0);
    expect(masters.streams.count()).toBe(1);
  });

  it('that stall are noticed', async () => {
    const { masters, live } = await followSimulated();
    await vi.waitFor(() => expect(live.status().mode).toBe('stream'));
    masters.streams.silence();
    await vi.waitFor(() => expect(live.status().reconnects).toBe(1), { timeout: 3_000 });
    await vi.waitFor(() => expect(live.status().mode).toBe('stream'));
    await delay(10);
    expect(masters.streams.count()).toBe(1);
  });

  it('that are old are polled', async () => {
    const { live, asked } = await followSimulated({ mesosVersion: '1.4.0' });
    await vi.waitFor(() => expect(live.status().mode).toBe('poll'));
    expect(live.status().why).toContain('1.4.0');
    expect(asked.filter((each) => each.includes('state'))).toEqual([]);
  });
});
