import { type Answer, decode, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askedFlags, encodeForwardedQuery, writeForwardedReply } from '../../zone/forwarded.ts';
import { readQuery } from '../../zone/query.ts';
import { type ForeignReply, NO_RECORDS, readReply } from '../../zone/reply.ts';
import { anyLabels, hex, wireOf } from './arbitrary.ts';
import { ask, judge, readMessage, readName } from './ask.ts';

const QUERY = ask({ name: 'www.example', type: 1, flags: 0x0100, id: 7 });

function received(packet: Partial<Packet>): ForeignReply {
  const octets = encode({ type: 'response', questions: [{ name: 'www.example', type: 'A' }], ...packet });
  return readReply(octets, QUERY) ?? expect.fail('no reply');
}

const CHAIN: Answer[] = [
  { name: 'www.example', type: 'CNAME', ttl: 300, data: 'Web.Elsewhere.example' },
  { name: 'Web.Elsewhere.example', type: 'A', ttl: 60, data: '192.0.2.1' },
  { name: 'Web.Elsewhere.example', type: 'A', ttl: 60, data: '192.0.2.2' },
];

describe('a query for an upstream', () => {
  it.each([
    ['nothing but the question', {}, 0, 0],
    ['RD', { flags: 0x0100 }, 0x0100, 0],
    ['RD, AD, CD', { flags: 0x0130 }, 0x0130, 0],
    ['DO', { edns: { dnssecOk: true } }, 0, 0x8000],
    ['AA, TC, RA, Z and an rcode, which say nothing in a query', { flags: 0x06cf }, 0, 0],
  ])('says %s', (_, how, flags, ednsFlags) => {
    const query = ask({ name: 'wWw.eXample', type: 28, id: 0xbeef, ...how });
    const octets = encodeForwardedQuery(query);
    expect(octets).toHaveLength(128);
    const message = readMessage(octets);
    expect([message.id, message.flags]).toEqual([0, flags]);
    expect(Buffer.from(message.question).toString('latin1')).toBe('\x03www\x07example\0\0\x1c\0\x01');
    expect(message.opt).toMatchObject({ class: 1232, ttl: ednsFlags });
    const rdata = message.opt?.rdata ?? new Uint8Array();
    expect([...rdata.subarray(0, 4)]).toEqual([0, 12, 0, rdata.length - 4]);
    expect(rdata.subarray(4).every((octet) => octet === 0)).toBe(true);
  });

  it('takes along no option of the asker: subnet, cookie, unknown', () => {
    const options = '0008 0007 0001 18 00 c0a801 000a 0008 0102030405060708 fde9 0001 09 000c 0002 0000';
    const length = hex(options).length;
    const octets = hex(
      `1234 0120 0001 0000 0000 0001 0161 00 0001 0001 00 0029 1000 00 00 8000 00${length.toString(16)} ${options}`,
    );
    const query = readQuery(octets);
    if (query?.kind !== 'query') return expect.fail('no query');
    const bare = ask({ name: 'a', type: 1, flags: 0x0120, edns: { dnssecOk: true } });
    expect(encodeForwardedQuery(query)).toEqual(encodeForwardedQuery(bare));
    expect(askedFlags(query)).toBe(askedFlags(bare));
  });

  it('is a multiple of 128 octets that reads as what was asked, whatever the name', () => {
    fc.assert(
      fc.property(anyLabels, fc.nat(0xffff), (labels, type) => {
        const name = wireOf(labels);
        const question = Buffer.concat([
          hex('0000 0100 0001 0000 0000 0000'),
          name,
          Uint8Array.of(type >> 8, type & 0xff, 0, 1),
        ]);
        const query = readQuery(question);
        if (query?.kind !== 'query') return expect.fail('no query');
        const octets = encodeForwardedQuery(query);
        expect(octets.length % 128).toBe(0);
        expect(octets.length).toBeLessThan(name.length + 31 + 128);
        expect(readQuery(octets)).toMatchObject({ type, name: query.name, edns: { padded: true } });
      }),
    );
  });
});

