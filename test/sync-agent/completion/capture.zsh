# zsh -f capture.zsh SCRIPT OUT LINE: what zsh offers for LINE, a word a line, in OUT
zmodload zsh/zpty
zpty shell zsh -f -i
input() { zpty -w shell "$1" }
input "PROMPT= OUT=${(q)2}; autoload -Uz compinit; compinit -u -C -d ${(q)2}.dump; source ${(q)1}"
input 'compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi; local -a hits; builtin compadd -A hits "$@"; print -rl -- $hits >> $OUT; builtin compadd "$@" }'
input 'finish() { print -r -- END >> $OUT; exit }; comppostfuncs=(finish); setopt no_list_beep'
input "bindkey '^I' complete-word"
zpty -w -n shell "$3"$'\t'
repeat 500; do
  if [[ -s $2 && "$(tail -n 1 -- $2)" == END ]]; then break; fi
  zpty -r -t shell chunk
  sleep 0.02
done
zpty -d shell
