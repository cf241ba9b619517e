import { type Answer, type DecodedPacket, encodingLength } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, formatAddress } from '../../zone/address.ts';
import { toHex } from '../../zone/hash.ts';
import { nameToWire, parseName } from '../../zone/name.ts';
import type { Query } from '../../zone/query.ts';
import { decodeSrv, TYPE } from '../../zone/record.ts';
import { RCODE, type Reply, writeMalformedReply, writeReply } from '../../zone/wire.ts';
import { addresses, ask, nameText, judge, type ReadMessage, stored, storedSet, ZONE } from './ask.ts';
import { addressesIn, anyContents, anyOwner, type Contents, OWNERS, seededRandom } from './arbitrary.ts';

const NOTHING: Reply = { rcode: RCODE.NOERROR, recursionAvailable: false };

type Written = ReadMessage & { packet: DecodedPacket; octets: Uint8Array };

function write(query: Query, reply: Reply, random = seededRandom(1)): Written {
  const { octets } = writeReply(query, reply, random);
  return { ...judge(octets), octets };
}

/** A record of dns-packet's as text to compare. */
function text(record: Answer): string {
  const name = record.name.toLowerCase();
  if (record.type === 'OPT') return 'OPT';
  const ttl = 'ttl' in record ? record.ttl : undefined;
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return `${name} ${ttl} ${record.type} ${canonicalAddress(record.data)}`;
    case 'SRV': {
      const { priority, weight, port, target } = record.data;
      return `${name} ${ttl} SRV ${priority} ${weight} ${port} ${target.toLowerCase()}`;
    }
    default:
      return `${name} ${ttl} ${record.type} ${'data' in record && Buffer.isBuffer(record.data) ? toHex(record.data) : '?'}`;
  }
}

/** The same texts, from what was put in. */
function expectedTexts(
  contents: Contents,
  owner: (typeof OWNERS)[number],
  type: number,
): { answers: string[]; additional: string[] } {
  const answers: string[] = [];
  const additional = new Set<string>();
  for (const rrset of contents.get(owner) ?? []) {
    if (type !== TYPE.ANY && rrset.type !== type) continue;
    for (const rdata of rrset.rdata) {
      const start = `${nameText(owner)} ${rrset.ttl}`;
      if (rrset.type === TYPE.A) answers.push(`${start} A ${canonicalAddress(formatAddress(rdata))}`);
      else if (rrset.type === TYPE.AAAA)
        answers.push(`${start} AAAA ${canonicalAddress(formatAddress(rdata))}`);
      else if (rrset.type !== TYPE.SRV) answers.push(`${start} UNKNOWN_${rrset.type} ${toHex(rdata)}`);
      else {
        const { priority, weight, port, target } = decodeSrv(rdata);
        answers.push(`${start} SRV ${priority} ${weight} ${port} ${nameText(target)}`);
        for (const { type, ttl, rdata } of addressesIn(contents, target)) {
          const family = type === TYPE.A ? 'A' : 'AAAA';
          for (const address of rdata)
            additional.add(
              `${nameText(target)} ${ttl} ${family} ${canonicalAddress(formatAddress(address))}`,
            );
        }
      }
    }
  }
  return { answers: answers.toSorted(), additional: [...additional].toSorted() };
}

/** Without TXT, whose random octets are no character strings for dns-packet to read. */
function withoutTxt(contents: Contents): Contents {
  return new Map(
    Array.from(contents, ([owner, rrsets]) => [owner, rrsets.filter(({ type }) => type !== TYPE.TXT)]),
  );
}

