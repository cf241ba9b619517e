import { describe, expect, it } from 'vitest';
import { type ChainedHow, MOST_CNAMES, nextInChain, writeChained } from '../../zone/chain.ts';
import { nameFromWire, nameToWire, parseName } from '../../zone/name.ts';
import type { Query } from '../../zone/query.ts';
import { TYPE } from '../../zone/record.ts';
import { EDE, RCODE, type Reply, writeReply } from '../../zone/wire.ts';
import { addresses, ask, judge, storedSet, ZONE } from './ask.ts';

const wire = (name: string): Uint8Array => nameToWire(parseName(name));
const QUERY = ask({
  name: 'WWW.mesos',
  type: TYPE.A,
  id: 7,
  flags: 0x0110,
  edns: { dnssecOk: true, padded: true },
});

function stepTo(target: string, chain: ReadonlySet<string> = new Set(), query = QUERY): Query {
  const step = nextInChain(query, wire(target), chain);
  return step.kind === 'query' ? step.query : expect.fail(step.problem);
}

describe('the next question of a chain', () => {
  it('asks the same of the target, and is a message of its own', () => {
    const next = stepTo('web.lab.example');
    expect(nameFromWire(next.name)).toBe('web.lab.example');
    expect([next.type, next.class, next.id]).toEqual([TYPE.A, 1, 0]);
    expect([next.recursionDesired, next.checkingDisabled]).toEqual([true, true]);
    expect(next.edns).toEqual({ version: 0, dnssecOk: true, padded: false });
    const expected = ask({ name: 'web.lab.example', type: TYPE.A, flags: 0x0110 });
    expect([...next.octets]).toEqual([...expected.octets]);
    expect(next.questionEnd).toBe(expected.questionEnd);
  });

  it('goes nowhere it has been', () => {
    expect(nextInChain(QUERY, wire('www.mesos'), new Set())).toMatchObject({ kind: 'problem' });
    const step = nextInChain(QUERY, wire('a.mesos'), new Set());
    if (step.kind !== 'query') expect.fail(step.problem);
    expect(nextInChain(step.query, wire('www.mesos'), step.chain)).toMatchObject({ kind: 'problem' });
    expect(nextInChain(step.query, wire('b.mesos'), step.chain)).toMatchObject({ kind: 'query' });
  });

  it(`ends behind ${MOST_CNAMES} CNAMEs`, () => {
    let [query, chain]: [Query, ReadonlySet<string>] = [QUERY, new Set()];
    for (let i = 0; i < MOST_CNAMES; i++) {
      const step = nextInChain(query, wire(`n${i}.mesos`), chain);
      if (step.kind !== 'query') expect.fail(`${i}: ${step.problem}`);
      ({ query, chain } = step);
    }
    expect(nextInChain(query, wire('last.mesos'), chain)).toEqual({
      kind: 'problem',
      problem: expect.stringContaining('more than 8'),
    });
  });
});

describe('a reply that begins with a CNAME', () => {
  const chained = (
    reply: Reply,
    how: Partial<ChainedHow> = {},
    query = QUERY,
  ): ReturnType<typeof writeChained> => {
    const rest = stepTo('web.mesos');
    const { octets } = writeReply(rest, reply, () => 0);
    return writeChained(query, {
      target: wire('web.mesos'),
      ttl: 60,
      rest: { query: rest, octets },
      recursionAvailable: false,
      extendedErrors: [],
      ...how,
    });
  };
  const written = (
    ...args: Parameters<typeof chained>
  ): ReturnType<typeof judge> & { ttl: number | undefined } => {
    const made = chained(...args);
    if ('errors' in made) expect.fail(JSON.stringify(made.errors));
    return { ...judge(made.octets), ttl: made.ttl };
  };
  const authority = { zone: ZONE, serial: 5 };
  const found: Reply = { rcode: 0, recursionAvailable: true, authority, rrsets: storedSet(addresses(2, 30)) };

  it('has the CNAME first, then what its target has, each under its own name', () => {
    const { packet, answers, ttl, flags, question } = written(found);
    expect(answers.map(({ name, type, ttl: each }) => `${name} ${type} ${each}`)).toEqual([
      'www.mesos 5 60',
      'web.mesos 1 30',
      'web.mesos 1 30',
    ]);
    expect(packet.answers?.[0]).toMatchObject({ type: 'CNAME', data: 'web.mesos' });
    expect(ttl).toBe(30);
    expect(Buffer.from(question).toString('latin1')).toContain('WWW');
    // QR, AA, RD, CD as asked; no RA, no AD.
    expect(flags).toBe(0x8510);
  });

  it('says of recursion what the zone says', () => {
    expect(written(found, { recursionAvailable: true }).flags & 0x0080).toBe(0x0080);
  });

  it('does not vouch for its CNAME because somebody vouches for the rest', () => {
    const rest = stepTo('web.mesos');
    const { octets } = writeReply(rest, found, () => 0);
    octets[3] = (octets[3] ?? 0) | 0x20;
    expect(written(found, { rest: { query: rest, octets } }).flags & 0x20).toBe(0);
  });

  it('is as short-lived as its CNAME', () => {
    expect(written(found, { ttl: 3 }).ttl).toBe(3);
    expect(written(found, { ttl: 0 }).ttl).toBe(0);
  });

  it.each([
    ['NXDOMAIN', RCODE.NXDOMAIN],
    ['NODATA', RCODE.NOERROR],
  ])('is %s where its target is, with the SOA', (_, rcode) => {
    const {
      answers,
      authority: soa,
      flags,
      ttl,
    } = written({
      rcode,
      recursionAvailable: false,
      authority: { ...authority, soa: 'negative' },
    });
    expect(flags & 0xf).toBe(rcode);
    expect(answers.map(({ type }) => type)).toEqual([TYPE.CNAME]);
    expect(soa.map(({ name, type }) => `${name} ${type}`)).toEqual([`mesos ${TYPE.SOA}`]);
    expect(ttl).toBe(10);
  });

  it('is the CNAME alone where nobody was asked', () => {
    const { answers, flags, ttl } = written({ rcode: RCODE.REFUSED, recursionAvailable: false });
    expect(answers.map(({ type }) => type)).toEqual([TYPE.CNAME]);
    expect([flags & 0xf, ttl]).toEqual([0, 60]);
  });

  it('fails where its target’s question failed, and says why', () => {
    const error = { code: EDE.notReady, text: 'no snapshot' };
    const failed: Reply = { rcode: RCODE.SERVFAIL, recursionAvailable: false, extendedErrors: [error] };
    const ours = { code: EDE.staleAnswer, text: 'old' };
    expect(chained(failed, { extendedErrors: [ours] })).toEqual({ errors: [ours, error] });
  });

  it.each([4_094, 5_000])('fails where it would be longer than a message: %i addresses', (count) => {
    const rrsets = storedSet(addresses(count, 30));
    expect(chained({ ...found, rrsets })).toMatchObject({ errors: [{ code: EDE.other }] });
  });
});
