import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createBlocks } from '../../../worker/snapshot/blocks.ts';
import {
  createKvBlockFetcher,
  createKvHeadSource,
  type Kv,
  withAcceptedCacheTtl,
} from '../../../worker/snapshot/kv.ts';
import { createSnapshotReader, type SnapshotReader } from '../../../worker/snapshot/reader.ts';
import { startTimer } from '../../../worker/snapshot/timer.ts';
import { nameToWire, parseName } from '../../../zone/name.ts';
import { decodeRoot, importVerifyKeys, type Root, type VerifyKeys } from '../../../zone/root.ts';
import {
  addresses,
  base64,
  buildSnapshot,
  createSigningKey,
  publishToKv,
  putBlocks,
  type Snapshot,
  type TestKey,
  type ToPublish,
} from '../publish-to-kv.ts';
import { describeFound, START_MS } from './reader-harness.ts';

const origin = parseName('mesos');
const kv = env.SNAPSHOTS;
const HEAD_KEY = 'z/mesos/main/head';
const rrsets = [addresses('web.mesos', ['10.0.0.1'])];
const others = [addresses('web.mesos', ['10.0.0.2'])];
let key: TestKey;
let stranger: TestKey;
let verifyKeys: VerifyKeys;

beforeAll(async () => {
  key = await createSigningKey();
  stranger = await createSigningKey();
  verifyKeys = await importVerifyKeys([key.publicKeyBase64]);
});
afterEach(async () => {
  await reset();
});

const source = (keys: VerifyKeys | 'none' = verifyKeys): ReturnType<typeof createKvHeadSource> =>
  createKvHeadSource(kv, { origin, variant: 'main', verifyKeys: keys });

const build = (options: Partial<ToPublish> = {}): Promise<Snapshot> =>
  buildSnapshot({ rrsets, key, createdAtMs: START_MS, ...options });

const metadataOf = ({ root }: Snapshot): KVNamespacePutOptions => ({ metadata: { root: base64(root) } });

describe('the head in KV', () => {
  it('is undefined where there is none', async () => {
    expect(await source().check(undefined)).toBeUndefined();
  });

  it('comes whole where nothing is held', async () => {
    const { body } = await publishToKv(kv, { rrsets, key, serial: 7, createdAtMs: START_MS });
    const head = await source().check(undefined);
    expect(head?.root).toMatchObject({ serial: 7, createdAtMs: START_MS, origin: 'mesos', variant: 'main' });
    expect(head?.body).toEqual(body);
  });

  it('is not read where its metadata says that the body is the one held', async () => {
    const held = await build();
    const next = await build({ createdAtMs: START_MS + 300_000 });
    await kv.put(HEAD_KEY, 'nobody may look at this', metadataOf(next));
    const head = await source().check(rootOf(held).bodyHash);
    expect(head?.root.createdAtMs).toBe(START_MS + 300_000);
    expect(head?.body).toBeUndefined();
  });

  it('is read where its metadata says that the body is another', async () => {
    const { bodyHash } = rootOf(await build());
    const next = await publishToKv(kv, { rrsets: others, key, serial: 2 });
    expect((await source().check(bodyHash))?.body).toEqual(next.body);
  });

  it.each<[string, KVNamespacePutOptions]>([
    ['no metadata', {}],
    ['metadata without a root', { metadata: { other: 1 } }],
    ['a root that is no text', { metadata: { root: 5 } }],
    ['metadata that is a text', { metadata: 'root' }],
    ['a root that is not base64', { metadata: { root: 'AA*A' } }],
    ['a root that is cut off', { metadata: { root: 'TURI' } }],
    ['an empty root', { metadata: { root: '' } }],
  ])('is read where it has %s', async (_, options) => {
    const { bodyHash } = rootOf(await build());
    const next = await build({ rrsets: others, serial: 2 });
    await kv.put(HEAD_KEY, next.head, options);
    const head = await source().check(bodyHash);
    expect(head?.root.serial).toBe(2);
    expect(head?.body).toEqual(next.body);
    // The seam says: a body only if it is another than the one held.
    await kv.put(HEAD_KEY, (await build({ createdAtMs: START_MS + 1 })).head, options);
    const same = await source().check(bodyHash);
    expect(same).toMatchObject({ root: { serial: 1, createdAtMs: START_MS + 1 }, body: undefined });
  });

  it('is taken unsigned, or signed by anybody, only where no keys are set', async () => {
    const unsigned = { keyId: new Uint8Array(8), privateKey: stranger.privateKey };
    await publishToKv(kv, { rrsets, key: unsigned });
    await expect(source().check(undefined)).rejects.toThrow(/key 0{16}, which is not trusted/);
    expect((await source('none').check(undefined))?.root.serial).toBe(1);
  });

  it('is taken from either of two keys while one replaces the other', async () => {
    const both = await importVerifyKeys([key.publicKeyBase64, stranger.publicKeyBase64]);
    for (const signer of [key, stranger]) {
      await publishToKv(kv, { rrsets, key: signer });
      expect((await source(both).check(undefined))?.root.serial).toBe(1);
    }
  });
});

