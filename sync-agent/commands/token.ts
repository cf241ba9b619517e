import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { addToken, revokedBy, revokeTokens, rotateToken } from '../access/edits.ts';
import { momentText, parseDuration, parseExpiry } from '../access/expiry.ts';
import { listTokens, renderTokens } from '../access/listing.ts';
import { makeToken, type NewToken } from '../access/new-token.ts';
import { readAccess } from '../access/store.ts';
import { AccessError, notOurs, planUpdate, updateAccess, type Updated } from '../access/update.ts';
import { ConfigError } from '../config.ts';
import { SinkError } from '../sinks/sink.ts';
import { inPlace, noteInForce, type Place, type PlaceFlags, withPlace } from './access-place.ts';
import { print } from './print.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = PlaceFlags & { readonly json?: boolean };
type CreateFlags = Flags & { readonly team: string; readonly view?: string; readonly expires: string };
type RotateFlags = Flags & { readonly overlap: string; readonly expires?: string };
type RevokeFlags = Flags & {
  readonly team?: string;
  readonly ended?: boolean;
  readonly print?: boolean;
};

const EXAMPLES = `
Examples:
  mesos-doh token create --team payments --expires 90d --config /etc/mesos-doh/config.json
  mesos-doh token list --config /etc/mesos-doh/config.json
  mesos-doh token rotate 1f0a93c7 --overlap 7d --config /etc/mesos-doh/config.json
  mesos-doh token revoke 1f0a93c7 --config /etc/mesos-doh/config.json

Views and teams come from a file: mesos-doh access apply. All steps: docs/access.md`;

/** What a new token lives unless something else is said. */
const DEFAULT_EXPIRES = '90d';

/** A token is told once, on stdout and nowhere else; what is stored is its hash. */
export function addTokenCommand(program: Command): void {
  const token = program
    .command('token')
    .description('make, list, rotate and revoke the tokens of teams')
    .addHelpText('after', EXAMPLES);
  withPlace(token.command('create'))
    .description('make a token for a team and print it, this once')
    .requiredOption('--team <name>', 'whose it is', toWord)
    .option('--view <name>', "what it sees, instead of its team's view; needed for a new team", toWord)
    .option('--expires <when>', '90d, 12h, a day such as 2027-01-31, or never', DEFAULT_EXPIRES)
    .option('--json', 'print as JSON')
    .action((flags: CreateFlags) => inPlace(flags, (place) => create(flags, place)));
  withPlace(token.command('list'))
    .description('whose tokens there are, what they see and when they end; never a token itself')
    .option('--json', 'print as JSON')
    .action((flags: Flags) => inPlace(flags, (place) => list(flags, place)));
  withPlace(token.command('rotate'))
    .description('make a new token beside an old one and print it, this once; the old one ends later')
    .argument('<id>', 'of the old token (see list)')
    .option('--overlap <time>', 'so long the old one still holds', '7d')
    .option('--expires <when>', 'of the new one (default: it lives as long as the old one was given)')
    .option('--json', 'print as JSON')
    .action((id: string, flags: RotateFlags) => inPlace(flags, (place) => rotate(id, flags, place)));
  withPlace(token.command('revoke'))
    .description('take tokens out: nobody can ask with them any more')
    .argument('[ids...]', 'of tokens (see list)')
    .option('--team <name>', 'all tokens of a team', toWord)
    .option('--ended', 'all tokens that have ended by themselves')
    .option('--print', 'write nothing; print the signed document, for wrangler kv key put')
    .option('--json', 'print as JSON')
    .action((ids: string[], flags: RevokeFlags) => inPlace(flags, (place) => revoke(ids, flags, place)));
}

async function create(flags: CreateFlags, place: Place): Promise<void> {
  const nowMs = place.now();
  const { team, view } = flags;
  const expiresAtMs = parseExpiry(flags.expires, nowMs);
  const made = await newToken(place);
  const order = { id: made.id, hash: made.hash, team, view, createdAtMs: nowMs, expiresAtMs };
  const updated = await keeping(made, () =>
    updateAccess(addToken(order), { ...place, onOther: 'again' }, stopSignal()),
  );
  await tell(made, { flags, place, updated });
}

