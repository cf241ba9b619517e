/**
 * What this machine can be asked and can reach. Nothing here throws but for the signal's reason: failures are
 * values, each with its limit in time.
 */
export type Device = {
  /** By the system's resolver, as programs ask it: hosts file, nsswitch, systemd-resolved. */
  readonly lookUp: (host: string, signal: AbortSignal) => Promise<LookedUp>;
  readonly connect: (to: PlainServer, signal: AbortSignal) => Promise<Connected>;
  /** TLS with `host` as the name asked for and checked; goes through with a certificate that is not trusted. */
  readonly handshake: (
    to: PlainServer & { readonly host: string },
    signal: AbortSignal,
  ) => Promise<Handshake>;
  readonly askPlain: (
    server: PlainServer,
    query: Uint8Array,
    options: { readonly over: 'udp' | 'tcp'; readonly signal: AbortSignal },
  ) => Promise<PlainReply>;
  /** A command's output; undefined if there is no such command. */
  readonly run: (command: string, args: readonly string[], signal: AbortSignal) => Promise<Ran | undefined>;
  /** A plain file's text, up to some megabytes; undefined if it can't be read, or is a FIFO or a device. */
  readonly read: (path: string) => Promise<string | undefined>;
  /** Names in a directory, a bounded number; none if it can't be read. */
  readonly list: (path: string) => Promise<readonly string[]>;
  readonly home: string;
  readonly platform: string;
};

/** A server by address and port. */
export type PlainServer = { readonly address: string; readonly port: number };

/** The octets that came back; or why none did: `ECONNREFUSED`, `ETIMEDOUT`, … */
export type PlainReply =
  | { readonly kind: 'reply'; readonly octets: Uint8Array }
  | { readonly kind: 'failed'; readonly code: string };

export type LookedUp =
  | { readonly kind: 'found'; readonly addresses: readonly string[] }
  /** `ENOTFOUND`, `EAI_AGAIN`, `ETIMEDOUT`, … */
  | { readonly kind: 'failed'; readonly code: string };

export type Connected =
  | { readonly kind: 'connected'; readonly elapsedMs: number }
  | { readonly kind: 'failed'; readonly code: string };

export type Handshake =
  | {
      readonly kind: 'shaken';
      /** `TLSv1.3`. */
      readonly version: string;
      /** `h2`, `http/1.1`, or nothing agreed on. */
      readonly alpn: string | undefined;
      /** OpenSSL's or Node's code for what is wrong with the certificate. */
      readonly problem: string | undefined;
      readonly certificate: Certificate;
    }
  | { readonly kind: 'failed'; readonly code: string };

export type Certificate = {
  /** Host names and addresses it is for. */
  readonly names: readonly string[];
  readonly issuer: string;
  readonly fromMs: number;
  readonly untilMs: number;
};

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };
