import type { DecodedPacket } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { nameToWire, parseName } from '../../zone/name.ts';
import type { Query } from '../../zone/query.ts';
import { TYPE } from '../../zone/record.ts';
import { RCODE, type Reply, writeReply, zoneWire } from '../../zone/wire.ts';
import { type Contents, hex, seededRandom } from './arbitrary.ts';
import { addresses, ask, judge, type ReadMessage, stored, storedSet, ZONE } from './ask.ts';

const NOTHING: Reply = { rcode: RCODE.NOERROR, recursionAvailable: false };

type Written = ReadMessage & { packet: DecodedPacket; octets: Uint8Array; keep: number | undefined };

function write(query: Query, reply: Reply): Written {
  const { octets, ttl } = writeReply(query, reply, seededRandom(1));
  return { ...judge(octets), octets, keep: ttl };
}

describe('SOA and NS', () => {
  const soaData = {
    mname: 'ns1.mesos',
    rname: 'root.ns1.mesos',
    serial: 4_000_000_000,
    refresh: 60,
    retry: 600,
    expire: 86_400,
    minimum: 10,
  };
  const serial = soaData.serial;
  const SOA = (ttl: number): object => ({
    name: 'mesos',
    type: 'SOA',
    class: 'IN',
    flush: false,
    ttl,
    data: soaData,
  });
  const NS = (ttl: number): object[] =>
    ['ns1.mesos', 'ns.example'].map((data) => ({
      name: 'mesos',
      type: 'NS',
      class: 'IN',
      flush: false,
      ttl,
      data,
    }));

  it.each([
    ['NODATA and NXDOMAIN', { soa: 'negative' }, undefined, [], [SOA(10)], 10],
    ['an apex SOA', { soa: 'answer' }, undefined, [SOA(40)], [], 40],
    ['an apex NS', { ns: 'answer' }, undefined, NS(50), [], 50],
    ['an apex ANY', { soa: 'answer', ns: 'answer' }, undefined, [SOA(40), ...NS(50)], [], 40],
    [
      'ANY below the apex',
      { soa: 'authority', ns: 'authority' },
      undefined,
      [],
      [SOA(40), ...NS(50)],
      undefined,
    ],
    ['neither', {}, undefined, [], [], undefined],
    ['a stale NODATA', { soa: 'negative' }, 5, [], [SOA(5)], 5],
    ['a stale apex ANY', { soa: 'answer', ns: 'answer' }, 45, [SOA(40), ...NS(45)], [], 40],
    [
      'a stale ANY below the apex',
      { soa: 'authority', ns: 'authority' },
      20,
      [],
      [SOA(20), ...NS(20)],
      undefined,
    ],
  ] as const)('stand where they belong: %s', (_, where, ttlAtMost, answers, authorities, keep) => {
    for (const name of ['mesos', 'no.such.name.mesos', `${'x'.repeat(63)}.mesos`]) {
      const reply = write(ask({ name, type: 255 }), {
        ...NOTHING,
        authority: { zone: ZONE, serial, ...where },
        ...(ttlAtMost !== undefined && { ttlAtMost }),
      });
      expect(reply.packet.answers).toEqual(answers);
      expect(reply.packet.authorities).toEqual(authorities);
      expect(reply.additional).toEqual([]);
      expect(reply.keep).toBe(keep);
    }
  });

  it('have the SOA’s own TTL where that is less than MINIMUM (RFC 2308 §5)', () => {
    const zone = zoneWire({ ...ZONE.zone, soa: { ...ZONE.zone.soa, minimum: 3600, ttl: 7 } });
    const reply = write(ask({ name: 'a.mesos', type: 1 }), {
      ...NOTHING,
      authority: { zone, serial, soa: 'negative' },
    });
    expect(reply.packet.authorities).toMatchObject([{ ttl: 7, data: { minimum: 3600 } }]);
    expect(reply.keep).toBe(7);
  });

  it('are compressed against the question, in whatever case that came', () => {
    const query = ask({ name: 'A.MeSoS', type: 1 });
    const reply = write(query, { ...NOTHING, authority: { zone: ZONE, serial, soa: 'negative' } });
    // mname `ns1` + pointer, rname `root.ns1` + pointer, five numbers.
    expect(reply.octets.length).toBe(query.questionEnd + 12 + (4 + 2) + (5 + 4 + 2) + 20);
    expect(reply.authority.map(({ name }) => name)).toEqual(['mesos']);
  });

  it('take names of any length, in the zone and outside it', () => {
    const long = parseName(`${`${'l'.repeat(63)}.`.repeat(3)}${'l'.repeat(61)}`);
    const zone = zoneWire({
      ...ZONE.zone,
      soa: { ...ZONE.zone.soa, mname: long, rname: long },
      nameServers: [parseName('mesos'), parseName(''), ...Array(20).fill(long)],
    });
    for (const where of ['answer', 'authority'] as const) {
      const reply = write(ask({ name: 'a.mesos', type: 255, edns: { padded: true } }), {
        ...NOTHING,
        authority: { zone, serial, soa: where, ns: where },
      });
      const records = where === 'answer' ? reply.packet.answers : reply.packet.authorities;
      expect(records).toHaveLength(23);
      expect(records).toMatchObject([
        { data: { mname: long, rname: long } },
        { data: 'mesos' },
        { data: '.' },
        { data: long },
        ...Array.from({ length: 19 }, () => ({})),
      ]);
    }
  });

  it('are right for an origin of several labels, and for one that stands twice in the name', () => {
    const zone = zoneWire({
      ...ZONE.zone,
      origin: parseName('b.c'),
      soa: { ...ZONE.zone.soa, mname: parseName('x.b.c'), rname: parseName('b.c') },
    });
    for (const name of ['b.c', 'b.c.b.c', 'a.b.c']) {
      const reply = write(ask({ name, type: 6 }), { ...NOTHING, authority: { zone, serial, soa: 'answer' } });
      expect(reply.packet.answers).toMatchObject([{ name: 'b.c', data: { mname: 'x.b.c', rname: 'b.c' } }]);
    }
  });
});

