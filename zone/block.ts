import { FormatError } from './format-error.ts';
import { compareOctets } from './hash.ts';
import { createWriter } from './octets.ts';
import { type Entry, entryName, readEntry } from './entry.ts';

/**
 * A block: many entries behind a sorted hash table, read in place from the octets KV gave. Overlay, run and
 * shards are blocks. All numbers are big-endian; `docs/snapshot-format.md` gives every octet.
 *
 *     header    magic u32, entry count u32, bucket bits u32
 *     buckets   2^bits + 1 of u32: the first slot whose hash has these top bits or more
 *     slots     count of { hash u32, offset of the entry u32 }, by hash, then by owner name
 *     entries   in slot order
 */
const MAGIC = 0x4d444231; // "MDB1"
const HEADER_OCTETS = 12;
const SLOT_OCTETS = 8;
const MAX_BUCKET_BITS = 20;
/** About this many slots share a bucket: few enough to walk, many enough that buckets cost an octet a name. */
const SLOTS_PER_BUCKET = 4;

/** An entry's octets and the hash that places it in a block. */
export type PlacedEntry = { readonly slot: number; readonly octets: Uint8Array };

/** A block's octets with its header read and checked. */
export type Block = {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly count: number;
  readonly bucketBits: number;
  /** Offset of the first slot. */
  readonly slots: number;
};

/** The same entries give the same octets, whatever their order. */
export function encodeBlock(entries: readonly PlacedEntry[]): Uint8Array {
  const sorted = entries.toSorted((a, b) => a.slot - b.slot || compareOctets(nameIn(a), nameIn(b)));
  const bits = bucketBitsFor(sorted.length);
  const buckets = 2 ** bits;
  let at = HEADER_OCTETS + (buckets + 1) * 4 + sorted.length * SLOT_OCTETS;
  const block = createWriter(sorted.reduce((sum, entry) => sum + entry.octets.length, at));
  block.u32(MAGIC);
  block.u32(sorted.length);
  block.u32(bits);
  for (let bucket = 0, slot = 0; bucket <= buckets; bucket++) {
    while (slot < sorted.length && bucketOf(sorted[slot]?.slot ?? 0, bits) < bucket) slot++;
    block.u32(slot);
  }
  for (const entry of sorted) {
    block.u32(entry.slot);
    block.u32(at);
    at += entry.octets.length;
  }
  for (const entry of sorted) block.octets(entry.octets);
  return block.written();
}

/** Reads the header and checks that the tables fit. Throws `FormatError`. */
export function openBlock(octets: Uint8Array): Block {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  if (octets.length < HEADER_OCTETS || view.getUint32(0) !== MAGIC)
    throw new FormatError('block', 'has no magic', 0);
  const count = view.getUint32(4);
  const bucketBits = view.getUint32(8);
  if (bucketBits > MAX_BUCKET_BITS) throw new FormatError('block', 'has too many buckets', 8);
  const slots = HEADER_OCTETS + (2 ** bucketBits + 1) * 4;
  if (slots + count * SLOT_OCTETS > octets.length)
    throw new FormatError('block', 'is shorter than its tables', 4);
  return { octets, view, count, bucketBits, slots };
}

/** The entry of a name in lower-case wire form whose hash is `slot`. Throws `FormatError` on damaged octets. */
export function findEntry(block: Block, name: Uint8Array, slot: number): Entry | undefined {
  const { view, count, slots } = block;
  const bucketAt = HEADER_OCTETS + bucketOf(slot, block.bucketBits) * 4;
  const end = Math.min(view.getUint32(bucketAt + 4), count);
  for (let i = view.getUint32(bucketAt); i < end; i++) {
    const at = slots + i * SLOT_OCTETS;
    const hash = view.getUint32(at);
    if (hash > slot) return undefined;
    // Equal hashes are all compared: the name decides, not its hash.
    if (hash === slot && hasName(block, view.getUint32(at + 4), name)) return entryAt(block, i);
  }
  return undefined;
}

/** All entries in slot order, each with its hash. Throws `FormatError`. */
export function* entriesOf(block: Block): Generator<{ slot: number; entry: Entry }> {
  for (let i = 0; i < block.count; i++) {
    yield { slot: block.view.getUint32(block.slots + i * SLOT_OCTETS), entry: entryAt(block, i) };
  }
}

function entryAt(block: Block, index: number): Entry {
  const at = block.slots + index * SLOT_OCTETS + 4;
  const start = block.view.getUint32(at);
  const end = index + 1 < block.count ? block.view.getUint32(at + SLOT_OCTETS) : block.octets.length;
  if (start >= end || end > block.octets.length)
    throw new FormatError('block', 'has an entry out of place', at);
  return readEntry(block.octets.subarray(start, end));
}

function hasName(block: Block, at: number, name: Uint8Array): boolean {
  const { octets } = block;
  if (octets[at] !== name.length) return false;
  for (let i = name.length - 1; i >= 0; i--) if (octets[at + 1 + i] !== name[i]) return false;
  return true;
}

function nameIn(entry: PlacedEntry): Uint8Array {
  return entryName(readEntry(entry.octets));
}

/** The top `bits` of a 32-bit hash; `>>> 32` would shift by nothing. */
function bucketOf(hash: number, bits: number): number {
  return bits === 0 ? 0 : hash >>> (32 - bits);
}

function bucketBitsFor(count: number): number {
  return Math.min(MAX_BUCKET_BITS, Math.max(0, Math.ceil(Math.log2(Math.max(1, count) / SLOTS_PER_BUCKET))));
}
