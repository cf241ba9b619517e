import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../zone/address.ts';
import { pointsInside } from '../../zone/private-address.ts';
import { hex } from './arbitrary.ts';

function octetsOf(text: string): Uint8Array {
  return parseAddress(text) ?? expect.fail(text);
}

/** An IPv4 address as an IPv6 one, which `parseAddress` would take for IPv4. */
function mapped(text: string, prefix = '00000000000000000000ffff'): Uint8Array {
  return Uint8Array.of(...hex(prefix), ...octetsOf(text));
}

const INSIDE = [
  ...['0.0.0.0', '0.255.255.255', '10.0.0.0', '10.255.255.255', '127.0.0.1', '127.255.255.255'],
  ...['100.64.0.0', '100.127.255.255', '169.254.0.0', '169.254.169.254', '172.16.0.0', '172.31.255.255'],
  ...['192.168.0.0', '192.168.255.255'],
];
const OUTSIDE = [
  ...[
    '1.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
  ],
  ...['169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0'],
  ...['192.0.2.1', '198.18.53.53', '203.0.113.1', '8.8.8.8', '255.255.255.255'],
];

describe('an address inside', () => {
  it.each(INSIDE)('%s, in IPv6 too', (text) => {
    expect(pointsInside(1, octetsOf(text))).toBe(true);
    for (const prefix of [undefined, '0000000000000000 00000000', '0064ff9b 0000000000000000'])
      expect(pointsInside(28, mapped(text, prefix)), prefix).toBe(true);
  });

  it.each(OUTSIDE)('not %s, in IPv6 neither', (text) => {
    expect(pointsInside(1, octetsOf(text))).toBe(false);
    for (const prefix of [undefined, '0064ff9b 0000000000000000'])
      expect(pointsInside(28, mapped(text, prefix)), prefix).toBe(false);
  });

  it.each([
    ...([
      ['::', true],
      ['::1', true],
      ['fc00::', true],
      ['fdff:ffff::1', true],
      ['fe80::', true],
      ['febf::1', true],
    ] as const),
    ...([
      ['fec0::1', true],
      ['fbff::1', false],
      ['fe7f::1', false],
      ['ff02::1', false],
      ['2001:db8::a00:1', false],
    ] as const),
    ...([
      ['2606:4700::1111', false],
      ['64:ff9b:1::a00:1', false],
      ['1::a00:1', false],
    ] as const),
  ])('%s: %s', (text, inside) => {
    expect(pointsInside(28, octetsOf(text))).toBe(inside);
  });

  it.each([
    ['an A record’s octets as TXT', 16, '0a000001', false],
    ['no hints', 65, '0001 00', false],
    ['an alias', 65, '0000 03777777 07 6578616d706c65 00', false],
    ['a hint inside', 65, '0001 00 0001 0003 026832 0004 0004 0a000001', true],
    ['a hint inside behind one outside', 64, '0001 00 0004 0008 c0000201 c0a80001', true],
    ['a hint inside, the target a name', 65, '0001 03777777 00 0004 0004 7f000001', true],
    ['an IPv6 hint inside', 65, `0001 00 0006 0010 fd${'00'.repeat(15)}`, true],
    ['hints outside', 65, `0001 00 0004 0004 c0000201 0006 0010 20010db8${'00'.repeat(12)}`, false],
    ['an ALPN that looks like an address', 65, '0001 00 0001 0004 0a000001', false],
    ['a hint that is cut off', 65, '0001 00 0004 0004 0a', false],
    ['parameters that do not fit', 65, '0001 00 0004 ffff 0a000001', true],
    ['a target without end', 65, '0001 3f', false],
    ['nothing', 65, '', false],
  ])('%s', (_, type, rdata, inside) => {
    expect(pointsInside(type, hex(rdata))).toBe(inside);
  });
});
