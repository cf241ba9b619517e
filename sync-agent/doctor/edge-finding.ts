/** What a check of the edge found: one line for a person, and what to do about it. */
export type EdgeFinding = {
  readonly about: EdgeAbout;
  /** `advice`: it works, and could be better or is worth knowing. `skipped`: could not be checked, says why. */
  readonly verdict: 'well' | 'advice' | 'wrong' | 'skipped';
  readonly says: string;
  /** For `wrong` and mostly for `advice`: what a person can do. */
  readonly mend?: string;
};

export type EdgeAbout =
  | 'edge'
  | 'strangers'
  | 'wrong tokens'
  | 'odd paths'
  | 'methods'
  | 'Access'
  | 'proxies'
  | 'forwarding'
  | 'HTTP'
  | 'token'
  | 'snapshot'
  | 'caches'
  | 'view'
  | 'pages';
