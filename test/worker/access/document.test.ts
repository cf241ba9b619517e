import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccessSource, createAccessSource } from '../../../worker/access/document.ts';
import { createKvAccessReader } from '../../../worker/access/document.ts';
import { startTimer } from '../../../worker/snapshot/timer.ts';
import { type AccessDocument, signAccessDocument } from '../../../zone/access-document.ts';
import { importVerifyKeys, type VerifyKeys } from '../../../zone/root.ts';
import { createSigningKey, type TestKey } from '../publish-to-kv.ts';
import { documentOf } from './door.ts';
import { createMemoryKv } from './memory-kv.ts';

const START_MS = Date.UTC(2026, 7, 1);
const REFRESH_MS = 30_000;
const MAX_AGE_MS = 90_000;

let key: TestKey;
let verifyKeys: VerifyKeys;
let nowMs = START_MS;
/** What the store has; throws where it is a promise that does. */
let stored: Uint8Array | undefined;
let before: () => Promise<void>;
let reads = 0;
let problems: string[] = [];
let running: Promise<unknown>[] = [];
let source: AccessSource;

const waitUntil = (work: Promise<unknown>): void => void running.push(work);
const settle = async (): Promise<void> => {
  for (const work of running.splice(0)) await work;
};
/** The serial in force now, what runs on awaited. */
const serial = async (): Promise<number | undefined> => {
  const document = await source.current(waitUntil);
  await settle();
  return document?.serial;
};
const store = async (number: number, options: { by?: TestKey; issuedAtMs?: number } = {}): Promise<void> => {
  const { by = key, issuedAtMs = 0 } = options;
  stored = await signAccessDocument(await plain(number, issuedAtMs), by);
};
const plain = (number: number, issuedAtMs = 0): Promise<AccessDocument> =>
  documentOf({ serial: number, issuedAtMs, teams: {}, views: {}, tokens: {} });
const create = (): AccessSource =>
  createAccessSource({
    read: async () => {
      reads++;
      const seen = stored;
      await before();
      return seen;
    },
    verifyKeys,
    now: () => nowMs,
    startTimer,
    refreshMs: REFRESH_MS,
    maxAgeMs: MAX_AGE_MS,
    onProblem: (problem) => problems.push(problem),
  });

beforeAll(async () => {
  key = await createSigningKey();
  verifyKeys = await importVerifyKeys([key.publicKeyBase64]);
});
beforeEach(() => {
  [nowMs, stored, reads, problems, running] = [START_MS, undefined, 0, [], []];
  before = async () => undefined;
  source = create();
});

