import fc from 'fast-check';
import { type Entry, entryName, rrsetsOf, storedRdata, targetAddresses } from '../../zone/entry.ts';
import { FormatError } from '../../zone/format-error.ts';
import { compareOctets, toHex } from '../../zone/hash.ts';
import { nameFromWire, type OwnerName, parseName } from '../../zone/name.ts';
import { decodeSrv, encodeSrv, type RData, type RRset, TYPE } from '../../zone/record.ts';
import type { ZoneContent } from '../../zone/entries.ts';

/** Names and contents to test the codecs with, and what they should read back as. */

/** Labels of any octets which together make a name of at most 255 octets. */
export const anyLabels = fc
  .oneof(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 8 }),
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 2 }), { maxLength: 127 }),
  )
  .map((labels) => {
    let octets = 1;
    return labels.filter((label) => {
      if (octets + label.length + 1 > 255) return false;
      octets += label.length + 1;
      return true;
    });
  });

/** Text of any code points, surrogates among them (fast-check's own such strings take half a second to set up). */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  const point = fc.oneof(fc.nat(0x7f), fc.nat(0xffff), fc.nat(0x10ffff));
  return fc.array(point, { maxLength }).map((points) => String.fromCodePoint(...points));
}

export function wireOf(labels: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0]);
}

/** The labels of a wire name, without its root. */
export function labelsOf(wire: Uint8Array): Uint8Array[] {
  const labels: Uint8Array[] = [];
  for (let at = 0; wire[at]; at += 1 + (wire[at] ?? 0))
    labels.push(wire.subarray(at + 1, at + 1 + (wire[at] ?? 0)));
  return labels;
}

export const ORIGIN = parseName('mesos');

/** Names that are each other's parents, that look alike, and that are as awkward as names get. */
export const OWNERS = [
  'mesos',
  'a.mesos',
  'b.mesos',
  'b.a.mesos',
  'c.b.a.mesos',
  'd.c.b.a.mesos',
  'xmesos.mesos',
  'mesos.mesos',
  'a\\.b.mesos',
  'a\\.mesos.mesos',
  '\\000\\255.mesos',
  '\\005mesos.mesos',
  '_a._tcp.mesos',
  '_b._tcp.mesos',
  '_a._udp.mesos',
  '_a._tcp.marathon.mesos',
  'web.marathon.mesos',
  'web.marathon.slave.mesos',
  `${'l'.repeat(63)}.mesos`,
  `${'1.2.3.4.5.6.7.8.9.0.'.repeat(6)}mesos`,
  `${`${'m'.repeat(61)}.`.repeat(4)}mesos`.slice(1),
].map((text) => parseName(text));

export const anyOwner = fc.constantFrom(...OWNERS);
const anyTarget = fc.oneof(
  { weight: 4, arbitrary: anyOwner },
  {
    weight: 1,
    arbitrary: fc.constantFrom(parseName('elsewhere.example'), parseName('nowhere.mesos'), parseName('')),
  },
);
const anyTtl = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 0x7fffffff, 0xffffffff));

function canonical(values: readonly RData[]): RData[] {
  const distinct = new Map(values.map((value) => [toHex(value), value]));
  return [...distinct.values()].toSorted(compareOctets);
}

function anyValues(octets: fc.Arbitrary<Uint8Array>, maxLength: number): fc.Arbitrary<RData[]> {
  return fc.array(octets, { minLength: 1, maxLength }).map(canonical);
}

const anySrv = fc
  .record({
    priority: fc.nat(0xffff),
    weight: fc.nat(0xffff),
    port: fc.nat(0xffff),
    target: anyTarget,
  })
  .map((srv) => encodeSrv(srv));

/**
 * SRV RRsets around 64 values: ports from `first`, spread over some of the owners. Two of them are alike enough
 * for one to be an edit of the other, and differ in where their targets are first named.
 */
export const anyLargeSrv = fc
  .record({
    first: fc.nat(20),
    count: fc.integer({ min: 60, max: 120 }),
    spread: fc.integer({ min: 9, max: 10 }),
    ttl: fc.integer({ min: 30, max: 31 }),
  })
  .map(({ first, count, spread, ttl }) => (owner: OwnerName): RRset[] => {
    const rdata = Array.from({ length: count }, (_, i) => {
      const target = OWNERS[(first + i) % spread] ?? ORIGIN;
      return encodeSrv({ priority: 0, weight: 1, port: first + i, target });
    });
    return [{ owner, type: TYPE.SRV, ttl, sources: 1, rdata }];
  });