describe('a reply for an asker', () => {
  it('has the asker’s id, spelling, RD and CD; RA, and AD as the upstream says; never AA', () => {
    const reply = received({ flags: 0x0400 | 0x0020 | 0x0080, answers: CHAIN, id: 99 });
    for (const [flags, expected] of [
      [0x0000, 0x80a0],
      [0x0100, 0x81a0],
      [0x0110, 0x81b0],
    ] as const) {
      const query = ask({ name: 'wWW.ExamplE', type: 1, id: 0xcafe, flags });
      const message = judge(writeForwardedReply(query, reply).octets);
      expect([message.id, message.flags]).toEqual([0xcafe, expected]);
      expect(message.question).toEqual(query.octets.subarray(12, query.questionEnd));
      expect(message.packet.answers?.[0]?.name).toBe('wWW.ExamplE');
      expect(message.opt).toBeUndefined();
    }
    const unsure = received({ answers: CHAIN });
    expect(judge(writeForwardedReply(QUERY, unsure).octets).flags & 0x0020).toBe(0);
  });

  it('spells an owner as asked also where the upstream wrote it out, and in its own way', () => {
    const owner = '03575757 07 6578414d504c45 00';
    const octets = hex(
      `0000 8180 0001 0002 0000 0000 03777777 07 6578616d706c65 00 0001 0001 ${`${owner} 0001 0001 0000003c 0004 c0000201`.repeat(2)}`,
    );
    const reply = readReply(octets, QUERY) ?? expect.fail('no reply');
    const { answers = [] } = judge(
      writeForwardedReply(ask({ name: 'wwW.examplE', type: 1 }), reply).octets,
    ).packet;
    expect(answers.map(({ name }) => name)).toEqual(['wwW.examplE', 'wwW.examplE']);
  });

  it('has names that were compressed in RDATA written out', () => {
    const octets = hex(
      `0000 8180 0001 0002 0001 0000 03777777 07 6578616d706c65 00 0001 0001
       c00c 0005 0001 0000003c 0005 0261 41 c010
       c029 000f 0001 0000003c 0004 000a c029
       c010 0006 0001 0000003c 001b 026e 73 c010 c010 00000001 00000002 00000003 00000004 00000005`,
    );
    const reply = readReply(octets, QUERY) ?? expect.fail('no reply');
    const { packet } = judge(writeForwardedReply(QUERY, reply).octets);
    expect(packet.answers).toMatchObject([
      { name: 'www.example', type: 'CNAME', data: 'aA.example' },
      { name: 'aA.example', type: 'MX', data: { preference: 10, exchange: 'aA.example' } },
    ]);
    expect(packet.authorities).toMatchObject([
      { name: 'example', data: { mname: 'ns.example', rname: 'example', serial: 1, minimum: 5 } },
    ]);
  });

  it('points to no name beyond the reach of pointers', () => {
    const text = {
      name: 'www.example',
      type: 'TXT',
      ttl: 60,
      data: Array.from({ length: 80 }, () => 'x'.repeat(250)),
    } as const;
    const far = Array.from(
      { length: 3 },
      () => ({ name: 'far.away', type: 'A', ttl: 60, data: '192.0.2.1' }) as const,
    );
    const { octets } = writeForwardedReply(QUERY, received({ answers: [text, ...far] }));
    expect(judge(octets).packet.answers).toMatchObject([{}, ...far]);
  });

  it('leaves other names in the upstream’s spelling', () => {
    const query = ask({ name: 'WWW.EXAMPLE', type: 1 });
    const { packet } = judge(writeForwardedReply(query, received({ answers: CHAIN })).octets);
    expect(packet.answers).toMatchObject([{ data: 'Web.Elsewhere.example' }, {}, {}]);
  });

  it('has TTLs less its age, none below 0, and is kept for the least that is left', () => {
    const reply = received({
      answers: CHAIN,
      authorities: [{ name: 'example', type: 'NS', ttl: 5, data: 'ns.example' }],
    });
    const written = writeForwardedReply(QUERY, reply, { ageSeconds: 20 });
    const { answers, authority } = judge(written.octets);
    expect([...answers, ...authority].map(({ ttl }) => ttl)).toEqual([280, 40, 40, 0]);
    expect(written.ttl).toBe(40);
    expect(writeForwardedReply(QUERY, reply, { ageSeconds: 61 }).ttl).toBe(0);
    expect(writeForwardedReply(QUERY, reply).ttl).toBe(60);
    // The reply itself is as it was.
    expect(judge(writeForwardedReply(QUERY, reply).octets).answers[0]?.ttl).toBe(300);
  });

  it('has one TTL for all where it is stale', () => {
    const written = writeForwardedReply(QUERY, received({ answers: CHAIN }), { ttl: 30, ageSeconds: 1000 });
    expect(judge(written.octets).answers.map(({ ttl }) => ttl)).toEqual([30, 30, 30]);
    expect(written.ttl).toBe(30);
  });

  it.each([
    ['an error', { ...NO_RECORDS, rcode: 2, ttl: 5 }],
    ['what has no TTL', NO_RECORDS],
  ])('is not to be kept if it is %s', (_, reply) => {
    expect(writeForwardedReply(QUERY, reply).ttl).toBeUndefined();
  });

  it('has an OPT of our own if the asker has one: DO as asked, the upstream’s errors, then ours', () => {
    const reply: ForeignReply = {
      ...received({ answers: CHAIN }),
      extendedErrors: [{ code: 6, text: 'bogus' }],
    };
    const ours = { extendedErrors: [{ code: 3, text: '' }] };
    for (const dnssecOk of [false, true]) {
      const query = ask({ name: 'www.example', type: 1, edns: { dnssecOk } });
      const { opt } = judge(writeForwardedReply(query, reply, ours).octets);
      expect(opt).toMatchObject({ class: 1232, ttl: dnssecOk ? 0x8000 : 0 });
      expect(Buffer.from(opt?.rdata ?? []).toString('hex')).toBe('000f00070006626f677573000f00020003');
    }
    expect(judge(writeForwardedReply(QUERY, reply, ours).octets).opt).toBeUndefined();
  });

  it('is padded to 468 octets for those who pad, and for nobody else', () => {
    const reply = received({ answers: CHAIN });
    const padded = ask({ name: 'www.example', type: 1, edns: { padded: true } });
    expect(writeForwardedReply(padded, reply).octets).toHaveLength(468);
    expect(
      writeForwardedReply(ask({ name: 'www.example', type: 1, edns: {} }), reply).octets.length,
    ).toBeLessThan(200);
  });

  it('of 65,535 octets goes out whole, and cut with TC where our OPT does not fit beside it', () => {
    const fill = 65_535 - QUERY.questionEnd - 12;
    const octets = Buffer.concat([
      hex('0000 8180 0001 0001 0000 0000 03777777 07 6578616d706c65 00 0001 0001 c00c 0010 0001 0000003c'),
      Uint8Array.of(fill >> 8, fill & 0xff),
      Buffer.alloc(fill),
    ]);
    expect(octets).toHaveLength(65_535);
    const reply = readReply(octets, QUERY) ?? expect.fail('no reply');
    const whole = writeForwardedReply(QUERY, reply).octets;
    expect(whole).toHaveLength(65_535);
    expect(readMessage(whole).flags & 0x0200).toBe(0);
    const cut = readMessage(
      writeForwardedReply(ask({ name: 'www.example', type: 1, edns: {} }), reply).octets,
    );
    expect([cut.flags & 0x0200, cut.answers.length, cut.opt?.class]).toEqual([0x0200, 0, 1232]);
  });

  it('says what the upstream said, names decompressed or not, with records left out or not', () => {
    const label = fc.constantFrom('www', 'example', 'a', 'B', 'x'.repeat(63));
    const name = fc.array(label, { maxLength: 3 }).map((labels) => [...labels, 'example'].join('.'));
    const record = fc.oneof(
      fc.record({
        name,
        ttl: fc.nat(1000),
        type: fc.constant('A' as const),
        data: fc.constantFrom('192.0.2.1', '10.0.0.1'),
      }),
      fc.record({
        name,
        ttl: fc.nat(1000),
        type: fc.constantFrom('CNAME' as const, 'NS' as const, 'PTR' as const, 'DNAME' as const),
        data: name,
      }),
      fc.record({
        name,
        ttl: fc.nat(1000),
        type: fc.constant('MX' as const),
        data: fc.record({ preference: fc.nat(9), exchange: name }),
      }),
      fc.record({
        name,
        ttl: fc.nat(1000),
        type: fc.constant('SRV' as const),
        data: fc.record({ priority: fc.nat(9), weight: fc.nat(9), port: fc.nat(9), target: name }),
      }),
      fc.record({
        name,
        ttl: fc.nat(1000),
        type: fc.constant('SOA' as const),
        data: fc.record({
          mname: name,
          rname: name,
          serial: fc.nat(),
          refresh: fc.nat(),
          retry: fc.nat(),
          expire: fc.nat(),
          minimum: fc.nat(),
        }),
      }),
    );
    const records = fc.array(record, { maxLength: 6 });
    fc.assert(
      fc.property(records, records, records, (answers, authorities, additionals) => {
        const octets = encode({
          type: 'response',
          questions: [{ name: 'www.example', type: 'A' }],
          answers,
          authorities,
          additionals,
        });
        const plain = decode(octets);
        const reply = readReply(compress(octets), QUERY) ?? expect.fail('no reply');
        const { packet } = judge(writeForwardedReply(QUERY, reply).octets);
        expect(lowered(packet)).toEqual(lowered(plain));
        const isInside = (type: number, rdata: Uint8Array): boolean => type === 1 && rdata[0] === 10;
        const left = readReply(compress(octets), QUERY, isInside) ?? expect.fail('no reply');
        const { packet: stripped } = judge(writeForwardedReply(QUERY, left).octets);
        const kept = (record: Answer): boolean => !(record.type === 'A' && record.data === '10.0.0.1');
        const anyLeft = answers.filter((answer) => kept(answer)).some(({ type }) => type === 'A');
        const blocked = answers.some((answer) => !kept(answer)) && !anyLeft;
        expect(lowered(stripped)).toEqual(
          blocked
            ? [[], [], []]
            : [plain.answers, plain.authorities, plain.additionals].map((section = []) =>
                sectionText(section.filter((answer) => kept(answer))),
              ),
        );
      }),
      { numRuns: 300 },
    );
  });
});

