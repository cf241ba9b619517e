/** One event of a `text/event-stream` (WHATWG HTML §9.2). `type` is `message` where the server gave none. */
export type ServerSentEvent = {
  readonly type: string;
  /** Its `data` lines joined by newlines; cut off at the limit where `isCut`. */
  readonly data: string;
  readonly isCut: boolean;
};

export type EventStreamReader = {
  /** The next octets, cut anywhere: within a line's end or a UTF-8 character too. */
  readonly write: (chunk: Uint8Array) => void;
};

export type EventStreamOptions = {
  readonly onEvent: (event: ServerSentEvent) => void;
  /** Of a line, and of an event's data: what is beyond is not kept. Default 1 MiB characters. */
  readonly maxCharacters?: number;
};

const MAX_CHARACTERS = 1024 * 1024;
const LINE_END = /[\r\n]/;

/**
 * Reads server-sent events by the rules of WHATWG HTML §9.2.6: lines end in CRLF, LF or CR, a blank one ends an
 * event, one that begins with a colon is a comment, and an event without data is none. `id` and `retry` are for
 * those who can resume, which our servers do not offer. An event the stream ends in is none. Never throws, and
 * never holds more than twice `maxCharacters`, whatever comes.
 */
export function createEventStreamReader({
  onEvent,
  maxCharacters = MAX_CHARACTERS,
}: EventStreamOptions): EventStreamReader {
  // It takes away a byte order mark at the start of the stream, as the rules ask for.
  const decoder = new TextDecoder();
  let line = '';
  let isLineCut = false;
  let endedInReturn = false;
  let type = '';
  let data: string | undefined;
  let isCut = false;

  const keep = (part: string): void => {
    const room = maxCharacters - line.length;
    if (part.length > room) isLineCut = true;
    line += part.slice(0, room);
  };
  const endEvent = (): void => {
    if (data !== undefined && data !== '') onEvent({ type: type || 'message', data, isCut });
    type = '';
    data = undefined;
    isCut = false;
  };
  const addData = (value: string): void => {
    const joined = data === undefined ? value : `${data}\n${value}`;
    isCut ||= isLineCut || joined.length > maxCharacters;
    data = joined.slice(0, maxCharacters);
  };
  const endLine = (): void => {
    if (line === '') endEvent();
    else {
      const { name, value } = fieldOf(line);
      if (name === 'event') type = value;
      if (name === 'data') addData(value);
    }
    line = '';
    isLineCut = false;
  };

  return {
    write: (chunk) => {
      let rest = decoder.decode(chunk, { stream: true });
      if (rest === '') return;
      if (endedInReturn && rest.startsWith('\n')) rest = rest.slice(1);
      endedInReturn = false;
      for (let at = rest.search(LINE_END); at >= 0; at = rest.search(LINE_END)) {
        keep(rest.slice(0, at));
        endLine();
        endedInReturn = rest[at] === '\r' && at + 1 === rest.length;
        rest = rest.slice(rest.startsWith('\r\n', at) ? at + 2 : at + 1);
      }
      keep(rest);
    },
  };
}

/** A comment's name is empty, and so nobody's. One space after the colon is not part of the value. */
function fieldOf(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(':');
  if (colon < 0) return { name: line, value: '' };
  const value = line.slice(colon + 1);
  return { name: line.slice(0, colon), value: value.startsWith(' ') ? value.slice(1) : value };
}
