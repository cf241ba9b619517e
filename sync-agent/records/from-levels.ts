import { entryName, rrsetOf, storedRdata } from '../../zone/entry.ts';
import { nameFromWire } from '../../zone/name.ts';
import { decodeAddress, decodeSrv, TYPE } from '../../zone/record.ts';
import { type Levels, liveEntries } from '../../zone/levels.ts';
import type { RecordSet } from './record-set.ts';

/** A published snapshot as a record set: what is answered, in the form mesos-dns holds it. */
export function fromLevels(levels: Levels): RecordSet {
  const records = {
    A: new Map<string, string[]>(),
    AAAA: new Map<string, string[]>(),
    SRV: new Map<string, string[]>(),
  };
  for (const entry of liveEntries(levels)) {
    const owner = `${nameFromWire(entryName(entry))}.`;
    for (const type of ['A', 'AAAA'] as const) {
      const rrset = rrsetOf(entry, TYPE[type]);
      if (rrset)
        records[type].set(
          owner,
          storedRdata(rrset).map((rdata) => decodeAddress(TYPE[type], rdata)),
        );
    }
    const srv = rrsetOf(entry, TYPE.SRV);
    if (!srv) continue;
    const values = storedRdata(srv).map((rdata) => decodeSrv(rdata));
    records.SRV.set(
      owner,
      values.map(({ target, port }) => `${target}.:${port}`),
    );
  }
  return records;
}
