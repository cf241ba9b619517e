import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { QuestionOptions } from '../../message.ts';
import { answersOf, createEdge, type Edge, type Reply, ttlsOf } from '../edge.ts';
import { addresses, cname, createSigningKey, publishToKv, services, type TestKey } from '../publish-to-kv.ts';
import { said } from './said.ts';

const START_MS = Date.UTC(2026, 7, 1);
const VARIABLES = {
  ZONES: 'mesos,dc1.lab,dc2.lab',
  MERGED: 'lab=dc1.lab,dc2.lab',
  ALIASES: 'apps.example=mesos',
};
const RRSETS = [
  cname('www.mesos', 'web.mesos'),
  cname('far.mesos', 'box.lab'),
  cname('gone.mesos', 'none.lab'),
  cname('svc.mesos', '_web._tcp.mesos', 5),
  cname('out.mesos', 'www.example.com'),
  cname('loop.mesos', 'loop.mesos'),
  cname('shown.mesos', 'www.apps.example'),
  addresses('web.mesos', ['10.0.0.1', '10.0.0.2', '10.0.0.3']),
  services('_web._tcp.mesos', ['web.mesos:80', 'web.mesos:81']),
];
const LAB = [addresses('box.dc2.lab', ['10.2.0.1'])];
let key: TestKey;
let edge: Edge;

beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key, createdAtMs: START_MS });
  for (const [origin, rrsets] of [
    ['dc1.lab', [] as typeof LAB],
    ['dc2.lab', LAB],
  ] as const)
    await publishToKv(env.SNAPSHOTS, { origin, rrsets, key, createdAtMs: START_MS });
  edge = createEdge(VARIABLES);
});
afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const ask = (name: string): Promise<Reply> => edge.get({ name, type: 1, edns: 1232 });
const often = async (name: string): Promise<Reply> => {
  for (let i = 0; i < 3; i++) await ask(name);
  return ask(name);
};

describe('a chain of CNAMEs that is asked again', () => {
  it('has each value first equally often, as what is kept has, behind its CNAME', async () => {
    await often('www.mesos');
    const firsts: string[] = [];
    for (let i = 0; i < 90; i++) {
      const { answers = [] } = (await ask('www.mesos')).packet;
      expect(answers.map(({ type }) => type)).toEqual(['CNAME', 'A', 'A', 'A']);
      firsts.push(JSON.stringify(answers[1]));
    }
    // Only what is kept takes turns.
    for (let i = 0; i + 2 < firsts.length; i++) expect(new Set(firsts.slice(i, i + 3)).size).toBe(3);
  });

  it('is answered anew when any of its zones has changed, the one that led there or one it led to', async () => {
    expect(said(await often('far.mesos'))).toEqual([
      'NOERROR',
      'box.lab A 10.2.0.1',
      'far.mesos CNAME box.lab',
    ]);
    await publishToKv(env.SNAPSHOTS, {
      ...{ origin: 'dc1.lab', key, serial: 2, createdAtMs: START_MS },
      rrsets: [addresses('box.dc1.lab', ['10.1.0.1'])],
    });
    vi.setSystemTime(START_MS + 31_000);
    await often('far.mesos');
    expect(said(await ask('far.mesos'))).toEqual([
      'NOERROR',
      'box.lab A 10.1.0.1',
      'far.mesos CNAME box.lab',
    ]);
    const rrsets = [cname('far.mesos', 'web.mesos'), addresses('web.mesos', ['10.0.0.9'])];
    await publishToKv(env.SNAPSHOTS, { rrsets, key, serial: 2, createdAtMs: START_MS });
    vi.setSystemTime(START_MS + 62_000);
    await often('far.mesos');
    expect(said(await ask('far.mesos'))).toEqual([
      'NOERROR',
      'far.mesos CNAME web.mesos',
      'web.mesos A 10.0.0.9',
    ]);
  });

  it('says so once a zone that it led to is stale', async () => {
    expect((await often('far.mesos')).errors).toEqual([]);
    const createdAtMs = START_MS + 895_000;
    await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key, createdAtMs });
    vi.setSystemTime(START_MS + 860_000);
    await often('far.mesos');
    vi.setSystemTime(START_MS + 899_000);
    await often('far.mesos');
    vi.setSystemTime(START_MS + 901_000);
    const reply = await ask('far.mesos');
    expect(reply.errors).toMatchObject([{ code: 3 }]);
    expect(ttlsOf(reply.packet.answers)).toEqual([30, 30]);
  });

  it('never gets another question’s answer, nor another TTL', async () => {
    const question = fc.record({
      name: fc.constantFrom(
        ...['www.mesos', 'WWW.mesos', 'far.mesos', 'gone.mesos', 'svc.mesos', 'out.mesos', 'loop.mesos'],
        ...['shown.mesos', 'www.apps.example', 'box.lab'],
      ),
      type: fc.constantFrom(1, 28, 33, 5, 255),
      edns: fc.constantFrom(undefined, 512, 1232),
      id: fc.constantFrom(0, 0x3f64),
    });
    const sorted = ({ packet, response }: Reply): unknown => ({
      ...packet,
      answers: answersOf(packet),
      additionals: packet.additionals?.map((record) => JSON.stringify(record)).toSorted(),
      headers: ['cache-control', 'snapshot'].map((name) => response.headers.get(name)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(question, { minLength: 2, maxLength: 8 }), async (asked) => {
        for (const each of [...asked, ...asked, ...asked] as QuestionOptions[]) {
          const kept = [await edge.get(each), await edge.ask(each)].map(sorted);
          const fresh = sorted(await createEdge(VARIABLES).get(each));
          expect(kept).toEqual([fresh, fresh]);
        }
      }),
      { numRuns: 12 },
    );
  });
});
