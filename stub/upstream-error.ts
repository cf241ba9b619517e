/**
 * Why a server gave no answer. `connect`: none of its addresses; `tls`: its certificate or handshake; `closed`: the
 * connection ended; `timeout`; `denied`: HTTP 401 or 403; `limited`: 429; `status`: another HTTP status; `body`: no
 * DNS message; `mismatch`: the answer to something else; `overload`: too much is under way here.
 */
export type UpstreamErrorKind =
  | 'connect'
  | 'tls'
  | 'closed'
  | 'timeout'
  | 'denied'
  | 'limited'
  | 'status'
  | 'body'
  | 'mismatch'
  | 'overload';

/** The message says what happened in words fit for an extended error: no name, no path, no token. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  /** May the same be asked at once on another connection? */
  readonly isRepeatable: boolean;
  /** Ask nothing for so long (HTTP Retry-After). */
  readonly pauseMs: number;

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    {
      isRepeatable = false,
      pauseMs = 0,
      cause,
    }: { readonly isRepeatable?: boolean; readonly pauseMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.kind = kind;
    this.isRepeatable = isRepeatable;
    this.pauseMs = pauseMs;
  }
}
