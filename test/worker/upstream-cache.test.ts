import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { createReplyCache, type KeptReply } from '../../worker/upstream/reply-cache.ts';
import { NO_RECORDS } from '../../zone/reply.ts';
import { after, answering, hanging, inTurn, type Play } from '../fakes/upstream.ts';
import { encodeQuestion } from '../message.ts';
import { answersOf, ttlsOf } from './edge.ts';
import { ANSWERS, createDoor, type Door, FIRST, SECOND, soa, spelled } from './upstream-asked.ts';

const good = answering(ANSWERS);
const dead: Play = () => Promise.reject(new Error('Network connection lost.'));

/** Answers with an address that tells how often it was asked. */
function counting(ttl = 120): Play {
  let count = 0;
  return (query, signal) =>
    answering([{ name: 'www.example.com', type: 'A', ttl, data: `192.0.2.${++count}` }])(query, signal);
}

function withOpt({ flags = 0, dnssecOk = false, padded = false, id = 1 }): Uint8Array {
  const query = Buffer.from(encodeQuestion({ name: 'www.example.com', type: 1, id, edns: 1232 }));
  query.writeUInt16BE(query.readUInt16BE(2) | flags, 2);
  query.writeUInt16BE(dnssecOk ? 0x8000 : 0, query.length - 4);
  if (!padded) return query;
  query.writeUInt16BE(6, query.length - 2);
  return Buffer.concat([query, Buffer.of(0, 12, 0, 2, 0, 0)]);
}

describe('an answer in memory', () => {
  it('is given with the time it has left, and asked for anew when that is over', async () => {
    const door = createDoor({ [FIRST]: good });
    await door.ask();
    door.wait(50);
    const { packet, ttl } = await door.ask();
    expect([ttlsOf(packet.answers), ttl]).toEqual([[250, 70], 70]);
    door.wait(69);
    expect((await door.ask()).ttl).toBe(1);
    expect(door.asked).toHaveLength(1);
    door.wait(1);
    expect((await door.ask()).ttl).toBe(120);
    expect(door.asked).toHaveLength(2);
  });

  it.each<[string, Play, number]>([
    [
      'NXDOMAIN by the least of SOA TTL and MINIMUM',
      answering([], { rcode: 3, authorities: [soa(900, 30)] }),
      30,
    ],
    ['NODATA by its SOA’s TTL', answering([], { authorities: [soa(20, 900)] }), 20],
    ['an answer that HTTP says is old', answering(ANSWERS, { headers: { age: '90' } }), 30],
    [
      'a TTL of years for a day',
      answering([{ name: 'www.example.com', type: 'A', ttl: 0x7fffffff, data: '192.0.2.1' }]),
      86_400,
    ],
  ])('keeps %s', async (_, play, seconds) => {
    const door = createDoor({ [FIRST]: play });
    await door.ask();
    door.wait(seconds - 1);
    await door.ask();
    expect(door.asked).toHaveLength(1);
    door.wait(2);
    await door.ask();
    expect(door.asked).toHaveLength(2);
  });

  it.each<[string, Play]>([
    ['a TTL of 0', answering([{ name: 'www.example.com', type: 'A', ttl: 0, data: '192.0.2.1' }])],
    ['NXDOMAIN without an SOA', answering([], { rcode: 3 })],
    ['NODATA without an SOA', answering([])],
    ['what HTTP says is too old', answering(ANSWERS, { headers: { age: '120' } })],
  ])('keeps not %s', async (_, play) => {
    const door = createDoor({ [FIRST]: play });
    await door.ask();
    await door.ask();
    expect(door.asked).toHaveLength(2);
  });

  it('is for one name, type and DO, CD, AD, RD alone', async () => {
    const door = createDoor({ [FIRST]: counting() });
    const plain = encodeQuestion({ name: 'www.example.com', type: 1 });
    const questions = [
      plain,
      encodeQuestion({ name: 'www.example.org', type: 1 }),
      encodeQuestion({ name: 'example.com', type: 1 }),
      encodeQuestion({ name: 'www.example.com', type: 28 }),
      encodeQuestion({ name: 'www.example.com', type: 1 + 256 }),
      encodeQuestion({ name: 'www.example.com', type: 1, rd: false }),
      withOpt({ dnssecOk: true }),
      withOpt({ flags: 0x0010 }),
      withOpt({ flags: 0x0020 }),
    ];
    const addresses = async (): Promise<string[]> => {
      const replies: string[] = [];
      for (const question of questions) replies.push(answersOf((await door.ask(question)).packet).join());
      return replies;
    };
    const first = await addresses();
    expect(new Set(first).size).toBe(questions.length);
    expect(door.asked).toHaveLength(questions.length);
    expect(await addresses()).toEqual(first);
    expect(door.asked).toHaveLength(questions.length);
  });

  it('is each asker’s own: id, spelling, OPT, padding', async () => {
    const door = createDoor({ [FIRST]: good });
    const askers = [
      spelled('wWw.eXample.com', { id: 0xcafe }),
      spelled('WWW.EXAMPLE.COM', { id: 2, edns: 4096 }),
      withOpt({ padded: true, id: 3 }),
      spelled('www.example.com', { id: 4 }),
      withOpt({ id: 5 }),
      spelled('Www.examplE.com', { id: 6 }),
    ];
    for (const round of [1, 2]) {
      for (const question of askers) {
        const query = Buffer.from(question);
        const { octets, packet } = await door.ask(question);
        expect(packet.id, `round ${round}`).toBe(query.readUInt16BE(0));
        expect(octets.subarray(12, 33)).toEqual(query.subarray(12, 33));
        expect(packet.answers?.[0]?.name).toBe(packet.questions?.[0]?.name);
        expect(packet.additionals).toHaveLength(query.readUInt16BE(10));
        expect(octets.length === 468).toBe(query.length > 44);
        expect(answersOf(packet)).toHaveLength(2);
      }
    }
    expect(door.asked).toHaveLength(1);
  });
});

