import { type Entry, rrsetOf, rrsetsOf, type StoredRRset } from './entry.ts';
import { sameOctets } from './hash.ts';
import { TYPE } from './record.ts';

/**
 * What a zone says to a question. `positive` holds the RRsets of the name (and at the apex, whether its SOA
 * and NS are asked for); `cname`: the name is another's alias, and that has the answer (RFC 1034 §3.6.2);
 * `nodata`: the name exists, the type does not (RFC 2308 §2.2); `nxdomain`: neither the name nor anything below it
 * exists (RFC 8020).
 */
export type Answer =
  | {
      readonly kind: 'positive';
      readonly rrsets: readonly StoredRRset[];
      readonly soa: boolean;
      readonly ns: boolean;
    }
  | { readonly kind: 'cname'; readonly rrset: StoredRRset }
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
  const present = isExisting(entry) ? entry : undefined;
  if (sameOctets(name.wire, name.origin)) {
    const soa = type === TYPE.SOA || type === TYPE.ANY;
    const ns = type === TYPE.NS || type === TYPE.ANY;
    const rrsets = present ? select(present, type) : [];
    return soa || ns || rrsets.length > 0 ? { kind: 'positive', rrsets, soa, ns } : { kind: 'nodata' };
  }
  if (!present) return { kind: 'nxdomain' };
  const rrsets = select(present, type);
  if (rrsets.length > 0) return { kind: 'positive', rrsets, soa: false, ns: false };
  const rrset = rrsetOf(present, TYPE.CNAME);
  return rrset && rrset.count > 0 ? { kind: 'cname', rrset } : { kind: 'nodata' };
}

/** Does an entry say that its name exists? No entry and a tombstone are the same. */
export function isExisting(entry: Entry | undefined): entry is Entry {
  return entry !== undefined && entry.kind !== 'tombstone';
}

function select(entry: Entry, type: number): StoredRRset[] {
  if (type === TYPE.ANY) return rrsetsOf(entry);
  const rrset = rrsetOf(entry, type);
  return rrset ? [rrset] : [];
}