/** By type: what a name may have. */
const anyValuesByType = fc.record(
  {
    [TYPE.A]: anyValues(fc.uint8Array({ minLength: 4, maxLength: 4 }), 3),
    [TYPE.AAAA]: anyValues(fc.uint8Array({ minLength: 16, maxLength: 16 }), 3),
    [TYPE.SRV]: anyValues(anySrv, 5),
    [TYPE.TXT]: anyValues(fc.uint8Array({ minLength: 1, maxLength: 40 }), 2),
    65280: anyValues(fc.uint8Array({ maxLength: 20 }), 3),
  },
  { requiredKeys: [] },
);

/** RRsets by owner. An empty list is a name that exists without anything to answer. */
export type Contents = ReadonlyMap<OwnerName, readonly RRset[]>;

const anyRRsets = fc.tuple(anyValuesByType, anyTtl, fc.nat(255));

/** Up to `maxNames` names of the zone `mesos`, with some of everything. */
export function anyContents(maxNames = 12): fc.Arbitrary<Contents> {
  return fc.array(fc.tuple(anyOwner, anyRRsets), { maxLength: maxNames }).map(
    (names) =>
      new Map(
        names.map(([owner, [values, ttl, sources]]) => [
          owner,
          Object.entries(values).map(([type, rdata]) => ({
            owner,
            type: Number(type),
            ttl,
            sources,
            rdata,
          })),
        ]),
      ),
  );
}

export function toContent(contents: Contents): ZoneContent {
  return {
    owners: () => contents.keys(),
    has: (owner) => contents.has(owner),
    rrsetsAt: (owner) => contents.get(owner) ?? [],
  };
}

/** The A and AAAA RRsets of a name. */
export function addressesIn(contents: Contents, target: OwnerName): readonly RRset[] {
  return (contents.get(target) ?? []).filter(({ type }) => type === TYPE.A || type === TYPE.AAAA);
}

/** What an entry says, as text that can be compared. */
export function describeEntry(entry: Entry): string {
  const sections = rrsetsOf(entry).map((rrset) => {
    const targets = targetAddresses(rrset).map(({ valueIndex, type, ttl, at, count }) => {
      const octets = count * (type === TYPE.A ? 4 : 16);
      return `${valueIndex}:${type}:${ttl}:${toHex(entry.octets.subarray(at, at + octets))}`;
    });
    const values = storedRdata(rrset).map((rdata) => toHex(rdata));
    return `${rrset.type} ${rrset.ttl} ${rrset.sources} [${values.join()}] [${targets.join()}]`;
  });
  return `${entry.kind} ${nameFromWire(entryName(entry))}\n${sections.join('\n')}`;
}

/** What `describeEntry` should give for a name of `contents`. */
export function describeContents(contents: Contents, owner: OwnerName): string {
  const rrsets = (contents.get(owner) ?? []).toSorted((a, b) => a.type - b.type);
  const sections = rrsets.map(({ type, ttl, sources, rdata }) => {
    const targets: string[] = [];
    const seen = new Set<string>();
    for (const [valueIndex, value] of type === TYPE.SRV ? rdata.entries() : []) {
      const { target } = decodeSrv(value);
      if (seen.has(target)) continue;
      seen.add(target);
      for (const addresses of addressesIn(contents, target)) {
        const octets = addresses.rdata.map((address) => toHex(address)).join('');
        targets.push(`${valueIndex}:${addresses.type}:${addresses.ttl}:${octets}`);
      }
    }
    return `${type} ${ttl} ${sources} [${rdata.map((value) => toHex(value)).join()}] [${targets.join()}]`;
  });
  return `name ${owner}\n${sections.join('\n')}`;
}

/** Runs `read`, which may throw `FormatError` and nothing else; gives whether it did. */
export function refuses(read: () => void): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (error instanceof FormatError) return true;
    throw error;
  }
}

/** Copies of `octets` cut off at every length, and with each octet changed in several ways. */
export function* damaged(octets: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < octets.length; length++) yield octets.slice(0, length);
  for (let at = 0; at < octets.length; at++) {
    const was = octets[at] ?? 0;
    for (const octet of new Set([was ^ 1, was ^ 0x80, (was + 1) & 0xff, (was - 1) & 0xff, 0, 0xff])) {
      if (octet === was) continue;
      const copy = octets.slice();
      copy[at] = octet;
      yield copy;
    }
  }
}

/** Random numbers in [0, 1) that are the same each time (Steele and Vigna's splitmix, 32 bits). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}
