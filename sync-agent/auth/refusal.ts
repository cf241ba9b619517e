import type { Credentials } from './credentials.ts';

/** What a master's 401 or 403 came for. */
export type Refusal = {
  readonly status: number;
  readonly path: string;
  /** The answer's `www-authenticate`. */
  readonly challenge: string | undefined;
  /** Whose credentials were sent. */
  readonly sent: Pick<Credentials, 'kind' | 'name'> | undefined;
  /** There are credentials, and this origin is not one they are for. */
  readonly untrusted: boolean;
};

/**
 * Which of a master's two HTTP realms refused, and what to do, for a 401 or 403. `/state` is in the read-only realm
 * and `/api/v1` in the read-write one (Mesos `src/master/master.cpp`, routes), so that one may be open and the other
 * not. Without secrets.
 */
export function describeRefusal(refusal: Refusal): string {
  const { status, sent, untrusted, challenge = '' } = refusal;
  const realm = realmOf(refusal);
  if (untrusted) {
    return `${realm} got no credentials: this address is neither configured nor announced by a trusted master; if it is yours, add it to mesos.masters`;
  }
  if (status === 403) {
    return `${realm}: ${sent?.name ?? 'an anonymous caller'} may not do this; it needs the right to view frameworks, tasks, executors and roles`;
  }
  const wantsDcosToken = /acsjwt|oauthjwt/i.test(challenge);
  if (sent === undefined) {
    return wantsDcosToken
      ? `${realm} wants a DC/OS token: give mesos.dcosServiceAccountFile`
      : `${realm} wants credentials: set MESOS_PRINCIPAL and MESOS_SECRET, or give mesos.credentialsFile`;
  }
  if (sent.kind === 'iam')
    return `${realm} refuses the token of ${sent.name}: check that it still exists in this DC/OS`;
  return wantsDcosToken
    ? `${realm} wants a DC/OS token, not ${sent.name}: give mesos.dcosServiceAccountFile`
    : `${realm} does not know ${sent.name} with that secret: compare with the master's --credentials`;
}

/** By the realm's own name, else by path. */
function realmOf({ path, challenge = '' }: Refusal): string {
  const readWrite = /readwrite/i.test(challenge)
    ? true
    : /readonly/i.test(challenge)
      ? false
      : /^\/(?:master\/)?api\//.test(path);
  return readWrite
    ? 'the read-write realm (--authenticate_http_readwrite)'
    : 'the read-only realm (--authenticate_http_readonly)';
}
