import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../zone/hash.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import type { Query } from '../../zone/query.ts';
import { type RRset, TYPE } from '../../zone/record.ts';
import { RCODE, type Reply, writeReply, zoneWire } from '../../zone/wire.ts';
import {
  addresses,
  ask,
  judge,
  readMessage,
  type ReadMessage,
  readName,
  stored,
  storedSet,
  ZONE,
} from './ask.ts';
import { type Contents, seededRandom } from './arbitrary.ts';

const NOTHING: Reply = { rcode: RCODE.NOERROR, recursionAvailable: false };
const MOST = 65_535;

type Written = ReadMessage & { octets: Uint8Array; truncated: boolean };

function write(query: Query, reply: Reply, random = seededRandom(3)): Written {
  const { octets } = writeReply(query, reply, random);
  const read = readMessage(octets);
  return { ...read, octets, truncated: (read.flags & 0x0200) !== 0 };
}

const SERVICE = parseName('_a._tcp.mesos');

type Families = { readonly v4?: number; readonly v6?: number };

/** A service of `count` targets, each with so many addresses of each family. */
function service(
  count: number,
  families: Families,
  targetOf = (i: number): string => `t${i}.mesos`,
): Contents {
  const targets = Array.from({ length: count }, (_, i) => parseName(targetOf(i)));
  const rdata = targets.map((target, i) =>
    Uint8Array.of(0, 0, 0, 1, i >> 8, i & 0xff, ...nameToWire(target)),
  );
  const sets = (owner: OwnerName, i: number): RRset[] => [
    ...(families.v4
      ? [{ owner, type: TYPE.A, ttl: 30, sources: 1, rdata: numbered(families.v4, 4, i) }]
      : []),
    ...(families.v6
      ? [{ owner, type: TYPE.AAAA, ttl: 30, sources: 1, rdata: numbered(families.v6, 16, i) }]
      : []),
  ];
  return new Map([
    [SERVICE, [{ owner: SERVICE, type: TYPE.SRV, ttl: 30, sources: 1, rdata }]],
    ...targets.map((target, i): [OwnerName, RRset[]] => [target, sets(target, i)]),
  ]);
}

/** Addresses that tell whose they are: the target's number, then their own. */
function numbered(count: number, octets: number, target: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const address = new Uint8Array(octets);
    new DataView(address.buffer).setUint16(0, target);
    new DataView(address.buffer).setUint16(2, i);
    return address;
  });
}

/** Which target's address an additional record is, checked against its owner. */
function expectAddressesOfTheirTargets(
  reply: ReadMessage,
  targetOf = (i: number): string => `t${i}.mesos`,
): void {
  for (const { name, rdata, class: cls, ttl } of reply.additional) {
    const target = new DataView(rdata.buffer, rdata.byteOffset).getUint16(0);
    if (name !== targetOf(target) || cls !== 1 || ttl !== 30)
      expect.fail(`${name} has an address of target ${target}`);
  }
}

function portOf({ rdata }: { rdata: Uint8Array }): number {
  return new DataView(rdata.buffer, rdata.byteOffset).getUint16(4);
}

