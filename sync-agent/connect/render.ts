import type { Kit } from '../../connect/kit.ts';

/** All that connecting would do, for a person. */
export function renderKit(kit: Kit): string {
  const lines: string[] = [];
  for (const { path, mode, text } of kit.files)
    lines.push(`--- ${path} (mode ${mode.toString(8).padStart(4, '0')})`, text.trimEnd(), '');
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['run', kit.apply],
    ['check with', [kit.check]],
    ['to undo, run', kit.undo],
    ['to undo, remove the files', kit.files.map(({ path }) => path)],
    ['to undo, run once they are gone', kit.afterUndo ?? []],
  ];
  for (const [title, list] of commands) if (list.length > 0) lines.push(`--- ${title}`, ...list, '');
  if (kit.notes.length > 0) lines.push('--- notes', ...kit.notes, '');
  return lines.join('\n');
}

/** What a person takes to another machine: the file, or the files under their names, or the commands. */
export function portableText({ files, apply }: Kit): string {
  const [file, ...more] = files;
  if (!file) return apply.map((command) => `${command}\n`).join('');
  if (more.length === 0) return file.text;
  return files.map(({ path, text }) => `# ${path}\n${text}`).join('\n');
}
