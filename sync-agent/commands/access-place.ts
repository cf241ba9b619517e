import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ACCESS_KEY } from '../../zone/access-document.ts';
import { type AccessStore, createSinkAccessStore } from '../access/store.ts';
import type { Updated, UpdateOptions } from '../access/update.ts';
import { type AgentConfig, ConfigError, parseConfig, readJsonFile } from '../config.ts';
import { loadSigningKey, signingKeyPath, trustedKeys } from '../keys.ts';
import { sleepFor } from '../retry.ts';
import { sinkFrom } from './outputs.ts';
import { note } from './terminal.ts';

/** Flags that say where the access document is, and whose key signs it. */
export type PlaceFlags = {
  readonly config?: string;
  readonly sinkDir?: string;
  readonly file?: string;
};

/** All that a change of the document takes, but for how it meets somebody else's. */
export type Place = Omit<UpdateOptions, 'onOther' | 'replaceUnusable'> & {
  readonly config: AgentConfig;
  readonly close: () => Promise<void>;
};

/** Before the first read back of what was written to KV, which answers its own writer at once as a rule. */
const KV_SETTLE_MS = 1_000;
/** HEAD_MAX_AGE_SECONDS as shipped, and KV's propagation. */
const IN_FORCE = 'in force at every edge within about 3 minutes';

export function withPlace(command: Command): Command {
  return command
    .option('--config <file>', "the agent's configuration: its KV namespace, and its signing key")
    .option('--sink-dir <dir>', 'a directory that is published to, instead of Workers KV')
    .option(
      '--file <file>',
      'the signed document in a file instead, to be fetched and stored with wrangler (docs/access.md)',
    )
    .exitOverride();
}

/** Opens where the flags point to. Throws `ConfigError`, also where there is no signing key here. */
async function openPlace(flags: PlaceFlags): Promise<Place> {
  const config = parseConfig(
    flags.config === undefined ? {} : readJsonFile(flags.config),
    flags.config ?? 'flags',
  );
  if (flags.file !== undefined && flags.sinkDir !== undefined)
    throw new ConfigError('give --file or --sink-dir, not both');
  const path = signingKeyPath(config);
  const key = await loadSigningKey(path);
  const trusted = await trustedKeys(path);
  const { store, close, clockOffsetMs } = openStore(flags, config);
  const serials = createSerialsFile(join(config.dataDir, 'access-serials.json'));
  const leastSerial = await serials.of(store.name);
  const remember = (serial: number): Promise<void> => serials.note(store.name, serial);
  const now = (): number => Date.now() + (clockOffsetMs?.() ?? 0);
  return { config, store, key, trusted, now, sleep: sleepFor, leastSerial, remember, close };
}

/** The highest serial in force at each store, as far as this data directory knows; a file that can't be read is none. */
function createSerialsFile(path: string): {
  readonly of: (store: string) => Promise<number | undefined>;
  readonly note: (store: string, serial: number) => Promise<void>;
} {
  const read = async (): Promise<Record<string, unknown>> => {
    try {
      const json: unknown = JSON.parse(await readFile(path, 'utf8'));
      return typeof json === 'object' && json !== null ? { ...json } : {};
    } catch {
      return {};
    }
  };
  return {
    of: async (store) => {
      const serial = (await read())[store];
      return typeof serial === 'number' ? serial : undefined;
    },
    note: async (store, serial) => {
      const beside = `${path}.${process.pid}`;
      try {
        await writeFile(beside, JSON.stringify({ ...(await read()), [store]: serial }));
        await rename(beside, path);
      } catch (error) {
        note(
          `${path} can not be written (${codeOf(error)}): an old access document put back would not be noticed`,
        );
      }
    },
  };
}

/** Opens, acts, and closes however it ends. */
export async function inPlace(flags: PlaceFlags, act: (place: Place) => Promise<void>): Promise<void> {
  const place = await openPlace(flags);
  try {
    await act(place);
  } finally {
    await place.close();
  }
}

function openStore(
  { file, sinkDir }: PlaceFlags,
  { kv }: AgentConfig,
): {
  readonly store: AccessStore;
  readonly close: () => Promise<void>;
  readonly clockOffsetMs?: (() => number | undefined) | undefined;
} {
  if (file !== undefined) return { store: createFileStore(file), close: () => Promise.resolve() };
  const { sink, spreadMs, close } = sinkFrom({ sinkDir, kv }, process.env);
  const store = createSinkAccessStore(sink, { settleMs: spreadMs === 0 ? 0 : KV_SETTLE_MS });
  return { store, close, clockOffsetMs: sink.clockOffsetMs };
}

/** A file that holds the document and nothing else. Throws `ConfigError` where it can't be read or written. */
function createFileStore(path: string): AccessStore {
  const name = `file ${path}`;
  return {
    name,
    settleMs: 0,
    read: async () => {
      try {
        return new Uint8Array(await readFile(path));
      } catch (cause) {
        if (codeOf(cause) === 'ENOENT') return undefined;
        throw new ConfigError(`${name} can not be read (${codeOf(cause)})`, { cause });
      }
    },
    write: async (octets) => {
      const beside = `${path}.${process.pid}`;
      try {
        await writeFile(beside, octets, { flag: 'wx', mode: 0o600, flush: true });
        await rename(beside, path);
      } catch (cause) {
        throw new ConfigError(`${name} can not be written (${codeOf(cause)})`, { cause });
      } finally {
        await rm(beside, { force: true });
      }
    },
  };
}

/** The last line of a command that changed the document. */
export function noteInForce(flags: PlaceFlags, { store }: Place, { before, after }: Updated): void {
  note(`${store.name}: access document ${before.serial === 0 ? 'made' : 'changed'}, serial ${after.serial}`);
  if (flags.file === undefined) note(`${IN_FORCE} (docs/access.md)`);
  else
    note(
      'nothing is in force yet; store it: npx wrangler kv key put ' +
        `${ACCESS_KEY} --binding SNAPSHOTS --remote --path ${flags.file}`,
    );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
