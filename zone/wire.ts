import { type StoredRRset, targetAddresses, valueOffsets } from './entry.ts';
import { nameToWire, type OwnerName, suffixOffset } from './name.ts';
import { setU16, setU32 } from './octets.ts';
import { CLASS_IN, HEADER_OCTETS, type Malformed, OPCODE_QUERY, type Query } from './query.ts';
import { SRV_TARGET_OFFSET, TYPE } from './record.ts';
import { shuffle } from './shuffle.ts';
import type { Serial, Zone } from './zone.ts';

/** Response codes (RFC 1035 §4.1.1, RFC 6891 §9). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

/** Extended errors (RFC 8914 §4) that we send. */
export const EDE = {
  other: 0,
  staleAnswer: 3,
  notReady: 14,
  blocked: 15,
  prohibited: 18,
  staleNxdomain: 19,
  notAuthoritative: 20,
  notSupported: 21,
  networkError: 23,
  invalidData: 24,
  synthesized: 29,
} as const;

export type ExtendedError = { readonly code: number; readonly text: string };

/** What a reply says besides the question it echoes. */
export type Reply = {
  readonly rcode: number;
  readonly recursionAvailable: boolean;
  /** Facts of our own zone: sets AA, and gives SOA and NS where they are wanted. */
  readonly authority?: {
    readonly zone: ZoneWire;
    readonly serial: Serial;
    /** `negative`: in the authority section, its TTL the negative one (RFC 2308 §3, §5). */
    readonly soa?: 'answer' | 'authority' | 'negative';
    readonly ns?: 'answer' | 'authority';
  };
  readonly rrsets?: readonly StoredRRset[];
  /** Seconds that no TTL may pass (RFC 8767 §4). */
  readonly ttlAtMost?: number;
  readonly extendedErrors?: readonly ExtendedError[];
};

/** A written reply; `ttl` is how long it may be kept (RFC 8484 §5.1), undefined for one not to be kept. */
export type WrittenReply = { readonly octets: Uint8Array; readonly ttl: number | undefined };

/** A zone with its names in wire form, made once a head. */
export type ZoneWire = {
  readonly zone: Zone;
  readonly origin: Uint8Array;
  readonly mname: Uint8Array;
  readonly rname: Uint8Array;
  readonly nameServers: readonly Uint8Array[];
};

export function zoneWire(zone: Zone): ZoneWire {
  return {
    zone,
    origin: nameToWire(zone.origin),
    mname: nameToWire(zone.soa.mname),
    rname: nameToWire(zone.soa.rname),
    nameServers: zone.nameServers.map((server: OwnerName) => nameToWire(server)),
  };
}

const MAX_MESSAGE_OCTETS = 65535;
const RR_HEADER_OCTETS = 12;
/** Serial, refresh, retry, expire, minimum. */
const SOA_NUMBERS_OCTETS = 20;
const MAX_POINTER = 0x3fff;
const POINTER_TO_QUESTION = 0xc000 | HEADER_OCTETS;
const UDP_PAYLOAD_OCTETS = 1232;
const PADDING_BLOCK_OCTETS = 468;
const OPTION_PADDING = 12;
const OPTION_EXTENDED_ERROR = 15;

/** A message being written. */
type Message = { readonly octets: Uint8Array; at: number };

/**
 * Writes the reply to a query: id, opcode, RD, CD and the question as they came (RFC 1035 §4.1.1, RFC 6840
 * §5.9), answers in an order of `random`'s (numbers in [0, 1)), SRV targets' addresses behind them (RFC 2782),
 * OPT if the query had one. More than 65,535 octets: additional records go first, then answers, with TC.
 * With a `turn`, counting from 0, each value of a set stands first in its turn.
 */
