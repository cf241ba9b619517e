import { chmod, chown, lstat, mkdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export type FileState = { readonly text: string; readonly mode: number };

/** A file's text and mode; undefined if there is none. */
export async function readFileState(path: string): Promise<FileState | undefined> {
  try {
    const [text, { mode }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    return { text, mode: mode & 0o7777 };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file whole or not at all, with exactly this mode whatever the umask; keeps the owner of one in its place. */
export async function replaceFile(path: string, { text, mode }: FileState): Promise<void> {
  const owner = await lstat(path).catch(() => undefined);
  if (owner?.isSymbolicLink() === true) throw new Error(`${path} is a link: connect writes files alone`);
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
    const isThere = await stat(join(root, directory)).then(
      () => true,
      () => false,
    );
    if (isThere) break;
    missing.unshift(directory);
  }
  return missing;
}

/** Makes directories that all may look into, as those in /etc are. */
export async function makeDirectories(root: string, directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    await mkdir(join(root, directory), { recursive: true });
    await chmod(join(root, directory), 0o755);
  }
}

/** Removes directories that are empty by now, innermost first. */
export async function removeDirectories(root: string, directories: readonly string[]): Promise<void> {
  for (const directory of directories.toReversed()) await rmdir(join(root, directory)).catch(() => undefined);
}

/** `ENOENT` and the like. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
