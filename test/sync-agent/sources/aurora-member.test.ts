import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMember } from '../../../sync-agent/sources/aurora-member.ts';

const CAPTURES = new URL('../../../../shared/captures/aurora-serverset/', import.meta.url);
const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (json: unknown): ReturnType<typeof readMember> =>
  readMember('member_0000000001', octets(JSON.stringify(json)));
const whole = {
  serviceEndpoint: { host: 'h1', port: 31000 },
  additionalEndpoints: { http: { host: 'h1', port: 31000 }, aurora: { host: 'h1', port: 31000 } },
  status: 'ALIVE',
  shard: 3,
};

describe('a member of a ServerSet', () => {
  it('has its primary endpoint, others by name, and its shard', () => {
    expect(read(whole)).toEqual({
      kind: 'alive',
      member: {
        name: 'member_0000000001',
        shard: 3,
        primary: { host: 'h1', port: 31000, addresses: [] },
        additional: [
          { alias: 'aurora', host: 'h1', port: 31000, addresses: [] },
          { alias: 'http', host: 'h1', port: 31000, addresses: [] },
        ],
      },
    });
  });

  it('may lack additional endpoints and a shard, and have keys nobody knows', () => {
    const { status, serviceEndpoint } = whole;
    expect(read({ status, serviceEndpoint, metadata: { a: 'b' }, member_id: 7 })).toMatchObject({
      kind: 'alive',
      member: { shard: undefined, additional: [] },
    });
    expect(read({ ...whole, shard: null })).toMatchObject({ kind: 'alive', member: { shard: undefined } });
  });

  it('tells the addresses of its host, canonical; what is no address is none', () => {
    const serviceEndpoint = { host: 'h', port: 1, inet: '10.0.0.1', inet6: '2001:DB8::0:1' };
    expect(read({ ...whole, serviceEndpoint })).toMatchObject({
      member: { primary: { addresses: ['10.0.0.1', '2001:db8::1'] } },
    });
    expect(read({ ...whole, serviceEndpoint: { host: 'h', port: 1, inet: 'localhost' } })).toMatchObject({
      member: { primary: { addresses: [] } },
    });
  });

  it.each(['DEAD', 'STARTING', 'STOPPING', 'STOPPED', 'WARNING'])('is left out while it is %s', (status) => {
    expect(read({ ...whole, status })).toEqual({ kind: 'left-out', status });
  });

  it('keeps port 0, which says that there is none', () => {
    expect(read({ ...whole, serviceEndpoint: { host: 'h', port: 0 } })).toMatchObject({
      member: { primary: { port: 0 } },
    });
  });

  it.each<[string, unknown, string]>([
    ['no status', { ...whole, status: undefined }, 'status'],
    ['a status nobody knows', { ...whole, status: 'FINE' }, '"FINE"'],
    ['a status that is a number', { ...whole, status: 2 }, 'number 2'],
    ['no endpoint', { ...whole, serviceEndpoint: undefined }, 'serviceEndpoint'],
    ['an endpoint without a port', { ...whole, serviceEndpoint: { host: 'h1' } }, 'has no port'],
    ['an endpoint without a host', { ...whole, serviceEndpoint: { port: 1 } }, 'no host'],
    ['a port above 65535', { ...whole, serviceEndpoint: { host: 'h', port: 65536 } }, '65536'],
    ['a port that is a text', { ...whole, serviceEndpoint: { host: 'h', port: '80' } }, 'string "80"'],
    ['a port that is half', { ...whole, serviceEndpoint: { host: 'h', port: 0.5 } }, '0.5'],
    ['endpoints in a list', { ...whole, additionalEndpoints: [] }, 'a list'],
    ['a list', [], 'a list'],
  ])('is unreadable with %s', (_, json, why) => {
    const member = read(json);
    expect(member).toMatchObject({ kind: 'unreadable', reason: 'server-set-member' });
    expect(member.kind === 'unreadable' && member.why).toContain(why);
  });

  it.each<[string, unknown, string]>([
    ['a port above 65535', { host: 'h1', port: 65_536 }, 'has port 65536, which is none'],
    ['a port that is a text', { host: 'h1', port: '80' }, 'string "80"'],
    ['no host', { port: 80 }, 'has no host'],
    ['a list in its place', [], 'is a list'],
  ])('is there without an additional endpoint that has %s', (_, admin, why) => {
    const { http } = whole.additionalEndpoints;
    const member = read({ ...whole, additionalEndpoints: { admin, http } });
    expect(member).toMatchObject({
      kind: 'alive',
      member: { primary: { port: 31000 }, additional: [{ alias: 'http', port: 31000 }] },
      faults: [expect.stringMatching(/^additional endpoint admin: /)],
    });
    expect(member.kind === 'alive' && member.faults?.[0]).toContain(why);
  });

  it.each<[string, unknown, string]>([
    ['a text', '1', 'string "1"'],
    ['below 0', -1, 'number -1'],
    ['half', 1.5, 'number 1.5'],
    ['above 31 bits', 2 ** 31, 'number 2147483648'],
  ])('is there without its shard, which is told, where that is %s', (_, shard, what) => {
    expect(read({ ...whole, shard })).toMatchObject({
      kind: 'alive',
      member: { shard: undefined, primary: { port: 31000 } },
      faults: [`shard is ${what}, which is no instance number`],
    });
  });

  it('tells of ten bad endpoints, not of all', () => {
    const bad = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`a${i}`, {}]));
    const member = read({ ...whole, additionalEndpoints: bad });
    expect(member.kind === 'alive' && member.faults).toHaveLength(10);
  });

  it('is unreadable too where it is cut off, or larger than any', () => {
    const text = JSON.stringify(whole);
    expect(readMember('m', octets(text.slice(0, -1)))).toMatchObject({ reason: 'server-set-member' });
    const long = { ...whole, metadata: 'x'.repeat(70_000) };
    expect(read(long)).toMatchObject({ kind: 'unreadable', reason: 'server-set-member' });
  });

  it('is told apart where an old announcer wrote Thrift', () => {
    // A binary ServiceInstance: field 1, a struct with a string and a 32-bit number.
    const thrift = Uint8Array.of(12, 0, 1, 11, 0, 1, 0, 0, 0, 2, 104, 49, 8, 0, 2, 0, 0, 121, 24, 0, 0);
    expect(readMember('member_0', thrift)).toMatchObject({ kind: 'unreadable', reason: 'server-set-thrift' });
    expect(readMember('member_0', Uint8Array.of(0xff))).toMatchObject({ reason: 'server-set-thrift' });
    expect(readMember('member_0', new Uint8Array())).toMatchObject({ reason: 'server-set-thrift' });
  });

  it('never throws and never gives a port that is none, whatever the node holds', () => {
    const json = fc.oneof(
      fc.json(),
      fc
        .record({
          status: fc.constantFrom('ALIVE', 'DEAD', 1, null),
          serviceEndpoint: fc.oneof(
            fc.record({ host: fc.string(), port: fc.oneof(fc.integer(), fc.double()) }),
            fc.jsonValue(),
          ),
          additionalEndpoints: fc.jsonValue(),
          shard: fc.oneof(fc.integer(), fc.jsonValue()),
        })
        .map((value) => JSON.stringify(value)),
    );
    const data = fc.oneof(fc.uint8Array({ maxLength: 60 }), json.map(octets));
    fc.assert(
      fc.property(data, (node) => {
        const member = readMember('member_0', node);
        if (member.kind !== 'alive') return;
        for (const { port, host } of [member.member.primary, ...member.member.additional]) {
          expect(Number.isInteger(port) && port >= 0 && port <= 65535).toBe(true);
          expect(host).not.toBe('');
        }
      }),
    );
  });
});

