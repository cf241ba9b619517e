import { reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEdge, type Variables } from './edge.ts';
import { addresses, createSigningKey, publishToKv, type TestKey, type ToPublish } from './publish-to-kv.ts';

const START_MS = Date.UTC(2026, 7, 1);
let key: TestKey;

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  vi.spyOn(console, 'warn').mockReturnValue();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

const publish = (options: Partial<ToPublish>): Promise<unknown> =>
  publishToKv(env.SNAPSHOTS, {
    rrsets: [addresses('secret-project.mesos', ['10.11.12.13'])],
    ...{ key, serial: 7, createdAtMs: START_MS },
    ...options,
  });

async function health(variables: Variables = {}): Promise<[number, unknown]> {
  const response = await createEdge(variables).fetch('/health');
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(response.headers.get('cache-control')).toBe('no-store');
  return [response.status, await response.json()];
}

describe('/health', () => {
  it.each([
    ['ok', 900, 200],
    ['stale', 901, 200],
    ['stale', 604_800, 200],
    ['expired', 604_801, 200],
  ])('says %s at %i s', async (status, ageSeconds, httpStatus) => {
    await publish({ createdAtMs: START_MS - ageSeconds * 1_000 });
    const zones = [{ origin: 'mesos', status, serial: 7, ageSeconds }];
    expect(await health()).toEqual([httpStatus, { status, access: 'open', zones }]);
  });

  it('is unavailable while there is no snapshot', async () => {
    const zones = [{ origin: 'mesos', status: 'not-ready' }];
    expect(await health()).toEqual([503, { status: 'not-ready', access: 'open', zones }]);
  });

  it('says that access is closed, and still how the zones are', async () => {
    await publish({});
    const zones = [{ origin: 'mesos', status: 'ok', serial: 7, ageSeconds: 0 }];
    expect(await health({ ACCESS: 'token' })).toEqual([200, { status: 'ok', access: 'closed', zones }]);
  });

  it('says the worst of several zones', async () => {
    const ages = [
      ['ok.mesos', 0],
      ['stale.mesos', 1_000],
      ['expired.mesos', 700_000],
    ] as const;
    for (const [origin, seconds] of ages) {
      await publish({
        ...{ origin, rrsets: [addresses(`a.${origin}`, ['10.0.0.1'])] },
        createdAtMs: START_MS - seconds * 1_000,
      });
    }
    const worst = async (zones: string): Promise<unknown> => (await health({ ZONES: zones }))[1];
    expect(await worst('ok.mesos')).toMatchObject({ status: 'ok' });
    expect(await worst('ok.mesos,stale.mesos')).toMatchObject({ status: 'stale' });
    expect(await worst('stale.mesos,expired.mesos,ok.mesos')).toMatchObject({ status: 'expired' });
    expect(await worst('expired.mesos,none.mesos')).toMatchObject({ status: 'not-ready' });
  });

  it('is as HEAD wants it', async () => {
    const response = await exports.default.fetch('https://doh.example/health', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([503, '']);
  });

  it('reads no shard to say so', async () => {
    const names = Array.from({ length: 50 }, (_, i) => addresses(`task-${i}.mesos`, ['10.0.0.1']));
    await publish({ rrsets: names, limits: { overlayOctets: 1, runOctets: 1, shardOctets: 500 } });
    const read: string[] = [];
    const counting = {
      getWithMetadata: (...asked: Parameters<KVNamespace['getWithMetadata']>) =>
        env.SNAPSHOTS.getWithMetadata(...asked),
      get: (blockKey: string) => {
        read.push(blockKey);
        return env.SNAPSHOTS.get(blockKey, 'arrayBuffer');
      },
    } as unknown as KVNamespace;
    expect((await health({ SNAPSHOTS: counting }))[0]).toBe(200);
    expect(read).toEqual([]);
  });
});
