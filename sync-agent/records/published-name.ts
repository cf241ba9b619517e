import { canonicalAddress } from '../../zone/address.ts';
import { type Entry, rrsetOf, storedRdata } from '../../zone/entry.ts';
import { decodeAddress, decodeSrv, TYPE } from '../../zone/record.ts';
import type { Explanation } from './explain.ts';
import type { RecordSetType } from './record-set.ts';

/** What a snapshot has at one name, values as a record set holds them. */
export type PublishedRRset = { readonly type: RecordSetType; readonly values: readonly string[] };

/** The RRsets of an entry, edits applied; none for a tombstone or where there is no entry. */
export function publishedRRsets(entry: Entry | undefined): PublishedRRset[] {
  if (!entry || entry.kind === 'tombstone') return [];
  const rrsets: PublishedRRset[] = [];
  for (const type of ['A', 'AAAA'] as const) {
    const rrset = rrsetOf(entry, TYPE[type]);
    if (rrset)
      rrsets.push({ type, values: storedRdata(rrset).map((rdata) => decodeAddress(TYPE[type], rdata)) });
  }
  const srv = rrsetOf(entry, TYPE.SRV);
  if (srv) {
    const values = storedRdata(srv).map((rdata) => decodeSrv(rdata));
    rrsets.push({ type: 'SRV', values: values.map(({ target, port }) => `${target}.:${port}`) });
  }
  return rrsets;
}

/** What is published and not in the cluster now, and the other way round: a line each, none where they agree. */
export function comparePublished(
  { rrsets }: Pick<Explanation, 'rrsets'>,
  published: readonly PublishedRRset[],
): string[] {
  const lines: string[] = [];
  for (const type of ['A', 'AAAA', 'SRV'] as const) {
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
  return type === 'SRV' ? value.replace(/:0+(?=\d+$)/, ':') : (canonicalAddress(value) ?? value);
}
