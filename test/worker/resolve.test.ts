import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ZoneSettings } from '../../zone/head.ts';
import { encodeQuestion } from '../message.ts';
import { answersOf, createEdge, type Reply, ttlsOf } from './edge.ts';
import {
  addresses,
  createSigningKey,
  publishToKv,
  services,
  type TestKey,
  type ToPublish,
} from './publish-to-kv.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 7, 1);
const RRSETS = [
  addresses('web.mesos', ['10.0.0.1'], 60),
  addresses('brief.mesos', ['10.0.0.2'], 5),
  services('_web._tcp.mesos', ['web.mesos:80'], 120),
];
let key: TestKey;

beforeAll(async () => {
  key = await createSigningKey();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

const publish = (options: Partial<ToPublish> = {}): Promise<unknown> =>
  publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key, minimum: 300, ...options });

/** TTLs of everything in a reply. */
const allTtls = ({ packet }: Reply): number[] =>
  [packet.answers, packet.authorities, packet.additionals].flatMap((records) =>
    ttlsOf(records?.filter(({ type }) => type !== 'OPT')),
  );

describe('how old a snapshot may be', () => {
  const ask = (name: string, type = 1, edns = 1232): Promise<Reply> => edge.ask({ name, type, edns });
  let edge = createEdge();

  async function publishedAgo(
    ageMs: number,
    settings: Partial<ZoneSettings> = {},
    confirmedAgeMs = ageMs,
  ): Promise<void> {
    vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
    edge = createEdge();
    await publish({ createdAtMs: START_MS - ageMs, confirmedAtMs: START_MS - confirmedAgeMs, settings });
  }

  it('fresh: its own TTLs, nothing more to say', async () => {
    await publishedAgo(900_000);
    const reply = await ask('web.mesos');
    expect(ttlsOf(reply.packet.answers)).toEqual([60]);
    expect(reply.errors).toEqual([]);
    expect(reply.response.headers.get('snapshot')).toBe('1;age=900');
    expect(reply.response.headers.get('cache-control')).toBe('max-age=60');
  });

  it('stale: the same answers, TTLs of 30 at most, and the word that it is', async () => {
    await publishedAgo(901_000);
    for (const [name, type, ttls] of [
      ['web.mesos', 1, [30]],
      ['brief.mesos', 1, [5]],
      ['_web._tcp.mesos', 33, [30, 30]],
      ['nothing.mesos', 1, [30]],
      ['web.mesos', 16, [30]],
      ['mesos', 6, [30]],
      ['mesos', 2, [30]],
    ] as const) {
      const reply = await ask(name, type);
      expect(allTtls(reply), name).toEqual(ttls);
      expect(reply.errors, name).toEqual([{ code: 3, text: 'the snapshot is 901 s old' }]);
      expect(reply.packet.flag_aa, name).toBe(true);
      expect(reply.response.headers.get('cache-control'), name).toBe(`max-age=${Math.min(...ttls)}`);
    }
    expect((await ask('nothing.mesos')).rcode).toBe('NXDOMAIN');
    const plain = await edge.ask({ name: 'web.mesos', type: 1 });
    expect(allTtls(plain)).toEqual([30]);
    expect(plain.packet.additionals).toEqual([]);
  });

  it('expired: SERVFAIL and why, no records, not to be kept', async () => {
    await publishedAgo(7 * DAY_MS + 1_000);
    for (const name of ['web.mesos', 'nothing.mesos', 'mesos']) {
      const reply = await ask(name);
      expect([reply.response.status, reply.rcode], name).toEqual([200, 'SERVFAIL']);
      expect(reply.errors, name).toEqual([
        { code: 3, text: expect.stringMatching(/604801 s old .* expired/) },
      ]);
      expect(allTtls(reply), name).toEqual([]);
      expect(reply.packet.flag_aa, name).toBe(false);
      expect(reply.response.headers.get('cache-control'), name).toBe('no-store');
      expect(reply.response.headers.get('snapshot'), name).toBe('1;age=604801');
    }
  });

  it('at its last moment: still stale', async () => {
    await publishedAgo(7 * DAY_MS);
    expect((await ask('web.mesos')).rcode).toBe('NOERROR');
  });

  it('for ever, where expireAfterSeconds is 0', async () => {
    await publishedAgo(3_650 * DAY_MS, { expireAfterSeconds: 0 });
    const reply = await ask('web.mesos');
    expect(reply.rcode).toBe('NOERROR');
    expect(reply.errors).toMatchObject([{ code: 3 }]);
  });

  it.each([
    ['an agent that lost its masters long ago', 0, 901_000],
    ['an agent that stopped long ago', 901_000, 0],
  ])('counts from the older of its two times: %s', async (_, createdAgeMs, confirmedAgeMs) => {
    await publishedAgo(createdAgeMs, {}, confirmedAgeMs);
    const reply = await ask('web.mesos');
    expect(reply.errors).toMatchObject([{ code: 3 }]);
    expect(reply.response.headers.get('snapshot')).toBe('1;age=901');
  });

  it('a clock that is a little ahead makes it no younger than new', async () => {
    await publishedAgo(-60_000);
    expect((await ask('web.mesos')).response.headers.get('snapshot')).toBe('1;age=0');
  });

  it('goes down the ladder as time passes, and up again with the next push', async () => {
    await publishedAgo(0, { staleAfterSeconds: 100, expireAfterSeconds: 200 });
    const said: string[] = [];
    for (const ageSeconds of [0, 100, 101, 200, 201]) {
      vi.setSystemTime(START_MS + ageSeconds * 1_000);
      const reply = await ask('web.mesos');
      said.push(`${ageSeconds} ${reply.rcode} ${allTtls(reply).join()}`);
    }
    expect(said).toEqual([
      '0 NOERROR 60',
      '100 NOERROR 60',
      '101 NOERROR 30',
      '200 NOERROR 30',
      '201 SERVFAIL ',
    ]);
    await publish({ createdAtMs: START_MS + 205_000 });
    vi.setSystemTime(START_MS + 206_000);
    expect(allTtls(await ask('web.mesos'))).toEqual([60]);
  });

  it('not there at all: SERVFAIL, not ready', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    edge = createEdge();
    const reply = await ask('web.mesos');
    expect([reply.response.status, reply.rcode, reply.packet.flag_aa]).toEqual([200, 'SERVFAIL', false]);
    expect(reply.errors).toEqual([{ code: 14, text: expect.stringMatching(/no snapshot/) }]);
    expect(reply.response.headers.get('cache-control')).toBe('no-store');
    expect(reply.response.headers.has('snapshot')).toBe(false);
    expect(reply.packet.flag_ra).toBe(false);
    const forwarding = createEdge({ UPSTREAMS: 'https://never.example/' });
    expect((await forwarding.ask({ name: 'web.mesos', type: 1 })).packet.flag_ra).toBe(true);
  });

  it('signed and yet unreadable: SERVFAIL, invalid data', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    edge = createEdge();
    // The last octet is of the last entry: with it all entries lose what they say they have.
    const spoilRun = (run: Uint8Array): Uint8Array => run.slice(0, -1);
    await publish({ rrsets: RRSETS.slice(0, 1), spoilRun });
    const reply = await ask('web.mesos');
    expect([reply.response.status, reply.rcode]).toEqual([200, 'SERVFAIL']);
    expect(reply.errors).toMatchObject([{ code: 24 }]);
    expect((await ask('nothing.mesos')).rcode).toBe('NXDOMAIN');
  });
});

