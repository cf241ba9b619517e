import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readFileState, removeDirectories, replaceFile } from './files.ts';
import { type Manifest, manifestPath, removeManifest, sha256Of } from './manifest.ts';

/** Runs a command line on this machine; throws with what it said. */
export type RunCommand = (command: string) => Promise<void>;

/** What is left of a kit that was taken out, for a person to see to. */
export type Undone = {
  /** Files that somebody changed since: they stand as they are. */
  readonly kept: readonly string[];
  /** What commands said that failed. */
  readonly troubles: readonly string[];
};

/**
 * Takes out what a manifest says was written, each file only while it is still that, and the manifest. `run` is
 * missing for images, and where no command was run yet.
 */
export async function undoManifest(
  manifest: Manifest,
  { root, run }: { readonly root: string; readonly run: RunCommand | undefined },
): Promise<Undone> {
  const kept: string[] = [];
  const troubles = await runAll(manifest.undo, run);
  for (const { path, sha256, before } of manifest.files.toReversed()) {
    const place = join(root, path);
    const standing = await readFileState(place);
    if (!standing || standing.text === before?.text) continue;
    if (sha256Of(standing.text) !== sha256) kept.push(place);
    else if (before) await replaceFile(place, before);
    else await rm(place);
  }
  await removeManifest(root, manifest.client);
  const ours = dirname(manifestPath(manifest.client));
  await removeDirectories(root, [...manifest.directories, dirname(ours), ours]);
  troubles.push(...(await runAll(manifest.afterUndo, run)));
  return { kept, troubles };
}

/** One that fails does not keep the others from being run. */
async function runAll(commands: readonly string[], run: RunCommand | undefined): Promise<string[]> {
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
