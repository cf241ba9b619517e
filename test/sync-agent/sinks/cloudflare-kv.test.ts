import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createHttp, type Http } from '../../../sync-agent/http.ts';
import { type CloudflareKvOptions, createCloudflareKvSink } from '../../../sync-agent/sinks/cloudflare-kv.ts';
import { type Pair, type Sink, SinkError } from '../../../sync-agent/sinks/sink.ts';
import { sinkContract } from '../../contracts/sink.ts';
import { type Fault, type KvApi, type KvApiOptions, startKvApi } from '../../fakes/kv-api.ts';

const signal = new AbortController().signal;

type Bench = { readonly api: KvApi; readonly sink: Sink; readonly sleptMs: number[] };

/** A fake API and a sink in front of it that notes its pauses instead of making them. */
async function createBench(
  options: Partial<CloudflareKvOptions> = {},
  apiOptions: KvApiOptions = {},
): Promise<Bench> {
  const api = await startKvApi(apiOptions);
  const http = createHttp();
  const sleptMs: number[] = [];
  onTestFinished(async () => {
    await http.close();
    await api.close();
  });
  const sink = createCloudflareKvSink({
    url: api.url,
    namespace: api.namespace,
    token: api.token,
    http,
    sleep: async (delayMs) => void sleptMs.push(delayMs),
    random: () => 1,
    ...options,
  });
  return { api, sink, sleptMs };
}

function pair(key: string, ...octets: number[]): Pair {
  return { key, value: Uint8Array.from(octets) };
}

