import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FormCommands, SYSTEMD_COMMANDS } from '../../connect/systemd-forms.ts';
import { type FileState, placeIn, readFileState, removeDirectories, replaceFile } from './files.ts';
import { type Manifest, manifestPath, removeManifest, sha256Of, writeManifest } from './manifest.ts';

/** Runs a command line on this machine; throws with what it said. */
export type RunCommand = (command: string) => Promise<void>;

/** What is left of a kit that was taken out, for a person to see to. */
export type Undone = {
  /** Files that somebody changed since: they stand as they are, and a manifest of them stays. */
  readonly kept: Manifest['files'];
  /** What commands said that failed. */
  readonly troubles: readonly string[];
};

const NO_COMMANDS: FormCommands = { apply: [], undo: [], forget: [], afterUndo: [] };

/** From the code, whatever the manifest says beside its form. */
export function commandsOf({ form }: Pick<Manifest, 'form'>): FormCommands {
  return form === undefined ? NO_COMMANDS : SYSTEMD_COMMANDS[form];
}

/**
 * Takes out what a manifest says was written, each file only while it is still that, and the manifest. `run` is
 * missing for images, and where no command was run yet. Not `isForGood` is what another kit takes the place of.
 */
export async function undoManifest(
  manifest: Manifest,
  {
    root,
    run,
    isForGood = true,
  }: { readonly root: string; readonly run: RunCommand | undefined; readonly isForGood?: boolean },
): Promise<Undone> {
  const { undo, forget, afterUndo } = commandsOf(manifest);
  // First of all: one that leads out of an image ends it here.
  const places = new Map<string, string>();
  for (const { path } of manifest.files) places.set(path, await placeIn(root, path));
  const kept: Manifest['files'] = [];
  const troubles = await runAll([...undo, ...(isForGood ? forget : [])], run);
  for (const file of manifest.files.toReversed())
    if (!(await takeOut(file, places.get(file.path) ?? ''))) kept.push(file);
  if (kept.length > 0)
    await writeManifest(root, { client: manifest.client, files: kept, directories: manifest.directories });
  else await removeManifest(root, manifest.client);
  const ours = dirname(manifestPath(manifest.client));
  await removeDirectories(root, [...manifest.directories, dirname(ours), ours]);
  troubles.push(...(await runAll(afterUndo, run)));
  return { kept, troubles };
}

/** False if it is not what was written, so that it stays. */
async function takeOut({ sha256, before }: Manifest['files'][number], place: string): Promise<boolean> {
  let standing: FileState | undefined;
  try {
    standing = await readFileState(place);
  } catch {
    // A link or a directory of somebody's.
    return false;
  }
  if (!standing || standing.text === before?.text) return true;
  if (sha256Of(standing.text) !== sha256) return false;
  if (before) await replaceFile(place, before);
  else await rm(place);
  return true;
}

/** What those said that failed; one that fails does not keep the others from being run. */
export async function runAll(commands: readonly string[], run: RunCommand | undefined): Promise<string[]> {
  const troubles: string[] = [];
  if (!run) return troubles;
  for (const command of commands) {
    try {
      await run(command);
    } catch (error) {
      troubles.push(error instanceof Error ? error.message : String(error));
    }
  }
  return troubles;
}
