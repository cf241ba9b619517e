import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Entry,
  entryName,
  readEntry,
  rrsetOf,
  rrsetsOf,
  storedRdata,
  targetAddresses,
  valueOffsets,
  writeEntry,
  writeTombstone,
} from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { toHex } from '../../zone/hash.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import {
  addressesIn,
  anyContents,
  type Contents,
  damaged,
  describeContents,
  describeEntry,
  hex,
  ORIGIN,
  refuses,
} from './arbitrary.ts';

/** The octets of a name's entry, somewhere inside a larger buffer as they are in a block. */
function encode(contents: Contents, owner: OwnerName): Uint8Array {
  const writer = createWriter();
  writer.octets(hex('ffffff'));
  writeEntry(writer, nameToWire(owner), {
    rrsets: contents.get(owner) ?? [],
    addressesOf: (target) => addressesIn(contents, target),
  });
  const end = writer.offset();
  writer.octets(hex('ffffff'));
  return writer.written().subarray(3, end);
}

/** Everything there is to read of an entry. */
function readAll(entry: Entry): void {
  entryName(entry);
  rrsetOf(entry, TYPE.SRV);
  for (const rrset of rrsetsOf(entry)) {
    refuses(() => valueOffsets(rrset));
    refuses(() => storedRdata(rrset));
    refuses(() => targetAddresses(rrset));
  }
}

const A = {
  owner: parseName('a.mesos'),
  type: TYPE.A,
  ttl: 30,
  sources: 1,
  rdata: [hex('0a000001'), hex('0a000002')],
};
const AAAA = { ...A, type: TYPE.AAAA, ttl: 31, rdata: [hex('20010db8000000000000000000000001')] };
const SRV = {
  owner: parseName('_a._tcp.mesos'),
  type: TYPE.SRV,
  ttl: 60,
  sources: 2,
  rdata: ['a.mesos', 'nowhere.mesos', 'a.mesos'].map((target, port) =>
    encodeSrv({ priority: 0, weight: 1, port, target: parseName(target) }),
  ),
};

function contentsOf(...rrsets: readonly RRset[]): Contents {
  return new Map(Map.groupBy(rrsets, ({ owner }) => owner));
}

