import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { readRegularFile, UnfitFileError } from './regular-file.ts';
import { type Metadata, type Pair, type Sink, SinkError, type StoredValue } from './sink.ts';

/**
 * A directory as sink, for air-gapped sites and tests: a key's value is the file `encodeURIComponent(key)`,
 * its metadata JSON beside it in `….meta.json`. Made at the first put, readable by its owner only, since it
 * tells a cluster's topology; one that exists keeps its mode, and files are readable by its group.
 *
 * Each file is written whole and synced under another name, then renamed. A put takes old metadata away before
 * the new value appears and adds the new metadata after it: a reader, or a crash, may find a value without
 * metadata for a moment, never with another value's. Keys that differ only in case need a file system that
 * tells them apart.
 *
 * Someone else may write to the directory: links are not followed, and what is no file, or larger than a sink's values
 * or metadata may be, is not read.
 */
export function createDirectorySink(path: string): Sink {
  const name = `directory ${path}`;
  const attempt = async <T>(
    act: string,
    signal: AbortSignal,
    run: () => Promise<T>,
    outcome: () => SinkError['outcome'] = () => 'unknown',
  ): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await run();
    } catch (cause) {
      signal.throwIfAborted();
      if (codeOf(cause) === '' && !(cause instanceof UnfitFileError)) throw cause;
      throw new SinkError(`${name}: could not ${act}: ${describe(cause)}`, {
        cause,
        outcome: outcome(),
      });
    }
  };
  const filesOf = (key: string): Files => {
    const file = fileNameOf(key);
    const octets = file.length + META_SUFFIX.length;
    if (octets <= MAX_FILE_NAME_OCTETS)
      return { value: join(path, file), meta: join(path, file + META_SUFFIX) };
    throw new SinkError(
      `${name}: no file name for the key ${key}: it takes ${octets} octets, ${MAX_FILE_NAME_OCTETS} are possible; use a shorter zone or variant name`,
      { outcome: 'refused' },
    );
  };
  let swept = false;
  return {
    name,
    get: async (key, signal) => {
      const files = filesOf(key);
      return attempt(`read ${key}`, signal, () => readPair(files, signal));
    },
    put: async (pairs, signal) => {
      const planned = pairs.map((pair) => ({ pair, files: filesOf(pair.key) }));
      if (planned.length === 0) return;
      const makeReady = async (): Promise<void> => {
        await mkdir(path, { recursive: true, mode: 0o700 });
        if (!swept) await removeLeftovers(path);
        swept = true;
      };
      let outcome: SinkError['outcome'] = 'refused';
      await attempt('be written to', signal, makeReady, () => outcome);
      for (const { pair, files } of planned) {
        const write = async (): Promise<void> => {
          const temporary = await writeBeside(pair, { path, signal });
          outcome = 'unknown';
          await putInPlace(temporary, files);
        };
        await attempt(`write ${pair.key}`, signal, write, () => outcome);
      }
      await attempt('be synced', signal, () => syncDirectory(path));
    },
    list: (prefix, signal) =>
      attempt('be listed', signal, async () => {
        const keys = (await fileNames(path)).map(keyOf);
        return keys.filter((key) => key !== undefined).filter((key) => key.startsWith(prefix));
      }),
    remove: async (keys, signal) => {
      const planned = keys.map((key) => ({ key, files: filesOf(key) }));
      for (const { key, files } of planned) {
        await attempt(`remove ${key}`, signal, async () => {
          await rm(files.meta, { force: true });
          await rm(files.value, { force: true });
        });
      }
    },
  };
}

type Files = { readonly value: string; readonly meta: string };
type TemporaryFiles = { readonly value: string; readonly meta: string | undefined };

const META_SUFFIX = '.meta.json';
const MAX_FILE_NAME_OCTETS = 255;
/** `+` is never in a key's file name: `encodeURIComponent` escapes it. */
const TEMPORARY_PREFIX = '+';
const LEFTOVER_AGE_MS = 3_600_000;
const FILE_MODE = 0o640;
/** What the contract in `sink.ts` lets them have. */
const MAX_VALUE_OCTETS = 25 * 1024 * 1024;
const MAX_METADATA_OCTETS = 1024;
/** Of a pair that is replaced again and again while it is read. */
const MAX_READS = 1000;

