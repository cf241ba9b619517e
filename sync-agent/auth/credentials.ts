/** What says to a master who we are. */
export type Credentials = {
  /** Mesos's own basic authentication, or a DC/OS service account's token. */
  readonly kind: 'basic' | 'iam';
  /** For people, without secrets: `principal "doh"`. */
  readonly name: string;
  /**
   * The `authorization` to send. `renew`: the last one was refused, so a newer is to be had if there is one; what
   * comes back may be the same. Throws `HttpError` or `ConfigError`, neither with a secret in it, or the signal's
   * reason.
   */
  readonly header: (signal: AbortSignal, options: { readonly renew: boolean }) => Promise<string>;
};