describe('what is not answered, whatever the name', () => {
  it.each([
    ['class CH', { class: 3 }, 'REFUSED'],
    ['class HS', { class: 4 }, 'REFUSED'],
    ['class NONE', { class: 254 }, 'REFUSED'],
    ['any class', { class: 255 }, 'REFUSED'],
    ['IQUERY', { opcode: 1 }, 'NOTIMP'],
    ['STATUS', { opcode: 2 }, 'NOTIMP'],
    ['NOTIFY', { opcode: 4 }, 'NOTIMP'],
    ['an opcode nobody gave out', { opcode: 15 }, 'NOTIMP'],
    ['another class and opcode', { opcode: 2, class: 3 }, 'NOTIMP'],
  ])('%s', async (_, how, rcode) => {
    await publish();
    for (const name of ['web.mesos', 'example.com']) {
      const edge = createEdge({ UPSTREAMS: 'https://never.example/' });
      const reply = await edge.ask({ name, type: 1, ...how });
      expect([reply.rcode, reply.packet.flag_aa, allTtls(reply)]).toEqual([rcode, false, []]);
      expect(reply.octets.readUInt16BE(2) >> 11).toBe(0x10 | ('opcode' in how ? how.opcode : 0));
      expect(reply.octets.readUInt16BE(reply.octets.length - 2)).toBe('class' in how ? how.class : 1);
      expect(reply.response.headers.get('cache-control')).toBe('no-store');
    }
  });

  it.each([
    ['an opcode', { opcode: 2 }, 'NOTIMP', /QUERY/],
    ['a class', { class: 3 }, 'REFUSED', /IN/],
  ])('%s is said to be what is not supported', async (_, how, rcode, text) => {
    await publish();
    const reply = await createEdge().ask({ name: 'web.mesos', type: 1, edns: 1232, ...how });
    expect([reply.rcode, reply.errors]).toEqual([rcode, [{ code: 21, text: expect.stringMatching(text) }]]);
  });

  it.each([1, 2, 255])('EDNS version %i: BADVERS, in version 0', async (version) => {
    await publish();
    const query = Buffer.from(encodeQuestion({ name: 'web.mesos', type: 1, edns: 1232 }));
    query.writeUInt8(version, query.length - 5);
    const { octets } = await createEdge().ask(query);
    const opt = octets.subarray(-11);
    expect(octets.readUInt16BE(2) & 0xf).toBe(0);
    expect([opt[0], opt.readUInt16BE(1), opt[5], opt[6]]).toEqual([0, 41, 1, 0]);
    expect(octets.readUInt16BE(6)).toBe(0);
  });
});

