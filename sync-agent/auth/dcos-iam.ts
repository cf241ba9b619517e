import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { ConfigError } from '../config.ts';
import type { Http, HttpError, HttpResponse } from '../http.ts';
import type { Credentials } from './credentials.ts';

/** A DC/OS service account: its name, RSA private key in PEM, and where it logs in. */
export type ServiceAccount = {
  readonly uid: string;
  readonly privateKey: string;
  readonly loginEndpoint: URL;
};

export type DcosOptions = {
  /** Asked again at each login, so that a changed file is taken without a restart. May throw `ConfigError`. */
  readonly read: () => ServiceAccount;
  /** The door to the login endpoint, which is no master: without their client certificate or server name. */
  readonly http: Http;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** A service login token is for one login (DC/OS documentation, "Service Login"). */
const LOGIN_TOKEN_SECONDS = 300;
const LOGIN_TIMEOUT_MS = 30_000;
const MAX_ANSWER_OCTETS = 64 * 1024;
/** A new token is fetched when so much of the old one's life is over: half a day before the end of DC/OS's 5 days. */
const RENEW_AFTER = 0.9;
/** A token this young is not replaced, whatever masters refuse and clocks say. */
const YOUNG_MS = 30_000;
/** After a login that failed, its error serves for so long. */
const FAILURE_MS = 5_000;
const SKEW_WORTH_TELLING_MS = 60_000;

type Token = {
  readonly header: string;
  readonly fetchedAtMs: number;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
};

/**
 * Logs in to DC/OS with a service account: a JWT signed with its key (RS256) is exchanged for a token, which masters
 * take as `Authorization: token=…`. One login at a time; its token serves until shortly before its own `exp`, or until
 * it is refused. Throws `ConfigError` for an account that can't be used.
 */
export function createDcosCredentials({ read, http, now }: DcosOptions): Credentials {
  const { uid, privateKey } = read();
  parseKey(privateKey);
  let token: Token | undefined;
  let failure: { readonly error: unknown; readonly atMs: number } | undefined;
  let underWay: Promise<Token> | undefined;
  const isWithin = (periodMs: number, sinceMs: number): boolean => Math.abs(now() - sinceMs) < periodMs;

  const logIn = async (): Promise<Token> => {
    try {
      token = await fetchToken(read(), { http, now });
      failure = undefined;
      return token;
    } catch (error) {
      failure = { error, atMs: now() };
      throw error;
    } finally {
      underWay = undefined;
    }
  };

  return {
    kind: 'iam',
    name: `service account ${JSON.stringify(uid)}`,
    header: async (signal, { renew }) => {
      signal.throwIfAborted();
      if (token && isWithin(YOUNG_MS, token.fetchedAtMs)) return token.header;
      if (token && !renew && now() < token.renewAtMs) return token.header;
      try {
        if (failure && !underWay && isWithin(FAILURE_MS, failure.atMs)) throw failure.error;
        return (await unlessAborted((underWay ??= logIn()), signal)).header;
      } catch (error) {
        signal.throwIfAborted();
        if (token && !renew && now() < token.expiresAtMs) return token.header;
        throw error;
      }
    },
  };
}

/** One login. Nothing of what is sent or comes back gets into an error: both are as good as passwords. */
async function fetchToken(
  { uid, privateKey, loginEndpoint }: ServiceAccount,
  { http, now }: Omit<DcosOptions, 'read'>,
): Promise<Token> {
  const login = signLogin(uid, parseKey(privateKey), now());
  const response = await http.request({
    method: 'POST',
    url: loginEndpoint.href,
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({ uid, token: login }),
    signal: new AbortController().signal,
    timeoutMs: LOGIN_TIMEOUT_MS,
    maxOctets: MAX_ANSWER_OCTETS,
  });
  if (response.status !== 200) throw await loginRefusal(response, { uid, now });
  const header = headerFrom(await response.text());
  if (header === undefined)
    throw response.error(
      'no token in the answer (is login_endpoint that of DC/OS, …/acs/api/v1/auth/login?)',
    );
  const fetchedAtMs = now();
  const expiresAtMs = expiryOf(header) ?? Infinity;
  return {
    header,
    fetchedAtMs,
    renewAtMs: fetchedAtMs + (expiresAtMs - fetchedAtMs) * RENEW_AFTER,
    expiresAtMs,
  };
}

/** A JWT (RFC 7519) of the two claims DC/OS asks for. */
function signLogin(uid: string, key: KeyObject, nowMs: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(nowMs / 1000) + LOGIN_TOKEN_SECONDS;
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ uid, exp })}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

function parseKey(pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Not as a cause: what OpenSSL says may quote the text.
  }
  if (key?.asymmetricKeyType === 'rsa') return key;
  throw new ConfigError("the service account's private_key is no RSA private key in PEM");
}

async function loginRefusal(
  response: HttpResponse,
  { uid, now }: { uid: string; now: () => number },
): Promise<HttpError> {
  await response.discard();
  const { status, headers } = response;
  const asked = `the login of service account ${JSON.stringify(uid)} was refused`;
  if (status === 401 || status === 403) {
    const aheadMs = now() - Date.parse(headers['date'] ?? '');
    const clock =
      Math.abs(aheadMs) > SKEW_WORTH_TELLING_MS
        ? `; this machine's clock is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead' : 'behind'}`
        : '';
    return response.error(`${asked}: check that it has this key's public half${clock}`);
  }
  if (status >= 300 && status <= 399)
    return response.error(
      `${asked} by a redirect, which is not followed: put its target into login_endpoint`,
    );
  return response.error(asked);
}

/** The header for the answer's token; undefined where there is none that a header can hold. */
function headerFrom(answer: string): string | undefined {
  try {
    const json: unknown = JSON.parse(answer);
    const token = typeof json === 'object' && json !== null && 'token' in json ? json.token : undefined;
    return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? `token=${token}` : undefined;
  } catch {
    return undefined;
  }
}

/** When a token ends by its own `exp`, in milliseconds; undefined where it does not say so. */
function expiryOf(header: string): number | undefined {
  try {
    const payload = Buffer.from(header.split('.')[1] ?? '', 'base64url').toString();
    const claims: unknown = JSON.parse(payload);
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined;
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** Waits for what others wait for too: leaving early does not end it. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
