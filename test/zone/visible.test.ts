import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, readEntry, rrsetOf, writeEntry, writeTombstone } from '../../zone/entry.ts';
import { nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { decodeSrv, encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import { decoyOf, emptyEntry, standingOf, withoutHidden } from '../../zone/visible.ts';

const wire = (name: string): Uint8Array => nameToWire(parseName(name));
const origin = wire('mesos');

describe('the standing of a name in a view', () => {
  const subtrees = [wire('marathon.mesos'), wire('deep.b.slave.mesos')];
  it.each([
    ['marathon.mesos', 'visible'],
    ['web.marathon.mesos', 'visible'],
    ['_web._tcp.marathon.mesos', 'visible'],
    ['xmarathon.mesos', 'hidden'],
    ['marathonx.mesos', 'hidden'],
    ['marathon.slave.mesos', 'hidden'],
    ['mesos', 'above'],
    ['slave.mesos', 'above'],
    ['b.slave.mesos', 'above'],
    ['c.slave.mesos', 'hidden'],
    ['xslave.mesos', 'hidden'],
    ['deep.b.slave.mesos', 'visible'],
    ['deep.c.slave.mesos', 'hidden'],
  ])('%s is %s', (name, standing) => {
    expect(standingOf(wire(name), { origin, subtrees })).toBe(standing);
  });

  it('is visible where a view has all names, and the apex alone is above where it has none', () => {
    expect(standingOf(wire('x.mesos'), { origin, subtrees: undefined })).toBe('visible');
    expect(standingOf(wire('x.mesos'), { origin, subtrees: [] })).toBe('hidden');
    expect(standingOf(wire('mesos'), { origin, subtrees: [] })).toBe('above');
  });
});

it('a decoy is a name of the same form that no zone has', () => {
  const name = wire('_web._tcp.marathon.mesos');
  const decoy = decoyOf(name);
  expect(decoy.length).toBe(name.length);
  for (let at = 0; at < name.length; at += 1 + (name[at] ?? 0)) expect(decoy[at]).toBe(name[at]);
  expect(nameFromWire(decoy)).not.toBe(nameFromWire(name));
  expect([...decoy].filter((octet) => octet >= 0x80).length).toBe(name.length - 5);
  const again = decoyOf(decoy);
  expect([...again].filter((octet) => octet >= 0x80).length).toBe(name.length - 5);
  expect(again).not.toEqual(decoy);
});

it('an empty entry is a name without RRsets', () => {
  const entry = emptyEntry(wire('slave.mesos'));
  expect([entry.kind, rrsetOf(entry, TYPE.A)]).toEqual(['name', undefined]);
});

const HIDDEN = new Set(['a.mesos', 'c.mesos', 'e.mesos'].map((name) => parseName(name)));
const isHidden = (name: Uint8Array): boolean => HIDDEN.has(nameFromWire(name));

/** What the agent would have written of the same sets. */
function entryOf(rrsets: readonly RRset[]): Entry {
  const into = createWriter();
  writeEntry(into, wire('x.mesos'), {
    rrsets,
    addressesOf: (target: OwnerName) => [
      {
        owner: target,
        type: TYPE.A,
        ttl: 30,
        rdata: [Uint8Array.of(10, 0, 0, target.charCodeAt(0))],
        sources: 1,
      },
    ],
  });
  return readEntry(into.written());
}

const target = fc
  .constantFrom('a.mesos', 'b.mesos', 'c.mesos', 'd.mesos', 'e.mesos', 'f.mesos')
  .map((it) => parseName(it));
const owner = parseName('x.mesos');
const srv = fc
  .array(fc.record({ target, port: fc.integer({ min: 1, max: 3 }) }), { maxLength: 12 })
  .map((values) => ({
    ...{ owner, type: TYPE.SRV, ttl: 60, sources: 1 },
    rdata: values.map((value) => encodeSrv({ priority: 0, weight: 1, ...value })),
  }));
const namesOnly = (type: number, before: readonly number[]): fc.Arbitrary<RRset> =>
  fc.array(target, { maxLength: 4 }).map((targets) => ({
    ...{ owner, type, ttl: 60, sources: 1 },
    rdata: targets.map((name) => Uint8Array.of(...before, ...nameToWire(name))),
  }));
const addresses = fc.constant<RRset>({
  owner,
  type: TYPE.A,
  ttl: 60,
  sources: 1,
  rdata: [Uint8Array.of(1, 2, 3, 4)],
});

function visibleOnly(rrset: RRset): RRset {
  const offsets: Record<number, number> = {
    [TYPE.SRV]: 6,
    [TYPE.PTR]: 0,
    [TYPE.CNAME]: 0,
    [TYPE.MX]: 2,
    64: 2,
    65: 2,
  };
  const offset = offsets[rrset.type];
  if (offset === undefined) return rrset;
  return {
    ...rrset,
    rdata: rrset.rdata.filter((value) => !HIDDEN.has(nameFromWire(value.subarray(offset)))),
  };
}

describe('an entry without what is hidden', () => {
  it('is, octet for octet, the entry of a zone that never had it', () => {
    fc.assert(
      fc.property(
        fc.tuple(
          addresses,
          namesOnly(TYPE.PTR, []),
          namesOnly(TYPE.CNAME, []),
          namesOnly(TYPE.MX, [0, 9]),
          srv,
        ),
        fc.tuple(namesOnly(64, [0, 1]), namesOnly(65, [0, 1])),
        (first, second) => {
          const rrsets = [...first, ...second].filter(({ rdata }) => rdata.length > 0);
          const expected = entryOf(rrsets.map(visibleOnly).filter(({ rdata }) => rdata.length > 0));
          expect(withoutHidden(entryOf(rrsets), isHidden).octets).toEqual(expected.octets);
        },
      ),
    );
  });

  it('is the same object where nothing is hidden, and a tombstone stays one', () => {
    const entry = entryOf([{ owner, type: TYPE.PTR, ttl: 1, sources: 1, rdata: [wire('b.mesos')] }]);
    expect(withoutHidden(entry, isHidden)).toBe(entry);
    const into = createWriter();
    writeTombstone(into, wire('x.mesos'));
    const tombstone = readEntry(into.written());
    expect(withoutHidden(tombstone, () => true)).toBe(tombstone);
  });

  it('hides names in any case, and values in which no whole name can be read', () => {
    const capital = wire('a.mesos').with(1, 0x41);
    const rrset = { owner, type: TYPE.PTR, ttl: 1, sources: 1 };
    for (const value of [capital, Uint8Array.of(5, 97), new Uint8Array()])
      expect(
        rrsetOf(withoutHidden(entryOf([{ ...rrset, rdata: [value] }]), isHidden), TYPE.PTR),
      ).toBeUndefined();
  });

  it('keeps every port of a target, and of ports to several targets those that lead to names in sight', () => {
    const values = [
      ['a.mesos', 1],
      ['b.mesos', 2],
      ['b.mesos', 3],
      ['c.mesos', 4],
    ] as const;
    const rdata = values.map(([name, port]) =>
      encodeSrv({ priority: 0, weight: 1, port, target: parseName(name) }),
    );
    const seen = rrsetOf(
      withoutHidden(entryOf([{ owner, type: TYPE.SRV, ttl: 1, sources: 1, rdata }]), isHidden),
      TYPE.SRV,
    );
    const { octets, view } = seen?.entry ?? {
      octets: new Uint8Array(),
      view: new DataView(new ArrayBuffer(0)),
    };
    expect(seen?.count).toBe(2);
    let at = seen?.values ?? 0;
    const ports: string[] = [];
    for (let i = 0; i < 2; i++, at += 2 + view.getUint16(at)) {
      const { target, port } = decodeSrv(octets.subarray(at + 2, at + 2 + view.getUint16(at)));
      ports.push(`${target}:${port}`);
    }
    expect(ports).toEqual(['b.mesos:2', 'b.mesos:3']);
  });
});
