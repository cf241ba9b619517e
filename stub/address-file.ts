import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rename, unlink, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname } from 'node:path';

/** More than a host needs, and what `addresses.json` may hold of them. */
const MOST_ADDRESSES = 16;
const MOST_OCTETS = 4_096;

/** What is remembered over restarts: the addresses that a host had. */
type Remembered = { readonly hostname: string; readonly addresses: readonly string[] };

/** The addresses kept in `file` for `hostname`; none where it is not there, is no plain file, or is damaged. */
export async function rememberedAddresses(file: string, hostname: string): Promise<readonly string[]> {
  try {
    const parsed: unknown = JSON.parse(await readPlainFile(file));
    if (typeof parsed !== 'object' || parsed === null || !('hostname' in parsed) || !('addresses' in parsed))
      return [];
    if (parsed.hostname !== hostname || !Array.isArray(parsed.addresses)) return [];
    return usableAddresses(parsed.addresses);
  } catch {
    // Not there, or cut short: it is found out anew.
    return [];
  }
}

export function usableAddresses(found: readonly unknown[]): readonly string[] {
  const isAddress = (each: unknown): each is string => typeof each === 'string' && isIP(each) !== 0;
  return found.filter(isAddress).slice(0, MOST_ADDRESSES);
}

/** Writes beside `file` and renames: whatever stands at either name is replaced and never followed. */
export async function rememberAddresses(
  file: string,
  what: Remembered,
  warn: (message: string) => void,
): Promise<void> {
  const fresh = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(fresh, JSON.stringify(what), { mode: 0o600, flag: 'wx' });
    await rename(fresh, file).catch(async (error: unknown) => {
      await unlink(fresh).catch(() => undefined);
      throw error;
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    warn(`the DoH server's addresses can not be kept in ${file} (${code})`);
  }
}

/** Without waiting for a FIFO's other end, following a link, or reading more than there should be. */
async function readPlainFile(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new Error('no plain file');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MOST_OCTETS + 1), 0, MOST_OCTETS + 1, 0);
    if (bytesRead > MOST_OCTETS) throw new Error('too long');
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