async function rotate(oldId: string, flags: RotateFlags, place: Place): Promise<void> {
  const nowMs = place.now();
  const overlapMs = parseDuration(flags.overlap, '--overlap');
  const expiresAtMs = flags.expires === undefined ? ('same' as const) : parseExpiry(flags.expires, nowMs);
  const made = await newToken(place);
  const rotation = { oldId, id: made.id, hash: made.hash, createdAtMs: nowMs, overlapMs, expiresAtMs };
  const updated = await keeping(made, () =>
    updateAccess(rotateToken(rotation), { ...place, onOther: 'again' }, stopSignal()),
  );
  await tell(made, { flags, place, updated });
  const old = updated.after.tokens.find(({ id }) => id === oldId.toLowerCase());
  note(`the old token ${oldId} holds until ${momentText(old?.expiresAtMs ?? 0)}; then only the new one does`);
}

async function newToken({ store, trusted }: Place): Promise<NewToken> {
  const stored = await readAccess(store, trusted, stopSignal());
  if (stored.kind === 'unusable') throw notOurs(store, stored.reason);
  const taken = stored.kind === 'document' ? stored.document.tokens.map(({ id }) => id) : [];
  return makeToken((length) => randomBytes(length), new Set(taken));
}

/** A token that may have been stored, and that nobody will ever see, is named, so that it can be revoked. */
async function keeping(made: NewToken, update: () => Promise<Updated>): Promise<Updated> {
  try {
    return await update();
  } catch (error) {
    if (error instanceof AccessError || (error instanceof SinkError && error.outcome === 'unknown'))
      note(`if token ${made.id} shows up in mesos-doh token list, revoke it: it was told to nobody`);
    throw error;
  }
}

async function tell(
  { token, id }: NewToken,
  { flags, place, updated }: { readonly flags: Flags; readonly place: Place; readonly updated: Updated },
): Promise<void> {
  const listed = listTokens(updated.after, place.now()).find((entry) => entry.id === id);
  if (!listed) throw new AccessError(`token ${id} is not in the document that was written`);
  const { team, view, expires } = listed;
  await print(flags.json === true ? `${JSON.stringify({ token, ...listed }, undefined, 1)}\n` : `${token}\n`);
  const until =
    expires === null ? 'for ever (--expires gives it an end)' : `until ${momentText(Date.parse(expires))}`;
  note(
    `token ${id}: team ${team}, view ${view}, ${until}. Only its hash is stored: this is the one time you see it`,
  );
  note('use it as https://HOST/t/TOKEN/dns-query, or as the header "authorization: Bearer TOKEN"');
  noteInForce(flags, place, updated);
}

async function list({ json }: Flags, { store, trusted, now }: Place): Promise<void> {
  const stored = await readAccess(store, trusted, stopSignal());
  if (stored.kind === 'unusable') throw notOurs(store, stored.reason);
  const tokens = stored.kind === 'nothing' ? [] : listTokens(stored.document, now());
  await print(json === true ? `${JSON.stringify(tokens, undefined, 1)}\n` : renderTokens(tokens));
}

async function revoke(ids: readonly string[], flags: RevokeFlags, place: Place): Promise<void> {
  const { team, ended, json } = flags;
  if (ids.length === 0 && team === undefined && ended !== true)
    throw new ConfigError('say which tokens go: ids (mesos-doh token list), --team NAME or --ended');
  const revocation = { ids, team, endedByMs: ended === true ? place.now() : undefined };
  const edit = revokeTokens(revocation);
  if (flags.print === true) {
    const planned = await planUpdate(edit, place, { signal: stopSignal() });
    return print(new TextDecoder().decode(planned.octets));
  }
  const updated = await updateAccess(edit, { ...place, onOther: 'again' }, stopSignal());
  const gone = revokedBy(updated.before, revocation);
  const shown = gone.map(({ id, team: owner }) => ({ id, team: owner }));
  await print(
    json === true
      ? `${JSON.stringify({ revoked: shown }, undefined, 1)}\n`
      : shown.map(({ id, team: owner }) => `revoked ${id} of team ${owner}\n`).join('') ||
          'nothing to revoke\n',
  );
  noteInForce(flags, place, updated);
}

function toWord(text: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('It should be a word of a-z, 0-9 and hyphens.');
}
