import fc from 'fast-check';
import { expect } from 'vitest';
import { judge } from '../zone/ask.ts';
import type { Reply } from './row.ts';
import { bothWays, DNS_MESSAGE, message, name, opt, query, question, TYPE } from './send.ts';
import { LONGEST_NAME } from './zones.ts';

/** Messages that are hostile, broken or strange, and what each has to get all the same. */

export const SEED = 20_260_801;
/** By far more than any request takes, by far less than one that hangs. */
const SLOW_MS = 5_000;
/** Queries in URLs may be too long for a server's taste beyond this. */
const LONG_URL_OCTETS = 8_000;

const NAMES = [
  'web.mesos',
  '_many._tcp.mesos',
  'mesos',
  'marathon.mesos',
  'nothing.mesos',
  'example.com',
  '',
];
const TYPES = [1, 28, 33, 6, 2, 16, 255, 65, 252, 41, 0];
const OPTIONS = [3, 8, 10, 12, 15, 65_001];

/** Queries as clients send them: with and without EDNS, its options among them. */
const valid = fc
  .record({
    owner: fc.constantFrom(...NAMES, LONGEST_NAME),
    type: fc.constantFrom(...TYPES),
    id: fc.nat(0xffff),
    payload: fc.option(fc.constantFrom(512, 1232, 65_535), { nil: undefined }),
    options: fc.array(fc.tuple(fc.constantFrom(...OPTIONS), fc.uint8Array({ maxLength: 40 })), {
      maxLength: 2,
    }),
  })
  .map(({ owner, type, id, payload, options }) =>
    query(owner, type, { id, ...(payload !== undefined && { edns: { payload, options } }) }),
  );

type Mutation = (octets: Buffer) => Buffer;
const at = fc.nat(0xffff);
/** Label lengths and types, pointers, and what looks like them. */
const octet = fc.constantFrom(0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xff);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(at, fc.nat(7)).map(([where, bit]): Mutation => (octets) => {
    return octets.length > 0 ? changed(octets, where % octets.length, (old) => old ^ (1 << bit)) : octets;
  }),
  fc.tuple(at, octet).map(([where, value]): Mutation => (octets) => {
    return octets.length > 0 ? changed(octets, where % octets.length, () => value) : octets;
  }),
  // The header, where one octet changes everything.
  fc.tuple(fc.integer({ min: 2, max: 11 }), octet).map(([where, value]): Mutation => (octets) => {
    return octets.length > where ? changed(octets, where, () => value) : octets;
  }),
  at.map(
    (where): Mutation =>
      (octets) =>
        octets.subarray(0, where % (octets.length + 1)),
  ),
  fc.tuple(at, fc.uint8Array({ maxLength: 20 })).map(([where, more]): Mutation => (octets) => {
    const cut = where % (octets.length + 1);
    return Buffer.concat([octets.subarray(0, cut), more, octets.subarray(cut)]);
  }),
  fc.tuple(at, at).map(([from, to]): Mutation => (octets) => {
    const [start, end] = [from % (octets.length + 1), to % (octets.length + 1)];
    return Buffer.concat([octets, octets.subarray(Math.min(start, end), Math.max(start, end))]);
  }),
);

/** Queries with up to three changes. */
export const mutated = fc
  .tuple(valid, fc.array(mutation, { maxLength: 3 }))
  .map(([octets, mutations]) =>
    mutations.reduce<Buffer>((last, mutate) => mutate(Buffer.from(last)), Buffer.from(octets)),
  );

/** Octets of no kind at all, most with a header that counts one question. */
export const random = fc.uint8Array({ maxLength: 300 }).map((octets) => {
  if (octets.length > 11) octets.set([0, 0, 0, 1, 0, 0, 0], 2);
  return octets;
});

/** What no chance should decide: every cut, every bit, every length and count at its ends, and giants. */
export function systematic(): Uint8Array[] {
  const edns = { options: [[10, Buffer.alloc(8)] as const, [12, Buffer.alloc(5)] as const] };
  const bases = [query('web.mesos', TYPE.A, { edns }), query('_many._tcp.mesos', TYPE.SRV)];
  const cut = bases.flatMap((base) => Array.from(base, (_, i) => base.subarray(0, i)));
  const flipped = bases.flatMap((base) =>
    Array.from({ length: base.length * 8 }, (_, i) =>
      changed(Buffer.from(base), i >> 3, (old) => old ^ (1 << (i & 7))),
    ),
  );
  const set = bases.flatMap((base) =>
    [0, 0x3f, 0x40, 0x80, 0xc0, 0xff].flatMap((value) =>
      Array.from(base, (_, i) => changed(Buffer.from(base), i, () => value)),
    ),
  );
  const pointers = Array.from({ length: 64 }, (_, i) =>
    message({
      questions: [question('web.mesos')],
      counts: [1, 0, 0, 1],
      behind: Buffer.from([0xc0, i, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]),
    }),
  );
  return [...cut, ...flipped, ...set, ...pointers, ...GIANTS];
}

