import { isAtOrBelow, lowerOctet } from '../zone/name.ts';
import { octetsKey, setU32, u16At } from '../zone/octets.ts';
import { HEADER_OCTETS, type Query } from '../zone/query.ts';
import { TYPE } from '../zone/record.ts';
import { createRecordCopy, readName, readRdata } from '../zone/record-copy.ts';
import type { ForeignReply } from '../zone/reply.ts';
import { RCODE } from '../zone/wire.ts';

const CLASS_ANY = 255;
const POINTER_TO_QUESTION = 0xc000 | HEADER_OCTETS;
const MOST_ALIASES = 16;
/** Seconds (RFC 8767 §4, RFC 2308 §5). */
const DAY = 86_400;
const HOUR = 3_600;
/** Octets of RDATA before the name of a host whose addresses may come with the record. */
const BEFORE_HOST: Readonly<Record<number, number>> = {
  [TYPE.NS]: 0,
  [TYPE.MX]: 2,
  [TYPE.SVCB]: 2,
  [TYPE.HTTPS]: 2,
  [TYPE.SRV]: 6,
};

/** A record of the reply; offsets are of the message that `messageOf` gives. */
type Found = {
  readonly section: 0 | 1 | 2;
  readonly ownerAt: number;
  /** Lower-case wire form. */
  readonly owner: Uint8Array;
  readonly key: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly start: number;
  readonly end: number;
};

type Reading = { readonly query: Query; readonly message: Uint8Array; readonly found: readonly Found[] };

/**
 * The reply without records that its question is no reason for, which a cache behind us might believe (RFC 2181
 * §5.4.1): its CNAMEs and what is asked at their end, the SOA or NS above, the hosts' addresses. Of names that are
 * not `isTheirs` (lower-case wire form) to speak for, only those that these records lead to, with TTL 0. TTLs are a
 * day at most, negative ones an hour. The same object where nothing is to change.
 */
export function onlyAsked(
  reply: ForeignReply,
  query: Query,
  isTheirs: (name: Uint8Array) => boolean,
): ForeignReply {
  const reading = readFound(reply, query);
  const chain = chainOf(reading);
  const kept = keptOf(reading, chain, isTheirs);
  const isNegative =
    reply.rcode === RCODE.NXDOMAIN ||
    !kept.some(({ section, type }) => section === 0 && isAsked(type, query.type));
  const most = isNegative ? HOUR : DAY;
  const isEndTheirs = isTheirs(chain.names.at(-1) ?? query.name);
  const ttls = kept.map(({ section, owner, type, ttl }) => {
    if (section === 1 && type === TYPE.SOA) return isEndTheirs ? Math.min(ttl, HOUR) : 0;
    return isTheirs(owner) ? Math.min(ttl, most) : 0;
  });
  const isWhole = kept.length === reading.found.length;
  if (isWhole && kept.every(({ ttl }, i) => ttl === ttls[i])) return reply;
  return {
    ...reply,
    ...(isWhole ? withTtls(reply, ttls) : rebuilt(reading, kept, ttls)),
    // Whoever takes records away can't vouch for the rest.
    authentic: reply.authentic && isWhole,
    ttl: ttlOf(reading, kept, most),
  };
}

/** The record's owner as it is in the reply, its type and place. `readReply` made sure that each can be read. */
function readFound({ records, counts, ttlOffsets }: ForeignReply, query: Query): Reading {
  const message = new Uint8Array(query.questionEnd + records.length);
  message.set(query.octets.subarray(0, query.questionEnd));
  message.set(records, query.questionEnd);
  const view = new DataView(message.buffer);
  const found: Found[] = [];
  const questionKey = octetsKey(query.name);
  let ownerAt = query.questionEnd;
  for (const [i, offset] of ttlOffsets.entries()) {
    const ttlAt = query.questionEnd + offset;
    const isQuestion = u16At(message, ownerAt) === POINTER_TO_QUESTION;
    const owner = isQuestion ? query.name : lowerName(message, ownerAt);
    const start = ttlAt + 6;
    const end = start + view.getUint16(ttlAt + 4);
    found.push({
      section: i < counts[0] ? 0 : i < counts[0] + counts[1] ? 1 : 2,
      ownerAt,
      owner,
      key: isQuestion ? questionKey : octetsKey(owner),
      type: view.getUint16(ttlAt - 4),
      class: view.getUint16(ttlAt - 2),
      ttl: view.getUint32(ttlAt),
      start,
      end,
    });
    ownerAt = end;
  }
  return { query, message, found };
}

function lowerName(message: Uint8Array, at: number): Uint8Array {
  return (readName(message, at)?.name ?? Uint8Array.of(0)).map(lowerOctet);
}

