import { type Answer, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Query, readQuery } from '../../zone/query.ts';
import { type ForeignReply, readReply } from '../../zone/reply.ts';
import { pointsInside } from '../../zone/private-address.ts';
import { encodeQuestion } from '../message.ts';
import { damaged, hex } from './arbitrary.ts';

function queryFor(name: string, type: number): Query {
  const query = readQuery(encodeQuestion({ name, type, edns: 1232 }));
  if (query?.kind !== 'query') expect.fail('not a query');
  return query;
}

const QUERY = queryFor('www.example', 1);
const QUESTION = '0377 7777 07 6578616d706c65 00 0001 0001';
const A = (ttl: string): string => `c00c 0001 0001 ${ttl} 0004 0a000001`;
/** example SOA, names compressed, MINIMUM last. */
const SOA = (ttl: string, minimum: string): string =>
  `c010 0006 0001 ${ttl} 0018 c010 c010 00000001 00000e10 00000e10 00000e10 ${minimum}`;
const OPT = '00 0029 04d0 00 00 8000 0000';

function reply(parts: {
  flags?: string;
  counts?: string;
  question?: string;
  records?: string;
  id?: string;
}): Uint8Array {
  const {
    id = '0000',
    flags = '8180',
    counts = '0001 0000 0000 0000',
    question = QUESTION,
    records = '',
  } = parts;
  return hex(`${id} ${flags} ${counts} ${question} ${records}`);
}

/** A reply with one answer. */
function one(records: string): Uint8Array {
  return reply({ counts: '0001 0001 0000 0000', records });
}

