import { FormatError } from '../../zone/format-error.ts';
import { CONTENT_HASH_OCTETS, contentHash, sameOctets } from '../../zone/hash.ts';
import { guardKey, type HeldNames } from '../../zone/head.ts';
import { createReader, createWriter } from '../../zone/octets.ts';
import type { Serial } from '../../zone/zone.ts';
import type { Pair } from '../sinks/sink.ts';
import { type Place, readBlock } from './stored-head.ts';

/** What the guard holds back and remembers. */
export type Holding = {
  readonly names: number;
  readonly sinceSeconds: number;
  /** The guard's own octets; they may be many. */
  readonly memory: Uint8Array;
};

/** As much memory stands in the head itself; more is a block of its own that the head names. */
const INLINE_OCTETS = 4096;
const KIND_INLINE = 0;
const KIND_BLOCK = 1;

/**
 * A holding as the head carries it, and the block to store first where it is too large for that and `before`,
 * which the last head carried, does not name the same.
 */
export async function foldMemory(
  { names, sinceSeconds, memory }: Holding,
  { origin, variant }: Pick<Place, 'origin' | 'variant'>,
  { serial, before }: { readonly serial: Serial; readonly before: HeldNames | undefined },
): Promise<{ readonly held: HeldNames; readonly block: Pair | undefined }> {
  const into = createWriter();
  if (memory.length <= INLINE_OCTETS) {
    into.u8(KIND_INLINE);
    into.octets(memory);
    return { held: { names, sinceSeconds, memory: into.written() }, block: undefined };
  }
  const hash = await contentHash(memory);
  const folded = before && readFolded(before);
  if (before && folded?.kind === 'block' && sameOctets(folded.hash, hash))
    return { held: { names, sinceSeconds, memory: before.memory }, block: undefined };
  into.u8(KIND_BLOCK);
  into.u32(serial);
  into.octets(hash);
  const block = { key: guardKey(origin, variant, { serial, hash }), value: memory };
  return { held: { names, sinceSeconds, memory: into.written() }, block };
}

/** The guard's memory again. Throws `FormatError` where it is missing or damaged. */
export async function unfoldMemory(
  place: Place,
  held: HeldNames | undefined,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (!held) return new Uint8Array();
  const folded = readFolded(held);
  if (folded.kind === 'inline') return folded.memory;
  return readBlock(
    place.sink,
    { key: guardKey(place.origin, place.variant, folded), hash: folded.hash },
    signal,
  );
}

/** The key of the block a head's memory is in, if it is in one. */
export function memoryKey(
  { origin, variant }: Pick<Place, 'origin' | 'variant'>,
  held: HeldNames | undefined,
): { readonly key: string; readonly serial: Serial } | undefined {
  const folded = held && readFolded(held);
  return folded?.kind === 'block'
    ? { key: guardKey(origin, variant, folded), serial: folded.serial }
    : undefined;
}

type Folded =
  | { readonly kind: 'inline'; readonly memory: Uint8Array }
  | { readonly kind: 'block'; readonly serial: Serial; readonly hash: Uint8Array };

function readFolded({ memory }: HeldNames): Folded {
  const reader = createReader(memory, 'guard memory');
  const kind = reader.u8();
  if (kind === KIND_INLINE) return { kind: 'inline', memory: reader.octets(reader.left()) };
  if (kind === KIND_BLOCK)
    return { kind: 'block', serial: reader.u32(), hash: reader.octets(CONTENT_HASH_OCTETS) };
  throw new FormatError('guard memory', 'is of an unknown kind', 0);
}
