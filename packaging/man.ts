import type {
  ArgumentDefinition,
  CommandDefinition,
  FlagDefinition,
} from '../sync-agent/completion/definition.ts';
import { AFTER_COMMANDS, BEFORE_COMMANDS, type ManPart } from './man-parts.ts';

/** The manual page mesos-doh(1), for the macros of man(7). `date` as `2026-11-20`. */
export function manPage(
  program: CommandDefinition,
  { version, date }: { readonly version: string; readonly date: string },
): string {
  const title = program.name.toUpperCase();
  const lines = [
    `.TH ${macroWord(title)} 1 "${date}" ${macroWord(`${program.name} ${version}`)} "User Commands"`,
    '.SH NAME',
    `${roff(program.name)} \\- ${roff(program.description)}`,
    '.SH SYNOPSIS',
    `.B ${roff(program.name)}`,
    '.I command',
    '[',
    '.I flags',
    ']',
    ...BEFORE_COMMANDS.flatMap(part),
    '.SH OPTIONS',
    ...program.flags.flatMap((flag) => term(flagHeading(flag), flagText(flag))),
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => commandLines(command, [program.name])),
    ...AFTER_COMMANDS.flatMap(part),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(command: CommandDefinition, above: readonly string[]): string[] {
  const words = [...above, command.name];
  if (command.commands.length > 0)
    return [
      ...heading(words, []),
      sentence(command.description),
      ...command.commands.flatMap((child) => commandLines(child, words)),
    ];
  const flags = command.flags.filter(({ names }) => !names.includes('--help'));
  return [
    ...heading(words, command.arguments),
    sentence(command.description),
    ...command.arguments.flatMap((one) => term(`.I ${macroWord(one.name)}`, one.description)),
    ...flags.flatMap((flag) => term(flagHeading(flag), flagText(flag))),
    ...(command.examples.length > 0
      ? ['.PP', 'Examples:', '.PP', '.nf', '.RS', ...command.examples.map(roff), '.RE', '.fi']
      : []),
  ];
}

function heading(words: readonly string[], args: readonly ArgumentDefinition[]): string[] {
  return [`.SS ${macroWord([...words, ...args.map(argumentText)].join(' '))}`];
}

function argumentText({ name, isRequired, isRepeatable }: ArgumentDefinition): string {
  const word = `${name}${isRepeatable ? ' ...' : ''}`;
  return isRequired ? word.toUpperCase() : `[${word.toUpperCase()}]`;
}

function flagHeading({ names, value }: FlagDefinition): string {
  const flags = roff(names.join(', '));
  return value ? `.BI "${flags} " ${macroWord(value.name)}` : `.B "${flags}"`;
}

function flagText({ description, value, fallback, isRequired }: FlagDefinition): string {
  const choices = value && value.choices.length > 0 ? ` (${value.choices.join(', ')})` : '';
  const more = isRequired ? ' (needed)' : fallback === undefined ? '' : ` (default: ${fallback})`;
  return `${description}${choices}${more}`;
}

function part({ title, text = [], terms = [] }: ManPart): string[] {
  const paragraphs = text.flatMap((paragraph, index) => [...(index > 0 ? ['.PP'] : []), roff(paragraph)]);
  return [
    `.SH ${macroWord(title)}`,
    ...paragraphs,
    ...terms.flatMap(([name, description]) => term(`.B ${macroWord(name)}`, description)),
  ];
}

function term(head: string, description: string): string[] {
  return ['.TP', head, description === '' ? '\\&' : sentence(description)];
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return roff(/[.!?]$/.test(first) ? first : `${first}.`);
}

/** Text as troff reads it: its own signs escaped, hyphens as they are typed. */
function roff(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/[^\u0020-\u007E]/gu, (sign) => `\\[u${codePoint(sign)}]`);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

function codePoint(sign: string): string {
  return (sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

/** One argument of a macro, whatever is in it. */
function macroWord(text: string): string {
  return `"${roff(text).replaceAll('"', '\\(dq')}"`;
}
