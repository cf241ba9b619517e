import {
  CHECKING_DISABLED,
  DNSSEC_OK,
  encode,
  type Packet,
  type PacketOpt,
  RECURSION_DESIRED,
  type RecordType,
} from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../zone/hash.ts';
import { lowerOctet, nameToWire, parseName } from '../../zone/name.ts';
import { type Query, readQuery } from '../../zone/query.ts';
import { encodeQuestion } from '../message.ts';
import { anyLabels, damaged, hex, wireOf } from './arbitrary.ts';

/** A message by its parts, each in hexadecimal. */
function message(parts: {
  readonly flags?: string;
  readonly counts?: string;
  readonly question?: string;
  readonly records?: string;
}): Uint8Array {
  const { flags = '0100', counts = '0001 0000 0000 0000', question = QUESTION, records = '' } = parts;
  return hex(`abcd ${flags} ${counts} ${question} ${records}`);
}

/** a.mesos A IN */
const QUESTION = '0161 056d65736f73 00 0001 0001';
const OPT = '00 0029 04d0 00 00 8000 0000';
/** A record of ours: the question's name, TXT, two octets of RDATA. */
const RECORD = 'c00c 0010 0001 00000000 0002 0141';
const LABEL_63 = `3f${'61'.repeat(63)}`;

function proper(octets: Uint8Array): Query {
  const query = readQuery(octets);
  if (query?.kind !== 'query') expect.fail(query ? `refused: ${query.reason}` : 'not taken for a query');
  return query;
}

describe('readQuery', () => {
  it('reads one question and its header', () => {
    const octets = message({ flags: '0110' });
    expect(proper(octets)).toEqual({
      kind: 'query',
      octets,
      id: 0xabcd,
      opcode: 0,
      recursionDesired: true,
      checkingDisabled: true,
      name: nameToWire(parseName('a.mesos')),
      type: 1,
      class: 1,
      questionEnd: 25,
      edns: undefined,
    });
  });

  it.each([
    ['no flags', '0000', { opcode: 0, recursionDesired: false, checkingDisabled: false }],
    ['all but QR', '7fff', { opcode: 15, recursionDesired: true, checkingDisabled: true }],
    ['opcode NOTIFY', '2000', { opcode: 4, recursionDesired: false }],
    ['opcode UPDATE and RD', '2900', { opcode: 5, recursionDesired: true }],
    ['AD, which is not CD', '0020', { checkingDisabled: false }],
  ])('takes flags as they are: %s', (_, flags, expected) => {
    expect(proper(message({ flags }))).toMatchObject(expected);
  });

  it.each([
    ['none', '0000', { version: 0, dnssecOk: false, padded: false }],
    ['DO', '8000', { version: 0, dnssecOk: true, padded: false }],
    ['flags that nobody knows', '7fff', { version: 0, dnssecOk: false, padded: false }],
  ])('reads an OPT record with flags: %s', (_, flags, edns) => {
    const query = proper(
      message({ counts: '0001 0000 0000 0001', records: `00 0029 04d0 00 00 ${flags} 0000` }),
    );
    expect(query.edns).toEqual(edns);
    expect(query.questionEnd).toBe(25);
  });

  it.each([
    ['no options', '0000', false],
    ['padding', '0008 000c 0004 00000000', true],
    ['empty padding', '0004 000c 0000', true],
    ['a cookie', '000c 000a 0008 0102030405060708', false],
    ['client subnet 0/0, as Firefox sends', '0008 0008 0004 0001 0000', false],
    ['a cookie, padding, an unknown one', '0015 000a 0008 0102030405060708 000c 0001 00 fde9 0000', true],
  ])('reads OPT options: %s', (_, options, padded) => {
    const query = proper(
      message({ counts: '0001 0000 0000 0001', records: `00 0029 04d0 00 00 0000 ${options}` }),
    );
    expect(query.edns?.padded).toBe(padded);
  });

  it('reads EDNS versions to come', () => {
    const records = '00 0029 04d0 00 63 0000 0000';
    expect(proper(message({ counts: '0001 0000 0000 0001', records })).edns?.version).toBe(0x63);
  });

  it.each([
    ['an answer', '0001 0001 0000 0000', RECORD],
    ['an authority record, as in IXFR', '0001 0000 0001 0000', RECORD],
    ['an additional record before OPT', '0001 0000 0000 0002', `${RECORD} ${OPT}`],
    ['an additional record after OPT', '0001 0000 0000 0002', `${OPT} ${RECORD}`],
    ['one of each', '0001 0001 0001 0002', `${RECORD} ${RECORD} ${OPT} ${RECORD}`],
    ['a record of the root, uncompressed', '0001 0000 0000 0001', '00 0010 0001 00000000 0000'],
    [
      'a name of 255 octets',
      '0001 0000 0000 0001',
      `${LABEL_63.repeat(3)}3d${'61'.repeat(61)}00 0010 0001 00000000 0000`,
    ],
  ])('passes over %s', (_, counts, records) => {
    const query = proper(message({ counts, records }));
    expect(query.edns !== undefined).toBe(records.includes(OPT));
  });

  it.each([
    ['the root', '00 0006 0001', ''],
    ['a name of 255 octets', `${LABEL_63.repeat(3)}3d${'61'.repeat(61)}00 0001 0001`, undefined],
    ['octets of any kind', '03 00ff2e 00 0001 0001', '\\000\\255\\.'],
    ['type and class of any kind', '0161 00 ffff fffe', 'a'],
  ])('takes as name %s', (_, question, name) => {
    const query = proper(message({ question }));
    if (name !== undefined) expect(query.name).toEqual(nameToWire(parseName(name)));
    expect(query.questionEnd).toBe(12 + hex(question).length);
  });

  it('folds case in the name and keeps it in the octets', () => {
    const query = proper(message({ question: '04 57654240 054d45734f53 00 0041 0001' }));
    expect(query.name).toEqual(nameToWire(parseName('web\\@.mesos')));
    expect(toHex(query.octets.subarray(12, query.questionEnd))).toBe('0457654240054d45734f530000410001');
    expect(query.type).toBe(0x41);
  });

  it('reads a message inside a larger buffer', () => {
    const octets = message({ counts: '0001 0000 0000 0001', records: OPT });
    const inside = Uint8Array.of(...octets, ...octets, 1).subarray(octets.length, 2 * octets.length);
    expect(proper(inside)).toMatchObject({ id: 0xabcd, type: 1, edns: { dnssecOk: true } });
  });
});