describe('writeReply, judged by dns-packet', () => {
  it('gives every value once, and every target’s addresses once', () => {
    const seen = { answers: 0, additional: 0 };
    fc.assert(
      fc.property(
        anyContents(21),
        anyOwner,
        fc.constantFrom(1, 28, 33, 65280, 255),
        fc.boolean(),
        (all, owner, type, edns) => {
          const contents = withoutTxt(all);
          const labels = nameText(owner);
          // Names of any octets are asked for by readQuery's tests; here the question is plain text.
          if (!/^[!-~]*$/.test(labels) || owner.includes('\\')) return;
          const query = ask({ name: labels, type, ...(edns && { edns: {} }) });
          const rrsets = stored(contents, owner).filter((rrset) => type === TYPE.ANY || rrset.type === type);
          const reply = write(query, { ...NOTHING, authority: { zone: ZONE, serial: 1 }, rrsets });
          const { answers, additional } = expectedTexts(contents, owner, type);
          expect((reply.packet.answers ?? []).map(text).toSorted()).toEqual(answers);
          expect(
            (reply.packet.additionals ?? [])
              .map(text)
              .filter((line) => line !== 'OPT')
              .toSorted(),
          ).toEqual(additional);
          expect(reply.packet.flag_tc).toBe(false);
          expect(reply.opt !== undefined).toBe(edns);
          seen.answers += answers.length;
          seen.additional += additional.length;
        },
      ),
      { numRuns: 600 },
    );
    expect(seen.answers).toBeGreaterThan(200);
    expect(seen.additional).toBeGreaterThan(20);
  });

  it('points to names instead of repeating them', () => {
    const contents: Contents = new Map([
      [
        parseName('_a._tcp.marathon.mesos'),
        [
          {
            owner: parseName('_a._tcp.marathon.mesos'),
            type: TYPE.SRV,
            ttl: 30,
            sources: 1,
            rdata: ['web.mesos', 'db.mesos'].map((target, port) =>
              Uint8Array.of(0, 0, 0, 1, 0, port, ...nameToWire(parseName(target))),
            ),
          },
        ],
      ],
      [parseName('web.mesos'), [{ ...addresses(2), owner: parseName('web.mesos'), sources: 1 }]],
      [parseName('db.mesos'), [{ ...addresses(1), owner: parseName('db.mesos'), sources: 1 }]],
    ]);
    const query = ask({ name: '_a._tcp.marathon.mesos', type: TYPE.SRV });
    const reply = write(query, { ...NOTHING, rrsets: stored(contents, parseName('_a._tcp.marathon.mesos')) });
    // Owners take two octets each; SRV targets are whole (RFC 2782), and serve the additional section.
    expect(reply.octets.length).toBe(query.questionEnd + (18 + 11) + (18 + 10) + 3 * 16);
    expect(reply.octets.length).toBeLessThan(encodingLength(reply.packet));
    const twenty = write(ask({ name: 'web.marathon.mesos', type: 1 }), {
      ...NOTHING,
      rrsets: storedSet(addresses(20)),
    });
    expect(twenty.octets).toHaveLength(12 + 20 + 4 + 20 * 16);
  });

  it('gives the addresses of a target that several values name once', () => {
    const owner = parseName('_a._tcp.mesos');
    const rdata = Array.from({ length: 5 }, (_, port) =>
      Uint8Array.of(0, 0, 0, 1, 0, port, ...nameToWire(parseName('web.mesos'))),
    );
    const contents: Contents = new Map([
      [owner, [{ owner, type: TYPE.SRV, ttl: 30, sources: 1, rdata }]],
      [parseName('web.mesos'), [{ ...addresses(1), owner: parseName('web.mesos'), sources: 1 }]],
    ]);
    const reply = write(ask({ name: '_a._tcp.mesos', type: TYPE.SRV }), {
      ...NOTHING,
      rrsets: stored(contents, owner),
    });
    expect(reply.answers).toHaveLength(5);
    expect(reply.additional.map(({ name }) => name)).toEqual(['web.mesos']);
  });
});