export function writeReply(query: Query, reply: Reply, random: () => number, turn?: number): WrittenReply {
  const rrsets = reply.rrsets ?? [];
  const message = startMessage(query, roomFor(query, reply));
  const limit = MAX_MESSAGE_OCTETS - optOctets(query, reply);
  const cap = reply.ttlAtMost ?? Number.POSITIVE_INFINITY;
  let answers = 0;
  let authority = 0;
  let additional = 0;
  let truncated = false;
  let ttl: number | undefined;

  const placed: Placed[] = [];
  for (const rrset of rrsets) {
    const rrTtl = Math.min(rrset.ttl, cap);
    ttl = Math.min(ttl ?? rrTtl, rrTtl);
    const options = { ttl: rrTtl, limit: limit - apexOctets(reply), random, turn };
    const written = writeRRset(message, rrset, options);
    answers += written.offsets.length - written.left;
    truncated ||= written.left > 0;
    if (rrset.type === TYPE.SRV) placed.push({ rrset, targetAt: written.targetAt });
  }
  if (reply.authority) {
    const apex = writeApex(message, query, { ...reply.authority, cap });
    answers += apex.answers;
    authority += apex.authority;
    if (apex.ttl !== undefined) ttl = Math.min(ttl ?? apex.ttl, apex.ttl);
  }
  for (const srv of truncated ? [] : placed) additional += writeTargetAddresses(message, srv, { cap, limit });
  if (query.edns) {
    writeOpt(message, query.edns, reply);
    additional++;
  }

  const { octets } = message;
  setU16(
    octets,
    2,
    0x8000 |
      (query.opcode << 11) |
      (reply.authority ? 0x0400 : 0) |
      (truncated ? 0x0200 : 0) |
      (query.recursionDesired ? 0x0100 : 0) |
      (reply.recursionAvailable ? 0x0080 : 0) |
      (query.checkingDisabled ? 0x0010 : 0) |
      (reply.rcode & 0xf),
  );
  setU16(octets, 6, answers);
  setU16(octets, 8, authority);
  setU16(octets, 10, additional);
  return { octets: octets.subarray(0, message.at), ttl };
}

/**
 * The reply to a message whose question can't be read: its header alone. FORMERR, or NOTIMP where the opcode is
 * one whose messages we don't know anyway (RFC 8906 §3.1.4, RFC 9619 §4).
 */
export function writeMalformedReply(malformed: Malformed): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS);
  setU16(octets, 0, malformed.id);
  const rcode = malformed.opcode === OPCODE_QUERY ? RCODE.FORMERR : RCODE.NOTIMP;
  setU16(octets, 2, 0x8000 | (malformed.opcode << 11) | (malformed.recursionDesired ? 0x0100 : 0) | rcode);
  return octets;
}

function startMessage(query: Query, capacity: number): Message {
  const message = { octets: new Uint8Array(capacity), at: 0 };
  copy(query.octets, 0, query.questionEnd, message);
  setU16(message.octets, 4, 1);
  return message;
}

/**
 * No less than the reply can take: each value and address has at most a record header besides what is stored,
 * unless its owner is out of reach of pointers and written out, for which it takes a long message.
 */
function roomFor(query: Query, reply: Reply): number {
  let records = 0;
  for (const rrset of reply.rrsets ?? [])
    records += rrset.count * RR_HEADER_OCTETS + (rrset.end - rrset.values) * 4;
  if (records > MAX_POINTER) records = MAX_MESSAGE_OCTETS;
  return query.questionEnd + records + apexOctets(reply) + optOctets(query, reply);
}

/** No less than SOA and NS can take. */
function apexOctets({ authority }: Reply): number {
  if (!authority) return 0;
  const { mname, rname, nameServers } = authority.zone;
  let octets = authority.soa ? RR_HEADER_OCTETS + mname.length + rname.length + SOA_NUMBERS_OCTETS : 0;
  for (const server of authority.ns ? nameServers : []) octets += RR_HEADER_OCTETS + server.length;
  return octets;
}

/** An RRset as it stands in the message: where each SRV value's target is, by the value's index; 0 for one left out. */
type Placed = { readonly rrset: StoredRRset; readonly targetAt: readonly number[] };