describe('TTLs', () => {
  it('are the RRset’s, and the least answer’s says how long the reply may be kept', () => {
    const owner = parseName('_a._tcp.mesos');
    const target = parseName('web.mesos');
    const contents: Contents = new Map([
      [
        owner,
        [
          {
            owner,
            type: TYPE.SRV,
            ttl: 60,
            sources: 1,
            rdata: [Uint8Array.of(0, 0, 0, 1, 0, 80, ...nameToWire(target))],
          },
          { owner, type: 65280, ttl: 45, sources: 1, rdata: [hex('01')] },
        ],
      ],
      [target, [{ ...addresses(1, 5), owner: target, sources: 1 }]],
    ]);
    const query = ask({ name: '_a._tcp.mesos', type: 255 });
    const ttls = (reply: ReadMessage): number[] =>
      [...reply.answers, ...reply.authority, ...reply.additional].map(({ ttl }) => ttl);
    const reply: Reply = {
      ...NOTHING,
      authority: { zone: ZONE, serial: 1, soa: 'authority', ns: 'authority' },
      rrsets: stored(contents, owner),
    };
    const fresh = write(query, reply);
    expect(ttls(fresh)).toEqual([60, 45, 40, 50, 50, 5]);
    // The additional section's TTL does not count (RFC 8484 §5.1), nor does the authority's.
    expect(fresh.keep).toBe(45);
    const stale = write(query, { ...reply, ttlAtMost: 30 });
    expect(ttls(stale)).toEqual([30, 30, 30, 30, 30, 5]);
    expect(stale.keep).toBe(30);
    expect(ttls(write(query, { ...reply, ttlAtMost: 0 }))).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('are kept at their extremes', () => {
    for (const ttl of [0, 1, 0x7fffffff]) {
      const reply = write(ask({ name: 'a.mesos', type: 1 }), {
        ...NOTHING,
        rrsets: storedSet(addresses(2, ttl)),
      });
      expect(reply.answers.map((answer) => answer.ttl)).toEqual([ttl, ttl]);
      expect(reply.keep).toBe(ttl);
    }
  });

  it('are none where there is nothing to keep', () => {
    expect(
      write(ask({ name: 'a.mesos', type: 1 }), { ...NOTHING, rcode: RCODE.SERVFAIL }).keep,
    ).toBeUndefined();
  });
});
