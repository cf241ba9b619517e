import type { Command } from 'commander';
import { FormatError } from '../../zone/format-error.ts';
import type { Serial } from '../../zone/zone.ts';
import { jsonText } from '../client/json-text.ts';
import { ConfigError } from '../config.ts';
import { createConsole } from '../log.ts';
import { type NameChange, nameChanges } from '../name-changes.ts';
import { changesBetween, namesOf } from '../publish/layout.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { Change } from '../publish/published.ts';
import { addInputOptions, configFrom } from './inputs.ts';
import { openOutlet, type OutputFlags } from './office.ts';
import { print, toSerial } from './print.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = OutputFlags & { readonly from?: Serial; readonly to?: Serial; readonly json?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh diff --config /etc/mesos-doh/config.json
  mesos-doh diff --state state.json --sink-dir /srv/snapshots --json
  mesos-doh diff --config config.json --from 1781000000      # since that serial (see history)

Lines begin with - for what goes and + for what comes. Nothing is written.`;

export function addDiffCommand(program: Command): void {
  addInputOptions(program.command('diff'))
    .description('what the next push would change, name by name; or what changed between two kept serials')
    .option('--sink-dir <dir>', 'a directory that was published to, instead of Workers KV')
    .option('--from <serial>', 'a kept serial, compared with what is published now', toSerial)
    .option('--to <serial>', 'with --from: another kept serial, instead of what is published now', toSerial)
    .option('--json', 'print the changes as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      if (flags.to !== undefined && flags.from === undefined) throw new ConfigError('--to goes with --from');
      const { changes, heldNames } =
        flags.from === undefined ? await ofNextPush(flags) : await ofHistory(flags);
      if (flags.json === true) return print(`${jsonText({ changes, heldNames })}\n`);
      await print(changes.flatMap(linesOf).join(''));
      note(
        `${changes.length} names differ${heldNames > 0 ? `; ${heldNames} missing names are held back` : ''}`,
      );
    });
}

type Differences = { readonly changes: readonly NameChange[]; readonly heldNames: number };

async function ofNextPush(flags: Flags): Promise<Differences> {
  let found: Change | undefined;
  const onChanged = (change: Change): void => {
    found = change;
  };
  const config = configFrom(flags, note);
  const opened = await openOutlet(flags, config, { onEvent: createConsole(note), onChanged, dryRun: true });
  try {
    const { heldNames } = await opened.open().sync.once(stopSignal());
    return { changes: found ? nameChanges(found) : [], heldNames };
  } finally {
    await opened.close();
  }
}

async function ofHistory({ from, to, ...flags }: Flags): Promise<Differences> {
  const config = configFrom(flags, note);
  const onEvent = createConsole(note);
  const opened = await openOutlet(flags, config, { onEvent, dryRun: true, withoutCluster: true });
  try {
    const { publisher } = opened.open();
    const [before, after] = [await levelsAt(publisher, from), await levelsAt(publisher, to)];
    const changed = namesOf(changesBetween(before, after));
    return { changes: nameChanges({ before, after, changed }), heldNames: 0 };
  } finally {
    await opened.close();
  }
}

async function levelsAt(publisher: Publisher, serial: Serial | undefined): Promise<Change['after']> {
  const standing = await publisher.standing(stopSignal());
  if (!standing) throw new FormatError('the zone', 'is not published here');
  if (serial === undefined || serial === standing.serial) return standing.levels;
  return publisher.levelsOf(serial, stopSignal());
}

function linesOf({ name, removed, added }: NameChange): string[] {
  if (removed.length + added.length === 0) return [`~ ${name}. (only targets of its SRV records moved)\n`];
  return [...removed.map((line) => `- ${name}. ${line}\n`), ...added.map((line) => `+ ${name}. ${line}\n`)];
}
