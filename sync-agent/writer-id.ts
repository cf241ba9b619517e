import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from './config.ts';

const OCTETS = 16;

/**
 * The 16 octets by which heads tell which agent wrote them: made on first use, kept in the data directory, so
 * that an agent knows its own heads after a restart. With `pretend` a missing one is not kept.
 */
export async function loadOrMakeWriterId(
  dataDir: string,
  { pretend = false }: { readonly pretend?: boolean } = {},
): Promise<Uint8Array> {
  const path = join(dataDir, 'writer-id');
  const kept = await readKept(path);
  if (kept) return kept;
  const made = randomBytes(OCTETS);
  if (pretend) return made;
  try {
    await mkdir(dataDir, { recursive: true });
    await writeFile(path, `${made.toString('hex')}\n`, { flag: 'wx', flush: true });
    return made;
  } catch (cause) {
    // Another agent with this directory may have been quicker: then its id is the one.
    const other = await readKept(path);
    if (other) return other;
    throw new ConfigError(`writer id ${path} can not be written (${codeOf(cause)})`, { cause });
  }
}

async function readKept(path: string): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new ConfigError(`writer id ${path} can not be read (${codeOf(cause)})`, { cause });
  }
  if (/^[0-9a-f]{32}\s*$/.test(text)) return Buffer.from(text.trim(), 'hex');
  throw new ConfigError(`writer id ${path} is not 32 hexadecimal digits; remove it to have a new one made`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