/** The dots of `.`, `..` and of an own `.meta.json` are escaped too, which decodes to the same key. */
function fileNameOf(key: string): string {
  if (key === '' || !key.isWellFormed())
    throw new SinkError(`no file name for the key ${JSON.stringify(key)}`, { outcome: 'refused' });
  const file = encodeURIComponent(key);
  if (file === '.' || file === '..') return file.replaceAll('.', '%2E');
  return file.endsWith(META_SUFFIX) ? `${file.slice(0, -META_SUFFIX.length)}%2Emeta.json` : file;
}

/** The key a file holds; undefined for metadata, temporary files and whatever else lies in the directory. */
function keyOf(file: string): string | undefined {
  if (file.endsWith(META_SUFFIX)) return undefined;
  try {
    const key = decodeURIComponent(file);
    return fileNameOf(key) === file ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads metadata, value and metadata again, until both agree: the value between them then belongs to them, or
 * to no metadata at all.
 */
async function readPair(files: Files, signal: AbortSignal): Promise<StoredValue | undefined> {
  for (let reads = 0; reads < MAX_READS; reads++) {
    const before = await readMetadata(files.meta, signal);
    const octets = await readRegularFile(files.value, { maxOctets: MAX_VALUE_OCTETS, signal });
    if (!octets) return undefined;
    const after = await readMetadata(files.meta, signal);
    if (before?.toString() === after?.toString())
      return { value: new Uint8Array(octets), metadata: parseMetadata(after) };
  }
  throw new SinkError(`${files.value}: its metadata changed each time it was read`);
}

/** What can't be metadata counts as none. */
async function readMetadata(file: string, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return await readRegularFile(file, { maxOctets: MAX_METADATA_OCTETS, signal });
  } catch (error) {
    if (error instanceof UnfitFileError) return undefined;
    throw error;
  }
}

/** Metadata only saves reading the value, so what someone else put there counts as none. */
function parseMetadata(json: Buffer | undefined): Metadata | undefined {
  const parsed = v.safeParse(MetadataJson, json?.toString());
  return parsed.success ? parsed.output : undefined;
}

const MetadataJson = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string()));

/** Writes a pair whole under other names; nothing is left of one that fails. */
async function writeBeside(
  { value, metadata }: Pair,
  { path, signal }: { path: string; signal: AbortSignal },
): Promise<TemporaryFiles> {
  const temporary = join(path, TEMPORARY_PREFIX + randomUUID());
  const files = { value: temporary, meta: metadata && `${temporary}${META_SUFFIX}` };
  try {
    await writeSynced(files.value, value, signal);
    if (files.meta !== undefined) await writeSynced(files.meta, JSON.stringify(metadata), signal);
    return files;
  } catch (error) {
    await removeFiles(files);
    throw error;
  }
}

/** Asks no signal: stopping between two renames would leave the pair in halves. */
async function putInPlace(temporary: TemporaryFiles, files: Files): Promise<void> {
  try {
    await rm(files.meta, { force: true });
    await rename(temporary.value, files.value);
    if (temporary.meta !== undefined) await rename(temporary.meta, files.meta);
  } catch (error) {
    await removeFiles(temporary);
    throw error;
  }
}

async function removeFiles({ value, meta = value }: TemporaryFiles): Promise<void> {
  await Promise.allSettled([value, meta].map((file) => rm(file, { force: true })));
}

async function writeSynced(file: string, content: Uint8Array | string, signal: AbortSignal): Promise<void> {
  await using handle = await open(file, 'wx', FILE_MODE);
  await handle.writeFile(content, { signal });
  await handle.sync();
}

/** A rename is on the disk only when its directory is (fsync(2)). */
async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

async function fileNames(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Temporary files of a process that died; young ones may belong to one that lives. */
async function removeLeftovers(path: string): Promise<void> {
  const oldestMs = Date.now() - LEFTOVER_AGE_MS;
  for (const file of await fileNames(path)) {
    if (!file.startsWith(TEMPORARY_PREFIX)) continue;
    const facts = await stat(join(path, file)).catch(() => undefined);
    if (facts && facts.mtimeMs < oldestMs) await rm(join(path, file), { force: true });
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; give the agent access to it, or name another directory',
  EPERM: 'permission denied; give the agent access to it, or name another directory',
  EROFS: 'the file system is read-only; name another directory',
  ENOSPC: 'no space left; make room, what was there before is untouched',
  EDQUOT: 'quota used up; make room, what was there before is untouched',
  EEXIST: 'it is not a directory; name another',
  ENOTDIR: 'it, or what it lies in, is not a directory; name another',
};

function describe(error: unknown): string {
  return WORDS[codeOf(error)] ?? (error instanceof Error ? error.message : 'for an unknown reason');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
