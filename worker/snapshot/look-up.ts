import { type Block, findEntry } from '../../zone/block.ts';
import { applyEdit } from '../../zone/edit.ts';
import type { Entry } from '../../zone/entry.ts';
import { hashName } from '../../zone/hash.ts';
import { shardOf } from '../../zone/levels.ts';
import { octetsKey } from '../../zone/octets.ts';
import type { Held } from './held.ts';

/** A name's entry (undefined: it does not exist), or the shard without which that can't be told. */
export type LookedUp =
  | { readonly kind: 'entry'; readonly entry: Entry | undefined }
  | { readonly kind: 'shard'; readonly index: number };

/**
 * Looks a name in wire form up in the levels: the first that has it decides, and where that is an edit, the
 * level below it has what is edited. `shardAt` gives a shard if it is in memory. Throws `FormatError` on a block
 * that is none.
 */
export function lookUp(
  held: Held,
  name: Uint8Array,
  shardAt: (index: number) => Block | undefined,
): LookedUp {
  const { seed, shards } = held.body.levels;
  const hash = hashName(name, seed);
  const inOverlay = held.overlay && findEntry(held.overlay, name, hash.slot);
  if (inOverlay && inOverlay.kind !== 'edit') return { kind: 'entry', entry: inOverlay };
  const known = inOverlay && held.edited.get(octetsKey(name));
  if (known) return { kind: 'entry', entry: known };
  const inRun = held.run && findEntry(held.run, name, hash.slot);
  if (inRun && inRun.kind !== 'edit') return edited(held, name, { base: inRun, edits: [inOverlay] });
  const knownInRun = inRun && !inOverlay && held.edited.get(octetsKey(name));
  if (knownInRun) return { kind: 'entry', entry: knownInRun };
  if (!shards) return edited(held, name, { base: undefined, edits: [inRun, inOverlay] });
  const index = shardOf(hash, shards.bits);
  const shard = shardAt(index);
  if (!shard) return { kind: 'shard', index };
  return edited(held, name, { base: findEntry(shard, name, hash.slot), edits: [inRun, inOverlay] });
}

/** `base` with the edits laid over it, the lower one first. */
function edited(
  held: Held,
  name: Uint8Array,
  { base, edits }: { base: Entry | undefined; edits: readonly (Entry | undefined)[] },
): LookedUp {
  let entry = base;
  for (const edit of edits) if (edit) entry = applyEdit(entry, edit);
  if (entry && entry !== base) held.edited.set(octetsKey(name), entry);
  return { kind: 'entry', entry };
}
