import { nameToWire, parseName } from '../zone/name.ts';
import { createWriter } from '../zone/octets.ts';
import { CLASS_IN, HEADER_OCTETS, type Query } from '../zone/query.ts';
import { TYPE } from '../zone/record.ts';
import { type ForeignReply, NO_RECORDS } from '../zone/reply.ts';
import { EDE, RCODE } from '../zone/wire.ts';

/**
 * `nothing`: there is no such name. `empty`: the name is there, what is below it is not (RFC 6303 §3).
 * `silent`: it and all below it are there and have nothing. `loopback`: they are this machine.
 */
type Kind = 'nothing' | 'empty' | 'silent' | 'loopback';

/** Each of `names` with `suffix` behind it. */
const SPECIAL: readonly (readonly [Kind, suffix: string, names: string])[] = [
  ['loopback', '', 'localhost'],
  // RFC 6761, RFC 6762, RFC 7686, RFC 9476; `internal` is ICANN's for private use.
  ['nothing', '', 'test invalid local onion alt internal'],
  // RFC 9462 §6.4: nobody may learn of the upstreams and go round us.
  ['silent', '', 'resolver.arpa'],
  // RFC 8375 §4.
  ['empty', '', 'home.arpa'],
  // RFC 6303 §4.
  [
    'empty',
    '.in-addr.arpa',
    `0 10 127 254.169 168.192 2.0.192 100.51.198 113.0.203 255.255.255.255 ${range(16, 31, '.172')}`,
  ],
  // RFC 7793.
  ['empty', '.in-addr.arpa', range(64, 127, '.100')],
  [
    'empty',
    '.ip6.arpa',
    `d.f 8.e.f 9.e.f a.e.f b.e.f 8.b.d.0.1.0.0.2 ${'0.'.repeat(31)}0 1${'.0'.repeat(31)}`,
  ],
];

const KIND_BY_NAME = new Map(
  SPECIAL.flatMap(([kind, suffix, names]) =>
    names.split(' ').map((name) => [octetsKey(nameToWire(parseName(name + suffix))), kind] as const),
  ),
);

/** RFC 6303 §3: what such zones' SOA says, and how long their answers are kept. */
const SOA_NUMBERS = [1, 3600, 1200, 604_800, 10_800] as const;
const TTL = 10_800;
const RESPONSIBLE = nameToWire(parseName('nobody.invalid'));
/** RFC 8482 §4.2: all that ANY gets from us of names that are not ours. */
const HINFO = Uint8Array.of(7, ...new TextEncoder().encode('RFC8482'), 0);
const TYPE_HINFO = 13;
const LOOPBACK_IPV4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK_IPV6 = Uint8Array.of(...new Uint8Array(15), 1);

/** The answer for a name that nobody is asked about: special-use, or of a private reverse zone. */
export function answerSpecialName({ name, type }: Pick<Query, 'name' | 'type'>): ForeignReply | undefined {
  for (let at = 0; name[at]; at += 1 + (name[at] ?? 0)) {
    const kind = KIND_BY_NAME.get(octetsKey(name.subarray(at)));
    if (kind) return ofKind(kind, { origin: name.subarray(at), originAt: at, type });
  }
  return undefined;
}

/** The answer for a type that nobody is asked for: ANY is HINFO, transfers and what is no record are refused. */
export function answerSpecialType(type: number): ForeignReply | undefined {
  if (type === TYPE.ANY) return answer([[0, HEADER_OCTETS, TYPE_HINFO, HINFO]]);
  // TKEY, TSIG, IXFR, AXFR, MAILB, MAILA (RFC 6895 §3.1), and OPT.
  if ((type < 249 || type > 254) && type !== 41) return undefined;
  const error = { code: EDE.notSupported, text: 'queries of this type are not sent on' };
  return { ...NO_RECORDS, rcode: RCODE.REFUSED, extendedErrors: [error] };
}

function ofKind(
  kind: Kind,
  { origin, originAt, type }: { origin: Uint8Array; originAt: number; type: number },
): ForeignReply {
  const at = HEADER_OCTETS + originAt;
  const asks = (wanted: number): boolean => type === wanted || type === TYPE.ANY;
  const records: Placed[] = [];
  if (kind === 'loopback') {
    if (asks(TYPE.A)) records.push([0, HEADER_OCTETS, TYPE.A, LOOPBACK_IPV4]);
    if (asks(TYPE.AAAA)) records.push([0, HEADER_OCTETS, TYPE.AAAA, LOOPBACK_IPV6]);
  }
  if (kind === 'empty' && originAt === 0) {
    if (asks(TYPE.SOA)) records.push([0, at, TYPE.SOA, soaRdata(origin)]);
    if (asks(TYPE.NS)) records.push([0, at, TYPE.NS, origin]);
  }
  if (records.length > 0) return answer(records);
  const exists = kind === 'silent' || kind === 'loopback' || (kind === 'empty' && originAt === 0);
  return answer([[1, at, TYPE.SOA, soaRdata(origin)]], exists ? RCODE.NOERROR : RCODE.NXDOMAIN);
}

/** Section, where in the message its owner stands, type, RDATA. */
type Placed = readonly [section: 0 | 1, ownerAt: number, type: number, rdata: Uint8Array];

function answer(placed: readonly Placed[], rcode: number = RCODE.NOERROR): ForeignReply {
  const records = createWriter(128);
  const counts: [number, number, number] = [0, 0, 0];
  const ttlOffsets: number[] = [];
  for (const [section, ownerAt, type, rdata] of placed) {
    for (const number of [0xc000 | ownerAt, type, CLASS_IN]) records.u16(number);
    ttlOffsets.push(records.offset());
    records.u32(TTL);
    records.u16(rdata.length);
    records.octets(rdata);
    counts[section]++;
  }
  return {
    ...NO_RECORDS,
    rcode,
    counts,
    records: records.written(),
    ttlOffsets,
    ttl: TTL,
    extendedErrors: [{ code: EDE.synthesized, text: 'answered here, never forwarded' }],
  };
}

function soaRdata(origin: Uint8Array): Uint8Array {
  const rdata = createWriter(64);
  rdata.octets(origin);
  rdata.octets(RESPONSIBLE);
  for (const number of SOA_NUMBERS) rdata.u32(number);
  return rdata.written();
}

function range(first: number, last: number, behind: string): string {
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}${behind}`).join(' ');
}

function octetsKey(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}
