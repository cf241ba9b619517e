/** One case of the table: what is sent, and what has to be true of what comes back. */
export type Row = {
  /** Unique, for reports. */
  readonly id: string;
  /** The RFC section that says so. */
  readonly source: string;
  /** `EXTRA`: no RFC asks for it; it is here because users did. */
  readonly level: Level;
  readonly says: string;
  /** Sent one after the other. */
  readonly send: readonly Sent[];
  /** Throws for replies that are not right; they are in the order of `send`. */
  readonly holds: (replies: readonly Reply[]) => void;
  /** Why it fails, for a SHOULD that we know to fail. */
  readonly known?: string;
};

export type Level = 'MUST' | 'SHOULD' | 'EXTRA';

/** An HTTP request; `path` begins with a slash and is sent as it is. */
export type Sent = {
  readonly method: string;
  readonly path: string;
  /** Nothing else is sent but what HTTP itself needs. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** In chunks, without saying how long it is. */
  readonly streamed?: boolean;
  /** The DNS message in it, if there is one. */
  readonly message?: Uint8Array;
};

export type Reply = {
  readonly status: number;
  /** A header's value; values of repeated ones joined by `, `. */
  readonly header: (name: string) => string | undefined;
  readonly octets: Uint8Array;
  readonly sent: Sent;
};

/** Sends one request. */
export type Exchange = (sent: Sent) => Promise<Reply>;
