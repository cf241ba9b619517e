import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { ConfigError } from '../config.ts';
import { codeOf, replaceFile } from './files.ts';

const fileSchema = v.object({
  path: v.string(),
  /** SHA-256 of what was written, in hexadecimal digits. */
  sha256: v.string(),
  /** What stood there before, where ours was merged with it. */
  before: v.optional(v.object({ text: v.string(), mode: v.number() })),
});

const manifestSchema = v.object({
  client: v.string(),
  files: v.array(fileSchema),
  /** Directories that were made for them, outermost first. */
  directories: v.array(v.string()),
  undo: v.array(v.string()),
  afterUndo: v.array(v.string()),
});

/** What `connect` did on this machine, so that `--undo` can take out exactly that. Paths are without `--root`. */
export type Manifest = v.InferOutput<typeof manifestSchema>;

const DIRECTORY = '/etc/mesos-doh/connect';

/** Where a client's manifest is kept. */
export function manifestPath(client: string): string {
  return `${DIRECTORY}/${client}.json`;
}

/** The manifest of an earlier `connect`, if there was one. Throws `ConfigError` for one that can't be read. */
export async function readManifest(root: string, client: string): Promise<Manifest | undefined> {
  const path = join(root, manifestPath(client));
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new ConfigError(
      `${path}, where connect keeps what it wrote, can't be read (${codeOf(error)}): use sudo`,
      {
        cause: error,
      },
    );
  }
  try {
    return v.parse(manifestSchema, JSON.parse(text));
  } catch (cause) {
    throw new ConfigError(
      `${path} is damaged, so it is not known what connect wrote: take the files out by hand, then this one`,
      { cause },
    );
  }
}

/** Root's alone: what was there before may hold a secret. */
export async function writeManifest(root: string, manifest: Manifest): Promise<void> {
  const path = join(root, manifestPath(manifest.client));
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, { text: `${JSON.stringify(manifest, undefined, 1)}\n`, mode: 0o600 });
}

export async function removeManifest(root: string, client: string): Promise<void> {
  await rm(join(root, manifestPath(client)), { force: true });
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
