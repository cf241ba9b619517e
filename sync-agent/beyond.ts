import type { DerivedZone } from './derived.ts';
import type { Publisher } from './publish/publisher.ts';
import { type RecordValue, withValues } from './records/difference.ts';
import { fromLevels } from './records/from-levels.ts';
import type { ZoneNumbers } from './records/published-name.ts';
import { emptyRecords, RECORD_SET_TYPES, type RecordSet, srvTarget } from './records/record-set.ts';

/** A zone that follows another, and where it is published. */
export type Follower = {
  readonly derived: Pick<DerivedZone, 'restoreName'>;
  readonly publisher: Pick<Publisher, 'standing'>;
  readonly numbers: ZoneNumbers;
};

/**
 * What zones that follow one have published of names that are made with its own and are not in it, under the names
 * they are made by: whoever begins anew finds in the sink what it has there, and not what it has beyond. A follower
 * that can't be read has none: it is published itself a moment later, and says then what is wrong.
 */
export async function publishedBeyond(
  followers: readonly Follower[],
  { domain, signal }: { readonly domain: string; readonly signal: AbortSignal },
): Promise<RecordSet> {
  let records: RecordSet = emptyRecords();
  for (const { derived, publisher, numbers } of followers) {
    const { restoreName } = derived;
    if (!restoreName) continue;
    try {
      const standing = await publisher.standing(signal);
      if (standing)
        records = withValues(records, [
          ...restored(fromLevels(standing.levels, numbers), { restoreName, domain }),
        ]);
    } catch {
      signal.throwIfAborted();
    }
  }
  return records;
}

function* restored(
  records: RecordSet,
  {
    restoreName,
    domain,
  }: { readonly restoreName: (name: string) => string | undefined; readonly domain: string },
): Generator<RecordValue> {
  for (const type of RECORD_SET_TYPES) {
    for (const [published, values] of records[type]) {
      const name = restoreName(published);
      if (name === undefined || name.endsWith(`.${domain}.`)) continue;
      for (const value of values) {
        const target = type === 'SRV' ? srvTarget(value) : '';
        yield {
          type,
          name,
          value: target === '' ? value : (restoreName(target) ?? target) + value.slice(target.length),
        };
      }
    }
  }
}
