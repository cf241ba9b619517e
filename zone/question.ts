import { nameToWire, type OwnerName } from './name.ts';
import { createWriter } from './octets.ts';
import { CLASS_IN } from './query.ts';

/** A query for one name and type: id 0 (RFC 8484 §4.1), RD set, with an empty OPT record if `edns` says so. */
export function encodeQuestion({
  name,
  type,
  edns = false,
}: {
  readonly name: OwnerName;
  readonly type: number;
  readonly edns?: boolean;
}): Uint8Array {
  const query = createWriter(64);
  for (const number of [0, 0x0100, 1, 0, 0, edns ? 1 : 0]) query.u16(number);
  query.octets(nameToWire(name));
  query.u16(type);
  query.u16(CLASS_IN);
  // Root owner, type OPT, 1,232 octets of UDP payload, nothing else (RFC 6891 §6.1.2).
  if (edns) query.octets(Uint8Array.of(0, 0, 41, 1232 >> 8, 1232 & 0xff, 0, 0, 0, 0, 0, 0));
  return query.written();
}
