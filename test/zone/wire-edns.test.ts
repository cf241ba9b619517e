import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../zone/hash.ts';
import type { Query } from '../../zone/query.ts';
import { RCODE, type Reply, writeReply } from '../../zone/wire.ts';
import { addresses, ask, judge, readMessage, type ReadMessage, storedSet, ZONE } from './ask.ts';
import { anyText, seededRandom } from './arbitrary.ts';

const NOTHING: Reply = { rcode: RCODE.NOERROR, recursionAvailable: false };

function write(query: Query, reply: Reply): ReadMessage & { octets: Uint8Array } {
  const { octets } = writeReply(query, reply, seededRandom(2));
  return { ...readMessage(octets), octets };
}

/** The options of an OPT record: code and octets. */
function options(reply: ReadMessage): [number, Uint8Array][] {
  const rdata = reply.opt?.rdata ?? expect.fail('no OPT');
  const view = new DataView(rdata.buffer, rdata.byteOffset, rdata.length);
  const found: [number, Uint8Array][] = [];
  for (let at = 0; at < rdata.length;) {
    const end = at + 4 + view.getUint16(at + 2);
    expect(end).toBeLessThanOrEqual(rdata.length);
    found.push([view.getUint16(at), rdata.subarray(at + 4, end)]);
    at = end;
  }
  return found;
}

/** Replies with something in each section and with nothing at all. */
const REPLIES: readonly (readonly [string, Reply])[] = [
  ['nothing', NOTHING],
  ['answers', { ...NOTHING, authority: { zone: ZONE, serial: 1 }, rrsets: storedSet(addresses(3)) }],
  [
    'a negative answer',
    { ...NOTHING, rcode: RCODE.NXDOMAIN, authority: { zone: ZONE, serial: 1, soa: 'negative' } },
  ],
  ['the apex', { ...NOTHING, authority: { zone: ZONE, serial: 1, soa: 'answer', ns: 'answer' } }],
  [
    'ANY',
    {
      ...NOTHING,
      authority: { zone: ZONE, serial: 1, soa: 'authority', ns: 'authority' },
      rrsets: storedSet(addresses(30)),
    },
  ],
  ['REFUSED', { ...NOTHING, rcode: RCODE.REFUSED, extendedErrors: [{ code: 18, text: 'only our own' }] }],
  [
    'stale',
    {
      ...NOTHING,
      rrsets: storedSet(addresses(1)),
      ttlAtMost: 30,
      extendedErrors: [
        { code: 3, text: 'old' },
        { code: 22, text: '' },
      ],
    },
  ],
];

describe('OPT', () => {
  it.each(REPLIES)('is in a reply to a query that had one, and in no other: %s', (_, reply) => {
    const plain = write(ask({ name: 'a.mesos', type: 1 }), reply);
    expect(plain.opt).toBeUndefined();
    for (const dnssecOk of [false, true]) {
      const written = write(ask({ name: 'a.mesos', type: 1, edns: { dnssecOk } }), reply);
      // Root owner, our payload size, extended RCODE 0, version 0, DO as it came, all other flags 0.
      expect(written.opt).toMatchObject({ name: '.', class: 1232, ttl: dnssecOk ? 0x8000 : 0 });
      expect(judge(written.octets).packet.additionals?.find(({ type }) => type === 'OPT')).toMatchObject({
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flag_do: dnssecOk,
      });
      expect(toHex(written.octets.subarray(12, plain.octets.length))).toBe(
        toHex(plain.octets.subarray(12)).slice(0, (plain.octets.length - 12) * 2),
      );
    }
  });

  it('says BADVERS in two parts, in our version', () => {
    const written = write(ask({ name: 'a.mesos', type: 1, edns: { version: 1, dnssecOk: true } }), {
      ...NOTHING,
      rcode: RCODE.BADVERS,
    });
    expect(written.flags).toBe(0x8000);
    expect(written.opt?.ttl).toBe(0x01008000);
  });

  it.each([0, 5, 15, 16, 23, 255, 4095])('splits RCODE %i as RFC 6891 §6.1.3 says', (rcode) => {
    const written = write(ask({ name: 'a.mesos', type: 1, edns: {} }), { ...NOTHING, rcode });
    expect(((written.opt?.ttl ?? 0) >>> 24) * 16 + (written.flags & 0xf)).toBe(rcode);
    expect((written.opt?.ttl ?? 0) & 0xffffff).toBe(0);
  });
});

