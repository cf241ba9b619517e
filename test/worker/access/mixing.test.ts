import type { DecodedPacket } from 'dns-packet';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { answering, createFakeUpstreams, type FakeUpstreams } from '../../fakes/upstream.ts';
import { encodeQuestion } from '../../message.ts';
import { answersOf, getPath, postOf, readReply } from '../edge.ts';
import { createSigningKey, type TestKey } from '../publish-to-kv.ts';
import { createDoor, type Door, grant, tokenOf } from './door.ts';
import { createMemoryKv, type MemoryKv } from './memory-kv.ts';
import { GRANTS, publishViewAlone, publishWorld, START_MS, VIEWS, ZONES } from './world.ts';

/** Two views never mix: whoever asked before, and whatever is kept of it. */

let key: TestKey;
let memory: MemoryKv;

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  vi.spyOn(console, 'log').mockReturnValue();
  memory = createMemoryKv();
  await publishWorld(memory, key);
  await grant(memory, GRANTS, key);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const open = (variables = {}): Door =>
  createDoor(memory, { ZONES, ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64, ...variables });

type Question = { readonly name: string; readonly type: number };
type Step = Question & { readonly view: string; readonly way: Way };
const WAYS = ['GET', 'POST', 'bearer', '/resolve'] as const;
type Way = (typeof WAYS)[number];

const NAMES = [
  ...['web.marathon.mesos', '_web._tcp.marathon.mesos', 'leader.mesos', 'ptr.marathon.mesos', 'slave.mesos'],
  ...['secret.chronos.mesos', 'box.lab.example', '_box._tcp.lab.example', 'none.mesos', 'mesos'],
];
const question = fc.record({ name: fc.constantFrom(...NAMES), type: fc.constantFrom(1, 28, 33, 12, 6, 255) });
const step: fc.Arbitrary<Step> = fc
  .tuple(question, fc.record({ view: fc.constantFrom(...Object.keys(VIEWS)), way: fc.constantFrom(...WAYS) }))
  .map(([asked, how]) => ({ ...asked, ...how }));

async function ask(door: Door, { name, type, way }: Omit<Step, 'view'>, token?: string): Promise<Response> {
  const message = encodeQuestion({ name, type, id: 0 });
  const base = token === undefined || way === 'bearer' ? '' : `/t/${token}`;
  const headers: Record<string, string> =
    token !== undefined && way === 'bearer' ? { authorization: `Bearer ${token}` } : {};
  if (way === 'POST') return door.fetch(`${base}/dns-query`, postOf(message));
  if (way === '/resolve')
    return door.fetch(`${base}/resolve?name=${name}&type=${type}&ct=application/dns-message`);
  return door.fetch(`${base}${getPath(message)}`, { headers });
}

/** All a reply says, but for the order of values. */
async function said(response: Response): Promise<unknown> {
  const { packet, rcode } = await readReply(response);
  const { 'cache-control': cached, vary: _, ...headers } = Object.fromEntries(response.headers);
  const sorted = (records: DecodedPacket['answers'] = []): string[] =>
    records.map((record) => JSON.stringify(record)).toSorted();
  const sections = [packet.answers, packet.authorities, packet.additionals].map(sorted);
  return { rcode, flags: packet.flags, sections, headers, cached: cached?.replace('private, ', '') };
}

/** An open Worker each, that has what a view shows and nothing else. */
async function viewsAlone(): Promise<ReadonlyMap<string, Door>> {
  const alone = new Map<string, Door>();
  for (const [name, view] of Object.entries(VIEWS)) {
    const store = createMemoryKv();
    const zones = await publishViewAlone(store, view, key);
    alone.set(name, createDoor(store, { ZONES: zones, ACCESS: 'open' }));
  }
  return alone;
}

