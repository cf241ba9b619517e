import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** There is something, but no file that may be read. */
export class UnfitFileError extends Error {
  override readonly name = 'UnfitFileError';
}

/**
 * A file's octets; undefined for none. Throws `UnfitFileError` for a link, a directory, a pipe or a device, without
 * waiting for it, and for a file larger than `maxOctets`, of which it reads no more.
 */
export async function readRegularFile(
  path: string,
  { maxOctets, signal }: { readonly maxOctets: number; readonly signal: AbortSignal },
): Promise<Buffer | undefined> {
  signal.throwIfAborted();
  const handle = await openUnfollowed(path);
  if (!handle) return undefined;
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new UnfitFileError('it is no regular file; remove it');
    if (stats.size > maxOctets) throw new UnfitFileError(`it is larger than ${maxOctets} octets; remove it`);
    // One octet more shows a file that grew, or that tells no size.
    const octets = Buffer.alloc(stats.size + 1);
    let length = 0;
    while (length < octets.length) {
      const { bytesRead } = await handle.read(octets, length, octets.length - length, length);
      signal.throwIfAborted();
      if (bytesRead === 0) return octets.subarray(0, length);
      length += bytesRead;
    }
    throw new UnfitFileError('it grew while it was read');
  } finally {
    await handle.close();
  }
}

async function openUnfollowed(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP')
      throw new UnfitFileError('it is a link, which is not followed; remove it', { cause: error });
    // A socket can't be opened.
    if (code === 'ENXIO') throw new UnfitFileError('it is no regular file; remove it', { cause: error });
    throw error;
  }
}
