import { type Entry, rrsetOf, rrsetsOf, type StoredRRset } from './entry.ts';
import { sameOctets } from './hash.ts';
import { TYPE } from './record.ts';

/**
 * What a zone says to a question. `positive` holds the RRsets of the name (and at the apex, whether its SOA
 * and NS are asked for); `nodata`: the name exists, the type does not (RFC 2308 §2.2); `nxdomain`: neither
 * the name nor anything below it exists (RFC 8020).
 */
export type Answer =
  | {
      readonly kind: 'positive';
      readonly rrsets: readonly StoredRRset[];
      readonly soa: boolean;
      readonly ns: boolean;
    }
  | { readonly kind: 'nodata' }
  | { readonly kind: 'nxdomain' };

/**
 * Answers a name at or below the zone's origin. `entry` is what the snapshot has for the name, edits applied;
 * an edit throws `FormatError`. Pure. ANY gives all RRsets of the name, as mesos-dns does.
 */
export function answerName(
  entry: Entry | undefined,
  type: number,
  name: { wire: Uint8Array; origin: Uint8Array },
): Answer {
  const present = entry?.kind === 'tombstone' ? undefined : entry;
  if (sameOctets(name.wire, name.origin)) {
    const soa = type === TYPE.SOA || type === TYPE.ANY;
    const ns = type === TYPE.NS || type === TYPE.ANY;
    const rrsets = present ? select(present, type) : [];
    return soa || ns || rrsets.length > 0 ? { kind: 'positive', rrsets, soa, ns } : { kind: 'nodata' };
  }
  if (!present) return { kind: 'nxdomain' };
  const rrsets = select(present, type);
  return rrsets.length > 0 ? { kind: 'positive', rrsets, soa: false, ns: false } : { kind: 'nodata' };
}

function select(entry: Entry, type: number): StoredRRset[] {
  if (type === TYPE.ANY) return rrsetsOf(entry);
  const rrset = rrsetOf(entry, type);
  return rrset ? [rrset] : [];
}