describe('a head that can not be trusted', () => {
  const flip = (octets: Uint8Array, at: number): Uint8Array =>
    octets.with(at, (octets.at(at) ?? 0) ^ 1).slice();
  /** What stands in KV: the value, and the root in its metadata. */
  const untrusted: readonly [string, RegExp, () => Promise<{ value: Uint8Array; root: Uint8Array }>][] = [
    ['is signed by another key', /not trusted here/, () => stored({ key: stranger })],
    [
      'claims to be signed by our key',
      /signature that does not hold/,
      () => stored({ key: { keyId: key.keyId, privateKey: stranger.privateKey } }),
    ],
    [
      'is unsigned',
      /key 0{16}/,
      () => stored({ key: { keyId: new Uint8Array(8), privateKey: stranger.privateKey } }),
    ],
    ['is of another zone', /is that of other\/main/, () => stored({ origin: 'other' })],
    ['is of another variant', /is that of mesos\/inside/, () => stored({ variant: 'inside' })],
    ['was changed in its root', /signature that does not hold/, () => spoilt((head) => flip(head, 27))],
    ['was changed in its body', /body other than/, () => spoilt((head) => flip(head, head.length - 1))],
    ['has octets behind it', /body other than/, () => spoilt((head) => Uint8Array.from([...head, 0]))],
    ['is cut off in its body', /body other than/, () => spoilt((head) => head.slice(0, -1))],
    ['is cut off in its root', /wrong length|ends too soon/, () => spoilt((head) => head.slice(0, 60))],
    ['is empty', /ends too soon/, () => spoilt(() => new Uint8Array())],
    ['is a text', /has no magic/, () => spoilt(() => new TextEncoder().encode('{"serial": 2}'))],
    ['is of a format to come', /has format 2/, () => spoilt((head) => head.with(4, 2).slice())],
    [
      'has a signed body that needs a later version',
      /needs section 99/,
      () => stored({ spoilBody: (body) => Uint8Array.from([...body, 0, 99, 0, 1, 0, 0, 0, 0]) }),
    ],
  ];

  async function stored(options: Partial<ToPublish>): Promise<{ value: Uint8Array; root: Uint8Array }> {
    const { head, root } = await build({ rrsets: others, serial: 2, ...options });
    return { value: head, root };
  }

  async function spoilt(
    spoil: (head: Uint8Array) => Uint8Array,
  ): Promise<{ value: Uint8Array; root: Uint8Array }> {
    const { head, root } = await build({ rrsets: others, serial: 2 });
    const value = spoil(head);
    return { value, root: value.subarray(0, root.length) };
  }

  it.each(untrusted)('%s: it is refused', async (_, reason, make) => {
    const { value } = await make();
    await kv.put(HEAD_KEY, value);
    await expect(source().check(undefined)).rejects.toThrow(reason);
  });

  it.each(untrusted)(
    '%s: the one held goes on answering, and the next that works follows it',
    async (...row) => {
      const [, reason, make] = row;
      await publishToKv(kv, { rrsets, key, createdAtMs: START_MS });
      const { reader, clock, problems } = createReader();
      expect(await lookUp(reader)).toBe('10.0.0.1');
      const { value, root } = await make();
      await kv.put(HEAD_KEY, value, { metadata: { root: base64(root) } });
      clock.nowMs += 90_000;
      expect(await lookUp(reader)).toBe('10.0.0.1');
      expect(problems.join('\n')).toMatch(reason);
      await publishToKv(kv, { rrsets: others, key, serial: 2, createdAtMs: START_MS });
      clock.nowMs += 5_000;
      expect(await lookUp(reader)).toBe('10.0.0.2');
    },
  );

  it('by its metadata alone: the value decides', async () => {
    const held = await publishToKv(kv, { rrsets, key, createdAtMs: START_MS });
    const { reader, clock } = createReader();
    await lookUp(reader);
    // The same body under a serial that nobody signed, to keep the held one from ever being replaced.
    const forged = await build({
      key: { keyId: key.keyId, privateKey: stranger.privateKey },
      epoch: 99,
      createdAtMs: START_MS + 1,
    });
    await kv.put(HEAD_KEY, held.head, metadataOf(forged));
    clock.nowMs += 90_000;
    expect(await lookUp(reader)).toBe('10.0.0.1');
    expect((await reader.current(() => undefined))?.root).toMatchObject({ epoch: 1, createdAtMs: START_MS });
  });
});

