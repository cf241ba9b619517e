import type { CommandDefinition, ValueDefinition } from './definition.ts';
import { allCommands, type CommandAt } from './paths.ts';

/** A script for fish 3 or later. */
export function fishCompletion(program: CommandDefinition): string {
  const all = allCommands(program);
  const paths = all.filter(({ path }) => path.length > 0).map(({ path }) => fishQuoted(path.join(' ')));
  return `# fish completion for ${program.name}, made by: ${program.name} completion fish
function __mesos_doh_at
    set -l at ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        set -l next (string trim -- "$at $word")
        if contains -- $next ${paths.join(' ')}
            set at $next
        end
    end
    test "$at" = "$argv[1]"
end
complete -c ${program.name} -f
${all.flatMap((at) => linesOf(program.name, at)).join('\n')}
`;
}

function linesOf(name: string, { path, command }: CommandAt): string[] {
  const here = `complete -c ${name} -n ${fishQuoted(`__mesos_doh_at ${fishQuoted(path.join(' '))}`)}`;
  const commands = command.commands.map(
    (child) => `${here} -a ${fishQuoted(child.name)} -d ${fishQuoted(child.description)}`,
  );
  const flags = command.flags.map(({ names, value, description }) => {
    const spelled = names.map((flag) =>
      flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
    );
    return `${here} ${spelled.join(' ')}${value ? ` ${offer(value)}` : ''} -d ${fishQuoted(description)}`;
  });
  const [first] = command.arguments;
  const values = first && first.kind !== 'any' ? [`${here} ${offer(first).replace(/^-x |^-r /, '')}`] : [];
  return [...commands, ...flags, ...values];
}

function offer({ kind, choices }: ValueDefinition): string {
  if (kind === 'choice') return `-x -a ${fishQuoted(choices.join(' '))}`;
  if (kind === 'directory') return "-x -a '(__fish_complete_directories)'";
  return kind === 'file' ? '-r -F' : '-x';
}

/** In single quotes, as fish reads it: with its two escapes. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, (sign) => `\\${sign}`)}'`;
}