describe('an entry', () => {
  it('has these octets', () => {
    expect(toHex(encode(contentsOf(A, AAAA, SRV), SRV.owner))).toBe(
      [
        '0f 025f61 045f746370 056d65736f73 00 01 01',
        '0021 02 01 0000003c 00000071 00000003',
        '000f 0000 0001 0000 0161 056d65736f73 00',
        '0015 0000 0001 0001 076e6f7768657265 056d65736f73 00',
        '000f 0000 0001 0002 0161 056d65736f73 00',
        '00000002',
        '00000000 0001 0000001e 0002 0a000001 0a000002',
        '00000000 001c 0000001f 0001 20010db8000000000000000000000001',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('reads back as what was written, type by type', () => {
    fc.assert(
      fc.property(anyContents(), (contents) => {
        for (const [owner, rrsets] of contents) {
          const entry = readEntry(encode(contents, owner));
          expect(describeEntry(entry)).toBe(describeContents(contents, owner));
          expect(toHex(entryName(entry))).toBe(toHex(nameToWire(owner)));
          for (const type of [TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.TXT, 65280, TYPE.CNAME, TYPE.ANY, 0]) {
            const stored = rrsetOf(entry, type);
            expect(stored?.type).toBe(rrsets.find((rrset) => rrset.type === type)?.type);
            if (stored) expect(storedRdata(stored)).toHaveLength(stored.count);
          }
        }
      }),
      { numRuns: 120 },
    );
  });

  it('is the same octets whatever the order of its RRsets', () => {
    const inOrder = encode(contentsOf(A, AAAA, { ...SRV, owner: A.owner }), A.owner);
    expect(encode(contentsOf({ ...SRV, owner: A.owner }, AAAA, A), A.owner)).toEqual(inOrder);
  });

  it('without RRsets is a name that exists', () => {
    const entry = readEntry(encode(new Map(), ORIGIN));
    expect(entry.kind).toBe('name');
    expect(rrsetsOf(entry)).toEqual([]);
    expect(rrsetOf(entry, TYPE.A)).toBeUndefined();
  });

  it('keeps an RRset without values, RDATA without octets, and RDATA of 65,535', () => {
    for (const rdata of [[], [hex('')], [new Uint8Array(65_535).fill(7)]]) {
      const contents = contentsOf({ ...A, type: 65280, rdata });
      expect(describeEntry(readEntry(encode(contents, A.owner)))).toBe(describeContents(contents, A.owner));
    }
  });

  it('gives a target’s addresses once, at the first value that names it', () => {
    const entry = readEntry(encode(contentsOf(A, AAAA, SRV), SRV.owner));
    const srv = rrsetOf(entry, TYPE.SRV);
    expect(
      srv && targetAddresses(srv).map(({ valueIndex, type, count }) => [valueIndex, type, count]),
    ).toEqual([
      [0, TYPE.A, 2],
      [0, TYPE.AAAA, 1],
    ]);
  });

  it('gives no target addresses for other types, not even where there are values', () => {
    const a = rrsetOf(readEntry(encode(contentsOf(A), A.owner)), TYPE.A);
    expect(a && targetAddresses(a)).toEqual([]);
  });

  it('is not written for SRV RDATA that holds no target', () => {
    expect(() => encode(contentsOf({ ...SRV, rdata: [hex('0000')] }), SRV.owner)).toThrow(FormatError);
  });
});

describe('a tombstone', () => {
  it('is its name and nothing else', () => {
    const writer = createWriter();
    writeTombstone(writer, nameToWire(A.owner));
    expect(toHex(writer.written())).toBe('0901610 56d65736f7300 00 00'.replaceAll(' ', ''));
    const entry = readEntry(writer.written());
    expect(entry.kind).toBe('tombstone');
    expect(toHex(entryName(entry))).toBe(toHex(nameToWire(A.owner)));
    expect(rrsetsOf(entry)).toEqual([]);
  });
});

describe('a damaged entry', () => {
  it.each([
    ['nothing', ''],
    ['a name alone', '0100'],
    ['an unknown kind', '0100 03 00'],
    ['a name length past its end', 'ff 00 01 00'],
  ])('is refused: %s', (_, octets) => {
    expect(() => readEntry(hex(octets))).toThrow(FormatError);
  });

  it.each([
    ['more sections than there are', '0100 01 02 0001 00 00 0000001e 0000000a 00000001 0004 0a000001'],
    ['a section cut off behind its length', '0100 01 01 0001 00 00 0000001e 00000000'],
    ['a section past its end', '0100 01 01 0001 00 00 0000001e 0000000b 00000001 0004 0a000001'],
    ['a section of 4 GiB', '0100 01 01 0001 00 00 0000001e ffffffff 00000001 0004 0a000001'],
    ['SRV values past the section', '0100 01 01 0021 00 01 0000001e 0000000a 00000001 ffff 0a000001'],
    ['4 billion SRV values', '0100 01 01 0021 00 01 0000001e 0000000a ffffffff 0000 00000000'],
    ['no room for targets', '0100 01 01 0021 00 01 0000001e 00000008 00000001 0002 0a00'],
  ])('is refused when its sections are read: %s', (_, octets) => {
    const entry = readEntry(hex(octets));
    expect(() => rrsetsOf(entry)).toThrow(FormatError);
  });

  it.each([
    ['a value past its end', '0100 01 01 0001 00 00 0000001e 0000000a 00000001 0005 0a000001'],
    ['4 billion values', '0100 01 01 0001 00 00 0000001e 0000000a ffffffff 0004 0a000001'],
    ['a section too short for its count', '0100 01 01 0001 00 00 0000001e 00000000 00000001 0004 0a000001'],
    ['a section too short for its count, which is 0', '0100 01 01 0001 00 00 0000001e 00000002 00000000'],
  ])('is refused when its values are read: %s', (_, octets) => {
    const [rrset] = rrsetsOf(readEntry(hex(octets)));
    expect(rrset).toBeDefined();
    expect(() => rrset && storedRdata(rrset)).toThrow(FormatError);
  });

  it.each([
    ['more targets than there are', '00000001', ''],
    ['4 billion targets', 'ffffffff', '00000000 0001 0000001e 0001 0a000001'],
    ['addresses past its end', '00000001', '00000000 0001 0000001e 0002 0a000001'],
    ['an AAAA with four octets', '00000001', '00000000 001c 0000001e 0001 0a000001'],
    ['a value index past its values', '00000001', '00000001 0001 0000001e 0001 0a000001'],
  ])('is refused when its targets are read: %s', (_, count, targets) => {
    const section = hex(`00000001 0007 0000 0000 0000 00 ${count} ${targets}`);
    const [rrset] = rrsetsOf(
      readEntry(
        hex(`0100 01 01 0021 00 01 0000001e 000000${toHex(Uint8Array.of(section.length))} ${toHex(section)}`),
      ),
    );
    expect(rrset).toBeDefined();
    expect(() => rrset && targetAddresses(rrset)).toThrow(FormatError);
  });

  it('throws nothing but FormatError wherever it is changed or cut off', () => {
    const contents = contentsOf(A, AAAA, { ...SRV, owner: A.owner });
    let refused = 0;
    for (const octets of damaged(encode(contents, A.owner))) {
      if (refuses(() => readAll(readEntry(octets)))) refused++;
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('throws nothing but FormatError on any octets', () => {
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc
        .array(fc.constantFrom(0, 0, 0, 1, 2, 4, 0x21, 0xff), { maxLength: 80 })
        .map((octets) => Uint8Array.of(1, 0, 1, ...octets)),
    );
    fc.assert(
      fc.property(any, (octets) => {
        refuses(() => readAll(readEntry(octets)));
      }),
      { numRuns: 1000 },
    );
  });
});
