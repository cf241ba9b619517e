import { Argument, Command } from 'commander';
import type { CommandDefinition } from '../../../sync-agent/completion/definition.ts';
import { definitionsOf } from '../../../sync-agent/completion/from-commander.ts';

/** What a shell's script would stumble over. */
const ODD = `it's [a] "b": $HOME, \`c\` \\ and 100%; repeatable`;

const OWN_HELP = `Usage: mesos-doh stub --url URL

Options:
  --url URL         where to ask
  --ca FILE         an authority
  --allow-remote    for others, too

Examples:
  mesos-doh stub --url https://doh.example.com/dns-query

That was all.
`;

/** A program with one of each: flags without and with values, choices, files, commands below commands. */
export function definitions(): CommandDefinition {
  const program = new Command('mesos-doh').description(ODD).version('1.2.3');
  program
    .command('sync')
    .description(ODD)
    .option('--config <file>', ODD)
    .option('--sink-dir <dir>', 'where to')
    .option('--pace <n>', 'how fast', '5')
    .option('--no-upstream', 'ask nobody')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  mesos-doh sync --json    # quick\n  mesos-doh sync\n\nMore.');
  const token = program.command('token').description('tokens');
  token.command('create').requiredOption('--team <name>', 'whose').argument('[ids...]', 'of tokens');
  token.command('list').option('--json', 'as JSON');
  program.command('apply').argument('<file>', 'what to apply').option('-m, --mode <"how">', 'how');
  program.command('completion').addArgument(new Argument('<shell>', 'whose').choices(['bash', 'zsh']));
  program.command('stub').description('a server').allowUnknownOption();
  program.command('secret', { hidden: true });
  return definitionsOf(program, { stub: OWN_HELP });
}
