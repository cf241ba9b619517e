/** About this much text is handed on at once: enough to be quick, too little to be felt in memory. */
const CHUNK_LENGTH = 65_536;

/** Joins pieces of JSON to chunks of a good size. */
export function* chunked(pieces: Iterable<string>): Generator<string, void> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK_LENGTH) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}

/** A JSON list, its members one after the other. */
export function* listPieces<T>(
  list: Iterable<T>,
  piecesOf: (each: T) => Iterable<string>,
): Generator<string, void> {
  yield '[';
  let separator = '';
  for (const each of list) {
    yield separator;
    yield* piecesOf(each);
    separator = ',';
  }
  yield ']';
}

/** White space before a document: larger, and the same to every parser. */
export function* padded(chunks: Iterable<string>, octets: number): Generator<string, void> {
  const blank = ' '.repeat(CHUNK_LENGTH);
  for (let left = octets; left > 0; left -= CHUNK_LENGTH) yield blank.slice(0, left);
  yield* chunks;
}

/** An object's JSON without its last brace, for more keys to follow. */
export function withoutEnd(fields: object): string {
  return JSON.stringify(fields).slice(0, -1);
}