describe.skipIf(!existsSync(CAPTURES))('members as they were found', () => {
  const captured = (file: string): ReturnType<typeof readMember> =>
    readMember('member_0000000000', readFileSync(new URL(file, CAPTURES)));

  it("finagle's has three hosts", () => {
    expect(captured('member-finagle.json')).toMatchObject({
      kind: 'alive',
      member: {
        shard: 0,
        primary: { host: '10.0.0.3', port: 31781 },
        additional: [
          { alias: 'aurora', host: '10.0.0.1' },
          { alias: 'http', host: '10.0.0.2' },
        ],
      },
    });
  });

  it("twitter/commons's tells addresses of both families", () => {
    expect(captured('member-inet-inet6.json')).toMatchObject({
      kind: 'alive',
      member: {
        primary: { port: 31512, addresses: ['1.2.3.4', '2001:db8:1234:ffff:ffff:ffff:ffff:ffff'] },
        additional: [
          { alias: 'aurora', addresses: ['1.2.3.4'] },
          { alias: 'health', addresses: ['2001:db8:1234:ffff:ffff:ffff:ffff:ffff'] },
        ],
      },
    });
  });

  it("Aurora's has neither more endpoints nor a shard", () => {
    expect(captured('member-no-additional.json')).toMatchObject({
      kind: 'alive',
      member: { shard: undefined, primary: { host: 'foo', port: 1000 }, additional: [] },
    });
  });
});
