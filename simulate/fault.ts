/**
 * What a master does in place of answering as it should, for tests of those who ask it. A state is that of
 * `/state`, of the calls for it, and the first record of a stream.
 */
export type Fault =
  /** Takes the request and never answers; with `afterLength`, stops within the body of a state. */
  | { readonly kind: 'stall'; readonly afterLength?: number }
  /** Closes the connection within the body of a state, after that many characters of JSON. */
  | { readonly kind: 'cut'; readonly afterLength: number }
  /** `only` the state (and all else but the operator API), or only the operator API. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly only?: 'state' | 'api';
    }
  /** Answers 200 with this in place of the state. */
  | { readonly kind: 'body'; readonly body: string | Uint8Array; readonly contentType?: string }
  /** So many octets of white space before each state. */
  | { readonly kind: 'oversize'; readonly octets: number }
  | StreamFault;

/** What happens to a stream from its next record on, or after so many records of it. */
export type StreamFault =
  /** It stays open and never says anything again, whatever becomes of the fault. */
  | { readonly kind: 'stream-stall'; readonly afterRecords?: number }
  /** The connection closes in the middle of a record. */
  | { readonly kind: 'stream-cut'; readonly afterRecords?: number };
