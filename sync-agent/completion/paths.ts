import type { CommandDefinition, FlagDefinition } from './definition.ts';

/** A command by the words that lead to it, without the program's: `['token', 'list']`; the program itself: none. */
export type CommandAt = { readonly path: readonly string[]; readonly command: CommandDefinition };

/** The program and every command below it, parents first. */
export function allCommands(command: CommandDefinition, path: readonly string[] = []): CommandAt[] {
  return [
    { path, command },
    ...command.commands.flatMap((child) => allCommands(child, [...path, child.name])),
  ];
}

/** What may stand after the command's words: its subcommands, then its flags. */
export function wordsAfter({ commands, flags }: CommandDefinition): string[] {
  return [...commands.map(({ name }) => name), ...flags.flatMap(({ names }) => names)];
}

/** Flags that take a value, each with its names. */
export function valueFlags({ flags }: CommandDefinition): Required<ValueFlag>[] {
  return flags.flatMap((flag) => (flag.value ? [{ ...flag, value: flag.value }] : []));
}

type ValueFlag = FlagDefinition & { readonly value: NonNullable<FlagDefinition['value']> };

/** In single quotes, as sh, bash and zsh read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
