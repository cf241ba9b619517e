import { Argument, type Command } from 'commander';
import { HELP } from '../../stub/settings.ts';
import { bashCompletion } from '../completion/bash.ts';
import type { CommandDefinition } from '../completion/definition.ts';
import { fishCompletion } from '../completion/fish.ts';
import { definitionsOf } from '../completion/from-commander.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { print } from './print.ts';

const SCRIPTS = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
  /** What the man page is made of, and completion for shells we do not know. */
  json: (program: CommandDefinition) => `${JSON.stringify(program, undefined, 1)}\n`,
} as const;

const EXAMPLES = `
Examples:
  mesos-doh completion bash > ~/.local/share/bash-completion/completions/mesos-doh
  mesos-doh completion zsh > ~/.zfunc/_mesos-doh        # a directory of your fpath
  mesos-doh completion fish > ~/.config/fish/completions/mesos-doh.fish`;

/** Prints what a shell completes with, from the program's own definitions, so that it never is older than they are. */
export function addCompletionCommand(program: Command): void {
  const shells = Object.keys(SCRIPTS);
  program
    .command('completion')
    .description('print a completion script for a shell; json: the definitions themselves')
    .addArgument(new Argument('<shell>', 'whose script').choices(shells))
    .addHelpText('after', EXAMPLES)
    .action((shell: keyof typeof SCRIPTS) => print(SCRIPTS[shell](definitionsOf(program, { stub: HELP }))));
}
