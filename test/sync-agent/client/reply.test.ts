import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeReply, queryFor, readReply } from '../../../sync-agent/client/reply.ts';
import { parseName } from '../../../zone/name.ts';

const QUESTION = { name: parseName('leader.mesos'), type: 1, id: 0x1234 };
const HTML = { 'content-type': 'text/html; charset=utf-8' };
const MESSAGE = { 'content-type': 'Application/DNS-Message; charset=x' };

/** The query with QR set: NOERROR without answers. */
function reply(change: (octets: Uint8Array) => void = () => {}): Uint8Array {
  const octets = queryFor(QUESTION);
  octets[2] = 0x84;
  change(octets);
  return octets;
}

describe('a reply over HTTP', () => {
  it('is a message, with its snapshot and the server’s clock', () => {
    const headers = { ...MESSAGE, snapshot: '7;age=12', date: 'Sat, 21 Nov 2026 00:00:00 GMT' };
    expect(judgeReply({ status: 200, headers, octets: reply() }, QUESTION, false)).toMatchObject({
      kind: 'message',
      snapshot: { serial: 7, ageSeconds: 12 },
      dateMs: 1_795_219_200_000,
    });
  });

  it.each([
    ['7;age=12', { serial: 7, ageSeconds: 12 }],
    ['7;age=12;zone=mesos', { serial: 7, ageSeconds: 12 }],
    ['7;age=12;zone=', { serial: 7, ageSeconds: 12 }],
    ['7;age=12zone=mesos', undefined],
    ['7;age=', undefined],
    ['-7;age=12', undefined],
  ])('is from the snapshot %s', (snapshot, read) => {
    const judged = judgeReply(
      { status: 200, headers: { ...MESSAGE, snapshot }, octets: reply() },
      QUESTION,
      false,
    );
    expect(judged).toHaveProperty('kind', 'message');
    expect(judged.kind === 'message' && judged.snapshot).toEqual(read);
  });

  it.each([
    [401, {}, 'credential', /none was given/],
    [403, HTML, 'forbidden', /turned away/],
    [429, { 'retry-after': '17' }, 'too-many', /17 s/],
    [200, HTML, 'page', /web page/],
    [503, HTML, 'page', /web page/],
    [302, { location: 'http://login.hotel.example/?x=secret' }, 'page', /to login\.hotel\.example instead/],
    [
      302,
      { location: 'https://team.cloudflareaccess.com/cdn-cgi/access/login' },
      'page',
      /Cloudflare Access/,
    ],
    [404, {}, 'status', /Check the path/],
    [502, {}, 'status', /see its log/],
    [200, {}, 'malformed', /no stated type/],
    [200, { 'content-type': 'application/json' }, 'malformed', /application\/json/],
  ])('%i %j is %s', (status, headers, kind, words) => {
    const judged = judgeReply({ status, headers, octets: new Uint8Array(0) }, QUESTION, false);
    expect(judged.kind).toBe(kind);
    const { says, mend } = judged as { says: string; mend: string };
    expect(`${says}. ${mend}`).toMatch(words);
    expect(says).not.toContain('secret');
  });

  it('tells a token that is not taken from none', () => {
    const judged = judgeReply({ status: 401, headers: {}, octets: new Uint8Array(0) }, QUESTION, true);
    expect(judged).toMatchObject({ kind: 'credential', says: '401: the token is not taken' });
  });

  it.each([
    ['another ID', (octets: Uint8Array) => void (octets[1] = 0), /has the ID/],
    ['a query', (octets: Uint8Array) => void (octets[2] = 0), /is a query/],
    ['another type', (octets: Uint8Array) => void (octets[27] = 28), /another question/],
    ['another name', (octets: Uint8Array) => void (octets[13] = 0x78), /another question/],
    ['a cut', (octets: Uint8Array) => void (octets[5] = 2), /can not be read/],
  ])('with %s is none', (_, change, words) => {
    expect(readReply(reply(change), QUESTION)).toMatch(words);
  });

  it('may have other capitals, and FORMERR no question', () => {
    expect(
      typeof readReply(
        reply((octets) => void (octets[13] = 0x4c)),
        QUESTION,
      ),
    ).toBe('object');
    expect(typeof readReply(Uint8Array.of(0x12, 0x34, 0x84, 1, 0, 0, 0, 0, 0, 0, 0, 0), QUESTION)).toBe(
      'object',
    );
    expect(readReply(Uint8Array.of(0x12, 0x34, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0), QUESTION)).toMatch(
      /another/,
    );
  });

  it('of any octets is judged without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 100, max: 599 }), (octets, status) => {
        judgeReply({ status, headers: MESSAGE, octets }, QUESTION, true);
      }),
    );
  });
});
