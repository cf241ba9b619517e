import { readFileSync } from 'node:fs';
import { ConfigError } from '../config.ts';

/**
 * The ACL token for Consul, read anew each time: files are rewritten by who renews tokens. `CONSUL_HTTP_TOKEN` or
 * the file, not both. Throws `ConfigError`, never with the token.
 */
export function consulTokenFrom(
  tokenFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): () => string | undefined {
  const fromEnv = env['CONSUL_HTTP_TOKEN'] || undefined;
  if (tokenFile === undefined) return () => checked(fromEnv, 'CONSUL_HTTP_TOKEN');
  if (fromEnv !== undefined)
    throw new ConfigError(
      'there are two tokens for Consul, CONSUL_HTTP_TOKEN and consul.tokenFile: give one',
    );
  const read = (): string => {
    try {
      return readFileSync(tokenFile, 'utf8').trim();
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
      throw new ConfigError(`consul.tokenFile ${tokenFile} can not be read (${code})`, { cause });
    }
  };
  let last = checked(read(), `consul.tokenFile ${tokenFile}`);
  return () => {
    try {
      // A file that is just being replaced may be empty, or not there.
      last = checked(read(), '') ?? last;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
    return last;
  };
}

/** What a header can carry. */
function checked(token: string | undefined, what: string): string | undefined {
  if (token === undefined || token === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new ConfigError(`${what}: holds something that is no token`);
}