const Q = question('web.mesos');
/** As long as a message may be, of what takes longest to read. */
const GIANTS: readonly Uint8Array[] = [
  message({ questions: [Q], additional: [opt({ rdata: Buffer.alloc(65_000) })] }),
  message({ questions: [Q], additional: [opt({ options: [[12, Buffer.alloc(65_000)]] })] }),
  message({ questions: [Q], additional: [opt({ rdata: Buffer.alloc(65_000, 255) })] }),
  message({
    questions: [Q],
    additional: [opt({ options: Array.from({ length: 16_000 }, () => [10, Buffer.of()] as const) })],
  }),
  message({ questions: [Q], additional: Array.from({ length: 5_900 }, () => opt()) }),
  message({ questions: Array.from({ length: 4_000 }, () => Q) }),
  message({ questions: [Q], counts: [1, 0, 0, 65_535], behind: Buffer.alloc(65_000) }),
  message({ questions: [Q], counts: [1, 65_535, 65_535, 65_535], behind: Buffer.alloc(65_000) }),
  message({ questions: [Q], counts: [1, 0, 0, 65_535], behind: Buffer.alloc(65_000, 0xc0) }),
  message({ questions: [Q], counts: [1, 0, 0, 200], behind: Buffer.alloc(65_000, 63) }),
  message({ counts: [1, 0, 0, 0], behind: Buffer.alloc(65_000, 1) }),
  message({ counts: [65_535, 0, 0, 0], behind: Buffer.alloc(65_000) }),
  query(name(['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(62)])),
  Buffer.alloc(65_535),
  Buffer.alloc(65_535, 255),
];

/** The message by GET and by POST. */
export function requests(octets: Uint8Array): ReturnType<typeof bothWays> {
  return bothWays(octets);
}

/**
 * What came of a message: a status, and of a reply what does not depend on the order of records. Throws where
 * that is no well-formed HTTP reply: 400 for what holds no query, else a message that answers this one.
 */
export function outcomeOf(reply: Reply, tookMs: number): string {
  const sent = Buffer.from(reply.sent.message ?? []);
  expect(tookMs).toBeLessThan(SLOW_MS);
  if (reply.status === 414 && reply.sent.method === 'GET' && sent.length > LONG_URL_OCTETS) return '414';
  if (reply.status !== 200) {
    expect(reply.status).toBe(400);
    expect(reply.header('content-type')).toBe('text/plain; charset=utf-8');
    expect(sent.length < 12 || (sent.readUInt8(2) & 0x80) !== 0).toBe(true);
    return `400 ${Buffer.from(reply.octets).toString()}`;
  }
  expect(reply.header('content-type')).toBe(DNS_MESSAGE);
  expect(reply.header('cache-control')).toMatch(/^(?:no-store|max-age=\d+)$/);
  const octets = Buffer.from(reply.octets);
  const { id, flags, question: asked, answers, authority } = judge(octets);
  expect(id).toBe(sent.readUInt16BE(0));
  // QR is set, opcode and RD are the query's, TC and Z never.
  expect(flags & 0xfb40).toBe(0x8000 | (sent.readUInt16BE(2) & 0x7900));
  const rcode = flags & 0xf;
  if (octets.length === 12) expect(rcode).toBe((flags & 0x7800) === 0 ? 1 : 4);
  else {
    expect(rcode).not.toBe(1);
    expect(Buffer.from(asked).equals(sent.subarray(12, 12 + asked.length))).toBe(true);
  }
  return ['200', rcode, answers.length, authority.length, octets.length].join(' ');
}

/** `400`, `414`, or `200` with the RCODE. */
export function kindOf(outcome: string): string {
  return outcome.startsWith('200') ? outcome.split(' ', 2).join(' ') : outcome.slice(0, 3);
}

function changed(octets: Buffer, where: number, change: (old: number) => number): Buffer {
  octets[where] = change(octets[where] ?? 0);
  return octets;
}