/** The requests as `PUT /bulk`, without queries. */
function asked(api: KvApi): string[] {
  return api.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`);
}

sinkContract('Cloudflare KV', async () => (await createBench()).sink, { manyKeys: 2100 });
sinkContract('Cloudflare KV, local', async () => (await createBench({}, { local: true })).sink);

describe('cloudflare KV sink, writing', () => {
  it('sends one pair as multipart, several in one bulk request', async () => {
    const { api, sink } = await createBench();
    await sink.put([pair('z/mesos/main/head', 1)], signal);
    await sink.put([pair('a', 1), pair('b', 2)], signal);
    expect(asked(api)).toEqual(['PUT /values/z%2Fmesos%2Fmain%2Fhead', 'PUT /bulk']);
  });

  it('cuts bulk requests by pairs and by octets, to the last one', async () => {
    const byPairs = await createBench({ limits: { bulkPairs: 3 } });
    const pairs = Array.from({ length: 7 }, (_, i) => pair(`k${i}`, i));
    await byPairs.sink.put(pairs, signal);
    await byPairs.sink.remove(
      pairs.map(({ key }) => key),
      signal,
    );
    expect(asked(byPairs.api)).toEqual([
      ...Array(3).fill('PUT /bulk'),
      ...Array(3).fill('POST /bulk/delete'),
    ]);
    expect(byPairs.api.stored.size).toBe(0);

    for (const bulkOctets of [2000, 2001, 2002, 2003, 4000]) {
      const { api, sink } = await createBench({ limits: { bulkOctets } });
      const large = Array.from({ length: 10 }, (_, i) => ({
        key: `schlüssel "${i}"`,
        value: new Uint8Array(500 + i),
        metadata: { ä: '"' },
      }));
      await sink.put(large, signal);
      expect(api.stored.size).toBe(10);
      expect(Math.max(...api.requests.map(({ octets }) => octets))).toBeLessThanOrEqual(bulkOctets);
      expect(api.requests.length).toBeLessThanOrEqual(Math.ceil(10 / Math.floor(bulkOctets / 760)));
    }
  });

  it('sends a pair larger than a request alone', async () => {
    const { api, sink } = await createBench({ limits: { bulkOctets: 100 } });
    await sink.put([pair('a', 1), { key: 'b', value: new Uint8Array(500) }, pair('c', 1)], signal);
    expect(api.requests).toHaveLength(3);
    expect([...api.stored.keys()]).toEqual(['a', 'b', 'c']);
  });

  it('tries only the keys again that a bulk request left undone', async () => {
    const { api, sink, sleptMs } = await createBench();
    api.faults.push({ kind: 'partial', keys: ['a', 'c'] }, { kind: 'partial', keys: ['c'] });
    await sink.put([pair('a', 1), pair('b', 2), pair('c', 3)], signal);
    expect([...api.stored.keys()]).toEqual(['b', 'a', 'c']);
    expect(api.requests.map(({ octets }) => octets)).toEqual([124, 83, 42]);
    expect(sleptMs).toEqual([1000, 2000]);
  });

  it('is not content with keys that stay undone', async () => {
    const { api, sink } = await createBench();
    for (let i = 0; i < 5; i++) api.faults.push({ kind: 'partial', keys: ['b'] });
    const put = sink.put([pair('a', 1), pair('b', 2)], signal);
    await expect(put).rejects.toThrow(
      /could not write 2 keys: PUT .*\/bulk answered 200 OK: 1 of its keys not done$/,
    );
    expect(api.requests).toHaveLength(5);
    api.faults.push({ kind: 'partial', keys: ['a'] });
    await sink.remove(['a'], signal);
    expect([...api.stored.keys()]).toEqual([]);
  });

  it('waits out the limit of one write a second to a key', async () => {
    let nowMs = 0;
    const sleep = async (delayMs: number): Promise<void> => void (nowMs += delayMs);
    const { api, sink } = await createBench({ sleep, random: () => 0 }, { now: () => nowMs });
    for (let i = 0; i < 3; i++) await sink.put([pair('k', i)], signal);
    expect(api.stored.get('k')?.value).toEqual(Uint8Array.of(2));
    expect(api.requests).toHaveLength(7);
  });
});

describe('cloudflare KV sink, reading', () => {
  it('keeps a missing key apart from a missing namespace and a wrong URL', async () => {
    const { api, sink } = await createBench();
    expect(await sink.get('missing', signal)).toBeUndefined();
    const elsewhere = await createBench({ namespace: 'other' });
    await expect(elsewhere.sink.get('k', signal)).rejects.toThrow(
      /namespace other at 127.*: could not read k: GET .* answered 404 Not Found: 10013 namespace not found; check the namespace and the account in the URL$/,
    );
    const wrong = await createBench({ url: new URL(api.url).origin });
    await expect(wrong.sink.get('k', signal)).rejects.toThrow(SinkError);
    expect(api.requests).toHaveLength(2);
  });

  it('reads metadata by listing only where the metadata route is missing', async () => {
    const real = await createBench();
    const local = await createBench({}, { local: true });
    for (const { api, sink } of [real, local]) {
      for (const key of ['k', 'k/longer']) await sink.put([{ ...pair(key, 1), metadata: { key } }], signal);
      expect((await sink.get('k', signal))?.metadata).toEqual({ key: 'k' });
      api.stored.set('k', { value: Uint8Array.of(1), metadata: ['not', 7] });
      expect((await sink.get('k', signal))?.metadata).toBeUndefined();
    }
    expect(asked(real.api).filter((request) => request.endsWith('/keys'))).toEqual([]);
    expect(asked(local.api).filter((request) => request.endsWith('/keys'))).toHaveLength(2);
  });

  it('lists in pages of 1,000', async () => {
    const { api, sink } = await createBench();
    for (let i = 0; i < 2000; i++) api.stored.set(`k&${i}`, { value: new Uint8Array(), metadata: undefined });
    expect(await sink.list('k&', signal)).toHaveLength(2000);
    expect(api.requests).toHaveLength(2);
    expect(await sink.list('k&1', signal)).toHaveLength(1111);
  });

  it('refuses keys the API could take for another', async () => {
    const { api, sink } = await createBench();
    for (const key of ['', '.', '..', 'k'.repeat(513), 'ü'.repeat(257), '\ud83e']) {
      for (const act of [
        sink.get(key, signal),
        sink.put([pair('k', 1), pair(key, 1)], signal),
        sink.remove([key], signal),
      ]) {
        await expect(act).rejects.toThrow('KV takes no key');
      }
    }
    expect(api.requests).toEqual([]);
    await sink.put([pair('ü'.repeat(256), 1)], signal);
    expect(await sink.get('ü'.repeat(256), signal)).toBeDefined();
  });
});

describe('cloudflare KV sink, in trouble', () => {
  const acts: readonly (readonly [string, (sink: Sink) => Promise<unknown>])[] = [
    ['get', (sink) => sink.get('k', signal)],
    ['put of one', (sink) => sink.put([pair('k', 1)], signal)],
    ['put of several', (sink) => sink.put([pair('k', 1), pair('l', 1)], signal)],
    ['list', (sink) => sink.list('', signal)],
    ['remove', (sink) => sink.remove(['k', 'l'], signal)],
  ];

  it.each(acts)('goes on after 429, 5xx and broken connections: %s', async (name, act) => {
    const { api, sink, sleptMs } = await createBench();
    api.faults.push({ kind: 'status', status: 429, retryAfter: '7' }, { kind: 'status', status: 503 });
    api.faults.push({ kind: 'reset', applied: false }, { kind: 'reset', applied: true });
    await act(sink);
    // A read whose kept connection breaks is sent again at once.
    const isRead = name === 'get' || name === 'list';
    expect(sleptMs).toEqual(isRead ? [7000, 2000, 4000] : [7000, 2000, 4000, 8000]);
  });

  it.each(acts)('gives up after five tries: %s', async (_, act) => {
    const { api, sink } = await createBench();
    const body =
      '{"success":false,"errors":[{"code":10001,"message":"try later"}],"messages":[],"result":null}';
    for (let i = 0; i < 5; i++) api.faults.push({ kind: 'status', status: 502, body });
    await expect(act(sink)).rejects.toThrow(/ answered 502 Bad Gateway: 10001 try later$/);
    expect(api.requests).toHaveLength(5);
  });

  it.each(acts)('does not try again what a token may not, and says what to do: %s', async (_, act) => {
    const { api, sink } = await createBench({ token: 'wrong-secret' });
    const refused: unknown = await act(sink).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SinkError);
    expect(String(refused)).toMatch(
      /401 Unauthorized: 10000 Authentication error; check CLOUDFLARE_API_TOKEN, and that it has the scope "Workers KV Storage Write"$/,
    );
    expect(api.requests).toHaveLength(1);
    api.faults.push({ kind: 'status', status: 403, body: 'you sent Bearer wrong-secret' });
    const forbidden: unknown = await act(sink).catch((error: unknown) => error);
    expect(String(forbidden)).toMatch(/403 Forbidden: you sent \*\*\*; check CLOUDFLARE_API_TOKEN/);
    for (let cause = forbidden; cause instanceof Error; cause = cause.cause) {
      expect(`${cause.message} ${cause.stack} ${JSON.stringify(cause)}`).not.toContain('wrong-secret');
    }
  });

  it('does not take a 200 for a success that says it is none, or says nothing we know', async () => {
    const { api, sink } = await createBench();
    const bodies = ['{"success":false,"errors":[{"code":7,"message":"no"}]}', '<html>log in first', '{}', ''];
    for (const body of bodies) {
      api.faults.push({ kind: 'status', status: 200, body });
      await expect(sink.put([pair('k', 1)], signal)).rejects.toThrow(SinkError);
    }
    expect(api.requests).toHaveLength(bodies.length);
  });

  it('does not wait for a server that asks for more than it may', async () => {
    const { api, sink, sleptMs } = await createBench();
    api.faults.push({ kind: 'status', status: 429, retryAfter: '3600' });
    await expect(sink.get('k', signal)).rejects.toThrow('429 Too Many Requests');
    expect(sleptMs).toEqual([]);
  });

  it('writes again after a timeout', async () => {
    const { api, sink, sleptMs } = await createBench({ timeoutMs: 60 });
    api.faults.push({ kind: 'slow', delayMs: 150 });
    await sink.put([pair('k', 1)], signal);
    expect(api.stored.get('k')?.value).toEqual(Uint8Array.of(1));
    expect(sleptMs).toEqual([1000]);
  });

  it("stops with the signal's reason within a request and within a pause", async () => {
    const reason = new Error('enough');
    const request = await createBench();
    const whileAsking = new AbortController();
    request.api.faults.push({ kind: 'slow', delayMs: 150 });
    setTimeout(() => whileAsking.abort(reason), 30);
    await expect(request.sink.put([pair('k', 1)], whileAsking.signal)).rejects.toBe(reason);

    const pause = await createBench({ sleep: undefined });
    const whilePausing = new AbortController();
    pause.api.faults.push({ kind: 'status', status: 429, retryAfter: '60' });
    setTimeout(() => whilePausing.abort(reason), 30);
    await expect(pause.sink.list('', whilePausing.signal)).rejects.toBe(reason);
    expect(pause.api.requests).toHaveLength(1);
  });

  it('names itself without the account, and refuses a URL that is none without quoting it', async () => {
    const { api, sink } = await createBench({ token: undefined });
    expect(sink.name).toBe(`Cloudflare KV namespace ${api.namespace} at ${new URL(api.url).host}`);
    await expect(createBench({ url: 'a-token-in-the-wrong-place' })).rejects.toThrow(/^(?!.*wrong-place)/);
  });
});

describe('cloudflare KV sink, what became of a write', () => {
  const head = pair('head', 1);
  const refusedBody =
    '{"success":false,"errors":[{"code":10001,"message":"no"}],"messages":[],"result":null}';
  const status = (code: number, body = refusedBody): Fault => ({ kind: 'status', status: code, body });
  const outcomeOf = async (write: Promise<unknown>): Promise<string> =>
    write.then(
      () => 'done',
      (error: unknown) => (error instanceof SinkError ? error.outcome : String(error)),
    );
  const five = (fault: Fault): Fault[] => Array.from({ length: 5 }, () => fault);

  it.each<[string, string, readonly Fault[]]>([
    ['a 400', 'refused', [status(400)]],
    ['a 403', 'refused', [status(403)]],
    ['a namespace that is not there', 'refused', [status(404)]],
    ['429 again and again', 'refused', five(status(429))],
    ['5xx again and again', 'unknown', five(status(502))],
    ['connections that break before', 'unknown', five({ kind: 'reset', applied: false })],
    ['replies that are lost', 'unknown', five({ kind: 'reset', applied: true })],
    ['a reply that is lost, then refusals', 'unknown', [{ kind: 'reset', applied: true }, status(400)]],
    ['a 200 of a page to log in', 'unknown', [status(200, '<html>log in first')]],
  ])('%s: %s', async (_, outcome, faults) => {
    const { api, sink } = await createBench();
    api.faults.push(...faults);
    expect(await outcomeOf(sink.put([head], signal))).toBe(outcome);
    expect(api.faults).toEqual([]);
    api.faults.push(...faults);
    expect(await outcomeOf(sink.remove(['head'], signal))).toBe(outcome);
  });

  it('tokens that are wrong or may only read: refused, and nothing stored', async () => {
    const { api } = await createBench();
    for (const token of ['wrong', api.readOnlyToken]) {
      const { sink } = await createBench({ token, url: api.url });
      expect(await outcomeOf(sink.put([head], signal))).toBe('refused');
    }
    expect(api.stored.size).toBe(0);
    expect(
      await (await createBench({ token: api.readOnlyToken, url: api.url })).sink.list('', signal),
    ).toEqual([]);
  });

  it('nobody there to connect to: refused', async () => {
    const { api, sink } = await createBench();
    await api.close();
    expect(await outcomeOf(sink.put([head], signal))).toBe('refused');
  });

  it('a reply that is lost though the write landed: written again, to the same end', async () => {
    const { api, sink, sleptMs } = await createBench();
    api.faults.push({ kind: 'reset', applied: true });
    await sink.put([head], signal);
    expect(api.stored.get('head')?.value).toEqual(Uint8Array.of(1));
    expect([api.requests.length, sleptMs]).toEqual([2, [1000]]);
  });

  it('a write that lands after its client gave up, and after its successor: unknown, read back', async () => {
    const { api, sink } = await createBench({ timeoutMs: 60, backoff: { tries: 1 } });
    const gate = Promise.withResolvers<void>();
    api.faults.push({ kind: 'late', until: gate.promise });
    expect(await outcomeOf(sink.put([head], signal))).toBe('unknown');
    await sink.put([pair('head', 2)], signal);
    expect((await sink.get('head', signal))?.value).toEqual(Uint8Array.of(2));
    gate.resolve();
    await vi.waitFor(async () => expect((await sink.get('head', signal))?.value).toEqual(Uint8Array.of(1)));
  });

  it('some keys of several stored, the rest refused: unknown', async () => {
    const { api, sink } = await createBench({ limits: { bulkPairs: 2 } });
    const pairs = ['a', 'b', 'c', 'd'].map((key) => pair(key, 1));
    api.faults.push({ kind: 'partial', keys: [] }, status(403));
    expect(await outcomeOf(sink.put(pairs, signal))).toBe('unknown');
    expect([...api.stored.keys()]).toEqual(['a', 'b']);
    api.faults.push(status(403));
    expect(await outcomeOf(sink.put(pairs, signal))).toBe('refused');
    for (let i = 0; i < 5; i++) api.faults.push({ kind: 'partial', keys: ['b'] });
    expect(await outcomeOf(sink.put(pairs.slice(0, 2), signal))).toBe('unknown');
  });

  it('a key KV does not take: refused', async () => {
    const { sink } = await createBench();
    expect(await outcomeOf(sink.put([pair('', 1)], signal))).toBe('refused');
  });
});

describe('cloudflare KV sink, on the side', () => {
  it("tells by how much the API's clock is ahead, from the Date of its replies", async () => {
    const { api, sink } = await createBench();
    expect(sink.clockOffsetMs?.()).toBeUndefined();
    for (const offsetMs of [0, 40_000, -40_000, 3_600_000]) {
      api.clockOffsetMs = offsetMs;
      await sink.list('', signal);
      // Whole seconds are all a Date tells.
      expect(Math.abs((sink.clockOffsetMs?.() ?? Number.NaN) - offsetMs)).toBeLessThanOrEqual(600);
    }
    api.clockOffsetMs = undefined;
    await sink.list('', signal);
    expect(sink.clockOffsetMs?.()).toBeGreaterThan(3_599_000);
  });

  it('does not know the clock of an API that tells no Date', async () => {
    const { api, sink } = await createBench();
    api.clockOffsetMs = undefined;
    await sink.list('', signal);
    expect(sink.clockOffsetMs?.()).toBeUndefined();
  });

  it.each<[string, readonly number[], number]>([
    ['half of the round trip is taken off, in whole milliseconds', [10_000, 11_001], 20_000 + 500 - 10_500],
    ['a clock set back meanwhile tells nothing', [10_000, 9_000], Number.NaN],
  ])('%s', async (_, times, offsetMs) => {
    const clock = [...times];
    const headers = { date: new Date(20_000).toUTCString() };
    const text = async (): Promise<string> => '{"success":true,"result":[]}';
    const http = { request: async () => ({ status: 200, headers, text }) } as unknown as Http;
    const { sink } = await createBench({ http, now: () => clock.shift() ?? 0 });
    await sink.list('', signal);
    expect(sink.clockOffsetMs?.() ?? Number.NaN).toBe(offsetMs);
  });

  it('a slow reply does not spoil what a quick one told', async () => {
    const clock = [10_000, 10_100, 20_000, 80_000];
    const dates = [10_050, 80_000];
    const text = async (): Promise<string> => '{"success":true,"result":[]}';
    const request = async (): Promise<object> => ({
      ...{ status: 200, text },
      headers: { date: new Date(dates.shift() ?? 0).toUTCString() },
    });
    const http = { request } as unknown as Http;
    const { sink } = await createBench({ http, now: () => clock.shift() ?? 0 });
    await sink.list('', signal);
    const before = sink.clockOffsetMs?.();
    await sink.list('', signal);
    expect([before, sink.clockOffsetMs?.()]).toEqual([450, 450]);
  });
});
