import { FormatError } from './format-error.ts';
import { sha256, toHex } from './hash.ts';
import { isNameWithin, type OwnerName, parseName } from './name.ts';
import type { SigningKey, VerifyKeys } from './root.ts';

/**
 * The access document: who may ask a Worker, and what. One key in the store, so one a Worker, whatever its zones.
 * A line of text, `mesos-doh-access 1 <key id> <signature>`, and behind it the payload: JSON, signed with Ed25519
 * under a domain string of its own. Whoever can write the store and has no signing key can add nobody to it.
 */
export const ACCESS_KEY = 'a/access';
/** The longest document a Worker reads: some thousands of tokens. */
export const MAX_ACCESS_OCTETS = 1024 * 1024;
const FORMAT = 1;
const MAGIC = 'mesos-doh-access';
const SIGNATURE_DOMAIN = new TextEncoder().encode('mesos-doh access document v1\0');
/** Teams, views and variants. */
const WORD = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const TOKEN = /^mdt_[a-z2-7]{32,64}$/;

export type AccessDocument = {
  /** Rises with each change: a Worker never takes a document of a lower one. */
  readonly serial: number;
  readonly issuedAtMs: number;
  readonly teams: ReadonlyMap<string, Team>;
  readonly views: ReadonlyMap<string, ViewSpec>;
  readonly tokens: readonly TokenEntry[];
};

export type Team = {
  /** A key of `views`. */
  readonly view: string;
  /** Who of Cloudflare Access is of the team: any of these. */
  readonly access?: {
    readonly emails?: readonly string[];
    readonly groups?: readonly string[];
    readonly serviceTokens?: readonly string[];
  };
  /** Whose client certificates are the team's: any of these. Fingerprints are SHA-256 in hexadecimal. */
  readonly certificates?: {
    readonly fingerprintsSha256?: readonly string[];
    readonly subjects?: readonly string[];
  };
};

/** What a team sees. */
export type ViewSpec = {
  readonly zones: readonly ViewZone[];
  /** May names outside our zones be asked? */
  readonly forwarding: boolean;
  readonly ratePerMinute?: number;
  /** May every name of the view be listed (`/v1/axfr`, `/v1/enumerate`)? */
  readonly enumeration?: boolean;
};

/** A zone in a view: all of it, unless `names` or `frameworks` is there; then those subtrees. */
export type ViewZone = {
  readonly origin: OwnerName;
  readonly variant: string;
  /** Absolute names, each with all below it. */
  readonly names?: readonly OwnerName[];
  /** As they stand in names: `marathon` is `marathon.mesos` and `marathon.slave.mesos`. */
  readonly frameworks?: readonly string[];
};

export type TokenEntry = {
  /** 8 hexadecimal digits, by which people and logs know the token. */
  readonly id: string;
  /** SHA-256 of the token, in lower-case hexadecimal. */
  readonly hash: string;
  readonly team: string;
  /** Instead of its team's. */
  readonly view?: string;
  readonly createdAtMs: number;
  /** From then on it is none. */
  readonly expiresAtMs?: number;
};

/** Has a text the form of a token: `mdt_` and 32 to 64 letters of base32, 160 bits or more? */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** SHA-256 of a token in lower-case hexadecimal: all that is stored of it. */
export async function tokenHash(token: string): Promise<string> {
  return toHex(await sha256(new TextEncoder().encode(token)));
}

/** The serial after `previous`: seconds of Unix time, so that it rises even if the one before was lost. */
export function nextAccessSerial(previous: number | undefined, nowMs: number): number {
  return Math.max((previous ?? 0) + 1, Math.floor(nowMs / 1000));
}

/** The names a view has of a zone, each with all below it; undefined: every name. */
export function subtreesOf({ origin, names, frameworks }: ViewZone): readonly OwnerName[] | undefined {
  if (!names && !frameworks) return undefined;
  const ofFrameworks = (frameworks ?? []).flatMap((name) =>
    [name, `${name}.slave`].map((above) => parseName(`${above}.${origin}`)),
  );
  const all = [...(names ?? []), ...ofFrameworks];
  return all.includes(origin) ? undefined : all;
}

/** The document's octets, signed. Throws `FormatError` for one that no Worker would take. */
export async function signAccessDocument(document: AccessDocument, key: SigningKey): Promise<Uint8Array> {
  const payload = new TextEncoder().encode(JSON.stringify(accessJson(document)));
  readAccessJson(JSON.parse(new TextDecoder().decode(payload)));
  const signature = await crypto.subtle.sign('Ed25519', key.privateKey, signedOctets(payload));
  const base64 = btoa(String.fromCharCode(...new Uint8Array(signature)));
  const head = new TextEncoder().encode(`${MAGIC} ${FORMAT} ${toHex(key.keyId)} ${base64}\n`);
  const octets = new Uint8Array(head.length + payload.length);
  octets.set(head);
  octets.set(payload, head.length);
  if (octets.length > MAX_ACCESS_OCTETS) throw new FormatError('access document', TOO_LONG);
  return octets;
}

