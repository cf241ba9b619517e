import { describe, expect, it, onTestFinished } from 'vitest';
import type { Finding } from '../../../sync-agent/doctor/finding.ts';
import { checkStore, type StoreCheck } from '../../../sync-agent/doctor/store.ts';
import { type KeyRing, makeSigningKey } from '../../../sync-agent/keys.ts';
import { createCloudflareKvSink } from '../../../sync-agent/sinks/cloudflare-kv.ts';
import { createMemorySink } from '../../../sync-agent/sinks/memory.ts';
import type { Sink } from '../../../sync-agent/sinks/sink.ts';
import { type KvApi, startKvApi } from '../../fakes/kv-api.ts';
import { names, NOW_SECONDS, openPublisher, ORIGIN } from '../publish/published-zone.ts';
import { openHttp } from '../sources/state-server.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const other = await makeSigningKey();
const ring: KeyRing = { current: key, next: undefined, retired: [] };

function check(sink: Sink, more: Partial<StoreCheck> = {}): Promise<Finding[]> {
  const now = (): number => (NOW_SECONDS + 10) * 1000;
  const options = {
    sink,
    origin: ORIGIN,
    variant: 'main',
    ring,
    staleAfterSeconds: 900,
    isProbed: true,
    now,
  };
  return checkStore({ ...options, ...more }, signal);
}

async function published(): Promise<Sink> {
  const { sink, publish } = openPublisher(key);
  await publish(names(0, 3));
  return sink;
}

async function kv(token: (api: KvApi) => string, clockOffsetMs = 0): Promise<{ api: KvApi; sink: Sink }> {
  const api = await startKvApi();
  onTestFinished(() => api.close());
  api.clockOffsetMs = clockOffsetMs;
  const { url, namespace } = api;
  const backoff = { tries: 1 };
  return {
    api,
    sink: createCloudflareKvSink({ url, namespace, token: token(api), http: openHttp(), backoff }),
  };
}

describe('the store', () => {
  it('is looked at without a write', async () => {
    const { api, sink } = await kv(({ token }) => token);
    const findings = await check(sink);
    expect(findings.map(({ about, verdict }) => `${about} ${verdict}`)).toEqual([
      'store well',
      'store well',
      'clock well',
      'zone advice',
    ]);
    expect(api.stored.size).toBe(0);
    expect(api.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
      'GET /keys',
      'POST /bulk/delete',
      'GET /values/z%2Fmesos%2Fmain%2Fhead',
    ]);
  });

  it('refuses a wrong token, which is not told', async () => {
    const { sink } = await kv(() => 'a-wrong-secret-token');
    const findings = await check(sink);
    expect(findings).toMatchObject([{ about: 'store', verdict: 'wrong' }]);
    expect(findings[0]?.says).toContain('CLOUDFLARE_API_TOKEN');
    expect(JSON.stringify(findings)).not.toContain('a-wrong-secret-token');
  });

  it('refuses to be written by a token that may only read', async () => {
    const { sink } = await kv(({ readOnlyToken }) => readOnlyToken);
    const findings = await check(sink);
    expect(findings.slice(0, 2)).toMatchObject([{ verdict: 'well' }, { verdict: 'wrong' }]);
    expect(findings[1]?.says).toContain('Workers KV Storage Write');
  });

  it('can not be reached', async () => {
    const { api, sink } = await kv(({ token }) => token);
    await api.close();
    expect(await check(sink)).toMatchObject([
      { verdict: 'wrong', says: expect.stringContaining('refused'), mend: expect.stringContaining('kv.url') },
    ]);
  });

  it('is not probed where removing tells nothing', async () => {
    const sink = createMemorySink();
    const findings = await check(
      { ...sink, remove: () => Promise.reject(new Error('removed')) },
      { isProbed: false },
    );
    expect(findings.map(({ about }) => about)).toEqual(['store', 'zone']);
  });

  it.each([
    [40_000, 'wrong', 'behind'],
    [-40_000, 'wrong', 'ahead of'],
    [5_000, 'well', 'behind'],
  ])('has a clock that is %d ms off', async (offsetMs, verdict, words) => {
    const sink = { ...createMemorySink(), clockOffsetMs: () => offsetMs };
    const clock = (await check(sink)).find(({ about }) => about === 'clock');
    expect(clock).toMatchObject({ verdict, says: expect.stringContaining(words) });
  });
});

describe('the zone', () => {
  const zone = async (sink: Sink, more: Partial<StoreCheck> = {}): Promise<Finding | undefined> =>
    (await check(sink, more)).find(({ about }) => about === 'zone');

  it('is published and signed by this key', async () => {
    expect(await zone(await published())).toMatchObject({
      verdict: 'well',
      says: `mesos has serial ${NOW_SECONDS}, vouched for 10 s ago, signed by this key`,
    });
  });

  it('is signed by the last key, or the next', async () => {
    const retired = [{ publicKeyBase64: key.publicKeyBase64, retiredAt: '' }];
    const sink = await published();
    for (const rotated of [
      { current: other, next: undefined, retired },
      { current: other, next: key, retired: [] },
    ])
      expect(await zone(sink, { ring: rotated })).toMatchObject({
        verdict: 'advice',
        says: expect.stringContaining('not the current one'),
      });
  });

  it('is signed by a key nobody knows here', async () => {
    expect(await zone(await published(), { ring: { ...ring, current: other } })).toMatchObject({
      verdict: 'wrong',
      mend: expect.stringContaining('--new-key'),
    });
  });

  it('is published, and there is no key here', async () => {
    expect(await zone(await published(), { ring: undefined })).toMatchObject({
      verdict: 'wrong',
      says: 'mesos is published already, and there is no key here',
    });
  });

  it('grows stale', async () => {
    const late = (NOW_SECONDS + 901) * 1000;
    expect(await zone(await published(), { now: () => late })).toMatchObject({
      verdict: 'wrong',
      says: expect.stringContaining('vouched for 901 s ago'),
    });
  });

  it('can not be read', async () => {
    const sink = await published();
    expect(await zone({ ...sink, get: () => Promise.reject(new Error('no')) })).toMatchObject({
      verdict: 'wrong',
      says: 'no',
    });
  });
});
