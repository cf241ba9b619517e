import { type CommandDefinition, type FlagDefinition, valueOf } from './definition.ts';

/**
 * Flags and examples of a command that reads its own arguments, from the help it prints: lines of
 * `  --flag VALUE   what it is`, and those below `Examples:`.
 */
export function definitionFromHelp(
  { name, description }: Pick<CommandDefinition, 'name' | 'description'>,
  help: string,
): CommandDefinition {
  const lines = help.split('\n');
  const flags = lines.flatMap((line) => flagIn(line));
  if (flags.length === 0) throw new Error(`the help of ${name} has no line that shows a flag`);
  return { name, description, flags, arguments: [], commands: [], examples: examplesIn(lines) };
}

/** The lines below `Examples:`, up to the next that is not indented. */
export function examplesIn(lines: readonly string[]): string[] {
  const start = lines.indexOf('Examples:');
  if (start < 0) return [];
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('  '));
  return lines.slice(start + 1, end < 0 ? undefined : end).map((line) => line.trim());
}

function flagIn(line: string): FlagDefinition[] {
  const [, name, value, description] = /^ {2}(--[a-z-]+)(?: ([A-Z][^ ]*))? {2,}(\S.*)$/.exec(line) ?? [];
  if (name === undefined || description === undefined) return [];
  return [
    {
      names: [name],
      value: value === undefined ? undefined : valueOf(value.toLowerCase(), []),
      description,
      fallback: undefined,
      isRequired: false,
    },
  ];
}
