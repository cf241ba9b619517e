import type { IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCluster } from '../../simulate/cluster.ts';
import { startSimulatedMarathon } from '../../simulate/marathon.ts';
import { open } from './operator-stream.ts';

const NOW_MS = 1_750_000_500_000;
const AT = { atSeconds: NOW_MS / 1_000 };
const SSE = { accept: 'text/event-stream' };

async function start(options: { readonly accounts?: readonly { principal: string; secret: string }[] } = {}) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const cluster = createCluster({ seed: 2, tasks: 200 });
  const { signal } = stop;
  const marathon = await startSimulatedMarathon({ cluster, port: 0, now: () => NOW_MS, signal, ...options });
  return { cluster, marathon };
}

const ask = (url: string, headers: Record<string, string> = SSE): Promise<IncomingMessage> =>
  open(url, '', { method: 'GET', headers });

/** Events as they come, `[event, data]`. */
async function listen(url: string) {
  const response = await ask(url);
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.on('error', () => undefined);
  const closed = new Promise((resolve) => response.on('close', resolve));
  const events = () =>
    [...text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)].map(([, type, data]) => ({
      ...JSON.parse(data ?? ''),
      type,
    }));
  return { response, events, closed, text: () => text };
}

describe('the event stream of a Marathon', () => {
  it('tells of the tasks of Marathons, and of nothing else', async () => {
    const { cluster, marathon } = await start();
    const stream = await listen(`${marathon.url}/v2/events`);
    expect(stream.response.headers['content-type']).toMatch(/^text\/event-stream/);
    const ids = new Set<string>();
    for (const change of cluster.churn(60, AT)) {
      for (const task of change.kind === 'moved' ? [change.from, change.to] : [change.task]) {
        if (task.app.framework.kind === 'marathon') ids.add(task.id);
      }
    }
    await vi.waitFor(() =>
      expect(new Set(stream.events().map(({ taskId }) => taskId)).size).toBe(ids.size + 1),
    );
    const [attached, ...events] = stream.events();
    expect(attached).toMatchObject({ eventType: 'event_stream_attached', remoteAddress: '127.0.0.1' });
    expect(new Set(events.map(({ taskId }) => taskId))).toEqual(ids);
    expect(events.every(({ type, eventType }) => type === eventType)).toBe(true);
    const running = events.find(({ taskStatus }) => taskStatus === 'TASK_RUNNING');
    expect(running).toMatchObject({
      appId: expect.stringMatching(/^\//),
      host: expect.any(String),
      ports: expect.any(Array),
      timestamp: new Date(NOW_MS).toISOString(),
      type: 'status_update_event',
    });
  });

  it('has only the types that are asked for', async () => {
    const { cluster, marathon } = await start();
    const wanted = 'event_type=health_status_changed_event&event_type=other';
    const stream = await listen(`${marathon.url}/v2/events?${wanted}`);
    cluster.churn(30, AT);
    const search = cluster
      .snapshot()
      .frameworks.flatMap((each) => each.tasks)
      .find((each) => each.app.name === 'search' && each.state === 'TASK_RUNNING');
    cluster.setHealth(search?.id ?? '', { ...AT, healthy: false });
    await vi.waitFor(() =>
      expect(stream.events().at(-1)).toMatchObject({ taskId: search?.id, alive: false }),
    );
    expect(new Set(stream.events().map(({ type }) => type))).toEqual(
      new Set(['event_stream_attached', 'health_status_changed_event']),
    );
  });

  it('keeps its connections warm, falls silent and is cut', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { cluster, marathon } = await start();
    const stream = await listen(`${marathon.url}/v2/events`);
    vi.advanceTimersByTime(10_000);
    await vi.waitFor(() => expect(stream.text().endsWith('\n\n\r\n')).toBe(true));
    marathon.silence();
    cluster.churn(50, AT);
    const next = await listen(`${marathon.url}/v2/events`);
    cluster.churn(50, AT);
    await vi.waitFor(() => expect(next.events().length).toBeGreaterThan(5));
    expect(stream.events()).toHaveLength(1);
    expect(marathon.subscribers()).toBe(2);
    marathon.cut();
    await Promise.all([stream.closed, next.closed]);
    await vi.waitFor(() => expect(marathon.subscribers()).toBe(0));
  });

  it('refuses what it does not have', async () => {
    const { marathon } = await start();
    const { url } = marathon;
    expect((await ask(`${url}/v2/apps`)).statusCode).toBe(404);
    expect((await ask(`${url}/v2/events`, {})).statusCode).toBe(406);
    expect((await open(`${url}/v2/events`, '', { headers: SSE })).statusCode).toBe(405);
    const guarded = await start({ accounts: [{ principal: 'a', secret: 'b' }] });
    const events = `${guarded.marathon.url}/v2/events`;
    expect((await ask(events)).statusCode).toBe(401);
    const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`;
    expect((await ask(events, { ...SSE, authorization })).statusCode).toBe(200);
  });
});
