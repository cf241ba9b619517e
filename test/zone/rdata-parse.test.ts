import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { parseRdata } from '../../zone/rdata-parse.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { TYPE } from '../../zone/record.ts';

const back = (type: number, rdata: Uint8Array): string =>
  rdataText(rdata, { type, at: 0, end: rdata.length });

describe('RDATA from presentation form', () => {
  it.each<[keyof typeof TYPE, string, string?]>([
    ['A', '10.0.0.1'],
    ['AAAA', '2001:db8::1'],
    ['AAAA', '::ffff:1.2.3.4', '::ffff:102:304'],
    ['A', '::ffff:1.2.3.4', '1.2.3.4'],
    ['SVCB', '1 a. ipv6hint=::ffff:1.2.3.4', '1 a. ipv6hint=::ffff:102:304'],
    ['CNAME', 'web.marathon.mesos.'],
    ['CNAME', 'Web.Marathon.mesos', 'web.marathon.mesos.'],
    ['PTR', 'a\\.b\\032c.'],
    ['NS', '.'],
    ['MX', '10 mail.example.com.'],
    ['SRV', '0 1 31000 web.mesos.'],
    ['TXT', '"a b" "c\\"\\\\\\255"'],
    ['TXT', 'plain "and quoted"', '"plain" "and quoted"'],
    ['TXT', '""'],
    ['HINFO', '"RFC8482" ""'],
    ['CAA', '0 issue "ca.example"'],
    ['NAPTR', '100 50 "s" "http" "" example.com.'],
    ['SSHFP', '4 2 123456'],
    ['HTTPS', '1 . alpn=h2,http/1.1 port=8443'],
    ['HTTPS', '1 . port=8443 alpn=h2', '1 . alpn=h2 port=8443'],
    ['SVCB', '1 svc.example.com. mandatory=port port=53 ipv4hint=10.0.0.1,10.0.0.2 ipv6hint=::1'],
    ['SVCB', '1 a. key65280="x y"'],
    ['HTTPS', '0 other.example.com.'],
    ['DS', '\\# 2 abcd', '\\# 2 abcd'],
  ])('%s %s', (name, text, canonical = text) => {
    expect(back(TYPE[name], parseRdata(TYPE[name], text))).toBe(canonical);
  });

  it.each<[number, string, RegExp]>([
    [TYPE.A, '10.0.0', /IPv4/],
    [TYPE.A, '10.0.0.1 10.0.0.2', /1 fields too many/],
    [TYPE.AAAA, '1.2.3.4', /IPv6/],
    [TYPE.MX, 'mail.example.com.', /number up to 65535/],
    [TYPE.MX, '70000 a.', /number up to 65535/],
    [TYPE.MX, '10', /too few/],
    [TYPE.TXT, '"open', /quotation mark/],
    [TYPE.TXT, `"${'x'.repeat(256)}"`, /255/],
    [TYPE.TXT, '"\\25"', /escape/],
    [TYPE.TXT, '"\\300"', /\\DDD/],
    [TYPE.TXT, '"ü€"', /\\DDD/],
    [TYPE.HTTPS, '1 . port=80 port=81', /port twice/],
    [TYPE.HTTPS, '1 . colour=red', /unknown parameter/],
    [TYPE.HTTPS, '1 . no-default-alpn=1', /no-default-alpn/],
    [TYPE.CNAME, `${'a'.repeat(64)}.`, /label/],
    [65_280, 'abc', /# length hex/],
    [65_280, '\\# 3 abcd', /holds 2 octets/],
    [TYPE.SSHFP, '4 2 12345', /hex/],
  ])('type %i %s is refused', (type, text, why) => {
    expect(() => parseRdata(type, text)).toThrow(why);
  });

  it('gives back what was written of any octets, and throws nothing but FormatError for any text', () => {
    const types = [TYPE.TXT, TYPE.CAA, TYPE.MX, TYPE.SVCB, TYPE.HTTPS, TYPE.NAPTR, TYPE.SSHFP, 65_280];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 60 }), (type, octets) => {
        const text = back(type, octets);
        expect(back(type, parseRdata(type, text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.string({ maxLength: 40 }), (type, text) => {
        try {
          parseRdata(type, text);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});
