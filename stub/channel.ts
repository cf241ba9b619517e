import type { HttpReply } from './http-reply.ts';

/** An open way to the DoH server. */
export type Channel = {
  readonly protocol: 'h2' | 'http/1.1';
  /**
   * POSTs a DNS message. Rejects with `UpstreamError` when the connection ends (`closed`), after `timeoutMs`
   * (`timeout`), or for a body too long to be an answer (`body`).
   */
  readonly post: (body: Uint8Array, timeoutMs: number) => Promise<HttpReply>;
  /** May new requests use it? Not after GOAWAY. */
  readonly isOpen: () => boolean;
  /** When the server was last heard of, in milliseconds of `performance.now()`. */
  readonly heardAt: () => number;
  /**
   * A request got no answer in time: finds out whether anybody is there, and sends nothing new if not. A server that
   * works on one thing at a time may still answer what it has.
   */
  readonly suspect: () => void;
  /** No new requests; what is under way may end, within `RETIRE_MS`. */
  readonly retire: () => void;
  /** Ends everything at once. */
  readonly destroy: () => void;
};

/** What is under way on a channel that was given up has ended by then: no request takes longer. */
export const RETIRE_MS = 5_000;

/** What each request says. `authorization` may be a secret. */
export type Request = {
  readonly authority: string;
  readonly path: string;
  readonly authorization: string | undefined;
};
