import { parseZone } from 'dnsz';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseZoneFile } from '../../sync-agent/zone-file.ts';
import { emptyRecords } from '../../sync-agent/records/record-set.ts';
import { toZoneContent } from '../../sync-agent/records/rrsets.ts';
import { parseName } from '../../zone/name.ts';

const PLACE = { path: '/etc/static.zone', domain: parseName('mesos'), ttl: 30, srvWeight: 1 };
/** `name TYPE value`, one a record. */
const read = (text: string): string[] =>
  parseZoneFile(text, PLACE).map(
    ({ name, type, value }) => `${name} ${type === 'MORE' ? '' : `${type} `}${value}`,
  );

describe('a zone file', () => {
  it.each<[string, string, string[]]>([
    ['nothing', '', []],
    ['comments and blanks', '; a\n\n   \n\t; b\n', []],
    ['a relative name', 'printer A 10.9.9.9', ['printer.mesos. A 10.9.9.9']],
    ['an absolute name', 'printer.mesos. A 10.9.9.9', ['printer.mesos. A 10.9.9.9']],
    ['the apex', '@ TXT "x"', ['mesos. TXT "x"']],
    ['capitals', 'Printer.MESOS. a 10.9.9.9', ['printer.mesos. A 10.9.9.9']],
    [
      'tabs and CRLF',
      'printer\tIN\tA\t10.9.9.9\r\nb\tA\t10.9.9.8\r\n',
      ['printer.mesos. A 10.9.9.9', 'b.mesos. A 10.9.9.8'],
    ],
    [
      'a name that begins with a digit',
      '10 A 10.9.9.9\n3com 60 IN A 10.9.9.8',
      ['10.mesos. A 10.9.9.9', '3com.mesos. A 10.9.9.8', '3com.mesos. TTL 60'],
    ],
    [
      'the name before',
      'a A 10.0.0.1\n  A 10.0.0.2\n\n; b\n\tAAAA fd00::1',
      ['a.mesos. A 10.0.0.1', 'a.mesos. A 10.0.0.2', 'a.mesos. AAAA fd00::1'],
    ],
    [
      'TTL and class in any order',
      'a 30 IN A 10.0.0.1\nb IN 30 A 10.0.0.1\nc IN A 10.0.0.1',
      ['a.mesos. A 10.0.0.1', 'b.mesos. A 10.0.0.1', 'c.mesos. A 10.0.0.1'],
    ],
    ['TTLs with units', 'a 1h30m A 10.0.0.1', ['a.mesos. A 10.0.0.1', 'a.mesos. TTL 5400']],
    [
      'the least TTL of a name',
      'a 300 A 10.0.0.1\na 60 TXT "x"',
      ['a.mesos. A 10.0.0.1', 'a.mesos. TXT "x"', 'a.mesos. TTL 60'],
    ],
    [
      '$TTL',
      '$TTL 1m\na A 10.0.0.1\nb 30 A 10.0.0.1',
      ['a.mesos. A 10.0.0.1', 'b.mesos. A 10.0.0.1', 'a.mesos. TTL 60'],
    ],
    [
      '$ORIGIN',
      '$ORIGIN apps\na A 10.0.0.1\n$ORIGIN mesos.\nb CNAME a.apps',
      ['a.apps.mesos. A 10.0.0.1', 'b.mesos. CNAME a.apps.mesos.'],
    ],
    ['an alias', 'www CNAME web.marathon', ['www.mesos. CNAME web.marathon.mesos.']],
    ['an alias to outside', 'www CNAME example.com.', ['www.mesos. CNAME example.com.']],
    ['a wildcard', '*.apps A 10.0.0.1', ['*.apps.mesos. A 10.0.0.1']],
    ['a mail exchange', '@ MX 10 mail', ['mesos. MX 10 mail.mesos.']],
    [
      'services',
      '_x._tcp SRV 0 1 80 a\n_x._tcp SRV 5 7 81 b.mesos.',
      ['_x._tcp.mesos. SRV a.mesos.:80', '_x._tcp.mesos. SRV b.mesos.:81 5 7'],
    ],
    [
      'service bindings',
      'a HTTPS 1 . port=8443 alpn="h2,h3"\nb HTTPS 0 a',
      ['a.mesos. HTTPS 1 . alpn=h2,h3 port=8443', 'b.mesos. HTTPS 0 a.mesos.'],
    ],
    [
      'a NAPTR',
      'a NAPTR 100 10 "S" "SIP+D2U" "!^.*$!sip:x!" srv',
      ['a.mesos. NAPTR 100 10 "S" "SIP+D2U" "!^.*$!sip:x!" srv.mesos.'],
    ],
    ['CAA', '@ CAA 0 issue "ca.example"', ['mesos. CAA 0 issue "ca.example"']],
    ['words without quotes', 'a TXT hello world', ['a.mesos. TXT "hello" "world"']],
    ['what would be a comment in quotes', 'a TXT "a;b" "(c  d)" ; e "f', ['a.mesos. TXT "a;b" "(c  d)"']],
    [
      'escapes in quotes',
      String.raw`a TXT "a\"b;\\" "\195\169"`,
      [String.raw`a.mesos. TXT "a\"b;\\" "\195\169"`],
    ],
    [
      'parentheses over lines',
      'a TXT ( "one" ; first\n  "t  wo" ) ; end\nb A 10.0.0.1',
      ['a.mesos. TXT "one" "t  wo"', 'b.mesos. A 10.0.0.1'],
    ],
    [
      'letters that are not ASCII as the octets of the file',
      String.raw`a TXT "ü" h€ "日 \ü \\ü \252"`,
      [String.raw`a.mesos. TXT "\195\188" "h\226\130\172" "\230\151\165 \195\188 \\\195\188 \252"`],
    ],
    ['them in CAA', '@ CAA 0 issue "ü"', [String.raw`mesos. CAA 0 issue "\195\188"`]],
    ['them in names that are data', 'a CNAME ü', [String.raw`a.mesos. CNAME \195\188.mesos.`]],
    ['other octets in comments', 'a A 10.0.0.1 ; \uFFFD', ['a.mesos. A 10.0.0.1']],
    ['an IPv4-mapped address', 'a AAAA ::ffff:1.2.3.4', ['a.mesos. AAAA ::ffff:102:304']],
    ['a type by its number', String.raw`a TYPE65280 \# 2 0aff`, [String.raw`a.mesos. TYPE65280 \# 2 0aff`]],
    ['a mark of byte order', '\uFEFFa A 10.0.0.1', ['a.mesos. A 10.0.0.1']],
  ])('has %s', (_, text, records) => expect(read(text)).toEqual(records));

  it.each<[string, string, string]>([
    ['a name outside', 'a.example. A 10.0.0.1', 'name a.example: is not in the zone mesos'],
    ['a name that ends as the zone does', 'notmesos. A 10.0.0.1', 'is not in the zone'],
    ['SOA', '@ SOA a b 1 2 3 4 5', 'SOA: is not taken from a file'],
    ['NS at the apex', '@ NS a', 'NS: is not taken from a file'],
    ['NS below', 'sub NS a', 'NS: is not taken from a file'],
    ['an alias at the apex', '@ CNAME a', 'CNAME: can not be at the apex'],
    ['a name of the cluster', 'leader A 10.0.0.1', 'is one that the cluster itself has'],
    ['a service of the cluster', '_leader._tcp SRV 0 0 1 x', 'is one that the cluster itself has'],
    ['a name of the cluster by number', 'master3 A 10.0.0.1', 'is one that the cluster itself has'],
    ['a star that is not first', 'a.* A 10.0.0.1', 'a * that is not its first label'],
    ['the root', '. A 10.0.0.1', 'name .: is not in the zone mesos'],
    ['an escaped letter', String.raw`a\@b A 10.0.0.1`, 'that have to be escaped: such names are not served'],
    ['an escaped dot', String.raw`a\.b A 10.0.0.1`, String.raw`name a\.b.mesos: has dots, blanks or other`],
    [
      'an escaped blank',
      String.raw`a\ b A 10.0.0.1`,
      String.raw`name a\032b.mesos: has dots, blanks or other`,
    ],
    ['a letter that is not ASCII', 'ü A 10.0.0.1', 'such names are not served'],
    ['an escaped dot before the zone', String.raw`a\.mesos. A 10.0.0.1`, 'such names are not served'],
    ['a type of questions', 'a ANY x', 'ANY: is a type of questions and messages'],
    ['one without a number here', 'a OPT x', 'OPT: is a type of questions and messages'],
    ['a type of transfers', 'a AXFR x', 'AXFR: is a type of questions and messages'],
    ['a type of messages', String.raw`a TYPE41 \# 0`, 'TYPE41: is a type of questions and messages'],
    ['type 0', String.raw`a TYPE0 \# 0`, 'TYPE0: is a type of questions and messages'],
    ['octets that are no UTF-8', 'a TXT "\uFFFD"', 'has octets that are no UTF-8'],
    ['a text over 255 octets of other letters', `a TXT "${'ü'.repeat(128)}"`, 'more than 255 octets'],
    ['an IPv4 address as AAAA', 'a AAAA 10.0.0.1', 'where an IPv6 address should be'],
    ['an address that is none', 'a A 10.0.0', 'where an IPv4 address should be'],
    ['an address of the other family', 'a A fd00::1', 'where an IPv4 address should be'],
    ['an unknown type', 'a FOO x', 'of a type that is known here'],
    ['no data', 'a A', 'should be TYPE DATA'],
    ['no type', 'a 300', 'should be TYPE DATA'],
    ['a name alone', 'a', 'should be TYPE DATA behind a name'],
    ['another class', 'a CH TXT "x"', 'CH is not served'],
    ['a TTL twice', 'a 30 30 A 10.0.0.1', 'should be TYPE DATA'],
    ['no name before', '  A 10.0.0.1', 'follows no name'],
    ['$INCLUDE', '$INCLUDE other', 'others are not read'],
    ['$GENERATE', '$GENERATE 1-2 a$ A 10.0.0.$', 'others are not read'],
    ['a TTL of more than 31 bits', 'a 2147483648 A 10.0.0.1', 'TTL 2147483648: is over 2147483647 seconds'],
    ['one with units', 'a 4000w A 10.0.0.1', 'TTL 4000w: is over 2147483647 seconds'],
    ['one for all', '$TTL 3000000000', 'TTL 3000000000: is over 2147483647 seconds'],
    ['$TTL without a time', '$TTL x', 'others are not read'],
    ['an open quotation mark', 'a TXT "x', 'has a quotation mark without its other'],
    ['a parenthesis too many', 'a TXT "x" )', 'has a ) without its ('],
    ['a long label', `${'a'.repeat(64)} A 10.0.0.1`, 'label of 64 octets'],
    ['a text over 255 octets', `a TXT "${'x'.repeat(256)}"`, 'more than 255 octets'],
    ['a service parameter that is none', 'a HTTPS 1 . colour=red', 'unknown parameter'],
  ])('is refused as a whole for %s, told by its line', (_, line, reason) => {
    const text = `first A 10.0.0.1\n; comment\n${line}\nlast A 10.0.0.2\n`;
    const place = line.startsWith('  A') ? `\n\n${line}\n` : text;
    expect(() => read(place)).toThrow(reason);
    expect(() => read(place)).toThrow('/etc/static.zone:3');
  });

  it('can be answered with an IPv4-mapped address, and comes back as it was', () => {
    const [record] = parseZoneFile('a AAAA ::ffff:1.2.3.4', PLACE);
    const records = { ...emptyRecords(), AAAA: new Map([['a.mesos.', [record?.value ?? '']]]) };
    const settings = { origin: PLACE.domain, ttl: 30, srvWeight: 1, sources: 1 };
    const [rrset] = toZoneContent(records, settings, () => {}).rrsetsAt(parseName('a.mesos'));
    expect(rrset?.type).toBe(28);
    expect([...(rrset?.rdata[0] ?? [])]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]);
  });

  it('tells the line behind one that has several', () => {
    expect(() => read('a TXT ( "x"\n"y" )\nb A nowhere\n')).toThrow('/etc/static.zone:3: b A nowhere: ');
  });

  it('tells where what never ends begins', () => {
    expect(() => read('a A 10.0.0.1\n\nb TXT ( "x"\n"y"\n')).toThrow(
      '/etc/static.zone:3: has a ( without its )',
    );
  });

  it('reads as dnsz does where that has no say in it', () => {
    const owner = fc.stringMatching(/^[a-z][a-z0-9-]{0,5}[a-z0-9]$/);
    const record = fc.record({
      owner,
      ttl: fc.integer({ min: 0, max: 86_400 }),
      octets: fc.tuple(fc.nat(255), fc.nat(255)),
      indented: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), (records) => {
        const lines = records.map(
          ({ owner: name, ttl, octets, indented }, i) =>
            `${indented && i > 0 ? '   ' : name} ${ttl} IN A 10.0.${octets.join('.')} ; c`,
        );
        const text = `$ORIGIN mesos.\n${lines.join('\n')}\n`;
        if (/^(?:slave|leader|master\d*) /m.test(text)) return;
        const theirs = parseZone(text).records.map(({ name, content }) => `${name}. A ${content}`);
        expect(read(text).filter((line) => !line.includes(' TTL '))).toEqual(theirs);
      }),
    );
  });

  it('never throws anything but what it has to say', () => {
    const words = fc.constantFrom(
      'a',
      '@',
      '*',
      '.',
      'IN',
      'A',
      'TXT',
      'SRV',
      '1',
      '10.0.0.1',
      '"',
      '(',
      ')',
      ';',
      '\\',
      '$ORIGIN',
      '$TTL',
      '\n',
      ' ',
      '\t',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 20 }), (parts) => {
        try {
          read(parts.join(' '));
        } catch (error) {
          expect(error).toHaveProperty('name', 'FormatError');
        }
      }),
    );
  });
});
