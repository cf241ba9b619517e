import { constants } from 'node:fs';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

export type FileState = { readonly text: string; readonly mode: number };

/**
 * Where a path is below `root`, which is empty for the machine itself. Throws where a link of an image leads out of it:
 * what is written there would be the machine's.
 */
export async function placeIn(root: string, path: string): Promise<string> {
  const place = join(root, path);
  if (root === '') return place;
  const top = await realpath(root).catch(() => undefined);
  if (top === undefined) return place;
  let parent = dirname(place);
  while (parent !== dirname(parent) && !(await isThere(parent))) parent = dirname(parent);
  const real = await realpath(parent);
  if (!`${real}${sep}`.startsWith(top.endsWith(sep) ? top : `${top}${sep}`))
    throw new Error(`${parent} is a link that leads out of ${root}: connect writes nothing there`);
  return place;
}

/** Links count for themselves. */
function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** A file's text and mode; undefined if there is none. Throws for a link. */
export async function readFileState(path: string): Promise<FileState | undefined> {
  try {
    // Not to wait, where somebody has put a pipe.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { mode } = await file.stat();
      return { text: await file.readFile('utf8'), mode: mode & 0o777 };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (codeOf(error) === 'ELOOP') throw linkError(path);
    throw error;
  }
}

function linkError(path: string): Error {
  return new Error(`${path} is a link: connect reads and writes files alone`);
}

/** Writes a file whole or not at all, with exactly this mode whatever the umask; keeps the owner of one in its place. */
export async function replaceFile(path: string, { text, mode }: FileState): Promise<void> {
  const owner = await lstat(path).catch(() => undefined);
  if (owner?.isSymbolicLink() === true) throw linkError(path);
  const beside = `${path}.mesos-doh-${process.pid}`;
  try {
    await writeFile(beside, text, { mode: 0o600, flag: 'wx' });
    if (owner) await chown(beside, owner.uid, owner.gid).catch(() => undefined);
    await chmod(beside, mode);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Those directories above a path that are not there yet, outermost first; `path` without `root`. */
export async function missingDirectories(root: string, path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let directory = dirname(path); directory !== dirname(directory); directory = dirname(directory)) {
    const isMade = await stat(join(root, directory)).then(
      () => true,
      () => false,
    );
    if (isMade) break;
    missing.unshift(directory);
  }
  return missing;
}

/** Makes directories that all may look into, as those in /etc are. */
export async function makeDirectories(root: string, directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    const place = await placeIn(root, directory);
    const made = await mkdir(place, { recursive: true });
    if (made !== undefined) await chmod(place, 0o755);
  }
}

/** Removes directories that are empty by now, innermost first. */
export async function removeDirectories(root: string, directories: readonly string[]): Promise<void> {
  for (const directory of directories.toReversed())
    await placeIn(root, directory)
      .then(rmdir)
      .catch(() => undefined);
}

/** `ENOENT` and the like. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
