import { type Entry, rrsetsOf, storedRdata, type StoredRRset } from '../../zone/entry.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { TYPE, typeName } from '../../zone/record.ts';
import type { ZoneExplanation } from './explain-zone.ts';
import { canonical, valueText } from './explained-rrsets.ts';
import { RECORD_SET_TYPES, type RecordSetType } from './record-set.ts';
import type { RRsetSettings } from './rrsets.ts';

/** What a snapshot has at one name, values as a record set holds them. */
export type PublishedRRset = { readonly type: RecordSetType; readonly values: readonly string[] };

/** Numbers of the zone that a record set's values do not repeat. */
export type ZoneNumbers = Pick<RRsetSettings, 'srvWeight' | 'ttl'>;

/**
 * The RRsets of an entry, edits applied; none for a tombstone or where there is no entry. Without the zone's numbers
 * TTLs are not told, and the weight is mesos-dns's 1.
 */
export function publishedRRsets(entry: Entry | undefined, numbers?: ZoneNumbers): PublishedRRset[] {
  if (!entry || entry.kind === 'tombstone') return [];
  const stored = rrsetsOf(entry);
  const valuesOf = (type: RecordSetType): readonly string[] => {
    if (type === 'MORE') return furtherValues(stored, numbers);
    const rrset = stored.find((each) => each.type === TYPE[type]);
    return rrset
      ? storedRdata(rrset).map((rdata) => valueText(TYPE[type], rdata, numbers?.srvWeight ?? 1))
      : [];
  };
  return RECORD_SET_TYPES.flatMap((type) => {
    const values = valuesOf(type);
    return values.length > 0 ? [{ type, values }] : [];
  });
}

/** Values of all other types, and the name's TTL where it is its own. */
function furtherValues(stored: readonly StoredRRset[], numbers: ZoneNumbers | undefined): string[] {
  const values: string[] = [];
  for (const rrset of stored) {
    const { type } = rrset;
    if (type === TYPE.A || type === TYPE.AAAA || type === TYPE.SRV) continue;
    for (const rdata of storedRdata(rrset))
      values.push(`${typeName(type)} ${rdataText(rdata, { type, at: 0, end: rdata.length })}`);
  }
  const ttl = stored[0]?.ttl ?? numbers?.ttl;
  if (numbers && ttl !== undefined && ttl !== numbers.ttl) values.push(`TTL ${ttl}`);
  return values;
}

/** What a snapshot has at one name of one type, by the type's own name. */
export type PublishedValues = {
  readonly type: string;
  /** Seconds; undefined where it is not known. */
  readonly ttl?: number;
  readonly values: readonly string[];
};

/** The same as `publishedRRsets`, by real types and with their TTLs. `srvWeight` is the zone's. */
export function publishedByType(entry: Entry | undefined, srvWeight: number): PublishedValues[] {
  if (!entry || entry.kind === 'tombstone') return [];
  return rrsetsOf(entry).map((rrset) => ({
    type: typeName(rrset.type),
    ttl: rrset.ttl,
    values: storedRdata(rrset).map((rdata) => valueText(rrset.type, rdata, srvWeight)),
  }));
}

/** What is published and not in the cluster now, and the other way round: a line each, none where they agree. */
export function comparePublished(
  { rrsets }: Pick<ZoneExplanation, 'rrsets'>,
  published: readonly PublishedValues[],
  srvWeight = 1,
): string[] {
  const lines: string[] = [];
  const types = new Set([...rrsets, ...published].map(({ type }) => type));
  for (const type of types) {
    const now = rrsets.find((rrset) => rrset.type === type);
    const stored = published.find((rrset) => rrset.type === type);
    const textOf = (value: string): string => canonical(type, value, srvWeight);
    const answerable = new Set(
      now?.values.filter(({ notAnswered }) => notAnswered === undefined).map(({ value }) => textOf(value)),
    );
    const held = new Set(stored?.values.map((value) => textOf(value)));
    for (const value of held)
      if (!answerable.has(value))
        lines.push(
          `published, and not in the cluster now: ${type} ${value} (not read yet, or held by the guard)`,
        );
    for (const value of answerable)
      if (!held.has(value)) lines.push(`in the cluster now, and not published yet: ${type} ${value}`);
    const isTtlKnown = now !== undefined && stored?.ttl !== undefined && answerable.size > 0;
    if (isTtlKnown && stored.ttl !== now.ttl)
      lines.push(`published with another TTL: ${type} ${stored.ttl} s, and ${now.ttl} s in the cluster now`);
  }
  return lines;
}
