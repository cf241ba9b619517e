import { formatAddress } from './address.ts';
import { FormatError } from './format-error.ts';
import { type OwnerName, nameFromWire, nameToWire } from './name.ts';

/** Record types by name: IANA "DNS Parameters". Those named here are the ones the code treats or prints. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  CDS: 59,
  CDNSKEY: 60,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

/** A record type as its number, 0 to 65535. */
export type RecordType = number;

/** Uncompressed RDATA, ready for the wire (RFC 1035 §3.3, RFC 2782, RFC 3596). */
export type RData = Uint8Array;

/**
 * All records of one type at one owner name: the unit that is stored and answered. `rdata` is in canonical
 * (octet-wise) order without repeats; `sources` is a bit set of the sources the values came from.
 */
export type RRset = {
  readonly owner: OwnerName;
  readonly type: RecordType;
  /** Seconds. */
  readonly ttl: number;
  readonly rdata: readonly RData[];
  readonly sources: number;
};

/** RFC 2782 fields; `target` is the host that serves. */
export type Srv = {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: OwnerName;
};

/** Octets of SRV RDATA before the target. */
export const SRV_TARGET_OFFSET = 6;

export function encodeSrv(srv: Srv): RData {
  const rdata = nameToWire(srv.target, SRV_TARGET_OFFSET);
  rdata[0] = srv.priority >> 8;
  rdata[1] = srv.priority;
  rdata[2] = srv.weight >> 8;
  rdata[3] = srv.weight;
  rdata[4] = srv.port >> 8;
  rdata[5] = srv.port;
  return rdata;
}

/** Throws `FormatError` for RDATA that is too short or whose target is no name. */
export function decodeSrv(rdata: RData): Srv {
  if (rdata.length <= SRV_TARGET_OFFSET) throw new FormatError('SRV RDATA', 'is too short', rdata.length);
  const view = new DataView(rdata.buffer, rdata.byteOffset, rdata.length);
  return {
    priority: view.getUint16(0),
    weight: view.getUint16(2),
    port: view.getUint16(4),
    target: nameFromWire(rdata.subarray(SRV_TARGET_OFFSET)),
  };
}

/** Address RDATA as text; throws `FormatError` for another length than the type's. */
export function decodeAddress(type: typeof TYPE.A | typeof TYPE.AAAA, rdata: RData): string {
  const length = type === TYPE.A ? 4 : 16;
  if (rdata.length !== length)
    throw new FormatError('address RDATA', `is not ${length} octets`, rdata.length);
  return formatAddress(rdata);
}

/** `AAAA`, or `TYPE65280` where no name is known here (RFC 3597 §5). */
export function typeName(type: RecordType): string {
  for (const [name, code] of Object.entries(TYPE)) if (code === type) return name;
  return `TYPE${type}`;
}

/** The number of a type written `aaaa` or `TYPE28`; undefined if it is neither. */
export function typeCode(text: string): RecordType | undefined {
  const name = text.toUpperCase();
  for (const [known, code] of Object.entries(TYPE)) if (known === name) return code;
  const number = /^TYPE(\d{1,5})$/.exec(name)?.[1];
  return number !== undefined && Number(number) <= 0xffff ? Number(number) : undefined;
}