function sectionText(records: readonly Answer[]): string[] {
  // The owner asked for is spelled as asked.
  return records.map((record) => JSON.stringify({ ...record, name: record.name.toLowerCase() }));
}

function lowered({ answers = [], authorities = [], additionals = [] }: Packet): string[][] {
  return [sectionText(answers), sectionText(authorities), sectionText(additionals)];
}

/** The same message with every owner that stood before as a pointer to it: what resolvers send. */
function compress(octets: Uint8Array): Uint8Array {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const seen = new Map<string, number>();
  const out: number[] = [...octets.subarray(0, readName(octets, 12).end + 4)];
  seen.set(Buffer.from(octets.subarray(12, readName(octets, 12).end)).toString('latin1'), 12);
  let at = out.length;
  for (let left = view.getUint16(6) + view.getUint16(8) + view.getUint16(10); left > 0; left--) {
    const { end } = readName(octets, at);
    const next = end + 10 + view.getUint16(end + 8);
    const owner = octets.subarray(at, end);
    const key = Buffer.from(owner).toString('latin1');
    const known = seen.get(key);
    if (known === undefined) {
      seen.set(key, out.length);
      out.push(...owner);
    } else out.push(0xc0 | (known >> 8), known & 0xff);
    out.push(...octets.subarray(end, next));
    at = next;
  }
  return Uint8Array.from(out);
}
