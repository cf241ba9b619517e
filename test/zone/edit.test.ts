import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEdit, encodeEdit, layOver } from '../../zone/edit.ts';
import { type Entry, readEntry, rrsetOf, rrsetsOf, writeEntry, writeTombstone } from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { toHex } from '../../zone/hash.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import {
  addressesIn,
  anyContents,
  anyLargeSrv,
  type Contents,
  damaged,
  hex,
  OWNERS,
  refuses,
} from './arbitrary.ts';

function entryOf(contents: Contents, owner: OwnerName): Entry {
  const writer = createWriter();
  writeEntry(writer, nameToWire(owner), {
    rrsets: contents.get(owner) ?? [],
    addressesOf: (target) => addressesIn(contents, target),
  });
  return readEntry(writer.written());
}

const OWNER = parseName('_a._tcp.mesos');

/** What a zone may hold, a large SRV set of one name among it. */
const anyZone = fc
  .tuple(anyContents(15), fc.option(anyLargeSrv))
  .map(([contents, large]) => new Map([...contents, ...(large ? [[OWNER, large(OWNER)] as const] : [])]));

describe('an edit', () => {
  it('makes of the entry before exactly the entry after, whatever came, changed or went', () => {
    let edits = 0;
    fc.assert(
      fc.property(anyZone, anyZone, (before, after) => {
        for (const owner of [OWNER, ...OWNERS.slice(0, 4)]) {
          const [base, next] = [entryOf(before, owner), entryOf(after, owner)];
          const edit = readEntry(encodeEdit(base, next));
          expect(edit.kind).toBe('edit');
          expect(toHex(applyEdit(base, edit).octets)).toBe(toHex(next.octets));
          const laid = readEntry(layOver(base, next));
          expect(toHex(applyEdit(base, laid).octets)).toBe(toHex(next.octets));
          if (laid.kind === 'edit') edits++;
        }
      }),
      { numRuns: 300 },
    );
    expect(edits).toBeGreaterThan(20);
  });

  it('of nothing has no sections', () => {
    const entry = serviceOf(100);
    expect(toHex(encodeEdit(entry, entry))).toBe(`${toHex(entry.octets.subarray(0, 16))}0200`);
  });

  it('has these octets', () => {
    const others = [4, 5, 6, 7, 8].map((port) => `b.mesos:${port}`);
    const before = contentsOf(
      srv(['a.mesos:1', 'b.mesos:2', 'c.mesos:3', ...others]),
      a('a.mesos', 1),
      a('c.mesos', 3),
      { ...a(OWNER, 9), ttl: 5 },
      { ...a(OWNER, 8), type: TYPE.TXT },
    );
    const after = contentsOf(
      { ...srv(['a.mesos:1', 'b.mesos:3', 'c.mesos:3', ...others]), ttl: 61 },
      a('a.mesos', 7),
      { ...a('b.mesos', 2), ttl: 9 },
      { ...a(OWNER, 9), ttl: 6 },
    );
    expect(toHex(encodeEdit(entryOf(before, OWNER), entryOf(after, OWNER)))).toBe(
      [
        '0f 025f61 045f746370 056d65736f73 00 02 03',
        // A: another TTL, the same value; TXT: gone.
        '0001 01 02 00000006 00000008 00000000 00000000',
        '0010 00 04 00000000 00000000',
        // SRV: edited, with targets; a value goes, one comes; a's address is new, b has one now, c's has gone.
        '0021 01 03 0000003d 00000067 00000001 00000001',
        '000f 0000 0001 0002 0162 056d65736f73 00',
        '000f 0000 0001 0003 0162 056d65736f73 00',
        '00000003',
        '09 0161 056d65736f73 00 01 0001 0000001e 0001 0a000007',
        '09 0162 056d65736f73 00 01 0001 00000009 0001 0a000002',
        '09 0163 056d65736f73 00 00',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('is small and quick for one change in a set of 2,000 targets', () => {
    const [base, next] = [serviceOf(2000), serviceOf(2000, { without: 1000, with: 2001 })];
    const edit = layOver(base, next);
    expect(next.octets.length).toBeGreaterThan(70_000);
    expect(edit.length).toBeLessThan(250);
    const runs = 20;
    const started = performance.now();
    for (let i = 0; i < runs; i++) applyEdit(base, readEntry(edit));
    // A few milliseconds; what is quadratic takes a hundred times as long.
    expect((performance.now() - started) / runs).toBeLessThan(50);
    expect(toHex(applyEdit(base, readEntry(edit)).octets)).toBe(toHex(next.octets));
  });

  it('leaves a target its addresses while any value names it, whichever value was the first', () => {
    const ports = (without?: number): Entry => {
      const hosts = Array.from({ length: 50 }, (_, i) => i);
      const values = [1, 2, 3].flatMap((port) => hosts.map((i) => `t${i}.mesos:${port * 1000 + i}`));
      const left = values.filter((_, i) => i !== without);
      return entryOf(contentsOf(srv(left), ...hosts.map((i) => a(`t${i}.mesos`, i))), OWNER);
    };
    for (const value of [21, 71, 121]) {
      for (const [base, next] of [
        [ports(), ports(value)],
        [ports(value), ports()],
      ] as const) {
        const edit = readEntry(encodeEdit(base, next));
        expect(toHex(applyEdit(base, edit).octets)).toBe(toHex(next.octets));
        // No target has other addresses, so none is told.
        expect(edit.octets.length).toBeLessThan(80);
      }
    }
  });

  it('lies over another edit’s outcome', () => {
    const [first, second, third] = [serviceOf(100), serviceOf(100, { without: 3 }), serviceOf(99)];
    const middle = applyEdit(first, readEntry(layOver(first, second)));
    const edit = readEntry(layOver(middle, third));
    expect(edit.kind).toBe('edit');
    expect(toHex(applyEdit(middle, edit).octets)).toBe(toHex(third.octets));
  });
});

describe('layOver', () => {
  it('writes whole what has no set of more than 64 values', () => {
    const [base, next] = [serviceOf(64), serviceOf(64, { without: 1, with: 70 })];
    expect(layOver(base, next)).toBe(next.octets);
    expect(readEntry(layOver(serviceOf(65), serviceOf(65, { without: 1, with: 70 }))).kind).toBe('edit');
  });

  it('writes whole what is as different as not', () => {
    const [base, next] = [serviceOf(100), serviceOf(200)];
    expect(layOver(base, next)).toBe(next.octets);
    expect(readEntry(layOver(next, base)).kind).toBe('name');
  });

  it('writes whole over nothing, over a tombstone, and what is a tombstone', () => {
    const next = serviceOf(100);
    const writer = createWriter();
    writeTombstone(writer, nameToWire(OWNER));
    const tombstone = readEntry(writer.written());
    expect(layOver(undefined, next)).toBe(next.octets);
    expect(layOver(tombstone, next)).toBe(next.octets);
    expect(layOver(next, tombstone)).toBe(tombstone.octets);
  });

  it('writes whole what an edit could not make: values that are not in canonical order', () => {
    const targets = Array.from({ length: 100 }, (_, i) => a(`t${i}.mesos`, i));
    const service = srv(targets.map(({ owner }, i) => `${owner}:${i}`));
    const [first, second, ...others] = service.rdata;
    if (!first || !second) expect.fail('no values');
    const swapped = entryOf(contentsOf({ ...service, rdata: [second, first, ...others] }, ...targets), OWNER);
    expect(encodeEdit(serviceOf(100), swapped).length).toBeLessThan(swapped.octets.length / 2);
    expect(layOver(serviceOf(100), swapped)).toBe(swapped.octets);
  });
});

describe('applyEdit', () => {
  const base = serviceOf(80);
  const edit = readEntry(layOver(base, serviceOf(80, { without: 40, with: 90 })));

  it('gives an entry that is no edit as it is', () => {
    expect(applyEdit(undefined, base)).toBe(base);
  });

  it('is refused over nothing, over another name, over an edit and over an entry other than its own', () => {
    expect(edit.kind).toBe('edit');
    const other = entryOf(contentsOf(a('other.mesos', 1)), parseName('other.mesos'));
    const name = parseName('_b._tcp.mesos');
    const rrsets = contentsOf(srv(Array.from({ length: 80 }, (_, i) => `t${i}.mesos:${i}`)));
    const alike = entryOf(new Map([[name, rrsets.get(OWNER) ?? []]]), name);
    for (const below of [
      undefined,
      other,
      alike,
      edit,
      entryOf(new Map(), OWNER),
      serviceOf(80, { without: 40 }),
    ])
      expect(() => applyEdit(below, edit)).toThrow(FormatError);
  });

  it('is what it takes to read an edit: its sections are no RRsets', () => {
    expect(() => rrsetsOf(edit)).toThrow(FormatError);
    expect(() => rrsetOf(edit, TYPE.SRV)).toThrow(FormatError);
    expect(rrsetsOf(applyEdit(base, edit))).toHaveLength(1);
  });

  it.each([
    ['a section cut off', '01 0021 01'],
    ['a section that is not there', '01'],
    ['a section past its end', '01 0021 01 02 0000003d 000000ff 00000000'],
    ['a section past the others', '02 0021 01 04 00000000 00000000 0010 01 04 00000000 00000000'],
    ['a section twice', '02 0021 01 04 00000000 00000000 0021 01 04 00000000 00000000'],
    ['a type gone that is not there', '01 0001 01 04 00000000 00000000'],
    ['an edit of a type that is not there', '01 0001 01 02 00000000 00000008 00000000 00000000'],
    ['4 billion removed values', '01 0021 01 02 00000000 00000008 ffffffff 00000000'],
    ['4 billion added values', '01 0021 01 02 00000000 00000008 00000000 ffffffff'],
    ['a removed value that is not there', '01 0021 01 02 00000000 0000000b 00000001 00000000 0001 00'],
    ['octets behind its values', '01 0021 01 02 00000000 00000009 00000000 00000000 00'],
    ['no targets where it says so', '01 0021 01 03 00000000 00000008 00000000 00000000'],
    ['4 billion targets', '01 0021 01 03 00000000 0000000c 00000000 00000000 ffffffff'],
  ])('is refused with %s', (_, octets) => {
    const name = toHex(nameToWire(OWNER));
    const bad = readEntry(hex(`0f${name}02${octets}`));
    expect(() => applyEdit(base, bad)).toThrow(FormatError);
  });

  it('throws nothing but FormatError wherever edit or base are changed or cut off', () => {
    let refused = 0;
    const apply = (below: Uint8Array, above: Uint8Array): void => {
      if (refuses(() => rrsetsOf(applyEdit(readEntry(below), readEntry(above))))) refused++;
    };
    for (const octets of damaged(edit.octets)) apply(base.octets, octets);
    const [small, other] = [serviceOf(3), serviceOf(3, { without: 1, with: 5 })];
    for (const octets of damaged(small.octets)) apply(octets, encodeEdit(small, other));
    expect(refused).toBeGreaterThan(500);
  });

  it('throws nothing but FormatError on any octets', () => {
    const octets = fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 0x21, 0xff), { maxLength: 80 });
    fc.assert(
      fc.property(octets, fc.nat(3), (rest, sections) => {
        const name = nameToWire(OWNER);
        const bad = readEntry(Uint8Array.of(name.length, ...name, 2, sections, ...rest));
        refuses(() => applyEdit(base, bad));
      }),
      { numRuns: 2000 },
    );
  });
});

function a(name: string, host: number): RRset {
  return {
    owner: parseName(name),
    type: TYPE.A,
    ttl: 30,
    sources: 1,
    rdata: [Uint8Array.of(10, 0, 0, host & 0xff)],
  };
}

function srv(values: readonly string[]): RRset {
  const rdata = values.map((value) => {
    const [target = '', port] = value.split(':');
    return encodeSrv({ priority: 0, weight: 1, port: Number(port), target: parseName(target) });
  });
  return { owner: OWNER, type: TYPE.SRV, ttl: 60, sources: 1, rdata };
}

function contentsOf(...rrsets: readonly RRset[]): Contents {
  return new Map(Map.groupBy(rrsets, ({ owner }) => owner));
}

/** The entry of a service on `count` targets, each on its own port with one address. */
function serviceOf(count: number, change: { without?: number; with?: number } = {}): Entry {
  const numbers = Array.from({ length: count }, (_, i) => i).filter((i) => i !== change.without);
  if (change.with !== undefined) numbers.push(change.with);
  const targets = numbers.map((i) => a(`t${i}.mesos`, i));
  return entryOf(contentsOf(srv(numbers.map((i) => `t${i}.mesos:${i}`)), ...targets), OWNER);
}
