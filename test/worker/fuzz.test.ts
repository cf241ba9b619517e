import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeQuestion } from '../message.ts';
import { createEdge, type Edge, getPath, postOf, readReply } from './edge.ts';
import { addresses, createSigningKey, publishToKv, services } from './publish-to-kv.ts';

const SEED = 20_260_801;
/** By far more than any request takes, by far less than one that hangs. */
const SLOW_MS = 1_000;
const edge = createEdge();

beforeAll(async () => {
  await publishToKv(env.SNAPSHOTS, {
    key: await createSigningKey(),
    rrsets: [
      addresses('web.mesos', ['10.0.0.1', '10.0.0.2']),
      addresses('web.mesos', ['fd00::1']),
      services('_web._tcp.mesos', ['web.mesos:80', 'web.mesos:81']),
      addresses('deep.er.and.deep.er.mesos', ['10.0.0.3']),
    ],
  });
});
afterAll(async () => {
  await reset();
});

const names = ['web.mesos', '_web._tcp.mesos', 'mesos', 'er.mesos', 'nothing.mesos', 'example.com', ''];
const longName = `${Array.from({ length: 124 }, () => 'a').join('.')}.mesos`;

/** Queries as clients send them: with and without EDNS, its options among them. */
const valid = fc
  .record({
    name: fc.constantFrom(...names, longName),
    type: fc.constantFrom(1, 28, 33, 6, 2, 16, 255, 65, 252, 41, 0),
    id: fc.nat(0xffff),
    edns: fc.option(fc.constantFrom(512, 1232, 65_535), { nil: undefined }),
    option: fc.option(fc.tuple(fc.constantFrom(3, 8, 10, 12, 15), fc.uint8Array({ maxLength: 40 })), {
      nil: undefined,
    }),
  })
  .map(({ name, type, id, edns, option }) => {
    const query = Buffer.from(encodeQuestion({ name, type, id, ...(edns !== undefined && { edns }) }));
    if (edns === undefined || !option) return query;
    const [code, data] = option;
    query.writeUInt16BE(4 + data.length, query.length - 2);
    const head = Buffer.from([code >> 8, code & 0xff, data.length >> 8, data.length & 0xff]);
    return Buffer.concat([query, head, data]);
  });

type Mutation = (octets: Buffer) => Buffer;
const at = fc.nat(0xffff);
const octet = fc.constantFrom(0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xff);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(at, fc.nat(7)).map(([where, bit]): Mutation => (octets) => {
    return octets.length > 0 ? flipped(octets, where % octets.length, 1 << bit) : octets;
  }),
  fc.tuple(at, octet).map(([where, value]): Mutation => (octets) => {
    return octets.length > 0
      ? octets.fill(value, where % octets.length, (where % octets.length) + 1)
      : octets;
  }),
  // The header, where one octet changes everything.
  fc.tuple(fc.integer({ min: 2, max: 11 }), octet).map(([where, value]): Mutation => (octets) => {
    return octets.length > where ? octets.fill(value, where, where + 1) : octets;
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

describe('any octets', () => {
  it('get a well-formed HTTP response, and in it a reply to read', async () => {
    const statuses = new Map<string, number>();
    const mutated = fc
      .tuple(valid, fc.array(mutation, { maxLength: 3 }))
      .map(([query, mutations]) => mutations.reduce((octets, mutate) => mutate(Buffer.from(octets)), query));
    await fc.assert(
      fc.asyncProperty(mutated, async (octets) => {
        const byGet = await outcomeOf(octets, await timed(edge, getPath(octets)));
        const byPost = await outcomeOf(octets, await timed(edge, '/dns-query', postOf(octets)));
        expect(byPost).toBe(byGet);
        const kind = byGet.startsWith('400') ? '400' : byGet.split(' ', 2).join(' ');
        statuses.set(kind, (statuses.get(kind) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: 2_500 },
    );
    // What was sent was not all of one kind, or this would prove little.
    for (const kind of ['400', '200 FORMERR', '200 NOERROR', '200 NXDOMAIN', '200 REFUSED', '200 NOTIMP']) {
      expect(statuses.get(kind) ?? 0, kind).toBeGreaterThan(3);
    }
  });

  it('of no kind at all neither', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (random) => {
        const octets = Buffer.from(random);
        if (octets.length > 4) octets.set([0, 0, 0, 1].slice(0, octets.length - 2), 2);
        expect(await outcomeOf(octets, await timed(edge, getPath(octets)))).toMatch(/^400|^200/);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe('any URL', () => {
  it('is answered with a status below 500', async () => {
    const character = fc.constantFrom(...'AZaz09-_=&?%+/.#;<>"\'\\ é');
    const piece = fc.oneof(
      fc.constantFrom(
        'dns=',
        'name=',
        'type=',
        '&',
        '%',
        '%00',
        '%ff',
        'AAABAAABAAAAAAAAAAABAAE',
        'web.mesos',
      ),
      fc.string({ unit: character, maxLength: 8 }),
    );
    const url = fc.tuple(
      fc.constantFrom('/dns-query', '/', '/health', '/dns-query/', '/x'),
      fc.array(piece, { maxLength: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(url, async ([path, pieces]) => {
        const response = await timed(edge, `${path}?${pieces.join('')}`);
        expect(response.status).toBeLessThan(500);
        expect(response.headers.get('content-type')).toMatch(/^(?:text\/|application\/)/);
        if (path === '/') expect(await response.text()).toMatch(/^<!doctype html>.*<\/html>$/s);
        else await response.arrayBuffer();
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

/** What came of a query: its status, and of a reply what does not depend on the order of records. */
async function outcomeOf(query: Buffer, response: Response): Promise<string> {
  if (response.status !== 200) {
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    // Only what holds no query at all is refused in HTTP.
    expect(query.length < 12 || (query.readUInt8(2) & 0x80) !== 0).toBe(true);
    return `400 ${await response.text()}`;
  }
  expect(response.headers.get('content-type')).toBe('application/dns-message');
  expect(response.headers.get('cache-control')).toMatch(/^(?:no-store|max-age=\d+)$/);
  const { octets, packet, rcode } = await readReply(response);
  expect(octets.length).toBeGreaterThanOrEqual(12);
  expect(octets.readUInt16BE(0)).toBe(query.readUInt16BE(0));
  // QR is set, opcode and RD are the query's.
  expect(octets.readUInt8(2) & 0xf9).toBe(0x80 | (query.readUInt8(2) & 0x79));
  if (rcode === 'FORMERR') expect(octets).toHaveLength(12);
  else {
    const { answers = [], authorities = [], questions = [] } = packet;
    expect(questions).toHaveLength(1);
    const end = questionEnd(query);
    expect(octets.subarray(12, end)).toEqual(query.subarray(12, end));
    return ['200', rcode, answers.length, authorities.length, octets.length].join(' ');
  }
  return `200 ${rcode}`;
}

function questionEnd(octets: Buffer): number {
  let end = 12;
  while ((octets[end] ?? 0) > 0) end += 1 + (octets[end] ?? 0);
  return end + 5;
}

function flipped(octets: Buffer, where: number, mask: number): Buffer {
  octets[where] = (octets[where] ?? 0) ^ mask;
  return octets;
}

async function timed(from: Edge, path: string, init?: RequestInit): Promise<Response> {
  const started = Date.now();
  const response = await from.fetch(path, init);
  expect(Date.now() - started).toBeLessThan(SLOW_MS);
  return response;
}
