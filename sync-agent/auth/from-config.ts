import { readFileSync } from 'node:fs';
import { ConfigError, parseMaster } from '../config.ts';
import { createHttp, type Http, HttpError, type HttpOptions } from '../http.ts';
import { createBasicCredentials, type PrincipalSecret } from './basic.ts';
import { readCredentialsFile, readServiceAccountFile } from './credentials-file.ts';
import type { Credentials } from './credentials.ts';
import { createDcosCredentials } from './dcos-iam.ts';
import { createMasterHttp, type MasterHttp } from './master-http.ts';

/** What of `mesos` in the configuration says how masters are spoken to. Secrets are in the files and `env` alone. */
export type MasterAccess = {
  readonly masters: readonly string[];
  /** Default: by what is given. */
  readonly authentication?: 'none' | 'basic' | 'iam' | undefined;
  readonly credentials?: { readonly principal?: string | undefined } | undefined;
  readonly credentialsFile?: string | undefined;
  readonly dcosServiceAccountFile?: string | undefined;
  readonly caCertFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly serverName?: string | undefined;
};

export type AccessOptions = {
  /** `process.env`: `MESOS_PRINCIPAL` and `MESOS_SECRET` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/**
 * HTTP to the masters with the configuration's certificates and credentials. Throws `ConfigError` for files that
 * can't be used, and for credentials that are half or twice given.
 */
export function masterHttpFrom(mesos: MasterAccess, { env, now }: AccessOptions): MasterHttp {
  const kind = authenticationOf(mesos, env);
  const ca = pem(mesos.caCertFile, 'ca');
  const doors: Http[] = [];
  const open = (tls: NonNullable<HttpOptions['tls']>): Http => {
    const http = openHttp(tls);
    doors.push(http);
    return http;
  };
  const http = open({
    ...ca,
    ...pem(mesos.certFile, 'cert'),
    ...pem(mesos.keyFile, 'key'),
    ...(mesos.serverName !== undefined && { servername: mesos.serverName }),
  });
  let credentials: Credentials | undefined;
  if (kind === 'basic') credentials = createBasicCredentials(() => principalSecretOf(mesos, env));
  if (kind === 'iam') {
    const path = mesos.dcosServiceAccountFile ?? '';
    const read = (): ReturnType<typeof readServiceAccountFile> => readServiceAccountFile(path);
    credentials = createDcosCredentials({ read, http: open({ ...ca }), now });
  }
  const configured = mesos.masters.map((master) => parseMaster(master));
  return {
    ...createMasterHttp({ http, credentials, configured }),
    close: async () => {
      await Promise.all(doors.map((door) => door.close()));
    },
  };
}

type Env = AccessOptions['env'];

/** How we authenticate, by what is configured. Half a credential, or two of them, is an error and no choice of ours. */
function authenticationOf(mesos: MasterAccess, env: Env): 'none' | 'basic' | 'iam' {
  const { authentication, credentialsFile, dcosServiceAccountFile } = mesos;
  const secret = env['MESOS_SECRET'] || undefined;
  const refuse = (words: string): never => {
    throw new ConfigError(words);
  };
  if (authentication === 'none') return 'none';
  if (authentication === 'iam') {
    return dcosServiceAccountFile === undefined
      ? refuse('mesos.authentication is iam, and there is no mesos.dcosServiceAccountFile')
      : 'iam';
  }
  const given = [
    credentialsFile !== undefined && 'mesos.credentialsFile',
    secret !== undefined && 'MESOS_SECRET',
    authentication === undefined && dcosServiceAccountFile !== undefined && 'mesos.dcosServiceAccountFile',
  ].filter((each) => each !== false);
  if (given.length > 1) refuse(`there are two credentials for the masters, ${given.join(' and ')}: give one`);
  if (given[0] === 'mesos.dcosServiceAccountFile') return 'iam';
  if (given[0] === 'mesos.credentialsFile') return 'basic';
  const principal = env['MESOS_PRINCIPAL'] || mesos.credentials?.principal;
  if (secret !== undefined) {
    return principal === undefined ? refuse('MESOS_SECRET is set, and MESOS_PRINCIPAL is not') : 'basic';
  }
  if (authentication === 'basic' || principal !== undefined) {
    refuse(
      'the masters are to be asked with a principal, and its secret is missing: set MESOS_SECRET, or give mesos.credentialsFile',
    );
  }
  return 'none';
}

function principalSecretOf(mesos: MasterAccess, env: Env): PrincipalSecret {
  if (mesos.credentialsFile !== undefined) return readCredentialsFile(mesos.credentialsFile);
  return {
    principal: env['MESOS_PRINCIPAL'] || (mesos.credentials?.principal ?? ''),
    secret: env['MESOS_SECRET'] ?? '',
  };
}

function pem<Key extends string>(path: string | undefined, key: Key): { readonly [key in Key]?: string } {
  if (path === undefined) return {};
  try {
    return { [key]: readFileSync(path, 'utf8') } as { [key in Key]: string };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new ConfigError(`${path} can not be read (${reason})`, { cause });
  }
}

function openHttp(tls: NonNullable<HttpOptions['tls']>): Http {
  try {
    return createHttp(Object.keys(tls).length > 0 ? { tls } : {});
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    throw new ConfigError(`mesos.caCertFile, certFile, keyFile: ${cause.message}`, { cause });
  }
}
