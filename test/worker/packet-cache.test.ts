import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPacketCache, type PacketCache, packetKey } from '../../worker/packet-cache.ts';
import type { Resolved } from '../../worker/resolve.ts';
import type { Held } from '../../worker/snapshot/held.ts';
import { encodeQuestion, type QuestionOptions } from '../message.ts';
import { answersOf, createEdge, type Edge, getPath, type Reply, ttlsOf } from './edge.ts';
import { addresses, createSigningKey, publishToKv, services, type TestKey } from './publish-to-kv.ts';

const START_MS = Date.UTC(2026, 7, 1);
const RRSETS = [
  addresses('web.mesos', ['10.0.0.1'], 60),
  addresses('three.mesos', ['10.0.0.1', '10.0.0.2', '10.0.0.3'], 60),
  services('_web._tcp.mesos', ['web.mesos:80', 'three.mesos:81'], 120),
];
let key: TestKey;
let edge: Edge;

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key, createdAtMs: START_MS });
  edge = createEdge();
});
afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

/** From the second time on a reply is kept. */
const askTwice = async (question: QuestionOptions): Promise<void> => {
  await edge.get(question);
  await edge.get(question);
};
const firstOf = ({ packet }: Reply): string => JSON.stringify(packet.answers?.[0]);
const orderOf = ({ packet }: Reply): string =>
  (packet.answers ?? []).map((answer) => ('data' in answer ? String(answer.data).slice(-1) : '')).join('');