describe('readReply', () => {
  it.each<[string, Parameters<typeof reply>[0], Partial<ForeignReply>]>([
    [
      'an answer',
      { counts: '0001 0001 0000 0000', records: A('0000003c') },
      { rcode: 0, truncated: false, ttl: 60 },
    ],
    [
      'the least of several TTLs',
      { counts: '0001 0003 0000 0000', records: A('0000003c') + A('0000001e') + A('00000e10') },
      { rcode: 0, truncated: false, ttl: 30 },
    ],
    [
      'a TTL of 0',
      { counts: '0001 0002 0000 0000', records: A('00000000') + A('0000001e') },
      { rcode: 0, truncated: false, ttl: 0 },
    ],
    [
      'the answer’s TTL, not the additional’s',
      { counts: '0001 0001 0000 0002', records: A('0000003c') + A('00000001') + OPT },
      { rcode: 0, truncated: false, ttl: 60 },
    ],
    [
      'the answer’s TTL, not its NS records’',
      { counts: '0001 0001 0001 0000', records: `${A('0000003c')} c010 0002 0001 00000001 0002 c010` },
      { rcode: 0, truncated: false, ttl: 60 },
    ],
    [
      'NXDOMAIN: MINIMUM where it is less',
      { flags: '8183', counts: '0001 0000 0001 0000', records: SOA('00000e10', '0000003c') },
      { rcode: 3, truncated: false, ttl: 60 },
    ],
    [
      'NODATA: the SOA’s TTL where it is less',
      { counts: '0001 0000 0001 0001', records: SOA('0000001e', '00000e10') + OPT },
      { rcode: 0, truncated: false, ttl: 30 },
    ],
    ['nothing to keep: no answer and no SOA', {}, { rcode: 0, truncated: false, ttl: undefined }],
    [
      'nothing to keep: NS alone',
      { counts: '0001 0000 0001 0000', records: 'c010 0002 0001 00000e10 0002 c010' },
      { rcode: 0, truncated: false, ttl: undefined },
    ],
    [
      'nothing to keep: an SOA in the additional section',
      { counts: '0001 0000 0000 0001', records: SOA('00000001', '00000001') },
      { rcode: 0, truncated: false, ttl: undefined },
    ],
    [
      'nothing to keep: SERVFAIL',
      { flags: '8182', counts: '0001 0000 0000 0001', records: OPT },
      { rcode: 2, truncated: false, ttl: undefined },
    ],
    ['a truncated one', { flags: '8380' }, { rcode: 0, truncated: true, ttl: undefined }],
    ['another id', { id: 'ffff' }, { rcode: 0, truncated: false, ttl: undefined }],
    [
      'the question in another case',
      { question: '0357 7757 07 4578614d706c45 00 0001 0001' },
      { rcode: 0, truncated: false, ttl: undefined },
    ],
    [
      'the longest TTL there is',
      { counts: '0001 0001 0000 0000', records: A('7fffffff') },
      { rcode: 0, truncated: false, ttl: 0x7fffffff },
    ],
    // RFC 2181 §8: the top bit set means 0.
    [
      'a negative TTL',
      { counts: '0001 0001 0000 0000', records: A('80000000') },
      { rcode: 0, truncated: false, ttl: 0 },
    ],
    [
      'a negative TTL among others',
      { counts: '0001 0002 0000 0000', records: A('0000003c') + A('ffffffff') },
      { rcode: 0, truncated: false, ttl: 0 },
    ],
    [
      'a negative TTL of an SOA',
      { flags: '8183', counts: '0001 0000 0001 0000', records: SOA('ffffffff', '0000003c') },
      { rcode: 3, truncated: false, ttl: 0 },
    ],
    [
      'a MINIMUM past every TTL',
      { flags: '8183', counts: '0001 0000 0001 0000', records: SOA('0000003c', 'ffffffff') },
      { rcode: 3, truncated: false, ttl: 60 },
    ],
  ])('reads %s', (_, parts, expected) => {
    expect(readReply(reply(parts), QUERY)).toMatchObject(expected);
  });

  it('takes the least of all TTLs where a CNAME ends in nothing: the SOA says how long that is so', () => {
    const cname = 'c00c 0005 0001 00000e10 0004 0161 c010';
    for (const flags of ['8180', '8183']) {
      const octets = reply({
        flags,
        counts: '0001 0001 0001 0000',
        records: cname + SOA('00000e10', '0000003c'),
      });
      expect(readReply(octets, QUERY)?.ttl).toBe(60);
    }
  });

  it('reads names with and without compression, pointers to pointers among them', () => {
    const records = [
      `0377 7777 07 6578616d706c65 00 0005 0001 0000003c 0004 0161 c010`,
      `0161 c010 0001 0001 0000001e 0004 0a000001`,
      `c010 0001 0001 0000000f 0004 0a000001`,
    ].join('');
    expect(readReply(reply({ counts: '0001 0003 0000 0000', records }), QUERY)?.ttl).toBe(15);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['a header alone', hex('0000 8180 0001 0000 0000 0000')],
    ['a query', reply({ flags: '0100' })],
    ['no question', reply({ counts: '0000 0000 0000 0000', question: '' })],
    ['no question announced', reply({ counts: '0000 0000 0000 0000' })],
    ['two questions', reply({ counts: '0002 0000 0000 0000', records: QUESTION })],
    ['another name', reply({ question: '0377 7776 07 6578616d706c65 00 0001 0001' })],
    ['a longer name', reply({ question: '0378 7777 03777777 07 6578616d706c65 00 0001 0001' })],
    ['another type', reply({ question: '0377 7777 07 6578616d706c65 00 001c 0001' })],
    ['another class', reply({ question: '0377 7777 07 6578616d706c65 00 0001 0003' })],
    ['a record announced, none there', reply({ counts: '0001 0001 0000 0000' })],
    ['all counts at their most', reply({ counts: '0001 ffff ffff ffff' })],
    ['a record more than announced', reply({ records: A('0000003c') })],
    ['an octet behind', reply({ records: '00' })],
    [
      'RDATA past the end',
      reply({ counts: '0001 0001 0000 0000', records: 'c00c 0001 0001 0000003c 0005 0a000001' }),
    ],
    ['half a pointer', reply({ counts: '0001 0001 0000 0000', records: 'c0' })],
    ['label type 01', reply({ counts: '0001 0001 0000 0000', records: `41 ${'00'.repeat(80)}` })],
    ['a name without end', reply({ counts: '0001 0001 0000 0000', records: '0161'.repeat(500) })],
    ['opcode STATUS', reply({ flags: '9180' })],
    ['a pointer to itself', one('c021 0001 0001 0000003c 0004 0a000001')],
    ['a pointer into the header', one('c004 0001 0001 0000003c 0004 0a000001')],
    ['a pointer past the end', one('ffff 0001 0001 0000003c 0004 0a000001')],
    ['a name of 256 octets', one(`${`3f${'61'.repeat(63)}`.repeat(4)} 00 0001 0001 0000003c 0004 0a000001`)],
    ['an A record of 5 octets', one('c00c 0001 0001 0000003c 0005 0a00000101')],
    ['an AAAA record of 4 octets', one('c00c 001c 0001 0000003c 0004 0a000001')],
    ['a CNAME without a name', one('c00c 0005 0001 0000003c 0000')],
    ['a CNAME with an octet behind', one('c00c 0005 0001 0000003c 0003 c010 00')],
    ['a CNAME that points to itself', one('c00c 0005 0001 0000003c 0002 c02d')],
    ['an MX record of two octets', one('c00c 000f 0001 0000003c 0002 000a')],
    ['an SRV record that ends in its target', one('c00c 0021 0001 0000003c 000a 0001 0001 0050 03777777')],
    [
      'an SOA without MINIMUM',
      reply({ counts: '0001 0000 0001 0000', records: 'c010 0006 0001 0000003c 0000' }),
    ],
    ['OPT among the answers', one(OPT)],
    ['OPT twice', reply({ counts: '0001 0000 0000 0002', records: OPT + OPT })],
    [
      'an option that does not fit',
      reply({ counts: '0001 0000 0000 0001', records: '00 0029 04d0 00 00 8000 0004 000f 0004' }),
    ],
  ])('refuses %s', (_, octets) => {
    expect(readReply(octets, QUERY)).toBeUndefined();
  });

  it.each([
    [65, 97],
    [97, 65],
    [0x4100, 0x6100],
    [1, 2],
  ])('does not take type %i for type %i, though they are letters of two cases', (asked, answered) => {
    const octets = reply({
      question: `0377 7777 07 6578616d706c65 00 ${answered.toString(16).padStart(4, '0')} 0001`,
    });
    expect(readReply(octets, queryFor('www.example', asked))).toBeUndefined();
    expect(readReply(octets, queryFor('www.example', answered))).toBeDefined();
  });

  it('refuses a reply cut off anywhere', () => {
    const octets = reply({
      counts: '0001 0001 0001 0001',
      records: A('0000003c') + SOA('0000003c', '0000003c') + OPT,
    });
    expect(readReply(octets, QUERY)).toBeDefined();
    for (let length = 0; length < octets.length; length++) {
      expect(readReply(octets.slice(0, length), QUERY), `${length} octets`).toBeUndefined();
    }
  });

  it('reads what dns-packet writes', () => {
    const ttl = fc.nat(0x7fffffff);
    fc.assert(
      fc.property(
        fc.array(ttl, { maxLength: 4 }),
        fc.option(fc.tuple(ttl, ttl), { nil: undefined }),
        (ttls, soa) => {
          const authorities: Answer[] = soa
            ? [
                {
                  type: 'SOA',
                  name: 'example',
                  ttl: soa[0],
                  data: { mname: 'ns.example', rname: 'root.example', minimum: soa[1] },
                },
              ]
            : [];
          const packet: Packet = {
            type: 'response',
            questions: [{ name: 'wWw.example', type: 'A' }],
            answers: ttls.map((seconds) => ({
              type: 'A',
              name: 'www.example',
              ttl: seconds,
              data: '10.0.0.1',
            })),
            authorities,
          };
          const all = [...ttls, ...(soa ?? [])];
          const expected = all.length > 0 ? Math.min(...all) : undefined;
          expect(readReply(encode(packet), QUERY)?.ttl).toBe(expected);
        },
      ),
    );
  });

  it('throws on nothing: a reply changed anywhere, and any octets behind a good question', () => {
    const octets = reply({
      counts: '0001 0001 0001 0001',
      records: A('0000003c') + SOA('0000003c', '0000003c') + OPT,
    });
    for (const copy of damaged(octets)) readReply(copy, QUERY);
    const octet = fc.constantFrom(0, 0, 1, 4, 6, 12, 41, 63, 64, 0xc0, 0xff);
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(4), fc.nat(4), fc.nat(4), fc.array(octet, { maxLength: 100 }))
        .map(([answers, authority, additional, rest]) => {
          return Uint8Array.of(
            ...hex('0000 8180 0001'),
            0,
            answers,
            0,
            authority,
            0,
            additional,
            ...hex(QUESTION),
            ...rest,
          );
        }),
    );
    fc.assert(
      fc.property(any, (octets) => {
        const read = readReply(octets, QUERY);
        if (read?.ttl !== undefined) expect(read.ttl >= 0 && read.ttl < 2 ** 31).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('is done with 65,535 octets at once, whatever they are', () => {
    for (const fill of ['00', 'c0', '0161', '3f', '0000100001000000000000']) {
      const octets = Uint8Array.from(Buffer.alloc(65_535, fill, 'hex'));
      octets.set(hex(`0000 8180 0001 ffff ffff ffff ${QUESTION}`));
      const started = performance.now();
      for (let i = 0; i < 20; i++) readReply(octets, QUERY);
      expect(performance.now() - started).toBeLessThan(1000);
    }
  });

  it('keeps AD, the upper bits of the code, and extended errors, a few and not too long', () => {
    const error = (code: number, text: string): string => {
      const octets = Buffer.from(text);
      const length = (octets.length + 2).toString(16).padStart(4, '0');
      return `000f ${length} ${code.toString(16).padStart(4, '0')} ${octets.toString('hex')}`;
    };
    const options = hex(
      [
        error(6, 'bogus'),
        '000a 0008 0102030405060708',
        error(22, 'é'.repeat(300)),
        ...Array.from({ length: 5 }, () => error(3, '')),
      ].join(' '),
    );
    const records = Buffer.concat([
      hex('00 0029 04d0 01 00 8000'),
      Uint8Array.of(options.length >> 8, options.length & 0xff),
      options,
    ]).toString('hex');
    const read = readReply(reply({ flags: '81a2', counts: '0001 0000 0000 0001', records }), QUERY);
    expect(read).toMatchObject({ rcode: 0x12, authentic: true, counts: [0, 0, 0] });
    expect(read?.extendedErrors).toEqual([
      { code: 6, text: 'bogus' },
      { code: 22, text: 'é'.repeat(100) },
      { code: 3, text: '' },
      { code: 3, text: '' },
    ]);
  });

  it('leaves out OPT wherever it stands, and no record with it', () => {
    const glue = '0161 c010 0001 0001 0000003c 0004 c0000201';
    for (const [records, additional] of [
      [OPT + glue, 1],
      [glue + OPT, 1],
      [OPT, 0],
    ] as const) {
      const octets = reply({
        counts: `0001 0001 0000 000${additional + 1}`,
        records: `c00c 0001 0001 0000003c 0004 c0000202${records}`,
      });
      expect(readReply(octets, QUERY)?.counts).toEqual([1, 0, additional]);
    }
  });

  it('withholds what it is told to, and the rest of an answer that nothing is left of', () => {
    const [inside, outside] = [
      'c00c 0001 0001 0000003c 0004 0a000001',
      'c00c 0001 0001 0000001e 0004 c0000201',
    ];
    const both = reply({ flags: '81a0', counts: '0001 0002 0000 0000', records: inside + outside });
    expect(readReply(both, QUERY)).toMatchObject({ counts: [2, 0, 0], withheld: 0, authentic: true });
    expect(readReply(both, QUERY, pointsInside)).toMatchObject({
      counts: [1, 0, 0],
      withheld: 1,
      authentic: false,
      ttl: 30,
    });
    const cname = 'c00c 0005 0001 00000e10 0004 0161 c010';
    const none = reply({
      counts: '0001 0002 0001 0000',
      records: `${cname} 0161 c010 0001 0001 0000001e 0004 7f000001 c010 0002 0001 00000001 0002 c010`,
    });
    expect(readReply(none, QUERY, pointsInside)).toMatchObject({
      counts: [0, 0, 0],
      records: new Uint8Array(),
      withheld: 1,
      ttl: 30,
    });
  });
});
