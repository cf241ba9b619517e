import type { ReportSkipped } from '../../../sync-agent/cluster.ts';
import type { ClusterTables } from '../../../sync-agent/sources/cluster-tables.ts';
import { createOperatorReader, type OperatorEvent } from '../../../sync-agent/sources/operator-reader.ts';

/** Events as a master streams them. */
export function framed(...events: readonly unknown[]): Buffer {
  return Buffer.concat(
    events.map((event) => {
      const record = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
      return Buffer.concat([Buffer.from(`${record.length}\n`), record]);
    }),
  );
}

/** Pieces of these lengths, over and over. */
export function feed(
  into: { readonly write: (octets: Uint8Array) => void },
  octets: Uint8Array,
  lengths: readonly number[],
): void {
  for (let at = 0, i = 0; at < octets.length; i++) {
    const piece = octets.subarray(at, at + (lengths[i % lengths.length] ?? 1));
    into.write(piece);
    at += piece.length;
  }
}

/** Has tables read a stream to its end; gives the events that were told. */
export function readStream(
  tables: ClusterTables,
  octets: Uint8Array,
  options: {
    readonly report?: ReportSkipped;
    readonly pieces?: readonly number[];
    readonly wholeOctets?: number;
  } = {},
): OperatorEvent[] {
  const { report = () => {}, pieces = [octets.length], wholeOctets } = options;
  const told: OperatorEvent[] = [];
  const reader = createOperatorReader({
    tables,
    report,
    onEvent: (event) => void told.push(event),
    ...(wholeOctets !== undefined && { wholeOctets }),
  });
  feed(reader, octets, pieces);
  reader.end();
  return told;
}