describe('metadata that tells of another head than the value', () => {
  it.each<[string, Partial<ToPublish>]>([
    ['an older one', { rrsets: [addresses('web.mesos', ['10.0.0.3'])], serial: 1 }],
    ['a newer one', { rrsets: [addresses('web.mesos', ['10.0.0.3'])], serial: 9 }],
    ['one of another zone', { origin: 'other', serial: 9 }],
    ['one of another variant', { variant: 'inside', serial: 9 }],
  ])('%s: the value is what is taken', async (_, told) => {
    await publishToKv(kv, { rrsets, key, createdAtMs: START_MS });
    const { reader, clock } = createReader();
    await lookUp(reader);
    const next = await build({ rrsets: others, serial: 2 });
    await putBlocks(kv, next);
    await kv.put(HEAD_KEY, next.head, metadataOf(await build(told)));
    clock.nowMs += 90_000;
    expect(await lookUp(reader)).toBe('10.0.0.2');
    expect((await reader.current(() => undefined))?.root.serial).toBe(2);
  });

  it('the one held, under a higher serial: its times only, and no answer changes', async () => {
    const after = await publishToKv(kv, { rrsets, key, createdAtMs: START_MS });
    const { reader, clock } = createReader();
    await lookUp(reader);
    const next = await build({ rrsets: others, serial: 2 });
    await putBlocks(kv, next);
    await kv.put(HEAD_KEY, next.head, metadataOf(await build({ serial: 5, after })));
    clock.nowMs += 90_000;
    expect(await lookUp(reader)).toBe('10.0.0.1');
    await publishToKv(kv, { rrsets: others, key, createdAtMs: START_MS, serial: 6 });
    clock.nowMs += 90_000;
    expect(await lookUp(reader)).toBe('10.0.0.2');
  });
});

describe('a value under the key of a head', () => {
  it.each([65_537, 5 * 1024 * 1024])('of %i octets is not read to its end', async (octets) => {
    await kv.put(HEAD_KEY, new Uint8Array(octets));
    await expect(source().check(undefined)).rejects.toThrow('is longer than 65536 octets');
  });
});

describe('the time KV may answer from its caches', () => {
  const refusing = (least: number, words: string): { asked: number[]; kv: Kv } => {
    const asked: number[] = [];
    const read = async <Value>(cacheTtl: number, value: Value): Promise<Value> => {
      asked.push(cacheTtl);
      if (cacheTtl < least) throw new Error(words);
      return value;
    };
    return {
      asked,
      kv: withAcceptedCacheTtl({
        get: (_, { cacheTtl }) => read(cacheTtl, null),
        getWithMetadata: (_, { cacheTtl }) => read(cacheTtl, { value: null, metadata: null }),
      }),
    };
  };
  const words = 'KV GET failed: 400 Invalid cache_ttl of 30. Cache TTL must be at least 60.';

  it('is 30 s for a head where that is taken', async () => {
    const { asked, kv: taking } = refusing(30, words);
    const heads = createKvHeadSource(taking, { origin, variant: 'main', verifyKeys: 'none' });
    for (let i = 0; i < 3; i++) await heads.check(undefined);
    expect(asked).toEqual([30, 30, 30]);
  });

  it('is 60 s where 30 is refused, from then on and for blocks too', async () => {
    const { asked, kv: taking } = refusing(60, words);
    const heads = createKvHeadSource(taking, { origin, variant: 'main', verifyKeys: 'none' });
    const fetchBlock = createKvBlockFetcher(taking);
    for (let i = 0; i < 2; i++) expect(await heads.check(undefined)).toBeUndefined();
    await fetchBlock('key', { fresh: true });
    await fetchBlock('key', { fresh: false });
    expect(asked).toEqual([30, 60, 60, 60, 86_400]);
  });

  it('stays where KV fails for another reason, or refuses 60 s as well', async () => {
    for (const [least, why] of [
      [60, 'KV GET failed: 500 Internal Server Error'],
      [61, words],
    ] as const) {
      const { asked, kv: failing } = refusing(least, why);
      const heads = createKvHeadSource(failing, { origin, variant: 'main', verifyKeys: 'none' });
      await expect(heads.check(undefined)).rejects.toThrow(why);
      await expect(heads.check(undefined)).rejects.toThrow(why);
      expect(asked).toEqual(least === 60 ? [30, 30] : [30, 60, 60]);
    }
  });
});

