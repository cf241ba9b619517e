import type { Answer } from 'dns-packet';
import type { Reply } from '../edge.ts';

/** A reply as a person would write it down: RCODE, then each section's records as `owner TYPE data`, sorted. */
export function said({ rcode, packet }: Reply): string[] {
  const { answers = [], authorities = [], additionals = [] } = packet;
  return [
    rcode,
    ...texts('', answers),
    ...texts('authority ', authorities),
    ...texts(
      'additional ',
      additionals.filter(({ type }) => type !== 'OPT'),
    ),
  ];
}

function texts(section: string, records: readonly Answer[]): string[] {
  return records.map((record) => section + textOf(record)).toSorted();
}

function textOf(record: Answer): string {
  if (record.type === 'SRV') return `${record.name} SRV ${record.data.port} ${record.data.target}`;
  if (record.type === 'SOA') return `${record.name} SOA ${record.data.mname} ${record.data.serial}`;
  return `${record.name} ${record.type} ${'data' in record ? String(record.data) : ''}`;
}
