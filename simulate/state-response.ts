import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { constants, createGzip, gzipSync } from 'node:zlib';
import type { Fault } from './fault.ts';
import { padded } from './json-pieces.ts';

/** As Mesos sends it: without a charset. */
export const JSON_TYPE = 'application/json';

type StateBody = { readonly chunks: Iterable<string>; readonly fault: Fault | undefined };

/** Streams a state, compressed for those who ask for it; a fault of `cut` or `stall` ends it early. */
export function sendState(response: ServerResponse, { chunks, fault }: StateBody): void {
  const isGzip = admitsGzip(response.req.headers['accept-encoding']);
  response.writeHead(200, { 'content-type': JSON_TYPE, ...(isGzip ? { 'content-encoding': 'gzip' } : {}) });
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  if (fault?.kind === 'cut' || fault?.kind === 'stall') {
    const text = firstText(chunks, fault.afterLength ?? 0);
    // As it would be on the wire if it went on.
    const bytes = isGzip ? gzipSync(text, { finishFlush: constants.Z_SYNC_FLUSH }) : text;
    // Cut only once the bytes are on their way, or the client would see no body at all.
    response.write(bytes, () => (fault.kind === 'cut' ? response.destroy() : undefined));
    return;
  }
  const whole = fault?.kind === 'oversize' ? padded(chunks, fault.octets) : chunks;
  const source = Readable.from(whole, { objectMode: false });
  // A client that goes away ends its answer; nobody else waits for it.
  const done = () => undefined;
  if (isGzip) pipeline(source, createGzip({ level: constants.Z_BEST_SPEED }), response, done);
  else pipeline(source, response, done);
}

/** The beginning of a state, of that many characters. */
export function firstText(chunks: Iterable<string>, length: number): string {
  let text = '';
  for (const chunk of chunks) {
    text += chunk;
    if (text.length >= length) break;
  }
  return text.slice(0, length);
}

/** Does `Accept-Encoding` (RFC 9110 §12.5.3) admit gzip? As in libprocess, silence does not. */
function admitsGzip(header: string | string[] | undefined): boolean {
  const weights = new Map<string, number>();
  for (const part of String(header ?? '').split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase());
    const weight = parameters.find((each) => each.startsWith('q='))?.slice(2);
    weights.set(coding, weight === undefined ? 1 : Number(weight));
  }
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}
