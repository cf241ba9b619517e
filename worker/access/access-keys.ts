import { messageFrom } from '../doh.ts';
import { createFlights } from '../upstream/flights.ts';
import { isObject, type KeyOf } from './jwt.ts';

export type AccessKeysOptions = {
  readonly fetch: typeof fetch;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Told why keys could not be read, in words for the log. */
  readonly onProblem: (problem: string) => void;
};

/** Keys are read again when they are older, so that one that Cloudflare has taken back is not used for ever. */
const FRESH_MS = 3_600_000;
/** Without a successful read for so long they are used no more. */
const MAX_AGE_MS = 86_400_000;
/** Reads are at least so far apart, whatever ids strangers make up; sooner while there is no key at all. */
const AGAIN_MS = 30_000;
const AGAIN_EMPTY_MS = 5_000;
const TIMEOUT_MS = 3_000;
/** 2,048 bits in base64url. */
const MIN_MODULUS_CHARACTERS = 342;
const FLIGHT = 'keys';

/**
 * The public keys at a URL (JWK Set, RFC 7517), read when first needed, when one is asked for that is not there
 * (Cloudflare changes them every six weeks), and every hour. Throws where none could be read.
 */
export function createAccessKeys(url: string, { fetch, now, onProblem }: AccessKeysOptions): KeyOf {
  const flights = createFlights<true>(now);
  let keys: ReadonlyMap<string, CryptoKey> = new Map();
  let readAtMs = -Infinity;
  let triedAtMs = -Infinity;
  const load = async (): Promise<true> => {
    triedAtMs = now();
    try {
      keys = await readKeys(url, fetch);
      readAtMs = now();
    } catch (error) {
      onProblem(`${url} gives no keys: ${error instanceof Error ? error.message : String(error)}`);
    }
    return true;
  };
  return async (id) => {
    const isKnown = keys.has(id);
    const isDue = now() - triedAtMs >= (keys.size > 0 ? AGAIN_MS : AGAIN_EMPTY_MS);
    const isWanted = !isKnown || now() - readAtMs >= FRESH_MS;
    if (isWanted && (isDue || (!isKnown && flights.isRunning(FLIGHT))))
      await flights.join(FLIGHT, load, { deadline: now() + TIMEOUT_MS, waitUntil: () => undefined });
    if (now() - readAtMs >= MAX_AGE_MS) throw new Error(`the keys at ${url} can not be read`);
    return keys.get(id);
  };
}

async function readKeys(url: string, fetch: AccessKeysOptions['fetch']): Promise<Map<string, CryptoKey>> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`HTTP ${response.status}`);
  }
  const octets = await messageFrom(response.body);
  if (!octets) throw new Error('more than 65,535 octets');
  const set: unknown = JSON.parse(new TextDecoder().decode(octets));
  const listed: unknown = isObject(set) ? set['keys'] : undefined;
  const keys = new Map<string, CryptoKey>();
  for (const jwk of Array.isArray(listed) ? listed : []) {
    const { kty, kid, alg = 'RS256', use = 'sig', n, e } = isObject(jwk) ? jwk : {};
    if (kty !== 'RSA' || alg !== 'RS256' || use !== 'sig' || typeof kid !== 'string') continue;
    if (typeof n !== 'string' || n.length < MIN_MODULUS_CHARACTERS || typeof e !== 'string') continue;
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    keys.set(kid, await crypto.subtle.importKey('jwk', { kty, n, e }, algorithm, false, ['verify']));
  }
  if (keys.size === 0) throw new Error('no RSA key of 2,048 bits in it');
  return keys;
}
