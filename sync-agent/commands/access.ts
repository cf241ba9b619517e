import { type Command, InvalidArgumentError } from 'commander';
import { applyRules, EMPTY_DOCUMENT, renewed } from '../access/edits.ts';
import { ruleChanges } from '../access/listing.ts';
import { exampleRules, readRules, rulesText } from '../access/rules-file.ts';
import { readAccess } from '../access/store.ts';
import { notOurs, planUpdate, updateAccess, type Updated } from '../access/update.ts';
import { momentText } from '../access/expiry.ts';
import { parseConfig, readJsonFile } from '../config.ts';
import { inPlace, noteInForce, type Place, type PlaceFlags, withPlace } from './access-place.ts';
import { collect } from './inputs.ts';
import { print } from './print.ts';
import { note, stopSignal } from './terminal.ts';

type ApplyFlags = PlaceFlags & {
  readonly dryRun?: boolean;
  readonly print?: boolean;
  readonly dropTokens?: boolean;
  readonly replace?: boolean;
};
type ShowFlags = PlaceFlags & { readonly signed?: boolean };
type RenewFlags = PlaceFlags & { readonly trustKey?: readonly string[]; readonly print?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh access example > access.json                                # to begin with
  mesos-doh access apply access.json --dry-run --config /etc/mesos-doh/config.json
  mesos-doh access apply access.json --config /etc/mesos-doh/config.json
  mesos-doh access show --config /etc/mesos-doh/config.json > access.json

The file has views (what may be seen) and teams (who sees which); tokens come from mesos-doh token. docs/access.md`;

export function addAccessCommand(program: Command): void {
  const access = program
    .command('access')
    .description('say who may ask the Worker and what: views and teams')
    .addHelpText('after', EXAMPLES);
  access
    .command('example')
    .description('print a file to begin with')
    .option('--config <file>', "the agent's configuration, for its domain")
    .exitOverride()
    .action(({ config }: Pick<PlaceFlags, 'config'>) => {
      const { domain } = parseConfig(config === undefined ? {} : readJsonFile(config), config ?? 'flags');
      return print(exampleRules(domain));
    });
  withPlace(access.command('apply'))
    .description('make the views and teams of a file those of the Worker; tokens stay')
    .argument('<file>', 'JSON with views and teams')
    .option('--dry-run', 'write nothing; say what would change')
    .option('--print', 'write nothing; print the signed document, for wrangler kv key put')
    .option('--drop-tokens', 'revoke the tokens whose team or view is gone from the file')
    .option('--replace', 'begin anew where what is stored is not signed by a key of ours: all tokens go')
    .action((path: string, flags: ApplyFlags) => inPlace(flags, (place) => apply(path, flags, place)));
  withPlace(access.command('show'))
    .description('print the views and teams that hold, as the file for apply')
    .option('--signed', 'print the whole signed document as it is stored')
    .action((flags: ShowFlags) => inPlace(flags, (place) => show(flags, place)));
  withPlace(access.command('renew'))
    .description('sign the document again, with the current signing key')
    .option('--trust-key <key>', 'a public key (base64) that signed it; repeatable', collectKey)
    .option('--print', 'write nothing; print the signed document, for wrangler kv key put')
    .action((flags: RenewFlags) => inPlace(flags, (place) => renew(flags, place)));
}

async function apply(path: string, flags: ApplyFlags, place: Place): Promise<void> {
  const rules = readRules(readJsonFile(path), path);
  const edit = applyRules(rules, { dropTokens: flags.dropTokens === true });
  const options = { ...place, replaceUnusable: flags.replace === true };
  if (flags.print === true || flags.dryRun === true) {
    const planned = await planUpdate(edit, options, { signal: stopSignal() });
    if (flags.print === true) return print(new TextDecoder().decode(planned.octets));
    await print(changesText(planned));
    return note('nothing was written');
  }
  const updated = await updateAccess(edit, { ...options, onOther: 'give up' }, stopSignal());
  await print(changesText(updated));
  noteInForce(flags, place, updated);
}

function changesText({ before, after }: Updated): string {
  const lost = before.tokens.filter((token) => !after.tokens.includes(token));
  const lines = [
    ...ruleChanges(before, after),
    ...lost.map(({ id, team }) => `- token ${id} of team ${team}`),
  ];
  return lines.length === 0 ? 'views and teams are as they were\n' : `${lines.join('\n')}\n`;
}

async function show({ signed }: ShowFlags, { store, trusted }: Place): Promise<void> {
  const stored = await readAccess(store, trusted, stopSignal());
  if (signed === true && stored.kind !== 'nothing') {
    if (stored.kind === 'unusable') note(`${store.name}: ${stored.reason}`);
    return print(new TextDecoder().decode(stored.octets));
  }
  if (stored.kind === 'unusable') throw notOurs(store, stored.reason);
  if (stored.kind === 'nothing') {
    note(`${store.name}: there is no access document: nobody may ask, unless the Worker has ACCESS=open`);
    return print(rulesText(EMPTY_DOCUMENT));
  }
  const { document } = stored;
  note(
    `${store.name}: serial ${document.serial} of ${momentText(document.issuedAtMs)}, ` +
      `${document.tokens.length} tokens (mesos-doh token list)`,
  );
  return print(rulesText(document));
}

async function renew({ trustKey = [], ...flags }: RenewFlags, place: Place): Promise<void> {
  const options = { ...place, trusted: [...place.trusted, ...trustKey] };
  if (flags.print === true) {
    const planned = await planUpdate(renewed, options, { signal: stopSignal() });
    return print(new TextDecoder().decode(planned.octets));
  }
  const updated = await updateAccess(renewed, { ...options, onOther: 'again' }, stopSignal());
  return noteInForce(flags, place, updated);
}

function collectKey(text: string, earlier?: readonly string[]): string[] {
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return collect(text, earlier);
  throw new InvalidArgumentError('It should be a public key as in VERIFY_KEYS: 44 letters of base64.');
}
