import { decode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { nameFromWire, parseName } from '../../zone/name.ts';
import { decodeAddress, decodeSrv, encodeSrv, TYPE, typeCode, typeName } from '../../zone/record.ts';
import { anyLabels, hex, refuses, wireOf } from './arbitrary.ts';

describe('SRV RDATA', () => {
  it('is what RFC 2782 lays down', () => {
    const srv = { priority: 1, weight: 0x0203, port: 0x0405, target: parseName('A.b') };
    expect(encodeSrv(srv)).toEqual(hex('0001 0203 0405 0161 0162 00'));
  });

  it('decodes to what it was encoded from', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(0xffff),
        fc.nat(0xffff),
        anyLabels,
        (priority, weight, port, labels) => {
          const srv = { priority, weight, port, target: nameFromWire(wireOf(labels)) };
          expect(decodeSrv(encodeSrv(srv))).toEqual(srv);
        },
      ),
    );
  });

  it.each(['', '0001', '000100020003', '000100020003 01', '000100020003 c000', '000100020003 0161'])(
    'refuses %j',
    (octets) => {
      expect(() => decodeSrv(hex(octets))).toThrow(FormatError);
    },
  );

  it('throws nothing but FormatError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
        refuses(() => decodeSrv(octets));
      }),
    );
  });
});

describe('address RDATA', () => {
  it('is text of its type, at its type’s length alone', () => {
    expect(decodeAddress(TYPE.A, hex('0a000001'))).toBe('10.0.0.1');
    expect(decodeAddress(TYPE.AAAA, hex('20010db8000000000000000000000001'))).toBe('2001:db8::1');
    for (const [type, length] of [
      [TYPE.A, 16],
      [TYPE.A, 3],
      [TYPE.A, 0],
      [TYPE.AAAA, 4],
      [TYPE.AAAA, 17],
    ] as const) {
      expect(() => decodeAddress(type, new Uint8Array(length))).toThrow(FormatError);
    }
  });
});

describe('type names', () => {
  it('go back and forth for every number', () => {
    for (let type = 0; type <= 0xffff; type++) {
      if (typeCode(typeName(type)) !== type) expect.fail(`${type} became ${typeName(type)}`);
    }
  });

  it.each([
    ['aaaa', 28],
    ['Srv', 33],
    ['TYPE1', 1],
    ['type65535', 65535],
    ['TYPE65536', undefined],
    ['TYPE', undefined],
    ['TYPE1x', undefined],
    ['TYPE-1', undefined],
    ['28', undefined],
    ['', undefined],
    ['toString', undefined],
    ['constructor', undefined],
  ])('%j is %s', (text, code) => {
    expect(typeCode(text)).toBe(code);
  });

  it('are those of dns-packet', () => {
    for (const [name, code] of Object.entries(TYPE)) {
      const question = Buffer.from(
        hex(`0000 0000 0001 0000 0000 0000 00 ${code.toString(16).padStart(4, '0')} 0001`),
      );
      const known: string | undefined = decode(question).questions?.[0]?.type;
      // dns-packet 5.6.1 knows neither SVCB nor HTTPS.
      expect(known).toBe(name === 'SVCB' || name === 'HTTPS' ? `UNKNOWN_${code}` : name);
    }
  });
});
