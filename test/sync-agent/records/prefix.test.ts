import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefix, prefixOf } from '../../../sync-agent/records/prefix.ts';
import { parseAddress } from '../../../zone/address.ts';
import { FormatError } from '../../../zone/format-error.ts';

const within = (address: string, ...prefixes: string[]): string | undefined =>
  prefixOf(
    parseAddress(address) ?? expect.unreachable(),
    prefixes.map((text) => parsePrefix(text)),
  )?.text;

describe('a block of addresses', () => {
  it.each([
    ['172.17.0.0/16', '172.17.0.0/16'],
    ['172.17.42.1/16', '172.17.0.0/16'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.129.0.0/9', '10.128.0.0/9'],
    ['FD00::/8', 'fd00::/8'],
    ['fd7f::1/9', 'fd00::/9'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['::/0', '::/0'],
    ['::ffff:10.0.0.1/8', '10.0.0.0/8'],
  ])('%s is %s', (text, canonical) => {
    expect(parsePrefix(text).text).toBe(canonical);
  });

  it.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0/8',
    'fd00::/129',
    'fe80::1%eth0/10',
    'docker0',
    '10.0.0.0/255.0.0.0',
  ])('is not %j', (text) => {
    expect(() => parsePrefix(text)).toThrow(FormatError);
    expect(() => parsePrefix(text)).toThrow('is no address block such as 172.17.0.0/16 or fd00::/8');
  });

  it.each([
    ['172.17.0.0', '172.17.0.0/16', true],
    ['172.17.255.255', '172.17.0.0/16', true],
    ['172.18.0.0', '172.17.0.0/16', false],
    ['172.16.255.255', '172.17.0.0/16', false],
    ['10.127.255.255', '10.128.0.0/9', false],
    ['10.128.0.0', '10.128.0.0/9', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.2', '10.0.0.1', false],
    ['255.255.255.255', '0.0.0.0/0', true],
    ['::1', '0.0.0.0/0', false],
    ['10.0.0.1', '::/0', false],
    ['::ffff:10.0.0.1', '10.0.0.0/8', true],
    ['febf::1', 'fe80::/10', true],
    ['fec0::1', 'fe80::/10', false],
  ])('has %s in %s: %s', (address, prefix, isWithin) => {
    expect(within(address, prefix) !== undefined).toBe(isWithin);
  });

  it('is the first of several that holds it', () => {
    expect(within('10.1.2.3', '192.0.2.0/24', '10.1.0.0/16', '10.0.0.0/8')).toBe('10.1.0.0/16');
    expect(within('10.1.2.3')).toBeUndefined();
  });

  it('holds an address exactly where their first bits are the same', () => {
    const octets = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    const bits = (of: Uint8Array): string =>
      [...of].map((octet) => octet.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(octets, fc.nat(128), fc.nat(127), (base, some, flip) => {
        const length = some % (8 * base.length + 1);
        const prefix = { text: '', octets: base, length };
        const masked = Uint8Array.from(
          bits(base)
            .slice(0, length)
            .padEnd(8 * base.length, '0')
            .match(/.{8}/g) ?? [],
          (octet) => Number.parseInt(octet, 2),
        );
        const at = flip % (8 * base.length);
        const flipped = base.map((octet, i) => (i === at >> 3 ? octet ^ (0x80 >> (at & 7)) : octet));
        expect(prefixOf(flipped, [{ ...prefix, octets: masked }]) !== undefined).toBe(at >= length);
      }),
    );
  });
});
