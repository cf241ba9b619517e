import { findEntry } from '../../zone/block.ts';
import { type Churn, countInto, type NameCounts, startChurn } from '../../zone/churn.ts';
import { hashName } from '../../zone/hash.ts';
import { type Levels, shardOf } from '../../zone/levels.ts';
import type { Laid } from './layout.ts';
import type { Known } from './sight.ts';

/**
 * What changed over the last day, with what a push changes. Where it changes no name all stays as it is, old counts
 * too: nothing is written for their sake. What a zone says first is no churn.
 */
export function churnAfter(
  before: Pick<Known, 'body' | 'levels'> | undefined,
  laid: Pick<Laid, 'levels' | 'changed'>,
  nowSeconds: number,
): Churn | undefined {
  if (!before) return startChurn(nowSeconds);
  const { churn } = before.body;
  if (laid.changed.length === 0) return churn;
  const counts = countNames(laid.changed, { before: before.levels, after: laid.levels });
  return countInto(churn ?? startChurn(nowSeconds), counts, nowSeconds);
}

/** Names are in wire form. Their entries are found and not read: the work goes with the names' number alone. */
function countNames(
  names: readonly Uint8Array[],
  { before, after }: { readonly before: Levels; readonly after: Levels },
): NameCounts {
  const counts = { added: 0, changed: 0, gone: 0 };
  for (const name of names) {
    if (!exists(after, name)) counts.gone++;
    else if (exists(before, name)) counts.changed++;
    else counts.added++;
  }
  return counts;
}

/** The first level that has a name decides; where that is an edit, it is one of something. */
function exists({ table, overlay, run, shards }: Levels, name: Uint8Array): boolean {
  const hash = hashName(name, table.seed);
  const shard = table.shards && shards[shardOf(hash, table.shards.bits)];
  for (const block of [overlay, run, shard]) {
    const entry = block && findEntry(block, name, hash.slot);
    if (entry) return entry.kind !== 'tombstone';
  }
  return false;
}
