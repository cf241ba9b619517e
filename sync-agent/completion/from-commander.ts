import type { Argument, Command, Option } from 'commander';
import {
  type ArgumentDefinition,
  type CommandDefinition,
  type FlagDefinition,
  valueOf,
} from './definition.ts';
import { definitionFromHelp, examplesIn } from './own-help.ts';

/** The help of commands that read their own arguments, by their names; commander knows no flag of theirs. */
export type OwnHelps = Readonly<Record<string, string>>;

/** Reads commander's own definitions, in the order of help; hidden ones are left out. */
export function definitionsOf(command: Command, ownHelps: OwnHelps = {}): CommandDefinition {
  const help = command.createHelp();
  const name = command.name();
  const description = help.commandDescription(command);
  const own = ownHelps[name];
  if (own !== undefined) return definitionFromHelp({ name, description }, own);
  const commands = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  return {
    name,
    description,
    flags: help.visibleOptions(command).map(flagOf),
    arguments: command.registeredArguments.map(argumentOf),
    commands: commands
      .map((child) => definitionsOf(child, ownHelps))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    examples: examplesIn(helpLines(command)),
  };
}

function flagOf(option: Option): FlagDefinition {
  const takesValue = option.required || option.optional;
  const name = /[<[]([^\]>]+?)(?:\.\.\.)?[\]>]/.exec(option.flags)?.[1] ?? 'value';
  const isPlain = ['string', 'number'].includes(typeof option.defaultValue);
  return {
    names: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    value: takesValue ? valueOf(name, option.argChoices ?? []) : undefined,
    description: option.description,
    fallback:
      takesValue && isPlain ? String(option.defaultValueDescription ?? option.defaultValue) : undefined,
    isRequired: option.mandatory,
  };
}

function argumentOf(argument: Argument): ArgumentDefinition {
  return {
    ...valueOf(argument.name(), argument.argChoices ?? []),
    description: argument.description,
    isRequired: argument.required,
    isRepeatable: argument.variadic,
  };
}

/** What help prints below the definitions is known to nobody but help. It is written to a string here. */
function helpLines(command: Command): string[] {
  let text = '';
  const { writeOut } = command.configureOutput();
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  command.configureOutput({ ...(writeOut && { writeOut }) });
  return text.split('\n');
}