describe('whatever views ask before and in between', () => {
  it('each is answered as if it were alone', async () => {
    const alone = await viewsAlone();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
        const door = open();
        for (const { view, ...asked } of steps) {
          const own = alone.get(view);
          if (!own) throw new Error('no such view');
          const response = await ask(door, asked, tokenOf(view));
          expect(response.headers.get('cache-control')).toMatch(/^(?:no-store|private, max-age=\d+)$/);
          expect({ view, asked, said: await said(response) }).toEqual({
            ...{ view, asked },
            said: await said(await ask(own, asked)),
          });
        }
      }),
      { numRuns: 25 },
    );
  });

  it('all at once, each is', async () => {
    const alone = await viewsAlone();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
        // Cold: the document, heads and blocks are loaded for all of them together.
        const door = open();
        const responses = await Promise.all(
          steps.map(({ view, ...asked }) => ask(door, asked, tokenOf(view))),
        );
        for (const [i, { view, ...asked }] of steps.entries()) {
          const own = alone.get(view);
          if (!own) throw new Error('no such view');
          expect(await said(responses[i] ?? Response.error())).toEqual(await said(await ask(own, asked)));
        }
      }),
      { numRuns: 15 },
    );
  });

  it('what a new document takes from a view is gone from what was kept for it', async () => {
    const door = open();
    const asked = { name: 'web.marathon.mesos', type: 1, way: 'GET' } as const;
    for (let i = 0; i < 4; i++) {
      const { packet } = await readReply(await ask(door, asked, tokenOf('framework')));
      expect(answersOf(packet)).toEqual(['A "10.1.0.2"']);
    }
    const views = { ...GRANTS.views, framework: GRANTS.views['outside'] ?? {} };
    await grant(memory, { ...GRANTS, serial: 2, views }, key);
    vi.setSystemTime(START_MS + 90_000);
    for (let i = 0; i < 4; i++) {
      const { packet } = await readReply(await ask(door, asked, tokenOf('framework')));
      expect(answersOf(packet)).toEqual(['A "198.51.100.1"']);
    }
  });

  it('with more views than an isolate keeps caches for, each still sees its own', async () => {
    const names = Array.from(
      { length: 40 },
      (_, i) => `v${String.fromCharCode(97 + (i % 26))}${i > 25 ? 'x' : 'y'}`,
    );
    const only = (i: number): string =>
      ['web.marathon.mesos', 'leader.mesos', 'xmarathon.mesos'][i % 3] ?? '';
    await grant(
      memory,
      {
        serial: 2,
        teams: Object.fromEntries(names.map((name) => [name, { view: name }])),
        // No two specs alike.
        views: Object.fromEntries(
          names.map((name, i) => [
            name,
            { zones: [{ origin: 'mesos', names: [only(i), `of-${name}.mesos`] }], forwarding: false },
          ]),
        ),
        tokens: Object.fromEntries(names.map((name) => [name, { team: name }])),
      },
      key,
    );
    const door = open();
    for (let round = 0; round < 3; round++) {
      for (const [i, name] of names.entries()) {
        for (const asked of [0, 1, 2]) {
          const reply = await readReply(
            await ask(door, { name: only(asked), type: 1, way: 'GET' }, tokenOf(name)),
          );
          expect([name, asked, reply.rcode]).toEqual([name, asked, asked === i % 3 ? 'NOERROR' : 'NXDOMAIN']);
        }
      }
    }
  });
});

describe('names that are not ours', () => {
  const asked = { name: 'www.example.org', type: 1, way: 'GET' } as const;
  let fake: FakeUpstreams;
  let door: Door;

  beforeEach(async () => {
    fake = createFakeUpstreams({
      'https://up.example/dns-query': answering([
        { name: 'www.example.org', type: 'A', ttl: 300, data: '192.0.2.1' },
      ]),
    });
    vi.stubGlobal('fetch', fake.fetch);
    const forwarding = { ...VIEWS['mesos'], forwarding: true };
    await grant(
      memory,
      {
        serial: 2,
        teams: {
          one: { view: 'one' },
          two: { view: 'two' },
          three: { view: 'mesos' },
          four: { view: 'one' },
        },
        views: { one: forwarding, two: forwarding, mesos: VIEWS['mesos'] ?? {} },
        tokens: {
          one: { team: 'one' },
          two: { team: 'two' },
          three: { team: 'three' },
          four: { team: 'four' },
        },
      },
      key,
    );
    door = open({ UPSTREAMS: 'https://up.example/dns-query' });
  });

  const seenBy = async (name: string): Promise<string> => {
    const response = await ask(door, asked, tokenOf(name));
    const { rcode } = await readReply(response);
    return `${rcode} ${response.headers.get('cache-control')}`;
  };

  it('are asked anew for each view: none learns by time or TTL what another asked', async () => {
    expect(await seenBy('one')).toBe('NOERROR private, max-age=300');
    vi.setSystemTime(START_MS + 20_000);
    expect(await seenBy('two')).toBe('NOERROR private, max-age=300');
    expect(await seenBy('one')).toBe('NOERROR private, max-age=280');
    expect(fake.asked.length).toBe(2);
  });

  it('are remembered for all of one view, though the document changes', async () => {
    expect(await seenBy('one')).toBe('NOERROR private, max-age=300');
    vi.setSystemTime(START_MS + 20_000);
    expect(await seenBy('four')).toBe('NOERROR private, max-age=280');
    expect(fake.asked.length).toBe(1);
  });

  it('are refused where the view does not forward, whoever asked before', async () => {
    await seenBy('one');
    expect(await seenBy('three')).toBe('REFUSED no-store');
    expect(await seenBy('three')).toBe('REFUSED no-store');
    expect(fake.asked.length).toBe(1);
  });

  it('are never those of a zone of ours that the view has', async () => {
    const { rcode } = await readReply(await ask(door, { ...asked, name: 'none.mesos' }, tokenOf('one')));
    expect([rcode, fake.asked.length]).toEqual(['NXDOMAIN', 0]);
  });
});
