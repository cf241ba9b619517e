import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, formatAddress, parseAddress, reverseName } from '../../zone/address.ts';
import { anyText } from './arbitrary.ts';

/** What a URL parser makes of an IPv6 text (WHATWG, which writes RFC 5952's form). */
function asUrlHost(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

function isMapped(octets: Uint8Array): boolean {
  return (
    octets.length === 16 &&
    octets.subarray(0, 10).every((octet) => octet === 0) &&
    octets[10] === 0xff &&
    octets[11] === 0xff
  );
}

/** Eight groups, zeros often, written in any way that RFC 4291 §2.2 allows. */
const anyIPv6Text = fc
  .record({
    groups: fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff), fc.constant(0xffff)), {
      minLength: 8,
      maxLength: 8,
    }),
    from: fc.nat(8),
    length: fc.nat(8),
    capitals: fc.boolean(),
    width: fc.integer({ min: 1, max: 4 }),
    dotted: fc.boolean(),
  })
  .map(({ groups, from, length, capitals, width, dotted }) => {
    const end = Math.min(8, from + length);
    const written = groups.map((group, i) => (i >= from && i < end ? 0 : group));
    const [high = 0, low = 0] = written.slice(6);
    const texts = written.map((group) => group.toString(16).padStart(width, '0'));
    if (dotted) texts.splice(6, 2, [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.'));
    const most = dotted ? 6 : 8;
    const text =
      end > from && end <= most
        ? `${texts.slice(0, from).join(':')}::${texts.slice(end).join(':')}`
        : texts.join(':');
    return capitals ? text.toUpperCase() : text;
  });

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['0001:0002:0003:0004:0005:0006:0007:0008', '1:2:3:4:5:6:7:8'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:0a00:1', '10.0.0.1'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['::1.2.3.4', '::102:304'],
    ['::fffe:1.2.3.4', '::fffe:102:304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['1:2:3:4:5::1.2.3.4', '1:2:3:4:5:0:102:304'],
  ])('reads %s as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    '.',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4.',
    '.1.2.3.4',
    '1..2.3',
    '256.1.1.1',
    '1.1.1.1000',
    '01.2.3.4',
    '00.0.0.0',
    '1.2.3.04',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '+1.2.3.4',
    '-1.2.3.4',
    '1.2.3.4/8',
    '0x1.2.3.4',
    '1e1.2.3.4',
    '١.2.3.4',
    ':',
    ':::',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    ':1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:',
    ':1',
    '1:',
    '12345::',
    'g::',
    '-1::',
    '0x1::',
    '::1%eth0',
    'fe80::1%1',
    '[::1]',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1.2.3',
    '::01.2.3.4',
    '::ffff:1.2.3.04',
    ':1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4:1.2.3.4',
    ':::1.2.3.4',
    '::1.2.3.4%eth0',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('takes what node:net takes, but for zones', () => {
    const seen = { yes: 0, no: 0 };
    const text = fc.oneof(
      fc
        .array(fc.constantFrom('0', '1', '25', '255', '256', '.', '.', '.'), { minLength: 5, maxLength: 9 })
        .map((parts) => parts.join('')),
      fc
        .array(fc.constantFrom('0', '1', 'ff', 'FFFF', '1.2.3.4', ':', ':', '::', '.', '%'), {
          maxLength: 17,
        })
        .map((parts) => parts.join('')),
      fc.ipV4(),
      fc.ipV6(),
      anyIPv6Text,
      anyText(50),
    );
    fc.assert(
      fc.property(text, (text) => {
        const expected = text.includes('%') ? 0 : isIP(text);
        const octets = parseAddress(text);
        expect(octets?.length).toBe(
          expected === 0 ? undefined : expected === 4 || (octets && isMapped(hexOf(text))) ? 4 : 16,
        );
        seen[expected === 0 ? 'no' : 'yes']++;
      }),
      { numRuns: 3000 },
    );
    expect(seen.yes).toBeGreaterThan(500);
    expect(seen.no).toBeGreaterThan(500);
  });

  it('reads IPv6 in any writing as a URL parser does', () => {
    fc.assert(
      fc.property(anyIPv6Text, (text) => {
        const expected = hexOf(text);
        expect(parseAddress(text)).toEqual(isMapped(expected) ? expected.slice(12) : expected);
      }),
      { numRuns: 1000 },
    );
  });
});

/** 16 octets of an IPv6 text, by way of the URL parser's canonical form. */
function hexOf(text: string): Uint8Array {
  if (!text.includes(':')) return new Uint8Array();
  const [head = '', tail] = asUrlHost(text).split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

describe('formatAddress', () => {
  it('writes IPv4 as dotted numbers, and reads it back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (octets) => {
        expect(isIP(formatAddress(octets))).toBe(4);
        expect(parseAddress(formatAddress(octets))).toEqual(octets);
      }),
    );
  });

  it('writes IPv6 as a URL parser does, and reads it back', () => {
    const octets = fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(octets, (numbers) => {
        const octets = Uint8Array.from(numbers);
        const text = formatAddress(octets);
        expect(asUrlHost(text)).toBe(text);
        expect(parseAddress(text)).toEqual(isMapped(octets) ? octets.slice(12) : octets);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the name of an address', () => {
  it.each([
    ['10.32.0.5', '5.0.32.10.in-addr.arpa.'],
    ['2001:db8::1', '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.'],
    ['::ffff:10.0.0.1', '1.0.0.10.in-addr.arpa.'],
  ])('%s is %s', (text, name) => expect(reverseName(parseAddress(text) ?? new Uint8Array())).toBe(name));
});
