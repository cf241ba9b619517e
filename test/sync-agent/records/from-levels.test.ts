import { describe, expect, it } from 'vitest';
import { fromLevels } from '../../../sync-agent/records/from-levels.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { toZoneContent } from '../../../sync-agent/records/rrsets.ts';
import { parseName } from '../../../zone/name.ts';
import { encodeEntries, type EntryTable, tableChanges } from '../../../zone/entries.ts';
import type { Levels } from '../../../zone/levels.ts';
import { cutSnapshot, type Limits, planSnapshot } from '../../../zone/plan.ts';
import { plain } from '../states.ts';

const ORIGIN = parseName('mesos');
const SEED = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
const LIMITS: Limits = { overlayOctets: 2000, runOctets: 4000, shardOctets: 1500 };

describe('published levels', () => {
  it('read back as the records they were made of, whichever level has them', async () => {
    const seen = { overlay: 0, run: 0, shards: 0 };
    let levels: Levels | undefined;
    for (let round = 0; round < 14; round++) {
      const records = recordsFrom(round * 9, round * 9 + (round < 8 ? 40 : 15));
      levels = await nextLevels(levels, entriesOf(records), round + 1);
      if (levels.overlay) seen.overlay++;
      if (levels.run) seen.run++;
      if (levels.shards.length > 0) seen.shards++;
      const back = plain(fromLevels(levels));
      expect(sorted(back)).toEqual(sorted(plain(records)));
    }
    expect(Object.values(seen).every((count) => count > 0)).toBe(true);
  });

  it('without a record are no records: empty non-terminals are none', async () => {
    const { levels } = await cutSnapshot(entriesOf(setOf({ A: { 'a.b.mesos.': ['agent-1'] } })), {
      seed: SEED,
      serial: 1,
    });
    expect(plain(fromLevels(levels))).toEqual({ A: {}, AAAA: {}, SRV: {} });
  });

  it('leave out what was removed', async () => {
    const { levels } = await cutSnapshot(entriesOf(recordsFrom(0, 3)), { seed: SEED, serial: 1 });
    const less = await planSnapshot(levels, tableChanges(levels, entriesOf(recordsFrom(2, 3))), {
      serial: 2,
    });
    expect([...fromLevels(less.levels).A.keys()]).toEqual(['n2.mesos.']);
  });
});

async function nextLevels(levels: Levels | undefined, next: EntryTable, serial: number): Promise<Levels> {
  if (!levels) return (await cutSnapshot(next, { seed: SEED, serial, limits: LIMITS })).levels;
  const plan = await planSnapshot(levels, tableChanges(levels, next), { serial, limits: LIMITS });
  if (!plan.wantsCut) return plan.levels;
  return (await cutSnapshot(plan.levels, { seed: SEED, serial, limits: LIMITS })).levels;
}

/** Records of the names n`from` up to n`to`, each of every type. */
function recordsFrom(from: number, to: number): RecordSet {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  // Some names lack one type or another.
  const each = (values: (i: number) => string[], without: number): Record<string, string[]> =>
    Object.fromEntries(numbers.filter((i) => i % 4 !== without).map((i) => [`n${i}.mesos.`, values(i)]));
  return setOf({
    A: each((i) => [`10.0.0.${i % 256}`, `10.1.0.${i % 256}`], 1),
    AAAA: each((i) => [`2001:db8::${(i + 1).toString(16)}`], 0),
    SRV: each((i) => [`n${i}.mesos.:${i}`], 3),
  });
}

function setOf(records: Partial<Record<keyof RecordSet, Record<string, string[]>>>): RecordSet {
  const map = (names: Record<string, string[]> = {}): Map<string, string[]> => new Map(Object.entries(names));
  return { A: map(records.A), AAAA: map(records.AAAA), SRV: map(records.SRV), MORE: new Map() };
}

function entriesOf(records: RecordSet): EntryTable {
  const content = toZoneContent(records, { origin: ORIGIN, ttl: 60, srvWeight: 1, sources: 1 }, () =>
    expect.unreachable(),
  );
  // An address that is none is left out without a report.
  return encodeEntries(content, { origin: ORIGIN, seed: SEED });
}

function sorted(records: ReturnType<typeof plain>): unknown {
  return Object.entries(records).map(([type, names]) => [
    type,
    Object.entries(names)
      .map(([name, values]) => [name, values.toSorted()])
      .toSorted(),
  ]);
}
