import type { Kit } from '../../connect/kit.ts';
import { shellWord } from '../../connect/quote.ts';

/** All that connecting would do, for a person. */
export function renderKit(kit: Kit): string {
  const lines: string[] = [];
  for (const { path, mode, text } of kit.files)
    lines.push(`--- ${path} (mode ${mode.toString(8).padStart(4, '0')})`, text.trimEnd(), '');
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['run', kit.apply],
    ['check with', [kit.check]],
    ['to undo, run', kit.undo],
    ['to undo', kit.removal === undefined ? [] : [kit.removal]],
    ['to undo, remove the files', kit.removal === undefined ? kit.files.map(({ path }) => path) : []],
    ['to undo, run once they are gone', kit.afterUndo ?? []],
  ];
  for (const [title, list] of commands) if (list.length > 0) lines.push(`--- ${title}`, ...list, '');
  if (kit.notes.length > 0) lines.push('--- notes', ...kit.notes, '');
  return lines.join('\n');
}

/** How a person takes out what was not written here. */
export function undoText({ undo, files, removal, afterUndo = [] }: Kit): string {
  const removals = removal === undefined ? files.map(({ path }) => `rm ${shellWord(path)}`) : [removal];
  return [...undo, ...removals, ...afterUndo].map((line) => `${line}\n`).join('');
}

/** What a person takes to another machine: the file, or the files under their names, or the commands. */
export function portableText({ files, apply }: Kit): string {
  const [file, ...more] = files;
  if (!file) return apply.map((command) => `${command}\n`).join('');
  if (more.length === 0) return file.text;
  return files.map(({ path, text }) => `# ${path}\n${text}`).join('\n');
}
