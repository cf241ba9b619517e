import { Buffer } from 'node:buffer';
import { type Answer, encode, RECURSION_DESIRED } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { FLAG, readMessage, readNameAt } from '../../zone/message.ts';
import { rdataText } from '../../zone/rdata-text.ts';

const octetsOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** As dns-packet writes it. */
function reply(answers: Answer[], authorities: Answer[] = [], additionals: Answer[] = []): Uint8Array {
  const questions = [{ type: 'A' as const, name: 'web.mesos' }];
  const flags = RECURSION_DESIRED | FLAG.AD | 3;
  return new Uint8Array(encode({ type: 'response', flags, questions, answers, authorities, additionals }));
}

describe('a message', () => {
  it('is read section by section', () => {
    const octets = reply(
      [
        {
          type: 'SRV',
          name: 'Web.mesos',
          ttl: 30,
          data: { priority: 0, weight: 1, port: 80, target: 'a.mesos' },
        },
      ],
      [{ type: 'NS', name: 'mesos', ttl: 60, data: 'ns1.mesos' }],
      [{ type: 'A', name: 'a.mesos', ttl: 30, data: '10.0.0.1' }],
    );
    const message = readMessage(octets);
    const shown = [message.answers, message.authority, message.additional].map((records) =>
      records.map((record) => [record.name, record.ttl, rdataText(octets, record)]),
    );
    expect(shown).toEqual([
      [['web.mesos', 30, '0 1 80 a.mesos.']],
      [['mesos', 60, 'ns1.mesos.']],
      [['a.mesos', 30, '10.0.0.1']],
    ]);
    expect(message.questions).toEqual([{ name: 'web.mesos', type: 1 }]);
    expect([
      message.rcode,
      message.flags & FLAG.RD,
      message.flags & FLAG.AD,
      message.flags & FLAG.CD,
    ]).toEqual([3, FLAG.RD, FLAG.AD, 0]);
  });

  it('has its OPT record read, not shown', () => {
    const options = [
      { code: 15, data: Buffer.from('0003 68c3bc'.replaceAll(' ', ''), 'hex') },
      { code: 15, data: Buffer.from('00') },
      { code: 10, data: Buffer.alloc(8) },
      { code: 15, data: Buffer.from('0016', 'hex') },
    ];
    const opt = {
      type: 'OPT',
      name: '.',
      udpPayloadSize: 1232,
      extendedRcode: 1,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
    };
    const { rcode, additional, extendedErrors } = readMessage(
      reply([], [], [{ ...opt, options } as unknown as Answer]),
    );
    expect([rcode, additional]).toEqual([19, []]);
    expect(extendedErrors).toContainEqual({ code: 3, text: 'hü' });
    expect(extendedErrors).toContainEqual({ code: 22, text: '' });
  });

  it('takes a TTL with the top bit set for 0 (RFC 2181 §8)', () => {
    const octets = octetsOf('0000 8000 0000 0001 0000 0000 00 0001 0001 ffffffff 0004 0a000001');
    expect(readMessage(octets).answers[0]?.ttl).toBe(0);
  });

  it.each([
    ['', 'too soon'],
    ['0000 8000 0001', 'too soon'],
    ['0000 8000 0001 0000 0000 0000', 'too soon'],
    ['0000 8000 0001 0000 0000 0000 00 0001', 'too soon'],
    ['0000 8000 0000 0001 0000 0000 00 0001 0001 00000000', 'too soon'],
    ['0000 8000 0000 0001 0000 0000 00 0001 0001 00000000 0004 0a', 'too soon'],
    ['0000 8000 0001 0000 0000 0000 c00c 0001 0001', 'bad pointer'],
    ['0000 8000 0001 0000 0000 0000 c0', 'bad pointer'],
    ['0000 8000 0001 0000 0000 0000 41 61', 'longer than a name'],
  ])('%j is refused: %s', (hex, reason) => {
    expect(() => readMessage(octetsOf(hex))).toThrow(FormatError);
    expect(() => readMessage(octetsOf(hex))).toThrow(reason);
  });

  it('is read in bounded time, whatever its octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 300 }), (octets) => {
        try {
          readMessage(octets);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a name in a message', () => {
  it('is followed through pointers, and ends behind the first', () => {
    const octets = octetsOf('01 61 00 01 62 c000 01 63 c003 ff');
    expect(readNameAt(octets, 7)).toEqual({ name: 'c.b.a', end: 11 });
  });

  it.each([
    ['itself', 'c000', 0],
    ['behind itself', 'c002 00', 0],
    ['a loop', '01 61 c000', 0],
    ['two in a ring', 'c002 c000', 2],
  ])('does not point to %s', (_, hex, at) => {
    expect(() => readNameAt(octetsOf(hex), at)).toThrow('bad pointer');
  });

  it('does not go through pointers without end', () => {
    const chain = new Uint8Array(2000);
    for (let at = 2; at < 2000; at += 2) chain.set([0xc0 | ((at - 2) >> 8), (at - 2) & 0xff], at);
    expect(() => readNameAt(chain, 1998)).toThrow('bad pointer');
    expect(readNameAt(chain, 2 * 127).name).toBe('');
  });

  it('is at most 255 octets, pointers included', () => {
    const label = `3f ${'61'.repeat(63)}`;
    const octets = octetsOf(`${label} ${label} ${label} 3d ${'61'.repeat(61)} 00 01 62 c000`);
    expect(readNameAt(octets, 0).end).toBe(255);
    expect(() => readNameAt(octets, 255)).toThrow('longer');
  });
});