describe('readQuery, of what is no query', () => {
  it.each([
    ['nothing', ''],
    ['eleven octets', 'abcd 0100 0001 0000 0000 00'],
    ['an answer', `abcd 8100 0001 0000 0000 0000 ${QUESTION}`],
    ['an answer without a question', 'abcd 8000 0000 0000 0000 0000'],
  ])('says nothing to %s', (_, octets) => {
    expect(readQuery(hex(octets))).toBeUndefined();
  });
});

describe('readQuery, of a malformed query', () => {
  it.each([
    ['no question', { counts: '0000 0000 0000 0000', question: '' }],
    ['no question and an OPT record', { counts: '0000 0000 0000 0001', question: '', records: OPT }],
    ['two questions', { counts: '0002 0000 0000 0000', records: QUESTION }],
    ['two questions announced, one there', { counts: '0002 0000 0000 0000' }],
    ['65,535 questions', { counts: 'ffff 0000 0000 0000' }],
    ['one question announced, none there', { question: '' }],
    ['a name that points at itself', { question: 'c00c 0001 0001' }],
    ['a name that points at the header', { question: '0161 c000 0001 0001' }],
    ['label type 01', { question: `41 ${'61'.repeat(65)} 00 0001 0001` }],
    ['label type 10', { question: `81 ${'61'.repeat(129)} 00 0001 0001` }],
    ['a label of 64 octets', { question: `40 ${'61'.repeat(64)} 00 0001 0001` }],
    ['a name of 256 octets', { question: `${LABEL_63.repeat(3)}3e${'61'.repeat(62)}00 0001 0001` }],
    ['a name of 512 octets', { question: `${LABEL_63.repeat(8)}00 0001 0001` }],
    ['a name without end', { question: '0161'.repeat(3000) }],
    ['a question without class', { question: '0161 00 0001' }],
    ['a question without type', { question: '0161 00' }],
    ['an octet behind', { records: '00' }],
    ['octets behind an OPT record', { counts: '0001 0000 0000 0001', records: `${OPT} 00` }],
    ['an additional record announced, none there', { counts: '0001 0000 0000 0001' }],
    ['65,535 records of each kind, none there', { counts: '0001 ffff ffff ffff' }],
    ['two OPT records', { counts: '0001 0000 0000 0002', records: `${OPT} ${OPT}` }],
    [
      'two OPT records with another between',
      { counts: '0001 0000 0000 0003', records: `${OPT} ${RECORD} ${OPT}` },
    ],
    ['an OPT record as answer', { counts: '0001 0001 0000 0000', records: OPT }],
    ['an OPT record as authority', { counts: '0001 0000 0001 0000', records: OPT }],
    ['an OPT record with a name', { counts: '0001 0000 0000 0001', records: `0161 ${OPT}` }],
    [
      'an OPT record with a compressed name',
      { counts: '0001 0000 0000 0001', records: `c014 ${OPT.slice(3)}` },
    ],
    ['an OPT record cut off', { counts: '0001 0000 0000 0001', records: '00 0029 04d0 0000 8000 00' }],
    [
      'an OPT record with less than it says',
      { counts: '0001 0000 0000 0001', records: '00 0029 04d0 0000 8000 0001' },
    ],
    [
      'an option past OPT’s end',
      { counts: '0001 0000 0000 0001', records: '00 0029 04d0 0000 8000 0005 000c 0002 00' },
    ],
    [
      'half an option header',
      { counts: '0001 0000 0000 0001', records: '00 0029 04d0 0000 8000 0003 000c 00' },
    ],
    [
      'an option cut off behind a good one',
      { counts: '0001 0000 0000 0001', records: '00 0029 04d0 0000 8000 0006 000c 0000 000a' },
    ],
    ['a record with half a pointer', { counts: '0001 0000 0000 0001', records: 'c0' }],
    [
      'a record with label type 01 and all it takes',
      { counts: '0001 0000 0000 0001', records: `41${'61'.repeat(65)}00 0010 0001 00000000 0000` },
    ],
    [
      'a record with label type 10 and all it takes',
      { counts: '0001 0000 0000 0001', records: `81${'61'.repeat(129)}00 0010 0001 00000000 0000` },
    ],
    ['a record with label type 01', { counts: '0001 0000 0000 0001', records: '41 0010 0001 00000000 0000' }],
    [
      'a record with a name of 256 octets',
      {
        counts: '0001 0000 0000 0001',
        records: `${LABEL_63.repeat(3)}3e${'61'.repeat(62)}00 0010 0001 00000000 0000`,
      },
    ],
    [
      'a record with a long name and a pointer',
      { counts: '0001 0000 0000 0001', records: `${LABEL_63.repeat(4)}c00c 0010 0001 00000000 0000` },
    ],
    [
      'a record with RDATA past the end',
      { counts: '0001 0000 0000 0001', records: 'c00c 0010 0001 00000000 0003 0141' },
    ],
  ])('gives what FORMERR needs: %s', (_, parts) => {
    const read = readQuery(message({ flags: '1900', ...parts }));
    expect(read).toMatchObject({ kind: 'malformed', id: 0xabcd, opcode: 3, recursionDesired: true });
    expect(read?.kind === 'malformed' && read.reason).toMatch(/\w/);
  });

  it('cut off anywhere', () => {
    const records = `${RECORD} 00 0029 04d0 00 00 8000 0008 000c 0004 00000000`;
    const octets = message({ counts: '0001 0000 0001 0001', records });
    expect(readQuery(octets)?.kind).toBe('query');
    for (let length = 0; length < octets.length; length++) {
      expect(readQuery(octets.slice(0, length))?.kind).toBe(length < 12 ? undefined : 'malformed');
    }
  });
});