describe('many askers of one question', () => {
  it('are one to the upstream, each with its own reply', async () => {
    const door = createDoor({ [FIRST]: after(100, good) });
    const replies = await Promise.all(Array.from({ length: 50 }, (_, id) => door.ask({ id })));
    expect(door.asked).toHaveLength(1);
    expect(replies.map(({ packet }) => packet.id)).toEqual(Array.from({ length: 50 }, (_, id) => id));
    for (const { packet } of replies) expect(answersOf(packet)).toHaveLength(2);
  });

  it.concurrent('survive a first asker whose request never ends', async () => {
    const door = createDoor({
      [FIRST]: inTurn((query) => hanging(query, new AbortController().signal), good),
    });
    const first = door.ask();
    const { packet, tookMs } = await door.ask();
    expect(answersOf(packet)).toHaveLength(2);
    expect(tookMs).toBeLessThan(1_500);
    expect(answersOf((await door.ask()).packet)).toHaveLength(2);
    await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 10))]);
  });

  it.concurrent('are two at most where it is slow, and none waits longer than the first', async () => {
    const door = createDoor({ [FIRST]: after(1_500, good) });
    const first = door.ask();
    const replies = await Promise.all(Array.from({ length: 30 }, () => door.ask()));
    for (const { packet, tookMs } of [...replies, await first]) {
      expect(answersOf(packet)).toHaveLength(2);
      expect(tookMs).toBeLessThan(1_900);
    }
    expect(door.asked).toHaveLength(2);
  });

  it.concurrent('are a few where it never answers, and are told so in time', async () => {
    const lost: Play = (query) => hanging(query, new AbortController().signal);
    const door = createDoor({ [FIRST]: inTurn(lost, hanging) });
    void door.ask();
    const replies = await Promise.all(Array.from({ length: 30 }, () => door.ask()));
    for (const { rcode, tookMs } of replies) {
      expect(rcode).toBe('SERVFAIL');
      expect(tookMs).toBeLessThan(4_000);
    }
    expect(door.asked.length).toBeLessThan(6);
  });

  it.concurrent('are told of a failure, which is remembered for two seconds', async () => {
    const door = createDoor({ [FIRST]: answering([], { rcode: 2 }) });
    const replies = await Promise.all(Array.from({ length: 20 }, () => door.ask({ edns: 1232 })));
    for (const { rcode, errors, ttl } of replies) {
      expect([rcode, ttl]).toEqual(['SERVFAIL', undefined]);
      expect(errors).toMatchObject([{ code: 23 }]);
    }
    door.wait(1);
    await door.ask();
    expect(door.asked).toHaveLength(1);
    door.wait(2);
    await door.ask();
    expect(door.asked).toHaveLength(2);
  });
});