describe('the document in force', () => {
  it('is read once and then held, and read again behind the answer after 30 s', async () => {
    await store(1);
    expect([await serial(), await serial(), reads]).toEqual([1, 1, 1]);
    await store(2);
    nowMs += REFRESH_MS - 1;
    expect([await serial(), reads]).toEqual([1, 1]);
    nowMs += 1;
    expect([await serial(), reads]).toEqual([1, 2]);
    expect([await serial(), reads]).toEqual([2, 2]);
  });

  it('is read on the path after 90 s', async () => {
    await store(1);
    await serial();
    await store(2);
    nowMs += MAX_AGE_MS;
    expect([await serial(), reads]).toEqual([2, 2]);
  });

  it('is given at once while it is fresh', async () => {
    await store(1);
    await serial();
    expect(source.current(waitUntil)).toMatchObject({ serial: 1 });
  });

  it('is never one that was replaced 90 s ago or more, whenever it is asked for', async () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 100_000 }),
      does: fc.constantFrom('ask', 'ask', 'ask', 'replace'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        nowMs = START_MS;
        source = create();
        let number = 1;
        await store(number);
        const replacedAt = new Map<number, number>();
        for (const { waitMs, does } of steps) {
          nowMs += waitMs;
          if (does === 'replace') {
            replacedAt.set(number, nowMs);
            await store(++number);
          } else {
            const given = (await serial()) ?? 0;
            const since = replacedAt.get(given);
            expect(nowMs - (since ?? nowMs)).toBeLessThan(MAX_AGE_MS);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('counts from when a check began: a slow one has seen what was there then', async () => {
    await store(1);
    const gate = Promise.withResolvers<void>();
    before = () => gate.promise;
    const first = Promise.resolve(source.current(waitUntil));
    nowMs += 3_000;
    await store(2);
    gate.resolve();
    expect((await first)?.serial).toBe(1);
    before = async () => undefined;
    nowMs = START_MS + MAX_AGE_MS;
    expect(await serial()).toBe(2);
  });

  it('is none where the store has none, which is said in the log; and looked for again after 5 s', async () => {
    expect([await serial(), await serial(), reads]).toEqual([undefined, undefined, 1]);
    expect(problems).toEqual(['access document: is not there (a/access): nobody may ask']);
    await store(1);
    nowMs += 5_000;
    expect([await serial(), reads]).toEqual([1, 2]);
  });

  it('is none from the check on that finds it taken away, and no older one comes in its place', async () => {
    await store(5);
    await serial();
    stored = undefined;
    nowMs += MAX_AGE_MS;
    expect(await serial()).toBeUndefined();
    await store(4);
    nowMs += 5_000;
    expect(await serial()).toBeUndefined();
    await store(6);
    nowMs += 5_000;
    expect(await serial()).toBe(6);
  });
});

describe('a document that is not taken', () => {
  const outcome = async (): Promise<unknown> => {
    nowMs += MAX_AGE_MS;
    const given = await serial();
    return [given, problems.at(-1)];
  };

  it('has a lower serial, or the same and was issued before', async () => {
    await store(5, { issuedAtMs: 100 });
    await serial();
    await store(4, { issuedAtMs: 900 });
    expect(await outcome()).toEqual([5, 'access document: of serial 4 is older than the one held: kept']);
    await store(5, { issuedAtMs: 99 });
    expect(await outcome()).toEqual([5, expect.stringContaining('of serial 5 is older')]);
    await store(5, { issuedAtMs: 101 });
    nowMs += 5_000;
    expect((await source.current(waitUntil))?.issuedAtMs).toBe(101);
  });

  it('is signed by a stranger, not signed at all, damaged, or no document', async () => {
    await store(5);
    const good = stored ?? new Uint8Array();
    await serial();
    await store(6, { by: await createSigningKey() });
    expect(await outcome()).toEqual([5, expect.stringContaining('key that is not trusted')]);
    stored = good.with(good.length - 2, 0x20);
    expect(await outcome()).toEqual([5, expect.stringContaining('signature that does not hold')]);
    stored = new TextEncoder().encode('{"format":1,"serial":9}');
    expect(await outcome()).toEqual([5, expect.stringContaining('no magic')]);
    stored = new Uint8Array();
    expect(await outcome()).toEqual([5, expect.stringContaining('no magic')]);
  });

  it('leaves nobody in where none was held', async () => {
    await store(1, { by: await createSigningKey() });
    expect(await serial()).toBeUndefined();
  });

  it('leaves the last good one in force for an hour since it was last seen, and then nobody', async () => {
    await store(5);
    await serial();
    stored = Uint8Array.of(1);
    nowMs = START_MS + 3_599_999;
    expect(await serial()).toBe(5);
    nowMs += 1;
    expect(await serial()).toBeUndefined();
    await store(5);
    nowMs += 5_000;
    expect(await serial()).toBe(5);
  });
});

describe('a store that can not be read', () => {
  it('leaves the last good one in force for an hour, is tried every 5 s at most, and told once an hour', async () => {
    await store(1);
    await serial();
    before = () => Promise.reject(new Error('KV GET failed: 503'));
    nowMs += MAX_AGE_MS;
    expect([await serial(), await serial(), await serial(), reads]).toEqual([1, 1, 1, 2]);
    nowMs += 5_000;
    expect([await serial(), reads]).toEqual([1, 3]);
    expect(problems).toEqual(['KV GET failed: 503']);
    nowMs = START_MS + 3_600_000;
    expect(await serial()).toBeUndefined();
    before = async () => undefined;
    nowMs += 5_000;
    expect(await serial()).toBe(1);
  });

  it('is asked once for many who ask at a time', async () => {
    await store(1);
    const given = await Promise.all(Array.from({ length: 50 }, () => source.current(waitUntil)));
    expect(given.map((document) => document?.serial)).toEqual(Array.from({ length: 50 }, () => 1));
    expect(reads).toBe(1);
  });

  it('lets nobody in whose clock went back behind the last check, until it has been read', async () => {
    await store(1);
    await serial();
    await store(2);
    nowMs -= 86_400_000;
    expect(await serial()).toBe(2);
  });
});

it('no more than a document may have is read of what stands under its key', async () => {
  const memory = createMemoryKv();
  const read = createKvAccessReader(memory.kv);
  expect(await read()).toBeUndefined();
  await memory.kv.put('a/access', new Uint8Array(1024 * 1024) as unknown as string);
  expect((await read())?.length).toBe(1024 * 1024);
  await memory.kv.put('a/access', new Uint8Array(1024 * 1024 + 1) as unknown as string);
  await expect(read()).rejects.toThrow(/access document: is longer than 1048576 octets/);
});
