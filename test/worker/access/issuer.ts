import { Buffer } from 'node:buffer';
import type { AccessDocument, Team } from '../../../zone/access-document.ts';

/** Cloudflare Access as far as its tokens go: keys, the URL where they are, and JWTs signed with them. */

export const NOW_SECONDS = 1_785_542_400;
export const ISSUER = 'https://example.cloudflareaccess.com';
export const AUDIENCE = '32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228';

export type IssuerKey = { readonly kid: string; readonly pair: CryptoKeyPair; readonly jwk: JsonWebKey };

/** A person's token, as the documentation of Access shows it. */
export const PERSON = {
  ...{ aud: [AUDIENCE], email: 'ada@example.com', iss: ISSUER, type: 'app', sub: '7335d417', country: 'US' },
  ...{
    exp: NOW_SECONDS + 3_600,
    iat: NOW_SECONDS - 60,
    nbf: NOW_SECONDS - 60,
    identity_nonce: '6ei69kawdKzMIAPF',
  },
};
export const SERVICE = {
  ...{ type: 'app', aud: [AUDIENCE], exp: NOW_SECONDS + 60, iss: ISSUER, iat: NOW_SECONDS, sub: '' },
  common_name: 'e367826f93b8d71185e03fe518aff3b4.access',
};

export async function createIssuerKey(kid: string, modulusLength = 2048): Promise<IssuerKey> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength };
  const publicExponent = Uint8Array.of(1, 0, 1);
  const pair = await crypto.subtle.generateKey({ ...algorithm, publicExponent }, true, ['sign', 'verify']);
  if (!('publicKey' in pair)) throw new Error('no pair');
  const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey);
  if (!('kty' in jwk)) throw new Error('no JWK');
  return { kid, pair, jwk };
}

/** As `/cdn-cgi/access/certs` answers. */
export function certs(...keys: readonly IssuerKey[]): string {
  const listed = keys.map(({ kid, jwk: { kty, n, e } }) => ({ kid, kty, n, e, alg: 'RS256', use: 'sig' }));
  return JSON.stringify({ keys: listed, public_cert: {}, public_certs: [] });
}

/** `payload` and `header` may be JSON as text. */
export async function sign(
  payload: object | string,
  key: IssuerKey,
  header: object | string = { alg: 'RS256', kid: key.kid, typ: 'JWT' },
): Promise<string> {
  const signed = `${part(header)}.${part(payload)}`;
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key.pair.privateKey, Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}

export function part(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

export function documentOf(teams: Readonly<Record<string, Omit<Team, 'view'>>>): AccessDocument {
  return {
    ...{ serial: 1, issuedAtMs: 0, views: new Map(), tokens: [] },
    teams: new Map(Object.entries(teams).map(([name, team]) => [name, { view: 'all', ...team }])),
  };
}