describe('the header', () => {
  const RA = 0x0080;
  it.each([
    ['nothing asked for', 0x0000, NOTHING, 0x8000],
    ['RD', 0x0100, NOTHING, 0x8100],
    ['CD', 0x0010, NOTHING, 0x8010],
    ['AD, TC, AA, RA and Z, which are not the asker’s to set', 0x06e0, NOTHING, 0x8000],
    ['opcode NOTIFY', 0x2000, { ...NOTHING, rcode: RCODE.NOTIMP }, 0xa004],
    ['opcode 15, RD, CD', 0x7910, { ...NOTHING, rcode: RCODE.NOTIMP }, 0xf914],
    ['RA', 0x0100, { ...NOTHING, recursionAvailable: true }, 0x8100 | RA],
    ['our zone', 0x0100, { ...NOTHING, authority: { zone: ZONE, serial: 1 } }, 0x8500],
    [
      'NXDOMAIN of our zone',
      0x0000,
      { rcode: 3, recursionAvailable: true, authority: { zone: ZONE, serial: 1 } },
      0x8403 | RA,
    ],
    ['SERVFAIL', 0x0000, { ...NOTHING, rcode: RCODE.SERVFAIL }, 0x8002],
    ['REFUSED', 0x0100, { ...NOTHING, rcode: RCODE.REFUSED }, 0x8105],
  ] satisfies [string, number, Reply, number][])('has the flags of %s', (_, flags, reply, expected) => {
    for (const edns of [undefined, {}, { dnssecOk: true, padded: true }]) {
      const written = write(
        ask({ name: 'a.mesos', type: 1, id: 0xcafe, flags, ...(edns && { edns }) }),
        reply,
      );
      expect(written.flags.toString(16)).toBe(expected.toString(16));
      expect(written.id).toBe(0xcafe);
    }
  });

  it('is followed by the question, octet for octet', () => {
    for (const [name, type, cls] of [
      ['wEb.MARATHON.meSOS', 1, 1],
      ['x'.repeat(63), 65, 1],
      ['', 2, 1],
      ['version.bind', 16, 3],
      ['A_z-0~!*', 65535, 65535],
    ] as const) {
      const query = ask({ name, type, class: cls, id: 1 });
      const reply = write(query, { ...NOTHING, rcode: RCODE.REFUSED });
      expect(toHex(reply.question)).toBe(toHex(query.octets.subarray(12)));
      expect(reply.octets.length).toBe(query.octets.length);
    }
  });

  it('takes nothing from what stands behind the question', () => {
    const query = ask({ name: 'a.mesos', type: 1, edns: { dnssecOk: true } });
    const reply = write({ ...query, edns: undefined }, NOTHING);
    expect(reply.octets).toHaveLength(query.questionEnd);
  });

  it.each([
    [0x0000, 0, 0x8001],
    [0x0100, 0, 0x8101],
    // What only messages of opcode QUERY can break.
    [0x3100, 6, 0xb104],
    [0x7910, 15, 0xf904],
  ])('is all that FORMERR and NOTIMP have: %i', (flags, opcode, expected) => {
    const octets = writeMalformedReply({
      kind: 'malformed',
      id: 0xcafe,
      opcode,
      recursionDesired: (flags & 0x100) !== 0,
      reason: 'x',
    });
    expect(toHex(octets)).toBe(`cafe${expected.toString(16)}0000000000000000`);
    expect(judge(octets).packet.questions).toEqual([]);
  });
});

describe('the order of answers', () => {
  it('is every one as often', () => {
    const random = seededRandom(4);
    const query = ask({ name: 'a.mesos', type: 1 });
    const rrsets = storedSet(addresses(4));
    const orders = new Map<string, number>();
    const rounds = 2400;
    for (let i = 0; i < rounds; i++) {
      const { octets } = writeReply(query, { ...NOTHING, rrsets }, random);
      const order = [0, 1, 2, 3].map((n) => octets[query.questionEnd + n * 16 + 15]).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    const expected = rounds / 24;
    const chiSquare = [...orders.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    );
    // 23 degrees of freedom: mean 23, standard deviation 6.8.
    expect(chiSquare).toBeLessThan(23 + 4 * 6.8);
  });

  it('is a choice of all where not all fit', () => {
    const first = write(
      ask({ name: 'a.mesos', type: 1 }),
      { ...NOTHING, rrsets: storedSet(addresses(8000)) },
      seededRandom(5),
    );
    const numbers = first.answers.map(({ rdata }) => ((rdata[2] ?? 0) << 8) | (rdata[3] ?? 0));
    expect(new Set(numbers).size).toBe(numbers.length);
    const late = numbers.filter((number) => number >= 4000).length / numbers.length;
    expect(late).toBeGreaterThan(0.45);
    expect(late).toBeLessThan(0.55);
  });

  it('is that of the random numbers given, at their extremes too', () => {
    for (const random of [() => 0, () => 1 - 2 ** -53]) {
      const reply = write(
        ask({ name: 'a.mesos', type: 1 }),
        { ...NOTHING, rrsets: storedSet(addresses(50)) },
        random,
      );
      expect(new Set(reply.answers.map(({ rdata }) => toHex(rdata))).size).toBe(50);
    }
  });
});
