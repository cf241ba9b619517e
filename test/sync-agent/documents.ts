import { readStateDocument, type StateDocument } from '../../sync-agent/sources/state-document.ts';
import { keepReports } from './reports.ts';

/** Octets in pieces, as a socket or a file gives them. */
export async function* inPieces(document: string | Uint8Array, octets = 1000): AsyncGenerator<Uint8Array> {
  const whole = Buffer.from(document);
  for (let at = 0; at < whole.length; at += octets) yield whole.subarray(at, at + octets);
}

/** A state as it is read, and what was reported while reading. */
export async function readState(
  json: unknown,
): Promise<StateDocument & Pick<ReturnType<typeof keepReports>, 'skipped' | 'reasons' | 'details'>> {
  const { report, ...kept } = keepReports();
  const document = await readStateDocument(
    inPieces(typeof json === 'string' ? json : JSON.stringify(json), 64),
    report,
  );
  return { ...document, ...kept };
}