describe('what is asked again', () => {
  it.each<[string, Exclude<keyof Edge, 'fetch' | 'rebind'>]>([
    ['POST', 'ask'],
    ['GET', 'get'],
  ])('is answered with the same octets, by %s', async (_, method) => {
    for (const question of [
      { name: 'web.mesos', type: 1 },
      { name: 'WEB.mesos', type: 1, edns: 1232 },
      { name: 'none.mesos', type: 1 },
      { name: 'web.mesos', type: 28 },
      { name: 'mesos', type: 6 },
    ]) {
      const [first, ...again] = [
        await edge[method](question),
        await edge[method](question),
        await edge[method](question),
      ];
      for (const { octets, response } of again) {
        expect(octets).toEqual(first.octets);
        expect([...response.headers]).toEqual([...first.response.headers]);
      }
    }
  });

  it('has each value first equally often, and in every order', async () => {
    const question = { name: 'three.mesos', type: 1 };
    await askTwice(question);
    const replies: Reply[] = [];
    for (let i = 0; i < 240; i++) replies.push(await edge.get(question));
    const firsts = replies.map(firstOf);
    expect([...new Set(firsts)].map((value) => firsts.filter((first) => first === value).length)).toEqual([
      80, 80, 80,
    ]);
    expect(new Set(replies.map(orderOf)).size).toBe(6);
    for (let i = 0; i + 2 < firsts.length; i++) expect(new Set(firsts.slice(i, i + 3)).size).toBe(3);
  });

  it('is answered from the next snapshot once that is held', async () => {
    const question = { name: 'web.mesos', type: 1 };
    await askTwice(question);
    await publishToKv(env.SNAPSHOTS, {
      rrsets: [addresses('web.mesos', ['10.0.0.9'], 60)],
      key,
      serial: 2,
      createdAtMs: START_MS,
    });
    vi.setSystemTime(START_MS + 31_000);
    // Answered at once, and the head checked behind the answer.
    expect(answersOf((await edge.get(question)).packet)).toEqual(['A "10.0.0.1"']);
    expect(answersOf((await edge.get(question)).packet)).toEqual(['A "10.0.0.9"']);
  });

  it('says so when its snapshot has grown stale, and gives nothing once that has expired', async () => {
    const question = { name: 'web.mesos', type: 1, edns: 1232 };
    await askTwice(question);
    expect((await edge.get(question)).errors).toEqual([]);
    vi.setSystemTime(START_MS + 901_000);
    const stale = await edge.get(question);
    expect(stale.errors).toEqual([{ code: 3, text: 'the snapshot is 901 s old' }]);
    expect(ttlsOf(stale.packet.answers)).toEqual([30]);
    vi.setSystemTime(START_MS + 7 * 86_400_000 + 1_000);
    expect((await edge.get(question)).rcode).toBe('SERVFAIL');
  });

  it('counts its age on', async () => {
    const question = { name: 'web.mesos', type: 1 };
    await askTwice(question);
    vi.setSystemTime(START_MS + 7_000);
    expect((await edge.get(question)).response.headers.get('snapshot')).toBe('1;age=7');
  });

  it('is refused all the same where Accept rules the reply out, and gives HEAD no body', async () => {
    const path = getPath(encodeQuestion({ name: 'web.mesos', type: 1 }));
    await edge.fetch(path);
    await edge.fetch(path);
    expect((await edge.fetch(path, { headers: { accept: 'text/html' } })).status).toBe(406);
    const head = await edge.fetch(path, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'application/dns-message']);
    expect((await edge.fetch(path, { method: 'DELETE' })).status).toBe(405);
  });

  it('never gets another question’s answer', async () => {
    const question = fc.record({
      name: fc.constantFrom(
        'web.mesos',
        'Web.mesos',
        'three.mesos',
        '_web._tcp.mesos',
        'none.mesos',
        'mesos',
      ),
      type: fc.constantFrom(1, 28, 33, 6, 2, 255, 65),
      edns: fc.constantFrom(undefined, 512, 1232),
      id: fc.constantFrom(0, 1, 0x3f64),
    });
    const sorted = ({ packet, response }: Reply): unknown => ({
      ...packet,
      answers: answersOf(packet),
      additionals: packet.additionals?.map((record) => JSON.stringify(record)).toSorted(),
      ttl: response.headers.get('cache-control'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(question, { minLength: 2, maxLength: 12 }), async (asked) => {
        for (const each of [...asked, ...asked, ...asked] as QuestionOptions[]) {
          const kept = [await edge.get(each), await edge.ask(each)].map(sorted);
          const fresh = sorted(await createEdge().get(each));
          expect(kept).toEqual([fresh, fresh]);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('what is kept', () => {
  // Of a snapshot the cache itself reads only how old it is.
  const held = {
    root: { createdAtMs: START_MS, confirmedAtMs: START_MS },
    body: { settings: { staleAfterSeconds: 900 } },
  } as unknown as Held;
  const resolved = (octets: number, turns = 1): Resolved => ({
    octets: new Uint8Array(octets),
    ttl: 60,
    held,
    rewrite: { turns, write: () => new Uint8Array(octets) },
  });
  const waitUntil = (): void => undefined;
  let cache: PacketCache;
  const keepTwice = (query: string, reply: Resolved): void => {
    cache.keep(query, reply);
    cache.keep(query, reply);
  };
  beforeEach(() => {
    cache = createPacketCache({ isCurrent: (it) => it === held, now: Date.now, random: Math.random });
  });

  it('nothing that was asked for once, however much was asked for since', () => {
    cache.keep('?a', resolved(12));
    expect(cache.find('?a', waitUntil)).toBeUndefined();
    for (let i = 0; i < 2_000; i++) cache.keep(`?${i}`, resolved(12));
    cache.keep('?a', resolved(12));
    expect(cache.find('?a', waitUntil)).toBeUndefined();
  });

  it('nothing over 64 KiB in all its orders, no query over 512 characters', () => {
    keepTwice('?a', resolved(1_024, 64));
    keepTwice('?b', resolved(1_024, 65));
    keepTwice('?'.padEnd(512, 'c'), resolved(100));
    keepTwice('?'.padEnd(513, 'd'), resolved(100));
    const isKept = (query: string): boolean => cache.find(query, waitUntil) !== undefined;
    expect(['?a', '?b', '?'.padEnd(512, 'c'), '?'.padEnd(513, 'd')].map(isKept)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('no more than 4 MiB in all: then it begins anew', () => {
    for (let i = 0; i < 65; i++) keepTwice(`?${i}`, resolved(63 * 1_024));
    const left = Array.from({ length: 65 }, (_, i) => i).filter((i) => cache.find(`?${i}`, waitUntil));
    expect(left).toEqual([64]);
  });

  it('nothing that another server or the clock has a say in', () => {
    keepTwice('?a', { octets: new Uint8Array(12), ttl: 60, held: undefined });
    keepTwice('?b', { octets: new Uint8Array(12), ttl: 60, held });
    expect([cache.find('?a', waitUntil), cache.find('?b', waitUntil)]).toEqual([undefined, undefined]);
  });

  it('octets and URLs never stand for each other', () => {
    const octets = new TextEncoder().encode('?dns=AAAB');
    expect(packetKey(octets)).not.toBe('?dns=AAAB');
    expect(packetKey(new Uint8Array(512))).toBe('');
    keepTwice('', resolved(12));
    expect(cache.find('', waitUntil)).toBeUndefined();
  });
});