describe('a hot name', () => {
  async function askTimes(door: Door, times: number): Promise<string[]> {
    const seen: string[] = [];
    for (let i = 0; i < times; i++) seen.push(...answersOf((await door.ask()).packet));
    return seen;
  }

  it('is renewed in the last tenth of its time, while askers get what is held', async () => {
    const door = createDoor({ [FIRST]: counting(100) });
    await askTimes(door, 4);
    door.wait(89);
    await askTimes(door, 1);
    expect(door.asked).toHaveLength(1);
    door.wait(2);
    expect(await askTimes(door, 2)).toEqual(['A "192.0.2.1"', 'A "192.0.2.1"']);
    expect(door.asked).toHaveLength(2);
    await door.settle();
    const { packet, ttl } = await door.ask();
    expect([answersOf(packet), ttl]).toEqual([['A "192.0.2.2"'], 100]);
    expect(door.asked).toHaveLength(2);
  });

  it('only if it is', async () => {
    const door = createDoor({ [FIRST]: counting(100) });
    await askTimes(door, 2);
    door.wait(95);
    await askTimes(door, 1);
    expect(door.asked).toHaveLength(1);
  });

  it.concurrent('is renewed once, however long that takes', async () => {
    const door = createDoor({ [FIRST]: inTurn(counting(1_000), after(1_300, counting(1_000))) });
    await askTimes(door, 4);
    door.wait(950);
    await askTimes(door, 20);
    await door.settle();
    expect(door.asked).toHaveLength(2);
  });

  it('keeps its answer if that fails, and is let alone for a while', async () => {
    const door = createDoor({ [FIRST]: inTurn(counting(100), answering([], { rcode: 2 })) });
    await askTimes(door, 4);
    door.wait(92);
    expect(await askTimes(door, 1)).toEqual(['A "192.0.2.1"']);
    await door.settle();
    expect(await askTimes(door, 5)).toEqual(Array.from({ length: 5 }, () => 'A "192.0.2.1"'));
    expect(door.asked).toHaveLength(2);
    door.wait(6);
    await askTimes(door, 1);
    expect(door.asked).toHaveLength(3);
  });
});

describe('an answer past its time', () => {
  it('is given where no upstream answers, for 30 s, saying so, for a day', async () => {
    const door = createDoor({ [FIRST]: inTurn(good, dead), [SECOND]: dead });
    await door.ask();
    door.wait(3_600);
    const { packet, ttl, errors, rcode } = await door.ask({ edns: 1232, id: 9 });
    expect([rcode, packet.id, ttl, ttlsOf(packet.answers)]).toEqual(['NOERROR', 9, 30, [30, 30]]);
    expect(errors).toEqual([{ code: 3, text: expect.stringMatching(/no upstream answers/) }]);
    door.wait(22 * 3_600);
    expect((await door.ask()).rcode).toBe('NOERROR');
    door.wait(2 * 3_600);
    expect((await door.ask()).rcode).toBe('SERVFAIL');
  });

  it('is not given where an upstream answers, whatever it answers', async () => {
    const door = createDoor({
      [FIRST]: inTurn(good, answering([], { rcode: 3, authorities: [soa(60, 60)] }), dead),
    });
    await door.ask();
    door.wait(121);
    expect((await door.ask()).rcode).toBe('NXDOMAIN');
    door.wait(61);
    const { rcode, errors } = await door.ask({ edns: 1232 });
    expect([rcode, errors]).toMatchObject(['NXDOMAIN', [{ code: 19 }]]);
  });

  it('is not given once an upstream answered what can not be kept', async () => {
    const passing = answering([{ name: 'www.example.com', type: 'A', ttl: 0, data: '192.0.2.9' }]);
    const door = createDoor({ [FIRST]: inTurn(good, passing, dead) });
    await door.ask();
    door.wait(121);
    expect(answersOf((await door.ask()).packet)).toEqual(['A "192.0.2.9"']);
    expect((await door.ask()).rcode).toBe('SERVFAIL');
  });

  it('is given at once after a failure, whose upstreams are asked again after a while', async () => {
    const door = createDoor({ [FIRST]: inTurn(counting(60), dead, dead, counting(60)) });
    await door.ask();
    door.wait(61);
    await door.ask();
    const { length } = door.asked;
    for (let i = 0; i < 5; i++) expect((await door.ask()).ttl).toBe(30);
    expect(door.asked).toHaveLength(length);
    door.wait(6);
    expect((await door.ask()).ttl).toBe(60);
  });

  it.concurrent('is given soon where upstreams are slow, and what they say then is taken', async () => {
    const door = createDoor({ [FIRST]: inTurn(good, after(2_100, good)) });
    await door.ask();
    door.wait(121);
    const { tookMs, ttl, errors } = await door.ask({ edns: 1232 });
    expect([ttl, errors]).toMatchObject([30, [{ code: 3 }]]);
    expect(tookMs).toBeGreaterThan(1_500);
    expect(tookMs).toBeLessThan(2_050);
    await door.settle();
    expect((await door.ask()).ttl).toBe(120);
    expect(door.asked).toHaveLength(2);
  });
});

