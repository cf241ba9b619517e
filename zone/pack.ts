import { FormatError } from './format-error.ts';
import { createWriter } from './octets.ts';

/**
 * A block as it is stored: plain, or packed where its zone is so large that sending it counts. Packed is:
 *
 *     magic u32, length of the block u32, the block as raw DEFLATE (RFC 1951)
 */
const MAGIC = 0x4d445a31; // "MDZ1"
const HEADER_OCTETS = 8;
/** No block of ours is larger; what claims to be is not unpacked. */
const MAX_UNPACKED_OCTETS = 16 * 1024 * 1024;

/** The same octets give the same packed octets, by the same version of zlib. */
export async function packBlock(octets: Uint8Array): Promise<Uint8Array> {
  const deflated = await collect(octets, new CompressionStream('deflate-raw'));
  const packed = new Uint8Array(HEADER_OCTETS + deflated.length);
  const view = new DataView(packed.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, octets.length);
  packed.set(deflated, HEADER_OCTETS);
  return packed;
}

/** The block, whether it was stored packed or plain. Throws `FormatError` for packed octets that are damaged. */
export async function unpackBlock(stored: Uint8Array): Promise<Uint8Array> {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.length);
  if (stored.length < HEADER_OCTETS || view.getUint32(0) !== MAGIC) return stored;
  const length = view.getUint32(4);
  if (length > MAX_UNPACKED_OCTETS) throw new FormatError('packed block', `claims ${length} octets`, 4);
  const deflated = stored.subarray(HEADER_OCTETS);
  return collect(deflated, new DecompressionStream('deflate-raw'), length);
}

/** What a stream makes of octets; with `length` exactly so many, or a `FormatError` as soon as it is known. */
async function collect(
  octets: Uint8Array,
  { writable, readable }: CompressionStream | DecompressionStream,
  length?: number,
): Promise<Uint8Array> {
  const writer = writable.getWriter();
  // The reading side has the error too, and tells it.
  void writer.write(octets as Uint8Array<ArrayBuffer>).catch(() => undefined);
  void writer.close().catch(() => undefined);
  const into = createWriter(length ?? octets.length);
  const reader = readable.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (length !== undefined && into.offset() + read.value.length > length) {
        await reader.cancel();
        throw new FormatError('packed block', `holds more than the ${length} octets it claims`, 4);
      }
      into.octets(read.value);
    }
  } catch (error) {
    throw error instanceof FormatError ? error : new FormatError('packed block', 'is damaged');
  }
  if (length !== undefined && into.offset() !== length)
    throw new FormatError('packed block', `holds less than the ${length} octets it claims`, 4);
  return into.written();
}
