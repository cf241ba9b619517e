import type { ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  createMarathonEvents,
  type MarathonEvents,
  type MarathonEventsOptions,
  type MarathonStatus,
} from '../../../sync-agent/sources/marathon-events.ts';
import { createFakeClock, type FakeClock } from '../election/clock.ts';
import { deadPort, openHttp, startServer } from './state-server.ts';

/** All that mesosphere/marathon `docs/docs/event-bus.md` names. */
const DOCUMENTED = [
  'api_post_event',
  'pod_created_event',
  'pod_deleted_event',
  'app_terminated_event',
  'status_update_event',
  'framework_message_event',
  'subscribe_event',
  'unsubscribe_event',
  'event_stream_attached',
  'event_stream_detached',
  'add_health_check_event',
  'failed_health_check_event',
  'health_status_changed_event',
  'group_change_success',
  'deployment_success',
  'deployment_step_success',
];
const STREAM = { 'content-type': 'text/event-stream;charset=UTF-8' };

type Followed = {
  readonly clock: FakeClock;
  readonly events: MarathonEvents;
  /** How often the cluster may have changed. */
  readonly changes: () => number;
  readonly told: MarathonStatus[];
  /** How long each pause was to be. */
  readonly pausesMs: number[];
  readonly stop: () => Promise<void>;
};

function follow(urls: readonly string[], more: Partial<MarathonEventsOptions> = {}): Followed {
  const clock = createFakeClock();
  const pausesMs: number[] = [];
  const told: MarathonStatus[] = [];
  const stopping = new AbortController();
  let changes = 0;
  const events = createMarathonEvents({
    urls: urls.map((url) => new URL(url)),
    http: openHttp(),
    monotonicMs: clock.monotonicMs,
    sleep: (ms, signal) => {
      pausesMs.push(ms);
      return clock.sleep(ms, signal);
    },
    random: () => 0.5,
    onStatus: (status) => void told.push(status),
    ...more,
  });
  const done = events.follow(() => void changes++, stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('enough'));
    await done;
  };
  onTestFinished(stop);
  return { clock, events, changes: () => changes, told, pausesMs, stop };
}

function send(response: ServerResponse, type: string): void {
  response.write(`event: ${type}\r\ndata: {"eventType":"${type}"}\r\n\r\n`);
}

const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 3000, interval: 5 });

