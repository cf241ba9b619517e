/** What a check of the way from a device to a task found: one line for a person, and what to do about it. */
export type ClientFinding = {
  readonly about: ClientAbout;
  /** `advice`: it works, and could be better or is worth knowing. `skipped`: could not be checked, says why. */
  readonly verdict: 'well' | 'advice' | 'wrong' | 'skipped';
  readonly says: string;
  /** For `wrong` and mostly for `advice`: what a person can do. */
  readonly mend?: string;
};

export type ClientAbout =
  | 'URL'
  | 'DNS'
  | 'connection'
  | 'TLS'
  | 'clock'
  | 'token'
  | 'DoH'
  | 'zone'
  | 'snapshot'
  | 'forwarding'
  | 'name'
  | 'route'
  | 'resolved'
  | 'nsswitch'
  | 'stub'
  | 'system'
  | 'Firefox'
  | 'Chrome'
  | 'this machine';
