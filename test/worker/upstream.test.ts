import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import {
  after,
  answering,
  endless,
  hanging,
  inTurn,
  message,
  optWith,
  type Play,
} from '../fakes/upstream.ts';
import { answersOf } from './edge.ts';
import { ANSWERS, createDoor, FIRST, SECOND, soa, spelled, THIRD } from './upstream-asked.ts';

const good = answering(ANSWERS);
const lost: Play = () => Promise.reject(new Error(`Network connection lost: ${FIRST}`));

function spoilt(spoil: (octets: Buffer) => Buffer): Play {
  return answering(ANSWERS, { spoil });
}

describe('a question forwarded', () => {
  it('goes out by POST, padded, under id 0, in lower case, without following redirects', async () => {
    const door = createDoor({ [FIRST]: good });
    await door.ask(spelled('wWw.eXample.com', { id: 0xcafe, edns: 4096 }));
    expect(door.asked).toHaveLength(1);
    const [request] = door.asked;
    expect(request).toMatchObject({ url: FIRST, method: 'POST', redirect: 'manual' });
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      'content-type': 'application/dns-message',
      accept: 'application/dns-message',
    });
    const body = Buffer.from(request?.body ?? []);
    expect(body).toHaveLength(128);
    expect(body.subarray(0, 12).toString('hex')).toBe('000001000001000000000001');
    expect(body.subarray(12, 29).toString('latin1')).toBe('\x03www\x07example\x03com\0');
  });

  it('comes back as the upstream answers it, with its least TTL', async () => {
    const reply = await createDoor({ [FIRST]: answering(ANSWERS, { flags: 0x0420 }) }).ask({ id: 0x0102 });
    expect(answersOf(reply.packet)).toEqual(['A "192.0.2.1"', 'CNAME "web.example.com"']);
    expect(reply.packet).toMatchObject({ id: 0x0102, flag_ra: true, flag_ad: true, flag_aa: false });
    expect(reply.ttl).toBe(120);
  });

  it.each<[string, Play, number | undefined]>([
    ['the least of an SOA and its MINIMUM', answering([], { rcode: 3, authorities: [soa(900, 77)] }), 77],
    ['the SOA TTL where that is less', answering([], { authorities: [soa(5, 77)] }), 5],
    ['nothing without an SOA', answering([], { rcode: 3 }), undefined],
    ['its TTL less the Age that HTTP says', answering(ANSWERS, { headers: { age: '20' } }), 100],
    ['no time if its Age is over its TTL', answering(ANSWERS, { headers: { age: '1000' } }), 0],
    ['its TTL where Age is no number', answering(ANSWERS, { headers: { age: '-5, x' } }), 120],
  ])('is kept for %s', async (_, play, ttl) => {
    const door = createDoor({ [FIRST]: play, [SECOND]: good });
    expect((await door.ask()).ttl).toBe(ttl);
    expect(door.asked).toHaveLength(1);
  });

  it('takes an answer under another id, in another case, its media type in capitals with parameters', async () => {
    const spoil = (octets: Buffer): Buffer => {
      octets.writeUInt16BE(0xbeef, 0);
      octets.write('WWW', 13);
      return octets;
    };
    const headers = { 'content-type': 'Application/DNS-Message; charset=x' };
    const door = createDoor({ [FIRST]: answering(ANSWERS, { spoil, headers }), [SECOND]: good });
    const reply = await door.ask(spelled('Www.example.com', { id: 7 }));
    expect(door.hosts()).toEqual(['first']);
    expect(reply.packet.id).toBe(7);
    expect(reply.packet.questions?.[0]?.name).toBe('Www.example.com');
  });

  it.each<[string, Play, RegExp]>([
    ['FORMERR', answering([], { rcode: 1 }), /first.example answered with error 1/],
    ['SERVFAIL', answering([], { rcode: 2 }), /first.example answered with error 2/],
    ['NOTIMP', answering([], { rcode: 4 }), /first.example answered with error 4/],
    ['REFUSED', answering([], { rcode: 5 }), /first.example answered with error 5/],
    ['HTTP 500', () => new Response('', { status: 500 }), /first.example answered HTTP 500/],
    ['HTTP 429', () => new Response('', { status: 429 }), /HTTP 429/],
    ['HTTP 204', () => new Response(null, { status: 204 }), /HTTP 204/],
    ['a redirect', () => Response.redirect(SECOND, 302), /HTTP 302/],
    ['a redirect with a message', redirected, /HTTP 307/],
    ['a lost connection', lost, /first.example could not be reached/],
    ['a page', () => new Response('<h1>Log in to this network</h1>'), /no DNS message/],
    [
      'a message of another media type',
      answering(ANSWERS, { headers: { 'content-type': 'application/json' } }),
      /no DNS message/,
    ],
    ['nothing', () => message(new Uint8Array()), /something else/],
    ['garbage', () => message(Buffer.from('garbage '.repeat(20))), /something else/],
    [
      'a header alone',
      () => message(Uint8Array.from([0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
      /something else/,
    ],
    ['a message cut off', spoilt((octets) => octets.subarray(0, -1)), /something else/],
    [
      'a message with octets behind',
      spoilt((octets) => Buffer.concat([octets, Buffer.of(0)])),
      /something else/,
    ],
    ['a message with TC', answering(ANSWERS, { flags: 0x0200 }), /in part/],
    ['the query itself', (query) => message(query), /something else/],
    ['another name', spoilt((octets) => octets.fill('x', 13, 14)), /something else/],
    ['another type', spoilt((octets) => octets.fill(28, 30, 31)), /something else/],
    ['another class', spoilt((octets) => octets.fill(3, 32, 33)), /something else/],
    ['another opcode', spoilt((octets) => octets.fill(0x91, 2, 3)), /something else/],
    ['no question', spoilt((octets) => octets.fill(0, 5, 6)), /something else/],
    ['two questions', spoilt((octets) => octets.fill(2, 5, 6)), /something else/],
    ['more records than there are', spoilt((octets) => octets.fill(9, 7, 8)), /something else/],
    ['65,536 octets', () => message(new Uint8Array(65_536)), /more than a DNS message/],
  ])('is asked of the second at once after %s', async (_, play, problem) => {
    const door = createDoor({ [FIRST]: play, [SECOND]: good });
    const reply = await door.ask();
    expect(answersOf(reply.packet)).toHaveLength(2);
    expect(door.hosts()).toEqual(['first', 'second']);
    expect(reply.tookMs).toBeLessThan(250);
    const alone = await createDoor({ [FIRST]: play }).ask({ edns: 1232 });
    expect([alone.rcode, alone.ttl]).toEqual(['SERVFAIL', undefined]);
    expect(alone.errors).toEqual([{ code: 23, text: expect.stringMatching(problem) }]);
    expect(JSON.stringify(alone.errors)).not.toContain('secret-path');
  });

  it.each<[string, Play, string]>([
    ['NXDOMAIN', answering([], { rcode: 3 }), 'NXDOMAIN'],
    ['NODATA', answering([]), 'NOERROR'],
    ['YXDOMAIN', answering([], { rcode: 6 }), 'YXDOMAIN'],
  ])('is answered by the first that can, in their order: %s too', async (_, play, rcode) => {
    const door = createDoor({ [FIRST]: play, [SECOND]: good });
    expect((await door.ask()).rcode).toBe(rcode);
    expect(door.hosts()).toEqual(['first']);
  });

  it('says all that went wrong, and what the upstreams said of it first', async () => {
    const bogus = { code: 6, text: 'DNSSEC Bogus' };
    const plays = {
      [FIRST]: answering([], { rcode: 2, additionals: [optWith(bogus)] }),
      [SECOND]: () => new Response('', { status: 503 }),
    };
    const { rcode, errors } = await createDoor(plays).ask({ edns: 1232 });
    expect(rcode).toBe('SERVFAIL');
    const text = 'first.example answered with error 2; second.example answered HTTP 503';
    expect(errors).toEqual([bogus, { code: 23, text }]);
  });

  it('passes on extended errors of answers', async () => {
    const error = { code: 4, text: 'forged by law' };
    const door = createDoor({ [FIRST]: answering(ANSWERS, { additionals: [optWith(error)] }) });
    expect((await door.ask({ edns: 1232 })).errors).toEqual([error]);
    expect((await door.ask()).packet.additionals).toEqual([]);
  });

  it('is put to a sole upstream again whose connection was lost, once', async () => {
    const mended = createDoor({ [FIRST]: inTurn(lost, good) });
    expect(answersOf((await mended.ask()).packet)).toHaveLength(2);
    const broken = createDoor({ [FIRST]: lost });
    expect((await broken.ask()).rcode).toBe('SERVFAIL');
    expect(broken.asked).toHaveLength(2);
    const failing = createDoor({ [FIRST]: answering([], { rcode: 2 }) });
    await failing.ask();
    expect(failing.asked).toHaveLength(1);
  });

  it('does not take in more than a message of a body without end', async () => {
    const flood = endless({ chunkOctets: 65_536, everyMs: 0 });
    const { packet, tookMs } = await createDoor({ [FIRST]: flood.play, [SECOND]: good }).ask();
    expect(answersOf(packet)).toHaveLength(2);
    expect(flood.sent()).toBeLessThan(1_000_000);
    expect(tookMs).toBeLessThan(1_000);
  });
});

describe('a slow upstream', () => {
  it.concurrent.each<[string, () => Play]>([
    ['does not answer', () => hanging],
    ['takes two seconds', () => after(2_000, answering([]))],
    ['sends its body drop by drop', () => endless({ chunkOctets: 1, everyMs: 50 }).play],
  ])('that %s costs its hedge delay once: then the other is asked first', async (_, play) => {
    const door = createDoor({ [FIRST]: play(), [SECOND]: good });
    const { packet, tookMs } = await door.ask();
    expect(answersOf(packet)).toHaveLength(2);
    expect(tookMs).toBeGreaterThan(250);
    expect(tookMs).toBeLessThan(900);
    const next = await door.ask({ name: 'other.example.com' });
    expect(next.tookMs).toBeLessThan(250);
    expect(door.hosts()).toEqual(['first', 'second', 'second']);
    door.wait(6);
    await door.ask({ name: 'third.example.com' });
    expect(door.hosts().slice(3)).toEqual(['first', 'second']);
  });

  it.concurrent('may still be the first to answer', async () => {
    const door = createDoor({ [FIRST]: after(450, good), [SECOND]: hanging });
    const { packet, tookMs } = await door.ask();
    expect(answersOf(packet)).toHaveLength(2);
    expect(tookMs).toBeLessThan(1_000);
    // Having answered it is trusted again.
    await door.ask({ name: 'other.example.com' });
    expect(door.hosts()).toEqual(['first', 'second', 'first', 'second']);
  });

  it.concurrent('is left as soon as another answered', async () => {
    let left = false;
    const play: Play = (query, signal) => {
      signal.addEventListener('abort', () => (left = true));
      return hanging(query, signal);
    };
    await createDoor({ [FIRST]: play, [SECOND]: good }).ask();
    expect(left).toBe(true);
  });

  it.concurrent('alone is waited for longer, and not asked twice', async () => {
    const door = createDoor({ [FIRST]: after(900, good) });
    expect(answersOf((await door.ask()).packet)).toHaveLength(2);
    expect(door.asked).toHaveLength(1);
  });

  it.concurrent('alone is given up within 3 s', async () => {
    const { rcode, errors, tookMs } = await createDoor({ [FIRST]: hanging }).ask({ edns: 1232 });
    expect([rcode, errors]).toEqual([
      'SERVFAIL',
      [{ code: 23, text: 'first.example did not answer in time' }],
    ]);
    expect(tookMs).toBeLessThan(3_000);
  });

  it.concurrent('among many slow ones: all are given up within 4 s', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `https://u${i}.example/`);
    const door = createDoor(Object.fromEntries(names.map((url) => [url, after(3_900, good)])));
    const { rcode, tookMs } = await door.ask();
    expect(rcode).toBe('SERVFAIL');
    expect(door.asked).toHaveLength(6);
    expect(tookMs).toBeGreaterThan(3_000);
    expect(tookMs).toBeLessThan(4_000);
  });

  it.concurrent('before a dead one before a good one: the good one is reached', async () => {
    const door = createDoor({ [FIRST]: hanging, [SECOND]: lost, [THIRD]: good });
    const { packet, tookMs } = await door.ask();
    expect(answersOf(packet)).toHaveLength(2);
    expect(tookMs).toBeLessThan(900);
    expect(door.hosts()).toEqual(['first', 'second', 'third']);
  });
});

