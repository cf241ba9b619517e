import { describe, expect, it } from 'vitest';
import { answerSpecialName, answerSpecialType } from '../../worker/special-names.ts';
import { writeForwardedReply } from '../../zone/forwarded.ts';
import { readQuery } from '../../zone/query.ts';
import { encodeQuestion, typeNumber } from '../message.ts';
import { answersOf, readReply, type Reply } from './edge.ts';

async function answerTo(name: string, type = 'A'): Promise<Reply | undefined> {
  const query = readQuery(encodeQuestion({ name, type: typeNumber(type), edns: 1232 }));
  if (query?.kind !== 'query') return expect.fail('no query');
  const reply = answerSpecialName(query) ?? answerSpecialType(query.type);
  return reply && readReply(new Response(new Uint8Array(writeForwardedReply(query, reply).octets)));
}

async function summary(name: string, type?: string): Promise<string> {
  const reply = await answerTo(name, type);
  if (!reply) return 'forwarded';
  const { authorities = [] } = reply.packet;
  return [
    reply.rcode,
    ...answersOf(reply.packet),
    ...authorities.map((soa) => `${soa.type} ${soa.name}`),
  ].join(' ');
}

const REVERSE_ZONES = [
  ...['0', '10', '127', '254.169', '168.192', '2.0.192', '100.51.198', '113.0.203', '255.255.255.255'],
  ...Array.from({ length: 16 }, (_, i) => `${16 + i}.172`),
  ...Array.from({ length: 64 }, (_, i) => `${64 + i}.100`),
].map((labels) => `${labels}.in-addr.arpa`);
const REVERSE6_ZONES = [
  ...['d.f', '8.e.f', '9.e.f', 'a.e.f', 'b.e.f', '8.b.d.0.1.0.0.2'],
  Array.from({ length: 32 }, () => '0').join('.'),
  `1${'.0'.repeat(31)}`,
].map((labels) => `${labels}.ip6.arpa`);

describe('special-use names', () => {
  it.each(['test', 'invalid', 'local', 'onion', 'alt', 'internal'])('.%s: there is none', async (name) => {
    for (const asked of [name, `www.${name}`, `a.b.c.${name}`, name.toUpperCase()]) {
      for (const type of ['A', 'AAAA', 'HTTPS', 'SOA', 'ANY'])
        expect(await summary(asked, type)).toBe(`NXDOMAIN SOA ${name}`);
    }
    expect(await summary(`x${name}`)).toBe('forwarded');
    expect(await summary(`${name}.example`)).toBe('forwarded');
  });

  it('localhost is this machine, and so is all below it', async () => {
    for (const name of ['localhost', 'www.localhost']) {
      expect(await summary(name, 'A')).toBe('NOERROR A "127.0.0.1"');
      expect(await summary(name, 'AAAA')).toBe('NOERROR AAAA "::1"');
      expect(await summary(name, 'ANY')).toBe('NOERROR A "127.0.0.1" AAAA "::1"');
      expect(await summary(name, 'MX')).toBe('NOERROR SOA localhost');
    }
  });

  it('resolver.arpa tells of no resolver (RFC 9462)', async () => {
    for (const name of ['_dns.resolver.arpa', 'resolver.arpa', '_DNS.Resolver.ARPA']) {
      for (const type of ['SVCB', 'A']) expect(await summary(name, type)).toBe('NOERROR SOA resolver.arpa');
    }
    expect(await summary('xresolver.arpa')).toBe('forwarded');
  });

  it.each([...REVERSE_ZONES, ...REVERSE6_ZONES, 'home.arpa'])('%s is empty', async (zone) => {
    expect(await summary(`1.${zone}`, 'PTR')).toBe(`NXDOMAIN SOA ${zone}`);
    expect(await summary(`4.3.2.${zone}`.slice(-253), 'ANY')).toBe(`NXDOMAIN SOA ${zone}`);
    expect(await summary(zone, 'PTR')).toBe(`NOERROR SOA ${zone}`);
    expect(await summary(zone, 'SOA')).toMatch(/^NOERROR SOA \{/);
    expect(await summary(zone, 'NS')).toBe(`NOERROR NS ${JSON.stringify(zone)}`);
  });

  it.each([
    ...[
      '1.0.0.1.in-addr.arpa',
      '15.172.in-addr.arpa',
      '32.172.in-addr.arpa',
      '63.100.in-addr.arpa',
      '128.100.in-addr.arpa',
    ],
    ...[
      '172.in-addr.arpa',
      '100.in-addr.arpa',
      'in-addr.arpa',
      'ip6.arpa',
      'arpa',
      'c.f.ip6.arpa',
      '7.e.f.ip6.arpa',
    ],
    ...['e.f.ip6.arpa', '0.0.ip6.arpa', 'example', 'example.com', '10.arpa', ''],
  ])('%j is not special', async (name) => {
    expect(await summary(name, 'PTR')).toBe('forwarded');
  });

  it('come with an SOA that says how long, and with the word that they are made up here', async () => {
    const reply = await answerTo('1.0.0.10.in-addr.arpa', 'PTR');
    expect(reply?.packet.authorities).toMatchObject([
      {
        ttl: 10_800,
        data: { mname: '10.in-addr.arpa', rname: 'nobody.invalid', serial: 1, minimum: 10_800 },
      },
    ]);
    expect(reply?.packet).toMatchObject({ flag_aa: false, flag_ra: true, flag_ad: false });
    expect(reply?.errors).toEqual([{ code: 29, text: expect.stringMatching(/never forwarded/) }]);
  });
});

it('ANY is HINFO, whatever the name (RFC 8482)', async () => {
  for (const name of ['www.example.com', '', 'com']) {
    expect(await summary(name, 'ANY')).toBe('NOERROR HINFO {"cpu":"RFC8482","os":""}');
    expect((await answerTo(name, 'ANY'))?.packet.answers?.[0]?.name).toBe(name === '' ? '.' : name);
  }
  expect(await summary('www.example.com', 'HINFO')).toBe('forwarded');
});

it.each(['AXFR', 'IXFR', 'TYPE253', 'TYPE254', 'TYPE249', 'TYPE250', 'TYPE41'])(
  '%s is refused',
  async (type) => {
    const reply = await answerTo('www.example.com', type);
    expect([reply?.rcode, reply?.errors]).toMatchObject(['REFUSED', [{ code: 21 }]]);
    expect(await summary('www.test', type)).toMatch(/^NXDOMAIN/);
  },
);

it.each(['TYPE0', 'TYPE40', 'TYPE42', 'TYPE248', 'TYPE256', 'TYPE65535'])('%s is forwarded', async (type) => {
  expect(await summary('www.example.com', type)).toBe('forwarded');
});
