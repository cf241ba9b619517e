import {
  type AccessDocument,
  accessJson,
  type Team,
  type TokenEntry,
  type ViewSpec,
} from '../../zone/access-document.ts';
import { ConfigError } from '../config.ts';
import { nearest } from '../nearest.ts';
import { momentText } from './expiry.ts';

/** A change of the access document: throws `ConfigError` where it makes no sense for what the document says. */
export type Edit = (document: AccessDocument) => AccessDocument;

/** Views and teams: what people write. Tokens are made by commands. */
export type Rules = Pick<AccessDocument, 'views' | 'teams'>;

/** Nobody may ask. */
export const EMPTY_DOCUMENT: AccessDocument = {
  serial: 0,
  issuedAtMs: 0,
  teams: new Map(),
  views: new Map(),
  tokens: [],
};

export type TokenOrder = Pick<TokenEntry, 'id' | 'hash' | 'team' | 'createdAtMs'> & {
  /** Undefined: the team's. A team that is not there yet is made, and has this one. */
  readonly view: string | undefined;
  /** Undefined: it never ends. */
  readonly expiresAtMs: number | undefined;
};

export function addToken(order: TokenOrder): Edit {
  return (document) => {
    const { teams, views } = document;
    const { team, view, id, hash, createdAtMs, expiresAtMs } = order;
    if (view !== undefined && !views.has(view)) throw unknown('view', view, views);
    const known = teams.get(team);
    if (!known && view === undefined) throw unknown('team', team, teams);
    const entry: TokenEntry = {
      id,
      hash,
      team,
      ...(known && view !== undefined && view !== known.view && { view }),
      createdAtMs,
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    };
    const withTeam = known || view === undefined ? teams : new Map([...teams, [team, { view }]]);
    return { ...document, teams: withTeam, tokens: [...document.tokens, entry] };
  };
}

export type Rotation = Pick<TokenEntry, 'hash' | 'createdAtMs'> & {
  /** The token that goes. */
  readonly oldId: string;
  readonly id: string;
  /** So long the old one still holds; sooner where it ends by itself. */
  readonly overlapMs: number;
  /** `same`: the new token lives as long as the old one was given. */
  readonly expiresAtMs: number | undefined | 'same';
};

/** A new token beside an old one, for the same team and view; the old one ends after the overlap. */
export function rotateToken({
  oldId,
  id,
  hash,
  createdAtMs,
  overlapMs,
  expiresAtMs: wanted,
}: Rotation): Edit {
  return (document) => {
    const old = entryOf(document, oldId);
    if (hasEnded(old, createdAtMs))
      throw new ConfigError(
        `token ${oldId} ended at ${momentText(old.expiresAtMs ?? 0)}: there is nothing to rotate; ` +
          `make a new one with mesos-doh token create --team ${old.team}`,
      );
    const lifeMs = old.expiresAtMs === undefined ? undefined : old.expiresAtMs - old.createdAtMs;
    const same = lifeMs === undefined ? undefined : createdAtMs + lifeMs;
    const expiresAtMs = wanted === 'same' ? same : wanted;
    const entry: TokenEntry = {
      id,
      hash,
      team: old.team,
      ...(old.view !== undefined && { view: old.view }),
      createdAtMs,
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    };
    const ends = Math.min(old.expiresAtMs ?? Infinity, createdAtMs + overlapMs);
    const tokens = document.tokens.map((token) => (token === old ? { ...old, expiresAtMs: ends } : token));
    return { ...document, tokens: [...tokens, entry] };
  };
}

/** Which tokens go: those with these ids, and all of `team`, and where `endedByMs` is there all that ended by then. */
export type Revocation = {
  readonly ids: readonly string[];
  readonly team: string | undefined;
  readonly endedByMs: number | undefined;
};

/** Takes tokens out. An id or a team that is not there is an error: a slip of the pen must not look like a success. */
export function revokeTokens(revocation: Revocation): Edit {
  return (document) => {
    const gone = new Set(revokedBy(document, revocation));
    return { ...document, tokens: document.tokens.filter((token) => !gone.has(token)) };
  };
}

