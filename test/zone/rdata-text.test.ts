import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rdataText } from '../../zone/rdata-text.ts';
import { TYPE } from '../../zone/record.ts';

const octetsOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const ascii = (text: string): string => Buffer.from(text).toString('hex');
const EXAMPLE = `07 ${ascii('example')} 03 ${ascii('com')} 00`;

function textOf(type: number, hex: string): string {
  const octets = octetsOf(hex);
  return rdataText(octets, { type, at: 0, end: octets.length });
}

/** Presentation forms as the RFC of each type writes them. */
describe('RDATA as text', () => {
  it.each<[keyof typeof TYPE, string, string]>([
    ['A', '0a000001', '10.0.0.1'],
    ['AAAA', '20010db8000000000000000000000001', '2001:db8::1'],
    ['NS', EXAMPLE, 'example.com.'],
    ['CNAME', '00', '.'],
    ['PTR', `05 ${ascii('a.b c')} 00`, 'a\\.b\\032c.'],
    ['DNAME', EXAMPLE, 'example.com.'],
    [
      'SOA',
      `${EXAMPLE} 00 00000001 00000002 ffffffff 00000004 00000005`,
      'example.com. . 1 2 4294967295 4 5',
    ],
    ['MX', `000a ${EXAMPLE}`, '10 example.com.'],
    ['SRV', `0000 0001 7918 ${EXAMPLE}`, '0 1 31000 example.com.'],
    ['TXT', `03 ${ascii('a b')}`, '"a b"'],
    ['TXT', `01 22 00 02 5cff`, '"\\"" "" "\\\\\\255"'],
    ['HINFO', `07 ${ascii('RFC8482')} 00`, '"RFC8482" ""'],
    [
      'NAPTR',
      `0064 0032 01 ${ascii('s')} 04 ${ascii('http')} 00 ${EXAMPLE}`,
      '100 50 "s" "http" "" example.com.',
    ],
    ['CAA', `00 05 ${ascii('issue')} ${ascii('ca.example')}`, '0 issue "ca.example"'],
    ['CAA', `80 03 ${ascii('tbs')}`, '128 tbs ""'],
    ['DS', 'ec45 05 01 2bb183af', '60485 5 1 2bb183af'],
    ['CDS', '0000 00 00 00', '0 0 0 00'],
    ['DNSKEY', '0101 03 08 03010001', '257 3 8 AwEAAQ=='],
    ['CDNSKEY', '0000 03 00 00', '0 3 0 AA=='],
    ['SSHFP', '04 02 123456', '4 2 123456'],
    ['TLSA', '03 01 01 abcd', '3 1 1 abcd'],
    [
      'RRSIG',
      // 2003-03-22 17:31:03 and 2003-02-20 17:31:03, as in RFC 4034 §3.3.
      `0001 05 03 00015180 3e7c9dd7 3e5510d7 0a52 ${EXAMPLE} 0102`,
      'A 5 3 86400 20030322173103 20030220173103 2642 example.com. AQI=',
    ],
    // RFC 4034 §4.3: A MX RRSIG NSEC TYPE1234.
    [
      'NSEC',
      `04 ${ascii('host')} ${EXAMPLE} 0006 400100000003 041b 000000000000000000000000000000000000000000000000000020`,
      'host.example.com. A MX RRSIG NSEC TYPE1234',
    ],
    // RFC 5155 appendix A: salt aabbccdd, next 2t7b4g4vsa5smi47k61mv5bv1a22bojr.
    [
      'NSEC3',
      '01 01 000c 04 aabbccdd 14 174eb2409fe28bcb4887a1836f957f0a8425e27b 0007 220000000002 90',
      '1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA RRSIG DNSKEY NSEC3PARAM',
    ],
    ['NSEC3PARAM', '01 00 0000 00', '1 0 0 -'],
    ['HTTPS', '0001 00 0001 0006 02 6832 02 6833 0003 0002 20fb', '1 . alpn=h2,h3 port=8443'],
    ['HTTPS', `0000 ${EXAMPLE}`, '0 example.com.'],
    [
      'SVCB',
      `0001 00 0000 0004 0001 0003 0002 0000 0004 0008 0a000001 0a000002 0005 0002 0102
       0006 0010 20010db8000000000000000000000001 0007 0003 2f7b7d 029a 0002 6869`.replaceAll('\n', ''),
      '1 . mandatory=alpn,port no-default-alpn ipv4hint=10.0.0.1,10.0.0.2 ech=AQI= ipv6hint=2001:db8::1 dohpath="/{}" key666="hi"',
    ],
  ])('%s %s is %s', (type, hex, text) => {
    expect(textOf(TYPE[type], hex)).toBe(text);
  });

  it.each<[number, string, string]>([
    [65280, '0a0b', '\\# 2 0a0b'],
    [65280, '', '\\# 0'],
    [TYPE.A, '0a0000', '\\# 3 0a0000'],
    [TYPE.A, '0a00000102', '\\# 5 0a00000102'],
    [TYPE.AAAA, '0a000001', '\\# 4 0a000001'],
    [TYPE.NS, '0161', '\\# 2 0161'],
    [TYPE.NS, 'c000', '\\# 2 c000'],
    [TYPE.MX, '000a', '\\# 2 000a'],
    [TYPE.TXT, '', '\\# 0'],
    [TYPE.TXT, '05 6162', '\\# 3 056162'],
    [TYPE.SOA, '00 00 0001', '\\# 4 00000001'],
    [TYPE.HTTPS, '0001 00 0001 0003 05 68', '\\# 9 000100000100030568'],
    [TYPE.HTTPS, '0001 00 0003 0001 20', '\\# 8 0001000003000120'],
    [TYPE.NSEC, '00 00 20 01', '\\# 4 00002001'],
  ])('type %s, octets %j: %s (RFC 3597)', (type, hex, text) => {
    expect(textOf(type, hex)).toBe(text);
  });

  it('follows pointers to what stands before', () => {
    const octets = octetsOf(`0000 ${EXAMPLE} 000a 03 777777 c002`);
    expect(rdataText(octets, { type: TYPE.MX, at: 15, end: octets.length })).toBe('10 www.example.com.');
  });

  it('never throws, and says everything or nothing', () => {
    const types = [...Object.values(TYPE), 0, 65535];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 80 }), (type, octets) => {
        const text = rdataText(octets, { type, at: 0, end: octets.length });
        expect(text).toMatch(/^[\x20-\x7e]+$/);
      }),
      { numRuns: 3000 },
    );
  });
});