describe('blocks in KV', () => {
  it('come octet by octet, or not at all', async () => {
    const octets = Uint8Array.from({ length: 256 }, (_, i) => i);
    await kv.put('z/mesos/main/r/1-00', octets);
    const fetchBlock = createKvBlockFetcher(kv);
    expect(await fetchBlock('z/mesos/main/r/1-00', { fresh: false })).toEqual(octets);
    expect(await fetchBlock('z/mesos/main/r/1-01', { fresh: true })).toBeUndefined();
  });

  it('are read from caches for a day, heads and second tries for the least that KV allows', async () => {
    const asked: unknown[] = [];
    const get = (_: string, options: unknown): Promise<null> => {
      asked.push(options);
      return Promise.resolve(null);
    };
    const getWithMetadata = async (_: string, options: unknown): Promise<object> => {
      asked.push(options);
      return { value: null, metadata: null };
    };
    const fake = { get, getWithMetadata } as unknown as KVNamespace;
    await createKvBlockFetcher(fake)('key', { fresh: false });
    await createKvBlockFetcher(fake)('key', { fresh: true });
    await createKvHeadSource(fake, { origin, variant: 'main', verifyKeys: 'none' }).check(undefined);
    expect(asked).toMatchObject([{ cacheTtl: 86_400 }, { cacheTtl: 30 }, { cacheTtl: 30 }]);
  });

  it('of a zone in shards are found', async () => {
    const names = Array.from({ length: 100 }, (_, i) => addresses(`task-${i}.mesos`, [`10.0.1.${i}`]));
    const limits = { overlayOctets: 1, runOctets: 1, shardOctets: 1000 };
    const snapshot = await publishToKv(kv, { rrsets: names, key, createdAtMs: START_MS, limits });
    expect(snapshot.blocks.size).toBeGreaterThan(2);
    const { reader } = createReader();
    for (const i of [0, 50, 99]) expect(await lookUp(reader, `task-${i}.mesos`)).toBe(`10.0.1.${i}`);
  });

  it('that come after their head are waited for with what is held', async () => {
    await publishToKv(kv, { rrsets, key, createdAtMs: START_MS });
    const { reader, clock } = createReader();
    await lookUp(reader);
    const next = await build({ rrsets: others, serial: 2 });
    await kv.put(HEAD_KEY, next.head, metadataOf(next));
    clock.nowMs += 90_000;
    expect(await lookUp(reader)).toBe('10.0.0.1');
    await putBlocks(kv, next);
    clock.nowMs += 5_000;
    expect(await lookUp(reader)).toBe('10.0.0.2');
  });
});

function createReader(): { reader: SnapshotReader; clock: { nowMs: number }; problems: string[] } {
  const clock = { nowMs: START_MS };
  const problems: string[] = [];
  const now = (): number => clock.nowMs;
  const fetchBlock = createKvBlockFetcher(kv);
  const reader = createSnapshotReader({
    ...{ origin, variant: 'main', source: source(), now, startTimer },
    blocks: createBlocks({ fetchBlock, maxOctets: 1024 * 1024, now, startTimer }),
    ...{ headRefreshMs: 30_000, headMaxAgeMs: 90_000 },
    onProblem: (problem) => void problems.push(problem),
  });
  return { reader, clock, problems };
}

async function lookUp(reader: SnapshotReader, name = 'web.mesos'): Promise<string> {
  return describeFound(await reader.find(nameToWire(parseName(name)), () => undefined));
}

function rootOf({ head }: Snapshot): Root {
  return decodeRoot(head).root;
}
