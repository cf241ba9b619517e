import { ConfigError } from '../config.ts';
import type { Credentials } from './credentials.ts';

/** A Mesos credential: who, and what proves it. */
export type PrincipalSecret = { readonly principal: string; readonly secret: string };

/**
 * Basic authentication (RFC 7617), Mesos's default for HTTP. `read` gives the credential, and is asked again after a
 * refusal, so that a file which was changed is taken without a restart. Throws `ConfigError` for one that can't
 * be sent.
 */
export function createBasicCredentials(read: () => PrincipalSecret): Credentials {
  const first = read();
  let header = headerOf(first);
  return {
    kind: 'basic',
    name: `principal ${JSON.stringify(first.principal)}`,
    header: async (signal, { renew }) => {
      signal.throwIfAborted();
      if (renew) header = headerOf(read());
      return header;
    },
  };
}

function headerOf({ principal, secret }: PrincipalSecret): string {
  if (principal === '' || secret === '') throw new ConfigError('the principal or its secret is empty');
  if (principal.includes(':'))
    throw new ConfigError('the principal has a colon in it, which basic authentication can not send');
  // RFC 7617 §2.
  if (/\p{Cc}/u.test(principal + secret))
    throw new ConfigError('the principal or its secret has a line break or control character in it');
  return `Basic ${Buffer.from(`${principal}:${secret}`).toString('base64')}`;
}