describe("Marathon's events", () => {
  it('asks for light events of the kinds that matter, and wakes at the start and at each', async () => {
    let stream: ServerResponse | undefined;
    const server = await startServer((_, response) => {
      stream = response.writeHead(200, STREAM);
      send(response, 'event_stream_attached');
    });
    const { changes, events } = follow([`${server.origin}/marathon/`]);
    await until(() => expect(changes()).toBe(1));
    if (!stream) throw new Error('no stream');
    send(stream, 'status_update_event');
    send(stream, 'whatever_a_newer_one_sends');
    await until(() => expect(changes()).toBe(3));
    const [method, url] = server.requests[0]?.split(' ') ?? [];
    const asked = new URL(url ?? '', server.origin);
    expect(method).toBe('GET');
    expect(asked.pathname).toBe('/marathon/v2/events');
    expect(asked.searchParams.get('plan-format')).toBe('light');
    expect(asked.searchParams.getAll('event_type')).toContain('status_update_event');
    expect(asked.searchParams.getAll('event_type')).toContain('instance_changed_event');
    expect(server.headers[0]?.accept).toBe('text/event-stream');
    expect(server.headers[0]?.authorization).toBeUndefined();
    expect(events.status()).toMatchObject({
      isConnected: true,
      from: server.origin,
      connections: 1,
      events: 2,
    });
  });

  it('wakes for every event of the documentation but those about listeners', async () => {
    const server = await startServer((_, response) => {
      response.writeHead(200, STREAM);
      for (const type of DOCUMENTED) send(response, type);
    });
    const { events, changes } = follow([server.origin]);
    await until(() => expect(events.status().events).toBe(DOCUMENTED.length - 4));
    expect(changes()).toBe(DOCUMENTED.length - 4 + 1);
  });

  it('comes back after a stream has ended, 2 to 30 s later, and wakes again', async () => {
    let count = 0;
    const server = await startServer((_, response) => {
      response.writeHead(200, STREAM);
      send(response, 'status_update_event');
      if (count++ === 0) response.end();
    });
    const { changes, clock, events, pausesMs, told } = follow([server.origin]);
    await until(() => expect(events.status()).toMatchObject({ isConnected: false, connections: 1 }));
    expect(changes()).toBe(2);
    expect(events.status().why).toContain('ended its event stream');
    expect(pausesMs.at(-1)).toBe(16_000);
    await clock.passMs(15_900);
    expect(server.requests).toHaveLength(1);
    await clock.passMs(200);
    await until(() => expect(changes()).toBe(4));
    expect(told.map(({ isConnected }) => isConnected)).toEqual([true, false, true]);
  });

  it('waits after the end of a stream before it asks another Marathon', async () => {
    const first = await startServer((_, response) => void response.writeHead(200, STREAM).end(':\n'));
    const second = await startServer((_, response) => void response.writeHead(200, STREAM).write(':\n'));
    const { events, pausesMs } = follow([first.origin, second.origin]);
    await until(() => expect(pausesMs.at(-1)).toBe(16_000));
    expect(events.status()).toMatchObject({ isConnected: false, from: first.origin });
    expect(second.requests).toEqual([]);
  });

  it.each([
    [0, 2_000],
    [0.999999, 30_000],
  ])('with chance %d waits %d ms', async (chance, expectedMs) => {
    const port = await deadPort();
    const { pausesMs } = follow([`http://127.0.0.1:${port}`], { random: () => chance });
    await until(() => expect(Math.round((pausesMs.at(-1) ?? 0) / 10) * 10).toBe(expectedMs));
  });

  it('believes no stream that sends comments and no events', async () => {
    let stream: ServerResponse | undefined;
    const server = await startServer((_, response) => {
      stream = response.writeHead(200, STREAM);
      response.write(':\n\n');
    });
    const { changes, clock } = follow([server.origin]);
    await until(() => expect(changes()).toBe(1));
    await clock.passMs(299_000);
    stream?.write(':\n\n');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(changes()).toBe(1);
    await clock.passMs(2_000);
    stream?.write(':\n\n');
    await until(() => expect(changes()).toBe(2));
    expect(server.requests).toHaveLength(1);
  });

  it('takes a stream that is silent for five minutes for dead', async () => {
    const asked: unknown[] = [];
    const { events } = follow(['http://10.0.0.9:8080'], {
      http: {
        close: () => Promise.resolve(),
        request: (request) => {
          asked.push({ idleTimeoutMs: request.idleTimeoutMs, timeoutMs: request.timeoutMs });
          return Promise.reject(
            new Error('GET http://10.0.0.9:8080/v2/events failed: answer stopped for too long'),
          );
        },
      },
    });
    await until(() => expect(events.status().why).toContain('stopped for too long'));
    expect(asked[0]).toEqual({ idleTimeoutMs: 300_000, timeoutMs: Number.POSITIVE_INFINITY });
  });

  it('gives up on one that does not answer, and asks the next at once', async () => {
    const silent = await startServer(() => undefined);
    const server = await startServer((_, response) => void response.writeHead(200, STREAM).write(':\n'));
    const { clock, events } = follow([silent.origin, server.origin]);
    await until(() => expect(silent.requests).toHaveLength(1));
    await clock.passMs(30_000);
    await until(() => expect(events.status()).toMatchObject({ isConnected: true, from: server.origin }));
  });

  it('follows the redirect of one that does not lead, with its filter', async () => {
    const leader = await startServer((_, response) => void response.writeHead(200, STREAM).write(':\n'));
    const other = await startServer(
      (_, response) =>
        void response.writeHead(307, { location: `//127.0.0.1:${leader.port}/v2/events` }).end(),
    );
    const { events } = follow([other.origin], { header: () => Promise.resolve('Basic x') });
    await until(() => expect(events.status()).toMatchObject({ isConnected: true, from: leader.origin }));
    expect(leader.requests[0]).toContain('plan-format=light');
    expect(leader.headers[0]?.authorization).toBe('Basic x');
  });

  it.each([
    ['/v2/events', 'redirects more than 3 times'],
    ['ftp://10.0.0.1/', 'which is not HTTP'],
    ['http://[', 'which is no URL'],
  ])('does not run after %s', async (location, why) => {
    const server = await startServer((_, response) => void response.writeHead(307, { location }).end());
    const { events } = follow([server.origin]);
    await until(() => expect(events.status().why).toContain(why));
    expect(server.requests.length).toBeLessThanOrEqual(4);
  });

  it('sends credentials from https to no http', async () => {
    const seen: (string | undefined)[] = [];
    const { events } = follow(['https://10.0.0.1:8443'], {
      header: () => Promise.resolve('Basic secret'),
      http: {
        close: () => Promise.resolve(),
        request: ({ url, headers }) => {
          seen.push(`${url.slice(0, 8)} ${headers?.['authorization']}`);
          const none = (): Promise<never> => Promise.reject(new Error('not read'));
          return Promise.resolve({
            status: 307,
            headers: { location: 'http://10.0.0.2:8080/v2/events?a' },
            chunks: () => (async function* chunks() {})(),
            bytes: none,
            text: none,
            json: none,
            refusal: none,
            discard: () => Promise.resolve(),
            error: () => {
              throw new Error('not asked');
            },
          });
        },
      },
    });
    await until(() => expect(events.status().why).toContain('more than 3'));
    expect(seen.slice(0, 2)).toEqual(['https:// Basic secret', 'http://1 undefined']);
  });

  it('renews its credentials once after a 401', async () => {
    const renewals: boolean[] = [];
    const server = await startServer((request, response) => {
      if (request.headers.authorization === 'Basic new') response.writeHead(200, STREAM).write(':\n');
      else response.writeHead(401).end('no');
    });
    const { events } = follow([server.origin], {
      header: (_, { renew }) => {
        renewals.push(renew);
        return Promise.resolve(renew ? 'Basic new' : 'Basic old');
      },
    });
    await until(() => expect(events.status().isConnected).toBe(true));
    expect(renewals).toEqual([false, true]);
  });

  it.each([
    [401, 'wants a user and password'],
    [403, 'may not see the events'],
    [404, 'no Marathon with an event stream'],
  ])('says what a %d means, and asks again after minutes', async (status, words) => {
    const server = await startServer((_, response) => void response.writeHead(status).end('no'));
    const { clock, events, pausesMs, changes } = follow([server.origin], {
      header: () => Promise.resolve('Basic c2VjcmV0'),
    });
    await until(() => expect(events.status().why).toContain(words));
    expect(events.status().why).not.toContain('c2VjcmV0');
    await until(() => expect(pausesMs.at(-1)).toBe(210_000));
    const before = server.requests.length;
    await clock.passMs(210_000);
    await until(() => expect(server.requests.length).toBeGreaterThan(before));
    expect(changes()).toBe(0);
  });

  it('takes no page for a stream', async () => {
    const server = await startServer(
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Nginx</h1>'),
    );
    const { events } = follow([server.origin]);
    await until(() => expect(events.status().why).toContain('text/html, no event stream'));
  });

  it('ends at once when it is stopped, in a stream and in a pause', async () => {
    const server = await startServer((_, response) => void response.writeHead(200, STREAM).write(':\n'));
    const streaming = follow([server.origin]);
    await until(() => expect(streaming.events.status().isConnected).toBe(true));
    await streaming.stop();
    const pausing = follow([`http://127.0.0.1:${await deadPort()}`]);
    await until(() => expect(pausing.pausesMs.at(-1)).toBe(16_000));
    await pausing.stop();
  });
});