const TOO_LONG = `is longer than ${MAX_ACCESS_OCTETS} octets`;

/**
 * Reads a document whose signature one of `keys` vouches for; `keys` of `none` takes any. Throws `FormatError`
 * for octets that are no document, an unknown key, or a signature that does not hold.
 */
export async function verifyAccessDocument(
  octets: Uint8Array,
  keys: VerifyKeys | 'none',
): Promise<AccessDocument> {
  if (octets.length > MAX_ACCESS_OCTETS) throw new FormatError('access document', TOO_LONG);
  const end = octets.indexOf(0x0a);
  const [magic, format, keyId = '', base64 = '', ...more] = new TextDecoder()
    .decode(octets.subarray(0, Math.max(0, end)))
    .split(' ');
  if (magic !== MAGIC || more.length > 0) throw new FormatError('access document', 'has no magic', 0);
  if (format !== String(FORMAT))
    throw new FormatError('access document', `has format ${format}, this version reads ${FORMAT}`);
  const payload = octets.slice(end + 1);
  if (keys !== 'none') await verifySignature(payload, base64, { keyId, keys });
  return readAccessJson(parseJson(new TextDecoder().decode(payload)));
}

async function verifySignature(
  payload: Uint8Array,
  base64: string,
  { keyId, keys }: { keyId: string; keys: VerifyKeys },
): Promise<void> {
  const key = keys.get(keyId);
  if (!key) throw new FormatError('access document', 'is signed by a key that is not trusted here');
  const signature = /^[A-Za-z0-9+/]{86}==$/.test(base64)
    ? Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
    : new Uint8Array(64);
  if (!(await crypto.subtle.verify('Ed25519', key, signature, signedOctets(payload))))
    throw new FormatError('access document', 'has a signature that does not hold');
}

function signedOctets(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(SIGNATURE_DOMAIN.length + payload.length);
  octets.set(SIGNATURE_DOMAIN);
  octets.set(payload, SIGNATURE_DOMAIN.length);
  return octets;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError('access document', 'is no JSON');
  }
}

/** The payload of a document, and what a person may read and edit of it. `readAccessJson` reads it back. */
export function accessJson({ serial, issuedAtMs, teams, views, tokens }: AccessDocument): unknown {
  return {
    format: FORMAT,
    serial,
    issuedAtMs,
    teams: Object.fromEntries(teams),
    views: Object.fromEntries(views),
    tokens,
  };
}

/**
 * A document from its payload, parsed. Strict: an unknown field may be a restriction that this version would
 * overlook. Throws `FormatError` naming the field.
 */
export function readAccessJson(value: unknown): AccessDocument {
  const at = 'access document';
  const fields = fieldsOf(value, at, ['format', 'serial', 'issuedAtMs', 'teams', 'views', 'tokens']);
  if (fields.get('format') !== FORMAT) throw new FormatError(`${at}.format`, `is not ${FORMAT}`);
  const views = new Map(wordsIn(fields.get('views'), `${at}.views`).map(([k, v, p]) => [k, viewOf(v, p)]));
  const teams = new Map(wordsIn(fields.get('teams'), `${at}.teams`).map(([k, v, p]) => [k, teamOf(v, p)]));
  const tokens = listOf(fields.get('tokens'), `${at}.tokens`).map((it, i) =>
    tokenOf(it, `${at}.tokens[${i}]`),
  );
  for (const [name, { view }] of teams) known(views, view, `${at}.teams.${name}.view`);
  for (const [i, { team, view }] of tokens.entries()) {
    known(teams, team, `${at}.tokens[${i}].team`);
    if (view !== undefined) known(views, view, `${at}.tokens[${i}].view`);
  }
  for (const field of ['id', 'hash'] as const)
    unique(
      tokens.map((token) => token[field]),
      `${at}.tokens`,
    );
  const serial = numberOf(fields.get('serial'), `${at}.serial`);
  return { serial, issuedAtMs: numberOf(fields.get('issuedAtMs'), `${at}.issuedAtMs`), teams, views, tokens };
}

function teamOf(value: unknown, at: string): Team {
  const fields = fieldsOf(value, at, ['view', 'access', 'certificates']);
  const lists = <Field extends string>(name: string, of: readonly Field[]): Lists<Field> => {
    const given = fieldsOf(fields.get(name), `${at}.${name}`, of);
    return Object.fromEntries(
      [...given].map(([field, list]) => [field, textsOf(list, `${at}.${name}.${field}`)]),
    ) as Lists<Field>;
  };
  return {
    view: textOf(fields.get('view'), `${at}.view`),
    ...(fields.has('access') && { access: lists('access', ['emails', 'groups', 'serviceTokens']) }),
    ...(fields.has('certificates') && {
      certificates: lists('certificates', ['fingerprintsSha256', 'subjects']),
    }),
  };
}

