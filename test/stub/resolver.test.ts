import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nameToWire, parseName } from '../../zone/name.ts';
import type { Answer } from '../../stub/answer.ts';
import { createReplyCache, type KeptReply } from '../../stub/cache.ts';
import { createFlights } from '../../stub/flights.ts';
import { createResolver, type Resolver } from '../../stub/resolver.ts';
import type { RawReply, Upstream } from '../../stub/upstream.ts';
import { UpstreamError } from '../../stub/upstream-error.ts';
import { answerTo } from '../fakes/doh-server.ts';
import { ask } from '../zone/ask.ts';

/** The resolver with a server that the test plays, at the test's own time. */
type Play = (message: Uint8Array) => Promise<RawReply>;
type Stage = {
  resolver: Resolver;
  asked: number;
  play: Play;
  down: UpstreamError | undefined;
  isUp: boolean;
};

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const answers =
  (options: Parameters<typeof answerTo>[1] & { readonly age?: number } = {}): Play =>
  (message) =>
    Promise.resolve({ octets: answerTo(Buffer.from(message), options), ageSeconds: options.age ?? 0 });
const fails: Play = () => Promise.reject(new UpstreamError('connect', 'it is gone'));
const never: Play = () => new Promise(() => undefined);
const record = (ttl: number): { type: 'A'; name: string; ttl: number; data: string } => ({
  type: 'A',
  name: 'a.mesos',
  ttl,
  data: '10.0.0.1',
});

function stage(options: Partial<Parameters<typeof createResolver>[0]> & { questions?: number } = {}): Stage {
  const stage: Stage = {
    resolver: () => expect.fail(),
    asked: 0,
    play: answers(),
    down: undefined,
    isUp: true,
  };
  const upstream: Upstream = {
    ask: (message) => {
      stage.asked++;
      return stage.down ? Promise.reject(stage.down) : stage.play(message);
    },
    failsBecause: () => stage.down,
    isUp: () => stage.isUp,
  };
  stage.resolver = createResolver({
    upstream,
    dohHost: undefined,
    zones: [],
    other: undefined,
    cache: createReplyCache({ entries: 100, octets: 100_000 }, Date.now),
    flights: createFlights<KeptReply>({ questions: options.questions ?? 10, askers: 20 }),
    now: Date.now,
    onMismatch: () => undefined,
    ...options,
  });
  return stage;
}

const A = ask({ name: 'a.mesos', type: 1 });
const ede = (answer: Answer): number | undefined =>
  answer.how?.extendedErrors?.[0]?.code ?? answer.reply.extendedErrors[0]?.code;
const to = async (resolver: Resolver, name = 'a.mesos'): Promise<Answer> => resolver(ask({ name, type: 1 }));

