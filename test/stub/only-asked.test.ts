import { type Answer as Rr, encode, decode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameToWire, parseName } from '../../zone/name.ts';
import { writeForwardedReply } from '../../zone/forwarded.ts';
import { type ForeignReply, readReply } from '../../zone/reply.ts';
import { onlyAsked } from '../../stub/only-asked.ts';
import { isWithin } from '../../stub/question.ts';
import { ask } from '../zone/ask.ts';

const MESOS = [nameToWire(parseName('mesos'))];
const inMesos = (name: Uint8Array): boolean => isWithin(name, MESOS);
const anywhere = (): boolean => true;

type Sections = {
  readonly name?: string;
  readonly type?: string;
  readonly rcode?: number;
  readonly answers?: Rr[];
  readonly authorities?: Rr[];
  readonly additionals?: Rr[];
  readonly dnssecOk?: boolean;
  readonly isTheirs?: (name: Uint8Array) => boolean;
};
const TYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  MX: 15,
  TXT: 16,
  SRV: 33,
  HTTPS: 65,
  ANY: 255,
};

function reads(sections: Sections): { whole: ForeignReply; left: ForeignReply; text: string[] } {
  const { name = 'extra.mesos', type = 'A', rcode = 0, dnssecOk = false, isTheirs = inMesos } = sections;
  const query = ask({ name, type: TYPES[type] ?? 0, edns: { dnssecOk } });
  const octets = encode({
    type: 'response',
    // AD.
    flags: 0x0020 | rcode,
    questions: [{ name, type: (type === 'HTTPS' ? 'UNKNOWN_65' : type) as 'A' }],
    answers: sections.answers ?? [],
    authorities: sections.authorities ?? [],
    additionals: sections.additionals ?? [],
  });
  const whole = readReply(octets, query) ?? expect.fail('not read');
  const left = onlyAsked(whole, query, isTheirs);
  const packet = decode(Buffer.from(writeForwardedReply(query, left).octets));
  const text = [packet.answers, packet.authorities, packet.additionals].flatMap((records = [], section) =>
    records.flatMap((each) =>
      each.type === 'OPT' ? [] : [`${section} ${each.name} ${'ttl' in each ? each.ttl : ''} ${each.type}`],
    ),
  );
  return { whole, left, text };
}
const a = (name: string, ttl = 60): Rr => ({ type: 'A', name, ttl, data: '6.6.6.6' });
const cname = (name: string, data: string, ttl = 60): Rr => ({ type: 'CNAME', name, ttl, data });
const srv = (name: string, target: string): Rr => ({
  type: 'SRV',
  name,
  ttl: 60,
  data: { priority: 0, weight: 0, port: 1, target },
});
const ns = (name: string, data: string): Rr => ({ type: 'NS', name, ttl: 60, data });
const soa = (name: string, ttl = 60, minimum = 30): Rr => ({
  type: 'SOA',
  name,
  ttl,
  data: { mname: 'ns', rname: 'r', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
const BANK = a('www.bank.com');

describe('of a reply is left', () => {
  it.for<[string, Sections, string[]]>([
    [
      'what is asked',
      { answers: [a('extra.mesos'), a('Extra.mesos')] },
      ['0 extra.mesos 60 A', '0 extra.mesos 60 A'],
    ],
    ['no other name’s address', { answers: [a('extra.mesos'), BANK] }, ['0 extra.mesos 60 A']],
    ['no other name of the zone', { answers: [a('x.mesos'), a('extra.mesos')] }, ['0 extra.mesos 60 A']],
    ['no other type', { answers: [{ type: 'TXT', name: 'extra.mesos', ttl: 60, data: 'x' }] }, []],
    [
      'a chain in whatever order, with what is at its end alone',
      {
        answers: [
          a('c.mesos'),
          a('b.mesos'),
          cname('b.mesos', 'c.mesos'),
          cname('extra.mesos', 'b.mesos'),
          cname('z.mesos', 'c.mesos'),
        ],
      },
      ['0 c.mesos 60 A', '0 b.mesos 60 CNAME', '0 extra.mesos 60 CNAME'],
    ],
    [
      'a chain that goes round, once',
      { answers: [cname('extra.mesos', 'b.mesos'), cname('b.mesos', 'extra.mesos'), a('extra.mesos')] },
      ['0 extra.mesos 60 CNAME', '0 b.mesos 60 CNAME', '0 extra.mesos 60 A'],
    ],
    [
      'the end of a chain outside the zones, for no cache to keep',
      { answers: [cname('extra.mesos', 'www.bank.com'), BANK, a('mail.bank.com')] },
      ['0 extra.mesos 60 CNAME', '0 www.bank.com 0 A'],
    ],
    [
      'one CNAME of a name',
      { answers: [cname('extra.mesos', 'b.mesos'), cname('extra.mesos', 'c.mesos'), a('c.mesos')] },
      ['0 extra.mesos 60 CNAME'],
    ],
    [
      'all types for ANY, of the one name',
      { type: 'ANY', answers: [a('extra.mesos'), cname('extra.mesos', 'b.mesos'), a('b.mesos')] },
      ['0 extra.mesos 60 A', '0 extra.mesos 60 CNAME'],
    ],
    [
      'the NS above, and not those beside or of others',
      {
        answers: [a('extra.mesos')],
        authorities: [
          ns('mesos', 'ns.mesos'),
          ns('x.mesos', 'ns.mesos'),
          ns('', 'ns.evil'),
          ns('com', 'ns.evil'),
        ],
        additionals: [a('ns.mesos'), a('ns.evil'), BANK],
      },
      ['0 extra.mesos 60 A', '1 mesos 60 NS', '2 ns.mesos 60 A'],
    ],
    [
      'addresses of hosts that are named',
      {
        type: 'SRV',
        answers: [
          srv('extra.mesos', 'H.mesos'),
          srv('extra.mesos', 'www.bank.com'),
          srv('x.mesos', 'y.mesos'),
        ],
        additionals: [a('h.mesos'), BANK, a('y.mesos'), { type: 'TXT', name: 'h.mesos', ttl: 60, data: 'x' }],
      },
      ['0 extra.mesos 60 SRV', '0 extra.mesos 60 SRV', '2 h.mesos 60 A', '2 www.bank.com 0 A'],
    ],
    ['an SOA above', { rcode: 3, authorities: [soa('mesos')] }, ['1 mesos 60 SOA']],
    ['an SOA above the zones too', { name: 'a.b.mesos', rcode: 3, authorities: [soa('')] }, ['1 . 60 SOA']],
    ['no SOA beside', { rcode: 3, authorities: [soa('x.mesos'), soa('bank.com')] }, []],
    [
      'no word for long that a name outside is not there',
      { rcode: 3, answers: [cname('extra.mesos', 'www.bank.com')], authorities: [soa('bank.com'), soa('')] },
      ['0 extra.mesos 60 CNAME', '1 bank.com 0 SOA', '1 . 0 SOA'],
    ],
    ['a day’s TTL', { answers: [a('extra.mesos', 1e9)] }, ['0 extra.mesos 86400 A']],
    ['an hour’s negative TTL', { rcode: 3, authorities: [soa('mesos', 1e9, 1e9)] }, ['1 mesos 3600 SOA']],
    [
      'an hour’s TTL of what leads to a negative answer',
      { rcode: 3, answers: [cname('extra.mesos', 'b.mesos', 1e9)], authorities: [soa('mesos')] },
      ['0 extra.mesos 3600 CNAME', '1 mesos 60 SOA'],
    ],
    [
      'the DNAME above, of their zones',
      {
        name: 'a.old.mesos',
        answers: ['old.mesos', 'x.mesos', ''].map((name) => ({
          type: 'DNAME',
          name,
          ttl: 60,
          data: 'mesos',
        })),
      },
      ['0 old.mesos 60 DNAME'],
    ],
    [
      'the addresses of an HTTPS record’s own name',
      {
        type: 'HTTPS',
        answers: [
          { type: 'UNKNOWN_65', name: 'extra.mesos', ttl: 60, data: Buffer.from([0, 1, 0]) } as never,
        ],
        additionals: [a('extra.mesos'), BANK],
      },
      ['0 extra.mesos 60 UNKNOWN_65', '2 extra.mesos 60 A'],
    ],
    [
      'any name where all are theirs, but none unasked',
      {
        name: 'a.example',
        answers: [cname('a.example', 'b.example'), a('b.example'), BANK],
        isTheirs: anywhere,
      },
      ['0 a.example 60 CNAME', '0 b.example 60 A'],
    ],
    [
      'another class nowhere',
      { answers: [{ type: 'A', class: 'CH', name: 'extra.mesos', ttl: 60, data: '6.6.6.6' }] },
      [],
    ],
  ])('%s', ([, sections, expected]) => {
    expect(reads(sections).text).toEqual(expected);
  });

  it('the proofs that validators ask for', () => {
    const rrsig = (name: string, typeCovered: string): Rr =>
      ({
        type: 'RRSIG',
        name,
        ttl: 60,
        data: {
          typeCovered,
          algorithm: 8,
          labels: 1,
          originalTTL: 60,
          expiration: 1,
          inception: 1,
          keyTag: 1,
          signersName: 'mesos',
          signature: Buffer.alloc(4),
        },
      }) as Rr;
    const nsec = (name: string): Rr =>
      ({
        type: 'NSEC',
        name,
        ttl: 60,
        data: { nextDomain: 'z.mesos', rrtypes: ['A'] },
      }) as Rr;
    const sections = {
      answers: [cname('extra.mesos', 'b.mesos'), rrsig('extra.mesos', 'CNAME'), rrsig('c.mesos', 'A')],
      authorities: [soa('mesos'), rrsig('mesos', 'SOA'), nsec('a.mesos'), nsec('bank.com')],
    };
    expect(reads({ ...sections, dnssecOk: true }).text).toEqual([
      '0 extra.mesos 60 CNAME',
      '0 extra.mesos 60 RRSIG',
      '1 mesos 60 SOA',
      '1 mesos 60 RRSIG',
      '1 a.mesos 60 NSEC',
    ]);
    expect(reads(sections).text).not.toContain('1 a.mesos 60 NSEC');
  });

  it('the very reply where nothing is to go', () => {
    const { whole, left } = reads({
      type: 'SRV',
      answers: [srv('extra.mesos', 'h.mesos')],
      additionals: [a('h.mesos')],
    });
    expect(left).toBe(whole);
  });

  it('AD only where nothing went, and how long it may be kept as what is left says', () => {
    expect(reads({ answers: [a('extra.mesos', 1e9)] }).left).toMatchObject({ authentic: true, ttl: 86_400 });
    expect(reads({ answers: [a('extra.mesos'), a('x.mesos', 1)] }).left).toMatchObject({
      authentic: false,
      ttl: 60,
    });
    expect(reads({ rcode: 3, authorities: [soa('bank.com')] }).left.ttl).toBeUndefined();
    expect(reads({ rcode: 3, authorities: [soa('mesos', 1e9, 1e9)] }).left.ttl).toBe(3_600);
    expect(reads({ answers: [cname('extra.mesos', 'www.bank.com'), BANK] }).left.ttl).toBe(60);
  });

  it('no more of a chain than a resolver follows', () => {
    const answers = Array.from({ length: 40 }, (_, i) =>
      cname(i ? `n${i}.mesos` : 'extra.mesos', `n${i + 1}.mesos`),
    );
    expect(reads({ answers }).text).toHaveLength(16);
  });

  it('nothing of what nobody asked for, and the same again of what is left', () => {
    const names = fc.constantFrom(
      'extra.mesos',
      'mesos',
      'b.mesos',
      'x.extra.mesos',
      'bank.com',
      'www.bank.com',
      '',
    );
    const record = fc.oneof(
      names.map((name) => a(name)),
      fc.tuple(names, names).map(([name, target]) => cname(name, target)),
      fc.tuple(names, names).map(([name, target]) => srv(name, target)),
      fc.tuple(names, names).map(([name, target]) => ns(name, target)),
      names.map((name) => soa(name)),
    );
    const section = fc.array(record, { maxLength: 6 });
    fc.assert(
      fc.property(section, section, section, fc.constantFrom('A', 'SRV', 'ANY', 'NS'), (...drawn) => {
        const [answers, authorities, additionals, type] = drawn;
        const { left, text } = reads({ answers, authorities, additionals, type });
        const query = ask({ name: 'extra.mesos', type: TYPES[type] ?? 0, edns: {} });
        expect(onlyAsked(left, query, inMesos)).toBe(left);
        for (const line of text) {
          const isForeign = / (\.|\S*bank\.com) /.test(line);
          if (isForeign && !line.endsWith('SOA')) expect(line).toMatch(/ 0 \w+$/);
          if (line.startsWith('0 ') && type === 'ANY') expect(line).toMatch(/^0 extra\.mesos /);
        }
      }),
      { numRuns: 300 },
    );
  });
});
