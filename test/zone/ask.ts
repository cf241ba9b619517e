import { decode, type DecodedPacket } from 'dns-packet';
import { expect } from 'vitest';
import { readEntry, rrsetsOf, type StoredRRset, writeEntry } from '../../zone/entry.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { type Query, readQuery } from '../../zone/query.ts';
import { type RRset, TYPE } from '../../zone/record.ts';
import { type ZoneWire, zoneWire } from '../../zone/wire.ts';
import { addressesIn, type Contents, labelsOf } from './arbitrary.ts';

/** Queries, stored RRsets and replies as the tests of `zone/wire` need them. */

export const ZONE: ZoneWire = zoneWire({
  origin: parseName('mesos'),
  soa: {
    mname: parseName('ns1.mesos'),
    rname: parseName('root.ns1.mesos'),
    refresh: 60,
    retry: 600,
    expire: 86_400,
    minimum: 10,
    ttl: 40,
  },
  nameServers: [parseName('ns1.mesos'), parseName('ns.example')],
  nsTtl: 50,
});

export type Asked = {
  /** Labels as they are to stand in the question, case and all; no escapes. */
  readonly name: string;
  readonly type: number;
  readonly class?: number;
  readonly id?: number;
  readonly flags?: number;
  readonly edns?: { readonly version?: number; readonly dnssecOk?: boolean; readonly padded?: boolean };
};

export function ask(asked: Asked): Query {
  const { name, type, id = 0, flags = 0, edns } = asked;
  const writer = createWriter();
  for (const word of [id, flags, 1, 0, 0, edns ? 1 : 0]) writer.u16(word);
  for (const label of name === '' ? [] : name.split('.')) {
    writer.u8(label.length);
    writer.octets(Buffer.from(label, 'latin1'));
  }
  writer.u8(0);
  writer.u16(type);
  writer.u16(asked.class ?? 1);
  if (edns) {
    writer.octets(Uint8Array.of(0, 0, 41, 4, 208, 0, edns.version ?? 0, edns.dnssecOk ? 0x80 : 0, 0, 0));
    writer.octets(edns.padded ? Uint8Array.of(6, 0, 12, 0, 2, 0, 0) : Uint8Array.of(0));
  }
  const query = readQuery(writer.written().slice());
  if (query?.kind !== 'query') expect.fail(query?.reason ?? 'not a query');
  return query;
}

/** The RRsets of a name as they are stored, SRV targets' addresses with them. */
export function stored(contents: Contents, owner: OwnerName): StoredRRset[] {
  const writer = createWriter();
  writeEntry(writer, nameToWire(owner), {
    rrsets: contents.get(owner) ?? [],
    addressesOf: (target) => addressesIn(contents, target),
  });
  return rrsetsOf(readEntry(writer.written()));
}

/** One RRset as it is stored, without any target's address. */
export function storedSet(rrset: Omit<RRset, 'owner' | 'sources'>): StoredRRset[] {
  const owner = parseName('a.mesos');
  return stored(new Map([[owner, [{ ...rrset, owner, sources: 1 }]]]), owner);
}

export function addresses(count: number, ttl = 30): Omit<RRset, 'owner' | 'sources'> {
  const rdata = Array.from({ length: count }, (_, i) =>
    Uint8Array.of(10, i >> 16, (i >> 8) & 0xff, i & 0xff),
  );
  return { type: TYPE.A, ttl, rdata };
}

export type ReadRecord = {
  readonly section: 'answer' | 'authority' | 'additional';
  /** Labels in hexadecimal-free text, as dns-packet would give them, in lower case. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Offset of the RDATA in the message. */
  readonly at: number;
  readonly rdata: Uint8Array;
};

export type ReadMessage = {
  readonly id: number;
  readonly flags: number;
  readonly question: Uint8Array;
  readonly answers: readonly ReadRecord[];
  readonly authority: readonly ReadRecord[];
  /** Without OPT. */
  readonly additional: readonly ReadRecord[];
  readonly opt: ReadRecord | undefined;
};

/** A name at `start`, compressed or not. Pointers must go back, to before the name they are in. */
export function readName(octets: Uint8Array, start: number): { text: string; end: number } {
  const labels: string[] = [];
  let [at, from, end] = [start, start, -1];
  for (;;) {
    const length = octets[at] ?? expect.fail(`the name at ${start} ends with the message`);
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (octets[at + 1] ?? 0);
      if (end < 0) end = at + 2;
      if (target >= from || target < 12) expect.fail(`the pointer at ${at} goes to ${target}`);
      at = target;
      from = target;
      continue;
    }
    at += 1 + length;
    if (length === 0) break;
    labels.push(Buffer.from(octets.subarray(at - length, at)).toString('utf8'));
  }
  return { text: labels.join('.').toLowerCase() || '.', end: end < 0 ? at : end };
}

/** A whole message, read strictly: nothing cut off, nothing behind it, OPT once and where it belongs. */
export function readMessage(octets: Uint8Array): ReadMessage {
  expect(octets.length).toBeLessThanOrEqual(65_535);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const questionEnd = view.getUint16(4) === 0 ? 12 : readName(octets, 12).end + 4;
  let at = questionEnd;
  const read = (section: ReadRecord['section'], count: number): ReadRecord[] =>
    Array.from({ length: count }, () => {
      const { text: name, end } = readName(octets, at);
      const rdataAt = end + 10;
      at = rdataAt + view.getUint16(end + 8);
      if (at > octets.length) expect.fail(`a record of ${section} ends behind the message`);
      const rdata = octets.subarray(rdataAt, at);
      const [type, cls] = [view.getUint16(end), view.getUint16(end + 2)];
      if (type === 41 && section !== 'additional') expect.fail(`OPT in the section ${section}`);
      return { section, name, type, class: cls, ttl: view.getUint32(end + 4), at: rdataAt, rdata };
    });
  const [answers, authority] = [read('answer', view.getUint16(6)), read('authority', view.getUint16(8))];
  const additional = read('additional', view.getUint16(10));
  expect(at).toBe(octets.length);
  const opts = additional.filter(({ type }) => type === 41);
  expect(opts.length).toBeLessThanOrEqual(1);
  return {
    id: view.getUint16(0),
    flags: view.getUint16(2),
    question: octets.subarray(12, questionEnd),
    answers,
    authority,
    additional: additional.filter(({ type }) => type !== 41),
    opt: opts[0],
  };
}

/** The same message as dns-packet reads it, which must find as many records. */
export function judge(octets: Uint8Array): ReadMessage & { readonly packet: DecodedPacket } {
  const read = readMessage(octets);
  const packet = decode(Buffer.from(octets));
  expect(packet.answers).toHaveLength(read.answers.length);
  expect(packet.authorities).toHaveLength(read.authority.length);
  expect(packet.additionals).toHaveLength(read.additional.length + (read.opt ? 1 : 0));
  return { ...read, packet };
}

/** A name as dns-packet gives it, in lower case. */
export function nameText(name: OwnerName): string {
  const labels = labelsOf(nameToWire(name)).map((label) => Buffer.from(label).toString('utf8'));
  return labels.join('.').toLowerCase() || '.';
}
