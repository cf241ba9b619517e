import type { AccessDocument } from '../../zone/access-document.ts';

/** Whom a method took a request to be from: a key of the document's `teams`, and a view instead of the team's. */
export type Identified = { readonly team: string; readonly view?: string };

/**
 * One way of access. Undefined: the request carries no credential of this kind, so the next method is asked.
 * Throws `Refused` for a credential that is wrong in any way (nobody is asked after that), and never tells
 * which part of it was wrong; any other error is ours, and ends as 500.
 */
export type Method = (request: Request, access: AccessDocument) => Promise<Identified | undefined>;

/** A request that is not answered; the message is one plain sentence for whoever asked, without a secret. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: 401 | 403 | 429;
  /** For 429: `retry-after`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: 401 | 403 | 429,
    message: string,
    { retryAfterSeconds }: { readonly retryAfterSeconds?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** What is said to a missing credential and to a wrong one alike. */
export const UNAUTHORIZED = 'A valid credential is needed here: a token of your team, for one.';

export function unauthorized(): Refused {
  return new Refused(401, UNAUTHORIZED);
}
