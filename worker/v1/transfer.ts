import { type Entry, entryName, rrsetOf, storedRdata } from '../../zone/entry.ts';
import { nameFromWire } from '../../zone/name.ts';
import { decodeAddress, decodeSrv, TYPE } from '../../zone/record.ts';
import type { Held } from '../snapshot/held.ts';
import type { AllEntries } from './entries.ts';

/** The maps of a transfer, in mesos-dns's order and words. */
const MAPS = [
  ['As', TYPE.A],
  ['AAAAs', TYPE.AAAA],
  ['SRVs', TYPE.SRV],
] as const;

/** The snapshot is gone over once for each map: what stands in memory is a block, not the zone. */
export const TRANSFER_PASSES = MAPS.length;

/**
 * The whole zone as mesos-dns's `/v1/axfr` gives it, in pieces: names and values have no order. Throws
 * `FormatError` where a block is missing or damaged.
 */
export async function* transferOf({ root, zone: { zone } }: Held, all: AllEntries): AsyncGenerator<string> {
  const { soa, origin } = zone;
  const facts = {
    TTL: soa.ttl,
    Serial: root.serial,
    RefreshSeconds: soa.refresh,
    Mname: `${soa.mname}.`,
    Rname: `${soa.rname}.`,
    Domain: origin,
  };
  yield `${JSON.stringify(facts).slice(0, -1)},"Records":{`;
  for (const [i, [map, type]] of MAPS.entries()) {
    yield `${i === 0 ? '' : ','}\n"${map}":{`;
    let separator = '\n';
    for await (const entry of all()) {
      const values = valuesOf(entry, type);
      if (values.length === 0) continue;
      yield `${separator}${JSON.stringify(`${nameFromWire(entryName(entry))}.`)}:${JSON.stringify(values)}`;
      separator = ',\n';
    }
    yield '}';
  }
  yield '\n}}\n';
}

/** The values of one type as mesos-dns writes them: addresses, or `target:port`. Throws `FormatError`. */
export function valuesOf(entry: Entry, type: (typeof MAPS)[number][1]): string[] {
  const rrset = rrsetOf(entry, type);
  if (!rrset) return [];
  return storedRdata(rrset).map((rdata) => {
    if (type !== TYPE.SRV) return decodeAddress(type, rdata);
    const { target, port } = decodeSrv(rdata);
    return `${target}.:${port}`;
  });
}
