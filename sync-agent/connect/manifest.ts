import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { type ClientName, CLIENTS } from '../../connect/kit.ts';
import { ConfigError } from '../config.ts';
import { codeOf, placeIn, replaceFile } from './files.ts';
import { isMergeable, ownPaths } from './own-paths.ts';

const fileSchema = v.object({
  path: v.string(),
  /** SHA-256 of what was written, in hexadecimal digits. */
  sha256: v.pipe(v.string(), v.regex(/^[\da-f]{64}$/)),
  /** What stood there before, where ours was merged with it. */
  before: v.optional(
    v.object({
      text: v.string(),
      mode: v.pipe(
        v.number(),
        v.integer(),
        v.transform((mode) => mode & 0o777),
      ),
    }),
  ),
});

const manifestSchema = v.object({
  client: v.picklist(CLIENTS),
  /** Whose commands were run, never their text: root runs those that undo it. Missing where none were. */
  form: v.optional(v.picklist(['link', 'networkd', 'delegate', 'native'])),
  files: v.array(fileSchema),
  /** Directories that were made for them, outermost first. */
  directories: v.array(v.string()),
});

/** What `connect` did on this machine, so that `--undo` can take out exactly that. Paths are without `--root`. */
export type Manifest = v.InferOutput<typeof manifestSchema>;

const DIRECTORY = '/etc/mesos-doh/connect';

/** Where a client's manifest is kept. */
export function manifestPath(client: ClientName): string {
  return `${DIRECTORY}/${client}.json`;
}

/**
 * The manifest of an earlier `connect`, if there was one. Throws `ConfigError` for one that can't be read, that others
 * than root and who runs this could have written, or that names what `connect` never writes.
 */
export async function readManifest(root: string, client: ClientName): Promise<Manifest | undefined> {
  const path = await placeIn(root, manifestPath(client));
  const text = await readTrusted(path, [
    ...(root === '' ? [dirname(dirname(dirname(path)))] : []),
    dirname(dirname(path)),
    dirname(path),
  ]);
  if (text === undefined) return undefined;
  let manifest: Manifest;
  try {
    manifest = v.parse(manifestSchema, JSON.parse(text));
  } catch (cause) {
    throw new ConfigError(
      `${path} is damaged, so it is not known what connect wrote: take the files out by hand, then this one`,
      { cause },
    );
  }
  const wrong = whatIsNotOurs(manifest, client);
  if (wrong === undefined) return manifest;
  throw new ConfigError(
    `${path} names ${wrong}, which connect does not write for ${client}, so nothing was done: somebody changed it. ` +
      'Take the files out by hand (docs/connect/), then this one',
  );
}

/** Throws `ConfigError` where others could have written it, or a directory it is in. */
async function readTrusted(path: string, directories: readonly string[]): Promise<string | undefined> {
  try {
    for (const directory of directories) needTrusted(directory, await lstat(directory), 'directory');
    // Not to wait, where somebody has put a pipe.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      needTrusted(path, await file.stat(), 'file');
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = codeOf(error);
    if (code === 'ENOENT') return undefined;
    const advice = code === 'ELOOP' ? 'it is a link: look who made it' : 'use sudo';
    throw new ConfigError(`${path}, where connect keeps what it wrote, can't be read (${code}): ${advice}`, {
      cause: error,
    });
  }
}

function needTrusted(path: string, stats: Stats, kind: 'directory' | 'file'): void {
  if (!(kind === 'file' ? stats.isFile() : stats.isDirectory()))
    throw new ConfigError(`${path}, where connect keeps what it wrote, is no ${kind}: look who made it`);
  const self = process.getuid?.();
  // Windows has neither owners nor modes of this kind.
  if (self === undefined) return;
  if ((stats.uid === 0 || stats.uid === self) && (stats.mode & 0o022) === 0) return;
  throw new ConfigError(
    `${path}, where connect keeps what it wrote, can be changed by others, so it is not trusted: look at it, then ` +
      `make it root's alone (chown root, chmod go-w)`,
  );
}

/** The first thing in it that no kit for the client has. */
function whatIsNotOurs(
  { client, form, files, directories }: Manifest,
  asked: ClientName,
): string | undefined {
  if (client !== asked) return `the client ${client}`;
  if (form !== undefined && client !== 'systemd') return `the form ${form}`;
  const own = ownPaths(client);
  for (const { path, before } of files) {
    if (!own.includes(path)) return JSON.stringify(path);
    if (before && !isMergeable(path)) return `another text for ${path}`;
  }
  const above = [...own, manifestPath(client)];
  const foreign = directories.find(
    (directory) => directory === '' || !above.some((path) => path.startsWith(`${directory}/`)),
  );
  return foreign === undefined ? undefined : JSON.stringify(foreign);
}

/** Root's alone: what was there before may hold a secret. */
export async function writeManifest(root: string, manifest: Manifest): Promise<void> {
  const path = await placeIn(root, manifestPath(manifest.client));
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, { text: `${JSON.stringify(manifest, undefined, 1)}\n`, mode: 0o600 });
}

export async function removeManifest(root: string, client: ClientName): Promise<void> {
  await rm(await placeIn(root, manifestPath(client)), { force: true });
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