/** Writes the values in random order while they fit; `targetAt` is where each SRV value's target stands. */
function writeRRset(
  message: Message,
  rrset: StoredRRset,
  options: { ttl: number; limit: number; random: () => number; turn: number | undefined },
): { offsets: number[]; left: number; targetAt: number[] } {
  const { ttl, limit, random, turn } = options;
  const { entry, type } = rrset;
  const offsets = valueOffsets(rrset);
  const order: number[] = [];
  const targetAt: number[] = [];
  for (let i = 0; i < offsets.length; i++) {
    order.push(i);
    targetAt.push(0);
  }
  shuffle(order, random, turn);
  let left = order.length;
  for (const i of order) {
    const from = offsets[i] ?? 0;
    const octets = 2 + entry.view.getUint16(from);
    if (message.at + RR_HEADER_OCTETS - 2 + octets > limit) break;
    writeRRHeader(message, { owner: POINTER_TO_QUESTION, type, ttl });
    copy(entry.octets, from, octets, message);
    targetAt[i] = message.at - octets + 2 + SRV_TARGET_OFFSET;
    left--;
  }
  return { offsets, left, targetAt };
}

function writeTargetAddresses(
  message: Message,
  srv: Placed,
  { cap, limit }: { cap: number; limit: number },
): number {
  const { octets: stored } = srv.rrset.entry;
  let written = 0;
  for (const target of targetAddresses(srv.rrset)) {
    const nameAt = srv.targetAt[target.valueIndex] ?? 0;
    if (nameAt === 0) continue;
    // A pointer has 14 bits; a target farther in is written out again.
    const owner = nameAt <= MAX_POINTER ? undefined : targetName(message, nameAt);
    const octets = target.type === TYPE.A ? 4 : 16;
    if (message.at + target.count * (RR_HEADER_OCTETS + octets + (owner?.length ?? 0)) > limit) continue;
    const ttl = Math.min(target.ttl, cap);
    for (let i = 0; i < target.count; i++) {
      if (owner) {
        copy(owner, 0, owner.length - 2, message);
        // The header writes two octets of owner: the name's last ones, its root label among them.
        writeRRHeader(message, { owner: lastTwo(owner), type: target.type, ttl });
      } else writeRRHeader(message, { owner: 0xc000 | nameAt, type: target.type, ttl });
      setU16(message.octets, message.at, octets);
      message.at += 2;
      copy(stored, target.at + i * octets, octets, message);
    }
    written += target.count;
  }
  return written;
}

/** The name standing uncompressed at `at` in the message. */
function targetName(message: Message, at: number): Uint8Array {
  let end = at;
  while (message.octets[end]) end += 1 + (message.octets[end] ?? 0);
  return message.octets.slice(at, end + 1);
}

function lastTwo(name: Uint8Array): number {
  return ((name.at(-2) ?? 0) << 8) | (name.at(-1) ?? 0);
}

/** Owner pointer, type, class and TTL; RDLENGTH and RDATA follow. */
function writeRRHeader(message: Message, rr: { owner: number; type: number; ttl: number }): void {
  const { octets, at } = message;
  setU16(octets, at, rr.owner);
  setU16(octets, at + 2, rr.type);
  setU16(octets, at + 4, CLASS_IN);
  setU32(octets, at + 6, rr.ttl);
  message.at = at + 10;
}

/** SOA and NS where they are wanted, answers first; `ttl` is the least that decides how long the reply is kept. */
function writeApex(
  message: Message,
  query: Query,
  { zone, serial, soa, ns, cap }: NonNullable<Reply['authority']> & { readonly cap: number },
): { answers: number; authority: number; ttl: number | undefined } {
  const counts = { answer: 0, authority: 0 };
  let ttl: number | undefined;
  for (const section of ['answer', 'authority'] as const) {
    const keeps = (seconds: number): number => {
      if (section === 'answer' || soa === 'negative') ttl = Math.min(ttl ?? seconds, seconds);
      return seconds;
    };
    if (soa === section || (soa === 'negative' && section === 'authority')) {
      const most = soa === 'negative' ? Math.min(cap, zone.zone.soa.minimum) : cap;
      writeSoa(message, zone, { query, serial, ttl: keeps(Math.min(zone.zone.soa.ttl, most)) });
      counts[section]++;
    }
    if (ns !== section) continue;
    for (const server of zone.nameServers) {
      writeNs(message, zone, { query, server, ttl: keeps(Math.min(zone.zone.nsTtl, cap)) });
      counts[section]++;
    }
  }
  return { answers: counts.answer, authority: counts.authority, ttl };
}