const anyType = fc.constantFrom<RecordType>(
  'A',
  'AAAA',
  'SRV',
  'NS',
  'SOA',
  'TXT',
  'MX',
  'PTR',
  'CAA',
  'AXFR',
);
const TYPE_CODES: Readonly<Record<string, number>> = {
  A: 1,
  AAAA: 28,
  SRV: 33,
  NS: 2,
  SOA: 6,
  TXT: 16,
  MX: 15,
  PTR: 12,
  CAA: 257,
  AXFR: 252,
};
const anyHost = fc
  .array(fc.stringMatching(/^[A-Za-z0-9_-]{1,15}$/), { minLength: 1, maxLength: 8 })
  .map((labels) => labels.join('.'));

describe('readQuery, judged by dns-packet', () => {
  it('reads what dns-packet writes', () => {
    const any = fc.record({
      id: fc.nat(0xffff),
      name: anyHost,
      type: anyType,
      rd: fc.boolean(),
      cd: fc.boolean(),
      edns: fc.option(
        fc.record({ dnssecOk: fc.boolean(), padding: fc.option(fc.nat(200), { nil: undefined }) }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(any, ({ id, name, type, rd, cd, edns }) => {
        const options: PacketOpt[] =
          edns?.padding === undefined ? [] : [{ code: 12, type: 'PADDING', length: edns.padding }];
        const packet: Packet = {
          type: 'query',
          id,
          flags: (rd ? RECURSION_DESIRED : 0) | (cd ? CHECKING_DISABLED : 0),
          questions: [{ name, type }],
          additionals: edns
            ? [
                {
                  type: 'OPT',
                  name: '.',
                  udpPayloadSize: 1232,
                  extendedRcode: 0,
                  ednsVersion: 0,
                  flags: edns.dnssecOk ? DNSSEC_OK : 0,
                  flag_do: edns.dnssecOk,
                  options,
                },
              ]
            : [],
        };
        const octets = encode(packet);
        expect(proper(octets)).toMatchObject({
          id,
          opcode: 0,
          recursionDesired: rd,
          checkingDisabled: cd,
          name: nameToWire(parseName(name)),
          type: TYPE_CODES[type],
          class: 1,
          edns: edns && { version: 0, dnssecOk: edns.dnssecOk, padded: edns.padding !== undefined },
        });
      }),
      { numRuns: 300 },
    );
  });

  it('reads names of any octets', () => {
    fc.assert(
      fc.property(anyLabels, fc.nat(0xffff), (labels, type) => {
        const question = `${toHex(wireOf(labels))} ${type.toString(16).padStart(4, '0')} 0001`;
        const query = proper(message({ question }));
        expect(query.name).toEqual(wireOf(labels.map((label) => label.map(lowerOctet))));
        expect(query.type).toBe(type);
      }),
    );
  });
});

describe('readQuery, of anything', () => {
  const seed = encodeQuestion({ name: 'web.marathon.mesos', type: 33, edns: 1232 });

  /** What is read holds together, whatever was read. */
  function expectSound(octets: Uint8Array): void {
    const read = readQuery(octets);
    if (read === undefined) expect(octets.length < 12 || (octets[2] ?? 0) >= 0x80).toBe(true);
    if (read?.kind !== 'query') return;
    expect(read.name.length).toBeLessThanOrEqual(255);
    expect(read.questionEnd).toBe(12 + read.name.length + 4);
    expect(read.questionEnd).toBeLessThanOrEqual(octets.length);
  }

  it('neither throws nor hangs on a query changed or cut off anywhere', () => {
    for (const octets of damaged(seed)) expectSound(octets);
  });

  it('neither throws nor hangs on any octets', () => {
    const word = fc.constantFrom(0, 0, 1, 1, 12, 41, 63, 64, 0xc0, 0xff);
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc
        .array(word, { maxLength: 120 })
        .map((octets) => Uint8Array.of(...hex('0000 0000 0001 0000 0000 0001'), ...octets)),
      fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
        const copy = seed.slice();
        for (const [at, octet] of changes) copy[at] = octet;
        return copy;
      }),
    );
    fc.assert(fc.property(any, expectSound), { numRuns: 2000 });
  });

  it.each([
    ['zeros', '00'],
    ['pointers', 'c0'],
    ['labels', '0161'],
    ['empty records', '0000100001000000000000'],
    ['OPT records', '0000290001000000000000'],
  ])('is done with 65,535 octets of %s, and all counts at their most, at once', (_, fill) => {
    const octets = Uint8Array.from(Buffer.alloc(65_535, fill, 'hex'));
    octets.set(hex(`0000 0100 0001 ffff ffff ffff ${QUESTION}`));
    const started = performance.now();
    for (let i = 0; i < 20; i++) expectSound(octets);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
