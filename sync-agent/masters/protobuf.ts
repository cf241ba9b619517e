import { FormatError } from '../../zone/format-error.ts';

/**
 * The fields of one protobuf message as it is on the wire (protobuf.dev/programming-guides/encoding): by
 * number, the last of each, as proto2 reads fields that are not repeated. Numbers are cut to 64 bits; fixed
 * widths, which our messages do not have, are passed over. Throws `FormatError` with the offset.
 */
export type ProtobufFields = ReadonlyMap<number, bigint | Uint8Array>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
/** Of the longest varint: 64 bits, 7 in each. */
const VARINT_OCTETS = 10;

export function readProtobuf(octets: Uint8Array, what: string): ProtobufFields {
  const fields = new Map<number, bigint | Uint8Array>();
  let offset = 0;
  const broken = (reason: string): never => {
    throw new FormatError(what, reason, offset);
  };
  const take = (length: number): Uint8Array => {
    if (length > octets.length - offset) broken('ends within a field');
    offset += length;
    return octets.subarray(offset - length, offset);
  };
  const varint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < VARINT_OCTETS; i++) {
      const octet = take(1)[0] ?? 0;
      value |= BigInt(octet & 0x7f) << BigInt(7 * i);
      if (octet < 0x80) return BigInt.asUintN(64, value);
    }
    return broken('has a number of more than 64 bits');
  };
  while (offset < octets.length) {
    const key = Number(varint());
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case VARINT:
        fields.set(number, varint());
        break;
      case LENGTH_DELIMITED:
        fields.set(number, take(Number(varint())));
        break;
      case FIXED64:
        take(8);
        break;
      case FIXED32:
        take(4);
        break;
      default:
        broken('has a field of an unknown type');
    }
  }
  return fields;
}