describe('a transfer', () => {
  const TRANSFERS = [251, 252];

  it('is REFUSED, of names that are there and others alike', async () => {
    await publish();
    const edge = createEdge({ UPSTREAMS: 'https://never.example/' });
    for (const type of TRANSFERS) {
      for (const name of ['mesos', 'web.mesos', '_tcp.mesos', 'nothing.mesos']) {
        const reply = await edge.ask({ name, type, edns: 1232 });
        expect([reply.rcode, reply.packet.flag_aa, reply.packet.flag_ra, allTtls(reply)], name).toEqual([
          ...['REFUSED', false, true, []],
        ]);
        expect(reply.errors, name).toEqual([{ code: 21, text: expect.stringMatching(/transferred/) }]);
        expect(reply.response.headers.get('cache-control'), name).toBe('no-store');
      }
    }
  });

  it.each(['always', 'never'] as const)(
    'is a type no name has where RA is %s, as with mesos-dns',
    async (ra) => {
      await publish({ settings: { recursionAvailable: ra } });
      for (const type of TRANSFERS) {
        for (const [name, rcode] of [
          ['mesos', 'NOERROR'],
          ['web.mesos', 'NOERROR'],
          ['nothing.mesos', 'NXDOMAIN'],
        ] as const) {
          const reply = await createEdge().ask({ name, type });
          expect([reply.rcode, reply.packet.flag_aa], name).toEqual([rcode, true]);
          expect(reply.packet.answers, name).toEqual([]);
          expect(
            reply.packet.authorities?.map((record) => record.type),
            name,
          ).toEqual(['SOA']);
        }
      }
    },
  );
});