describe('a dead upstream', () => {
  it('is asked last, for longer the more often it fails, and first again once it answered', async () => {
    let dead = true;
    const first: Play = (query, signal) => (dead ? lost(query, signal) : good(query, signal));
    const door = createDoor({ [FIRST]: first, [SECOND]: good });
    let count = 0;
    const hostsAsked = async (): Promise<string[]> => {
      const before = door.asked.length;
      await door.ask({ name: `n${count++}.example.com` });
      return door.hosts().slice(before);
    };
    expect(await hostsAsked()).toEqual(['first', 'second']);
    expect(await hostsAsked()).toEqual(['second']);
    door.wait(6);
    expect(await hostsAsked()).toEqual(['first', 'second']);
    door.wait(6);
    expect(await hostsAsked()).toEqual(['second']);
    door.wait(5);
    dead = false;
    expect(await hostsAsked()).toEqual(['first']);
    dead = true;
    expect(await hostsAsked()).toEqual(['first', 'second']);
    door.wait(6);
    expect(await hostsAsked()).toEqual(['first', 'second']);
  });

  it('is asked all the same where there is no other', async () => {
    const door = createDoor({ [FIRST]: inTurn(lost, lost, good) });
    expect((await door.ask()).rcode).toBe('SERVFAIL');
    expect((await door.ask({ name: 'other.example.com' })).rcode).toBe('NOERROR');
  });

  it('one that answers SERVFAIL is not dead', async () => {
    const door = createDoor({ [FIRST]: answering([], { rcode: 2 }), [SECOND]: good });
    await door.ask();
    await door.ask({ name: 'other.example.com' });
    expect(door.hosts()).toEqual(['first', 'second', 'first', 'second']);
  });
});

function redirected(query: Uint8Array): Response {
  return new Response(Buffer.from(query), {
    status: 307,
    headers: { location: SECOND, 'content-type': 'application/dns-message' },
  });
}