type Lists<Field extends string> = { readonly [Name in Field]?: readonly string[] };

function viewOf(value: unknown, at: string): ViewSpec {
  const fields = fieldsOf(value, at, ['zones', 'forwarding', 'ratePerMinute', 'enumeration']);
  const zones = listOf(fields.get('zones'), `${at}.zones`).map((it, i) => zoneOf(it, `${at}.zones[${i}]`));
  unique(
    zones.map(({ origin }) => origin),
    `${at}.zones`,
  );
  const rate = fields.get('ratePerMinute');
  return {
    zones,
    forwarding: booleanOf(fields.get('forwarding'), `${at}.forwarding`),
    ...(rate !== undefined && { ratePerMinute: numberOf(rate, `${at}.ratePerMinute`) }),
    ...(fields.has('enumeration') && {
      enumeration: booleanOf(fields.get('enumeration'), `${at}.enumeration`),
    }),
  };
}

function zoneOf(value: unknown, at: string): ViewZone {
  const fields = fieldsOf(value, at, ['origin', 'variant', 'names', 'frameworks']);
  const origin = parseName(textOf(fields.get('origin'), `${at}.origin`));
  const names = fields.has('names') && textsOf(fields.get('names'), `${at}.names`).map((it) => parseName(it));
  for (const name of names || [])
    if (!isNameWithin(name, origin)) throw new FormatError(`${at}.names`, `has ${name}, not in ${origin}`);
  const zone: ViewZone = {
    origin,
    variant: wordOf(fields.get('variant') ?? 'main', `${at}.variant`),
    ...(names && { names }),
    ...(fields.has('frameworks') && { frameworks: textsOf(fields.get('frameworks'), `${at}.frameworks`) }),
  };
  // Throws where a framework makes no name.
  subtreesOf(zone);
  return zone;
}

function tokenOf(value: unknown, at: string): TokenEntry {
  const fields = fieldsOf(value, at, ['id', 'hash', 'team', 'view', 'createdAtMs', 'expiresAtMs']);
  const [id, hash] = [textOf(fields.get('id'), `${at}.id`), textOf(fields.get('hash'), `${at}.hash`)];
  if (!/^[0-9a-f]{8}$/.test(id)) throw new FormatError(`${at}.id`, 'is not 8 hexadecimal digits');
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new FormatError(`${at}.hash`, 'is not 64 hexadecimal digits');
  return {
    id,
    hash,
    team: textOf(fields.get('team'), `${at}.team`),
    ...(fields.has('view') && { view: textOf(fields.get('view'), `${at}.view`) }),
    createdAtMs: numberOf(fields.get('createdAtMs'), `${at}.createdAtMs`),
    ...(fields.has('expiresAtMs') && {
      expiresAtMs: numberOf(fields.get('expiresAtMs'), `${at}.expiresAtMs`),
    }),
  };
}

/** An object's own fields, all of them known; a Map, in which no name has a meaning of its own. */
function fieldsOf(value: unknown, at: string, names?: readonly string[]): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError(at, 'is not an object');
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const name of fields.keys())
    if (names && !names.includes(name))
      throw new FormatError(`${at}.${name}`, 'is not known to this version');
  return fields;
}

function wordsIn(value: unknown, at: string): [word: string, value: unknown, at: string][] {
  return [...fieldsOf(value, at)].map(([word, it]) => [wordOf(word, at), it, `${at}.${word}`]);
}

function wordOf(value: unknown, at: string): string {
  if (typeof value === 'string' && WORD.test(value)) return value;
  throw new FormatError(at, `has ${JSON.stringify(value)}, which is no word of a-z, 0-9 and hyphens`);
}

function textOf(value: unknown, at: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new FormatError(at, 'is not a text');
}

function numberOf(value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FormatError(at, 'is not a whole number');
}

function booleanOf(value: unknown, at: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new FormatError(at, 'is neither true nor false');
}

function listOf(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FormatError(at, 'is not a list');
}

function textsOf(value: unknown, at: string): readonly string[] {
  return listOf(value, at).map((it, i) => textOf(it, `${at}[${i}]`));
}

function known(map: ReadonlyMap<string, unknown>, key: string, at: string): void {
  if (!map.has(key)) throw new FormatError(at, `is ${JSON.stringify(key)}, which is not in the document`);
}

function unique(texts: readonly string[], at: string): void {
  if (new Set(texts).size < texts.length) throw new FormatError(at, 'has something twice');
}