/** The entries that a revocation takes out. Throws `ConfigError` as said above. */
export function revokedBy(
  document: AccessDocument,
  { ids, team, endedByMs }: Revocation,
): readonly TokenEntry[] {
  if (team !== undefined && !document.teams.has(team)) throw unknown('team', team, document.teams);
  const named = new Set(ids.map((id) => entryOf(document, id)));
  return document.tokens.filter(
    (token) =>
      named.has(token) || token.team === team || (endedByMs !== undefined && hasEnded(token, endedByMs)),
  );
}

/**
 * Views and teams as the rules say, all others gone; tokens stay. Throws `ConfigError` where a token would be left
 * without its team or view: `dropTokens` takes those out instead.
 */
export function applyRules(
  { views, teams }: Rules,
  { dropTokens = false }: { readonly dropTokens?: boolean } = {},
): Edit {
  return (document) => {
    const isLost = ({ team, view }: TokenEntry): boolean =>
      !teams.has(team) || (view !== undefined && !views.has(view));
    const lost = document.tokens.filter(isLost);
    const [first] = lost;
    if (first && !dropTokens) {
      const missing = teams.has(first.team) ? `view ${first.view ?? ''}` : `team ${first.team}`;
      throw new ConfigError(
        `${missing} is gone from the file, and ${lost.length === 1 ? 'a token' : `${lost.length} tokens`} would go ` +
          `with it (${lost.map(({ id }) => id).join(', ')}); revoke first (mesos-doh token revoke), or say --drop-tokens`,
      );
    }
    return { ...document, views, teams, tokens: document.tokens.filter((token) => !isLost(token)) };
  };
}

/** The same again, to be signed anew. */
export const renewed: Edit = (document) => {
  if (document.serial > 0) return document;
  throw new ConfigError('there is no access document to renew; mesos-doh access apply FILE makes one');
};

/** Does `other` have all that `after` changed of `before`? What somebody changed on top of it does. */
export function hasChange(
  { before, after }: { readonly before: AccessDocument; readonly after: AccessDocument },
  other: AccessDocument,
): boolean {
  const tokensOf = ({ tokens }: AccessDocument): Map<string, string> =>
    new Map(tokens.map((token) => [token.id, JSON.stringify(token)]));
  const [was, is, now] = [tokensOf(before), tokensOf(after), tokensOf(other)];
  for (const [id, token] of is) if (was.get(id) !== token && now.get(id) !== token) return false;
  for (const id of was.keys()) if (!is.has(id) && now.has(id)) return false;
  const rulesOf = (document: AccessDocument): string =>
    JSON.stringify(accessJson({ ...document, serial: 0, issuedAtMs: 0, tokens: [] }));
  return rulesOf(after) === rulesOf(before) || rulesOf(after) === rulesOf(other);
}

export function hasEnded({ expiresAtMs }: TokenEntry, nowMs: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= nowMs;
}

function entryOf({ tokens }: AccessDocument, id: string): TokenEntry {
  const found = tokens.find((token) => token.id === id.toLowerCase());
  if (found) return found;
  // Not quoted unless it can be an id: somebody may have given the token itself.
  const shown = /^[0-9a-f]{1,16}$/i.test(id) ? ` ${id}` : '';
  throw new ConfigError(
    `there is no token${shown} with such an id (8 hexadecimal digits); mesos-doh token list shows them`,
  );
}

function unknown(
  what: 'team' | 'view',
  name: string,
  known: ReadonlyMap<string, Team | ViewSpec>,
): ConfigError {
  const names = [...known.keys()].toSorted();
  const shown =
    names.length === 0
      ? `there is no ${what} yet: write a file with views and teams, and say mesos-doh access apply FILE (docs/access.md)`
      : `those there are: ${names.join(', ')}${what === 'team' ? '; a new team needs --view' : ''}`;
  return new ConfigError(`unknown ${what} ${JSON.stringify(name)}${nearest(name, names)}: ${shown}`);
}
