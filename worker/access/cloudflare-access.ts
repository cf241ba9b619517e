import type { Team } from '../../zone/access-document.ts';
import { FormatError } from '../../zone/format-error.ts';
import { type AccessKeysOptions, createAccessKeys } from './access-keys.ts';
import { type Claims, claimsOf, isObject } from './jwt.ts';
import { type Method, unauthorized } from './method.ts';
import { createTeamIndex } from './team-index.ts';

export type CloudflareAccessBindings = {
  readonly CF_ACCESS_TEAM_DOMAIN?: string;
  readonly CF_ACCESS_AUD?: string;
};

/** Whose tokens are taken, and for which applications of Access. */
export type AccessApplication = { readonly issuer: string; readonly audiences: readonly string[] };

const HEADER = 'cf-access-jwt-assertion';
/** How far the clocks of Access and of the Worker may differ. */
const SKEW_SECONDS = 60;

/** Reads the variables. Throws `FormatError` naming the one that can't be used. */
export function parseCloudflareAccess({
  CF_ACCESS_TEAM_DOMAIN = '',
  CF_ACCESS_AUD = '',
}: CloudflareAccessBindings): AccessApplication {
  const [, host] =
    /^(?:https:\/\/)?([a-z0-9-]+\.cloudflareaccess\.com)\/?$/.exec(CF_ACCESS_TEAM_DOMAIN.trim()) ?? [];
  if (host === undefined)
    throw new FormatError('CF_ACCESS_TEAM_DOMAIN', 'is not of the form team.cloudflareaccess.com');
  const audiences = CF_ACCESS_AUD.split(',').map((text) => text.trim());
  if (!audiences.every((text) => /^[0-9a-f]{64}$/.test(text)))
    throw new FormatError('CF_ACCESS_AUD', 'is not the 64 hexadecimal digits of an application’s AUD tag');
  return { issuer: `https://${host}`, audiences };
}

/**
 * Whom Cloudflare Access says a request is from, by the token it adds to requests it lets through. The header
 * alone says nothing, since anybody can send one: the token has to be signed by Access, for our application.
 */
export function createCloudflareAccess(application: AccessApplication, options: AccessKeysOptions): Method {
  const keyOf = createAccessKeys(`${application.issuer}/cdn-cgi/access/certs`, options);
  const teamOf = createTeamIndex(namesOfTeam);
  return async (request, access) => {
    const token = request.headers.get(HEADER);
    if (token === null) return undefined;
    const claims = await claimsOf(token, keyOf);
    if (!claims || !isForUs(claims, application, options.now() / 1000)) throw unauthorized();
    const team = teamOf(access, namesIn(claims));
    if (team === undefined) throw unauthorized();
    return { team };
  };
}

function isForUs(
  { iss, aud, type, exp, nbf = 0, iat = 0 }: Claims,
  { issuer, audiences }: AccessApplication,
  nowSeconds: number,
): boolean {
  const begins = [nbf, iat].every((time) => typeof time === 'number' && time <= nowSeconds + SKEW_SECONDS);
  return (
    // `org` is the session at the team domain, good for no application.
    iss === issuer &&
    type === 'app' &&
    begins &&
    (Array.isArray(aud) ? aud : [aud]).some((tag) => audiences.includes(tag)) &&
    typeof exp === 'number' &&
    Number.isFinite(exp) &&
    nowSeconds < exp + SKEW_SECONDS
  );
}

/** A person is known by address and groups, a service token (whose `sub` is empty) by its client id. */
function namesIn({ sub, email, common_name: clientId, groups, custom }: Claims): string[] {
  if (typeof email !== 'string' || email === '')
    return sub === '' && typeof clientId === 'string' ? [`service ${clientId}`] : [];
  const more = isObject(custom) ? custom['groups'] : undefined;
  const of = [groups, more].flat().filter((group) => typeof group === 'string');
  return [`email ${folded(email)}`, ...of.map((group) => `group ${group}`)];
}

function namesOfTeam({ access = {} }: Team): string[] {
  const { emails = [], groups = [], serviceTokens = [] } = access;
  return [
    ...emails.map((email) => `email ${folded(email)}`),
    ...groups.map((group) => `group ${group}`),
    ...serviceTokens.map((clientId) => `service ${clientId}`),
  ];
}

/** Lower case of ASCII alone: `toLowerCase` makes a `k` of the Kelvin sign, and so one address of two. */
function folded(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
