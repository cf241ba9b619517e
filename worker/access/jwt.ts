import { decodeBase64Url } from '../base64url.ts';

/** What a token says, by name: of any type until looked at. */
export type Claims = { readonly [name: string]: unknown };
/** The public key of an id; undefined where there is none. */
export type KeyOf = (id: string) => Promise<CryptoKey | undefined>;

/** Access puts its tokens into a cookie as well, so they stay below 4,096. */
const MAX_CHARACTERS = 8_192;
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

/**
 * The claims of a JSON Web Token (RFC 7519, compact form) that one of our keys signed. RS256 and nothing else,
 * whatever the token says of itself (RFC 8725 §3.1), and no extension (`crit`, RFC 7515 §4.1.11). Undefined
 * for every other text; throws only what `keyOf` does.
 */
export async function claimsOf(token: string, keyOf: KeyOf): Promise<Claims | undefined> {
  if (token.length > MAX_CHARACTERS) return undefined;
  const [, head = '', payload = '', signature = ''] = COMPACT.exec(token) ?? [];
  const { alg, kid, crit } = membersOf(head) ?? {};
  const octets = decodeBase64Url(signature);
  if (alg !== 'RS256' || typeof kid !== 'string' || crit !== undefined || !octets) return undefined;
  const key = await keyOf(kid);
  const signed = new TextEncoder().encode(`${head}.${payload}`);
  if (!key || !(await crypto.subtle.verify('RSASSA-PKCS1-v1_5', key, octets, signed))) return undefined;
  return membersOf(payload);
}

/** The members of a JSON object in base64url; undefined for anything else, and where a member is there twice. */
function membersOf(base64Url: string): Claims | undefined {
  try {
    const octets = decodeBase64Url(base64Url);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
    // Of two members of one name `JSON.parse` keeps one, another reader the other (RFC 7515 §4): written are more than are kept.
    let kept = -1;
    const value: unknown = JSON.parse(text, function (this: unknown, _name, member: unknown) {
      if (!Array.isArray(this)) kept++;
      return member;
    });
    const strings = text.match(/"(?:[^"\\]|\\.)*"(?:\s*:)?/g) ?? [];
    const written = strings.filter((string) => string.endsWith(':')).length;
    return isObject(value) && kept === written ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
