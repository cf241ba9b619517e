import { type FileState, makeDirectories, placeIn, readFileState, replaceFile } from './files.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import { commandsOf, runAll, type RunCommand } from './undo.ts';

/** Puts back what was remembered, and in force again. Resolves with what went wrong; the rest is done all the same. */
export type Restore = () => Promise<readonly string[]>;

/** Keeps in memory all that a manifest is of, so that it can come back when what takes its place fails. */
export async function rememberKit(
  manifest: Manifest,
  { root, run }: { readonly root: string; readonly run: RunCommand | undefined },
): Promise<Restore> {
  const files: { readonly place: string; readonly state: FileState }[] = [];
  for (const { path } of manifest.files) {
    const place = await placeIn(root, path);
    // One that can't be read is not taken out, either.
    const state = await readFileState(place).catch(() => undefined);
    if (state) files.push({ place, state });
  }
  const writeAll = async (): Promise<void> => {
    await makeDirectories(root, manifest.directories);
    await writeManifest(root, manifest);
    for (const { place, state } of files) await replaceFile(place, state);
  };
  return async () => {
    try {
      await writeAll();
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
    return runAll(commandsOf(manifest).apply, run);
  };
}