describe('flags', () => {
  const upstream = 'https://never.example/';
  it.each<[ZoneSettings['recursionAvailable'], string, boolean]>([
    ['forwarding', '', false],
    ['forwarding', upstream, true],
    ['always', '', true],
    ['always', upstream, true],
    ['never', '', false],
    ['never', upstream, false],
  ])('RA of a zone that says %s, upstreams %j: %s', async (recursionAvailable, upstreams, expected) => {
    await publish({ settings: { recursionAvailable } });
    const edge = createEdge({ UPSTREAMS: upstreams });
    for (const name of ['web.mesos', 'nothing.mesos']) {
      expect((await edge.ask({ name, type: 1 })).packet.flag_ra).toBe(expected);
    }
  });

  it('RD and CD come back as they came, AD and Z never', async () => {
    await publish();
    for (const flags of [0x0000, 0x0100, 0x0010, 0x0170]) {
      const query = Buffer.from(encodeQuestion({ name: 'web.mesos', type: 1 }));
      query.writeUInt16BE(flags, 2);
      const { octets } = await createEdge().ask(query);
      expect(octets.readUInt16BE(2)).toBe(0x8400 | (flags & 0x0110));
    }
  });
});

describe('EDNS', () => {
  const withOpt = (flags: number, ...rdata: number[]): Buffer => {
    const query = Buffer.from(encodeQuestion({ name: 'web.mesos', type: 1, edns: 4096 }));
    query.writeUInt16BE(flags, query.length - 4);
    query.writeUInt16BE(rdata.length, query.length - 2);
    return Buffer.concat([query, Buffer.from(rdata)]);
  };

  it.each([
    ['no options', withOpt(0), 0],
    ['DO', withOpt(0x8000), 0x8000],
    ['unknown flags', withOpt(0x7fff), 0],
    ['a cookie', withOpt(0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8), 0],
    ['client subnet 0/0', withOpt(0, 0, 8, 0, 4, 0, 1, 0, 0), 0],
    ['an unknown option', withOpt(0, 0xfd, 0xe9, 0, 1, 9), 0],
  ])('%s: one OPT without options, DO copied', async (_, query, flags) => {
    await publish();
    const { octets, packet } = await createEdge().ask(query);
    expect(answersOf(packet)).toEqual(['A "10.0.0.1"']);
    expect(octets.readUInt16BE(10)).toBe(1);
    const opt = octets.subarray(-11);
    expect([opt[0], opt.readUInt16BE(1), opt.readUInt32BE(5), opt.readUInt16BE(9)]).toEqual([
      0,
      41,
      flags,
      0,
    ]);
  });

  it('a padded query gets a padded reply, of a multiple of 468 octets', async () => {
    await publish();
    for (const padding of [0, 1, 100]) {
      const query = withOpt(0, 0, 12, 0, padding, ...Array.from({ length: padding }, () => 0));
      const { octets, packet } = await createEdge().ask(query);
      expect(octets.length % 468).toBe(0);
      expect(answersOf(packet)).toEqual(['A "10.0.0.1"']);
    }
  });

  it('none where there was none', async () => {
    await publish();
    expect((await createEdge().ask({ name: 'web.mesos', type: 1 })).packet.additionals).toEqual([]);
  });
});

describe('a large set', () => {
  const many = Array.from({ length: 5_000 }, (_, i) => `10.${i >> 12}.${(i >> 8) & 15}.${i & 255}`);

  it.each([
    ['A', 1],
    ['ANY', 255],
  ])('asked for by %s fills a message and no more', async (_, type) => {
    await publish({ rrsets: [addresses('many.mesos', many)] });
    const { octets, packet } = await createEdge().ask({ name: 'many.mesos', type, edns: 1232 });
    expect(octets.length).toBeLessThanOrEqual(65_535);
    expect(packet.flag_tc).toBe(true);
    expect(packet.answers?.length).toBeGreaterThan(4_000);
  });

  it('comes in another order each time', async () => {
    await publish({ rrsets: [addresses('many.mesos', many.slice(0, 20))] });
    const edge = createEdge();
    const orders = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const { packet } = await edge.ask({ name: 'many.mesos', type: 1 });
      expect(answersOf(packet)).toHaveLength(20);
      orders.add(JSON.stringify(packet.answers));
    }
    expect(orders.size).toBe(5);
  });
});