describe('SRV with many targets', () => {
  it.each<[number, Families]>([
    [1, { v4: 1 }],
    [2, { v6: 1 }],
    [20, { v4: 1, v6: 1 }],
    [300, { v4: 2 }],
    [500, { v4: 1, v6: 1 }],
    // From here on targets stand behind offset 0x3fff, where no pointer reaches.
    [650, { v4: 1 }],
    [650, { v6: 1 }],
    [650, { v4: 1, v6: 1 }],
    [1000, { v4: 1 }],
    [1, { v4: 3000 }],
    [2, { v4: 1000, v6: 500 }],
  ])('has all their addresses while 65,535 octets hold them: %i × %j', (count, families) => {
    const contents = service(count, families);
    const reply = write(ask({ name: '_a._tcp.mesos', type: TYPE.SRV, edns: {} }), {
      ...NOTHING,
      rrsets: stored(contents, SERVICE),
    });
    expect(reply.truncated).toBe(false);
    expect(reply.answers.map(portOf).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
    expectAddressesOfTheirTargets(reply);
    const distinct = new Set(reply.additional.map(({ type, rdata }) => `${type} ${toHex(rdata)}`));
    expect(distinct.size).toBe(count * ((families.v4 ?? 0) + (families.v6 ?? 0)));
    expect(reply.additional).toHaveLength(distinct.size);
    // The judge sees the same names and addresses.
    const { packet } = judge(reply.octets);
    expect(packet.flag_tc).toBe(false);
    expect(packet.additionals?.map(({ name }) => name)).toEqual([
      ...reply.additional.map(({ name }) => name),
      '.',
    ]);
  });

  it.each<[number, Families]>([
    [1400, { v4: 1, v6: 1 }],
    [1700, { v4: 1 }],
    [2000, { v4: 1, v6: 2 }],
    [3, { v4: 1200, v6: 1200 }],
    [1, { v4: 5000, v6: 1 }],
  ])('leaves out additional RRsets first, whole ones, and is not truncated: %i × %j', (count, families) => {
    const contents = service(count, families);
    for (const edns of [undefined, {}, { padded: true }]) {
      const reply = write(ask({ name: '_a._tcp.mesos', type: TYPE.SRV, ...(edns && { edns }) }), {
        ...NOTHING,
        rrsets: stored(contents, SERVICE),
      });
      expect(reply.truncated).toBe(false);
      expect(reply.answers).toHaveLength(count);
      expect(reply.additional.length).toBeLessThan(count * ((families.v4 ?? 0) + (families.v6 ?? 0)));
      expectAddressesOfTheirTargets(reply);
      const sets = Object.groupBy(reply.additional, ({ name, type }) => `${type} ${name}`);
      for (const [key, set] of Object.entries(sets)) {
        expect(set, key).toHaveLength((key.startsWith('1 ') ? families.v4 : families.v6) ?? 0);
      }
      expect(reply.opt !== undefined).toBe(edns !== undefined);
    }
  });

  it('is cut with TC where its values alone are too many, and then has no additional section', () => {
    const contents = service(3000, { v4: 1 });
    for (const edns of [undefined, {}, { padded: true }]) {
      const reply = write(ask({ name: '_a._tcp.mesos', type: TYPE.SRV, ...(edns && { edns }) }), {
        ...NOTHING,
        rrsets: stored(contents, SERVICE),
      });
      expect(reply.truncated).toBe(true);
      expect(reply.additional).toEqual([]);
      expect(new Set(reply.answers.map(portOf)).size).toBe(reply.answers.length);
      expect(reply.octets.length).toBeGreaterThan(MOST - 600);
      expect(reply.opt !== undefined).toBe(edns !== undefined);
    }
  });

  it('writes targets out where a pointer does not reach, to the octet', () => {
    // Values of the same length, so the offset of each target is known: 0x3fff is reached, 0x4000 is not.
    const contents = service(1000, { v4: 1 }, (i) => `t${String(i).padStart(4, '0')}.mesos`);
    const query = ask({ name: '_a._tcp.mesos', type: TYPE.SRV });
    const reply = write(query, { ...NOTHING, rrsets: stored(contents, SERVICE) });
    const targets = new Map(reply.answers.map(({ at, rdata }) => [readName(rdata, 6).text, at + 6]));
    for (const { name, at } of reply.additional) {
      // Owner, type, class, TTL and RDLENGTH stand before the RDATA.
      const ownerAt = at - 10 - 2;
      const isPointer = (reply.octets[ownerAt] ?? 0) >= 0xc0;
      expect(isPointer, name).toBe((targets.get(name) ?? 0) <= 0x3fff);
    }
    expect(reply.additional).toHaveLength(1000);
  });

  it('reaches a target at offset 0x3fff by pointer, and writes one at 0x4000 out', () => {
    const host = 'h.mesos';
    const seen = new Set<number>();
    for (let filler = 0; filler < 3; filler++) {
      // An ANY reply: first an opaque record that moves the SRV value to where we want it.
      const query = ask({ name: '_a._tcp.mesos', type: TYPE.ANY });
      const srvRdataAt = 0x3ffe + filler - 6;
      const opaque = new Uint8Array(srvRdataAt - 12 - 12 - query.questionEnd);
      const contents: Contents = new Map([
        [
          SERVICE,
          [
            { owner: SERVICE, type: 16, ttl: 30, sources: 1, rdata: [opaque] },
            {
              owner: SERVICE,
              type: TYPE.SRV,
              ttl: 30,
              sources: 1,
              rdata: [Uint8Array.of(0, 0, 0, 1, 0, 80, ...nameToWire(parseName(host)))],
            },
          ],
        ],
        [parseName(host), [{ ...addresses(2), owner: parseName(host), sources: 1 }]],
      ]);
      const reply = write(query, { ...NOTHING, rrsets: stored(contents, SERVICE) });
      const [, srv] = reply.answers;
      const targetAt = (srv?.at ?? 0) + 6;
      seen.add(targetAt);
      expect(reply.additional.map(({ name }) => name)).toEqual([host, host]);
      const ownerOctets = targetAt <= 0x3fff ? 2 : 9;
      expect(reply.octets.length).toBe(targetAt + 9 + 2 * (ownerOctets + 14));
    }
    expect([...seen]).toEqual([0x3ffe, 0x3fff, 0x4000]);
  });
});

describe('65,535 octets', () => {
  const query = ask({ name: 'a.mesos', type: 1 });

  it('are used to the last record, and not passed', () => {
    const room = Math.floor((MOST - query.questionEnd) / 16);
    const whole = write(query, { ...NOTHING, rrsets: storedSet(addresses(room)) });
    expect(whole.truncated).toBe(false);
    expect(whole.answers).toHaveLength(room);
    const cut = write(query, { ...NOTHING, rrsets: storedSet(addresses(room + 1)) });
    expect(cut.truncated).toBe(true);
    expect(cut.answers).toHaveLength(room);
  });

  it('are used to the last octet', () => {
    const value = (octets: number): Written => {
      const rdata = [new Uint8Array(octets)];
      return write(query, { ...NOTHING, rrsets: storedSet({ type: 65280, ttl: 30, rdata }) });
    };
    const room = MOST - query.questionEnd - 12;
    expect(value(room).octets).toHaveLength(MOST);
    expect(value(room).truncated).toBe(false);
    expect(value(room + 1).octets).toHaveLength(query.questionEnd);
    expect(value(room + 1).truncated).toBe(true);
  });

  it('include OPT, which is never cut', () => {
    const withOpt = ask({ name: 'a.mesos', type: 1, edns: {} });
    const room = Math.floor((MOST - query.questionEnd - 11) / 16);
    expect(write(withOpt, { ...NOTHING, rrsets: storedSet(addresses(room)) }).truncated).toBe(false);
    const cut = write(withOpt, { ...NOTHING, rrsets: storedSet(addresses(room + 1)) });
    expect(cut.truncated).toBe(true);
    expect(cut.answers).toHaveLength(room);
    expect(cut.opt).toBeDefined();
  });

  it('are not passed with SOA and NS behind a large RRset, as ANY gives them', () => {
    for (const where of ['answer', 'authority'] as const) {
      for (let count = 4083; count < 4097; count++) {
        for (const edns of [undefined, {}, { padded: true }]) {
          const reply = write(ask({ name: 'a.mesos', type: 255, ...(edns && { edns }) }), {
            ...NOTHING,
            authority: { zone: ZONE, serial: 1, soa: where, ns: where },
            rrsets: storedSet(addresses(count)),
          });
          const apex = [...reply.answers, ...reply.authority].filter(
            ({ type }) => type === TYPE.SOA || type === TYPE.NS,
          );
          expect(apex).toHaveLength(3);
          expect(reply.truncated).toBe(reply.answers.length + reply.authority.length < count + 3);
        }
      }
    }
  });

  it('are not passed by any ANY, and have room for all that is written', () => {
    const long = parseName(`${`${'l'.repeat(63)}.`.repeat(3)}${'l'.repeat(55)}.mesos`);
    const zone = zoneWire({
      ...ZONE.zone,
      soa: { ...ZONE.zone.soa, mname: long, rname: long },
      nameServers: [long, parseName('elsewhere.example')],
    });
    const any = fc.record({
      hosts: fc.oneof(fc.constant(0), fc.integer({ min: 900, max: 4100 })),
      opaque: fc.array(fc.nat(9000), { maxLength: 8 }),
      targets: fc.array(fc.record({ v4: fc.nat(300), v6: fc.nat(150), long: fc.boolean() }), {
        maxLength: 4,
      }),
      apex: fc.constantFrom(undefined, 'answer', 'authority'),
      edns: fc.constantFrom(undefined, {}, { padded: true }),
      errors: fc.nat(3),
    });
    const seen = { cut: 0, whole: 0, additional: 0 };
    fc.assert(
      fc.property(any, ({ hosts, opaque, targets, apex, edns, errors }) => {
        const names = targets.map(({ long: isLong }, i) =>
          isLong ? parseName(`t${i}${long.slice(2)}`) : parseName(`t${i}.mesos`),
        );
        const owner = SERVICE;
        const contents: Contents = new Map([
          [
            owner,
            [
              ...(hosts > 0 ? [{ ...addresses(hosts), owner, sources: 1 }] : []),
              {
                owner,
                type: TYPE.SRV,
                ttl: 30,
                sources: 1,
                rdata: names.map((name, i) => Uint8Array.of(0, 0, 0, 1, 0, i, ...nameToWire(name))),
              },
              {
                owner,
                type: 10,
                ttl: 30,
                sources: 1,
                rdata: opaque.map((length, i) => new Uint8Array(length + 1).fill(i)),
              },
            ],
          ],
          ...names.map((name, i): [OwnerName, RRset[]] => [
            name,
            [
              { owner: name, type: TYPE.A, ttl: 30, sources: 1, rdata: numbered(targets[i]?.v4 ?? 0, 4, i) },
              {
                owner: name,
                type: TYPE.AAAA,
                ttl: 30,
                sources: 1,
                rdata: numbered(targets[i]?.v6 ?? 0, 16, i),
              },
            ],
          ]),
        ]);
        const reply = write(ask({ name: '_a._tcp.mesos', type: 255, ...(edns && { edns }) }), {
          ...NOTHING,
          ...(apex && { authority: { zone, serial: 1, soa: apex, ns: apex } }),
          rrsets: stored(contents, owner),
          extendedErrors: Array.from({ length: errors }, () => ({ code: 3, text: 'é'.repeat(50) })),
        });
        const given = reply.answers.length - (apex === 'answer' ? 3 : 0);
        const all = hosts + names.length + opaque.length;
        expect(reply.truncated).toBe(given < all);
        if (reply.truncated) expect(reply.additional).toEqual([]);
        if (edns?.padded) expect(reply.octets.length % 468).toBe(0);
        expect(reply.opt !== undefined).toBe(edns !== undefined);
        seen[given < all ? 'cut' : 'whole']++;
        seen.additional += reply.additional.length;
      }),
      { numRuns: 80 },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });

  it('have room for targets that are written out behind many other answers', () => {
    const long = parseName(`${`${'l'.repeat(63)}.`.repeat(3)}${'l'.repeat(55)}.mesos`);
    const contents: Contents = new Map([
      [
        SERVICE,
        [
          { ...addresses(1100), owner: SERVICE, sources: 1 },
          {
            owner: SERVICE,
            type: TYPE.SRV,
            ttl: 30,
            sources: 1,
            rdata: [Uint8Array.of(0, 0, 0, 1, 0, 80, ...nameToWire(long))],
          },
        ],
      ],
      [long, [{ ...addresses(150), owner: long, sources: 1 }]],
    ]);
    const reply = write(ask({ name: '_a._tcp.mesos', type: 255 }), {
      ...NOTHING,
      rrsets: stored(contents, SERVICE),
    });
    expect(reply.additional).toHaveLength(150);
    expect(new Set(reply.additional.map(({ name }) => name))).toEqual(new Set([long]));
  });
});