function writeSoa(
  message: Message,
  zone: ZoneWire,
  { query, serial, ttl }: { query: Query; serial: Serial; ttl: number },
): void {
  const { soa } = zone.zone;
  const origin = originPointer(query, zone);
  const end = startRdata(message, { owner: origin, type: TYPE.SOA, ttl });
  writeName(message, zone.mname, zone, origin);
  writeName(message, zone.rname, zone, origin);
  for (const number of [serial, soa.refresh, soa.retry, soa.expire, soa.minimum]) {
    setU32(message.octets, message.at, number);
    message.at += 4;
  }
  end();
}

function writeNs(
  message: Message,
  zone: ZoneWire,
  { query, server, ttl }: { query: Query; server: Uint8Array; ttl: number },
): void {
  const origin = originPointer(query, zone);
  const end = startRdata(message, { owner: origin, type: TYPE.NS, ttl });
  writeName(message, server, zone, origin);
  end();
}

/** Begins a record whose RDLENGTH is known at its end, which is when the returned function is called. */
function startRdata(message: Message, rr: { owner: number; type: number; ttl: number }): () => void {
  writeRRHeader(message, rr);
  const lengthAt = message.at;
  message.at += 2;
  return () => setU16(message.octets, lengthAt, message.at - lengthAt - 2);
}

/** The zone's origin is the end of the question's name. */
function originPointer(query: Query, zone: ZoneWire): number {
  return POINTER_TO_QUESTION + query.name.length - zone.origin.length;
}

/** A name, its labels above the zone's origin written out and the origin pointed to (RFC 1035 §4.1.4). */
function writeName(message: Message, name: Uint8Array, zone: ZoneWire, origin: number): void {
  const above = suffixOffset(name, zone.origin);
  if (above < 0) return copy(name, 0, name.length, message);
  copy(name, 0, above, message);
  setU16(message.octets, message.at, origin);
  message.at += 2;
}

/** No less than OPT and what is in it can take. */
export function optOctets(query: Query, reply: Pick<Reply, 'extendedErrors'>): number {
  if (!query.edns) return 0;
  const errors = (reply.extendedErrors ?? []).reduce((sum, { text }) => sum + 6 + text.length * 3, 0);
  return 11 + errors + (query.edns.padded ? PADDING_BLOCK_OCTETS + 4 : 0);
}

/** RFC 6891 §6.1: root owner, our payload size as class, extended RCODE, version 0 and DO in the TTL. */
export function writeOpt(
  message: Message,
  edns: NonNullable<Query['edns']>,
  reply: Pick<Reply, 'rcode' | 'extendedErrors'>,
): void {
  const { octets } = message;
  octets[message.at] = 0;
  setU16(octets, message.at + 1, 41);
  setU16(octets, message.at + 3, UDP_PAYLOAD_OCTETS);
  setU32(octets, message.at + 5, ((reply.rcode >> 4) << 24) | (edns.dnssecOk ? 0x8000 : 0));
  const lengthAt = message.at + 9;
  message.at += 11;
  for (const { code, text } of reply.extendedErrors ?? []) {
    const extra = new TextEncoder().encode(text);
    setU16(octets, message.at, OPTION_EXTENDED_ERROR);
    setU16(octets, message.at + 2, 2 + extra.length);
    setU16(octets, message.at + 4, code);
    message.at += 6;
    copy(extra, 0, extra.length, message);
  }
  if (edns.padded) {
    // RFC 8467 §4.1: whole replies are multiples of 468 octets. The octets are zeros already.
    const padding = (PADDING_BLOCK_OCTETS - ((message.at + 4) % PADDING_BLOCK_OCTETS)) % PADDING_BLOCK_OCTETS;
    setU16(octets, message.at, OPTION_PADDING);
    setU16(octets, message.at + 2, padding);
    message.at += 4 + padding;
  }
  setU16(octets, lengthAt, message.at - lengthAt - 2);
}

function copy(from: Uint8Array, at: number, length: number, message: Message): void {
  const { octets } = message;
  for (let i = 0, to = message.at; i < length; i++) octets[to + i] = from[at + i] ?? 0;
  message.at += length;
}