describe('the resolver', () => {
  it('keeps an answer for its TTL, counted down', async () => {
    const own = stage();
    own.play = answers({ answers: [record(10)] });
    expect((await to(own.resolver)).outcome).toBe('fresh');
    vi.advanceTimersByTime(9_000);
    const cached = own.resolver(A);
    expect(cached).toMatchObject({ outcome: 'cached', how: { ageSeconds: 9 } });
    vi.advanceTimersByTime(1_000);
    expect((await to(own.resolver)).outcome).toBe('fresh');
    expect(own.asked).toBe(2);
  });

  it('takes the age that caches on the way state', async () => {
    const own = stage();
    own.play = answers({ answers: [record(10)], age: 8 });
    expect((await to(own.resolver)).how).toEqual({ ageSeconds: 8 });
    vi.advanceTimersByTime(2_000);
    expect((await to(own.resolver)).outcome).toBe('fresh');
  });

  it('keeps that a name is not there for as long as its SOA says', async () => {
    const own = stage();
    const soa = { mname: 'ns', rname: 'r', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 5 };
    own.play = answers({
      rcode: 3,
      answers: [],
      authorities: [{ type: 'SOA', name: 'mesos', ttl: 60, data: soa }],
    });
    for (const [after, asked] of [
      [0, 1],
      [4_900, 1],
      [200, 2],
    ] as const) {
      vi.advanceTimersByTime(after);
      expect((await to(own.resolver)).reply.rcode).toBe(3);
      expect(own.asked).toBe(asked);
    }
  });

  it('does not keep an answer with TTL 0', async () => {
    const own = stage();
    own.play = answers({ answers: [record(0)] });
    await to(own.resolver);
    await to(own.resolver);
    expect(own.asked).toBe(2);
  });

  it('gives the last answer when a new one can not be had: at once where that is known', async () => {
    const own = stage();
    own.play = answers({ answers: [record(10)] });
    await to(own.resolver);
    vi.advanceTimersByTime(10_000);
    own.play = fails;
    const failed = await to(own.resolver);
    expect(failed).toMatchObject({ outcome: 'stale', how: { ttl: 30 } });
    expect(ede(failed)).toBe(3);
    // It failed just now: it is not tried again with each question.
    expect(own.resolver(A)).toMatchObject({ outcome: 'stale' });
    expect(own.asked).toBe(2);
    vi.advanceTimersByTime(5_000);
    own.down = new UpstreamError('connect', 'it is gone');
    expect(own.resolver(A)).toMatchObject({ outcome: 'stale' });
    vi.advanceTimersByTime(86_400_000);
    expect((await to(own.resolver)).outcome).toBe('failed');
  });

  it('waits a second for a server that is silent, then gives the last answer', async () => {
    const own = stage();
    own.play = answers({ answers: [record(10)] });
    await to(own.resolver);
    vi.advanceTimersByTime(10_000);
    own.play = never;
    let got: Answer | undefined;
    void to(own.resolver).then((answer) => (got = answer));
    await vi.advanceTimersByTimeAsync(990);
    expect(got).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20);
    expect(got).toMatchObject({ outcome: 'stale' });
  });

  it('gives the last answer where the server says SERVFAIL, and its error where there is none', async () => {
    const own = stage();
    own.play = answers({ answers: [record(10)] });
    await to(own.resolver);
    vi.advanceTimersByTime(10_000);
    own.play = answers({ rcode: 2, answers: [] });
    expect((await to(own.resolver)).outcome).toBe('stale');
    expect(own.resolver(A)).toMatchObject({ outcome: 'stale' });
    expect(own.asked).toBe(2);
    expect(await to(own.resolver, 'b.mesos')).toMatchObject({ outcome: 'failed', reply: { rcode: 2 } });
  });

  it('tries a question that failed again after a second, not before', async () => {
    const own = stage();
    own.play = fails;
    for (const asked of [1, 1]) {
      expect(ede(await to(own.resolver))).toBe(23);
      expect(own.asked).toBe(asked);
    }
    vi.advanceTimersByTime(1_001);
    own.play = answers();
    expect((await to(own.resolver)).outcome).toBe('fresh');
  });

  it('renews what is asked for often before it is over', async () => {
    const own = stage();
    own.play = answers({ answers: [record(100)] });
    for (let i = 0; i < 4; i++) await to(own.resolver);
    vi.advanceTimersByTime(91_000);
    expect((await to(own.resolver)).outcome).toBe('cached');
    await vi.advanceTimersByTimeAsync(0);
    expect(own.asked).toBe(2);
    vi.advanceTimersByTime(50_000);
    expect((await to(own.resolver)).outcome).toBe('cached');
  });

  it('has so many questions under way and no more', async () => {
    const own = stage({ questions: 3 });
    own.play = never;
    for (const name of ['a', 'b', 'c']) void own.resolver(ask({ name, type: 1 }));
    expect(own.resolver(ask({ name: 'd', type: 1 }))).toMatchObject({
      outcome: 'overload',
      reply: { rcode: 2 },
    });
    for (let i = 0; i < 17; i++) void own.resolver(ask({ name: 'a', type: 1 }));
    expect(own.resolver(ask({ name: 'a', type: 1 }))).toMatchObject({ outcome: 'overload' });
    expect(own.asked).toBe(3);
  });

  it('asks for its zones alone, and refuses the others or asks the other server', async () => {
    const zones = [nameToWire(parseName('mesos'))];
    const own = stage({ zones });
    const refused = await to(own.resolver, 'www.example');
    expect([refused.reply.rcode, ede(refused), own.asked]).toEqual([5, 20, 0]);
    expect((await to(own.resolver, 'notmesos')).reply.rcode).toBe(5);
    expect((await to(own.resolver, 'a.MESOS')).outcome).toBe('fresh');

    const others: string[] = [];
    const both = stage({
      zones,
      other: {
        ask: (query) => {
          others.push(Buffer.from(query.name).toString('latin1'));
          return answers()(query.octets);
        },
      },
    });
    await to(both.resolver, 'a.mesos');
    expect((await to(both.resolver, 'www.example')).outcome).toBe('fresh');
    expect((await to(both.resolver, 'www.example')).outcome).toBe('cached');
    expect([others, both.asked]).toEqual([['\u0003www\u0007example\u0000'], 1]);
  });

  it('does not wait for the server’s own name while it has no connection', async () => {
    const own = stage({ dohHost: nameToWire(parseName('doh.mesos')) });
    own.isUp = false;
    expect(await to(own.resolver, 'DOH.mesos')).toMatchObject({ outcome: 'failed', reply: { rcode: 2 } });
    expect(own.asked).toBe(0);
    own.isUp = true;
    expect((await to(own.resolver, 'doh.mesos')).outcome).toBe('fresh');
  });

  it('passes on only what was asked, and of names outside its zones nothing that a cache may keep', async () => {
    const own = stage({ zones: [nameToWire(parseName('mesos'))] });
    const bank = { type: 'A' as const, name: 'www.bank.com', ttl: 60, data: '6.6.6.6' };
    own.play = answers({ answers: [record(10), bank] });
    expect((await to(own.resolver)).reply.counts).toEqual([1, 0, 0]);
    const alias = { type: 'CNAME' as const, name: 'b.mesos', ttl: 10, data: 'www.bank.com' };
    own.play = answers({ answers: [alias, bank] });
    expect((await to(own.resolver, 'b.mesos')).reply.counts).toEqual([2, 0, 0]);
    expect((await to(own.resolver, 'b.mesos')).outcome).toBe('cached');
    vi.advanceTimersByTime(10_000);
    own.play = fails;
    expect(await to(own.resolver, 'b.mesos')).toMatchObject({ outcome: 'stale', how: { ttl: 0 } });
  });

  it('lets the other server say nothing of its zones', async () => {
    const cname = { type: 'CNAME' as const, name: 'www.example', ttl: 60, data: 'a.mesos' };
    const own = stage({
      zones: [nameToWire(parseName('mesos'))],
      other: { ask: (query) => answers({ answers: [cname, record(60)] })(query.octets) },
    });
    const { reply } = await to(own.resolver, 'www.example');
    const ttls = reply.ttlOffsets.map((at) => Buffer.from(reply.records).readUInt32BE(at));
    expect(ttls).toEqual([60, 0]);
  });

  it('takes no answer to another question', async () => {
    const own = stage();
    own.play = () => answers()(ask({ name: 'b.mesos', type: 1 }).octets);
    const answer = await to(own.resolver);
    expect([answer.reply.rcode, ede(answer)]).toEqual([2, 24]);
  });
});
