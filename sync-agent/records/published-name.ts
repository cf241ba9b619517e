import { canonicalAddress } from '../../zone/address.ts';
import { type Entry, rrsetsOf, storedRdata, type StoredRRset } from '../../zone/entry.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { decodeAddress, decodeSrv, type RData, TYPE, typeName } from '../../zone/record.ts';
import type { Explanation } from './explain.ts';
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
    return rrset ? storedRdata(rrset).map((rdata) => valueText(type, rdata, numbers)) : [];
  };
  return RECORD_SET_TYPES.flatMap((type) => {
    const values = valuesOf(type);
    return values.length > 0 ? [{ type, values }] : [];
  });
}

function valueText(type: 'A' | 'AAAA' | 'SRV', rdata: RData, numbers: ZoneNumbers | undefined): string {
  if (type !== 'SRV') return decodeAddress(TYPE[type], rdata);
  const { target, port, priority, weight } = decodeSrv(rdata);
  const isUsual = priority === 0 && weight === (numbers?.srvWeight ?? 1);
  return `${target}.:${port}${isUsual ? '' : ` ${priority} ${weight}`}`;
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

/** What is published and not in the cluster now, and the other way round: a line each, none where they agree. */
export function comparePublished(
  { rrsets }: Pick<Explanation, 'rrsets'>,
  published: readonly PublishedRRset[],
): string[] {
  const lines: string[] = [];
  for (const type of RECORD_SET_TYPES) {
    const now = rrsets.find((rrset) => rrset.type === type)?.values ?? [];
    const answerable = new Set(
      now.filter(({ notAnswered }) => notAnswered === undefined).map(({ value }) => sameText(type, value)),
    );
    const held = new Set(
      published.find((rrset) => rrset.type === type)?.values.map((value) => sameText(type, value)),
    );
    for (const value of held)
      if (!answerable.has(value))
        lines.push(
          `published, and not in the cluster now: ${type} ${value} (not read yet, or held by the guard)`,
        );
    for (const value of answerable)
      if (!held.has(value)) lines.push(`in the cluster now, and not published yet: ${type} ${value}`);
  }
  return lines;
}

/** One text for one value: ports may have zeros in front, addresses be written in several ways. */
function sameText(type: RecordSetType, value: string): string {
  if (type === 'MORE') return value;
  return type === 'SRV' ? value.replace(/:0+(?=\d+(?: |$))/, ':') : (canonicalAddress(value) ?? value);
}
