import type { CommandDefinition, ValueDefinition } from './definition.ts';
import { allCommands, quoted, valueFlags, wordsAfter } from './paths.ts';

/** A script for bash 4 or later, which needs no other package. */
export function bashCompletion(program: CommandDefinition): string {
  const all = allCommands(program);
  const paths = all.filter(({ path }) => path.length > 0).map(({ path }) => quoted(path.join(' ')));
  const offers = new Map<string, string[]>();
  for (const { path, command } of all)
    for (const { names, value } of valueFlags(command)) {
      const flags = names.map((name) => quoted([...path, name].join(' ')));
      offers.set(offer(value), [...(offers.get(offer(value)) ?? []), ...flags]);
    }
  const values = [...offers].map(([what, flags]) => `    ${flags.join(' | ')}) ${what}; return ;;`);
  const words = all.map(({ path, command }) => {
    const [first] = command.arguments;
    const more = first && first.kind !== 'any' ? `; [[ $cur == -* ]] || { ${offer(first)}; }` : '';
    return `    ${quoted(path.join(' '))}) _mesos_doh_words ${quoted(wordsAfter(command).join(' '))}${more} ;;`;
  });
  return `# bash completion for ${program.name}, made by: ${program.name} completion bash
_mesos_doh_words() { COMPREPLY+=($(compgen -W "$1" -- "$cur")); }
_mesos_doh_files() {
  compopt -o filenames 2>/dev/null
  local found
  while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen "$1" -- "$cur")
}
_mesos_doh() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at='' next i last
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${at:+$at }\${COMP_WORDS[i]}"
    case "$next" in
      ${paths.join(' | ')}) at=$next ;;
    esac
  done
  # --flag=value comes as three words.
  last=\${COMP_WORDS[COMP_CWORD - 1]}
  if [[ $cur == = ]]; then cur=''; elif [[ $last == = ]]; then last=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  case "\${at:+$at }$last" in
${values.join('\n')}
  esac
  case "$at" in
${words.join('\n')}
  esac
}
complete -F _mesos_doh ${program.name}
`;
}

function offer({ kind, choices }: ValueDefinition): string {
  if (kind === 'choice') return `_mesos_doh_words ${quoted(choices.join(' '))}`;
  if (kind === 'any') return ':';
  return `_mesos_doh_files ${kind === 'directory' ? '-d' : '-f'}`;
}
