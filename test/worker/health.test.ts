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
    const problem = 'head: is not there: no snapshot has been published yet';
    const zones = [{ origin: 'mesos', status: 'not-ready', problem }];
    expect(await health()).toEqual([503, { status: 'not-ready', access: 'open', zones }]);
  });

  it.each([
    ['token', 'closed'],
    ['tokens', 'credentials'],
  ])(
    'says to strangers that all is well, and not which zones there are (ACCESS=%s)',
    async (ACCESS, access) => {
      await publish({});
      expect(await health({ ACCESS })).toEqual([200, { status: 'ok', access, zones: [] }]);
    },
  );

  it('says how many names are held and for how long, and which serial is pinned', async () => {
    const held = { names: 120, sinceSeconds: START_MS / 1_000 - 90, memory: new TextEncoder().encode('web') };
    await publish({ held });
    expect((await health())[1]).toEqual({
      ...{ status: 'ok', access: 'open' },
      zones: [{ origin: 'mesos', status: 'ok', serial: 7, ageSeconds: 0, held: 120, heldSinceSeconds: 90 }],
    });
    await publish({ held: { ...held, names: 0, sinceSeconds: 0 } });
    expect((await health())[1]).toEqual(
      expect.objectContaining({ zones: [expect.not.objectContaining({ held: 0 })] }),
    );
    await publish({ held: { ...held, sinceSeconds: START_MS / 1_000 + 90 }, pin: 3 });
    expect((await health())[1]).toMatchObject({ zones: [{ held: 120, heldSinceSeconds: 0, pinned: 3 }] });
  });

  it('says why what the store holds is not taken, while the last good head answers', async () => {
    const edge = createEdge({});
    await publish({});
    expect(await (await edge.fetch('/health')).json()).toMatchObject({ status: 'ok' });
    const { value } = await env.SNAPSHOTS.getWithMetadata('z/mesos/main/head', 'arrayBuffer');
    // A head of a format to come.
    await env.SNAPSHOTS.put('z/mesos/main/head', new Uint8Array(value ?? new ArrayBuffer()).with(4, 2));
    vi.setSystemTime(START_MS + 90_000);
    const problem = 'head root: has format 2, this version reads 1 at offset 4';
    const zone = { origin: 'mesos', status: 'ok', serial: 7, ageSeconds: 90, problem };
    expect(await (await edge.fetch('/health')).json()).toEqual({
      ...{ status: 'ok', access: 'open', zones: [zone] },
    });
    vi.setSystemTime(START_MS + 901_000);
    const reply = await edge.ask({ name: 'secret-project.mesos', type: 1, edns: 1232 });
    expect(reply.rcode).toBe('NOERROR');
    expect(reply.errors).toEqual([{ code: 3, text: `the snapshot is 901 s old: ${problem}` }]);
    await publish({ serial: 8, createdAtMs: START_MS + 901_000 });
    vi.setSystemTime(START_MS + 991_000);
    expect(await (await edge.fetch('/health')).json()).toEqual({
      ...{ status: 'ok', access: 'open' },
      zones: [{ origin: 'mesos', status: 'ok', serial: 8, ageSeconds: 90 }],
    });
  });

  it('counts a restored store', async () => {
    const edge = createEdge({});
    await publish({});
    await edge.fetch('/health');
    vi.setSystemTime(START_MS + 1_000_000);
    await publish({ serial: 5, createdAtMs: START_MS + 1_000_000 });
    expect(await (await edge.fetch('/health')).json()).toMatchObject({
      zones: [{ origin: 'mesos', status: 'ok', serial: 5, ageSeconds: 0, restored: 1 }],
    });
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
