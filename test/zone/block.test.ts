import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Block,
  encodeBlock,
  entriesOf,
  findEntry,
  openBlock,
  type PlacedEntry,
} from '../../zone/block.ts';
import { applyEdit, encodeEdit } from '../../zone/edit.ts';
import {
  entryName,
  readEntry,
  rrsetsOf,
  storedRdata,
  targetAddresses,
  writeEntry,
  writeTombstone,
} from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { compareOctets, hashName, toHex } from '../../zone/hash.ts';
import { nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import {
  addressesIn,
  anyContents,
  anyLabels,
  type Contents,
  damaged,
  describeContents,
  describeEntry,
  hex,
  refuses,
  seededRandom,
  wireOf,
} from './arbitrary.ts';
import { goldenOctets, IF_CHANGED_ON_PURPOSE } from './golden.ts';

const SEED = hex('0123456789abcdef');

function slotOf(owner: OwnerName): number {
  return hashName(nameToWire(owner), SEED).slot;
}

function entryOctets(owner: OwnerName, contents: Contents | 'tombstone' = new Map()): Uint8Array {
  const writer = createWriter();
  if (contents === 'tombstone') writeTombstone(writer, nameToWire(owner));
  else {
    const rrsets = contents.get(owner) ?? [];
    writeEntry(writer, nameToWire(owner), { rrsets, addressesOf: (target) => addressesIn(contents, target) });
  }
  return writer.written();
}

function placed(contents: Contents): PlacedEntry[] {
  return Array.from(contents.keys(), (owner) => ({
    slot: slotOf(owner),
    octets: entryOctets(owner, contents),
  }));
}

/** A view into a larger buffer, as KV's chunks and the overlay inside its head are. */
function inside(octets: Uint8Array): Uint8Array {
  return Uint8Array.from([0xee, 0xee, 0xee, ...octets, 0xee, 0xee]).subarray(3, 3 + octets.length);
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

describe('a block', () => {
  it('gives every name what it was encoded with, and no other name anything', () => {
    fc.assert(
      fc.property(anyContents(20), fc.array(anyLabels, { maxLength: 5 }), (contents, others) => {
        const block = openBlock(inside(encodeBlock(placed(contents))));
        for (const owner of contents.keys()) {
          const entry = findEntry(block, nameToWire(owner), slotOf(owner));
          expect(entry && describeEntry(entry)).toBe(describeContents(contents, owner));
        }
        for (const name of others.map((labels) => nameFromWire(wireOf(labels)))) {
          if (!contents.has(name)) expect(findEntry(block, nameToWire(name), slotOf(name))).toBeUndefined();
        }
        const listed = Array.from(entriesOf(block), ({ slot, entry }) => {
          expect(slot).toBe(slotOf(nameFromWire(entryName(entry))));
          return describeEntry(entry);
        });
        const expected = Array.from(contents.keys(), (owner) => describeContents(contents, owner));
        expect(listed.toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: 200 },
    );
  });

  it('is the same octets whatever the order of its entries', () => {
    fc.assert(
      fc.property(anyContents(20), fc.nat(), (contents, seed) => {
        const entries = placed(contents);
        expect(encodeBlock(shuffled(entries, seededRandom(seed)))).toEqual(encodeBlock(entries));
      }),
    );
  });

  const anySlot = fc.oneof(
    fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff),
    fc.nat(0xffffffff),
    fc.nat(3).map((low) => 0x12345670 + low),
  );

  it('compares all names whose hashes collide', () => {
    const entries = fc
      .uniqueArray(fc.tuple(anyLabels, anySlot), {
        minLength: 1,
        maxLength: 40,
        selector: ([labels]) => nameFromWire(wireOf(labels)),
      })
      .map((pairs) => pairs.map(([labels, slot]) => ({ name: nameFromWire(wireOf(labels)), slot })));
    fc.assert(
      fc.property(entries, fc.nat(), (names, seed) => {
        const entries = names.map(({ name, slot }) => ({ slot, octets: entryOctets(name) }));
        const octets = encodeBlock(entries);
        expect(encodeBlock(shuffled(entries, seededRandom(seed)))).toEqual(octets);
        const block = openBlock(octets);
        for (const { name, slot } of names) {
          const entry = findEntry(block, nameToWire(name), slot);
          expect(entry && nameFromWire(entryName(entry))).toBe(name);
          // Found by its name and its hash, never by one of them.
          const absent = nameToWire(parseName('absent.example'));
          expect(findEntry(block, absent, slot)).toBeUndefined();
          expect(findEntry(block, nameToWire(name), (slot ^ 0x10) >>> 0)).toBeUndefined();
        }
        const order = Array.from(entriesOf(block), ({ slot, entry }) => ({ slot, name: entryName(entry) }));
        const sorted = order.toSorted((a, b) => a.slot - b.slot || compareOctets(a.name, b.name));
        expect(order).toEqual(sorted);
      }),
      { numRuns: 200 },
    );
  });

  it.each([0, 1, 4, 5, 8, 9, 64, 65, 5000])(
    'finds its way among %i names, all of them and no more',
    (count) => {
      const owners = Array.from({ length: count }, (_, i) => parseName(`task-${i}.marathon.mesos`));
      const block = openBlock(
        encodeBlock(owners.map((owner) => ({ slot: slotOf(owner), octets: entryOctets(owner) }))),
      );
      expect(block.count).toBe(count);
      for (const owner of owners) {
        const entry = findEntry(block, nameToWire(owner), slotOf(owner));
        if (!entry || nameFromWire(entryName(entry)) !== owner) expect.fail(`${owner} was not found`);
      }
      for (let i = 0; i < 500; i++) {
        const absent = parseName(`task-${i}.chronos.mesos`);
        if (findEntry(block, nameToWire(absent), slotOf(absent))) expect.fail(`${absent} was found`);
      }
    },
  );

  it('spends about an octet a name on its buckets, and walks a few slots only', () => {
    for (const count of [100, 1000, 5000]) {
      const owners = Array.from({ length: count }, (_, i) => parseName(`task-${i}.mesos`));
      const block = openBlock(
        encodeBlock(owners.map((owner) => ({ slot: slotOf(owner), octets: entryOctets(owner) }))),
      );
      expect(2 ** block.bucketBits).toBeGreaterThanOrEqual(count / 4);
      expect(2 ** block.bucketBits).toBeLessThan(count / 2);
    }
  });

  it('keeps tombstones', () => {
    const [gone, here] = [parseName('gone.mesos'), parseName('here.mesos')];
    const block = openBlock(
      encodeBlock([
        { slot: 7, octets: entryOctets(gone, 'tombstone') },
        { slot: 7, octets: entryOctets(here) },
      ]),
    );
    expect(findEntry(block, nameToWire(gone), 7)?.kind).toBe('tombstone');
    expect(findEntry(block, nameToWire(here), 7)?.kind).toBe('name');
  });
});

const A: RRset = {
  owner: parseName('a.mesos'),
  type: TYPE.A,
  ttl: 30,
  sources: 1,
  rdata: [hex('0a000001'), hex('0a000002')],
};
const SRV: RRset = {
  owner: parseName('_a._tcp.mesos'),
  type: TYPE.SRV,
  ttl: 60,
  sources: 2,
  rdata: [encodeSrv({ priority: 0, weight: 1, port: 31000, target: A.owner })],
};
const SMALL: Contents = new Map([
  [A.owner, [A]],
  [SRV.owner, [SRV]],
  [parseName('_tcp.mesos'), []],
]);

/** A service before and after a change: one value goes, one comes, a target's address is another. */
const EDITED = parseName('_b._tcp.mesos');
const [BEFORE, AFTER] = [
  { ports: [1, 2, 3, 4, 5], address: '0a000001' },
  { ports: [1, 2, 4, 5, 6], address: '0a000003' },
].map(({ ports, address }) => {
  const rdata = ports.map((port) => encodeSrv({ priority: 0, weight: 1, port, target: A.owner }));
  return entryOctets(
    EDITED,
    new Map([
      [EDITED, [{ ...SRV, owner: EDITED, rdata }]],
      [A.owner, [{ ...A, rdata: [hex(address)] }]],
    ]),
  );
});

function smallBlock(): Uint8Array {
  const gone = parseName('gone.mesos');
  const edit = encodeEdit(readEntry(BEFORE ?? hex('')), readEntry(AFTER ?? hex('')));
  return encodeBlock([
    ...placed(SMALL),
    { slot: slotOf(gone), octets: entryOctets(gone, 'tombstone') },
    { slot: slotOf(EDITED), octets: edit },
  ]);
}

/** Everything there is to read of a block: no octets may make this hang or throw anything but FormatError. */
function readAll(octets: Uint8Array): boolean {
  let block: Block | undefined;
  let refused = refuses(() => {
    block = openBlock(octets);
  });
  if (!block) return refused;
  const opened = block;
  const read = (step: () => void): void => {
    if (refuses(step)) refused = true;
  };
  read(() => {
    for (const { entry } of entriesOf(opened)) {
      read(() => {
        const whole = applyEdit(entry.kind === 'edit' ? readEntry(BEFORE ?? hex('')) : undefined, entry);
        for (const rrset of rrsetsOf(whole)) {
          read(() => storedRdata(rrset));
          read(() => targetAddresses(rrset));
        }
      });
    }
  });
  for (const owner of SMALL.keys()) read(() => findEntry(opened, nameToWire(owner), slotOf(owner)));
  for (const slot of [0, 0x7fffffff, 0xffffffff]) read(() => findEntry(opened, nameToWire(A.owner), slot));
  return refused;
}

describe('a damaged block', () => {
  it.each([
    ['nothing', ''],
    ['a header cut off', '4d444231 00000000 000000'],
    ['another magic', '4d444232 00000000 00000000 00000000 00000000'],
    ['no room for its buckets', '4d444231 00000000 00000001 00000000 00000000'],
    ['too many buckets', '4d444231 00000000 00000015 00000000 00000000'],
    ['bucket bits beyond any shift', '4d444231 00000000 ffffffff 00000000 00000000'],
    ['no room for its slots', '4d444231 00000001 00000000 00000000 00000001 00000000'],
    ['4 billion entries', '4d444231 ffffffff 00000000 00000000 00000001 00000000 0000001c 01000000'],
  ])('is not opened: %s', (_, octets) => {
    expect(() => openBlock(hex(octets))).toThrow(FormatError);
  });

  it.each([
    ['before its end', 'ffffffff'],
    ['at its end', '00000020'],
  ])('is refused where an entry does not start %s', (_, offset) => {
    const block = openBlock(hex(`4d444231 00000001 00000000 00000000 00000001 00000005 ${offset} 01000100`));
    expect(() => [...entriesOf(block)]).toThrow(FormatError);
    expect(findEntry(block, hex('00'), 5)).toBeUndefined();
  });

  it('is refused where the next entry starts behind its end', () => {
    const slots = '00000005 00000024 00000005 00000099';
    const block = openBlock(hex(`4d444231 00000002 00000000 00000000 00000002 ${slots} 01000100`));
    expect(() => findEntry(block, hex('00'), 5)).toThrow(FormatError);
  });

  it('throws nothing but FormatError, and ends, wherever it is changed or cut off', () => {
    const octets = smallBlock();
    expect(readAll(octets)).toBe(false);
    let refused = 0;
    for (const copy of damaged(octets)) if (readAll(copy)) refused++;
    expect(refused).toBeGreaterThan(octets.length);
  });

  it('throws nothing but FormatError, and ends, on any octets', () => {
    const word = fc.oneof(fc.nat(64), fc.constantFrom(0xffffffff, 0x80000000, 12, 20, 28));
    const plausible = fc
      .tuple(fc.nat(4), fc.nat(3), fc.array(word, { maxLength: 24 }), fc.uint8Array({ maxLength: 60 }))
      .map(([count, bits, words, rest]) => {
        const writer = createWriter();
        for (const number of [0x4d444231, count, bits, ...words]) writer.u32(number);
        writer.octets(rest);
        return writer.written();
      });
    const any = fc.oneof(plausible, fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(any, (octets) => {
        readAll(octets);
      }),
      { numRuns: 1000 },
    );
  });

  it('throws nothing but FormatError where several octets are changed', () => {
    const octets = smallBlock();
    const changes = fc.array(fc.tuple(fc.nat(octets.length - 1), fc.nat(255)), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(changes, (changes) => {
        const copy = octets.slice();
        for (const [at, octet] of changes) copy[at] = octet;
        readAll(copy);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('block.bin', () => {
  it('is what this code writes', () => {
    const now = smallBlock();
    expect(toHex(now), IF_CHANGED_ON_PURPOSE).toBe(toHex(goldenOctets('block.bin', now)));
  });

  it('is read', () => {
    const block = openBlock(goldenOctets('block.bin', smallBlock()));
    for (const owner of SMALL.keys()) {
      const entry = findEntry(block, nameToWire(owner), slotOf(owner));
      expect(entry && describeEntry(entry), IF_CHANGED_ON_PURPOSE).toBe(describeContents(SMALL, owner));
    }
    const gone = parseName('gone.mesos');
    expect(findEntry(block, nameToWire(gone), slotOf(gone))?.kind).toBe('tombstone');
    const edit = findEntry(block, nameToWire(EDITED), slotOf(EDITED));
    const applied = edit && applyEdit(readEntry(BEFORE ?? hex('')), edit);
    expect(edit?.kind).toBe('edit');
    expect(toHex(applied?.octets ?? hex('')), IF_CHANGED_ON_PURPOSE).toBe(toHex(AFTER ?? hex('')));
    expect(block.count).toBe(5);
  });
});