type Chain = { readonly names: readonly Uint8Array[]; readonly links: ReadonlySet<Found> };

/** From the name asked for over its CNAMEs, in whatever order they are; one a name. */
function chainOf({ query, message, found }: Reading): Chain {
  const aliases = new Map<string, Found>();
  for (const record of found)
    if (record.section === 0 && record.type === TYPE.CNAME && !aliases.has(record.key))
      aliases.set(record.key, record);
  const names = [query.name];
  const links = new Set<Found>();
  let link = isAsked(TYPE.CNAME, query.type) ? undefined : aliases.get(octetsKey(query.name));
  while (link && !links.has(link) && links.size < MOST_ALIASES) {
    links.add(link);
    const target = lowerName(message, link.start);
    names.push(target);
    link = aliases.get(octetsKey(target));
  }
  return { names, links };
}

function keptOf(
  { query, message, found }: Reading,
  { names, links }: Chain,
  isTheirs: (name: Uint8Array) => boolean,
): readonly Found[] {
  const keys = new Set(names.map(octetsKey));
  const endKey = octetsKey(names.at(-1) ?? query.name);
  const isAbove = (owner: Uint8Array): boolean => names.some((name) => isAtOrBelow(name, owner));
  const isSigned = query.edns?.dnssecOk === true;
  const isOfAnswer = (record: Found): boolean => {
    const { key, owner, type } = record;
    if (links.has(record) || (key === endKey && isAsked(type, query.type))) return true;
    if (type === TYPE.DNAME) return isTheirs(owner) && isAbove(owner);
    // Also those of a DNAME above.
    return type === TYPE.RRSIG && (keys.has(key) || (isTheirs(owner) && isAbove(owner)));
  };
  const isOfAuthority = ({ owner, type }: Found): boolean => {
    if (type === TYPE.SOA) return isAbove(owner);
    if (type === TYPE.NS || type === TYPE.DS) return isTheirs(owner) && isAbove(owner);
    // Proofs stand beside the name and not above it; who does not ask for them can not use them.
    return isSigned && [TYPE.RRSIG, TYPE.NSEC, TYPE.NSEC3].some((each) => each === type) && isTheirs(owner);
  };
  const hosts = new Set<string>();
  return found.filter((record) => {
    const { section, key, owner, type, start } = record;
    if (record.class !== query.class && query.class !== CLASS_ANY) return false;
    if (section === 2)
      return hosts.has(key) && (type === TYPE.A || type === TYPE.AAAA || (isSigned && type === TYPE.RRSIG));
    if (!(section === 0 ? isOfAnswer(record) : isOfAuthority(record))) return false;
    const before = BEFORE_HOST[type];
    if (before !== undefined) {
      const host = lowerName(message, start + before);
      // RFC 9460 §2.5: the root is the owner itself.
      hosts.add(octetsKey(host.length === 1 ? owner : host));
    }
    return true;
  });
}

function isAsked(type: number, asked: number): boolean {
  return type === asked || asked === TYPE.ANY;
}

function withTtls(
  { records, ttlOffsets }: ForeignReply,
  ttls: readonly number[],
): Pick<ForeignReply, 'records'> {
  const copy = records.slice();
  for (const [i, offset] of ttlOffsets.entries()) setU32(copy, offset, ttls[i] ?? 0);
  return { records: copy };
}

function rebuilt(
  { query, message }: Reading,
  kept: readonly Found[],
  ttls: readonly number[],
): Pick<ForeignReply, 'counts' | 'records' | 'ttlOffsets'> {
  const copy = createRecordCopy(query);
  const counts: [number, number, number] = [0, 0, 0];
  for (const [i, { section, ownerAt, type, class: recordClass, start, end }] of kept.entries()) {
    const owner = readName(message, ownerAt)?.name;
    const names = readRdata(message, type, { start, end });
    if (!owner || !names) continue;
    counts[section]++;
    const rdata = message.subarray(start, end);
    copy.add({ owner, type, class: recordClass, ttl: ttls[i] ?? 0, rdata, names });
  }
  return { counts, ...copy.done() };
}

/** As `ForeignReply` has it, of what is left. */
function ttlOf({ message }: Reading, kept: readonly Found[], most: number): number | undefined {
  const view = new DataView(message.buffer);
  const ttls = kept.flatMap(({ section, type, ttl, end }) => {
    if (section === 0) return [Math.min(ttl, most)];
    return section === 1 && type === TYPE.SOA ? [Math.min(ttl, view.getUint32(end - 4), HOUR)] : [];
  });
  return ttls.length === 0 ? undefined : Math.min(...ttls);
}
