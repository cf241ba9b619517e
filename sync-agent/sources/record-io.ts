import { FormatError } from '../../zone/format-error.ts';

/**
 * RecordIO, as Mesos streams its events: a record's length in octets as decimal digits, LF, and that many octets;
 * nothing stands behind a record. Records and lengths may be split anywhere.
 */
export type RecordReader = {
  /** Takes the next octets. Throws `FormatError` with the offset in the stream where they are no RecordIO. */
  readonly write: (chunk: Uint8Array) => void;
  /** Throws `FormatError` if the stream ended within a record. */
  readonly end: () => void;
};

/** Takes one record's octets as they arrive. */
export type RecordSink = {
  /** May keep the octets: nobody changes a piece that arrived. */
  readonly write: (octets: Uint8Array) => void;
  readonly end: () => void;
};

const LINE_FEED = 0x0a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const WHAT = 'RecordIO';

/** `open` is told a record's length before its first octet. Empty lines and empty records are passed over. */
export function createRecordReader({
  open,
  maxOctets,
}: {
  readonly open: (length: number) => RecordSink;
  /** Of one record. A longer one is taken for a sign that this is no RecordIO. */
  readonly maxOctets: number;
}): RecordReader {
  let offset = 0;
  /** What is known of the length; undefined before its first digit. */
  let length: number | undefined;
  let sink: RecordSink | undefined;
  let left = 0;

  const takeLengthOctet = (octet: number): void => {
    if (octet === LINE_FEED) {
      if (length) {
        sink = open(length);
        left = length;
      }
      length = undefined;
      return;
    }
    if (octet < DIGIT_0 || octet > DIGIT_9) {
      throw new FormatError(WHAT, `has the octet 0x${octet.toString(16)} where a length should be`, offset);
    }
    length = (length ?? 0) * 10 + (octet - DIGIT_0);
    if (length > maxOctets) {
      throw new FormatError(WHAT, `announces a record of more than ${maxOctets} octets`, offset);
    }
  };

  return {
    write: (chunk) => {
      let at = 0;
      while (at < chunk.length) {
        if (!sink) {
          takeLengthOctet(chunk[at] ?? 0);
          at++;
          offset++;
          continue;
        }
        const part = chunk.subarray(at, at + left);
        sink.write(part);
        at += part.length;
        offset += part.length;
        left -= part.length;
        if (left > 0) continue;
        const whole = sink;
        sink = undefined;
        whole.end();
      }
    },
    end: () => {
      if (sink) throw new FormatError(WHAT, `is cut off, ${left} octets before the end of a record`, offset);
      if (length !== undefined) throw new FormatError(WHAT, 'is cut off in a length', offset);
    },
  };
}