describe('extended errors', () => {
  it('are code and UTF-8 text (RFC 8914 §2), in order', () => {
    const extendedErrors = [
      { code: 3, text: 'the snapshot is 901 s old' },
      { code: 22, text: '' },
      { code: 0xfffe, text: 'Zürich 😀 €' },
    ];
    const written = write(ask({ name: 'a.mesos', type: 1, edns: {} }), {
      ...NOTHING,
      rcode: RCODE.SERVFAIL,
      extendedErrors,
    });
    const read = options(written).map(([option, octets]) => ({
      option,
      code: new DataView(octets.buffer, octets.byteOffset).getUint16(0),
      text: new TextDecoder().decode(octets.subarray(2)),
    }));
    expect(read).toEqual(extendedErrors.map((error) => ({ option: 15, ...error })));
  });

  it('are these octets', () => {
    const written = write(ask({ name: 'a.mesos', type: 1, edns: {} }), {
      ...NOTHING,
      extendedErrors: [{ code: 18, text: 'no' }],
    });
    expect(toHex(written.opt?.rdata ?? new Uint8Array())).toBe('000f000400126e6f');
  });

  it('are left out where the query had no OPT', () => {
    const query = ask({ name: 'a.mesos', type: 1 });
    const written = write(query, { ...NOTHING, extendedErrors: [{ code: 18, text: 'no' }] });
    expect(written.octets).toHaveLength(query.questionEnd);
  });

  it('have room whatever their text', () => {
    const errors = fc.array(fc.record({ code: fc.nat(0xffff), text: anyText(200) }), { maxLength: 4 });
    fc.assert(
      fc.property(errors, fc.boolean(), fc.nat(REPLIES.length - 1), (extendedErrors, padded, which) => {
        const [, reply = NOTHING] = REPLIES[which] ?? [];
        const written = write(ask({ name: 'a.mesos', type: 1, edns: { padded } }), {
          ...reply,
          extendedErrors,
        });
        const codes = options(written).map(([code]) => code);
        expect(codes).toEqual([...extendedErrors.map(() => 15), ...(padded ? [12] : [])]);
      }),
    );
  });
});

describe('padding', () => {
  it.each(REPLIES)('makes a reply to a padded query a multiple of 468, and no other: %s', (_, reply) => {
    // Every length a message can have before its padding, so every length of padding.
    for (let length = 0; length < 500; length += reply.extendedErrors ? 1 : 97) {
      const asked = { name: `${'x'.repeat(1 + (length % 61))}.mesos`, type: 1 };
      const errors = {
        ...reply,
        extendedErrors: [...(reply.extendedErrors ?? []), { code: 1, text: 'e'.repeat(length) }],
      };
      const plain = write(ask({ ...asked, edns: {} }), errors);
      expect(options(plain).map(([code]) => code)).not.toContain(12);
      const padded = write(ask({ ...asked, edns: { padded: true } }), errors);
      // The least multiple that holds the reply and an option.
      expect(padded.octets.length).toBe(Math.ceil((plain.octets.length + 4) / 468) * 468);
      const [code, octets] = options(padded).at(-1) ?? [];
      expect(code).toBe(12);
      expect(octets?.every((octet) => octet === 0)).toBe(true);
    }
  });

  it('has every length from 0 to 467', () => {
    const lengths = new Set<number>();
    for (let length = 0; length < 468; length++) {
      const written = write(ask({ name: 'a.mesos', type: 1, edns: { padded: true } }), {
        ...NOTHING,
        extendedErrors: [{ code: 1, text: 'e'.repeat(length) }],
      });
      expect(written.octets.length % 468).toBe(0);
      lengths.add(options(written).at(-1)?.[1].length ?? -1);
    }
    expect(lengths.size).toBe(468);
  });
});
