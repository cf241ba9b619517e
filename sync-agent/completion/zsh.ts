import type { ArgumentDefinition, CommandDefinition, FlagDefinition, ValueDefinition } from './definition.ts';
import { allCommands, type CommandAt, quoted } from './paths.ts';

/** A script for zsh's own completion system (`compinit`): a function a command. */
export function zshCompletion(program: CommandDefinition): string {
  const all = allCommands(program);
  return `#compdef ${program.name}
# zsh completion for ${program.name}, made by: ${program.name} completion zsh
${all.map((at) => (at.command.commands.length > 0 ? parent(at) : leaf(at))).join('\n')}
if [ "$funcstack[1]" = '_${program.name}' ]; then ${functionName([])} "$@"; else compdef ${functionName([])} ${program.name}; fi
`;
}

function leaf({ path, command }: CommandAt): string {
  return `${functionName(path)}() { _arguments -s ${[...flags(command), ...command.arguments.map(argument)].join(' ')}; }`;
}

/** Its flags, then the name of a command below it, whose function has the rest of the line. */
function parent({ path, command }: CommandAt): string {
  const known = command.commands.map(({ name, description }) => quoted(`${name}:${description}`));
  const cases = command.commands.map(({ name }) => `${quoted(name)}) ${functionName([...path, name])} ;;`);
  return `${functionName(path)}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a commands=(${known.join(' ')})
  _arguments -C ${[...flags(command), quoted('1: :->command'), quoted('*:: :->rest')].join(' ')}
  case $state in
    command) _describe command commands ;;
    rest) case $line[1] in
      ${cases.join('\n      ')}
    esac ;;
  esac
}`;
}

function flags(command: CommandDefinition): string[] {
  return command.flags.flatMap(flag);
}

function flag({ names, value, description }: FlagDefinition): string[] {
  const repeats = /repeatable|again for more/.test(description) ? '*' : '';
  return names.map((name) => {
    const after = value ? `:${message(value.name)}:${action(value)}` : '';
    return quoted(
      `${repeats}${name}${value && name.startsWith('--') ? '=' : ''}[${bracketed(description)}]${after}`,
    );
  });
}

function argument(one: ArgumentDefinition): string {
  const place = one.isRepeatable ? '*' : one.isRequired ? '' : ':';
  return quoted(`${one.isRepeatable ? '*:' : `${place}:`}${message(one.name)}:${action(one)}`);
}

function action({ kind, choices }: ValueDefinition): string {
  if (kind === 'choice') return `(${choices.join(' ')})`;
  if (kind === 'any') return ' ';
  return kind === 'directory' ? '_files -/' : '_files';
}

/** A description in brackets. */
function bracketed(text: string): string {
  return text.replaceAll(/[[\]\\]/g, (sign) => `\\${sign}`);
}

/** What `_arguments` says is wanted: a colon would end it. */
function message(text: string): string {
  return text.replaceAll(':', String.raw`\:`);
}

function functionName(path: readonly string[]): string {
  return ['_mesos_doh_at', ...path].join('_').replaceAll('-', '_');
}
