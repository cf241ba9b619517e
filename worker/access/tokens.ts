import { type AccessDocument, isToken, type TokenEntry, tokenHash } from '../../zone/access-document.ts';
import { type Identified, unauthorized } from './method.ts';
import { routeOf } from './path.ts';

/** Whose a token is, and until when (Unix milliseconds). */
export type Holder = Identified & { readonly expiresAtMs: number };

/** The tokens of a request: in its path, and as `Authorization: Bearer` (RFC 6750 §2.1). */
export type Carried = { readonly inPath: string | undefined; readonly bearer: string | undefined };

export function tokensOf({ url, headers }: Request): Carried {
  const authorization = headers.get('authorization');
  const [, bearer] = (authorization !== null && /^bearer +(.*)$/i.exec(authorization)) || [];
  const [path = ''] = url.slice(url.indexOf('/', 8)).split('?', 1);
  return { inPath: routeOf(path).token, bearer };
}

/**
 * Whose tokens these are; undefined where there is none. Two have to be of one team and one view. Throws
 * `Refused`, the same for a token that is malformed, unknown, revoked or expired.
 */
export async function holderOf(
  { inPath, bearer }: Carried,
  document: AccessDocument,
  nowMs: number,
): Promise<Holder | undefined> {
  const [first, second] = [inPath, bearer].filter((token) => token !== undefined);
  if (first === undefined) return undefined;
  const holder = await holderOfToken(first, document, nowMs);
  const other =
    second === undefined || second === first ? holder : await holderOfToken(second, document, nowMs);
  if (holder.team !== other.team || holder.view !== other.view) throw unauthorized();
  return holder.expiresAtMs < other.expiresAtMs ? holder : other;
}

/** By hash. Hashed before anything is compared, so that time tells nothing of the tokens there are. */
const entries = new WeakMap<AccessDocument, ReadonlyMap<string, TokenEntry>>();

async function holderOfToken(token: string, document: AccessDocument, nowMs: number): Promise<Holder> {
  if (!isToken(token)) throw unauthorized();
  const hash = await tokenHash(token);
  let byHash = entries.get(document);
  if (!byHash) entries.set(document, (byHash = new Map(document.tokens.map((entry) => [entry.hash, entry]))));
  const entry = byHash.get(hash);
  const expiresAtMs = entry?.expiresAtMs ?? Number.POSITIVE_INFINITY;
  if (!entry || !isSameText(entry.hash, hash) || nowMs >= expiresAtMs) throw unauthorized();
  const { team, view } = entry;
  return { team, ...(view !== undefined && { view }), expiresAtMs };
}

/** Compares in a time that does not depend on where they differ. */
function isSameText(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  return left.length === right.length && crypto.subtle.timingSafeEqual(left, right);
}