describe('the memory', () => {
  const kept = (octets: number): KeptReply => ({
    reply: { ...NO_RECORDS, records: new Uint8Array(octets) },
    givenAt: 0,
    freshUntil: 10,
    staleUntil: 20,
    hits: 0,
    retryAt: 0,
  });

  it('holds no more entries and octets than it may, and lets the longest unused go', () => {
    const cache = createReplyCache({ octets: 1_000_000, entries: 100 }, () => 0);
    for (let i = 0; i < 1000; i++) {
      cache.set(`${i}`, kept(10));
      cache.get('0');
    }
    const held = Array.from({ length: 1000 }, (_, i) => `${i}`).filter((key) => cache.get(key));
    expect(held).toEqual(['0', ...Array.from({ length: 99 }, (_, i) => `${901 + i}`)]);
    const small = createReplyCache({ octets: 100_000, entries: 1_000_000 }, () => 0);
    for (let i = 0; i < 1000; i++) small.set(`${i}`, kept(9_600));
    expect(Array.from({ length: 1000 }, (_, i) => small.get(`${i}`)).filter(Boolean).length).toBe(9);
    // What is set again and dropped counts once.
    for (let i = 0; i < 1000; i++) small.set('same', kept(40_000));
    small.drop('same');
    small.drop('same');
    for (let i = 0; i < 9; i++) small.set(`again ${i}`, kept(9_600));
    expect(Array.from({ length: 9 }, (_, i) => small.get(`again ${i}`)).filter(Boolean).length).toBe(9);
  });

  it('takes nothing in that is larger than all of it', () => {
    const cache = createReplyCache({ octets: 1_000, entries: 10 }, () => 0);
    cache.set('large', kept(2_000));
    expect(cache.get('large')).toBeUndefined();
    cache.set('small', kept(100));
    expect(cache.get('small')).toBeDefined();
  });

  it('forgets what is too stale', () => {
    let now = 0;
    const cache = createReplyCache({ octets: 10_000, entries: 10 }, () => now);
    cache.set('a', kept(1));
    now = 19;
    expect(cache.get('a')).toBeDefined();
    now = 20;
    expect(cache.get('a')).toBeUndefined();
    now = 0;
    expect(cache.get('a')).toBeUndefined();
  });

  it('of thousands of names asked for stays within its bounds', async () => {
    const door = createDoor({ [FIRST]: good });
    for (let i = 0; i < 2_000; i++) await door.ask({ name: `n${i}.example.com` });
    expect(door.asked).toHaveLength(2_000);
    await door.ask({ name: 'n1999.example.com' });
    expect(door.asked).toHaveLength(2_000);
  });
});
